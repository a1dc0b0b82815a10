//! The only clock of the house: what time it is, on both clocks, for all who are told.

use crate::engine::time::{Monotonic, Now, Wall};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reads both clocks; monotonic time is counted from the start, or goes on from where a killed process was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
    at_start: Monotonic,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), at_start: Monotonic::default() }
    }

    /// The clock of a process that was last alive `then`, and has begun anew. How long that is past only wall time can
    /// tell; it never runs backwards.
    pub(super) fn going_on(then: Now) -> Self {
        let clock = Self::start();
        let past = clock.now().wall.0.saturating_sub(then.wall.0);
        let past = Duration::from_millis(u64::try_from(past).unwrap_or_default());
        Self { at_start: then.mono + past, ..clock }
    }

    pub(super) fn now(&self) -> Now {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            mono: self.at_start + self.started.elapsed(),
            wall: Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
        }
    }

    /// What this clock read at an instant.
    pub(super) fn at(&self, instant: Instant) -> Monotonic {
        Monotonic::default() + instant.saturating_duration_since(self.started)
    }

    /// What leads from this clock to microseconds since 1970, as the machine's clock has it now.
    pub(super) fn offset_us(&self) -> i64 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = |span: std::time::Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        micros(wall).saturating_sub(micros(self.started.elapsed()))
    }

    /// The instant at which the clock will read `at`.
    pub(super) fn instant(&self, at: Monotonic) -> Instant {
        self.started + at.since(self.at_start)
    }
}
