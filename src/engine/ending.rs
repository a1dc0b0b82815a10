//! How calls end: whoever hangs up, every call leaves its queue once and ends once.

use super::Engine;
use super::agent::Activity;
use super::call::{Call, Stage};
use super::command::{Command, Commands};
use super::event::OfferFailure;
use super::fact::{EndedBy, Fact, OfferOutcome, Outcome};
use super::id::{AgentId, CallId, LegId, OfferId, QueueId};
use super::time::Now;
use super::timer::Timer;
use std::time::Duration;

impl Engine {
    /// The caller hung up, or his leg was lost.
    pub(super) fn caller_left(&mut self, now: Now, id: CallId, out: &mut Commands) {
        if let Some(service) = self.service_calls.remove(&id) {
            self.timers.cancel(service.until, Timer::Leaving(id));
            return;
        }
        self.end_call(now, id, EndedBy::Caller, out);
    }

    /// The agent hung up, or his leg was lost.
    pub(super) fn agent_leg_ended(&mut self, now: Now, id: OfferId, out: &mut Commands) {
        if let Some(call) = self.call_of_leg(id) {
            self.end_call(now, call, EndedBy::Agent, out);
        } else {
            self.offer_failed(now, id, OfferFailure::Unreachable, None, out);
        }
    }

    /// The last thing the caller was to hear has been heard.
    pub(super) fn last_prompt_finished(&mut self, now: Now, id: CallId, out: &mut Commands) {
        if let Some(service) = self.service_calls.remove(&id) {
            self.timers.cancel(service.until, Timer::Leaving(id));
            out.push(Command::Hangup { leg: LegId::Caller(id) });
        } else if matches!(self.calls.get(&id).map(|call| &call.stage), Some(Stage::Leaving { .. })) {
            self.end_call(now, id, EndedBy::System, out);
        }
    }

    /// The drain's deadline has come: nothing goes on.
    pub(super) fn end_everything(&mut self, now: Now, out: &mut Commands) {
        for id in std::mem::take(&mut self.service_calls).into_keys() {
            out.push(Command::Hangup { leg: LegId::Caller(id) });
        }
        // Those in line first, then those who ring, then those who talk: else whoever becomes free is offered a
        // call that is about to be ended too.
        let turn = |call: &Call| match &call.stage {
            Stage::Waiting { offers } if offers.is_empty() => 0,
            Stage::Waiting { .. } => 1,
            Stage::Leaving { .. } | Stage::Talking { .. } => 2,
        };
        let mut all: Vec<_> = self.calls.iter().map(|(&id, call)| (turn(call), id)).collect();
        all.sort_unstable();
        for (_, id) in all {
            self.end_call(now, id, EndedBy::System, out);
        }
    }

    /// Ends a call in whatever stage it is: the legs that still stand are hung up, its facts completed.
    pub(super) fn end_call(&mut self, now: Now, id: CallId, ended_by: EndedBy, out: &mut Commands) {
        let Some(call) = self.calls.get(&id) else { return };
        let queue = call.queue;
        if ended_by != EndedBy::Caller {
            out.push(Command::Hangup { leg: LegId::Caller(id) });
        }
        let mut talk = Duration::ZERO;
        let mut freed = None;
        match call.stage.clone() {
            Stage::Waiting { .. } => {
                let outcome = self.outcome_of_giving_up(now, id, ended_by);
                self.leave_queue(now, id, outcome, None, out);
            }
            Stage::Leaving { until, .. } => self.timers.cancel(until, Timer::Leaving(id)),
            Stage::Talking { offer, agent, since } => {
                talk = now.mono.since(since);
                freed = Some(agent);
                self.in_talk.remove(&offer);
                if ended_by != EndedBy::Agent {
                    out.push(Command::Hangup { leg: LegId::Agent(offer) });
                }
            }
        }
        self.calls.remove(&id);
        out.record(now, Fact::CallEnded { call: id, queue, ended_by, talk, hold: Duration::ZERO });
        if let Some(agent) = freed {
            self.start_wrap_up(now, agent, queue, talk, out);
        }
    }

    fn outcome_of_giving_up(&self, now: Now, id: CallId, ended_by: EndedBy) -> Outcome {
        if ended_by != EndedBy::Caller {
            return Outcome::Error;
        }
        let Some(call) = self.calls.get(&id) else { return Outcome::Abandoned };
        let short = self.settings.queue(call.queue).map_or(Duration::ZERO, |queue| queue.short_abandon);
        if now.mono.since(call.queued.mono) < short { Outcome::ShortAbandon } else { Outcome::Abandoned }
    }

    /// Takes a waiting call out of its queue: out of line, its wave called off, its outcome told.
    pub(super) fn leave_queue(
        &mut self,
        now: Now,
        id: CallId,
        outcome: Outcome,
        agent: Option<AgentId>,
        out: &mut Commands,
    ) {
        let Some(call) = self.calls.get(&id) else { return };
        let (queue, place, joined, wait_max) = (call.queue, call.place, call.queued.mono, call.wait_max);
        self.floor.leave(place);
        self.cancel_wave(now, id, OfferOutcome::CallerGone, out);
        if let Some(due) = wait_max {
            self.timers.cancel(due, Timer::WaitMax(id));
        }
        if let Some(line) = self.queues.get_mut(queue.0 as usize) {
            line.remove(&(joined, id));
        }
        let wait = now.mono.since(joined);
        let threshold =
            self.settings.queue(queue).map_or(Duration::ZERO, |queue| queue.service_level_threshold);
        let answered_in_threshold = outcome == Outcome::Answered && wait <= threshold;
        let waiting = self.waiting_in(queue);
        out.record(
            now,
            Fact::CallLeftQueue {
                call: id,
                queue,
                outcome,
                wait,
                answered_in_threshold,
                agent,
                to: None,
                waiting,
            },
        );
    }

    /// After-call work: the agent's own time for it, or the queue's.
    fn start_wrap_up(&mut self, now: Now, id: AgentId, queue: QueueId, talk: Duration, out: &mut Commands) {
        let of_queue = self.settings.queue(queue).map_or(Duration::ZERO, |queue| queue.wrap_up);
        let wrap_up = self.settings.agent(id).and_then(|agent| agent.wrap_up).unwrap_or(of_queue);
        let Some(agent) = self.agents.get_mut(id.0 as usize) else { return };
        agent.talk += talk;
        let until = now.mono + wrap_up;
        agent.activity = Activity::WrapUp { queue, since: now.mono, until };
        if wrap_up.is_zero() {
            self.wrap_up_ended(now, id, out);
        } else {
            self.timers.start(until, Timer::WrapUp(id));
            self.settle(now, id, out);
        }
    }

    /// The call an answered offer's leg belongs to.
    pub(super) fn call_of_leg(&self, id: OfferId) -> Option<CallId> {
        self.in_talk.get(&id).copied()
    }
}
