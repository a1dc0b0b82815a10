//! The servers and registrations of all trunks, and when something is due with them. It says what is to be sent, and sends
//! nothing.

use super::gateway::{Gateway, GatewayDue, GatewayId};
use super::order::{Rank, order};
use super::registration::{Ask, NotRegistered, Registration, Then};
use super::settings::Trunk;
use crate::engine::time::Monotonic;
use crate::sip::dialling::{Dialable, NotDialled};
use crate::sip::flow::{Flow, TrunkId};
use crate::sip::message::Response;
use crate::sip::tokens::Tokens;
use std::collections::VecDeque;
use std::time::Duration;

/// More ways than this are not tried for one call: nobody waits that long.
const WAYS_MAX: usize = 16;

/// A server that was found, and the way to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// The way.
    pub flow: Flow,
    /// Its place among the trunk's servers.
    pub rank: Rank,
}

/// A way by which a number can be called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Way {
    /// Through whom.
    pub trunk: TrunkId,
    /// By which of its servers.
    pub gateway: GatewayId,
    /// The way there.
    pub flow: Flow,
}

/// What is to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Errand {
    /// An OPTIONS to this server.
    Probe(Way),
    /// A REGISTER.
    Register(Way, Ask),
}

/// What an operator should know of a trunk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// One of its servers answers again, or none does any more.
    Up(bool),
    /// We are registered, after we were not.
    Registered,
    /// We are not; told once until we are.
    NotRegistered(NotRegistered),
}

/// How a trunk stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TrunkPicture {
    /// Whether a server of it is believed to live; `None`: none of its servers is called by us.
    pub up: Option<bool>,
    /// Whether we are registered there; `None`: we never want to be.
    pub registered: Option<bool>,
}

#[derive(Debug, Default)]
struct State {
    is_called: bool,
    every: Option<Duration>,
    gateways: Vec<Gateway>,
    desk: Option<Desk>,
    /// What was told of it last.
    told_up: Option<bool>,
}

/// Where we register.
#[derive(Debug)]
struct Desk {
    registration: Registration,
    /// The Request-URI of its REGISTERs.
    uri: String,
    /// The user part of our Contact.
    user: String,
    /// Whether it is in the log that we are not registered.
    is_told: bool,
}

/// All trunks.
pub struct Trunks {
    states: Vec<State>,
    next_gateway: u64,
    deadline: Option<Monotonic>,
    lots: Tokens,
    news: Vec<(TrunkId, News)>,
}

impl Trunks {
    /// No server is known yet. Chance and secrets come from `seed`.
    pub fn new(trunks: &[Trunk], seed: u64) -> Self {
        let mut all = Self {
            states: Vec::new(),
            next_gateway: 0,
            deadline: None,
            lots: Tokens::new(seed),
            news: Vec::new(),
        };
        all.follow(trunks);
        all
    }

    /// More trunks came behind those that are known.
    pub fn follow(&mut self, trunks: &[Trunk]) {
        for trunk in trunks.iter().skip(self.states.len()) {
            let route = trunk.route.as_ref();
            let desk = route.and_then(|route| {
                let (rules, login) = (route.registration.as_ref()?, route.login.clone()?);
                let secret = || self.lots.token_for(&trunk.name);
                let user = rules.contact_user.clone().unwrap_or_else(secret);
                let registration = Registration::new(rules, login, &mut self.lots);
                Some(Desk { registration, uri: format!("sip:{}", route.host), user, is_told: false })
            });
            let every = route.and_then(|route| route.probe_every);
            self.states.push(State { is_called: route.is_some(), every, desk, ..State::default() });
        }
    }

