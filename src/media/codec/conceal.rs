//! What is heard in place of a frame that was lost: the last period of the voice again, dying away. Knows samples only.
//!
//! In the spirit of ITU-T G.711 Appendix I, at 16 kHz and without its delay: where the made-up sound begins, its first
//! sample is bent to the last one heard; where it ends, the two are blended.

use super::encoder::Frame;
use super::{HOUSE_FRAME, HOUSE_HZ};

/// Periods that are looked for: 5 to 15 ms, as in G.711 Appendix I §2.1. A higher voice has several of its own in one.
const PERIOD_MIN: usize = HOUSE_HZ as usize / 200;
const PERIOD_MAX: usize = HOUSE_HZ as usize * 15 / 1_000;
/// What is compared with what was a period before: 20 ms.
const WINDOW: usize = HOUSE_FRAME;
/// How much of the past is kept.
const PAST: usize = WINDOW + PERIOD_MAX + 80;
/// How long it is as loud as before, and when it has died away, in samples: 20 and 60 ms.
const HELD: usize = HOUSE_FRAME;
const OVER: usize = 3 * HOUSE_FRAME;
/// How long the bend at the beginning is.
const BEND: usize = 40;
/// How long the blend with what comes next is: 5 ms.
const BLEND: usize = 80;

/// One stream's memory of what was heard.
#[derive(Debug)]
pub struct Concealer {
    past: [i16; PAST],
    cycle: [i16; PERIOD_MAX],
    period: usize,
    /// By how much the made-up sound would jump where it begins.
    jump: f32,
    /// Samples made up since the last that came.
    made: usize,
}

impl Concealer {
    /// After silence.
    pub fn after_silence() -> Concealer {
        Concealer { past: [0; PAST], cycle: [0; PERIOD_MAX], period: PERIOD_MIN, jump: 0.0, made: 0 }
    }

    /// What came is taken note of; after a loss, its beginning is blended with what was made up.
    pub fn heard(&mut self, samples: &mut [i16]) {
        if self.made > 0 && !samples.is_empty() {
            let length = BLEND.min(samples.len());
            for (n, sample) in samples.iter_mut().take(length).enumerate() {
                let share = (n as f32 + 0.5) / length as f32;
                *sample = (f32::from(*sample) * share + self.made_up() * (1.0 - share)) as i16;
            }
            self.made = 0;
        }
        self.remember(samples);
    }

    /// Makes up a frame.
    pub fn fill(&mut self, out: &mut Frame) {
        if self.made == 0 {
            self.begin();
        }
        for sample in out.iter_mut() {
            *sample = self.made_up() as i16;
        }
        self.remember(out);
    }

    fn remember(&mut self, samples: &[i16]) {
        let fresh = samples.get(samples.len().saturating_sub(PAST)..).unwrap_or_default();
        self.past.copy_within(fresh.len().., 0);
        let room = self.past.iter_mut().skip(PAST - fresh.len());
        room.zip(fresh).for_each(|(to, &sample)| *to = sample);
    }

    /// Takes the last period. Its end goes over into what came before its beginning, so that it joins itself.
    fn begin(&mut self) {
        self.period = period(&self.past);
        let (start, overlap) = (PAST - self.period, self.period / 4);
        let past = |at: usize| f32::from(self.past.get(at).copied().unwrap_or_default());
        self.jump = past(PAST - 1) - past(start - 1);
        for (n, sample) in self.cycle.iter_mut().take(self.period).enumerate() {
            let into = (n + overlap).saturating_sub(self.period) as f32 / overlap as f32;
            *sample = (past(start + n) * (1.0 - into) + past(start - self.period + n) * into) as i16;
        }
    }

    fn made_up(&mut self) -> f32 {
        let (n, sample) = (self.made, self.cycle.get(self.made % self.period).copied().unwrap_or_default());
        self.made = (n + 1).min(OVER + self.period);
        let bend = self.jump * (1.0 - (n as f32 + 1.0) / BEND as f32).max(0.0);
        let gain = 1.0 - n.saturating_sub(HELD) as f32 / (OVER - HELD) as f32;
        (f32::from(sample) + bend) * gain.max(0.0)
    }
}

