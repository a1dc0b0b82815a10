//! All signalling in one object: transactions, dialogs, registrar and admission, glued together.
//!
//! Pure: messages, commands and the time go in; bytes and events come out. What the engine ordered is
//! not reported back: `LegEnded` and `OfferFailed` tell only what came from outside.

mod again;
mod ask;
mod bye;
mod compose;
mod dial;
mod edge;
mod farewell;
mod fork;
mod inbound;
mod newcomer;
mod note;
mod offer;
mod outside;
mod present;
mod prove;
mod reconfigure;
mod redirect;
mod refer;
mod reliable;
mod resume;
mod settle;
mod standing;
mod start;
mod trunks;
mod unproven;
mod way;
mod wishes;
mod within;

pub use note::Note;
pub use resume::Restored;
pub use start::SettingsError;

use super::admission::{Gate, Refused};
use super::bouncer::Ban;
use super::dialog::DialogId;
use super::fault::Malformed;
use super::flow::{Flow, TrunkId};
use super::leg::Leg;
use super::message::Message;
use super::registrar::{AccountId, BindingId, Registrar};
use super::settings::SipSettings;
use super::source::Source;
use super::tokens::Tokens;
use super::transaction::{ClientId, Counts, Output, ServerId, Transactions};
use super::trunk::{Trunks, Way};
use crate::engine::id::{CallId, LegId, OfferId};
use crate::engine::settings::Settings;
use crate::engine::time::{Monotonic, Now};
use crate::engine::{Command, Event};
use crate::media::{Sessions, Wishes};
use bye::Farewell;
use fork::Fork;
use offer::Offer;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

/// What a step led to. The caller drains it.
#[derive(Debug, Default)]
pub struct SipOutputs {
    /// Whole messages, in order.
    pub send: Vec<(Flow, Arc<[u8]>)>,
    /// For the engine, in order.
    pub events: Vec<Event>,
    /// For whoever reads the log.
    pub notes: Vec<Note>,
    /// From whom nothing is to be taken from now on; `None`: as before.
    pub shut_out: Option<Vec<Source>>,
    /// Dialogs that may have begun, for whoever wants to know which messages belong to which call.
    pub dialogs: Vec<Begun>,
}

/// Messages with this Call-ID belong to that call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Begun {
    /// The Call-ID.
    pub sip_call_id: String,
    /// The call.
    pub call: CallId,
    /// With whom: `caller`, an account's name, or a number outside.
    pub with: String,
}

/// How much is going on, for the metrics: all but `contacts` are back at zero after the last call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SipCounts {
    /// Legs with a dialog.
    pub legs: usize,
    /// Agents being rung.
    pub offers: usize,
    /// INVITEs of ours that are not over, answered ones included.
    pub forks: usize,
    /// Other requests of ours that are not over.
    pub requests: usize,
    /// Contacts known to the registrar.
    pub contacts: usize,
    /// Bytes that were no SIP message, since the start.
    pub malformed: u64,
    /// Wishes of trusted senders that could not be read, since the start.
    pub bad_wishes: u64,
    /// What was refused, since the start.
    pub refused: Refused,
    /// Sources that are banned now.
    pub bans: usize,
    /// The transaction layer's figures.
    pub transactions: Counts,
}

/// What one step works with besides our own state.
struct Turn<'a> {
    now: Now,
    rules: &'a Settings,
    media: &'a mut dyn Sessions,
    out: &'a mut SipOutputs,
}

/// Why we sent a request that is no INVITE of an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Purpose {
    /// BYE: whatever comes back, it is over.
    Bye,
    /// PRACK of a phone's provisional response: the phone repeats what it must.
    Prack,
    /// NOTIFY of how a transfer stands: nothing depends on its answer.
    Notify,
    /// OPTIONS to a contact.
    Probe(BindingId),
    /// OPTIONS to a trunk's server.
    Gateway(Way),
    /// REGISTER at a trunk, with its number.
    Register(TrunkId, u32),
    /// A session refresh of this leg, and its CSeq when it was an INVITE.
    Refresh(LegId, Option<u32>),
    /// A re-INVITE of this CSeq, after a restart.
    Resume(LegId, u32),
}

