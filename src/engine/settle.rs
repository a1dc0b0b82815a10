//! What follows from a change of an agent's state: the one way in or out of the ready pool.

use super::Engine;
use super::agent::Agent;
use super::command::Commands;
use super::fact::{AgentState, Fact};
use super::id::{AgentId, QueueId};
use super::time::Now;

impl Engine {
    /// Brings everything that follows from an agent's state up to date after a change: the fact, his
    /// place among the free, and a call for him if one waits.
    pub(super) fn settle(&mut self, now: Now, id: AgentId, out: &mut Commands) {
        self.show_state(now, id, out);
        if self.pool(now, id) {
            self.dispatch_to_agent(now, id, out);
        }
    }

    /// Records the change that others see.
    fn show_state(&mut self, now: Now, id: AgentId, out: &mut Commands) {
        let fatigue = self.settings.fatigue;
        let Some(agent) = self.agents.get_mut(id.0 as usize) else { return };
        let (from, to) = (agent.seen, agent.state());
        if from == to {
            return;
        }
        let lasted = agent.leave_state(now.mono, fatigue.as_ref());
        agent.seen = to;
        match to {
            // Whoever was rung in vain, through no doing of his, is still the longest idle.
            AgentState::Ready | AgentState::Offered => {}
            AgentState::LoggedOut
            | AgentState::Unreachable
            | AgentState::Talking
            | AgentState::OnHold
            | AgentState::WrapUp
            | AgentState::Paused
            | AgentState::Resting => agent.idle_since = None,
        }
        let reason = agent.paused.clone().filter(|_| to == AgentState::Paused);
        out.record(now, Fact::AgentStateChanged { agent: id, from, to, lasted, reason });
        self.count_change(id, from, to);
        self.staff_may_be_gone(now, id, to, out);
    }

    /// Puts an agent among the free or takes him out, as his state has it. Whether he has newly become free.
    fn pool(&mut self, now: Now, id: AgentId) -> bool {
        let (Some(agent), Some(settings)) =
            (self.agents.get_mut(id.0 as usize), self.settings.agents.get(id.0 as usize))
        else {
            return false;
        };
        let available = agent.is_available(settings.capacity) && !settings.retired;
        let engaged = agent.pooled.map(|figures| usize::from(figures.engaged));
        match (engaged, available) {
            (None, false) => false,
            (Some(engaged), true) if engaged == agent.calls.len() => false,
            (was, is) => {
                if let Some(figures) = agent.pooled.take() {
                    self.floor.remove_ready(id, &figures);
                }
                if is {
                    agent.idle_since.get_or_insert(now.mono);
                    let skills = u32::try_from(settings.skills.len()).unwrap_or(u32::MAX);
                    let figures = agent.figures(now.mono, skills);
                    agent.pooled = Some(figures);
                    self.floor.add_ready(id, &figures);
                }
                was.is_none() && is
            }
        }
    }

    /// Counts every queue's staff anew.
    pub(super) fn count_staff(&mut self) {
        for queue in &mut self.queues {
            queue.staff = [0; AgentState::ALL.len()];
        }
        for (agent, settings) in self.agents.iter().zip(&self.settings.agents) {
            for queue in settings.queues.iter().filter(|_| !settings.retired) {
                add(&mut self.queues, *queue, agent, 1);
            }
        }
    }

    fn count_change(&mut self, id: AgentId, from: AgentState, to: AgentState) {
        let Some(settings) = self.settings.agents.get(id.0 as usize).filter(|agent| !agent.retired) else {
            return;
        };
        for queue in &settings.queues {
            if let Some(queue) = self.queues.get_mut(queue.0 as usize) {
                if let Some(count) = queue.staff.get_mut(from as usize) {
                    *count = count.saturating_sub(1);
                }
                if let Some(count) = queue.staff.get_mut(to as usize) {
                    *count += 1;
                }
            }
        }
    }

    /// Who waits must not wait for somebody who has gone.
    fn staff_may_be_gone(&mut self, now: Now, id: AgentId, to: AgentState, out: &mut Commands) {
        if matches!(to, AgentState::LoggedOut | AgentState::Paused | AgentState::Unreachable) {
            self.release_personal(now, id, out);
        }
        for at in 0.. {
            let queues = self.settings.agents.get(id.0 as usize).map(|agent| &agent.queues);
            let Some(&queue) = queues.and_then(|queues| queues.get(at)) else { return };
            self.may_be_deserted(now, queue);
        }
    }

    /// Lets those who wait in a queue leave if nobody is left who could serve them. They leave a moment later, when
    /// whatever is just happening has been brought to its end.
    pub(super) fn may_be_deserted(&mut self, now: Now, id: QueueId) {
        let Some(rules) = self.settings.queues.get(id.0 as usize) else { return };
        let Some(queue) = self.queues.get_mut(id.0 as usize) else { return };
        if !queue.is_emptying && !queue.line.is_empty() && queue.staff_is_all(&rules.leave_when_all) {
            queue.is_emptying = true;
            self.timers.start(now.mono, super::Timer::Emptied(id));
        }
    }
}

fn add(queues: &mut [super::Queue], queue: QueueId, agent: &Agent, by: u32) {
    if let Some(queue) = queues.get_mut(queue.0 as usize)
        && let Some(count) = queue.staff.get_mut(agent.seen as usize)
    {
        *count += by;
    }
}
