//! Where the accounts' phones are (RFC 3261 §10.3): contacts, their expiry and whether they live.
//! Pure: it judges a REGISTER that was authenticated elsewhere, and sends nothing itself.

mod binding;
mod liveness;
mod register;
mod standing;
mod way;

pub use binding::{Binding, Contact, FlowOfPhone};
pub use register::{RegisterError, Registered};
pub use way::PhoneWay;

use super::flow::Flow;
use super::uri::Uri;
use crate::engine::time::Monotonic;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// An account: its index in [`SipSettings::accounts`](super::settings::SipSettings::accounts).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AccountId(pub usize);

/// One contact of one account, never reused: a late answer to a probe can't hit another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BindingId(pub u64);

/// What the registrar goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegistrarRules {
    /// Contacts of one account at once; each flow of a phone is one.
    pub contacts_max: usize,
    /// A REGISTER for less gets 423 with Min-Expires.
    pub expires_min: Duration,
    /// A REGISTER for more gets this.
    pub expires_max: Duration,
    /// For a REGISTER that names no time.
    pub expires_default: Duration,
    /// How often each contact gets an OPTIONS; `None`: never, and static contacts count as alive.
    pub probe_every: Option<Duration>,
    /// How long a contact has to answer it.
    pub probe_timeout: Duration,
    /// Unanswered probes in a row after which a contact counts as unreachable.
    pub probe_misses_max: u8,
}

impl Default for RegistrarRules {
    fn default() -> Self {
        Self {
            contacts_max: 8,
            expires_min: Duration::from_secs(30),
            expires_max: Duration::from_secs(3600),
            expires_default: Duration::from_secs(300),
            probe_every: Some(Duration::from_secs(30)),
            probe_timeout: Duration::from_secs(4),
            probe_misses_max: 2,
        }
    }
}

/// All contacts of all accounts.
pub struct Registrar {
    rules: RegistrarRules,
    bindings: BTreeMap<BindingId, Binding>,
    of_account: BTreeMap<AccountId, BTreeSet<BindingId>>,
    due: BTreeSet<(Monotonic, BindingId)>,
    next: u64,
    /// Accounts whose reachability may have changed since [`Registrar::changes`] was asked last.
    touched: BTreeSet<AccountId>,
    reachable: BTreeSet<AccountId>,
    /// Contacts from the configuration before the first tick: only that knows the time.
    fresh: Vec<BindingId>,
}

impl Registrar {
    /// Nobody is registered.
    pub fn new(rules: RegistrarRules) -> Self {
        Self {
            rules,
            bindings: BTreeMap::new(),
            of_account: BTreeMap::new(),
            due: BTreeSet::new(),
            next: 0,
            touched: BTreeSet::new(),
            reachable: BTreeSet::new(),
            fresh: Vec::new(),
        }
    }

    /// A contact from the configuration: it never expires, and counts as alive until it misses its probes, the
    /// first of which comes a whole interval after the first tick.
    pub fn add_static(&mut self, account: AccountId, uri: String, flow: Flow) {
        let id = self.insert(Binding::new(account, uri, PhoneWay::direct(flow), None));
        self.fresh.push(id);
    }

    /// The account's contact from the configuration is gone.
    pub fn forget_static(&mut self, account: AccountId) {
        self.forget(account, |binding| binding.made_by.is_none());
    }

    /// Whatever registered for the account may not any more.
    pub fn forget_registered(&mut self, account: AccountId) {
        self.forget(account, |binding| binding.made_by.is_some());
    }

    fn forget(&mut self, account: AccountId, which: impl Fn(&Binding) -> bool) {
        let gone: Vec<_> =
            self.bindings_of(account).filter(|(_, binding)| which(binding)).map(|(id, _)| *id).collect();
        for id in gone {
            self.remove(id);
        }
    }

    /// The account is somebody else's now: if it can be reached, [`changes`](Self::changes) says so again.
    pub fn tell_anew(&mut self, account: AccountId) {
        self.reachable.remove(&account);
        self.touched.insert(account);
    }

    /// The contacts to ring, the preferred ones first (RFC 3261 §20.10 `q`). Each phone is there once, by the flow that
    /// was heard of last (RFC 5626 §5.3).
    pub fn live_contacts(&self, account: AccountId) -> Vec<Contact> {
        let mut live: Vec<_> = self.bindings_of(account).filter(|(_, binding)| binding.alive).collect();
        live.sort_by_key(|(id, binding)| (std::cmp::Reverse(binding.q_thousandths), **id));
        let mut phones: Vec<Vec<(&BindingId, &Binding)>> = Vec::new();
        for (id, binding) in live {
            let is_same =
                |phone: &&mut Vec<(_, &Binding)>| phone.iter().any(|(_, other)| other.is_same_phone(binding));
            match phones.iter_mut().find(is_same) {
                Some(phone) => phone.push((id, binding)),
                None => phones.push(vec![(id, binding)]),
            }
        }
        let contact = |mut flows: Vec<(&BindingId, &Binding)>| {
            flows.sort_by_key(|(_, binding)| std::cmp::Reverse(binding.seen));
            let mut flows = flows.into_iter().map(|(id, binding)| binding.contact(*id));
            let first = flows.next()?;
            Some(Contact { others: flows.collect(), ..first })
        };
        phones.into_iter().filter_map(contact).collect()
    }

