//! Telephone events (RFC 4733): which keys were pressed, and what to send to press some. Pure; a bridge relays the
//! packets as they are.

mod press;

pub use press::{EventPacket, KEYS_WAITING_MAX, Keypad, Press, Turn};

/// Bytes of one event payload (RFC 4733 §2.3).
const EVENT_BYTES: usize = 4;
/// The E bit: the key is released (RFC 4733 §2.3.2).
const END: u8 = 0x80;
/// The keys by their event codes (RFC 4733 §3.2).
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// A held key's segment can't be longer, in ticks (RFC 4733 §2.5.1.3).
const DURATION_MAX: u32 = 0xFFFF;
/// A segment that was at least so long when it was last heard of may have gone on in a new one.
const LONG: u32 = DURATION_MAX / 2;

/// Follows one source's events and reports every key once, at its first packet: the caller feels no delay, and the
/// event is known even if all but one of its packets are lost. Works at every clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys {
    last: Option<Segment>,
}

/// An event, or one segment of a long one.
#[derive(Clone, Copy, Debug)]
struct Segment {
    ssrc: u32,
    timestamp: u32,
    event: u8,
    /// The longest duration heard of.
    duration: u32,
    ended: bool,
}

impl Segment {
    /// Whether a segment that begins at `timestamp` goes on where this one stopped (RFC 4733 §2.5.1.3): the last packets
    /// of this one may be lost, so its end is known only to lie between what was heard of and the longest there is.
    fn goes_on(&self, timestamp: u32, event: u8) -> bool {
        let after = timestamp.wrapping_sub(self.timestamp);
        self.event == event
            && !self.ended
            && self.duration >= LONG
            && (self.duration..=DURATION_MAX).contains(&after)
    }
}

impl Keys {
    /// Takes an event packet. All packets of one event carry the timestamp of its start (RFC 4733 §2.1), so a timestamp
    /// that is not newer is a repetition or came late; one that follows a long segment is the same key, still held.
    pub fn receive(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) -> Option<char> {
        let &[event, flags, high, low] = payload.first_chunk::<EVENT_BYTES>()?;
        let digit = digit(event)?;
        let (duration, ended) = (u32::from(u16::from_be_bytes([high, low])), flags & END != 0);
        let segment = Segment { ssrc, timestamp, event, duration, ended };
        match &mut self.last {
            Some(last) if last.ssrc == ssrc => {
                let passed = timestamp.wrapping_sub(last.timestamp) as i32;
                if passed == 0 {
                    last.duration = last.duration.max(duration);
                    last.ended |= ended;
                }
                if passed <= 0 {
                    return None;
                }
                let goes_on = last.goes_on(timestamp, event);
                *last = segment;
                (!goes_on).then_some(digit)
            }
            other => {
                *other = Some(segment);
                Some(digit)
            }
        }
    }
}

/// The key of an event code (RFC 4733 §3.2); `None` for flash and everything else that is no key.
fn digit(event: u8) -> Option<char> {
    KEYS.get(usize::from(event)).map(|&key| char::from(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload(event: u8, end: bool, duration: u16) -> [u8; 4] {
        let [high, low] = duration.to_be_bytes();
        [event, if end { 0x8A } else { 0x0A }, high, low]
    }

    #[test]
    fn a_key_is_reported_once_however_often_it_is_sent() {
        let mut keys = Keys::default();
        let mut reported = Vec::new();
        for step in 1..=6 {
            reported.extend(keys.receive(1, 8_000, &payload(5, step > 3, step * 160)));
        }
        assert_eq!(reported, ['5']);
    }

    #[test]
    fn the_last_packet_alone_is_enough() {
        assert_eq!(Keys::default().receive(1, 8_000, &payload(11, true, 800)), Some('#'));
    }

    #[test]
    fn the_same_key_twice_is_two_keys() {
        let mut keys = Keys::default();
        assert_eq!(keys.receive(1, 8_000, &payload(1, true, 800)), Some('1'));
        assert_eq!(keys.receive(1, 9_600, &payload(1, false, 160)), Some('1'));
    }

    #[test]
    fn a_packet_that_comes_late_is_no_new_key() {
        let mut keys = Keys::default();
        assert_eq!(keys.receive(1, u32::MAX - 100, &payload(1, true, 800)), Some('1'));
        assert_eq!(keys.receive(1, 1_500, &payload(2, false, 160)), Some('2'));
        assert_eq!(keys.receive(1, u32::MAX - 100, &payload(1, true, 800)), None);
    }

    #[test]
    fn a_new_source_starts_anew() {
        let mut keys = Keys::default();
        assert_eq!(keys.receive(1, 8_000, &payload(1, true, 800)), Some('1'));
        assert_eq!(keys.receive(2, 100, &payload(2, true, 800)), Some('2'));
    }

    #[test]
    fn all_sixteen_keys_have_a_character_and_nothing_else_has() {
        let all: String = (0..=255).filter_map(digit).collect();
        assert_eq!(all, "0123456789*#ABCD");
    }

    #[test]
    fn a_key_held_for_long_is_one_key_at_every_clock() {
        for clock_hz in [8_000, 16_000, 48_000_u32] {
            for held_ms in [100, 1_400, 8_200, 30_000] {
                let mut keys = Keys::default();
                let start = u32::MAX - 40_000;
                let mut press = Press::new('7', start, clock_hz, held_ms).unwrap();
                let packets: Vec<EventPacket> = std::iter::from_fn(|| press.next()).collect();
                let mut receive = |packet: &EventPacket| keys.receive(1, packet.timestamp, &packet.payload);
                assert_eq!(
                    packets.iter().filter_map(&mut receive).collect::<String>(),
                    "7",
                    "{clock_hz} {held_ms}"
                );
                // Pressed again later, it is another.
                let again = Press::new('7', start.wrapping_add(clock_hz * 31), clock_hz, 100)
                    .unwrap()
                    .next()
                    .unwrap();
                assert_eq!(receive(&again), Some('7'));
            }
        }
    }

    #[test]
    fn a_held_key_whose_packets_are_mostly_lost_is_still_one() {
        for kept in 2..12 {
            let mut keys = Keys::default();
            let mut press = Press::new('#', 5, 8_000, 20_000).unwrap();
            let packets = std::iter::from_fn(|| press.next()).enumerate();
            let packets = packets.filter(|(n, _)| n % kept == 0);
            let heard: String =
                packets.filter_map(|(_, p)| keys.receive(1, p.timestamp, &p.payload)).collect();
            assert_eq!(heard, "#", "one in {kept} packets");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(ssrc: u32, timestamp: u32, bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            let mut keys = Keys::default();
            let _ = keys.receive(ssrc, 7, &[1, 10, 255, 255]);
            let _ = keys.receive(ssrc, timestamp, &bytes);
        }
    }
}
