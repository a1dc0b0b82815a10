//! Who may ask us for something: source network first, then password. Decides, and sends nothing.

use super::auth::{Answers, Guard, Hashes, Verdict};
use super::bouncer::Bouncer;
use super::flow::{Flow, TrunkId};
use super::message::Request;
use super::registrar::AccountId;
use super::settings::{Account, Trunk};
use super::source::Source;
use super::uri::{NameAddr, Uri};
use crate::cidr::Cidr;
use crate::engine::id::AgentId;
use crate::engine::time::Monotonic;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// It came from this trunk: from its network, or to where we are registered with it.
    Trunk(TrunkId),
    /// It was authenticated.
    Account(AccountId),
    /// 401.
    Challenge {
        /// The password was right, the nonce used up.
        stale: bool,
    },
    /// 403: unknown user, wrong password, somebody else's name. Always the same words.
    Forbidden,
}

/// What was refused, counted from the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Refused {
    /// Requests of strangers that came too fast, and got no answer.
    pub too_many: u64,
    /// Requests of strangers that got no answer because it would have been so much larger.
    pub too_small: u64,
    /// Wrong passwords, unknown users, and whoever is banned for them.
    pub password: u64,
    /// Right passwords under somebody else's name.
    pub identity: u64,
}

/// The accounts and networks, and the checks on them.
pub struct Gate {
    guard: Guard,
    /// Who has asked too often, or guessed.
    pub bouncer: Bouncer,
    /// What it came to.
    pub refused: Refused,
    trunks: Vec<Trunk>,
    doors: BTreeMap<TrunkId, Door>,
    proxies: Vec<Cidr>,
    accounts: Vec<Known>,
    by_name: BTreeMap<String, AccountId>,
    of_agent: BTreeMap<AgentId, AccountId>,
}

/// How calls come in by a trunk where we are registered: whoever the carrier sends them from, they are for our Contact.
#[derive(Default)]
struct Door {
    /// The user part of our Contact there; empty where we do not register.
    user: String,
    /// Whether only the trunk can know it.
    is_secret: bool,
    /// Its servers.
    servers: Vec<IpAddr>,
}

struct Known {
    name: String,
    /// `None`: no password, so no proof of being this one.
    hashes: Option<Hashes>,
    agent: Option<AgentId>,
}

impl Gate {
    /// Hashes the passwords once; they are not kept.
    pub fn new(
        guard: Guard,
        bouncer: Bouncer,
        realm: &str,
        trunks: Vec<Trunk>,
        accounts: &[Account],
    ) -> Self {
        let mut gate = Self {
            guard,
            bouncer,
            refused: Refused::default(),
            trunks,
            doors: BTreeMap::new(),
            proxies: Vec::new(),
            accounts: Vec::new(),
            by_name: BTreeMap::new(),
            of_agent: BTreeMap::new(),
        };
        gate.know(realm, accounts);
        gate
    }

    /// Other accounts from now on, in the places of the old ones. Nonces given out stay good.
    pub fn know(&mut self, realm: &str, accounts: &[Account]) {
        self.accounts.clear();
        self.by_name.clear();
        self.of_agent.clear();
        for (index, account) in accounts.iter().enumerate() {
            let hashes =
                account.password.as_ref().map(|password| Hashes::new(&account.name, realm, password));
            self.accounts.push(Known { name: account.name.clone(), hashes, agent: account.agent });
            // One that is gone keeps its place and has no name.
            if !account.name.is_empty() {
                self.by_name.insert(account.name.clone(), AccountId(index));
            }
            if let Some(agent) = account.agent {
                self.of_agent.insert(agent, AccountId(index));
            }
        }
    }

    /// Other trunks from now on.
    pub fn trust(&mut self, trunks: Vec<Trunk>) {
        self.trunks = trunks;
    }

    /// We register at this trunk, with this user part in our Contact. Where only the trunk can know it, whoever calls it is
    /// the trunk.
    pub fn open_door(&mut self, trunk: TrunkId, user: &str, is_secret: bool) {
        let door = self.doors.entry(trunk).or_default();
        (door.user, door.is_secret) = (user.to_owned(), is_secret);
    }

    /// Where a trunk's servers are.
    pub fn found(&mut self, trunk: TrunkId, servers: Vec<IpAddr>) {
        self.doors.entry(trunk).or_default().servers = servers;
    }

    /// Phones come by these proxies of our own from now on. They prove nothing: whoever comes by one still needs a
    /// password, unless it is a trunk's address too.
    pub fn let_through(&mut self, proxies: Vec<Cidr>) {
        self.proxies = proxies;
    }

