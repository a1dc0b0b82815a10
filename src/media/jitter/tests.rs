//! The jitter buffer, packet by packet, on fake time.

use super::*;
use proptest::prelude::*;

fn at(ms: u64) -> Monotonic {
    Monotonic(1_000_000 + ms * 1_000)
}

/// A buffer of an 8 kHz stream with a listener who takes 20 ms at a time.
struct Line {
    buffer: JitterBuffer<()>,
    heard: Vec<i32>,
}

const LOST: i32 = -1;
const PAUSE: i32 = -2;
const EMPTY: i32 = -3;

impl Line {
    fn new() -> Line {
        Line { buffer: JitterBuffer::new(8_000), heard: Vec::new() }
    }

    /// Packet `n` of 20 ms comes; its payload is its number.
    fn push(&mut self, ms: u64, n: u16) {
        self.push_as(ms, n, u32::from(n) * 160, n);
    }

    fn push_as(&mut self, ms: u64, sequence: u16, timestamp: u32, n: u16) {
        self.buffer.push(at(ms), sequence, timestamp, (), &n.to_be_bytes());
    }

    fn pull(&mut self, ms: u64) {
        let mut out = [0; PAYLOAD_MAX];
        self.buffer.tick(at(ms), 0);
        let heard = match self.buffer.pull(at(ms), &mut out) {
            Pull::Packet { len, kind: () } => {
                assert_eq!(len, 2);
                i32::from(u16::from_be_bytes([out[0], out[1]]))
            }
            Pull::Missing => LOST,
            Pull::Pause => PAUSE,
            Pull::Empty { .. } => EMPTY,
        };
        self.heard.push(heard);
        self.buffer.advance(160);
    }

    /// The packets heard, without what was made up.
    fn packets(&self) -> Vec<i32> {
        self.heard.iter().copied().filter(|&n| n >= 0).collect()
    }

    /// Plays `packets` of (arrival in ms, number) to a listener until `until`.
    fn play(mut packets: Vec<(u64, u16)>, until: u64) -> Line {
        packets.sort();
        let mut line = Line::new();
        let mut packets = packets.into_iter().peekable();
        for now in (0..until).step_by(20) {
            while let Some((ms, n)) = packets.next_if(|&(ms, _)| ms <= now) {
                line.push(ms, n);
            }
            line.pull(now);
        }
        line
    }
}

#[test]
fn an_even_stream_is_heard_whole_and_in_order() {
    let line = Line::play((0..100).map(|n| (u64::from(n) * 20, n)).collect(), 2_000);
    let packets = line.packets();
    assert_eq!(packets, (0..packets.len() as i32).collect::<Vec<_>>());
    assert!(packets.len() >= 97, "{packets:?}");
    assert_eq!(line.buffer.figures(), Figures { received: 100, ..Figures::default() });
    assert!(line.buffer.depth_ms() <= 50, "{}", line.buffer.depth_ms());
}

#[test]
fn reordering_is_healed_duplicates_are_ignored_and_losses_keep_their_place() {
    let mut packets: Vec<(u64, u16)> = (0..50).map(|n| (u64::from(n) * 20, n)).collect();
    packets[20].0 += 25;
    packets.push((605, 30));
    packets.retain(|&(_, n)| n != 40);
    let line = Line::play(packets, 1_040);
    let expected: Vec<i32> = (0..50).map(|n| if n == 40 { LOST } else { n }).collect();
    let from = line.heard.iter().position(|&n| n == 0).unwrap();
    assert_eq!(line.heard[from..from + 50], expected);
    assert_eq!(line.buffer.figures(), Figures { received: 49, lost: 1, duplicates: 1, ..Figures::default() });
}

#[test]
fn what_comes_after_its_turn_is_late_and_not_lost() {
    let mut packets: Vec<(u64, u16)> = (0..50).map(|n| (u64::from(n) * 20, n)).collect();
    packets[20].0 += 150;
    let line = Line::play(packets, 1_040);
    assert!(!line.packets().contains(&20));
    let figures = line.buffer.figures();
    assert_eq!((figures.late, figures.lost), (1, 0));
}

#[test]
fn sequence_and_timestamp_wrap_unnoticed() {
    let mut line = Line::new();
    for n in 0..200_u16 {
        let timestamp = (u32::MAX - 160 * 50).wrapping_add(u32::from(n) * 160);
        line.push_as(u64::from(n) * 20, 65_500_u16.wrapping_add(n), timestamp, n);
        line.pull(u64::from(n) * 20);
    }
    let packets = line.packets();
    assert_eq!(packets, (0..packets.len() as i32).collect::<Vec<_>>());
    assert!(packets.len() >= 197);
}

#[test]
fn a_jump_of_the_timestamp_with_the_clock_is_a_pause_and_no_loss() {
    let mut packets: Vec<(u64, u16)> = (0..20).map(|n| (u64::from(n) * 20, n)).collect();
    packets.sort();
    let mut line = Line::play(packets, 400);
    // 120 ms of silence, told by the timestamp alone.
    for n in 20..40_u16 {
        let ms = 400 + 120 + u64::from(n - 20) * 20;
        line.push_as(ms, n, u32::from(n) * 160 + 960, n);
    }
    (400..1_200).step_by(20).for_each(|ms| line.pull(ms));
    assert_eq!(line.buffer.figures().lost, 0);
    assert_eq!(line.buffer.figures().restarts, 0);
    assert!(!line.heard.contains(&LOST), "{:?}", line.heard);
}

