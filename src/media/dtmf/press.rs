//! Pressing keys: the packets of a telephone event (RFC 4733 §2.5), and a keypad that dials one key after another. Pure:
//! one call each 20 ms, no clock; numbers and addresses are the session's.

use super::{DURATION_MAX, END, EVENT_BYTES, KEYS};

/// How often the final packet is sent in all (RFC 4733 §2.5.1.4).
const FINAL_PACKETS: u32 = 3;
/// The power level that is told, in −dBm0 (RFC 4733 §2.3.4): what a phone's keypad has.
const VOLUME: u8 = 10;
/// The shortest press that every receiver takes (ITU-T Q.24), and the longest we make, in ms.
const HELD_MS: std::ops::RangeInclusive<u32> = 40..=60_000;
/// How long a packet's worth of time is, in ms.
const STEP_MS: u32 = 20;
/// Between two keys, in ms: Q.24 asks for 40; the final packets take 40 of their own before.
const PAUSE_MS: u32 = 60;
/// The most keys that wait to be dialled.
pub const KEYS_WAITING_MAX: usize = 64;

/// One packet to be sent, but for what the session knows: the payload type, the sequence number and the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventPacket {
    /// Set on the first packet of an event.
    pub marker: bool,
    /// Of the start of the event, or of its segment, in the stream's clock.
    pub timestamp: u32,
    /// The payload.
    pub payload: [u8; EVENT_BYTES],
}

/// One key from its press to its release.
#[derive(Clone, Copy, Debug)]
pub struct Press {
    event: u8,
    timestamp: u32,
    step: u32,
    /// Of the whole event, in ticks.
    held: u32,
    /// So far, in the segment.
    duration: u32,
    left: u32,
    begun: bool,
}

impl Press {
    /// A key (`0`–`9`, `*`, `#`, `A`–`D` in either case) that is pressed at `timestamp` of a stream of `clock_hz` and held for
    /// `held_ms`, 40 ms to a minute. `None`: no such key.
    pub fn new(key: char, timestamp: u32, clock_hz: u32, held_ms: u32) -> Option<Press> {
        let event = KEYS.iter().position(|&known| char::from(known) == key.to_ascii_uppercase())?;
        // Clocks of RTP audio go up to 192 kHz; in a step of theirs a segment does not overflow.
        let ticks_per_ms = (clock_hz / 1_000).clamp(1, 192);
        Some(Press {
            event: event as u8,
            timestamp,
            step: STEP_MS * ticks_per_ms,
            held: held_ms.clamp(*HELD_MS.start(), *HELD_MS.end()) * ticks_per_ms,
            duration: 0,
            left: FINAL_PACKETS,
            begun: false,
        })
    }

    /// The packet of the next 20 ms; `None` when all were given. The first is due 20 ms after the press, when there is a
    /// duration to tell.
    #[allow(clippy::should_implement_trait, reason = "it is paced: a for loop over it would be a mistake")]
    pub fn next(&mut self) -> Option<EventPacket> {
        self.left.checked_sub(1)?;
        if self.left == FINAL_PACKETS {
            self.grow();
        }
        let ended = self.duration == self.held;
        if ended {
            self.left -= 1;
        }
        let marker = !std::mem::replace(&mut self.begun, true);
        Some(self.packet(marker, ended))
    }

    /// 20 ms more. A segment that can't grow is followed by another (§2.5.1.3); its own last packet said how long it was
    /// but for the rest of a step, which the next one's timestamp tells.
    fn grow(&mut self) {
        let grown = (self.duration + self.step).min(self.held);
        if grown <= DURATION_MAX {
            self.duration = grown;
            return;
        }
        if self.duration < DURATION_MAX {
            // The packet with the longest duration, which must not have the E bit.
            self.duration = DURATION_MAX;
            return;
        }
        // The packet before told of less than had passed by then; this one makes up for it.
        self.timestamp = self.timestamp.wrapping_add(DURATION_MAX);
        self.held -= DURATION_MAX;
        let behind = self.step - DURATION_MAX % self.step;
        self.duration = (self.step + behind).min(self.held);
    }

    fn packet(&self, marker: bool, ended: bool) -> EventPacket {
        let [high, low] = u16::try_from(self.duration).unwrap_or(u16::MAX).to_be_bytes();
        let flags = VOLUME | if ended { END } else { 0 };
        EventPacket { marker, timestamp: self.timestamp, payload: [self.event, flags, high, low] }
    }
}

/// What a leg sends in the next 20 ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// This packet, in place of sound (§2.5.1.2).
    Event(EventPacket),
    /// A pause between two keys: no event; sound may be sent.
    Pause,
    /// Nothing is dialled: sound.
    Idle,
}

/// Dials keys one after another on one stream.
#[derive(Clone, Debug)]
pub struct Keypad {
    clock_hz: u32,
    waiting: [Option<(char, u32)>; KEYS_WAITING_MAX],
    first: usize,
    count: usize,
    press: Option<Press>,
    pause_steps: u32,
}

impl Keypad {
    /// For a stream of this clock.
    pub fn new(clock_hz: u32) -> Keypad {
        Keypad {
            clock_hz,
            waiting: [None; KEYS_WAITING_MAX],
            first: 0,
            count: 0,
            press: None,
            pause_steps: 0,
        }
    }

