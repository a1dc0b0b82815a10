//! The media plane's clock: one zero for all workers, so that all callers hear the same place of the music.

use crate::engine::time::Monotonic;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds from 1900 (NTP) to 1970 (RFC 3550 §4, RFC 5905).
const NTP_UNIX_S: u64 = 2_208_988_800;

/// Counts from the moment it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    zero: Instant,
}

impl Clock {
    pub(super) fn new() -> Clock {
        Clock { zero: Instant::now() }
    }

    pub(super) fn now(&self) -> Monotonic {
        Monotonic::default() + self.zero.elapsed()
    }

    /// The wall clock as sender reports have it: 32.32 fixed point seconds since 1900.
    pub(super) fn ntp() -> u64 {
        let unix: Duration = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
        ((unix.as_secs() + NTP_UNIX_S) << 32) | fraction
    }
}
