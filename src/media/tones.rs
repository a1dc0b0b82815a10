//! Keys that are heard in the sound itself: DTMF (ITU-T Q.23, Q.24), for phones that send no telephone events. Pure;
//! it looks at the house's frames and reports each press once.
//!
//! Each 10 ms a window of 20 ms is looked at by Goertzel's algorithm at the eight frequencies. A key is pressed when two
//! windows in a row show the same pair, equally loud, and with nothing beside it; and when the phases have advanced
//! between them as the frequencies demand. The phases tell a frequency much more exactly than so short a window does
//! by its energy: that is what keeps speech and music out (talk-off).

mod goertzel;

use super::codec::HOUSE_FRAME;
use super::codec::encoder::Frame;
use goertzel::{Bin, Resonator, bins};

/// What the sound is brought down to: the highest frequency looked at, twice 1633 Hz, fits into it.
const RATE_HZ: f32 = 8_000.0;
/// Samples of a window: 20 ms.
const WINDOW: usize = 160;
/// Samples from one window to the next: 10 ms.
const HOP: usize = 80;
/// Q.23's two groups of four.
const LOW_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];
/// The power of the softest tone taken: −42 dB below full scale.
const POWER_MIN: f32 = 0.5 * 260.0 * 260.0;
/// Twist: the high group may be 4 dB above the low one, or 8 dB below (Q.24 table A-1); 1 to 2 dB more for our own measuring.
const HIGH_OVER_LOW: std::ops::RangeInclusive<f32> = 0.1..=3.5;
/// The second strongest of a group must be 5 dB below the strongest.
const SECOND_SHARE_MAX: f32 = 0.32;
/// The two tones must have so much of all the power: what else there is, is 6 dB below them.
const SHARE_MIN: f32 = 0.8;
/// The second harmonic must be 13 dB below its tone: voices have strong ones, keypads have none.
const HARMONIC_SHARE_MAX: f32 = 0.05;
/// Nearer than this to the high tone, the low one's second harmonic can't be told from it in so short a window, in Hz.
const COLLISION_HZ: f32 = 150.0;
/// Of the three pieces of 10 ms in two windows, the weakest has at least so much of the strongest's power: a blip of
/// 20 ms, however it lies, has not.
const EVEN_MIN: f32 = 0.6;
/// A window that holds the tone by less than two thirds no longer counts for a press: −3.5 dB.
const HELD_MIN: f32 = 0.45;
/// From one window to the next a tone may change by 2 dB.
const STEADY: std::ops::RangeInclusive<f32> = 0.63..=1.58;
/// Taken is what is off by up to 1.5 % (Q.24); what is off by more than 2 % is not.
const DEVIATION_MAX: f32 = 0.02;
/// So many windows without it, and a key is released: 10 ms of dropout do not make it two.
const RELEASED_AFTER: u32 = 4;

/// What a window shows.
#[derive(Clone, Copy, Debug)]
struct Pair {
    row: usize,
    column: usize,
    low: Bin,
    high: Bin,
}

/// Listens to one leg.
#[derive(Debug)]
pub struct Tones {
    /// The low group, then the high one.
    tones: [Resonator; 8],
    /// The window, and the last two samples of the house before what comes next.
    samples: [f32; WINDOW + HOP],
    before: [f32; 2],
    /// The power of the last three pieces of 10 ms.
    powers: [f32; 3],
    last: Option<Pair>,
    pressed: Option<Pressed>,
}

/// A key that is down.
#[derive(Clone, Copy, Debug)]
struct Pressed {
    key: char,
    /// Of its low tone, at the loudest.
    power: f32,
    /// Windows in a row without it.
    missed: u32,
}

impl Default for Tones {
    fn default() -> Tones {
        Tones::new()
    }
}

impl Tones {
    /// Nothing heard yet.
    pub fn new() -> Tones {
        let [a, b, c, d] = LOW_HZ.map(|hz| Resonator::new(hz, RATE_HZ));
        let [e, f, g, h] = HIGH_HZ.map(|hz| Resonator::new(hz, RATE_HZ));
        let tones = [a, b, c, d, e, f, g, h];
        Tones {
            tones,
            samples: [0.0; WINDOW + HOP],
            before: [0.0; 2],
            powers: [0.0; 3],
            last: None,
            pressed: None,
        }
    }

    /// Takes the next 20 ms; the key whose press was recognised in them.
    pub fn listen(&mut self, frame: &Frame) -> Option<char> {
        self.samples.copy_within(2 * HOP.., 0);
        self.take(frame);
        let earlier = self.step(0);
        self.step(HOP).or(earlier)
    }

    /// Halves the rate. The filter [1 2 1]/4 suffices: what it lets through above 4 kHz counts as power beside the tones.
    fn take(&mut self, frame: &Frame) {
        let Some(room) = self.samples.last_chunk_mut::<{ HOUSE_FRAME / 2 }>() else { return };
        let [mut older, mut old] = self.before;
        for (to, pair) in room.iter_mut().zip(frame.chunks_exact(2)) {
            let (even, odd) = (f32::from(pair[0]), f32::from(pair[1]));
            *to = (old + 2.0 * even + odd) / 4.0;
            (older, old) = (even, odd);
        }
        self.before = [older, old];
    }

