//! Calls that their queue cannot or should not keep: to another queue, to a number outside, or told so and let go.

use super::Engine;
use super::call::Stage;
use super::command::{Command, Commands, RefusedBecause};
use super::fact::{Entered, Outcome, TurnedAwayBecause};
use super::id::{CallId, OfferId, QueueId};
use super::settings::{Destination, OverflowWhen};
use super::time::Now;
use super::timer::Timer;
use std::time::Duration;

/// Queues one call is passed through at most, however the chains are tied together.
const HOPS_MAX: u8 = 5;

/// How long a number outside is called: about ten rings.
const DIAL_MAX: Duration = Duration::from_secs(60);

/// Callers of an emptied queue who leave at one event; the rest at the next, a moment later.
const LEAVING_AT_ONCE: usize = 64;

/// That moment.
pub(super) const LEAVING_AGAIN: Duration = Duration::from_millis(1);

impl Engine {
    /// Where a caller goes whom his queue turned away.
    ///
    /// # Errors
    /// How he is refused, if the chain knows no place for him.
    pub(super) fn destination_of_turned_away(
        &self,
        now: Now,
        queue: QueueId,
        because: TurnedAwayBecause,
    ) -> Result<Destination, RefusedBecause> {
        let (when, refusal) = match because {
            TurnedAwayBecause::Closed => (OverflowWhen::Closed, RefusedBecause::NobodyThere),
            TurnedAwayBecause::NoAgents => (OverflowWhen::NoAgents, RefusedBecause::NobodyThere),
            TurnedAwayBecause::Full => (OverflowWhen::Full, RefusedBecause::QueueFull),
        };
        self.destination(now, queue, 0, when).ok_or(refusal)
    }

    /// The first rule of the chain for this occasion whose destination can take the call.
    fn destination(&self, now: Now, queue: QueueId, hops: u8, when: OverflowWhen) -> Option<Destination> {
        let rules = self.settings.queue(queue)?;
        let fitting = rules.overflow.iter().filter(|rule| rule.when == when);
        fitting.map(|rule| &rule.to).find(|to| self.can_take(now, queue, hops, to)).cloned()
    }

    /// Whether a call that was passed on so often can go there from this queue. Queues may send their callers to each
    /// other; not for ever.
    pub(super) fn can_take(&self, now: Now, from: QueueId, hops: u8, to: &Destination) -> bool {
        match to {
            Destination::Queue(queue) => {
                hops < HOPS_MAX && *queue != from && self.admits(now, *queue).is_ok()
            }
            Destination::Number(_) | Destination::Message(_) => true,
        }
    }

    /// Sends a call that is in no queue where it shall go.
    pub(super) fn send_to(&mut self, now: Now, id: CallId, to: Destination, out: &mut Commands) {
        match to {
            Destination::Queue(queue) => {
                let from = self.calls.get(&id).map_or(queue, |call| call.queue);
                self.rejoin(now, id, queue, Entered::Overflowed(from), out);
            }
            Destination::Number(number) => self.dial(now, id, number, out),
            Destination::Message(prompt) => self.say_goodbye(now, id, &prompt, out),
        }
    }

    /// Takes a waiting call out of its queue and sends it elsewhere. What it has waited goes with it.
    pub(super) fn send_away(
        &mut self,
        now: Now,
        id: CallId,
        outcome: Outcome,
        to: Destination,
        out: &mut Commands,
    ) {
        self.leave_queue(now, id, outcome, None, Some(to.clone()), out);
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.carried += now.mono.since(call.queued.mono);
        match (outcome, to) {
            (Outcome::Withdrawn, Destination::Queue(queue)) => {
                let from = call.queue;
                self.rejoin(now, id, queue, Entered::Moved(from), out);
            }
            (_, to) => self.send_to(now, id, to, out),
        }
    }

    /// The call has waited as long as a rule of the chain lets it. A rule that leads nowhere now is passed over.
    pub(super) fn overflow_in_time(&mut self, now: Now, id: CallId, out: &mut Commands) {
        loop {
            let Some(call) = self.calls.get(&id).filter(|call| call.stands_in_line()) else { return };
            let Some((at, due)) = self.next_overflow(call) else { return };
            if due > now.mono {
                return;
            }
            let (queue, hops) = (call.queue, call.hops);
            let rule = self.settings.queue(queue).and_then(|rules| rules.overflow.get(at));
            let to = rule.map(|rule| rule.to.clone()).filter(|to| self.can_take(now, queue, hops, to));
            if let Some(call) = self.calls.get_mut(&id) {
                call.overflow_tried = at + 1;
            }
            if let Some(to) = to {
                return self.send_away(now, id, Outcome::Overflow, to, out);
            }
        }
    }

