//! Calls that wait for one agent alone: whom they last talked to, whom they dialled, or to whom a supervisor gave them.
//! Never for ever: the wait has an end, and it ends at once when he goes.

use super::Engine;
use super::command::Commands;
use super::event::Caller;
use super::explain::OfferedBecause;
use super::fact::Fact;
use super::floor::Line;
use super::id::{AgentId, CallId, QueueId};
use super::memory::Lost;
use super::time::Now;
use std::time::Duration;

impl Engine {
    /// The agent who served this caller last, if the queue prefers him.
    pub(super) fn last_agent(
        &self,
        now: Now,
        queue: QueueId,
        caller: &Caller,
    ) -> Option<(AgentId, Option<Duration>, OfferedBecause)> {
        let rules = self.settings.queue(queue)?.last_agent?;
        if caller.is_anonymous() {
            return None;
        }
        let agent = self.memory.served.recall(now.mono, &(queue, caller.number.clone()))?;
        Some((agent, Some(rules.wait), OfferedBecause::LastAgent))
    }

    /// Remembers who serves a caller, if the queue will prefer him.
    pub(super) fn remember_served(&mut self, now: Now, call: CallId, agent: AgentId) {
        let Some(call) = self.calls.get(&call).filter(|call| !call.caller.is_anonymous()) else { return };
        let Some(rules) = self.settings.queue(call.queue).and_then(|queue| queue.last_agent) else { return };
        let key = (call.queue, call.caller.number.clone());
        self.memory.served.remember(now.mono, now.mono + rules.within, key, agent);
    }

    /// Remembers the place of a caller who is gone, if the queue keeps it for him. Whoever withholds his number could
    /// be anybody.
    pub(super) fn remember_lost(&mut self, now: Now, call: CallId) {
        let Some(call) = self.calls.get(&call).filter(|call| !call.caller.is_anonymous()) else { return };
        // When he dials again he comes to the queue of that number, wherever he waited last.
        let number = self.floor.number(&call.dialled).and_then(|(at, _)| self.settings.numbers.get(at));
        let queue = number.map_or(call.queue, |number| number.queue);
        let Some(within) = self.settings.queue(queue).and_then(|queue| queue.resume_within) else { return };
        let waited = now.mono.since(call.queued.mono) + call.carried;
        let lost = Lost { waited, at: now.mono, priority: call.priority };
        let key = (queue, call.caller.number.clone());
        self.memory.lost.remember(now.mono, now.mono + within, key, lost);
    }

    /// Lets a call in line wait for this agent alone, if he is at work and, unless he was asked for by name, qualified.
    pub(super) fn wait_for(
        &mut self,
        now: Now,
        id: CallId,
        agent: AgentId,
        wait: Option<Duration>,
        because: OfferedBecause,
    ) -> bool {
        let Some(call) = self.calls.get_mut(&id).filter(|call| call.stands_in_line()) else { return false };
        let at_work = self.agents.get(agent.0 as usize).is_some_and(super::Agent::is_working);
        let fits = because != OfferedBecause::LastAgent
            || self.floor.plan(call.plan).is_some_and(|plan| plan.staff.contains_key(&agent));
        if !at_work || !fits {
            return false;
        }
        let line = Line::Personal(agent);
        call.waits_for = Some((wait.map(|wait| now.mono + wait), because));
        let (old, place) = (std::mem::replace(&mut call.line, line), call.place);
        self.floor.leave(old, place);
        self.floor.join(line, place);
        true
    }

    /// The agent it waited for alone did not become free in time: anybody qualified may take it.
    pub(super) fn wait_for_anybody(&mut self, now: Now, id: CallId, out: &mut Commands) {
        self.stop_waiting_for(now, id, out);
        self.dispatch_call(now, id, out);
    }

    /// Puts a call that stands in a personal line among those of its plan, at its old place.
    pub(super) fn stop_waiting_for(&mut self, now: Now, id: CallId, out: &mut Commands) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if call.waits_for.take().is_none() {
            return;
        }
        let waited = now.mono.since(call.queued.mono);
        call.level = self.floor.plan(call.plan).map_or(0, |plan| plan.level_after(waited));
        let line = Line::Plan(call.plan, call.level);
        let (old, place) = (std::mem::replace(&mut call.line, line), call.place);
        if call.stands_in_line() {
            self.floor.leave(old, place);
            self.floor.join(line, place);
        }
        out.record(now, Fact::CallWidened { call: id, queue: call.queue, level: call.level });
    }

    /// An agent has gone: who waited for him alone waits for anybody.
    pub(super) fn release_personal(&mut self, now: Now, agent: AgentId, out: &mut Commands) {
        let waiting: Vec<_> = self.floor.personal(agent).collect();
        for call in waiting {
            self.wait_for_anybody(now, call, out);
            self.rearm(call);
        }
    }
}
