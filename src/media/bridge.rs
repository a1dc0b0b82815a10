//! Splicing a foreign stream into ours: its sequence numbers and timestamps are shifted so that what the far side gets
//! stays one stream (RFC 3550 §5.1), gaps and order included. Pure arithmetic.

use super::rtp::Packet;
use crate::engine::time::Monotonic;

/// Jumps beyond this are a restart of the source, not loss (RFC 3550 A.1).
const DROPOUT_MAX: u16 = 3_000;
/// Steps back beyond this are a restart, not reordering (RFC 3550 A.1).
const MISORDER_MAX: u16 = 100;
/// A timestamp may differ from the clock by so much before it is a restart, in seconds.
const DRIFT_MAX_S: u32 = 2;

/// What we sent last, and what may come next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// The highest sequence number.
    pub sequence: u16,
    /// Its timestamp.
    pub timestamp: u32,
    /// When.
    pub at: Monotonic,
}

impl Sent {
    /// The timestamp of a new source that begins now: time has passed for the listener too, by one frame of 20 ms at
    /// least.
    pub fn next_timestamp(&self, now: Monotonic, clock_hz: u32) -> u32 {
        self.timestamp.wrapping_add(ticks(self.at, now, clock_hz).max(clock_hz / 50))
    }
}

/// The shift from one source's numbers to ours.
#[derive(Clone, Copy, Debug)]
pub struct Splice {
    ssrc: u32,
    clock_hz: u32,
    sequence_shift: u16,
    timestamp_shift: u32,
    last: Packet<'static>,
    /// When `last`'s timestamp first came.
    at: Monotonic,
    /// How far the source has come since the splice: nothing from before it may follow.
    run: u16,
}

impl Splice {
    /// Begins at a source's packet: it follows what was sent last. Both sides' timestamps run by `clock_hz`.
    pub fn new(now: Monotonic, packet: &Packet<'_>, sent: &Sent, clock_hz: u32) -> Splice {
        Splice {
            ssrc: packet.ssrc,
            clock_hz,
            sequence_shift: sent.sequence.wrapping_add(1).wrapping_sub(packet.sequence),
            timestamp_shift: sent.next_timestamp(now, clock_hz).wrapping_sub(packet.timestamp),
            last: Packet { payload: &[], ..*packet },
            at: now,
            run: 0,
        }
    }

    /// Whether the packet goes on where the source was; otherwise a new splice is needed.
    pub fn continues(&self, now: Monotonic, packet: &Packet<'_>) -> bool {
        let ahead = packet.sequence.wrapping_sub(self.last.sequence);
        let in_reach = !(DROPOUT_MAX..=u16::MAX - MISORDER_MAX).contains(&ahead);
        let passed = packet.timestamp.wrapping_sub(self.last.timestamp);
        let drift = (passed.wrapping_sub(ticks(self.at, now, self.clock_hz)) as i32).unsigned_abs();
        // A telephone event keeps its timestamp however long the key is held (RFC 4733 §2.1).
        packet.ssrc == self.ssrc && in_reach && (passed == 0 || drift <= DRIFT_MAX_S * self.clock_hz)
    }

    /// The packet's numbers in our stream; `None` for one that came late from before the splice.
    pub fn shift(&mut self, now: Monotonic, packet: &Packet<'_>) -> Option<(u16, u32)> {
        if self.is_newest(packet) {
            self.run = self.run.saturating_add(packet.sequence.wrapping_sub(self.last.sequence));
            if packet.timestamp != self.last.timestamp {
                self.at = now;
            }
            self.last = Packet { payload: &[], ..*packet };
        } else if self.last.sequence.wrapping_sub(packet.sequence) > self.run {
            return None;
        }
        let sequence = packet.sequence.wrapping_add(self.sequence_shift);
        Some((sequence, packet.timestamp.wrapping_add(self.timestamp_shift)))
    }

    /// A packet that is not passed on (comfort noise, events the far side does not take): closes the gap it would
    /// leave, for the far side would take it for loss.
    pub fn pass_over(&mut self, now: Monotonic, packet: &Packet<'_>) {
        if self.continues(now, packet) && self.is_newest(packet) {
            self.shift(now, packet);
            self.sequence_shift = self.sequence_shift.wrapping_sub(1);
        }
    }

