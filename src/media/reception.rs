//! How well a source is received: the figures of an RTCP report block (RFC 3550 §6.4, A.3 and A.8). Pure counting.

use super::bridge::ticks;
use super::quality::Measured;
use super::rtp::Packet;
use crate::engine::time::Monotonic;

/// A jump of the sequence number beyond this is a restart, not loss (RFC 3550 A.1).
const DROPOUT_MAX: u16 = 3_000;

/// The figures of one report block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Whom it is about.
    pub ssrc: u32,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Lost in all; 24 bits.
    pub lost: u32,
    /// The highest sequence number with the count of its wraps above it.
    pub highest: u32,
    /// Interarrival jitter in ticks of the source's clock.
    pub jitter: u32,
}

/// Counts one source's packets.
#[derive(Clone, Copy, Debug)]
pub struct Reception {
    ssrc: u32,
    clock_hz: u32,
    base: u32,
    highest: u32,
    received: u32,
    expected_before: u32,
    received_before: u32,
    transit: u32,
    /// In sixteenths of a sample, as RFC 3550 A.8 keeps it.
    jitter: u32,
}

impl Reception {
    /// Starts at a source's first packet; its timestamps run by `clock_hz`.
    pub fn new(now: Monotonic, packet: &Packet<'_>, clock_hz: u32) -> Reception {
        Reception {
            ssrc: packet.ssrc,
            clock_hz,
            base: u32::from(packet.sequence),
            highest: u32::from(packet.sequence),
            received: 1,
            expected_before: 0,
            received_before: 0,
            transit: transit(now, packet, clock_hz),
            jitter: 0,
        }
    }

    /// The source speaks by another clock from now on: what was known of its jitter says nothing any more.
    pub fn retime(&mut self, now: Monotonic, packet: &Packet<'_>, clock_hz: u32) {
        if self.clock_hz != clock_hz {
            (self.clock_hz, self.jitter, self.transit) = (clock_hz, 0, transit(now, packet, clock_hz));
        }
    }

    /// Whom it counts.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// One more packet of the same source.
    pub fn receive(&mut self, now: Monotonic, packet: &Packet<'_>) {
        self.count(now, packet);
        let transit = transit(now, packet, self.clock_hz);
        let difference = (transit.wrapping_sub(self.transit) as i32).unsigned_abs().min(self.clock_hz);
        self.transit = transit;
        self.jitter = self.jitter.wrapping_add(difference).wrapping_sub((self.jitter + 8) >> 4);
    }

    /// One more packet of the same source, of which it is not known when it came: it may be lost, it cannot jitter.
    pub fn count(&mut self, now: Monotonic, packet: &Packet<'_>) {
        let ahead = packet.sequence.wrapping_sub(self.highest as u16);
        if ahead < DROPOUT_MAX {
            self.highest = self.highest.wrapping_add(u32::from(ahead));
        } else if ahead < u16::MAX - 100 {
            *self = Self::new(now, packet, self.clock_hz);
            return;
        }
        self.received = self.received.wrapping_add(1);
    }

    /// All in all so far.
    pub fn measured(&self) -> Measured {
        let expected = self.highest.wrapping_sub(self.base).wrapping_add(1).max(1);
        let lost = expected.saturating_sub(self.received);
        Measured {
            packets: u64::from(self.received),
            lost_share: lost as f32 / expected as f32,
            jitter_ms: (self.jitter >> 4) as f32 * 1e3 / self.clock_hz.max(1) as f32,
            ..Measured::default()
        }
    }

    /// The figures since the last report.
    pub fn report(&mut self) -> Report {
        let expected = self.highest.wrapping_sub(self.base).wrapping_add(1);
        let expected_now = expected.wrapping_sub(self.expected_before);
        let received_now = self.received.wrapping_sub(self.received_before);
        (self.expected_before, self.received_before) = (expected, self.received);
        let lost_now = expected_now.saturating_sub(received_now);
        Report {
            ssrc: self.ssrc,
            fraction_lost: (lost_now * 256).checked_div(expected_now).map_or(0, |lost| lost.min(255) as u8),
            lost: expected.saturating_sub(self.received).min(0x7F_FFFF),
            highest: self.highest,
            jitter: self.jitter >> 4,
        }
    }
}

/// Arrival minus timestamp, in ticks of the clock: only differences of it mean anything.
fn transit(now: Monotonic, packet: &Packet<'_>, clock_hz: u32) -> u32 {
    ticks(Monotonic(0), now, clock_hz).wrapping_sub(packet.timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16) -> Packet<'static> {
        let timestamp = u32::from(sequence).wrapping_mul(160);
        Packet { payload_type: 0, marker: false, sequence, timestamp, ssrc: 1, payload: &[0; 160] }
    }

    fn at(ms: u64) -> Monotonic {
        Monotonic(ms * 1_000)
    }

    #[test]
    fn nothing_lost_is_reported_as_nothing() {
        let mut reception = Reception::new(at(0), &packet(10), 8_000);
        (11..60).for_each(|n| reception.receive(at(u64::from(n - 10) * 20), &packet(n)));
        let report = reception.report();
        assert_eq!((report.fraction_lost, report.lost, report.highest, report.jitter), (0, 0, 59, 0));
    }

    #[test]
    fn one_in_four_lost_is_64_of_256_and_the_next_report_starts_anew() {
        let mut reception = Reception::new(at(0), &packet(0), 8_000);
        (1..400).filter(|n| n % 4 != 3).for_each(|n| reception.receive(at(u64::from(n) * 20), &packet(n)));
        let report = reception.report();
        assert_eq!(report.lost, 99);
        assert!((63..=64).contains(&report.fraction_lost), "{report:?}");
        (400..500).for_each(|n| reception.receive(at(u64::from(n) * 20), &packet(n)));
        assert!(reception.report().fraction_lost <= 2);
    }

    #[test]
    fn wrapping_and_reordering_lose_nothing() {
        let mut reception = Reception::new(at(0), &packet(65_534), 8_000);
        for sequence in [65_535, 1, 0, 2] {
            reception.receive(at(20), &packet(sequence));
        }
        let report = reception.report();
        assert_eq!((report.lost, report.highest), (0, 65_536 + 2));
    }

    #[test]
    fn packets_that_were_fetched_late_are_counted_and_do_not_jitter() {
        let mut reception = Reception::new(at(0), &packet(0), 8_000);
        for n in 1..500_u16 {
            reception.count(at(u64::from(n / 2) * 40), &packet(n));
        }
        let report = reception.report();
        assert_eq!((report.lost, report.highest, report.jitter), (0, 499, 0));
    }

    #[test]
    fn late_packets_are_jitter() {
        let mut reception = Reception::new(at(0), &packet(0), 8_000);
        for n in 1..500_u16 {
            reception.receive(at(u64::from(n) * 20 + u64::from(n % 2) * 10), &packet(n));
        }
        // Every packet is 10 ms off the one before: 80 samples.
        assert!((70..=80).contains(&reception.report().jitter));
    }

    proptest::proptest! {
        #[test]
        fn no_sequence_of_packets_makes_it_panic(packets in proptest::collection::vec((0_u16.., 0_u32.., 0_u64..u64::MAX / 8_000), 1..200)) {
            let mut reception = None;
            for (sequence, timestamp, now) in packets {
                let packet = Packet { timestamp, ..packet(sequence) };
                reception.get_or_insert_with(|| Reception::new(Monotonic(now), &packet, 8_000)).receive(Monotonic(now), &packet);
            }
            reception.map(|mut reception| reception.report());
        }
    }
}
