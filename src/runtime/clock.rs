//! The only clock of the house: what time it is, on both clocks, for all who are told.

use crate::engine::time::{Monotonic, Now, Wall};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Monotonic time is counted from an hour before the start, so that nothing begins at zero.
const HEAD_START: Duration = Duration::from_secs(3600);

/// Reads both clocks.
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
            mono: Monotonic::default() + HEAD_START + self.started.elapsed(),
            wall: Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
        }
    }

    /// The instant at which the clock will read `at`.
    pub(super) fn instant(&self, at: Monotonic) -> Instant {
        self.started + at.since(Monotonic::default() + HEAD_START)
    }
}
