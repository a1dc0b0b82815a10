//! Who is asked first: one file per strategy, and the table of their names.
//!
//! A strategy says two things: where a free agent stands among the others while he is free (`Strategy::rank`), and who
//! of them is rung for a call (`Strategy::wave`): one or more agents together, so that ringing all is no exception
//! anywhere else. Neither looks at all of them, but for ring-all, which rings them.

mod best_skill;
mod equal_occupancy;
mod fewest_calls;
mod least_skilled;
mod least_talk_time;
mod linear;
mod longest_idle;
mod lots;
mod ring_all;
mod ring_progressively;
mod round_robin;

use super::agent::Agent;
use super::floor::Eligible;
use super::id::AgentId;
use super::rng::Rng;
use super::time::Monotonic;
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
            Self::LongestIdle => &longest_idle::LongestIdle,
            Self::RoundRobin => &round_robin::RoundRobin,
            Self::FewestCalls => &fewest_calls::FewestCalls,
            Self::LeastTalkTime => &least_talk_time::LeastTalkTime,
            Self::EqualOccupancy => &equal_occupancy::EqualOccupancy,
            Self::BestSkill => &best_skill::BestSkill,
            Self::LeastSkilled => &least_skilled::LeastSkilled,
            Self::Linear => &linear::Linear,
            Self::Random => &lots::Random,
            Self::WeightedRandom => &lots::WeightedRandom,
            Self::RingAll => &ring_all::RingAll,
            Self::RingProgressively => &ring_progressively::RingProgressively,
        }
    }

    /// Whether free agents must be kept so that one can be drawn by lot.
    pub(super) fn draws_lots(self) -> bool {
        matches!(self, Self::Random | Self::WeightedRandom)
    }
}

/// What strategies go by, of one free agent; fixed as long as he is free.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Figures {
    /// Since when he has been free.
    pub idle_since: Monotonic,
    /// Calls he is in at the moment.
    pub engaged: u8,
    /// Calls answered since start; breaks do not reset it.
    pub answered: u64,
    /// Time talked since start, in microseconds.
    pub talk_us: u64,
    /// Occupancy when he became free, in millionths.
    pub occupancy: u64,
    /// How many skills he has.
    pub skills: u32,
    /// How good he is at what the plan's calls require.
    pub score: u32,
}

/// What is at hand when a choice is made.
pub(super) struct Choice<'a> {
    pub now: Monotonic,
    pub agents: &'a [Agent],
    pub settings: &'a [super::settings::Agent],
    pub rng: &'a mut Rng,
    /// Whom the queue asked last.
    pub asked_last: &'a mut Option<AgentId>,
}

/// A rule for who is asked first.
pub(super) trait Strategy {
    /// Where he stands among the free who match the call as well: smaller is sooner. Of equals, the longest free.
    fn rank(&self, _agent: AgentId, _figures: &Figures) -> u64 {
        0
    }

    /// Adds who is rung next, together, to `wave`. Somebody, when `eligible` has anybody.
    fn wave(&self, eligible: &Eligible<'_>, _choice: &mut Choice<'_>, wave: &mut Vec<AgentId>) {
        wave.extend(eligible.first());
    }
}
