//! What agents, supervisors and programs ask for, through the API or a feature code.

use super::Engine;
use super::command::{Commands, Refusal};
use super::event::Request;
use super::fact::{AgentState, EndedBy, Fact};
use super::id::AgentId;
use super::time::Now;
use super::timer::Timer;

impl Engine {
    pub(super) fn request(&mut self, now: Now, request: Request, out: &mut Commands) -> Result<(), Refusal> {
        match request {
            Request::Login { agent } => {
                self.agent_mut(agent).ok_or(Refusal::UnknownAgent)?.logged_in = true;
                self.make_ready(now, agent, out)
            }
            Request::Logout { agent } => {
                let state = self.agent_mut(agent).ok_or(Refusal::UnknownAgent)?;
                state.logged_in = false;
                state.paused = None;
                self.settle(now, agent, out);
                Ok(())
            }
            Request::Pause { agent, reason } => self.pause(now, agent, reason, out),
            Request::Ready { agent } => self.make_ready(now, agent, out),
            Request::HangUp { call } => {
                if !self.calls.contains_key(&call) {
                    return Err(Refusal::UnknownCall);
                }
                self.end_call(now, call, EndedBy::System, out);
                Ok(())
            }
            _ => Err(Refusal::CannotTake),
        }
    }

    fn pause(&mut self, now: Now, id: AgentId, reason: String, out: &mut Commands) -> Result<(), Refusal> {
        let known = self.settings.pause_reasons.contains(&reason);
        let agent = self.agent_mut(id).ok_or(Refusal::UnknownAgent)?;
        if !agent.logged_in {
            return Err(Refusal::NotLoggedIn);
        }
        if !known {
            return Err(Refusal::UnknownReason);
        }
        let is_another = agent.paused.as_ref().is_some_and(|old| *old != reason);
        agent.paused = Some(reason.clone());
        self.settle(now, id, out);
        if is_another {
            self.paused_for_another_reason(now, id, reason, out);
        }
        Ok(())
    }

    /// The time of each reason is told apart, though to others he is paused all along.
    fn paused_for_another_reason(&mut self, now: Now, id: AgentId, reason: String, out: &mut Commands) {
        let Some(agent) = self.agent_mut(id).filter(|agent| agent.seen == AgentState::Paused) else { return };
        let lasted = now.mono.since(agent.seen_since);
        agent.seen_since = now.mono;
        let (from, to) = (AgentState::Paused, AgentState::Paused);
        out.record(now, Fact::AgentStateChanged { agent: id, from, to, lasted, reason: Some(reason) });
    }

    /// Ends whatever keeps a logged-in agent from the next call, but for a call itself.
    fn make_ready(&mut self, now: Now, id: AgentId, out: &mut Commands) -> Result<(), Refusal> {
        let agent = self.agent_mut(id).ok_or(Refusal::UnknownAgent)?;
        if !agent.logged_in {
            return Err(Refusal::NotLoggedIn);
        }
        agent.paused = None;
        if let Some(until) = agent.resting_until.take() {
            self.timers.cancel(until, Timer::Rest(id));
        }
        self.wrap_up_ended(now, id, out);
        self.settle(now, id, out);
        Ok(())
    }
}
