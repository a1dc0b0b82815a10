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
    /// One after the other in the order of the configuration, going on where it stopped.
    RoundRobin,
    /// The agent who has answered the fewest calls.
    FewestCalls,
    /// The agent who has talked least.
    LeastTalkTime,
    /// The agent with the lowest occupancy: the fairest of all, whatever anybody's speed.
    EqualOccupancy,
    /// The agent who is best at what the call requires; among equals the one longest free.
    BestSkill,
    /// The agent with the fewest skills, which keeps generalists free for calls that need them.
    LeastSkilled,
    /// The first free agent in the order of the configuration: top-down.
    Linear,
    /// Any free agent, by lot.
    Random,
    /// Any free agent, by lot, each with his own weight.
    WeightedRandom,
    /// Every qualified free agent at once; the first to answer has the call.
    RingAll,
    /// One agent, after a while one more beside him, and so on; the first to answer has the call.
    RingProgressively,
}

impl StrategyName {
    /// Every strategy with the name the configuration uses.
    pub const TABLE: [(&'static str, StrategyName); 12] = [
        ("longest-idle", Self::LongestIdle),
        ("round-robin", Self::RoundRobin),
        ("fewest-calls", Self::FewestCalls),
        ("least-talk-time", Self::LeastTalkTime),
        ("equal-occupancy", Self::EqualOccupancy),
        ("best-skill", Self::BestSkill),
        ("least-skilled", Self::LeastSkilled),
        ("linear", Self::Linear),
        ("random", Self::Random),
        ("weighted-random", Self::WeightedRandom),
        ("ring-all", Self::RingAll),
        ("ring-progressively", Self::RingProgressively),
    ];

    pub(super) fn strategy(self) -> &'static dyn Strategy {
        match self {
            Self::BestSkill => &best_skill::BestSkill,
            Self::RingAll => &ring_all::RingAll,
            _ => &longest_idle::LongestIdle,
        }
    }
}

/// A rule for who is asked first.
pub(super) trait Strategy {
    /// Who is rung next, together. Never empty when `eligible` is not.
    fn wave(&self, eligible: &Ready<'_>) -> Vec<AgentId>;
}
