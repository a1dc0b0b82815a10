//! One REGISTER, judged as a whole before anything changes (RFC 3261 §10.3 steps 6 to 8).

use super::binding::MadeBy;
use super::{AccountId, Binding, BindingId, FlowOfPhone, PhoneWay, Registrar};
use crate::engine::time::Monotonic;
use crate::sip::dialog::cseq;
use crate::sip::message::Headers;
use crate::sip::uri::NameAddr;
use std::time::Duration;

/// The longest Contact value that is kept, in bytes.
const URI_LENGTH_MAX_BYTES: usize = 512;

/// Why a REGISTER changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegisterError {
    /// 400: contacts that can't be read, or `*` with something else than `Expires: 0`.
    #[error("malformed Contact or Expires")]
    Malformed,
    /// 423 with this Min-Expires (RFC 3261 §10.3 step 7).
    #[error("the interval is below {0:?}")]
    TooBrief(Duration),
    /// 500: overtaken by a later REGISTER of the same Call-ID.
    #[error("out of order")]
    OutOfOrder,
    /// 403: more contacts than one account may have.
    #[error("too many contacts")]
    TooMany,
}

/// What a REGISTER left behind: the Contact values of the 200.
pub type Registered = Vec<String>;

struct Wanted {
    contact: NameAddr,
    outbound: Option<FlowOfPhone>,
    expires: Duration,
    q_thousandths: u16,
}

impl Registrar {
    /// Carries out the REGISTER of an authenticated account.
    ///
    /// # Errors
    /// Nothing is changed then.
    pub fn register(
        &mut self,
        now: Monotonic,
        account: AccountId,
        headers: &Headers,
        way: &PhoneWay,
    ) -> Result<Registered, RegisterError> {
        let number = cseq(headers).map_err(|_| RegisterError::Malformed)?.number;
        let call_id = headers.first("Call-ID").ok_or(RegisterError::Malformed)?.to_owned();
        let made_by = MadeBy { call_id, cseq: number };
        if headers.values("Contact").any(|value| value == "*") {
            self.remove_all(account, headers, &made_by)?;
        } else {
            let wanted = self.wanted(headers, way)?;
            self.check(account, &wanted, &made_by)?;
            for wish in wanted {
                self.bind(now, account, wish, way, &made_by);
            }
        }
        Ok(self.listing(now, account))
    }

    fn wanted(&self, headers: &Headers, way: &PhoneWay) -> Result<Vec<Wanted>, RegisterError> {
        let general = match headers.first("Expires") {
            // RFC 3261 §10.2.1.1: what can't be read counts as the default.
            Some(value) => value.parse().map_or(self.rules.expires_default, Duration::from_secs),
            None => self.rules.expires_default,
        };
        let mut wanted = Vec::new();
        for value in headers.values("Contact") {
            if wanted.len() > self.rules.contacts_max {
                return Err(RegisterError::TooMany);
            }
            let contact: NameAddr = value.parse().map_err(|_| RegisterError::Malformed)?;
            if !contact.uri.is_sip() || value.len() > URI_LENGTH_MAX_BYTES {
                return Err(RegisterError::Malformed);
            }
            let own = contact.params.value("expires").and_then(|value| value.parse().ok());
            let expires = own.map_or(general, Duration::from_secs);
            if !expires.is_zero() && expires < self.rules.expires_min {
                return Err(RegisterError::TooBrief(self.rules.expires_min));
            }
            let q_thousandths = contact.params.value("q").map_or(1000, thousandths);
            let outbound = flow_of_phone(&contact).filter(|_| way.is_outbound);
            let expires = expires.min(self.rules.expires_max);
            wanted.push(Wanted { contact, outbound, expires, q_thousandths });
        }
        Ok(wanted)
    }

    fn check(&self, account: AccountId, wanted: &[Wanted], by: &MadeBy) -> Result<(), RegisterError> {
        // Dead contacts make room: a phone that comes back by another port must not be locked out.
        let mut count = self.bindings_of(account).filter(|(_, it)| it.alive || it.made_by.is_none()).count();
        for wish in wanted {
            let known = self.find(account, wish);
            if known.is_some_and(|(_, binding)| is_overtaken(binding, by)) {
                return Err(RegisterError::OutOfOrder);
            }
            if wish.expires.is_zero() {
                // What the same REGISTER takes away makes room for what it adds.
                let freed = known.is_some_and(|(_, it)| it.alive && it.made_by.is_some());
                count = count.saturating_sub(usize::from(freed));
            } else {
                count += usize::from(known.is_none());
            }
        }
        if count > self.rules.contacts_max { Err(RegisterError::TooMany) } else { Ok(()) }
    }

