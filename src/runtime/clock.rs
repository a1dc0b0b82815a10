//! The only clock of the house: what time it is, on both clocks, for all who are told.

use crate::engine::time::{Monotonic, Now, Wall};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Reads both clocks; monotonic time is counted from the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(super) fn now(&self) -> Now {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            mono: Monotonic::default() + self.started.elapsed(),
            wall: Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
        }
    }

    /// The instant at which the clock will read `at`.
    pub(super) fn instant(&self, at: Monotonic) -> Instant {
        self.started + at.since(Monotonic::default())
    }
}