/// The distance at which the last 20 ms are most like what came before. Some 20 µs, spent when a loss begins.
fn period(past: &[i16; PAST]) -> usize {
    let last = past.get(PAST - WINDOW..).unwrap_or_default();
    let likeness = |period: usize| {
        let before = past.get(PAST - WINDOW - period..PAST - period).unwrap_or_default();
        let (mut product, mut energy) = (0_i64, 1_i64);
        for (&one, &other) in last.iter().zip(before) {
            product += i64::from(i32::from(one) * i32::from(other));
            energy += i64::from(i32::from(other) * i32::from(other));
        }
        product as f64 / (energy as f64).sqrt()
    };
    let candidates = (PERIOD_MIN..=PERIOD_MAX).map(|period| (period, likeness(period)));
    candidates.max_by(|(_, one), (_, other)| one.total_cmp(other)).map_or(PERIOD_MIN, |(period, _)| period)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f32, from: usize, length: usize) -> Vec<i16> {
        let angle = |n: usize| std::f32::consts::TAU * hertz * n as f32 / 16_000.0;
        (from..from + length).map(|n| (10_000.0 * angle(n).sin()) as i16).collect()
    }

    fn rms(samples: &[i16]) -> f32 {
        (samples.iter().map(|&s| f32::from(s).powi(2)).sum::<f32>() / samples.len() as f32).sqrt()
    }

    fn step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap()
    }

    #[test]
    fn a_lost_frame_of_a_tone_sounds_like_the_tone_and_joins_it_on_both_sides() {
        for hertz in [130.0, 311.0, 1_000.0, 2_345.0] {
            let mut concealer = Concealer::after_silence();
            let mut heard = tone(hertz, 0, 3_200);
            concealer.heard(&mut heard);
            let mut made = [0; HOUSE_FRAME];
            concealer.fill(&mut made);
            let mut after = tone(hertz, 3_520, 640);
            concealer.heard(&mut after);
            let level = rms(&made) / rms(&heard);
            assert!((0.85..1.15).contains(&level), "{hertz} Hz: {level}");
            let whole: Vec<i16> = [&heard[..], &made, &after].concat();
            let (worst, usual) = (step(&whole), step(&heard));
            assert!(worst <= usual * 13 / 10 + 50, "{hertz} Hz: a step of {worst} where {usual} is usual");
        }
    }

    #[test]
    fn a_long_loss_dies_away_within_60_ms_and_comes_back_without_a_click() {
        let mut concealer = Concealer::after_silence();
        concealer.heard(&mut tone(400.0, 0, 3_200));
        let mut all = Vec::new();
        for _ in 0..10 {
            let mut made = [0; HOUSE_FRAME];
            concealer.fill(&mut made);
            all.extend(made);
        }
        assert_eq!(all[960..], [0; 3_200 - 960]);
        assert!(rms(&all[320..640]) > rms(&all[640..960]));
        let mut after = tone(400.0, 10, 320);
        concealer.heard(&mut after);
        assert!(after[0].abs() < 200 && step(&after) < 2_000);
    }

    #[test]
    fn silence_is_concealed_by_silence() {
        let mut made = [7; HOUSE_FRAME];
        Concealer::after_silence().fill(&mut made);
        assert_eq!(made, [0; HOUSE_FRAME]);
    }

    proptest::proptest! {
        #[test]
        fn frames_of_any_length_and_loudness_are_taken(
            lengths in proptest::collection::vec(0_usize..2_000, 1..20),
            level in proptest::num::i16::ANY,
        ) {
            let mut concealer = Concealer::after_silence();
            for length in lengths {
                let mut samples = vec![level; length];
                concealer.heard(&mut samples);
                let mut made = [0; HOUSE_FRAME];
                concealer.fill(&mut made);
            }
        }
    }
}
