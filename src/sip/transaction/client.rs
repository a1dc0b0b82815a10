//! The client transaction of every request but INVITE (RFC 3261 §17.1.2).

use super::settings::Timing;
use super::timers::{Acts, Due, Timers};
use crate::engine::time::Monotonic;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Trying,
    Proceeding,
    Completed,
}

#[derive(Debug)]
pub(super) struct Client {
    state: State,
    pub timers: Timers,
}

impl Client {
    pub fn new(now: Monotonic, timing: &Timing) -> Self {
        let mut timers = Timers::default();
        timers.repeat(now, timing.t1, timing.reliable); // timer E
        timers.end_in(now, timing.patience()); // timer F
        Self { state: State::Trying, timers }
    }

    pub fn response(&mut self, now: Monotonic, status: u16, timing: &Timing) -> Acts {
        match (self.state, status) {
            (State::Trying | State::Proceeding, 100..200) => {
                self.state = State::Proceeding;
                Acts::TELL
            }
            (State::Trying | State::Proceeding, _) => {
                self.state = State::Completed;
                self.timers = Timers::default();
                self.timers.end_in(now, timing.t4); // timer K
                Acts { ended: timing.reliable, ..Acts::TELL }
            }
            (State::Completed, _) => Acts::NONE,
        }
    }

    pub fn tick(&mut self, now: Monotonic, timing: &Timing) -> Acts {
        match (self.timers.due(now), self.state) {
            (Due::Nothing, _) => Acts::NONE,
            (Due::Again(pause), State::Trying) => {
                self.timers.repeat(now, pause.saturating_mul(2).min(timing.t2), timing.reliable);
                Acts::AGAIN
            }
            (Due::Again(_), State::Proceeding | State::Completed) => {
                self.timers.repeat(now, timing.t2, timing.reliable);
                Acts::AGAIN
            }
            (Due::End, State::Trying | State::Proceeding) => Acts::TIMED_OUT,
            (Due::End, State::Completed) => Acts::ENDED,
        }
    }

    /// Whether its user still waits for a final response.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Trying | State::Proceeding)
    }
}