    /// The servers of a trunk are these from now on; what is known of those that stay stays.
    pub fn found(&mut self, now: Monotonic, trunk: TrunkId, found: &[Found]) {
        let Some(state) = self.states.get_mut(trunk.0) else { return };
        let mut known = std::mem::take(&mut state.gateways);
        for one in found {
            let before = known.iter().position(|gateway| gateway.flow == one.flow);
            let gateway = match before {
                Some(at) => known.swap_remove(at).ranked(one.rank),
                None => {
                    self.next_gateway += 1;
                    Gateway::new(GatewayId(self.next_gateway), one.flow, one.rank, state.every)
                }
            };
            state.gateways.push(gateway);
        }
        if let Some(desk) = state.desk.as_mut().filter(|_| !state.gateways.is_empty()) {
            desk.registration.placed(now);
        }
        self.settle(trunk);
    }

    /// The user part of our Contact at a trunk where we register.
    pub fn contact_user(&self, trunk: TrunkId) -> Option<&str> {
        Some(&self.states.get(trunk.0)?.desk.as_ref()?.user)
    }

    /// The ways by which a number may be called, in the order in which they are tried. Whoever is believed to be dead comes
    /// last, for that may be an error.
    ///
    /// # Errors
    /// When there is none, and why.
    pub fn ways(&mut self, trunks: &[Trunk], number: &Dialable) -> Result<VecDeque<Way>, NotDialled> {
        let called: Vec<_> = trunks.iter().enumerate().filter(|(_, trunk)| trunk.route.is_some()).collect();
        if called.is_empty() {
            return Err(NotDialled::NoTrunk);
        }
        let carrying: Vec<_> = called.into_iter().filter(|(_, trunk)| trunk.carries(number)).collect();
        if carrying.is_empty() {
            return Err(NotDialled::NotCarried);
        }
        let ranks: Vec<_> = carrying.iter().map(|(_, trunk)| trunk.rank).collect();
        let (mut alive, mut dead) = (VecDeque::new(), Vec::new());
        for at in order(&ranks, |most| self.lots.draw(most)) {
            let Some(trunk) = carrying.get(at).map(|(trunk, _)| TrunkId(*trunk)) else { continue };
            for (way, is_up) in self.ways_of(trunk) {
                if is_up { alive.push_back(way) } else { dead.push(way) }
            }
        }
        alive.extend(dead);
        alive.truncate(WAYS_MAX);
        if alive.is_empty() { Err(NotDialled::NoAddress) } else { Ok(alive) }
    }

    /// The servers of a trunk in the order in which they are tried, and whether they live.
    fn ways_of(&mut self, trunk: TrunkId) -> Vec<(Way, bool)> {
        let Some(state) = self.states.get(trunk.0) else { return Vec::new() };
        let ranks: Vec<_> = state.gateways.iter().map(|gateway| gateway.rank).collect();
        let order = order(&ranks, |most| self.lots.draw(most));
        let gateways = order.into_iter().filter_map(|at| state.gateways.get(at));
        gateways.map(|it| (Way { trunk, gateway: it.id, flow: it.flow }, it.is_up)).collect()
    }

    /// The servers of a trunk that are reached by the same transport as `flow`: the one it led to first, then those at its
    /// address, then others that live.
    pub fn ways_beside(&self, trunk: TrunkId, flow: &Flow) -> Vec<Flow> {
        let known = self.states.get(trunk.0).map(|state| state.gateways.as_slice()).unwrap_or_default();
        let is_like =
            |way: &Flow| way.transport == flow.transport && way.local.is_ipv4() == flow.local.is_ipv4();
        let mut ways: Vec<_> = known.iter().filter(|gateway| is_like(&gateway.flow)).collect();
        let far = |way: &Flow| (way.remote != flow.remote, way.remote.ip() != flow.remote.ip());
        ways.sort_by_key(|gateway| (far(&gateway.flow), !gateway.is_up, gateway.rank.priority));
        ways.into_iter().map(|gateway| gateway.flow).collect()
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.deadline
    }

