//! Least talk time: the agent who has talked least since start.

use super::{AgentId, Figures, Strategy};

pub(super) struct LeastTalkTime;

impl Strategy for LeastTalkTime {
    fn rank(&self, _agent: AgentId, figures: &Figures) -> u64 {
        figures.talk_us
    }
}