#[test]
fn a_source_that_begins_anew_is_followed_and_a_stray_packet_is_not() {
    let mut line = Line::play((0..20).map(|n| (u64::from(n) * 20, n)).collect(), 400);
    line.push_as(400, 30_000, 5, 999);
    (20..25).for_each(|n| line.push(u64::from(n) * 20, n));
    (400..500).step_by(20).for_each(|ms| line.pull(ms));
    assert_eq!(line.buffer.figures().restarts, 0);
    for n in 0..20_u16 {
        line.push_as(500 + u64::from(n) * 20, 40_000 + n, 7_000_000 + u32::from(n) * 160, 500 + n);
        line.pull(500 + u64::from(n) * 20);
    }
    assert_eq!(line.buffer.figures().restarts, 1);
    assert!(!line.heard.contains(&999));
    assert!(line.heard.contains(&502) && line.heard.contains(&515), "{:?}", line.heard);
}

#[test]
fn a_clock_set_anew_in_mid_stream_costs_no_packet() {
    for leap in [50_000_000_u32, 4_000_000_000] {
        let mut line = Line::new();
        for n in 0..100_u16 {
            let leap = if n < 50 { 0 } else { leap };
            line.push_as(u64::from(n) * 20, n, (u32::from(n) * 160).wrapping_add(leap), n);
            line.pull(u64::from(n) * 20);
        }
        let packets = line.packets();
        assert_eq!(packets, (0..packets.len() as i32).collect::<Vec<_>>());
        assert!(packets.len() >= 96, "{packets:?}");
    }
}

#[test]
fn the_depth_follows_the_jitter_up_and_down() {
    let mut line = Line::new();
    let mut waiting: Vec<(u64, u16)> = Vec::new();
    let mut targets = Vec::new();
    for n in 0..1_500_u16 {
        let now = u64::from(n) * 20;
        // Five calm seconds, ten of up to 90 ms, and calm again.
        let late = if (250..750).contains(&n) { u64::from(n) * 7_919 % 91 } else { 0 };
        waiting.push((now + late, n));
        waiting.sort();
        let due = waiting.partition_point(|&(ms, _)| ms <= now);
        waiting.drain(..due).for_each(|(ms, n)| line.push(ms, n));
        line.pull(now);
        // The listener does what is asked of him: all is silence here.
        match line.buffer.adjustment(true) {
            Adjustment::Keep => {}
            Adjustment::Shrink => line.pull(now),
            Adjustment::Grow => {
                line.buffer.advance(-160);
            }
        }
        if [249, 749, 1_499].contains(&n) {
            targets.push((line.buffer.target_ms(), line.buffer.depth_ms()));
        }
    }
    let [calm, rough, calm_again] = targets[..] else { panic!("three") };
    assert!(calm.0 <= 20 && calm.1 <= 60, "{targets:?}");
    assert!((85..=105).contains(&rough.0) && (75..=150).contains(&rough.1), "{targets:?}");
    assert!(calm_again.0 <= 20 && calm_again.1 <= 60, "{targets:?}");
}

#[test]
fn after_a_stall_the_burst_does_not_become_delay() {
    let mut line = Line::play((0..50).map(|n| (u64::from(n) * 20, n)).collect(), 1_000);
    (1_000..2_000).step_by(20).for_each(|ms| line.pull(ms));
    (50..100).for_each(|n| line.push(2_000, n));
    assert!(line.buffer.len() <= 14, "{}", line.buffer.len());
    for n in 100..200_u16 {
        line.push(u64::from(n) * 20, n);
        line.pull(u64::from(n) * 20);
    }
    let last = *line.heard.last().unwrap();
    assert!(last >= 199 - 12, "packet {last} is heard when 199 came");
}

#[test]
fn a_telephone_event_between_is_not_missed() {
    let mut line = Line::play((0..20).map(|n| (u64::from(n) * 20, n)).collect(), 400);
    (20..25).for_each(|n| line.buffer.pass_over(n));
    for n in 25..60_u16 {
        line.push_as(u64::from(n) * 20, n, u32::from(n) * 160, n);
    }
    (400..1_200).step_by(20).for_each(|ms| line.pull(ms));
    assert_eq!(line.buffer.figures().lost, 0);
    assert!(!line.heard.contains(&LOST), "{:?}", line.heard);
}

#[test]
fn a_listener_who_takes_nothing_does_not_make_it_grow() {
    let mut line = Line::new();
    for n in 0..5_000_u16 {
        line.push(u64::from(n) * 20, n);
        assert!(line.buffer.len() <= 14);
    }
    line.pull(100_000);
    assert!(line.packets().iter().all(|&n| n > 4_980), "{:?}", line.heard);
}

proptest! {
    #[test]
    fn no_sequence_of_packets_makes_it_panic_or_grow(
        packets in proptest::collection::vec((any::<u16>(), any::<u32>(), 0_u64..500, 0_usize..1_500, 0_u8..5), 1..300),
        clock in prop_oneof![Just(8_000_u32), Just(48_000), any::<u32>()],
    ) {
        let mut buffer = JitterBuffer::new(clock);
        let mut now = Monotonic(0);
        let payload = [0; 1_500];
        let mut out = [0; PAYLOAD_MAX];
        for (sequence, timestamp, ms, length, what) in packets {
            now = now + std::time::Duration::from_millis(ms);
            match what {
                0 => buffer.pass_over(sequence),
                1 => buffer.push(now, sequence, timestamp, (), &payload[..length]),
                // Near numbers, so that something is kept.
                _ => buffer.push(now, sequence % 90, u32::from(sequence % 90) * 160, (), &payload[..length]),
            }
            buffer.tick(now, 0);
            let _ = buffer.adjustment(sequence % 2 == 0);
            if let Pull::Packet { len, .. } = buffer.pull(now, &mut out) {
                prop_assert!(len <= PAYLOAD_MAX);
            }
            buffer.advance(i64::from(sequence % 1_000));
            prop_assert!(buffer.len() <= PACKETS_MAX);
        }
    }
}