    /// Does what is due, and says what is to be sent.
    pub fn tick(&mut self, now: Monotonic) -> Vec<Errand> {
        let mut errands = Vec::new();
        if self.deadline.is_none_or(|at| at > now) {
            return errands;
        }
        for trunk in (0..self.states.len()).map(TrunkId) {
            let Some(state) = self.states.get_mut(trunk.0) else { continue };
            for gateway in &mut state.gateways {
                let is_due = gateway.deadline().is_some_and(|at| at <= now);
                if is_due && gateway.due(now, state.every) == GatewayDue::Ask {
                    errands.push(Errand::Probe(Way { trunk, gateway: gateway.id, flow: gateway.flow }));
                }
            }
            let desk =
                state.desk.as_mut().filter(|desk| desk.registration.deadline().is_some_and(|at| at <= now));
            if let Some(desk) = desk {
                if desk.registration.asked().is_some() {
                    errands.extend(self.unregistered(now, trunk));
                } else {
                    desk.registration.begin();
                    errands.extend(self.then(now, trunk, Then::Elsewhere(NotRegistered::Silence)));
                }
            }
            self.settle(trunk);
        }
        errands
    }

    /// A server answered an OPTIONS, or an INVITE.
    pub fn heard(&mut self, now: Monotonic, way: &Way, status: u16, retry_after: Option<Duration>) {
        self.change(way, |gateway, every| gateway.answered(now, every, status, retry_after));
    }

    /// A server gave no answer to an INVITE, or could not be reached.
    pub fn suspect(&mut self, now: Monotonic, way: &Way) {
        self.change(way, |gateway, every| gateway.suspect(now, every));
    }

    /// An OPTIONS could not be sent.
    pub fn unreachable(&mut self, now: Monotonic, way: &Way) {
        self.change(way, |gateway, every| gateway.failed(now, every, None));
    }

    /// Whether a server is believed to live.
    pub fn is_up(&self, way: &Way) -> bool {
        let gateways =
            self.states.get(way.trunk.0).map(|state| state.gateways.as_slice()).unwrap_or_default();
        gateways.iter().any(|gateway| gateway.id == way.gateway && gateway.is_up)
    }

    fn change(&mut self, way: &Way, change: impl FnOnce(&mut Gateway, Option<Duration>)) {
        let Some(state) = self.states.get_mut(way.trunk.0) else { return };
        let every = state.every;
        // One that DNS does not name any more is nobody's concern.
        if let Some(gateway) = state.gateways.iter_mut().find(|gateway| gateway.id == way.gateway) {
            change(gateway, every);
            self.settle(way.trunk);
        }
    }

    /// A final response to the REGISTER of this number. What is to be sent next.
    pub fn register_answered(
        &mut self,
        now: Monotonic,
        trunk: TrunkId,
        cseq: u32,
        response: &Response,
    ) -> Option<Errand> {
        let desk = self.states.get_mut(trunk.0)?.desk.as_mut()?;
        let ours = (desk.uri.as_str(), desk.user.as_str());
        let then = desk.registration.answered(now, cseq, response, ours, &mut self.lots);
        let errand = self.then(now, trunk, then);
        self.settle(trunk);
        errand
    }

    /// The server asked last has not answered in time, or could not be reached; nothing when that was another one's.
    pub fn register_unanswered(&mut self, now: Monotonic, trunk: TrunkId, cseq: u32) -> Option<Errand> {
        let desk = self.states.get(trunk.0)?.desk.as_ref()?;
        desk.registration.is_asking(cseq).then_some(())?;
        let errand = self.unregistered(now, trunk);
        self.settle(trunk);
        errand
    }

    fn unregistered(&mut self, now: Monotonic, trunk: TrunkId) -> Option<Errand> {
        let state = self.states.get_mut(trunk.0)?;
        let desk = state.desk.as_mut()?;
        let asked = desk.registration.asked();
        let then = desk.registration.silent();
        if let Some(gateway) = state.gateways.iter_mut().find(|gateway| Some(gateway.id) == asked) {
            gateway.suspect(now, state.every);
        }
        self.then(now, trunk, then)
    }

