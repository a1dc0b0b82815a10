//! How calls end: whoever hangs up, every call leaves its queue once and ends once.

use super::Engine;
use super::call::{Call, Presence, Stage};
use super::command::{Command, Commands};
use super::event::OfferFailure;
use super::fact::{EndedBy, Fact, OfferOutcome, Outcome};
use super::id::{AgentId, CallId, LegId, OfferId};
use super::settings::Destination;
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
        if self.calling_agent_left(now, id, out) {
            return;
        }
        if self.calls.get(&id).is_some_and(|call| call.is_waiting()) {
            self.remember_lost(now, id);
        }
        self.end_call(now, id, EndedBy::Caller, out);
    }

    /// The agent hung up, or his leg was lost.
    pub(super) fn agent_leg_ended(&mut self, now: Now, id: OfferId, out: &mut Commands) {
        match self.in_talk.get(&id).copied() {
            Some(_) if self.is_dialling(id) => self.outside_failed(now, id, out),
            Some(call) if self.left_while_passing_on(now, call, out) => {}
            Some(call) => self.end_call(now, call, EndedBy::Agent, out),
            None if self.guest_gone(now, id, OfferFailure::Unreachable, out) => {}
            None => self.offer_failed(now, id, OfferFailure::Unreachable, None, out),
        }
    }

    /// The agent's phone put the caller on hold, or took him back.
    pub(super) fn phone_held(&mut self, now: Now, id: OfferId, held: bool, out: &mut Commands) {
        let Some(agent) = self.in_talk.get(&id).and_then(|call| self.serves(*call, id)) else { return };
        if let Some(state) = self.agent_mut(agent) {
            for engaged in state.calls.iter_mut().filter(|engaged| engaged.offer == id) {
                engaged.phone_holds = held;
            }
        }
        self.held(now, id, held, out);
    }

    /// The caller is put on hold, or taken back: music meanwhile.
    pub(super) fn held(&mut self, now: Now, id: OfferId, held: bool, out: &mut Commands) {
        let Some(&call_id) = self.in_talk.get(&id) else { return };
        let Some(call) = self.calls.get_mut(&call_id) else { return };
        let Stage::Talking { agent, held_since, held: before, .. } = &mut call.stage else { return };
        if held == held_since.is_some() {
            return;
        }
        let agent = *agent;
        if held {
            *held_since = Some(now.mono);
            self.play_music(call_id, out);
        } else {
            *before += held_since.take().map(|since| now.mono.since(since)).unwrap_or_default();
            out.push(Command::Bridge { call: call_id, offer: id });
        }
        self.hold_recording(now, call_id, held, out);
        if let Some(state) = self.agent_mut(agent) {
            for engaged in state.calls.iter_mut().filter(|engaged| engaged.offer == id) {
                engaged.held = held;
            }
            self.settle(now, agent, out);
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
        self.end_internal(now, out);
        // Those in line first, then those who ring, then those who talk: else whoever becomes free is offered a
        // call that is about to be ended too.
        let turn = |call: &Call| match &call.stage {
            Stage::Waiting { offers } if offers.is_empty() => 0,
            Stage::Waiting { .. } => 1,
            Stage::Leaving { .. }
            | Stage::Talking { .. }
            | Stage::Dialling { .. }
            | Stage::Transferring { .. }
            | Stage::Outside { .. } => 2,
        };
        let mut all: Vec<_> = self.calls.iter().map(|(&id, call)| (turn(call), id)).collect();
        all.sort_unstable();
        for (_, id) in all {
            self.end_call(now, id, EndedBy::System, out);
        }
    }

    /// Ends a call in whatever stage it is: the legs that still stand are hung up, its facts completed.
    pub(super) fn end_call(&mut self, now: Now, id: CallId, ended_by: EndedBy, out: &mut Commands) {
        if ended_by != EndedBy::Caller && self.calls.contains_key(&id) {
            out.push(Command::Hangup { leg: LegId::Caller(id) });
        }
        if self.calls.get(&id).is_some_and(|call| call.is_waiting()) {
            let outcome = self.outcome_of_giving_up(now, id, ended_by);
            self.leave_queue(now, id, outcome, None, None, out);
        }
        let guests = self.calls.get_mut(&id).map(|call| std::mem::take(&mut call.guests)).unwrap_or_default();
        for guest in guests {
            self.end_guest(now, guest, out);
        }
        let Some(call) = self.calls.remove(&id) else { return };
        self.away.remove(&LegId::Caller(id));
        self.floor.drop_plan(call.plan);
        let (mut talk, mut hold) = (Duration::ZERO, Duration::ZERO);
        let mut freed = None;
        match call.stage {
            Stage::Waiting { .. } => {}
            Stage::Leaving { until } => self.timers.cancel(until, Timer::Leaving(id)),
            Stage::Dialling { offer, until } => {
                self.timers.cancel(until, Timer::Dial(offer));
                self.in_talk.remove(&offer);
                out.push(Command::CancelOffer { offer, answered_elsewhere: false });
            }
            Stage::Transferring { talked, held, .. } => (talk, hold) = (talked, held),
            Stage::Outside { offer, since } => {
                talk = now.mono.since(since);
                self.leg_is_over(offer, ended_by, out);
            }
            Stage::Talking { offer, agent, since, held_since, held } => {
                talk = now.mono.since(since);
                hold = held + held_since.map(|since| now.mono.since(since)).unwrap_or_default();
                freed = Some((agent, offer));
                self.leg_is_over(offer, ended_by, out);
            }
        }
        out.record(now, Fact::CallEnded { call: id, queue: call.queue, ended_by, talk, hold });
        if let Some((agent, offer)) = freed {
            self.start_wrap_up(now, agent, offer, id, call.queue, talk, out);
        }
    }

    /// Hangs up the leg to whom the caller talked, unless it was he who did.
    fn leg_is_over(&mut self, offer: OfferId, ended_by: EndedBy, out: &mut Commands) {
        self.in_talk.remove(&offer);
        self.away.remove(&LegId::Agent(offer));
        if ended_by != EndedBy::Agent {
            out.push(Command::Hangup { leg: LegId::Agent(offer) });
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
        to: Option<Destination>,
        out: &mut Commands,
    ) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let (queue, joined) = (call.queue, call.queued.mono);
        let was_away = call.presence == Presence::Away;
        if let Some(due) = call.due.take() {
            self.timers.cancel(due, Timer::Call(id));
        }
        call.waits_for = None;
        self.floor.leave(call.line, call.place);
        self.cancel_wave(now, id, OfferOutcome::CallerGone, out);
        let wait = now.mono.since(joined);
        let threshold =
            self.settings.queue(queue).map_or(Duration::ZERO, |queue| queue.service_level_threshold);
        let answered_in_threshold = outcome == Outcome::Answered && wait <= threshold;
        if let Some(state) = self.queue_mut(queue) {
            state.line.remove(&(joined, id));
            if outcome != Outcome::ShortAbandon {
                state.recent.add(answered_in_threshold);
            }
        }
        let waiting = self.waiting_in(queue);
        out.record(
            now,
            Fact::CallLeftQueue { call: id, queue, outcome, wait, answered_in_threshold, agent, to, waiting },
        );
        // Nobody is to be offered a call that is just leaving.
        if let Some(call) = self.calls.get_mut(&id) {
            call.stage = Stage::Leaving { until: now.mono };
        }
        self.lending_may_have_opened(now, queue, out);
        if was_away {
            self.let_through(now, queue, out);
        }
    }
}
