//! Who is asked first: one file per strategy, and the table of their names.
//!
//! Every strategy answers with a *wave* of one or more agents who are rung together, so that ringing all
//! is no exception anywhere else.

mod best_skill;
mod longest_idle;
mod ring_all;

use super::id::AgentId;
use super::waiting::Ready;
use serde::{Deserialize, Serialize};

/// The strategies, by the names the configuration uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyName {
    /// The agent who has been free longest.
    #[default]
    LongestIdle,
    /// The agent who is best at what the call requires; among equals the one longest free.
    BestSkill,
    /// Every qualified free agent at once; the first to answer has the call.
    RingAll,
}

impl StrategyName {
    /// Every strategy with the name the configuration uses.
    pub const TABLE: [(&'static str, StrategyName); 3] =
        [("longest-idle", Self::LongestIdle), ("best-skill", Self::BestSkill), ("ring-all", Self::RingAll)];

    pub(super) fn strategy(self) -> &'static dyn Strategy {
        match self {
            Self::LongestIdle => &longest_idle::LongestIdle,
            Self::BestSkill => &best_skill::BestSkill,
            Self::RingAll => &ring_all::RingAll,
        }
    }
}

/// A rule for who is asked first.
pub(super) trait Strategy {
    /// Who is rung next, together. Never empty when `eligible` is not.
    fn wave(&self, eligible: &Ready<'_>) -> Vec<AgentId>;
}