/// What has a deadline of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Due {
    Leg(LegId),
    /// A fork that must have given a sign by then.
    Silence(ClientId),
    /// The phone that rings now has had its share of the time; the next one is rung.
    Share(OfferId),
    /// The next legs are asked for after a restart.
    Pace,
    /// Both sides asked at once: this leg is asked for again.
    AskAgain(LegId),
    /// Whoever was asked for must have answered by then.
    NotThere(LegId),
}

/// The signalling of one node.
pub struct SipCore {
    settings: SipSettings,
    gate: Gate,
    tokens: Tokens,
    transactions: Transactions,
    registrar: Registrar,
    legs: BTreeMap<LegId, Leg>,
    dialogs: BTreeMap<DialogId, LegId>,
    /// The last call each account of an agent was given: one he makes besides shall live beside it, so that they can be joined.
    given: BTreeMap<AccountId, LegId>,
    /// The callers' INVITEs that have no final response.
    invites: BTreeMap<ServerId, LegId>,
    offers: BTreeMap<OfferId, Offer>,
    forks: BTreeMap<ClientId, Fork>,
    sent: BTreeMap<ClientId, Purpose>,
    /// BYEs without a final response.
    byes: BTreeMap<ClientId, Farewell>,
    /// Connections that are over though dialogs may still know them.
    gone: way::Gone,
    due: BTreeSet<(Monotonic, Due)>,
    /// The trunks' servers, and our registrations there.
    trunks: Trunks,
    /// What the transaction layer told and nobody has looked at yet.
    news: Vec<Output>,
    resumption: resume::Resumption,
    /// What somebody who writes it down has not been told, if anybody does.
    touched: Option<standing::Touched>,
    next_call: u64,
    malformed: u64,
    /// 2xx of ours sent again, which is not the transaction layer's to count.
    answers_repeated: u64,
    bad_wishes: u64,
}

impl SipCore {
    /// A message came in by `from`, or what should have been one.
    pub fn receive(
        &mut self,
        now: Now,
        received: Result<Message, Malformed>,
        from: Flow,
        rules: &Settings,
        media: &mut dyn Sessions,
        out: &mut SipOutputs,
    ) {
        let mut turn = Turn { now, rules, media, out };
        match received {
            Ok(Message::Request(request)) if self.is_unproven(&request, &from) => {
                self.answer_unproven(&mut turn, request, from);
            }
            Ok(message) => {
                self.transactions.receive(now.mono, message, from, &mut self.news);
                self.settle(&mut turn);
            }
            Err(malformed) => self.malformed(&mut turn, malformed, from),
        }
    }

    /// The engine wants something done. Commands that are not for the signalling are passed over.
    pub fn command(
        &mut self,
        now: Now,
        command: &Command,
        rules: &Settings,
        media: &mut dyn Sessions,
        out: &mut SipOutputs,
    ) {
        let turn = &mut Turn { now, rules, media, out };
        match command {
            Command::Answer { call } => self.answer(turn, *call),
            Command::Progress { call } => self.progress(turn, *call),
            Command::Ring { call } => self.ring_back(turn, *call),
            Command::TransferTold { leg, step } => self.tell_transfer(turn, *leg, *step),
            Command::Refuse { call, because } => self.refuse_call(turn, *call, *because),
            Command::OfferAgent { offer, call, agent, queue, caller } => {
                self.offer_agent(turn, *offer, *call, *agent, Some(*queue), caller);
            }
            Command::CallAgent { offer, call, agent, caller } => {
                self.offer_agent(turn, *offer, *call, *agent, None, caller);
            }
            Command::CancelOffer { offer, answered_elsewhere } => {
                self.cancel_offer(turn, *offer, *answered_elsewhere);
            }
            Command::Hangup { leg } => self.hang_up(turn, *leg),
            Command::Resume { leg, near } => self.resume_leg(turn, *leg, *near),
            Command::Dial { offer, call, number, caller } => self.dial(turn, *offer, *call, number, caller),
            Command::Play { .. }
            | Command::Bridge { .. }
            | Command::Join { .. }
            | Command::Record { .. }
            | Command::Reply { .. } => {}
        }
        self.settle(turn);
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Now, rules: &Settings, media: &mut dyn Sessions, out: &mut SipOutputs) {
        let turn = &mut Turn { now, rules, media, out };
        self.transactions.tick(now.mono, &mut self.news);
        self.settle(turn);
        while let Some(&(at, due)) = self.due.first() {
            if at > now.mono {
                break;
            }
            self.due.remove(&(at, due));
            match due {
                Due::Leg(id) => self.leg_due(turn, id),
                Due::Silence(id) => self.fork_silent(turn, id),
                Due::Share(id) => self.share_over(turn, id),
                Due::Pace => self.pace(turn),
                Due::AskAgain(id) => self.ask_again(turn, id, None),
                Due::NotThere(id) => self.is_lost(turn, id),
            }
            self.settle(turn);
        }
        self.gate.bouncer.tick(now.mono);
        for contact in self.registrar.tick(now.mono) {
            self.probe(turn, &contact);
        }
        self.attend_to_trunks(turn);
    }

