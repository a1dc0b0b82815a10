//! Equal occupancy: the agent who has been occupied for the smallest share of his time.
//!
//! While agents are free their occupancies fall, each at its own pace, so the order they had when they became free is
//! a little off by the time they are chosen. The first few are therefore compared as they are now.

use super::{AgentId, Choice, Eligible, Figures, Strategy};

/// How many are compared anew. Orders rarely cross further than by neighbours.
const COMPARED: usize = 8;

pub(super) struct EqualOccupancy;

impl Strategy for EqualOccupancy {
    fn rank(&self, _agent: AgentId, figures: &Figures) -> u64 {
        figures.occupancy
    }

    fn wave(&self, eligible: &Eligible<'_>, choice: &mut Choice<'_>, wave: &mut Vec<AgentId>) {
        let (agents, now) = (choice.agents, choice.now);
        let occupancy = |id: &AgentId| agents.get(id.0 as usize).map(|agent| agent.occupancy(now));
        wave.extend(eligible.best_matching().take(COMPARED).min_by_key(occupancy));
    }
}
