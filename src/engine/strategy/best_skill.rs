//! Best skill: the highest proficiency in what the call requires; among equals the longest free.

use super::{AgentId, Figures, Strategy};

pub(super) struct BestSkill;

impl Strategy for BestSkill {
    fn rank(&self, _agent: AgentId, figures: &Figures) -> u64 {
        u64::MAX - u64::from(figures.score)
    }
}
