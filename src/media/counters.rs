//! What the workers count, for the metrics. Each worker writes its own, others only read: no lock, no shared line.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Why a packet was not taken or not sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DropCause {
    /// The leg's far side is not known yet.
    NotConnected,
    /// No RTP or RTCP that can be read.
    Malformed,
    /// A payload type that was not agreed.
    PayloadType,
    /// Of a secure stream, and not proven to be the far side's.
    Unauthenticated,
    /// Of a secure stream, and came before, or too late to tell.
    Replayed,
    /// From another address, which may yet turn out to be the far side's.
    Learning,
    /// From another address than the far side's.
    Stranger,
    /// On a stream that was agreed to be silent.
    NotAgreed,
    /// The system's send buffer is full.
    SendBufferFull,
    /// The far side's port is closed.
    Refused,
    /// Any other refusal by the system.
    SendFailed,
}

impl DropCause {
    /// All causes, in the order of the counters.
    pub const ALL: [DropCause; 11] = [
        Self::NotConnected,
        Self::Malformed,
        Self::PayloadType,
        Self::Unauthenticated,
        Self::Replayed,
        Self::Learning,
        Self::Stranger,
        Self::NotAgreed,
        Self::SendBufferFull,
        Self::Refused,
        Self::SendFailed,
    ];

    /// The name, as a metric's label has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::Malformed => "malformed",
            Self::PayloadType => "payload_type",
            Self::Unauthenticated => "unauthenticated",
            Self::Replayed => "replayed",
            Self::Learning => "learning",
            Self::Stranger => "stranger",
            Self::NotAgreed => "not_agreed",
            Self::SendBufferFull => "send_buffer_full",
            Self::Refused => "refused",
            Self::SendFailed => "send_failed",
        }
    }
}

/// The upper edges of the lateness histogram, in microseconds; one more bucket lies above.
pub const LATENESS_EDGES_US: [u64; 8] = [100, 250, 500, 1_000, 2_000, 5_000, 10_000, 20_000];

/// A number that one thread writes and any may read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The value.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Only the owning worker calls this: a load and a store are cheaper than a locked addition.
    pub(super) fn add(&self, amount: u64) {
        self.0.store(self.value().wrapping_add(amount), Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// One worker's counters, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Counters {
    /// Turns of the worker's loop: while this grows, it lives. An idle one turns once a second.
    pub turns: Counter,
    /// RTP packets sent on time by the worker's clock: music, prompts, silence.
    pub sent: Counter,
    /// RTP packets sent on time by the worker's clock to those of a conversation that is mixed.
    pub mixed: Counter,
    /// RTP packets passed on from one leg of a bridge to the other.
    pub relayed: Counter,
    /// RTP packets received and taken.
    pub received: Counter,
    /// RTCP reports sent.
    pub reports_sent: Counter,
    /// RTCP reports received.
    pub reports_received: Counter,
    /// Keys pressed.
    pub digits: Counter,
    /// Legs open now.
    pub legs: Counter,
    /// Legs bridged now.
    pub bridged: Counter,
    /// Milliseconds of the schedule that were skipped because the worker was too late for them.
    pub skipped_ms: Counter,
    /// Events that could not be delivered at once; they wait.
    pub events_delayed: Counter,
    /// Events that could not be delivered at all.
    pub events_lost: Counter,
    dropped: [Counter; DropCause::ALL.len()],
    lateness: [Counter; LATENESS_EDGES_US.len() + 1],
    lateness_sum_us: Counter,
}

impl Counters {
    /// How many packets were dropped for a cause.
    pub fn dropped(&self, cause: DropCause) -> u64 {
        self.dropped[cause as usize].value()
    }

    /// How many packets were sent in each bucket of lateness (see [`LATENESS_EDGES_US`]), not cumulated.
    pub fn lateness(&self) -> [u64; LATENESS_EDGES_US.len() + 1] {
        std::array::from_fn(|bucket| self.lateness[bucket].value())
    }

    /// The sum of all lateness.
    pub fn lateness_sum(&self) -> Duration {
        Duration::from_micros(self.lateness_sum_us.value())
    }

    pub(super) fn drop_packet(&self, cause: DropCause) {
        self.dropped[cause as usize].add(1);
    }

    pub(super) fn late_by(&self, lateness: Duration, packets: u64) {
        let us = lateness.as_micros() as u64;
        let bucket = LATENESS_EDGES_US.iter().position(|&edge| us <= edge).unwrap_or(LATENESS_EDGES_US.len());
        self.lateness[bucket].add(packets);
        self.lateness_sum_us.add(us * packets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_and_buckets_are_counted_apart() {
        let counters = Counters::default();
        for cause in DropCause::ALL {
            counters.drop_packet(cause);
            assert_eq!(counters.dropped(cause), 1, "{}", cause.name());
        }
        for us in [0, 100, 101, 20_000, 20_001] {
            counters.late_by(Duration::from_micros(us), 1);
        }
        assert_eq!(counters.lateness(), [2, 1, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(counters.lateness_sum(), Duration::from_micros(40_202));
    }
}
