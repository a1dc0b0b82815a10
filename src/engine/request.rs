//! What agents, supervisors and programs ask for, through the API or a feature code.

use super::Engine;
use super::command::{Answer, Command, Commands, Refusal};
use super::event::Request;
use super::fact::{AgentState, EndedBy, Fact};
use super::id::{AgentId, LegId};
use super::time::Now;
use super::timer::Timer;

impl Engine {
    pub(super) fn request(
        &mut self,
        now: Now,
        request: Request,
        out: &mut Commands,
    ) -> Result<Answer, Refusal> {
        let done = match request {
            Request::Login { agent } => self.log_in(now, agent, out),
            Request::Logout { agent } => self.log_out(now, agent, out),
            Request::Pause { agent, reason } => self.pause(now, agent, reason, out),
            Request::Ready { agent } => self.make_ready(now, agent, out),
            Request::ExtendWrapUp { agent, by } => self.extend_wrap_up(agent, by),
            Request::Dispose { agent, disposition } => self.dispose(now, agent, disposition, out),
            Request::Release { agent } => self.release(now, agent, out),
            Request::EditAgent { agent, settings } => self.edit_agent(now, agent, *settings, out),
            Request::HangUp { call } => {
                if self.calling_agent_left(now, call, out) {
                    out.push(Command::Hangup { leg: LegId::Caller(call) });
                    return Ok(Answer::Done);
                }
                if !self.calls.contains_key(&call) {
                    return Err(Refusal::UnknownCall);
                }
                self.end_call(now, call, EndedBy::System, out);
                Ok(())
            }
            Request::Reprioritise { call, priority } => self.reprioritise(call, priority),
            Request::Require { call, requirement } => self.require(now, call, requirement, out),
            Request::Move { call, queue } => self.move_to(now, call, queue, out),
            Request::Pull { call, agent } => self.pull(now, call, agent, out),
            Request::Withdraw { call, to } => self.withdraw(now, call, to, out),
            Request::Join { call, agent, role } => self.invite(now, call, agent, role, out),
            Request::SendOut { call, agent } => self.send_out(now, call, agent, out),
            Request::TakeOver { call, agent } => self.take_over(now, call, agent, out),
            Request::Transfer { call, to } => self.transfer(now, call, to, None, out),
            Request::Consult { call, to } => self.consult(now, call, to, out),
            Request::Conference { call } => self.confer(now, call, out),
            Request::Complete { call } => self.complete(now, call, out),
            Request::Return { call } => self.return_to_caller(now, call, out),
            Request::Record { call, change } => self.recording_request(now, call, change, out),
            Request::Explain { call } => {
                return self.why_waiting(now, call).map(|why| Answer::Waiting(Box::new(why)));
            }
            Request::Close { queue, until } => self.close(now, queue, until, out),
            Request::Reopen { queue } => self.reopen_now(now, queue, out),
        };
        done.map(|()| Answer::Done)
    }

    fn log_in(&mut self, now: Now, id: AgentId, out: &mut Commands) -> Result<(), Refusal> {
        if self.settings.agent(id).is_none_or(|agent| agent.retired) {
            return Err(Refusal::UnknownAgent);
        }
        self.agent_mut(id).ok_or(Refusal::UnknownAgent)?.logged_in = true;
        // After-call work that must be done is not ended by logging out and in again.
        let wrap_up_may_end = self.may_end_wrap_up(now, id).is_ok();
        self.end_pause_and_rest(id);
        if wrap_up_may_end {
            self.end_wrap_up(now, id, out);
        }
        self.settle(now, id, out);
        Ok(())
    }

    fn log_out(&mut self, now: Now, id: AgentId, out: &mut Commands) -> Result<(), Refusal> {
        let agent = self.agent_mut(id).ok_or(Refusal::UnknownAgent)?;
        agent.logged_in = false;
        agent.paused = None;
        self.settle(now, id, out);
        Ok(())
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
        let fatigue = self.settings.fatigue;
        let Some(agent) = self.agent_mut(id).filter(|agent| agent.seen == AgentState::Paused) else { return };
        let lasted = agent.leave_state(now.mono, fatigue.as_ref());
        let (from, to) = (AgentState::Paused, AgentState::Paused);
        out.record(now, Fact::AgentStateChanged { agent: id, from, to, lasted, reason: Some(reason) });
    }

    /// Ends whatever keeps a logged-in agent from the next call, but for a call itself. If after-call work must go on,
    /// nothing is changed.
    fn make_ready(&mut self, now: Now, id: AgentId, out: &mut Commands) -> Result<(), Refusal> {
        let agent = self.agent_mut(id).ok_or(Refusal::UnknownAgent)?;
        if !agent.logged_in {
            return Err(Refusal::NotLoggedIn);
        }
        self.may_end_wrap_up(now, id)?;
        self.end_pause_and_rest(id);
        self.end_wrap_up(now, id, out);
        self.settle(now, id, out);
        Ok(())
    }

    fn end_pause_and_rest(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get_mut(id.0 as usize) else { return };
        agent.paused = None;
        agent.missed_in_a_row = 0;
        if let Some(until) = agent.resting_until.take() {
            self.timers.cancel(until, Timer::Rest(id));
        }
    }

    /// Frees an agent from whatever holds him.
    fn release(&mut self, now: Now, id: AgentId, out: &mut Commands) -> Result<(), Refusal> {
        let agent = self.agents.get(id.0 as usize).ok_or(Refusal::UnknownAgent)?;
        let calls: Vec<_> = agent.calls.iter().map(|engaged| engaged.call).collect();
        let paused = agent.paused.clone();
        let (offer, guest) = (agent.offer, agent.guest);
        if let Some((offer, _)) = offer {
            self.ring_timed_out(now, offer, out);
        }
        if let Some((guest, _)) = guest {
            self.dismiss_guest(now, guest, out);
        }
        for call in calls {
            self.end_call(now, call, EndedBy::System, out);
        }
        self.end_wrap_up(now, id, out);
        // The offer that was called off is no miss of his: he neither rests nor is paused for it.
        self.end_pause_and_rest(id);
        if let Some(agent) = self.agent_mut(id) {
            agent.paused = paused;
        }
        self.settle(now, id, out);
        Ok(())
    }
}
