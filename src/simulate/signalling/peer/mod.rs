//! A user agent on fake time: a gateway with many callers behind it, or an agent's phone. Built upon the same transactions
//! and dialogs as the engine, with a mind of its own. Bytes and the time go in, bytes come out.

mod called;
mod calling;
mod manners;
mod party;
mod registering;
mod within;

use super::site;
use crate::engine::time::Monotonic;
use crate::secret::Secret;
use crate::simulate::rng::Rng;
use crate::sip::codec;
use crate::sip::dialog::DialogId;
use crate::sip::flow::Flow;
use crate::sip::message::{Headers, Method, Request, Response};
use crate::sip::transaction::{ClientId, Output, ServerId, TransactionSettings, Transactions};
use manners::Manners;
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
    /// Something else in a call.
    Else(PartyId),
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
    Session(PartyId),
    HangUp(PartyId),
    Register,
}

/// What has been seen, to know that the storm was one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Calls that came about, at the caller's end.
    pub answered: u64,
    /// Answers that crossed the CANCEL.
    pub crossed: u64,
    /// Forked answers beyond the first.
    pub forked: u64,
    /// 491, either way.
    pub glare: u64,
    /// BYE before the ACK.
    pub bye_first: u64,
    /// 2xx of a peer that were never acknowledged: none, once the network lets one through.
    pub unacknowledged: u64,
    /// Provisional responses that had to arrive, and did.
    pub reliable: u64,
    /// Changes within calls that were agreed.
    pub changes: u64,
    /// Sessions that were refreshed.
    pub refreshed: u64,
    /// 422 that were obeyed, either way.
    pub too_brief: u64,
    /// Calls that were passed on, or should have been.
    pub referred: u64,
    /// Refusals of the engine.
    pub refused: u64,
    /// Calls that a peer forgot because it died.
    pub lost: u64,
}

