//! One call: who it is, and where it stands.

use super::event::Caller;
use super::explain::OfferedBecause;
use super::floor::{Line, Place, PlanId};
use super::id::{AgentId, OfferId, QueueId};
use super::time::{Monotonic, Now};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A call that has a record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Call {
    pub dialled: String,
    pub caller: Caller,
    pub sip_call_id: String,
    pub language: String,
    /// The queue it is in, was in last, or was turned away from.
    pub queue: QueueId,
    /// When it joined this queue.
    pub queued: Now,
    /// The wait it is credited with by number, request or header; the queue's own comes on top.
    pub priority: Duration,
    /// The wait it brought along from another queue, or from before the connection was lost.
    pub carried: Duration,
    pub plan: PlanId,
    pub level: u8,
    pub line: Line,
    /// Where it stands in line; kept while it is offered, so that a missed offer costs no place.
    pub place: Place,
    /// While it waits for one agent alone: until when, if not for ever, and why.
    pub waits_for: Option<(Option<Monotonic>, OfferedBecause)>,
    /// Why the agent it is with was asked.
    pub because: Option<OfferedBecause>,
    /// Whether the caller's INVITE has had its 200.
    pub answered: bool,
    /// Whether he is there.
    pub presence: Presence,
    /// When `Timer::Call` is due, if it runs.
    pub due: Option<Monotonic>,
    /// When one more agent is rung.
    pub ring_step: Option<Monotonic>,
    /// Rules of the queue's overflow chain that have been tried.
    pub overflow_tried: usize,
    /// Who joined the conversation besides caller and agent, or is rung to.
    pub guests: Vec<OfferId>,
    pub recorded: Option<Recorded>,
    /// Keys the agent has pressed in the conversation, and when he pressed the last.
    pub keys: String,
    pub last_key: Monotonic,
    /// Who served the caller last, when he has gone while the call was being passed on.
    pub passed_on_by: Option<AgentId>,
    /// Queues it has been passed on from.
    pub hops: u8,
    pub stage: Stage,
}

/// Whether a caller is there. Only after a restart is that a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) enum Presence {
    #[default]
    There,
    /// His leg is being asked for.
    Away,
    /// He is there and waits, and somebody before him in line is being asked for: nobody is overtaken by that.
    Behind,
}

/// A recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Recorded {
    Running,
    /// Somebody wanted that.
    Paused,
    /// The caller is on hold.
    OnHold,
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
        /// Since when the agent has put it on hold, if he has.
        held_since: Option<Monotonic>,
        /// How long it was on hold before.
        held: Duration,
    },
    /// A number outside is being called for it.
    Dialling {
        /// The leg to the number.
        offer: OfferId,
        /// When that has lasted long enough.
        until: Monotonic,
    },
    /// With somebody outside.
    Outside {
        /// The leg to him.
        offer: OfferId,
        /// Since when.
        since: Monotonic,
    },
    /// With nobody: its agent has gone while the one it is passed on to is rung.
    Transferring {
        /// Whose leg rings; one of its guests.
        offer: OfferId,
        /// How long it was with the agent.
        talked: Duration,
        /// How much of that it was on hold.
        held: Duration,
    },
    /// Hearing a last prompt, its outcome already told.
    Leaving {
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
    /// Whether it waits, the caller and all before him are there, and nobody is being rung for it.
    pub(super) fn stands_in_line(&self) -> bool {
        self.presence == Presence::There
            && matches!(&self.stage, Stage::Waiting { offers } if offers.is_empty())
    }

    /// The wait it is credited with in all, in a queue with this credit of its own.
    pub(super) fn credit(&self, of_queue: Duration) -> Duration {
        self.priority.saturating_add(of_queue).saturating_add(self.carried)
    }

    /// The leg and the agent with whom the caller talks.
    pub(super) fn talks_by(&self) -> Option<(OfferId, AgentId)> {
        match self.stage {
            Stage::Talking { offer, agent, .. } => Some((offer, agent)),
            Stage::Waiting { .. }
            | Stage::Dialling { .. }
            | Stage::Outside { .. }
            | Stage::Transferring { .. }
            | Stage::Leaving { .. } => None,
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting { .. })
    }
}
