//! Call records: the facts of one call folded into one line, exactly one per queued call.

use crate::engine::fact::{EndedBy, Fact, OfferOutcome, Outcome, Stamped};
use crate::engine::id::CallId;
use crate::engine::settings::Settings;
use crate::engine::time::Wall;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// One call, from joining its queue to its end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cdr {
    /// The call's identity: unique across restarts, and a text, for JSON numbers end at 2⁵³.
    #[serde(with = "as_text")]
    pub call: CallId,
    /// The SIP Call-ID.
    pub sip_call_id: String,
    /// The queue's name.
    pub queue: String,
    /// What was dialled.
    pub dialled: String,
    /// The caller's number; empty when withheld.
    pub caller_number: String,
    /// The caller's name; empty when there was none.
    pub caller_name: String,
    /// The language it was served in.
    pub language: String,
    /// The wait it was credited with, in milliseconds.
    pub priority_ms: u64,
    /// When it joined the queue, in milliseconds since 1970.
    pub queued_at_ms: i64,
    /// When an agent answered, if one did.
    pub answered_at_ms: Option<i64>,
    /// When it was over.
    pub ended_at_ms: i64,
    /// From joining to leaving the queue.
    pub wait_ms: u64,
    /// With the agent.
    pub talk_ms: u64,
    /// How long the agent who answered was rung.
    pub ring_ms: u64,
    /// Offers made to agents.
    pub offers: u32,
    /// How it left the queue.
    pub outcome: Outcome,
    /// Whether it was answered within the queue's threshold.
    pub answered_in_threshold: bool,
    /// The name of the agent who answered.
    pub agent: Option<String>,
    /// Who ended it.
    pub ended_by: EndedBy,
}

mod as_text {
    use super::CallId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(call: &CallId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(call)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<CallId, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(CallId).map_err(D::Error::custom)
    }
}

/// Which records are wanted; newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CdrFilter {
    /// Only of this queue.
    pub queue: Option<String>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// Only of calls that joined at or after this time, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

impl CdrFilter {
    /// More than this is never read at once.
    pub const LIMIT_MAX: u32 = 10_000;
}

/// A call that is not over.
#[derive(Debug)]
struct Open {
    cdr: Cdr,
    left_queue: bool,
}

