//! A user agent on fake time: a gateway with many callers behind it, or an agent's phone. Built upon the same transactions
//! and dialogs as the engine, with a mind of its own. Bytes and the time go in, bytes come out.

mod called;
mod calling;
mod challenging;
mod changing;
mod ending;
mod manners;
mod news;
mod oddities;
mod party;
mod registering;
mod round;
mod sending;
mod sessions;
mod transferring;
mod within;

use super::seen::Seen;
use super::site::{self, Asks};
use crate::engine::time::Monotonic;
use crate::secret::Secret;
use crate::simulate::rng::Rng;
use crate::sip::codec;
use crate::sip::dialog::DialogId;
use crate::sip::flow::Flow;
use crate::sip::transaction::{ClientId, Output, ServerId, TransactionSettings, Transactions};
use challenging::Door;
use manners::Manners;
pub(super) use oddities::WrongAnswer;
use party::{Party, Stage};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Which of a peer's calls.
type PartyId = u64;

/// What a request of ours was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    /// The INVITE that begins a call.
    Invite(PartyId),
    /// An INVITE or UPDATE in a call.
    Change(PartyId),
    /// BYE: whatever comes back, it is over.
    Bye,
    /// That a provisional response has come.
    Prack(PartyId),
    /// Something else in a call.
    Else(PartyId),
    /// To have the call passed on.
    Refer(PartyId),
    /// What is to be refused so, in a call or outside.
    Odd(Option<PartyId>, u16),
    Register,
}

/// What a peer will do later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Plan {
    GiveUp(PartyId),
    Ring(PartyId),
    Decide(PartyId),
    AnswerLate(PartyId),
    Repeat(PartyId),
    RepeatEarly(PartyId),
    Act(PartyId),
    ChangeAgain(PartyId),
    ChangeEarly(PartyId),
    Clash(PartyId),
    Transfer(PartyId),
    Join(PartyId),
    Look(PartyId),
    Session(PartyId),
    HangUp(PartyId),
    Register,
}

pub(super) struct Peer {
    name: String,
    pub address: SocketAddr,
    password: Option<Secret>,
    flow: Flow,
    transactions: Transactions,
    news: VecDeque<Output>,
    /// What it sent, until the network takes it.
    pub sends: Vec<Arc<[u8]>>,
    parties: BTreeMap<PartyId, Party>,
    dialogs: BTreeMap<DialogId, PartyId>,
    asked: BTreeMap<ClientId, Asked>,
    /// INVITEs of the engine that wait for a final response, and who of us may answer them.
    invited: BTreeMap<ServerId, Vec<PartyId>>,
    plans: BTreeMap<(Monotonic, u64), Plan>,
    planned: u64,
    last_party: PartyId,
    rng: Rng,
    is_dead: bool,
    lives: u64,
    /// The world ends: nobody calls, and phones no longer register.
    is_closing: bool,
    registrations: u32,
    /// Whether people here talk so long that sessions have to be refreshed.
    at_length: bool,
    /// Asks the engine for its password.
    door: Option<Door>,
    /// What the engine answered and should not have.
    pub wrong: Option<WrongAnswer>,
    pub seen: Seen,
}

impl Peer {
    pub fn new(name: &str, address: SocketAddr, password: Option<Secret>, rng: Rng) -> Self {
        let mut rng = rng;
        Self {
            name: name.to_owned(),
            address,
            password,
            flow: Flow::udp(address, site::here()),
            transactions: Transactions::new(TransactionSettings::default(), rng.bits()),
            news: VecDeque::new(),
            sends: Vec::new(),
            parties: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            asked: BTreeMap::new(),
            invited: BTreeMap::new(),
            plans: BTreeMap::new(),
            planned: 0,
            last_party: 0,
            rng,
            is_dead: false,
            lives: 0,
            is_closing: false,
            registrations: 0,
            at_length: false,
            door: None,
            wrong: None,
            seen: Seen::default(),
        }
    }

    /// The same, asking for a password.
    pub fn asking(mut self, asks: Option<Asks>) -> Self {
        self.door = asks.map(|asks| Door::new(asks, self.rng.bits()));
        self
    }

