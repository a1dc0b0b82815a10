//! Longest idle: the agent who has been free longest. Fair, and the custom of the trade.

use super::{AgentId, Ready, Strategy};

pub(super) struct LongestIdle;

impl Strategy for LongestIdle {
    fn wave(&self, eligible: &Ready<'_>) -> Vec<AgentId> {
        let first = eligible.groups().filter_map(|group| group.ready.first()).min();
        first.map(|&(_, agent)| agent).into_iter().collect()
    }
}
