//! The search for the fewest agents that reach a goal. It knows no formula: the model is passed in.

use super::Performance;

/// Nobody plans with more agents; a goal that needs them is a mistake.
const AGENTS_MAX: u32 = 1_000_000;

/// What is to be reached.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Goal {
    /// The wait within which an answer counts as in time, in seconds.
    pub threshold_s: f64,
    /// The share of calls to be answered in time, 0 to 1.
    pub service_level: f64,
    /// The highest occupancy that agents are to have, 0 to 1.
    pub occupancy_max: Option<f64>,
}

impl Goal {
    /// Whether it is reached.
    pub fn is_reached(&self, performance: &Performance) -> bool {
        performance.service_level >= self.service_level
            && self.occupancy_max.is_none_or(|most| performance.occupancy <= most)
    }
}

/// The fewest agents that reach the goal in the given model; `None` when a million do not. The model answers `None`
/// for so few agents that the line grows without end. One more agent never makes anything worse, so it is bisected.
pub fn fewest_agents(goal: &Goal, model: impl Fn(u32) -> Option<Performance>) -> Option<Performance> {
    let reached = |agents: u32| model(agents).filter(|performance| goal.is_reached(performance));
    let mut enough: u32 = 1;
    while reached(enough).is_none() {
        if enough >= AGENTS_MAX {
            return None;
        }
        enough = enough.saturating_mul(2).min(AGENTS_MAX);
    }
    let mut too_few = enough / 2;
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        if reached(middle).is_some() { enough = middle } else { too_few = middle }
    }
    reached(enough)
}
