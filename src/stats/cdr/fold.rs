//! From facts to records: what is open, and what becomes of it. It keeps no record once it is told.

mod blank;

use super::{Cdr, Entry, LegOfCall, Noted, Passed, Restart, Visit};
use crate::engine::fact::{Fact, OfferOutcome, Outcome, Stamped, TurnedAwayBecause};
use crate::engine::id::{AgentId, CallId, QueueId};
use crate::engine::settings::{Destination, Settings};
use crate::engine::talk::{TalkFact, TransferTo};
use crate::engine::time::Wall;
use blank::blank;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Queues before the last one that a record tells of; further ones are left out. No rule of the engine's sends a call
/// round so often, only supervisors could.
const VISITS_MAX: usize = 64;
/// Legs that a record tells of: the caller's and the last others. One agent after the other who does not answer makes many.
const LEGS_MAX: usize = 64;

/// A call that is not over.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Open {
    cdr: Cdr,
    left_queue: bool,
}

/// The fold: facts in, one record out at each call's end, and what is noted about it afterwards.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CdrFold {
    queues: Vec<String>,
    agents: Vec<String>,
    open: BTreeMap<CallId, Open>,
    open_max: usize,
    overlooked: u64,
}

impl CdrFold {
    /// Starts with no call. It holds twice as many calls as the engine may, then overlooks new ones and counts them.
    pub fn new(settings: &Settings) -> Self {
        let mut fold = Self {
            queues: Vec::new(),
            agents: Vec::new(),
            open: BTreeMap::new(),
            open_max: 0,
            overlooked: 0,
        };
        fold.follow(settings);
        fold
    }

    /// Goes on with the open records of another fold, under these names.
    pub fn go_on_with(&mut self, other: Self) {
        self.open = other.open;
        self.overlooked = other.overlooked;
    }

    /// The names are others from now on; what is open stays open.
    pub fn follow(&mut self, settings: &Settings) {
        self.queues = settings.queues.iter().map(|queue| queue.name.clone()).collect();
        self.agents = settings.agents.iter().map(|agent| agent.name.clone()).collect();
        self.open_max = settings.limits.calls_max.saturating_mul(2).max(1);
    }

    /// Folds one fact; what is to be written, when it was the call's last.
    pub fn observe(&mut self, stamped: &Stamped) -> Option<Entry> {
        let wall = stamped.at.wall.0;
        match &stamped.fact {
            Fact::CallTurnedAway { .. } => self.turned_away(wall, &stamped.fact),
            Fact::CallQueued { .. } => self.queued(wall, &stamped.fact),
            Fact::OfferMade { call, .. } => {
                if let Some(open) = self.open.get_mut(call) {
                    open.cdr.offers = open.cdr.offers.saturating_add(1);
                }
            }
            Fact::OfferEnded { call, outcome: OfferOutcome::Answered, ring, .. } => {
                if let Some(open) = self.open.get_mut(call) {
                    open.cdr.ring_ms = millis(*ring);
                }
            }
            Fact::InTalk { call, what } => self.passed(wall, *call, what),
            Fact::CallLeftQueue { .. } => self.left(wall, &stamped.fact),
            Fact::CallResumed { call } => self.restarted(*call, Restart::Resumed),
            Fact::CallInterrupted { call } => self.restarted(*call, Restart::Interrupted),
            Fact::CallEnded { .. } => return self.ended(wall, &stamped.fact).map(Entry::from),
            Fact::CallDisposed { call, disposition, .. } => {
                let disposition = disposition.clone();
                match self.open.get_mut(call) {
                    Some(open) => open.cdr.disposition = Some(disposition),
                    None => return Some(Entry::Noted(Noted { call: *call, disposition })),
                }
            }
            Fact::CallWidened { .. }
            | Fact::QueueClosed { .. }
            | Fact::QueueReopened { .. }
            | Fact::Reconfigured
            | Fact::CallRefused { .. }
            | Fact::OfferEnded { .. }
            | Fact::AgentStateChanged { .. }
            | Fact::WrapUpEnded { .. } => {}
        }
        None
    }

    /// Somebody is being called for a call, in a dialog of his own. Whether a record will tell of it.
    pub fn leg_begun(&mut self, call: CallId, leg: LegOfCall) -> bool {
        let Some(Open { cdr, .. }) = self.open.get_mut(&call) else { return false };
        // The caller's own is there since he came to his first queue.
        if leg.sip_call_id == cdr.sip_call_id {
            return false;
        }
        if cdr.legs.len() >= LEGS_MAX {
            cdr.legs.remove(1);
        }
        cdr.legs.push(leg);
        true
    }

    /// The records of calls that will have no end of their own, because the engine has failed. Nothing is open then.
    pub fn cut_short(&mut self, now: Wall) -> Vec<Cdr> {
        let open = std::mem::take(&mut self.open).into_values();
        open.map(|Open { cdr, .. }| Cdr { ended_at_ms: now.0, ..cdr }).collect()
    }

    /// Calls that are not over.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Calls that have no record because too many were open: 0 unless the engine broke its own limit.
    pub fn overlooked(&self) -> u64 {
        self.overlooked
    }

    fn turned_away(&mut self, wall: i64, fact: &Fact) {
        let Fact::CallTurnedAway { call, queue, dialled, caller, sip_call_id, because, to } = fact else {
            return;
        };
        let outcome = match because {
            TurnedAwayBecause::Closed => Outcome::Closed,
            TurnedAwayBecause::NoAgents => Outcome::NoAgents,
            TurnedAwayBecause::Full => Outcome::Overflow,
        };
        let cdr = Cdr {
            sip_call_id: sip_call_id.clone(),
            dialled: dialled.clone(),
            caller_number: caller.number.clone(),
            caller_name: caller.name.clone(),
            diverted_from: caller.diverted_from.as_deref().map(str::to_owned),
            outcome,
            turned_away: Some(*because),
            sent_to: place(to),
            ..blank(*call, self.queue_name(*queue), wall)
        };
        self.comes_to(cdr, true);
    }

