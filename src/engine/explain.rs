//! Why a call waits, and why an agent was chosen: what supervisors ask most, answered by what the engine decided by.

use super::fact::AgentState;
use super::id::{AgentId, QueueId};
use super::skill::Requirement;
use super::strategy::StrategyName;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Why a call still waits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WaitingBecause {
    /// In which queue.
    pub queue: QueueId,
    /// How long it has waited.
    pub waited: Duration,
    /// How many calls of its queue with the same requirement stand before it.
    pub ahead: usize,
    /// What an agent must meet now; after relaxation, the alternatives together.
    pub requirement: Requirement,
    /// How many steps it has been widened by, and how many there are.
    pub level: (u8, u8),
    /// When the next step comes, from now.
    pub next_step: Option<Duration>,
    /// The agent it waits for alone.
    pub waits_for: Option<AgentId>,
    /// How many agents who may take it are in each state, in the order of [`AgentState::ALL`].
    pub qualified: [usize; AgentState::ALL.len()],
    /// How many of the queue's agents do not meet the requirement.
    pub unqualified: usize,
    /// Whose agents could help but may not, because their own queue needs them.
    pub lenders_busy: Vec<QueueId>,
    /// Who is being rung for it.
    pub rung: Vec<AgentId>,
}

/// Why an agent was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferedBecause {
    /// The queue's strategy chose him among those free.
    Strategy {
        /// Which strategy.
        strategy: StrategyName,
        /// How many steps the call had been widened by when he became eligible: 0 is the best match.
        level: u8,
        /// Whether he takes it with a secondary skill, or is lent by another queue.
        secondary: bool,
    },
    /// The caller talked to him last.
    LastAgent,
    /// The caller dialled him.
    Dialled,
    /// A supervisor gave it to him.
    Pulled,
}
