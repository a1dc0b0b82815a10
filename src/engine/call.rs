//! One call: who it is, and where it stands.

use super::event::Caller;
use super::fact::Outcome;
use super::id::{AgentId, OfferId, QueueId};
use super::settings::AnswerMode;
use super::time::{Monotonic, Now};
use super::waiting::Place;
use serde::{Deserialize, Serialize};

/// A call that has a record: it joined a queue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Call {
    pub queue: QueueId,
    pub caller: Caller,
    pub queued: Now,
    /// Where it stands in line; kept while it is offered, so that a missed offer costs no place.
    pub place: Place,
    /// Whether the caller's INVITE has had its 200.
    pub answered: bool,
    pub language: String,
    /// When `Timer::WaitMax` is due, if it runs.
    pub wait_max: Option<Monotonic>,
    pub stage: Stage,
}

/// Where a call stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Stage {
    /// In line, or being offered when `offers` has something.
    Waiting {
        /// The wave that is being rung.
        offers: Vec<OfferId>,
    },
    /// With an agent.
    Talking {
        /// The agent's leg.
        offer: OfferId,
        /// The agent.
        agent: AgentId,
        /// Since when.
        since: Monotonic,
    },
    /// Hearing a last prompt, its outcome already told.
    Leaving {
        /// How it left the queue.
        outcome: Outcome,
        /// When patience with the prompt ends.
        until: Monotonic,
    },
}

/// A call to a feature code: it hears a confirmation and ends; it never queues and leaves no record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct ServiceCall {
    /// When patience with the prompt ends.
    pub until: Monotonic,
}

impl Call {
    pub(super) fn new(queue: QueueId, caller: Caller, now: Now, place: Place, answer: AnswerMode) -> Self {
        Self {
            queue,
            caller,
            queued: now,
            place,
            answered: answer == AnswerMode::Answer,
            language: String::new(),
            wait_max: None,
            stage: Stage::Waiting { offers: Vec::new() },
        }
    }
}
