//! Linear, or top-down: the first who is free, in the order of the configuration.

use super::{AgentId, Figures, Strategy};

pub(super) struct Linear;

impl Strategy for Linear {
    fn rank(&self, agent: AgentId, _figures: &Figures) -> u64 {
        u64::from(agent.0)
    }
}
