//! After-call work: how long it lasts, who may end or extend it, and the break that may follow.

use super::Engine;
use super::agent::WrapUp;
use super::command::{Commands, Refusal};
use super::fact::Fact;
use super::id::{AgentId, CallId, OfferId, QueueId};
use super::settings::{WrapUpMode, WrapUpRules};
use super::time::Now;
use super::timer::Timer;
use std::time::Duration;

impl Engine {
    /// A call is over for its agent: the agent's own time for what is to be done after it, or the queue's.
    #[expect(clippy::too_many_arguments, reason = "all that is known of the call that is gone")]
    pub(super) fn start_wrap_up(
        &mut self,
        now: Now,
        id: AgentId,
        offer: OfferId,
        call: CallId,
        queue: QueueId,
        talk: Duration,
        out: &mut Commands,
    ) {
        let rules = self.settings.queue(queue);
        let of_queue = rules.map_or(Duration::ZERO, |queue| queue.wrap_up);
        let disposition_due = self.wrap_up_rules(id, queue).disposition_required;
        let wrap_up = self.settings.agent(id).and_then(|agent| agent.wrap_up).unwrap_or(of_queue);
        let Some(agent) = self.agents.get_mut(id.0 as usize) else { return };
        agent.calls.retain(|engaged| engaged.offer != offer);
        agent.talk += talk;
        agent.undisposed = Some(call);
        let until = now.mono + wrap_up;
        let before = agent.wrap_up.replace(WrapUp {
            queue,
            since: now.mono,
            until,
            extended: Duration::ZERO,
            disposition_due,
        });
        // With a capacity of several calls, one may end while another's after-call work goes on: they become one.
        if let Some(before) = before {
            self.timers.cancel(before.until, Timer::WrapUp(id));
            let lasted = now.mono.since(before.since);
            out.record(now, Fact::WrapUpEnded { agent: id, queue: before.queue, lasted });
        }
        if wrap_up.is_zero() && !disposition_due {
            self.end_wrap_up(now, id, out);
        } else {
            self.timers.start(until, Timer::WrapUp(id));
            self.settle(now, id, out);
        }
    }

    /// Its time is over; if what the call was about is still to be noted, it goes on until that is done.
    pub(super) fn wrap_up_timed_out(&mut self, now: Now, id: AgentId, out: &mut Commands) {
        let due = self.agents.get(id.0 as usize).and_then(|agent| agent.wrap_up);
        if due.is_some_and(|wrap_up| !wrap_up.disposition_due) {
            self.end_wrap_up(now, id, out);
        }
    }

    /// Whether the agent may say that he is done.
    ///
    /// # Errors
    /// When the rules keep him.
    pub(super) fn may_end_wrap_up(&self, now: Now, id: AgentId) -> Result<(), Refusal> {
        let Some(wrap_up) = self.agents.get(id.0 as usize).and_then(|agent| agent.wrap_up) else {
            return Ok(());
        };
        if self.wrap_up_rules(id, wrap_up.queue).mode == WrapUpMode::Mandatory && now.mono < wrap_up.until {
            return Err(Refusal::WrapUpMandatory);
        }
        if wrap_up.disposition_due {
            return Err(Refusal::DispositionMissing);
        }
        Ok(())
    }

    pub(super) fn end_wrap_up(&mut self, now: Now, id: AgentId, out: &mut Commands) {
        let Some(agent) = self.agents.get_mut(id.0 as usize) else { return };
        if let Some(WrapUp { queue, since, until, .. }) = agent.wrap_up.take() {
            self.timers.cancel(until, Timer::WrapUp(id));
            let lasted = now.mono.since(since);
            out.record(now, Fact::WrapUpEnded { agent: id, queue, lasted });
            self.grant_break(now, id);
            self.settle(now, id, out);
        }
    }

    /// A short break for whoever has worked too much of his recent time.
    fn grant_break(&mut self, now: Now, id: AgentId) {
        let Some(fatigue) = self.settings.fatigue else { return };
        let Some(agent) = self.agents.get_mut(id.0 as usize) else { return };
        // What is just ending counts too; it is left, and told, by whoever ends it.
        if agent.strain_at(now.mono, &fatigue) > fatigue.occupancy_max && now.mono >= agent.next_break {
            agent.next_break = now.mono + fatigue.over;
            self.rest_until(id, now.mono + fatigue.rest);
        }
    }

    /// The queue's rules, with what the agent has otherwise.
    fn wrap_up_rules(&self, agent: AgentId, queue: QueueId) -> WrapUpRules {
        let of_queue = self.settings.queue(queue).map(|queue| queue.wrap_up_rules).unwrap_or_default();
        of_queue.of(self.settings.agent(agent).map(|agent| agent.wrap_up_rules).unwrap_or_default())
    }

    /// More time, as far as the rules allow.
    pub(super) fn extend_wrap_up(&mut self, id: AgentId, by: Duration) -> Result<(), Refusal> {
        let agent = self.agents.get(id.0 as usize).ok_or(Refusal::UnknownAgent)?;
        let queue = agent.wrap_up.ok_or(Refusal::NothingToExtend)?.queue;
        let most = self.wrap_up_rules(id, queue).extension_max;
        let wrap_up = self.agents.get_mut(id.0 as usize).and_then(|agent| agent.wrap_up.as_mut());
        let wrap_up = wrap_up.ok_or(Refusal::NothingToExtend)?;
        let by = by.min(most.saturating_sub(wrap_up.extended));
        if by.is_zero() {
            return Err(Refusal::NothingToExtend);
        }
        self.timers.cancel(wrap_up.until, Timer::WrapUp(id));
        wrap_up.extended += by;
        wrap_up.until = wrap_up.until + by;
        self.timers.start(wrap_up.until, Timer::WrapUp(id));
        Ok(())
    }

    /// Notes what the agent's last call was about; after-call work that only waited for that is over.
    pub(super) fn dispose(
        &mut self,
        now: Now,
        id: AgentId,
        disposition: String,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        if !self.settings.dispositions.contains(&disposition) {
            return Err(Refusal::UnknownDisposition);
        }
        let agent = self.agents.get_mut(id.0 as usize).ok_or(Refusal::UnknownAgent)?;
        let call = agent.undisposed.take().ok_or(Refusal::NothingToDispose)?;
        out.record(now, Fact::CallDisposed { call, agent: id, disposition });
        if let Some(wrap_up) = &mut agent.wrap_up {
            wrap_up.disposition_due = false;
            if wrap_up.until <= now.mono {
                self.end_wrap_up(now, id, out);
            }
        }
        Ok(())
    }
}
