//! Round robin with memory: one after the other in the order of the configuration, going on after whom the queue asked
//! last, whether he answered or not.

use super::{AgentId, Choice, Eligible, Figures, Strategy};

pub(super) struct RoundRobin;

impl Strategy for RoundRobin {
    fn rank(&self, agent: AgentId, _figures: &Figures) -> u64 {
        u64::from(agent.0)
    }

    fn wave(&self, eligible: &Eligible<'_>, choice: &mut Choice<'_>, wave: &mut Vec<AgentId>) {
        let next = match *choice.asked_last {
            Some(last) => eligible.after(u64::from(last.0)),
            None => eligible.first(),
        };
        *choice.asked_last = next.or(*choice.asked_last);
        wave.extend(next);
    }
}