    /// What the window shows that begins at `from`, if it is a pair of a keypad.
    fn window(&self, from: usize) -> Option<Pair> {
        let window = self.samples.get(from..from + WINDOW)?;
        let all = self.power();
        // Most of the time nobody presses a key: what is too soft costs nothing more.
        if all < POWER_MIN {
            return None;
        }
        let shown = bins(&self.tones, window);
        let (lows, highs) = shown.split_first_chunk::<4>()?;
        let (row, low) = strongest(lows)?;
        let (column, high) = strongest(highs)?;
        // What a tone beside its frequency loses in the window is not known yet: half is enough here.
        if low.power + high.power < SHARE_MIN * all / 2.0 {
            return None;
        }
        Some(Pair { row, column, low, high })
    }

    /// The power of the last two pieces, a window.
    fn power(&self) -> f32 {
        let [_, earlier, later] = self.powers;
        (earlier + later) / 2.0
    }

    /// Looks at the window that begins at `from` and compares it with the one before; the key that is pressed from now on.
    fn step(&mut self, from: usize) -> Option<char> {
        let piece = self.samples.get(from + WINDOW - HOP..from + WINDOW)?;
        let [_, earlier, later] = self.powers;
        self.powers = [earlier, later, piece.iter().map(|sample| sample * sample).sum::<f32>() / HOP as f32];
        let shown = self.window(from);
        let before = std::mem::replace(&mut self.last, shown);
        let key = shown.and_then(|shown| KEYS.get(shown.row)?.get(shown.column).copied());
        self.release(key, shown.map_or(0.0, |shown| shown.low.power));
        let (key, shown, before) = (key?, shown?, before?);
        if self.pressed.is_some_and(|pressed| pressed.key == key) || !self.confirms(&before, &shown, from) {
            return None;
        }
        self.pressed = Some(Pressed { key, power: shown.low.power, missed: 0 });
        Some(key)
    }

    /// The key that is down is released when it was not heard for a while.
    fn release(&mut self, key: Option<char>, power: f32) {
        let Some(pressed) = &mut self.pressed else { return };
        if key == Some(pressed.key) && power >= HELD_MIN * pressed.power {
            pressed.missed = 0;
            pressed.power = pressed.power.max(power);
            return;
        }
        pressed.missed += 1;
        if pressed.missed >= RELEASED_AFTER {
            self.pressed = None;
        }
    }

    /// Whether two windows in a row show one and the same steady pair, and all that is asked of a keypad's.
    fn confirms(&self, before: &Pair, now: &Pair, from: usize) -> bool {
        if (before.row, before.column) != (now.row, now.column) {
            return false;
        }
        let (Some(low), Some(high)) = (self.tones.get(now.row), self.tones.get(4 + now.column)) else {
            return false;
        };
        let off = [low.deviation(&before.low, &now.low, HOP), high.deviation(&before.high, &now.high, HOP)];
        if off.iter().any(|off| off.abs() > DEVIATION_MAX) {
            return false;
        }
        if ![now.low.power / before.low.power, now.high.power / before.high.power]
            .iter()
            .all(|change| STEADY.contains(change))
        {
            return false;
        }
        // Now that the frequencies are known, so is what the window took from tones beside its own.
        let powers = [now.low.power / low.gain(off[0], WINDOW), now.high.power / high.gain(off[1], WINDOW)];
        let all = self.power();
        let weakest = self.powers.iter().copied().fold(f32::MAX, f32::min);
        let strongest = self.powers.iter().copied().fold(0.0, f32::max);
        HIGH_OVER_LOW.contains(&(powers[1] / powers[0]))
            && powers.iter().all(|&power| power >= POWER_MIN)
            && powers[0] + powers[1] >= SHARE_MIN * all
            && weakest >= EVEN_MIN * strongest
            && self.is_clean(now, off, powers, from)
    }

    /// Whether the tones have no second harmonics, at the frequencies they really have.
    fn is_clean(&self, now: &Pair, off: [f32; 2], powers: [f32; 2], from: usize) -> bool {
        let (Some(window), Some(low_hz), Some(high_hz)) =
            (self.samples.get(from..from + WINDOW), LOW_HZ.get(now.row), HIGH_HZ.get(now.column))
        else {
            return false;
        };
        let overtones = [2.0 * low_hz * (1.0 + off[0]), 2.0 * high_hz * (1.0 + off[1])];
        overtones.iter().zip(powers).all(|(&overtone, power)| {
            (overtone - high_hz).abs() < COLLISION_HZ
                || Resonator::new(overtone, RATE_HZ).bin(window).power < HARMONIC_SHARE_MAX * power
        })
    }
}

/// The strongest tone of a group, if it stands out.
fn strongest(group: &[Bin]) -> Option<(usize, Bin)> {
    let (first, best) = group.iter().enumerate().max_by(|(_, a), (_, b)| a.power.total_cmp(&b.power))?;
    let others = group.iter().enumerate().filter(|&(n, _)| n != first);
    let second = others.map(|(_, bin)| bin.power).fold(0.0, f32::max);
    (second < SECOND_SHARE_MAX * best.power).then_some((first, *best))
}

#[cfg(test)]
mod tests;