    /// Whether the account has a contact to ring.
    pub fn is_reachable(&self, account: AccountId) -> bool {
        self.bindings_of(account).any(|(_, binding)| binding.alive)
    }

    /// How many contacts are known.
    pub fn len(&self) -> usize {
        self.bindings.len()
    }

    /// Whether no contact is known.
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }

    /// The accounts that became reachable or unreachable since this was asked last.
    pub fn changes(&mut self) -> Vec<(AccountId, bool)> {
        let mut changes = Vec::new();
        for account in std::mem::take(&mut self.touched) {
            let now = self.is_reachable(account);
            let changed = if now { self.reachable.insert(account) } else { self.reachable.remove(&account) };
            if changed {
                changes.push((account, now));
            }
        }
        changes
    }

    /// When [`Registrar::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        if !self.touched.is_empty() {
            return Some(Monotonic(0));
        }
        self.due.first().map(|(due, _)| *due)
    }

    /// The connection is gone: contacts behind it can't be called any more (RFC 5626 §4.2.2).
    pub fn flow_failed(&mut self, now: Monotonic, flow: &Flow) {
        if flow.connection.is_none() {
            return;
        }
        let lost: Vec<_> =
            self.bindings.iter().filter(|(_, binding)| binding.flow == *flow).map(|(id, _)| *id).collect();
        for id in lost {
            let fixed = self.bindings.get(&id).is_some_and(|binding| binding.expires_at.is_none());
            if fixed { self.missed_for_good(now, id) } else { self.remove(id) }
        }
    }

    /// The phone that has come by this flow, if it says which it is (`+sip.instance`, RFC 5626 §4.1).
    pub fn phone_at(&self, flow: &Flow) -> Option<String> {
        let binding = self.bindings.values().find(|binding| binding.flow == *flow)?;
        Some(binding.outbound.as_ref()?.instance.clone())
    }

    /// The ways to one phone of an account, the one that was heard of last first: the phone that calls itself `target`, or
    /// is this one (`+sip.instance`), or has the same name at the same host and has only connected anew by another port.
    pub fn ways_to(&self, account: AccountId, target: &Uri, instance: Option<&str>) -> Vec<Flow> {
        let is_same = |binding: &Binding| {
            let known = binding.outbound.as_ref().map(|it| it.instance.as_str());
            let is_at = |uri: Uri| (&uri.user, &uri.host) == (&target.user, &target.host);
            (known.is_some() && known == instance)
                || binding.is_at(target)
                || (known.is_none() && binding.uri.parse().is_ok_and(is_at))
        };
        let phones = self.bindings_of(account).map(|(_, binding)| binding);
        let mut same: Vec<_> = phones.filter(|binding| is_same(binding) && binding.path.is_empty()).collect();
        same.sort_by_key(|binding| std::cmp::Reverse((binding.alive, binding.seen)));
        same.into_iter().map(|binding| binding.flow).collect()
    }

    fn bindings_of(&self, account: AccountId) -> impl Iterator<Item = (&BindingId, &Binding)> {
        let ids = self.of_account.get(&account).into_iter().flatten();
        ids.filter_map(|id| self.bindings.get_key_value(id))
    }

    fn insert(&mut self, binding: Binding) -> BindingId {
        let id = BindingId(self.next);
        self.next += 1;
        if let Some(due) = binding.due() {
            self.due.insert((due, id));
        }
        self.touched.insert(binding.account);
        self.of_account.entry(binding.account).or_default().insert(id);
        self.bindings.insert(id, binding);
        id
    }

    fn remove(&mut self, id: BindingId) {
        let Some(binding) = self.bindings.remove(&id) else { return };
        if let Some(due) = binding.due() {
            self.due.remove(&(due, id));
        }
        self.touched.insert(binding.account);
        if let Some(ids) = self.of_account.get_mut(&binding.account) {
            ids.remove(&id);
            if ids.is_empty() {
                self.of_account.remove(&binding.account);
            }
        }
    }

    /// Changes a binding and keeps its deadline in order.
    fn change(&mut self, id: BindingId, change: impl FnOnce(&mut Binding)) {
        let Some(binding) = self.bindings.get_mut(&id) else { return };
        let before = binding.due();
        change(binding);
        let after = binding.due();
        self.touched.insert(binding.account);
        if before != after {
            if let Some(due) = before {
                self.due.remove(&(due, id));
            }
            if let Some(due) = after {
                self.due.insert((due, id));
            }
        }
    }
}

#[cfg(test)]
mod tests;