    /// Nobody is left who could serve this queue: its callers leave, a few at a time.
    pub(super) fn leave_emptied(&mut self, now: Now, queue: QueueId, out: &mut Commands) {
        let Some(rules) = self.settings.queue(queue) else { return };
        let still =
            self.queues.get(queue.0 as usize).is_some_and(|it| it.staff_is_all(&rules.leave_when_all));
        if let Some(state) = self.queue_mut(queue) {
            state.is_emptying = false;
        }
        if still && self.leave_some(now, queue, OverflowWhen::NoAgents, out) {
            if let Some(state) = self.queue_mut(queue) {
                state.is_emptying = true;
            }
            self.timers.start(now.mono + LEAVING_AGAIN, Timer::Emptied(queue));
        }
    }

    /// Sends some who stand in line where the chain says, or away with a word. Whether more of them are left.
    pub(super) fn leave_some(
        &mut self,
        now: Now,
        queue: QueueId,
        when: OverflowWhen,
        out: &mut Commands,
    ) -> bool {
        let Some(state) = self.queues.get(queue.0 as usize) else { return false };
        let (outcome, prompt) = match when {
            OverflowWhen::Closed => (Outcome::Closed, "closed"),
            OverflowWhen::NoAgents | OverflowWhen::Full | OverflowWhen::Waited(_) => {
                (Outcome::NoAgents, "all-busy")
            }
        };
        let standing = state.line.iter().map(|&(_, id)| id);
        let some: Vec<_> = standing
            .filter(|id| self.calls.get(id).is_some_and(|call| call.stands_in_line()))
            .take(LEAVING_AT_ONCE + 1)
            .collect();
        for &id in some.iter().take(LEAVING_AT_ONCE) {
            let hops = self.calls.get(&id).map_or(HOPS_MAX, |call| call.hops);
            match self.destination(now, queue, hops, when) {
                Some(to) => self.send_away(now, id, Outcome::Overflow, to, out),
                None => {
                    self.leave_queue(now, id, outcome, None, None, out);
                    self.say_goodbye(now, id, prompt, out);
                }
            }
        }
        some.len() > LEAVING_AT_ONCE
    }

    /// Calls a number outside for a call; meanwhile its music goes on.
    fn dial(&mut self, now: Now, id: CallId, number: String, out: &mut Commands) {
        let offer = self.new_offer();
        let Some(call) = self.calls.get_mut(&id) else { return };
        let until = now.mono + DIAL_MAX;
        call.stage = Stage::Dialling { offer, until };
        self.in_talk.insert(offer, id);
        self.timers.start(until, Timer::Dial(offer));
        out.push(Command::Dial { offer, call: id, number, caller: call.caller.clone() });
    }

    /// Whether this offer is a number outside that is being called.
    pub(super) fn is_dialling(&self, id: OfferId) -> bool {
        let call = self.in_talk.get(&id).and_then(|call| self.calls.get(call));
        call.is_some_and(|call| matches!(call.stage, Stage::Dialling { offer, .. } if offer == id))
    }

    pub(super) fn outside_answered(&mut self, now: Now, id: OfferId, out: &mut Commands) {
        let Some(&call_id) = self.in_talk.get(&id) else { return };
        let Some(call) = self.calls.get_mut(&call_id) else { return };
        if let Stage::Dialling { until, .. } = call.stage {
            self.timers.cancel(until, Timer::Dial(id));
        }
        call.stage = Stage::Outside { offer: id, since: now.mono };
        if !call.answered {
            call.answered = true;
            out.push(Command::Answer { call: call_id });
        }
        out.push(Command::Bridge { call: call_id, offer: id });
    }

    /// Nobody outside took the call: the caller is told, and let go.
    pub(super) fn outside_failed(&mut self, now: Now, id: OfferId, out: &mut Commands) {
        let Some(call_id) = self.in_talk.remove(&id) else { return };
        if let Some(Stage::Dialling { until, .. }) = self.calls.get(&call_id).map(|call| &call.stage) {
            self.timers.cancel(*until, Timer::Dial(id));
        }
        self.say_goodbye(now, call_id, "all-busy", out);
    }

    pub(super) fn dialled_long_enough(&mut self, now: Now, id: OfferId, out: &mut Commands) {
        out.push(Command::CancelOffer { offer: id, answered_elsewhere: false });
        self.outside_failed(now, id, out);
    }
}
