//! The INVITE client transaction: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2.

use super::settings::Timing;
use super::timers::{Acts, Due, Timers};
use crate::engine::time::Monotonic;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Sent, nothing heard.
    Calling,
    /// A provisional response came.
    Proceeding,
    /// A 2xx came; more may follow, from other branches or because our ACK was lost.
    Accepted,
    /// Another final response came and is acknowledged as often as it comes.
    Completed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cancel {
    /// Nobody asked.
    No,
    /// Asked before any provisional response came (RFC 3261 §9.1: wait for one).
    Wanted,
    /// The CANCEL is out.
    Sent,
}

#[derive(Debug)]
pub(super) struct InviteClient {
    state: State,
    cancel: Cancel,
    pub timers: Timers,
}

impl InviteClient {
    pub fn new(now: Monotonic, timing: &Timing) -> Self {
        let mut timers = Timers::default();
        timers.repeat(now, timing.t1, timing.reliable); // timer A
        timers.end_in(now, timing.patience()); // timer B
        Self { state: State::Calling, cancel: Cancel::No, timers }
    }

    pub fn response(&mut self, now: Monotonic, status: u16, timing: &Timing) -> Acts {
        match (self.state, status) {
            (State::Calling, 100..200) => {
                self.state = State::Proceeding;
                self.timers = Timers::default();
                Acts::TELL
            }
            (State::Proceeding, 100..200) => Acts::TELL,
            (State::Calling | State::Proceeding, 200..300) => {
                self.state = State::Accepted;
                self.timers = Timers::default();
                self.timers.end_in(now, timing.patience()); // timer M
                Acts::TELL
            }
            (State::Calling | State::Proceeding, _) => {
                self.state = State::Completed;
                self.timers = Timers::default();
                self.timers.end_in(now, timing.patience()); // timer D
                Acts { ack: true, ended: timing.reliable, ..Acts::TELL }
            }
            // A 2xx after a refusal: some forked phone believes it is in a call, so somebody must hang it up.
            (State::Accepted | State::Completed, 200..300) => Acts::TELL,
            (State::Completed, 300..) => Acts { ack: true, ..Acts::NONE },
            (State::Accepted | State::Completed, _) => Acts::NONE,
        }
    }

    pub fn tick(&mut self, now: Monotonic, timing: &Timing) -> Acts {
        match (self.timers.due(now), self.state) {
            (Due::Nothing, _) => Acts::NONE,
            (Due::Again(pause), _) => {
                self.timers.repeat(now, pause.saturating_mul(2), timing.reliable);
                Acts::AGAIN
            }
            // In Proceeding only a CANCEL starts this timer (RFC 3261 §9.1).
            (Due::End, State::Calling | State::Proceeding) => Acts::TIMED_OUT,
            (Due::End, State::Accepted | State::Completed) => Acts::ENDED,
        }
    }

    /// Remembers that the INVITE is to be cancelled.
    pub fn want_cancel(&mut self) {
        if self.cancel == Cancel::No {
            self.cancel = Cancel::Wanted;
        }
    }

    /// Whether a CANCEL must go out now; says so once, and gives the other side 64·T1 to obey (RFC 3261 §9.1).
    pub fn take_cancel(&mut self, now: Monotonic, timing: &Timing) -> bool {
        if self.cancel != Cancel::Wanted || self.state != State::Proceeding {
            return false;
        }
        self.cancel = Cancel::Sent;
        self.timers.end_in(now, timing.patience());
        true
    }

    /// Whether its user still waits for a final response.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Calling | State::Proceeding)
    }
}