/// The fold: facts in, one record out at each call's end.
#[derive(Debug)]
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
        Self {
            queues: settings.queues.iter().map(|queue| queue.name.clone()).collect(),
            agents: settings.agents.iter().map(|agent| agent.name.clone()).collect(),
            open: BTreeMap::new(),
            open_max: settings.limits.calls_max.saturating_mul(2).max(1),
            overlooked: 0,
        }
    }

    /// Folds one fact; the record, when it was the call's last.
    pub fn observe(&mut self, stamped: &Stamped) -> Option<Cdr> {
        let wall = stamped.at.wall.0;
        match &stamped.fact {
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
            Fact::CallLeftQueue { .. } => self.left(wall, &stamped.fact),
            Fact::CallEnded { call, ended_by, talk, .. } => return self.ended(wall, *call, *ended_by, *talk),
            Fact::CallTurnedAway { .. }
            | Fact::CallWidened { .. }
            | Fact::CallDisposed { .. }
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

    fn queued(&mut self, wall: i64, fact: &Fact) {
        let Fact::CallQueued { call, queue, dialled, caller, sip_call_id, language, priority, .. } = fact
        else {
            return;
        };
        if self.open.len() >= self.open_max {
            self.overlooked = self.overlooked.saturating_add(1);
            return;
        }
        let cdr = Cdr {
            call: *call,
            sip_call_id: sip_call_id.clone(),
            queue: self.queues.get(queue.0 as usize).cloned().unwrap_or_default(),
            dialled: dialled.clone(),
            caller_number: caller.number.clone(),
            caller_name: caller.name.clone(),
            language: language.clone(),
            priority_ms: millis(*priority),
            queued_at_ms: wall,
            answered_at_ms: None,
            ended_at_ms: wall,
            wait_ms: 0,
            talk_ms: 0,
            ring_ms: 0,
            offers: 0,
            outcome: Outcome::Error,
            answered_in_threshold: false,
            agent: None,
            ended_by: EndedBy::System,
        };
        self.open.insert(*call, Open { cdr, left_queue: false });
    }

    fn left(&mut self, wall: i64, fact: &Fact) {
        let Fact::CallLeftQueue { call, outcome, wait, answered_in_threshold, agent, .. } = fact else {
            return;
        };
        let agent = agent.and_then(|agent| self.agents.get(agent.0 as usize).cloned());
        let Some(open) = self.open.get_mut(call) else { return };
        debug_assert!(!open.left_queue, "call {call} left its queue twice");
        open.left_queue = true;
        open.cdr.outcome = *outcome;
        open.cdr.wait_ms = millis(*wait);
        open.cdr.answered_in_threshold = *answered_in_threshold;
        open.cdr.answered_at_ms = (*outcome == Outcome::Answered).then_some(wall);
        open.cdr.agent = agent;
    }

    fn ended(&mut self, wall: i64, call: CallId, ended_by: EndedBy, talk: Duration) -> Option<Cdr> {
        let mut cdr = self.open.remove(&call)?.cdr;
        cdr.ended_at_ms = wall;
        cdr.ended_by = ended_by;
        cdr.talk_ms = millis(talk);
        Some(cdr)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::Caller;
    use crate::engine::id::{AgentId, OfferId, QueueId};
    use crate::engine::settings::{Agent, Limits, Queue};
    use crate::engine::time::{Monotonic, Now};

    fn fold(calls_max: usize) -> CdrFold {
        CdrFold::new(&Settings {
            queues: vec![Queue { name: "sales".into(), ..Queue::default() }],
            agents: vec![Agent { name: "anna".into(), ..Agent::default() }],
            limits: Limits { calls_max, ..Limits::default() },
            ..Settings::default()
        })
    }

    fn at(wall_ms: i64, fact: Fact) -> Stamped {
        Stamped { at: Now { mono: Monotonic(0), wall: Wall(wall_ms) }, fact }
    }

    fn queued(call: u64) -> Fact {
        Fact::CallQueued {
            call: CallId(call),
            queue: QueueId(0),
            dialled: "4001".into(),
            caller: Caller { number: "+491".into(), name: "Rosa".into() },
            sip_call_id: format!("{call}@host"),
            language: "de".into(),
            priority: Duration::from_secs(30),
            waiting: 1,
        }
    }

    fn left(call: u64, outcome: Outcome, wait_ms: u64, agent: Option<AgentId>) -> Fact {
        let wait = Duration::from_millis(wait_ms);
        let (call, queue, answered_in_threshold) = (CallId(call), QueueId(0), agent.is_some());
        Fact::CallLeftQueue { call, queue, outcome, wait, answered_in_threshold, agent, waiting: 0 }
    }

    fn ended(call: u64, ended_by: EndedBy, talk_ms: u64) -> Fact {
        Fact::CallEnded {
            call: CallId(call),
            queue: QueueId(0),
            ended_by,
            talk: Duration::from_millis(talk_ms),
        }
    }

    #[test]
    fn calls_cut_short_by_a_failure_have_records_too() {
        let mut fold = fold(10);
        for fact in [queued(1), queued(2), left(2, Outcome::Answered, 300, Some(AgentId(0)))] {
            assert_eq!(fold.observe(&at(1000, fact)), None);
        }
        let cut = fold.cut_short(Wall(9000));
        let told: Vec<_> = cut.iter().map(|cdr| (cdr.call.0, cdr.outcome, cdr.ended_at_ms)).collect();
        assert_eq!(told, [(1, Outcome::Error, 9000), (2, Outcome::Answered, 9000)]);
        assert_eq!(fold.open(), 0);
    }

    #[test]
    fn an_answered_call_becomes_one_record_with_all_its_figures() {
        let (call, queue, agent) = (CallId(7), QueueId(0), AgentId(0));
        let offer_ended = |offer, outcome, ring_ms| Fact::OfferEnded {
            offer: OfferId(offer),
            call,
            queue,
            agent,
            outcome,
            ring: Duration::from_millis(ring_ms),
        };
        let facts = [
            at(1000, queued(7)),
            at(1100, Fact::OfferMade { offer: OfferId(1), call, queue, agent }),
            at(3000, offer_ended(1, OfferOutcome::Declined, 1900)),
            at(3000, Fact::OfferMade { offer: OfferId(2), call, queue, agent }),
            at(7000, offer_ended(2, OfferOutcome::Answered, 4000)),
            at(7000, left(7, Outcome::Answered, 6000, Some(agent))),
        ];
        let mut fold = fold(10);
        assert!(facts.iter().all(|fact| fold.observe(fact).is_none()));
        let cdr = fold.observe(&at(9500, ended(7, EndedBy::Agent, 2500))).unwrap();
        assert_eq!((cdr.queue.as_str(), cdr.agent.as_deref()), ("sales", Some("anna")));
        assert_eq!((cdr.queued_at_ms, cdr.answered_at_ms, cdr.ended_at_ms), (1000, Some(7000), 9500));
        assert_eq!((cdr.wait_ms, cdr.talk_ms, cdr.ring_ms, cdr.offers), (6000, 2500, 4000, 2));
        assert_eq!(
            (cdr.outcome, cdr.ended_by, cdr.answered_in_threshold),
            (Outcome::Answered, EndedBy::Agent, true)
        );
        assert_eq!(
            (cdr.priority_ms, cdr.language.as_str(), cdr.caller_name.as_str()),
            (30_000, "de", "Rosa")
        );
        assert_eq!(fold.open(), 0);
    }

    #[test]
    fn an_abandoned_call_has_no_agent_and_no_answer() {
        let mut fold = fold(10);
        fold.observe(&at(0, queued(1)));
        fold.observe(&at(8000, left(1, Outcome::Abandoned, 8000, None)));
        let cdr = fold.observe(&at(8000, ended(1, EndedBy::Caller, 0))).unwrap();
        assert_eq!((cdr.agent, cdr.answered_at_ms, cdr.outcome), (None, None, Outcome::Abandoned));
    }

    #[test]
    fn a_call_is_recorded_once_however_often_its_end_is_told() {
        let mut fold = fold(10);
        fold.observe(&at(0, queued(1)));
        assert!(fold.observe(&at(1, ended(1, EndedBy::Caller, 0))).is_some());
        assert!(fold.observe(&at(2, ended(1, EndedBy::Caller, 0))).is_none());
        assert!(fold.observe(&at(2, ended(99, EndedBy::Caller, 0))).is_none());
    }

    #[test]
    fn the_fold_is_bounded_and_counts_what_it_overlooks() {
        let mut fold = fold(2);
        for call in 0..10 {
            fold.observe(&at(0, queued(call)));
        }
        assert_eq!((fold.open(), fold.overlooked()), (4, 6));
    }

    #[test]
    fn a_record_survives_json() {
        let mut fold = fold(10);
        fold.observe(&at(0, queued(u64::MAX)));
        let cdr = fold.observe(&at(1, ended(u64::MAX, EndedBy::Caller, 0))).unwrap();
        let json = serde_json::to_string(&cdr).unwrap();
        assert!(json.contains("\"call\":\"18446744073709551615\""), "{json}");
        assert_eq!(serde_json::from_str::<Cdr>(&json).unwrap(), cdr);
    }
}
