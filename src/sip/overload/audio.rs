//! Whether audio leaves too late, by what the media workers count.

use crate::engine::time::Monotonic;
use std::time::Duration;

/// How long a measurement of the audio must be bad, and is then bad.
const WINDOW: Duration = Duration::from_secs(1);
const WINDOWS: u32 = 3;
/// Fewer packets in a window tell nothing.
const PACKETS_MIN: u64 = 500;

/// How well audio leaves.
#[derive(Debug, Default)]
pub(super) struct Audio {
    began: Monotonic,
    sent: u64,
    late: u64,
    bad_windows: u32,
    pub is_bad: bool,
}

impl Audio {
    /// So many packets have been sent since the start, so many of them late; this share of them may be.
    pub fn look(&mut self, now: Monotonic, sent: u64, late: u64, most: f64) {
        if now.since(self.began) < WINDOW {
            return;
        }
        let (sent_now, late_now) = (sent.saturating_sub(self.sent), late.saturating_sub(self.late));
        (self.began, self.sent, self.late) = (now, sent, late);
        let share = late_now as f64 / sent_now.max(1) as f64;
        // Half of it, once it was bad, so that one call more does not turn it over again.
        let most = if self.is_bad { most / 2.0 } else { most };
        let was_bad = sent_now >= PACKETS_MIN && share > most;
        self.bad_windows = if was_bad { self.bad_windows.saturating_add(1) } else { 0 };
        self.is_bad = self.bad_windows >= if self.is_bad { 1 } else { WINDOWS };
    }
}
