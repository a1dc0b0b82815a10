//! The INVITE server transaction: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1.

use super::settings::Timing;
use super::timers::{Acts, Due, Timers};
use crate::engine::time::Monotonic;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No final response yet.
    Proceeding,
    /// A 2xx is out; its retransmission is the dialog's (RFC 6026 §7.1).
    Accepted,
    /// Another final response is out and is repeated until it is acknowledged.
    Completed,
    /// Acknowledged; late ACKs are absorbed.
    Confirmed,
}

#[derive(Debug)]
pub(super) struct InviteServer {
    state: State,
    cancelled: bool,
    pub timers: Timers,
}

impl InviteServer {
    pub fn new() -> Self {
        Self { state: State::Proceeding, cancelled: false, timers: Timers::default() }
    }

    /// The same INVITE once more.
    pub fn request_again(&self) -> Acts {
        match self.state {
            State::Proceeding | State::Completed => Acts::AGAIN,
            State::Accepted | State::Confirmed => Acts::NONE,
        }
    }

    /// Whether a response of this status may be sent now.
    pub fn respond(&mut self, now: Monotonic, status: u16, timing: &Timing) -> bool {
        match (self.state, status) {
            (State::Proceeding, 0..200) => true,
            (State::Proceeding, 200..300) => {
                self.state = State::Accepted;
                self.timers = Timers::default();
                self.timers.end_in(now, timing.patience()); // timer L
                true
            }
            (State::Proceeding, _) => {
                self.state = State::Completed;
                self.timers.repeat(now, timing.t1, timing.reliable); // timer G
                self.timers.end_in(now, timing.patience()); // timer H
                true
            }
            (State::Accepted, 200..300) => true,
            (State::Accepted | State::Completed | State::Confirmed, _) => false,
        }
    }

    pub fn ack(&mut self, now: Monotonic, timing: &Timing) -> Acts {
        match self.state {
            State::Completed => {
                self.state = State::Confirmed;
                self.timers = Timers::default();
                self.timers.end_in(now, timing.t4); // timer I
                Acts { ended: timing.reliable, ..Acts::NONE }
            }
            // An RFC 2543 phone gives the ACK of a 2xx the INVITE's own Via.
            State::Accepted => Acts::TELL,
            State::Proceeding | State::Confirmed => Acts::NONE,
        }
    }

    pub fn tick(&mut self, now: Monotonic, timing: &Timing) -> Acts {
        match (self.timers.due(now), self.state) {
            (Due::Nothing, _) => Acts::NONE,
            (Due::Again(pause), _) => {
                self.timers.repeat(now, pause.saturating_mul(2).min(timing.t2), timing.reliable);
                Acts::AGAIN
            }
            (Due::End, State::Completed) => Acts::TIMED_OUT,
            (Due::End, State::Proceeding | State::Accepted | State::Confirmed) => Acts::ENDED,
        }
    }

    /// A CANCEL came: true once, and only while it can still change anything (RFC 3261 §9.2).
    pub fn cancel(&mut self) -> bool {
        self.state == State::Proceeding && !std::mem::replace(&mut self.cancelled, true)
    }

    /// Whether the transport's failure matters to its user: the caller has no final response yet, or did not
    /// acknowledge it.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Proceeding | State::Completed)
    }
}
