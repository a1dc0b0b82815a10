//! Answers why a call waits, from what the engine decides by. A question, not an event: it may look at the whole staff.

use super::Engine;
use super::call::Stage;
use super::command::Refusal;
use super::explain::WaitingBecause;
use super::fact::AgentState;
use super::floor::{Level, Line};
use super::id::CallId;
use super::skill::Requirement;
use super::time::Now;

impl Engine {
    /// Why a waiting call still waits.
    pub(super) fn why_waiting(&self, now: Now, id: CallId) -> Result<WaitingBecause, Refusal> {
        let call = self.calls.get(&id).ok_or(Refusal::UnknownCall)?;
        let Stage::Waiting { offers } = &call.stage else { return Err(Refusal::NotWaiting) };
        let plan = self.floor.plan(call.plan).ok_or(Refusal::UnknownCall)?;
        let waited = now.mono.since(call.queued.mono);
        let level = plan.level_after(waited);
        let mut qualified = [0; AgentState::ALL.len()];
        for (agent, _) in plan.staff.iter().filter(|(_, fit)| fit.level <= level) {
            let seen = self.agents.get(agent.0 as usize).map(|agent| agent.seen);
            if let Some(count) = seen.and_then(|seen| qualified.get_mut(seen as usize)) {
                *count += 1;
            }
        }
        let unqualified =
            self.floor.agents_of(call.queue).filter(|agent| !plan.staff.contains_key(agent)).count();
        let reached = || plan.levels.iter().take(usize::from(level) + 1);
        let lenders = reached().filter(|level| !self.lends(now, level));
        Ok(WaitingBecause {
            queue: call.queue,
            waited,
            ahead: self.floor.ahead(call.line, call.place),
            requirement: requirement_at(reached()),
            level: (level, plan.last_level()),
            next_step: plan.next_level_after(level).map(|after| after.saturating_sub(waited)),
            waits_for: match call.line {
                Line::Personal(agent) => Some(agent),
                Line::Plan(..) => None,
            },
            qualified,
            unqualified,
            lenders_busy: lenders.filter_map(|level| Some(level.lender.as_ref()?.from)).collect(),
            rung: offers.iter().filter_map(|offer| Some(self.offers.get(offer)?.agent)).collect(),
        })
    }
}

/// The latest step's requirement holds all earlier ones as alternatives.
fn requirement_at<'a>(mut reached: impl DoubleEndedIterator<Item = &'a Level>) -> Requirement {
    reached.next_back().map(|level| level.requirement.clone()).unwrap_or_default()
}