    /// Has a key dialled after those that wait, held for `held_ms`. `false`: there is no such key, or too many wait.
    pub fn dial(&mut self, key: char, held_ms: u32) -> bool {
        if self.count == KEYS_WAITING_MAX || Press::new(key, 0, self.clock_hz, held_ms).is_none() {
            return false;
        }
        if let Some(place) = self.waiting.get_mut((self.first + self.count) % KEYS_WAITING_MAX) {
            *place = Some((key, held_ms));
            self.count += 1;
        }
        true
    }

    /// What is sent now; `timestamp` is that of the sound that would be sent otherwise.
    pub fn next(&mut self, timestamp: u32) -> Turn {
        if self.press.is_none() && self.pause_steps == 0 && self.count > 0 {
            let waiting = self.waiting.get_mut(self.first).and_then(Option::take);
            (self.first, self.count) = ((self.first + 1) % KEYS_WAITING_MAX, self.count - 1);
            self.press =
                waiting.and_then(|(key, held_ms)| Press::new(key, timestamp, self.clock_hz, held_ms));
        }
        if let Some(press) = &mut self.press {
            if let Some(packet) = press.next() {
                return Turn::Event(packet);
            }
            (self.press, self.pause_steps) = (None, PAUSE_MS / STEP_MS);
        }
        if self.pause_steps > 0 {
            self.pause_steps -= 1;
            return Turn::Pause;
        }
        Turn::Idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(mut press: Press) -> Vec<EventPacket> {
        std::iter::from_fn(|| press.next()).collect()
    }

    fn duration(packet: &EventPacket) -> u16 {
        u16::from_be_bytes([packet.payload[2], packet.payload[3]])
    }

    fn ended(packet: &EventPacket) -> bool {
        packet.payload[1] & END != 0
    }

    #[test]
    fn a_press_begins_with_the_marker_grows_and_ends_three_times() {
        for (clock_hz, step) in [(8_000, 160), (16_000, 320), (48_000, 960)] {
            let packets = packets(Press::new('d', 1_000, clock_hz, 100).unwrap());
            assert_eq!(packets.len(), 4 + 3);
            assert!(packets.iter().all(|packet| packet.timestamp == 1_000 && packet.payload[0] == 15));
            assert!(packets.iter().enumerate().all(|(n, packet)| packet.marker == (n == 0)));
            let durations: Vec<u16> = packets.iter().map(duration).collect();
            assert_eq!(durations, [1, 2, 3, 4, 5, 5, 5].map(|n| n * step));
            assert_eq!(
                packets.iter().map(ended).collect::<Vec<_>>(),
                [false, false, false, false, true, true, true]
            );
        }
    }

    #[test]
    fn a_long_press_goes_on_in_segments_that_touch() {
        let packets = packets(Press::new('1', u32::MAX - 10, 48_000, 5_000).unwrap());
        // 240,000 ticks: three full segments and a rest.
        let mut starts: Vec<u32> = packets.iter().map(|packet| packet.timestamp).collect();
        starts.dedup();
        let start = |n: u32| (u32::MAX - 10).wrapping_add(n * 0xFFFF);
        assert_eq!(starts, [start(0), start(1), start(2), start(3)]);
        for n in 0..3 {
            let last = packets.iter().rfind(|packet| packet.timestamp == start(n)).unwrap();
            assert_eq!((duration(last), ended(last)), (0xFFFF, false), "segment {n}");
        }
        assert_eq!(packets.iter().filter(|packet| packet.marker).count(), 1);
        assert_eq!(packets.iter().filter(|packet| ended(packet)).count(), 3);
        assert_eq!(u32::from(duration(packets.last().unwrap())), 240_000 - 3 * 0xFFFF);
        // It takes as long as the key was held, and the two repetitions of the end.
        assert_eq!(packets.len(), 5_000 / 20 + 2);
    }

    #[test]
    fn keys_are_dialled_in_order_with_pauses_between() {
        let mut keypad = Keypad::new(8_000);
        assert!("12#".chars().all(|key| keypad.dial(key, 60)));
        assert!(!keypad.dial('x', 60));
        let turns: Vec<Turn> = (0..40).map(|n| keypad.next(n * 160)).collect();
        let line: String = turns
            .iter()
            .map(|turn| match turn {
                Turn::Event(packet) => char::from(KEYS[usize::from(packet.payload[0])]),
                Turn::Pause => '.',
                Turn::Idle => ' ',
            })
            .collect();
        assert_eq!(line.trim_end(), "11111...22222...#####...");
        let Turn::Event(second) = turns[8] else { panic!("{turns:?}") };
        assert_eq!((second.timestamp, second.marker), (8 * 160, true));
    }

    #[test]
    fn keys_that_wait_are_bounded_and_strange_durations_are_made_sensible() {
        let mut keypad = Keypad::new(8_000);
        assert_eq!((0..1_000).filter(|_| keypad.dial('5', 60)).count(), KEYS_WAITING_MAX);
        assert_eq!(packets(Press::new('5', 0, 0, 0).unwrap()).len(), 2 + 2);
        assert!(packets(Press::new('5', 0, u32::MAX, u32::MAX).unwrap()).len() <= 3_002);
    }
}
