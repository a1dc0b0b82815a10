//! The server transaction of every request but INVITE (RFC 3261 §17.2.2).

use super::settings::Timing;
use super::timers::{Acts, Due, Timers};
use crate::engine::time::Monotonic;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Trying and Proceeding in one: what differs is only whether there is a response to repeat.
    Open,
    Completed,
}

#[derive(Debug)]
pub(super) struct Server {
    state: State,
    pub timers: Timers,
}

impl Server {
    pub fn new(now: Monotonic, timing: &Timing) -> Self {
        let mut timers = Timers::default();
        // The client has given up by then (timer F), so an answer would be a stray (RFC 4320 §4.2).
        timers.end_in(now, timing.patience());
        Self { state: State::Open, timers }
    }

    /// Whether a response of this status may be sent now; the second is whether the transaction is over with it.
    pub fn respond(&mut self, now: Monotonic, status: u16, timing: &Timing) -> (bool, bool) {
        match (self.state, status) {
            (State::Open, 0..200) => (true, false),
            (State::Open, _) => {
                self.state = State::Completed;
                self.timers.end_in(now, timing.patience()); // timer J
                (true, timing.reliable)
            }
            (State::Completed, _) => (false, false),
        }
    }

    pub fn tick(&mut self, now: Monotonic) -> Acts {
        match (self.timers.due(now), self.state) {
            (Due::End, State::Open) => Acts::TIMED_OUT,
            (Due::End, State::Completed) => Acts::ENDED,
            (Due::Nothing | Due::Again(_), _) => Acts::NONE,
        }
    }

    /// Whether its user has not answered yet.
    pub fn is_pending(&self) -> bool {
        self.state == State::Open
    }
}