    /// When [`tick`](Self::tick) is wanted next.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        let own = self.due.first().map(|(at, _)| *at);
        let parts = [
            self.transactions.next_deadline(),
            self.registrar.next_deadline(),
            self.trunks.next_deadline(),
            self.gate.bouncer.next_deadline(),
        ];
        parts.into_iter().chain([own]).flatten().min()
    }

    /// Nothing can be sent on `flow` any more, or the last message on it was lost.
    pub fn transport_failed(
        &mut self,
        now: Now,
        flow: Flow,
        rules: &Settings,
        media: &mut dyn Sessions,
        out: &mut SipOutputs,
    ) {
        let turn = &mut Turn { now, rules, media, out };
        self.note_gone(&flow);
        self.transactions.transport_failed(flow, &mut self.news);
        self.registrar.flow_failed(now.mono, &flow);
        self.settle(turn);
    }

    /// Who is banned for guessing passwords.
    pub fn bans(&self) -> impl Iterator<Item = Ban> {
        self.gate.bouncer.bans()
    }

    /// Lets somebody in again; whether he was banned. It takes effect with the next [`tick`](Self::tick).
    pub fn lift_ban(&mut self, source: Source) -> bool {
        self.gate.bouncer.lift(source)
    }

    /// Whether no call is left and the last BYEs, CANCELs and registrations given back have done their work: what remains then is only the
    /// memory of transactions (RFC 3261 §17), which nobody need wait for.
    pub fn is_quiet(&self) -> bool {
        self.legs.is_empty()
            && self.offers.is_empty()
            && self.byes.is_empty()
            && !self.trunks.is_leaving()
            && self.forks.values().all(|fork| fork.is_answered)
    }

    /// What is wanted of the media of an account's calls.
    fn media_of(&self, account: AccountId) -> Wishes {
        self.settings.accounts.get(account.0).map(|account| account.media.clone()).unwrap_or_default()
    }

    /// Every leg with its dialog: for those who check that both ends of a call agree.
    pub fn dialogs(&self) -> impl Iterator<Item = (LegId, &DialogId)> {
        self.dialogs.iter().map(|(id, leg)| (*leg, id))
    }

    /// Where the other end of a leg is.
    pub fn far_end(&self, leg: LegId) -> Option<SocketAddr> {
        self.legs.get(&leg).map(|leg| leg.dialog.flow.remote)
    }

    /// How much is going on.
    pub fn counts(&self) -> SipCounts {
        let transactions = self.transactions.counts();
        SipCounts {
            legs: self.legs.len(),
            offers: self.offers.len(),
            forks: self.forks.len(),
            requests: self.sent.len(),
            contacts: self.registrar.len(),
            malformed: self.malformed,
            bad_wishes: self.bad_wishes,
            refused: self.gate.refused,
            bans: self.gate.bouncer.banned(),
            transactions: Counts {
                retransmissions_sent: transactions.retransmissions_sent + self.answers_repeated,
                ..transactions
            },
        }
    }
}

impl std::fmt::Debug for SipCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SipCore").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