impl std::ops::Add for Seen {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            answered: self.answered + other.answered,
            crossed: self.crossed + other.crossed,
            forked: self.forked + other.forked,
            glare: self.glare + other.glare,
            bye_first: self.bye_first + other.bye_first,
            unacknowledged: self.unacknowledged + other.unacknowledged,
            reliable: self.reliable + other.reliable,
            changes: self.changes + other.changes,
            refreshed: self.refreshed + other.refreshed,
            too_brief: self.too_brief + other.too_brief,
            referred: self.referred + other.referred,
            refused: self.refused + other.refused,
            lost: self.lost + other.lost,
        }
    }
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
            seen: Seen::default(),
        }
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

    fn settle(&mut self, now: Monotonic, out: Vec<Output>) {
        self.news.extend(out);
        while let Some(output) = self.news.pop_front() {
            self.told(now, output);
        }
    }

    fn told(&mut self, now: Monotonic, output: Output) {
        match output {
            Output::Send { bytes, .. } => self.sends.push(bytes),
            Output::Request { id, request, .. } => self.requested(now, id, &request),
            Output::Ack { request, .. } => self.acknowledged(now, &request),
            Output::Cancelled { id } => self.cancelled(now, id),
            Output::Response { id, response, .. } => self.responded(now, id, &response),
            Output::TimedOut { id } | Output::Failed { id } => self.unanswered(now, id),
            Output::ClientEnded { id } => {
                self.asked.remove(&id);
            }
            Output::ServerEnded { .. } => {}
        }
    }

    fn requested(&mut self, now: Monotonic, id: ServerId, request: &Request) {
        if request.to_tag().is_some() {
            return self.requested_within(now, id, request);
        }
        match &request.method {
            Method::Invite => self.rung(now, id, request),
            Method::Options => self.reply(now, id, request, 200),
            Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Register
            | Method::Info
            | Method::Prack
            | Method::Update
            | Method::Message
            | Method::Notify
            | Method::Subscribe
            | Method::Refer
            | Method::Publish
            | Method::Other(_) => self.reply(now, id, request, 481),
        }
    }

    fn responded(&mut self, now: Monotonic, id: ClientId, response: &Response) {
        match self.asked.get(&id).copied() {
            Some(Asked::Invite(party)) => self.invite_answered(now, party, response),
            Some(Asked::Change(party)) => self.change_answered(now, party, id, response),
            Some(Asked::Else(party)) if matches!(response.status, 408 | 481) => self.over(now, party),
            Some(Asked::Register) => self.register_answered(now, response),
            Some(Asked::Else(_) | Asked::Bye) | None => {}
        }
    }

    fn unanswered(&mut self, now: Monotonic, id: ClientId) {
        match self.asked.remove(&id) {
            // RFC 3261 §12.2.1.2: who does not answer within a dialog is gone; a BYE, should he hear it after all.
            Some(Asked::Change(party) | Asked::Else(party)) => self.hang_up(now, party),
            Some(Asked::Invite(party)) => {
                if self.parties.get(&party).is_some_and(|party| party.stage == Stage::Inviting) {
                    self.over(now, party);
                }
            }
            Some(Asked::Register) => self.plan(now + Duration::from_secs(5), Plan::Register),
            Some(Asked::Bye) | None => {}
        }
    }

    fn carry_out(&mut self, now: Monotonic, plan: Plan) {
        match plan {
            Plan::GiveUp(id) => {
                if self.parties.get(&id).is_some_and(|party| party.stage == Stage::Inviting) {
                    self.hang_up(now, id);
                }
            }
            Plan::Ring(id) => self.ring(now, id),
            Plan::Decide(id) => self.decide(now, id),
            Plan::AnswerLate(id) => self.answer(now, id, true),
            Plan::Repeat(id) => self.repeat(now, id),
            Plan::RepeatEarly(id) => self.repeat_early(now, id),
            Plan::Act(id) => self.act(now, id),
            Plan::ChangeAgain(id) => self.change(now, id),
            Plan::Session(id) => self.session_due(now, id),
            Plan::HangUp(id) => self.hang_up(now, id),
            Plan::Register => self.register(now),
        }
    }

    fn plan(&mut self, at: Monotonic, plan: Plan) {
        self.planned += 1;
        self.plans.insert((at, self.planned), plan);
    }

    fn new_party(&mut self) -> (PartyId, Manners) {
        self.last_party += 1;
        (self.last_party, Manners::draw(&mut self.rng))
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.name, self.address)
    }

    /// Sends a request of ours.
    fn ask(&mut self, now: Monotonic, request: Request, asked: Asked) -> Option<ClientId> {
        let mut out = Vec::new();
        let id = self.transactions.request(now, request, self.flow, &mut out).ok();
        if let Some(id) = id {
            self.asked.insert(id, asked);
        }
        self.news.extend(out);
        self.flush();
        id
    }

    fn send_ack(&mut self, ack: Request) {
        let mut out = Vec::new();
        self.transactions.send_ack(ack, self.flow, &mut out);
        self.news.extend(out);
        self.flush();
    }

    fn respond(&mut self, now: Monotonic, id: ServerId, response: Response) {
        let mut out = Vec::new();
        self.transactions.respond(now, id, response, &mut out);
        self.news.extend(out);
        self.flush();
    }

    /// A response that says no more than its status.
    fn reply(&mut self, now: Monotonic, id: ServerId, request: &Request, status: u16) {
        let response = Response::reply_to(request, status, "", Some("stray"));
        self.respond(now, id, response);
    }

    /// What is to be sent leaves in the order in which it was decided.
    fn flush(&mut self) {
        let news = std::mem::take(&mut self.news);
        for output in news {
            match output {
                Output::Send { bytes, .. } => self.sends.push(bytes),
                other @ (Output::Request { .. }
                | Output::Ack { .. }
                | Output::Cancelled { .. }
                | Output::Response { .. }
                | Output::TimedOut { .. }
                | Output::Failed { .. }
                | Output::ClientEnded { .. }
                | Output::ServerEnded { .. }) => self.news.push_back(other),
            }
        }
    }

    fn over(&mut self, now: Monotonic, id: PartyId) {
        let Some(party) = self.parties.get_mut(&id) else { return };
        let change = party.change.take();
        party.stage = Stage::Over;
        (party.unacked, party.reliable, party.session) = (None, None, None);
        if let Some(dialog) = &party.dialog {
            self.dialogs.remove(&dialog.id);
        }
        if let Some((change, _)) = change {
            // Nobody may answer it any more, and an INVITE that was answered provisionally has no timer.
            self.cancel(now, change);
        }
    }

    fn cancel(&mut self, now: Monotonic, client: ClientId) {
        let mut out = Vec::new();
        self.transactions.cancel(now, client, &mut out);
        self.news.extend(out);
        self.flush();
    }

    /// Ends it, in whatever state it is.
    fn hang_up(&mut self, now: Monotonic, id: PartyId) {
        let Some(party) = self.parties.get_mut(&id) else { return };
        match party.stage {
            Stage::Inviting => {
                party.leaves = true;
                if let Some(client) = party.client {
                    self.cancel(now, client);
                }
            }
            Stage::Ringing => self.refuse(now, id, 480),
            // RFC 3261 §15: who is called says no BYE before the ACK.
            Stage::Up if party.unacked.is_some() && !party.calls => party.leaves = true,
            Stage::Up => {
                if let Some(dialog) = party.dialog.as_mut() {
                    let bye = dialog.request(Method::Bye);
                    self.ask(now, bye, Asked::Bye);
                }
                self.over(now, id);
            }
            Stage::Over => {}
        }
    }

    /// The headers of a request that begins something.
    fn opening(&self, method: &Method, to: &str, call_id: &str, tag: &str) -> Headers {
        let mut headers = Headers::new();
        headers.push("Max-Forwards", "70");
        headers.push("From", format!("<sip:{}@{}>;tag={tag}", self.name, self.address.ip()));
        headers.push("To", format!("<sip:{to}@{}>", site::here().ip()));
        headers.push("Call-ID", call_id);
        headers.push("CSeq", format!("1 {method}"));
        headers.push("Contact", self.contact());
        headers
    }
}
