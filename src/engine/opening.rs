//! When queues are open: their hours, and closing by hand.

use super::Engine;
use super::command::{Commands, Refusal};
use super::fact::Fact;
use super::id::QueueId;
use super::overflow::LEAVING_AGAIN;
use super::queue::ClosedByHand;
use super::settings::{ClosingPolicy, OverflowWhen};
use super::time::{Now, Wall};
use super::timer::Timer;
use std::time::Duration;

/// How often it is looked whether the hours are over while somebody waits. Wall clocks jump, so no timer is trusted
/// with a moment of the day.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Engine {
    /// Whether a queue takes callers now.
    pub(super) fn is_open(&self, now: Now, queue: QueueId) -> bool {
        let by_hand = self.queues.get(queue.0 as usize).is_some_and(|state| state.closed.is_some());
        let hours = self.settings.queue(queue).and_then(|rules| rules.hours.as_ref());
        !by_hand && hours.is_none_or(|hours| hours.is_open(&self.settings.time_zone, now.wall))
    }

    /// Closes a queue by hand.
    pub(super) fn close(
        &mut self,
        now: Now,
        queue: QueueId,
        until: Option<Wall>,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        let state = self.queue_mut(queue).ok_or(Refusal::UnknownQueue)?;
        state.closed = Some(ClosedByHand { until });
        self.time_reopening(now, queue, until);
        out.record(now, Fact::QueueClosed { queue });
        self.watch_closing(now, queue);
        Ok(())
    }

    /// Ends a closing by hand, asked for or in its time.
    pub(super) fn reopen_now(&mut self, now: Now, queue: QueueId, out: &mut Commands) -> Result<(), Refusal> {
        let state = self.queue_mut(queue).ok_or(Refusal::UnknownQueue)?;
        if state.closed.take().is_some() {
            self.time_reopening(now, queue, None);
            out.record(now, Fact::QueueReopened { queue });
        }
        Ok(())
    }

    /// Sets the one timer that ends a closing by hand, or stops it.
    fn time_reopening(&mut self, now: Now, queue: QueueId, until: Option<Wall>) {
        let Some(state) = self.queues.get_mut(queue.0 as usize) else { return };
        let ms = |until: Wall| u64::try_from(until.0.saturating_sub(now.wall.0)).unwrap_or(0);
        let at = until.map(|until| now.mono + Duration::from_millis(ms(until).max(1)));
        if let Some(before) = std::mem::replace(&mut state.reopens_at, at) {
            self.timers.cancel(before, Timer::Reopen(queue));
        }
        if let Some(at) = at {
            self.timers.start(at, Timer::Reopen(queue));
        }
    }

    /// The time of a closing by hand may be over; it may also have been prolonged, or the clock set back.
    pub(super) fn reopen(&mut self, now: Now, queue: QueueId, out: &mut Commands) {
        let Some(state) = self.queue_mut(queue) else { return };
        match state.closed {
            Some(ClosedByHand { until: Some(until) }) if until.0 <= now.wall.0 => {
                (state.closed, state.reopens_at) = (None, None);
                out.record(now, Fact::QueueReopened { queue });
            }
            Some(ClosedByHand { until: Some(until) }) => {
                self.time_reopening(now, queue, Some(until));
            }
            Some(ClosedByHand { until: None }) | None => {}
        }
    }

    /// Looks out for closing time while somebody waits who must then leave.
    pub(super) fn watch_closing(&mut self, now: Now, queue: QueueId) {
        let leaves = self.settings.queue(queue).is_some_and(|rules| rules.closing == ClosingPolicy::Leave);
        let Some(state) = self.queues.get_mut(queue.0 as usize) else { return };
        if leaves && state.closing_at.is_none() && !state.line.is_empty() {
            self.look_after(now, queue, LOOK_EVERY);
        }
    }

    fn look_after(&mut self, now: Now, queue: QueueId, span: Duration) {
        if let Some(state) = self.queues.get_mut(queue.0 as usize) {
            let at = now.mono + span;
            state.closing_at = Some(at);
            self.timers.start(at, Timer::Closing(queue));
        }
    }

    /// Closing time, perhaps.
    pub(super) fn may_have_closed(&mut self, now: Now, queue: QueueId, out: &mut Commands) {
        if let Some(state) = self.queue_mut(queue) {
            state.closing_at = None;
        }
        if !self.is_open(now, queue) && self.leave_some(now, queue, OverflowWhen::Closed, out) {
            self.look_after(now, queue, LEAVING_AGAIN);
        }
        self.watch_closing(now, queue);
    }
}