    fn bind(&mut self, now: Monotonic, account: AccountId, wish: Wanted, way: &PhoneWay, by: &MadeBy) {
        let known = self.find(account, &wish).map(|(id, _)| id);
        if wish.expires.is_zero() {
            // A contact from the configuration is not the phone's to remove.
            let removable = known.filter(|id| self.bindings.get(id).is_some_and(|it| it.made_by.is_some()));
            removable.into_iter().for_each(|id| self.remove(id));
            return;
        }
        let mut uri = wish.contact.uri.clone();
        uri.headers.clear();
        let id = known.unwrap_or_else(|| {
            self.make_room(account);
            self.insert(Binding::new(account, uri.to_string(), way.clone(), Some(by.clone())))
        });
        let every = self.rules.probe_every;
        self.change(id, |binding| {
            binding.flow = way.flow;
            binding.path.clone_from(&way.path);
            binding.q_thousandths = wish.q_thousandths;
            // It has just spoken to us.
            binding.seen = now;
            binding.alive = true;
            binding.misses = 0;
            binding.answer_by = None;
            binding.probe_at = every.map(|every| now + every);
            if binding.made_by.is_some() {
                binding.uri = uri.to_string();
                binding.outbound = wish.outbound;
                binding.made_by = Some(by.clone());
                binding.expires_at = Some(now + wish.expires);
            }
        });
    }

    fn make_room(&mut self, account: AccountId) {
        while self.bindings_of(account).count() >= self.rules.contacts_max {
            let dead = self.bindings_of(account).find(|(_, it)| !it.alive && it.made_by.is_some());
            let Some(id) = dead.map(|(id, _)| *id) else { break };
            self.remove(id);
        }
    }

    fn remove_all(
        &mut self,
        account: AccountId,
        headers: &Headers,
        by: &MadeBy,
    ) -> Result<(), RegisterError> {
        let alone = headers.values("Contact").count() == 1;
        if !alone || headers.first("Expires").map(str::trim) != Some("0") {
            return Err(RegisterError::Malformed);
        }
        if self.bindings_of(account).any(|(_, binding)| is_overtaken(binding, by)) {
            return Err(RegisterError::OutOfOrder);
        }
        let registered = self.bindings_of(account).filter(|(_, binding)| binding.made_by.is_some());
        let gone: Vec<BindingId> = registered.map(|(id, _)| *id).collect();
        gone.into_iter().for_each(|id| self.remove(id));
        Ok(())
    }

    /// The contact that is meant: the same flow of the same phone (RFC 5626 §6), or else the same address.
    fn find(&self, account: AccountId, wish: &Wanted) -> Option<(BindingId, &Binding)> {
        let is_meant = |binding: &Binding| match &wish.outbound {
            Some(outbound) => binding.outbound.as_ref() == Some(outbound),
            None => binding.outbound.is_none() && binding.is_at(&wish.contact.uri),
        };
        self.bindings_of(account).find(|(_, binding)| is_meant(binding)).map(|(id, it)| (*id, it))
    }

    fn listing(&self, now: Monotonic, account: AccountId) -> Registered {
        self.bindings_of(account).filter_map(|(_, binding)| binding.listed(now)).collect()
    }
}

/// RFC 5626 §6: a `reg-id` without an instance is nothing, nor is an instance without one.
fn flow_of_phone(contact: &NameAddr) -> Option<FlowOfPhone> {
    let instance = contact.params.value("+sip.instance")?.to_owned();
    let reg_id = contact.params.value("reg-id")?.parse().ok().filter(|it| *it > 0)?;
    Some(FlowOfPhone { instance, reg_id })
}

fn is_overtaken(binding: &Binding, by: &MadeBy) -> bool {
    binding.made_by.as_ref().is_some_and(|last| last.call_id == by.call_id && last.cseq >= by.cseq)
}

/// `0.7` as 700; what can't be read is taken for 1.
fn thousandths(q: &str) -> u16 {
    let (whole, part) = q.split_once('.').unwrap_or((q, ""));
    if whole.trim_start_matches('0').is_empty() {
        let mut digits = part.chars().chain("000".chars()).map(|c| c.to_digit(10).unwrap_or(0));
        (0..3).fold(0, |sum, _| sum * 10 + u16::try_from(digits.next().unwrap_or(0)).unwrap_or(0))
    } else {
        1000
    }
}