    /// Whether the address is a proxy of our own.
    pub fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(address))
    }

    /// Whether a peer at `from` may have us send requests of its dialogs to `to`: a trunk to a trunk's address, a proxy
    /// to a proxy's.
    pub fn may_lead(&self, from: IpAddr, to: IpAddr) -> bool {
        (self.is_trunk(from) && self.is_trunk(to)) || (self.is_proxy(from) && self.is_proxy(to))
    }

    /// Whether the address is a trunk's.
    pub fn is_trunk(&self, address: IpAddr) -> bool {
        self.trunk_at(address).is_some() || self.doors.values().any(|door| door.servers.contains(&address))
    }

    /// The trunk that an INVITE comes by, if it does: the one at which the Contact is registered that it is for, else the
    /// first that has the address.
    pub fn trunk_of(&self, request: &Request, from: &Flow) -> Option<TrunkId> {
        self.registered_with(request, from).or_else(|| self.trunk_at(from.remote.ip()))
    }

    fn registered_with(&self, request: &Request, from: &Flow) -> Option<TrunkId> {
        if self.doors.values().all(|door| door.user.is_empty()) {
            return None;
        }
        let uri: Uri = request.uri.parse().ok()?;
        let user = uri.user.filter(|user| !user.is_empty())?;
        let opens =
            |door: &Door| door.user == user && (door.is_secret || door.servers.contains(&from.remote.ip()));
        self.doors.iter().find(|(_, door)| opens(door)).map(|(trunk, _)| *trunk)
    }

    fn trunk_at(&self, address: IpAddr) -> Option<TrunkId> {
        let has = |trunk: &Trunk| trunk.addresses.iter().any(|network| network.contains(address));
        self.trunks.iter().position(has).map(TrunkId)
    }

    /// Whose account it is.
    pub fn agent_of(&self, account: AccountId) -> Option<AgentId> {
        self.accounts.get(account.0)?.agent
    }

    /// The account's name.
    pub fn name_of(&self, account: AccountId) -> &str {
        self.accounts.get(account.0).map_or("", |known| known.name.as_str())
    }

    /// The agent's account.
    pub fn account_of(&self, agent: AgentId) -> Option<AccountId> {
        self.of_agent.get(&agent).copied()
    }

    /// The values of `WWW-Authenticate`, for whoever is at this address.
    pub fn challenges(&mut self, now: Monotonic, address: IpAddr, stale: bool) -> Vec<String> {
        self.guard.challenges(now, Source::of(address), stale)
    }

    /// Judges an INVITE. From a trunk no password is asked, unless the sender bears an account's
    /// name or a password: a phone that stands in the trunk's network is a phone all the same.
    pub fn admit_call(&mut self, now: Monotonic, request: &Request, flow: &Flow) -> Admission {
        let from = user_of(request, "From");
        let named = from.as_deref().is_some_and(|user| self.by_name.contains_key(user));
        let credentials = request.headers.first("Authorization").is_some();
        if !named
            && !credentials
            && let Some(trunk) = self.trunk_of(request, flow)
        {
            return Admission::Trunk(trunk);
        }
        self.authenticate(now, request, flow, "From")
    }

    /// Judges a REGISTER: always by password, and only for the user's own address of record.
    pub fn admit_registration(&mut self, now: Monotonic, request: &Request, flow: &Flow) -> Admission {
        if user_of(request, "From") != user_of(request, "To")
            && request.headers.first("Authorization").is_some()
        {
            // Third-party registration (RFC 3261 §10.2) is nobody's right here.
            self.refused.identity += 1;
            return Admission::Forbidden;
        }
        self.authenticate(now, request, flow, "To")
    }

    /// Whether a request answers a challenge of ours.
    pub fn answers(&self, request: &Request, flow: &Flow) -> Answers {
        self.guard.answers(Source::of(flow.remote.ip()), request.headers.all("Authorization"))
    }

    /// Whether a stranger's request is looked at now; counted, if not.
    pub fn may_ask(&mut self, now: Monotonic, flow: &Flow) -> bool {
        // Many phones speak by a proxy of our own, which can limit them better than we.
        let may = self.is_proxy(flow.remote.ip()) || self.bouncer.may_ask(now, flow.remote.ip());
        self.refused.too_many += u64::from(!may);
        may
    }

    fn authenticate(&mut self, now: Monotonic, request: &Request, flow: &Flow, identity: &str) -> Admission {
        let from = flow.remote.ip();
        let authorization = request.headers.all("Authorization");
        if self.bouncer.is_banned(now, from) && self.answers(request, flow) == Answers::Ours {
            self.refused.password += 1;
            return Admission::Forbidden;
        }
        let Self { guard, accounts, by_name, .. } = self;
        let hashes = |name: &str| {
            by_name.get(name).and_then(|id| accounts.get(id.0)).and_then(|known| known.hashes.as_ref())
        };
        let asked = (request.method.as_str(), request.uri.as_str());
        match guard.check(now, Source::of(from), asked, authorization, hashes) {
            Verdict::Accepted { username } if user_of(request, identity).as_ref() == Some(&username) => {
                self.bouncer.proved(now, from);
                self.by_name.get(&username).map_or(Admission::Forbidden, |id| Admission::Account(*id))
            }
            Verdict::Accepted { .. } => {
                self.refused.identity += 1;
                Admission::Forbidden
            }
            Verdict::Wrong => {
                self.refused.password += 1;
                // A trunk's calls need no password, so they go on though somebody there guesses at ours.
                let may_shut_out = !self.is_trunk(from);
                // Nor is a proxy's address that of whoever guesses behind it.
                if !self.is_proxy(from) {
                    self.bouncer.guessed(now, from, may_shut_out);
                }
                Admission::Forbidden
            }
            Verdict::Missing => Admission::Challenge { stale: false },
            Verdict::Stale => Admission::Challenge { stale: true },
        }
    }
}

/// The user part of From or To.
fn user_of(request: &Request, header: &str) -> Option<String> {
    let address: NameAddr = request.headers.first(header)?.parse().ok()?;
    let Uri { user, .. } = address.uri;
    user
}