    fn is_newest(&self, packet: &Packet<'_>) -> bool {
        (packet.sequence.wrapping_sub(self.last.sequence) as i16) > 0
    }
}

/// Ticks of a clock between two moments.
pub(super) fn ticks(from: Monotonic, to: Monotonic, clock_hz: u32) -> u32 {
    (to.0.saturating_sub(from.0).saturating_mul(u64::from(clock_hz)) / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(ssrc: u32, sequence: u16, timestamp: u32) -> Packet<'static> {
        Packet { payload_type: 0, marker: false, sequence, timestamp, ssrc, payload: &[0; 160] }
    }

    fn at(ms: u64) -> Monotonic {
        Monotonic(ms * 1_000)
    }

    const SENT: Sent = Sent { sequence: 65_535, timestamp: 1_000, at: Monotonic(0) };

    #[test]
    fn a_new_source_follows_what_was_sent_by_number_and_by_time() {
        let first = packet(1, 500, 9_000);
        let mut splice = Splice::new(at(30), &first, &SENT, 8_000);
        assert_eq!(splice.shift(at(30), &first), Some((0, 1_240)));
        assert_eq!(splice.shift(at(50), &packet(1, 501, 9_160)), Some((1, 1_400)));
    }

    #[test]
    fn loss_and_order_reach_the_far_side_as_they_were() {
        let mut splice = Splice::new(at(20), &packet(1, 10, 1_600), &SENT, 8_000);
        let mut shifted = |n: u16| splice.shift(at(60), &packet(1, n, u32::from(n) * 160)).unwrap().0;
        assert_eq!([12, 11, 14].map(&mut shifted), [2, 1, 4]);
    }

    #[test]
    fn what_came_late_from_before_the_splice_is_not_sent_twice() {
        let mut splice = Splice::new(at(20), &packet(1, 10, 1_600), &SENT, 8_000);
        assert_eq!(splice.shift(at(21), &packet(1, 9, 1_440)), None);
        assert!(splice.shift(at(40), &packet(1, 12, 1_920)).is_some());
        assert!(splice.shift(at(41), &packet(1, 11, 1_760)).is_some());
    }

    #[test]
    fn an_event_keeps_its_timestamp_through_the_bridge_however_long_the_key_is_held() {
        let mut splice = Splice::new(at(20), &packet(1, 10, 1_600), &SENT, 8_000);
        let start = splice.shift(at(40), &packet(1, 11, 1_760)).unwrap().1;
        for n in 1..1_000_u16 {
            let now = at(40 + u64::from(n) * 20);
            let event = packet(1, 11 + n, 1_760);
            assert!(splice.continues(now, &event));
            assert_eq!(splice.shift(now, &event).unwrap().1, start);
        }
        assert!(
            splice.continues(at(20_040), &packet(1, 1_011, 1_760 + 160_000)),
            "and the voice goes on after it"
        );
    }

    #[test]
    fn restarts_are_noticed() {
        let splice = Splice::new(at(20), &packet(1, 10, 1_600), &SENT, 8_000);
        assert!(splice.continues(at(40), &packet(1, 11, 1_760)));
        assert!(splice.continues(at(1_040), &packet(1, 11, 9_760)), "silence suppression");
        assert!(!splice.continues(at(40), &packet(2, 11, 1_760)), "another source");
        assert!(!splice.continues(at(40), &packet(1, 20_000, 1_760)), "another numbering");
        assert!(!splice.continues(at(40), &packet(1, 11, 900_000_000)), "another clock");
    }

    #[test]
    fn a_packet_passed_over_leaves_no_gap() {
        let mut splice = Splice::new(at(20), &packet(1, 10, 1_600), &SENT, 8_000);
        splice.shift(at(20), &packet(1, 10, 1_600)).unwrap();
        splice.pass_over(at(40), &packet(1, 11, 1_760));
        assert_eq!(splice.shift(at(60), &packet(1, 12, 1_920)).unwrap().0, 1);
    }
}
