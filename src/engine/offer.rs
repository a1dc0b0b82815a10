//! One offer: a lease on an agent with a deadline, never a reservation for ever.

use super::explain::OfferedBecause;
use super::id::{AgentId, CallId, QueueId};
use super::time::Monotonic;
use serde::{Deserialize, Serialize};

/// Somebody being rung for one call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Offer {
    pub call: CallId,
    pub queue: QueueId,
    pub agent: AgentId,
    pub because: OfferedBecause,
    pub made: Monotonic,
    /// When `Timer::Ring` is due.
    pub ring_until: Monotonic,
}
