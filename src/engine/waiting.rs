//! What happens to a call merely because it waits: one timer a call, for whatever comes next.

use super::Engine;
use super::call::Call;
use super::command::Commands;
use super::fact::Fact;
use super::floor::Line;
use super::id::CallId;
use super::settings::OverflowWhen;
use super::time::{Monotonic, Now};
use super::timer::Timer;

impl Engine {
    /// Sets the call's timer to whatever comes next in its wait.
    pub(super) fn rearm(&mut self, id: CallId) {
        let Some(call) = self.calls.get(&id) else { return };
        let due = if call.is_waiting() { self.next_due(call) } else { None };
        let Some(call) = self.calls.get_mut(&id) else { return };
        if call.due == due {
            return;
        }
        if let Some(old) = std::mem::replace(&mut call.due, due) {
            self.timers.cancel(old, Timer::Call(id));
        }
        if let Some(due) = due {
            self.timers.start(due, Timer::Call(id));
        }
    }

    fn next_due(&self, call: &Call) -> Option<Monotonic> {
        let rules = self.settings.queue(call.queue)?;
        let after = |span| call.queued.mono + span;
        let widens = match call.line {
            Line::Plan(plan, level) => self.floor.plan(plan)?.next_level_after(level).map(after),
            Line::Personal(_) => None,
        };
        // Somebody is being rung: he may be about to answer.
        let overflows =
            if call.stands_in_line() { self.next_overflow(call).map(|(_, due)| due) } else { None };
        let dues = [
            widens,
            overflows,
            call.waits_for.and_then(|(until, _)| until).filter(|_| call.stands_in_line()),
            call.ring_step,
            rules.wait_max.map(after),
        ];
        dues.into_iter().flatten().min()
    }

    /// The next rule of the chain that comes with time, and when.
    pub(super) fn next_overflow(&self, call: &Call) -> Option<(usize, Monotonic)> {
        let rules = self.settings.queue(call.queue)?;
        rules.overflow.iter().enumerate().skip(call.overflow_tried).find_map(|(at, rule)| match rule.when {
            OverflowWhen::Waited(span) => Some((at, call.queued.mono + span)),
            OverflowWhen::Full | OverflowWhen::NoAgents | OverflowWhen::Closed => None,
        })
    }

    /// Does what is due in a call's wait.
    pub(super) fn call_is_due(&mut self, now: Now, id: CallId, out: &mut Commands) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.due = None;
        let due = |at: Option<Monotonic>| at.is_some_and(|at| at <= now.mono);
        let wait_max = self.settings.queue(call.queue).and_then(|rules| rules.wait_max);
        if due(wait_max.map(|longest| call.queued.mono + longest)) {
            return self.waited_too_long(now, id, out);
        }
        if call.stands_in_line() && due(call.waits_for.and_then(|(until, _)| until)) {
            self.wait_for_anybody(now, id, out);
        }
        self.widen(now, id, out);
        self.ring_one_more(now, id, out);
        self.overflow_in_time(now, id, out);
        self.rearm(id);
    }

    /// Lets more agents take the call, if its time for that has come.
    fn widen(&mut self, now: Now, id: CallId, out: &mut Commands) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Line::Plan(plan_id, level) = call.line else { return };
        let Some(plan) = self.floor.plan(plan_id) else { return };
        let reached = plan.level_after(now.mono.since(call.queued.mono));
        if reached <= level || !call.is_waiting() {
            return;
        }
        let line = Line::Plan(plan_id, reached);
        call.level = reached;
        let (old, place) = (std::mem::replace(&mut call.line, line), call.place);
        let (queue, stands) = (call.queue, call.stands_in_line());
        if stands {
            self.floor.leave(old, place);
            self.floor.join(line, place);
        }
        out.record(now, Fact::CallWidened { call: id, queue, level: reached });
        if stands {
            self.dispatch_call(now, id, out);
        }
    }

    /// The queue's patience is over: the caller is told, then let go.
    fn waited_too_long(&mut self, now: Now, id: CallId, out: &mut Commands) {
        self.leave_queue(now, id, super::fact::Outcome::Timeout, None, None, out);
        self.say_goodbye(now, id, "all-busy", out);
    }
}