    fn then(&mut self, now: Monotonic, trunk: TrunkId, then: Then) -> Option<Errand> {
        let ask = match then {
            Then::Ask(ask) => ask,
            Then::Elsewhere(why) => {
                let mut ways = self.ways_of(trunk);
                // Those that live first; the order among them stays.
                ways.sort_by_key(|(_, is_up)| !is_up);
                let desk = self.states.get_mut(trunk.0)?.desk.as_mut()?;
                match ways.into_iter().find(|(way, _)| desk.registration.may_try(way.gateway)) {
                    Some((way, _)) => desk.registration.ask(now, way.gateway),
                    None => {
                        let then = desk.registration.rest(now, why, &mut self.lots);
                        return self.then(now, trunk, then);
                    }
                }
            }
            Then::Registered => {
                self.tell_registration(trunk, None);
                return None;
            }
            Then::Resting(why) => {
                self.tell_registration(trunk, Some(why));
                return None;
            }
            Then::Nothing => return None,
        };
        let gateways = &self.states.get(trunk.0)?.gateways;
        let gateway = gateways.iter().find(|gateway| gateway.id == ask.gateway)?;
        Some(Errand::Register(Way { trunk, gateway: gateway.id, flow: gateway.flow }, ask))
    }

    fn tell_registration(&mut self, trunk: TrunkId, problem: Option<NotRegistered>) {
        let Some(desk) = self.states.get_mut(trunk.0).and_then(|state| state.desk.as_mut()) else { return };
        let was_told = std::mem::replace(&mut desk.is_told, problem.is_some());
        match problem {
            Some(why) if !was_told => self.news.push((trunk, News::NotRegistered(why))),
            None if was_told => self.news.push((trunk, News::Registered)),
            Some(_) | None => {}
        }
    }

    /// We are about to go. What is to be sent.
    pub fn leave(&mut self, now: Monotonic) -> Vec<Errand> {
        let mut errands = Vec::new();
        for trunk in (0..self.states.len()).map(TrunkId) {
            let desk = self.states.get_mut(trunk.0).and_then(|state| state.desk.as_mut());
            if let Some(ask) = desk.and_then(|desk| desk.registration.leave(now)) {
                errands.extend(self.then(now, trunk, Then::Ask(ask)));
            }
            self.settle(trunk);
        }
        errands
    }

    /// Whether a trunk has still to hear, or to confirm, that we go.
    pub fn is_leaving(&self) -> bool {
        self.states.iter().filter_map(|state| state.desk.as_ref()).any(|desk| desk.registration.is_leaving())
    }

    /// What has happened to trunks since this was asked last.
    pub fn news(&mut self) -> Vec<(TrunkId, News)> {
        std::mem::take(&mut self.news)
    }

    /// How each trunk stands, by its place in the configuration.
    pub fn pictures(&self, now: Monotonic) -> Vec<TrunkPicture> {
        let picture = |state: &State| TrunkPicture {
            up: state.is_called.then(|| state.gateways.iter().any(|gateway| gateway.is_up)),
            registered: state.desk.as_ref().map(|desk| desk.registration.is_registered(now)),
        };
        self.states.iter().map(picture).collect()
    }

    /// Notes whether the trunk came or went, and when something is due next.
    fn settle(&mut self, trunk: TrunkId) {
        if let Some(state) = self.states.get_mut(trunk.0).filter(|state| !state.gateways.is_empty()) {
            let is_up = state.gateways.iter().any(|gateway| gateway.is_up);
            let before = state.told_up.replace(is_up);
            if before.unwrap_or(true) != is_up {
                self.news.push((trunk, News::Up(is_up)));
            }
        }
        let due = |state: &State| {
            let registration = state.desk.as_ref().and_then(|desk| desk.registration.deadline());
            state.gateways.iter().filter_map(Gateway::deadline).chain(registration).min()
        };
        self.deadline = self.states.iter().filter_map(due).min();
    }
}
