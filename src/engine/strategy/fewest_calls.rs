//! Fewest calls: the agent who has answered the fewest since start.
//!
//! Widespread, but not fair where speeds differ: who is quick is given as many calls as who is slow, and idles
//! (30 points of occupancy apart with speeds spread by 30 %). `equal-occupancy` is.

use super::{AgentId, Figures, Strategy};

pub(super) struct FewestCalls;

impl Strategy for FewestCalls {
    fn rank(&self, _agent: AgentId, figures: &Figures) -> u64 {
        figures.answered
    }
}
