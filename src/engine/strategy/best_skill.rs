//! Best skill: the highest proficiency in what the call requires; among equals the longest free.

use super::{AgentId, Ready, Strategy};
use std::cmp::Reverse;

pub(super) struct BestSkill;

impl Strategy for BestSkill {
    fn wave(&self, eligible: &Ready<'_>) -> Vec<AgentId> {
        let best = eligible
            .groups()
            .filter_map(|group| Some((Reverse(eligible.score(group)), *group.ready.first()?)))
            .min();
        best.map(|(_, (_, agent))| agent).into_iter().collect()
    }
}
