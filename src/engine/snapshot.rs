//! What readers see: a picture of the engine at one moment, taken between two events.

use super::event::Caller;
use super::explain::OfferedBecause;
use super::fact::AgentState;
use super::id::{AgentId, CallId, QueueId};
use super::time::{Now, Wall};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The whole picture.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Now,
    /// Whether new calls are refused because the engine is about to stop.
    pub draining: bool,
    /// The queues, in the order of the settings.
    pub queues: Vec<QueueView>,
    /// The agents, in the order of the settings.
    pub agents: Vec<AgentView>,
    /// Every call, by identity.
    pub calls: Vec<CallView>,
}

/// One queue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QueueView {
    /// Which.
    pub queue: QueueId,
    /// Calls that wait.
    pub waiting: usize,
    /// When the call that has waited longest joined.
    pub oldest: Option<Wall>,
    /// How long it has waited.
    pub longest_wait: Duration,
    /// Whether it is closed by hand.
    pub closed_by_hand: bool,
    /// Whether it takes callers now, by its hours and by hand.
    pub open: bool,
    /// How many of the queue's agents are in each state, in the order of [`AgentState::ALL`].
    pub agents: [usize; AgentState::ALL.len()],
}

/// One agent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AgentView {
    /// Who.
    pub agent: AgentId,
    /// What he is doing.
    pub state: AgentState,
    /// For how long.
    pub lasted: Duration,
    /// The pause reason, if paused.
    pub reason: Option<String>,
    /// The call he is offered or in.
    pub call: Option<CallId>,
    /// Calls answered since start.
    pub answered: u64,
    /// Time talking since start.
    pub talk: Duration,
    /// The share of his time in calls and after-call work, of that and the time ready; `None` before any.
    pub occupancy: Option<f64>,
}

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStage {
    /// It waits.
    Waiting,
    /// It waits while at least one agent is rung for it.
    Offered,
    /// It is with an agent.
    Talking,
    /// It hears music while somebody is rung to whom it is passed on.
    Transferring,
    /// It hears a last prompt before it is ended.
    Leaving,
}

/// One call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CallView {
    /// Which.
    pub call: CallId,
    /// Its queue.
    pub queue: QueueId,
    /// Who calls.
    pub caller: Caller,
    /// Where it stands.
    pub stage: CallStage,
    /// When it joined the queue.
    pub queued_at: Wall,
    /// How long it has waited, or did wait.
    pub wait: Duration,
    /// The wait it is credited with.
    pub priority: Duration,
    /// Whom it is offered to or with.
    pub agents: Vec<AgentId>,
    /// Why he was asked; of several who ring, why the first was.
    pub because: Option<OfferedBecause>,
}