    /// The same, of people who talk at length or not.
    pub fn talking(mut self, at_length: bool) -> Self {
        self.at_length = at_length;
        self
    }

    /// Whether people outside are behind it, and no agent.
    fn is_gateway(&self) -> bool {
        self.name.starts_with("gate")
    }

    /// A datagram arrives.
    pub fn receive(&mut self, now: Monotonic, bytes: &[u8]) {
        if self.is_dead {
            return;
        }
        if let Ok(message) = codec::parse(bytes) {
            let mut out = Vec::new();
            self.transactions.receive(now, message, self.flow, &mut out);
            self.settle(now, out);
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Monotonic) {
        if self.is_dead {
            return;
        }
        while let Some(entry) = self.plans.first_entry().filter(|entry| entry.key().0 <= now) {
            let plan = entry.remove();
            self.carry_out(now, plan);
        }
        let mut out = Vec::new();
        self.transactions.tick(now, &mut out);
        self.settle(now, out);
    }

    pub fn next_deadline(&self) -> Option<Monotonic> {
        let planned = self.plans.first_key_value().map(|((at, _), _)| *at);
        planned.into_iter().chain(self.transactions.next_deadline()).min().filter(|_| !self.is_dead)
    }

    /// The power fails: whatever it was in, it knows nothing of any more. Tells the Call-IDs, each with whether a session
    /// timer ran that will tell the engine.
    pub fn die(&mut self) -> Vec<(String, bool)> {
        self.is_dead = true;
        self.lives += 1;
        self.transactions = Transactions::new(TransactionSettings::default(), self.rng.bits());
        self.plans.clear();
        self.asked.clear();
        self.invited.clear();
        self.dialogs.clear();
        let parties = std::mem::take(&mut self.parties);
        let lost: Vec<_> =
            parties.into_values().map(|party| (party.call_id.clone(), party.is_timed())).collect();
        self.seen.lost += lost.len() as u64;
        lost
    }

    /// It is back, and knows nothing.
    pub fn live(&mut self, now: Monotonic) {
        self.is_dead = false;
        self.register(now);
    }

    /// Nobody calls any more; whoever talks or waits ends it soon.
    pub fn close(&mut self, now: Monotonic, within: Duration) {
        self.is_closing = true;
        for id in self.parties.keys().copied().collect::<Vec<_>>() {
            let after = within.mul_f64(self.rng.share());
            self.plan(now + after, Plan::HangUp(id));
        }
    }

    /// Whether it believes to be in this dialog, or to be about to.
    pub fn is_in(&self, theirs: &DialogId) -> bool {
        self.parties.values().any(|party| {
            let known = party.dialog.as_ref().map(|dialog| dialog.id.remote_tag.as_str());
            party.stage != Stage::Over
                && party.call_id == theirs.call_id
                && party.tag == theirs.remote_tag
                && known.is_none_or(|tag| tag == theirs.local_tag)
        })
    }

    /// The dialogs it believes to be in, as the engine would name them.
    pub fn talks(&self) -> impl Iterator<Item = DialogId> {
        let up = self.parties.values().filter(|party| party.stage == Stage::Up);
        up.filter_map(|party| party.dialog.as_ref()).map(|dialog| DialogId {
            call_id: dialog.id.call_id.clone(),
            local_tag: dialog.id.remote_tag.clone(),
            remote_tag: dialog.id.local_tag.clone(),
        })
    }

    /// Calls that are not over, and transactions that are not.
    pub fn left(&self) -> (usize, usize) {
        let counts = self.transactions.counts();
        let open = self.parties.values().filter(|party| party.stage != Stage::Over).count();
        (open, counts.clients + counts.servers)
    }

    fn plan(&mut self, at: Monotonic, plan: Plan) {
        self.planned += 1;
        self.plans.insert((at, self.planned), plan);
    }

    fn new_party(&mut self) -> (PartyId, Manners) {
        self.last_party += 1;
        (self.last_party, Manners::draw(&mut self.rng, self.at_length))
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.name, self.address)
    }
}
