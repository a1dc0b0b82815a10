//! Least skilled: the agent with the fewest skills, so that those who can do everything stay free for calls that
//! only they can take.

use super::{AgentId, Figures, Strategy};

pub(super) struct LeastSkilled;

impl Strategy for LeastSkilled {
    fn rank(&self, _agent: AgentId, figures: &Figures) -> u64 {
        u64::from(figures.skills)
    }
}
