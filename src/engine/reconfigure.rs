//! Other rules while calls go on: no state is lost, no call is touched, no agent is logged out who is still there.

use super::Engine;
use super::agent::Agent;
use super::command::{Commands, Refusal};
use super::fact::Fact;
use super::floor::{Asks, Floor, Line, Place};
use super::id::{AgentId, CallId, QueueId};
use super::queue::Queue;
use super::settings::{self, Settings};
use super::time::Now;

impl Engine {
    /// Exchanges all rules. Unlike any other event this one looks at everything; it comes with the operator's word.
    pub(super) fn reconfigure(&mut self, now: Now, settings: Settings, out: &mut Commands) {
        for agent in &mut self.agents {
            agent.pooled = None;
        }
        self.welcome_back(&settings);
        for new in settings.agents.iter().skip(self.agents.len()) {
            self.agents.push(Agent::new(new));
        }
        self.queues.resize_with(settings.queues.len().max(self.queues.len()), Queue::default);
        let old = std::mem::replace(&mut self.floor, Floor::new(&settings));
        self.settings = settings;
        self.count_staff();
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        for id in calls {
            self.replan(now, id, &old);
        }
        out.record(now, Fact::Reconfigured);
        for id in (0..).map(AgentId).take(self.agents.len()) {
            self.dismiss_if_retired(id);
            self.settle(now, id, out);
        }
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        for id in calls {
            self.dispatch_call(now, id, out);
            self.rearm(id);
        }
        for queue in (0..).map(QueueId).take(self.queues.len()) {
            self.watch_closing(now, queue);
            self.may_be_deserted(now, queue);
        }
    }

    /// Who was retired and is configured again begins like anybody new.
    fn welcome_back(&mut self, new: &Settings) {
        let returns = |old: &settings::Agent, new: &settings::Agent| old.retired && !new.retired;
        let both = self.settings.agents.iter().zip(&new.agents).zip(&mut self.agents);
        for ((_, new), state) in both.filter(|((old, new), _)| returns(old, new)) {
            state.logged_in |= new.login == settings::Login::Automatic;
        }
    }

    fn dismiss_if_retired(&mut self, id: AgentId) {
        let retired = self.settings.agent(id).is_none_or(|agent| agent.retired);
        if let Some(agent) = self.agent_mut(id).filter(|_| retired) {
            agent.logged_in = false;
            agent.paused = None;
        }
    }

    /// Finds a call its plan under the new rules, and its place in line.
    fn replan(&mut self, now: Now, id: CallId, old: &Floor) {
        let Some(call) = self.calls.get(&id) else { return };
        let by_number = self.floor.number(&call.dialled).map(|(_, plan)| plan);
        let asked = old.plan(call.plan).map(|plan| plan.asks.clone()).unwrap_or_default();
        let was_numbers = old.number(&call.dialled).is_some_and(|(_, plan)| plan == call.plan);
        let asks = Asks { queue: call.queue, ..asked };
        let of_number = by_number.filter(|&plan| {
            was_numbers && self.floor.plan(plan).is_some_and(|plan| plan.asks.queue == call.queue)
        });
        let bare = Asks { queue: call.queue, ..Asks::default() };
        let Some(plan) = of_number.or_else(|| self.plan_for(asks)).or_else(|| self.plan_for(bare)) else {
            return;
        };
        self.floor.take_plan(plan);
        let waited = |call: &super::Call| now.mono.since(call.queued.mono);
        let Some(call) = self.calls.get_mut(&id) else { return };
        let of_queue = self.settings.queue(call.queue).map(|queue| queue.priority).unwrap_or_default();
        call.plan = plan;
        call.level = self.floor.plan(plan).map_or(0, |plan| plan.level_after(waited(call)));
        call.place = Place::new(call.queued.mono, call.credit(of_queue), id);
        if let Line::Plan(..) = call.line {
            call.line = Line::Plan(plan, call.level);
        }
        if call.stands_in_line() {
            let (line, place) = (call.line, call.place);
            self.floor.join(line, place);
        }
    }

    /// Exchanges what is configured of one agent. His state, his calls and his statistics stay.
    pub(super) fn edit_agent(
        &mut self,
        now: Now,
        id: AgentId,
        new: settings::Agent,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        let old = self.settings.agent(id).filter(|agent| !agent.retired).ok_or(Refusal::UnknownAgent)?;
        if old.name != new.name {
            return Err(Refusal::NameChanged);
        }
        if new.queues.iter().any(|queue| self.settings.queue(*queue).is_none_or(|queue| queue.retired)) {
            return Err(Refusal::UnknownQueue);
        }
        if let Some(figures) = self.agents.get_mut(id.0 as usize).and_then(|agent| agent.pooled.take()) {
            self.floor.remove_ready(id, &figures);
        }
        self.floor.refit(id, &new);
        if let Some(slot) = self.settings.agents.get_mut(id.0 as usize) {
            *slot = new;
        }
        self.count_staff();
        self.settle(now, id, out);
        for queue in (0..).map(QueueId).take(self.queues.len()) {
            self.may_be_deserted(now, queue);
        }
        Ok(())
    }
}