    fn queued(&mut self, wall: i64, fact: &Fact) {
        let Fact::CallQueued { call, queue, dialled, caller, sip_call_id, language, priority, .. } = fact
        else {
            return;
        };
        let cdr = Cdr {
            sip_call_id: sip_call_id.clone(),
            dialled: dialled.clone(),
            caller_number: caller.number.clone(),
            caller_name: caller.name.clone(),
            diverted_from: caller.diverted_from.as_deref().map(str::to_owned),
            language: language.clone(),
            priority_ms: millis(*priority),
            ..blank(*call, self.queue_name(*queue), wall)
        };
        self.comes_to(cdr, false);
    }

    /// A call is at a queue: its first, or one after others, which become visits.
    fn comes_to(&mut self, mut cdr: Cdr, left_queue: bool) {
        if let Some(before) = self.open.remove(&cdr.call) {
            debug_assert!(before.left_queue, "call {} is in two queues at once", cdr.call);
            let before = before.cdr;
            cdr.offers = before.offers;
            let visit = Visit {
                queue: before.queue,
                queued_at_ms: before.queued_at_ms,
                wait_ms: before.wait_ms,
                outcome: before.outcome,
                turned_away: before.turned_away,
            };
            cdr.visits = before.visits;
            cdr.transfers = before.transfers;
            cdr.legs = before.legs;
            cdr.restart = before.restart;
            if cdr.visits.len() < VISITS_MAX {
                cdr.visits.push(visit);
            }
        } else if self.open.len() >= self.open_max {
            self.overlooked = self.overlooked.saturating_add(1);
            return;
        } else {
            let (at_ms, sip_call_id) = (cdr.queued_at_ms, cdr.sip_call_id.clone());
            cdr.legs.push(LegOfCall { at_ms, with: "caller".into(), sip_call_id });
        }
        self.open.insert(cdr.call, Open { cdr, left_queue });
    }

    fn left(&mut self, wall: i64, fact: &Fact) {
        let Fact::CallLeftQueue { call, outcome, wait, answered_in_threshold, agent, to, .. } = fact else {
            return;
        };
        let agent = agent.and_then(|agent| self.agents.get(agent.0 as usize).cloned());
        let sent_to = to.as_ref().and_then(place);
        let Some(open) = self.open.get_mut(call) else { return };
        debug_assert!(!open.left_queue, "call {call} left its queue twice");
        open.left_queue = true;
        open.cdr.outcome = *outcome;
        open.cdr.wait_ms = millis(*wait);
        open.cdr.answered_in_threshold = *answered_in_threshold;
        open.cdr.answered_at_ms = (*outcome == Outcome::Answered).then_some(wall);
        open.cdr.agent = agent;
        open.cdr.sent_to = sent_to;
    }

    fn ended(&mut self, wall: i64, fact: &Fact) -> Option<Cdr> {
        let Fact::CallEnded { call, ended_by, talk, hold, .. } = fact else { return None };
        let mut cdr = self.open.remove(call)?.cdr;
        cdr.ended_at_ms = wall;
        cdr.ended_by = *ended_by;
        cdr.talk_ms = millis(*talk);
        cdr.hold_ms = millis(*hold);
        Some(cdr)
    }

    fn restarted(&mut self, call: CallId, what: Restart) {
        if let Some(open) = self.open.get_mut(&call) {
            open.cdr.restart = Some(what);
        }
    }

    /// The caller was passed on, or should have been.
    fn passed(&mut self, wall: i64, call: CallId, what: &TalkFact) {
        let (by, to, done) = match what {
            TalkFact::Transferred { by, to } => (*by, to.clone(), true),
            TalkFact::TransferFailed { by, to } => (*by, to.clone(), false),
            TalkFact::TakenOver { from, by } => (*from, TransferTo::Agent(*by), true),
            TalkFact::AudioStopped { .. }
            | TalkFact::AudioResumed { .. }
            | TalkFact::Joined { .. }
            | TalkFact::Left { .. }
            | TalkFact::Consulted { .. }
            | TalkFact::Recording { .. } => return,
        };
        let to = match to {
            TransferTo::Agent(agent) => format!("agent {}", self.agent_name(agent)),
            TransferTo::Queue(queue) => format!("queue {}", self.queue_name(queue)),
            TransferTo::Number(number) => format!("number {number}"),
        };
        let passed = Passed { at_ms: wall, by: self.agent_name(by), to, done };
        if let Some(open) = self.open.get_mut(&call).filter(|open| open.cdr.transfers.len() < VISITS_MAX) {
            open.cdr.transfers.push(passed);
        }
    }

    fn agent_name(&self, agent: AgentId) -> String {
        self.agents.get(agent.0 as usize).cloned().unwrap_or_default()
    }

    fn queue_name(&self, queue: QueueId) -> String {
        self.queues.get(queue.0 as usize).cloned().unwrap_or_default()
    }
}

/// A place outside of every queue. The way to another queue is told by the visits.
fn place(to: &Destination) -> Option<String> {
    match to {
        Destination::Queue(_) => None,
        Destination::Number(number) => Some(format!("number {number}")),
        Destination::Message(prompt) => Some(format!("message {prompt}")),
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
