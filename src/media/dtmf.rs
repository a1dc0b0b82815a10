//! Telephone events (RFC 4733): which keys were pressed. Never sends; a bridge relays the packets as they are.

/// Bytes of one event payload (RFC 4733 §2.3).
const EVENT_BYTES: usize = 4;

/// Follows one source's events and reports every key once, at its first packet: the caller feels no delay, and the
/// event is known even if all but one of its packets are lost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys {
    last: Option<(u32, u32)>,
}

impl Keys {
    /// Takes an event packet. All packets of one event carry the timestamp of its start (RFC 4733 §2.1), so a timestamp
    /// that is not newer is a repetition or came late.
    pub fn receive(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) -> Option<char> {
        if payload.len() < EVENT_BYTES {
            return None;
        }
        if let Some((last_ssrc, last_timestamp)) = self.last
            && last_ssrc == ssrc
            && timestamp.wrapping_sub(last_timestamp) as i32 <= 0
        {
            return None;
        }
        let digit = digit(*payload.first()?)?;
        self.last = Some((ssrc, timestamp));
        Some(digit)
    }
}

/// The key of an event code (RFC 4733 §3.2); `None` for flash and everything else that is no key.
fn digit(event: u8) -> Option<char> {
    const KEYS: &[u8; 16] = b"0123456789*#ABCD";
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

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(ssrc: u32, timestamp: u32, bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            let _ = Keys::default().receive(ssrc, timestamp, &bytes);
        }
    }
}
