//! How unevenly packets come: the delays of the recent ones against the fastest of them. Pure counting, no packets.

use super::DEPTH_US;

/// So many packets are looked back at: 2 to 4 s of the usual 20 and 30 ms.
const WINDOW: usize = 128;
/// The share that must be in time, in percent.
const IN_TIME_PERCENT: usize = 95;
/// What is added for the grid of 20 ms on which sound is taken, in µs.
const MARGIN_US: i64 = 10_000;
/// The target before anything is known, in µs.
const TARGET_AT_START_US: i64 = 40_000;
/// The percentile is looked for anew after so many packets: it costs more than the rest of a push.
const EVERY: u32 = 8;

/// A window of transit times.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    /// Arrival minus timestamp, in µs; only differences mean anything.
    transits: [i64; WINDOW],
    filled: usize,
    next: usize,
    since: u32,
    fastest: i64,
    target: i64,
}

impl Default for Spread {
    fn default() -> Spread {
        Spread { transits: [0; WINDOW], filled: 0, next: 0, since: 0, fastest: 0, target: TARGET_AT_START_US }
    }
}

impl Spread {
    /// Transit times have a new zero; the target stays until more is known.
    pub(super) fn begin(&mut self) {
        (self.filled, self.next, self.since) = (0, 0, 0);
    }

    /// A packet came.
    pub(super) fn observe(&mut self, transit: i64) {
        self.transits[self.next] = transit;
        self.next = (self.next + 1) % WINDOW;
        self.filled = (self.filled + 1).min(WINDOW);
        self.fastest = if self.filled == 1 { transit } else { self.fastest.min(transit) };
        self.since += 1;
        // A few packets tell nothing about how the network is: until then the old target holds.
        if self.since >= EVERY && self.filled >= 2 * EVERY as usize {
            self.since = 0;
            self.measure();
        }
    }

    /// The transit of the fastest recent packet, in µs.
    pub(super) fn fastest(&self) -> i64 {
        self.fastest
    }

    /// How long the fastest packet shall be kept back, in µs.
    pub(super) fn target(&self) -> i64 {
        self.target
    }

    fn measure(&mut self) {
        let mut sorted = self.transits;
        let Some(window) = sorted.get_mut(..self.filled) else { return };
        let rank = (window.len() * IN_TIME_PERCENT / 100).min(window.len() - 1);
        let (below, slow, _) = window.select_nth_unstable(rank);
        self.fastest = below.iter().copied().min().unwrap_or(*slow);
        self.target = (*slow - self.fastest + MARGIN_US).clamp(*DEPTH_US.start(), *DEPTH_US.end());
    }
}
