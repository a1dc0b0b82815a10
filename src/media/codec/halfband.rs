//! From 16 kHz to 8 kHz and back: one half-band filter, two ways round. Knows samples only, no codec.
//!
//! A half-band filter is a low-pass at a quarter of the rate whose every second coefficient is zero, so it costs half. This
//! one is a Kaiser window over the ideal low-pass (Oppenheim & Schafer, *Discrete-Time Signal Processing*, §7.5): flat to
//! 3.4 kHz, at least 60 dB down from 4.6 kHz; in between lies what telephony never promised (ITU-T G.712).

use super::{FRAME_SAMPLES, HOUSE_FRAME};

/// Coefficients on one side of the middle that are not zero: those at odd distances.
const SIDE: usize = 15;
/// The delay of one direction, in samples at 16 kHz: the furthest coefficient's distance from the middle.
const REACH: usize = 2 * SIDE - 1;
/// Kaiser's β for a ripple of −70 dB: 0.1102 · (70 − 8.7).
const BETA: f64 = 6.755;
/// The coefficients at the distances 1, 3, 5, …; the middle one is ½.
const TAPS: [f32; SIDE] = taps();

const fn taps() -> [f32; SIDE] {
    let mut taps = [0.0; SIDE];
    let mut n = 0;
    let mut sum = 0.0;
    let mut exact = [0.0; SIDE];
    while n < SIDE {
        let distance = (2 * n + 1) as f64;
        let edge = distance / (REACH + 1) as f64;
        let sign = if n % 2 == 0 { 1.0 } else { -1.0 };
        let ideal = sign / (std::f64::consts::PI * distance);
        exact[n] = ideal * bessel(BETA * BETA * (1.0 - edge * edge)) / bessel(BETA * BETA);
        sum += 2.0 * exact[n];
        n += 1;
    }
    n = 0;
    while n < SIDE {
        // Exactly one half: no gain at 0 Hz, and none of it at 8 kHz.
        taps[n] = (exact[n] * 0.5 / sum) as f32;
        n += 1;
    }
    taps
}

/// The modified Bessel function I₀ of the root of `square`, by its series.
const fn bessel(square: f64) -> f64 {
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while k < 40.0 {
        term *= square / (4.0 * k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

/// Samples that stand before and behind one place at odd distances, weighted and added.
fn around(line: &[f32], middle: usize) -> f32 {
    let after = line.get(middle + 1..).unwrap_or_default().iter().step_by(2);
    let before = line.get(..middle).unwrap_or_default().iter().rev().step_by(2);
    TAPS.iter().zip(after).zip(before).map(|((tap, after), before)| tap * (after + before)).sum()
}

/// Rounded to a sample, and clipped.
pub fn sample(value: f32) -> i16 {
    // A cast from float saturates.
    value.round_ties_even() as i16
}

/// 16 kHz to 8 kHz.
#[derive(Debug)]
pub struct Decimator {
    line: [f32; 2 * REACH + HOUSE_FRAME],
}

impl Decimator {
    /// After silence.
    pub fn after_silence() -> Decimator {
        Decimator { line: [0.0; 2 * REACH + HOUSE_FRAME] }
    }

    /// One frame.
    pub fn frame(&mut self, frame: &[i16; HOUSE_FRAME]) -> [i16; FRAME_SAMPLES] {
        self.line.copy_within(HOUSE_FRAME.., 0);
        let fresh = self.line.iter_mut().skip(2 * REACH);
        fresh.zip(frame).for_each(|(to, &sample)| *to = f32::from(sample));
        std::array::from_fn(|n| {
            let middle = REACH + 2 * n;
            let centre = self.line.get(middle).copied().unwrap_or_default();
            sample(0.5 * centre + around(&self.line, middle))
        })
    }
}

/// 8 kHz to 16 kHz.
#[derive(Debug)]
pub struct Interpolator {
    line: [f32; 2 * SIDE],
}

impl Interpolator {
    /// After silence.
    pub fn after_silence() -> Interpolator {
        Interpolator { line: [0.0; 2 * SIDE] }
    }

    /// The two samples for the next one.
    pub fn next(&mut self, sample_in: i16) -> [i16; 2] {
        // The sample in the middle of the line is passed on as it is; what lies between it and the one before is made up.
        self.line.copy_within(1.., 0);
        if let Some(last) = self.line.last_mut() {
            *last = f32::from(sample_in);
        }
        let (before, after) = self.line.split_at(SIDE);
        let pairs = before.iter().rev().zip(after);
        let between: f32 = TAPS.iter().zip(pairs).map(|(tap, (before, after))| tap * (before + after)).sum();
        let at = after.first().copied().unwrap_or_default();
        [sample(2.0 * between), sample(at)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gain of the filter at a frequency, in dB, from its coefficients.
    fn gain_db(hertz: f64) -> f64 {
        let turn = std::f64::consts::TAU * hertz / 16_000.0;
        let sides: f64 = TAPS
            .iter()
            .enumerate()
            .map(|(n, &tap)| 2.0 * f64::from(tap) * (turn * (2 * n + 1) as f64).cos())
            .sum();
        20.0 * (0.5 + sides).abs().max(1e-9).log10()
    }

    #[test]
    fn it_is_flat_to_3400_hz_and_60_db_down_from_4600_hz() {
        for hertz in (0..=3_400).step_by(20) {
            assert!(gain_db(f64::from(hertz)).abs() < 0.02, "{hertz} Hz: {} dB", gain_db(f64::from(hertz)));
        }
        for hertz in (4_600..=8_000).step_by(20) {
            assert!(gain_db(f64::from(hertz)) < -60.0, "{hertz} Hz: {} dB", gain_db(f64::from(hertz)));
        }
    }

    fn tone(hertz: f64, rate: f64, n: usize) -> i16 {
        (10_000.0 * (std::f64::consts::TAU * hertz * n as f64 / rate).sin()) as i16
    }

    fn rms(samples: &[i16]) -> f64 {
        (samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
    }

    #[test]
    fn what_8_khz_cannot_carry_does_not_come_down_as_something_else() {
        let mut decimator = Decimator::after_silence();
        let mut heard = Vec::new();
        for frame in 0..10 {
            heard.extend(decimator.frame(&std::array::from_fn(|n| tone(6_000.0, 16_000.0, frame * 320 + n))));
        }
        assert!(rms(&heard[200..]) < 7.0, "60 dB below 7,000: {}", rms(&heard[200..]));
    }

    #[test]
    fn a_tone_goes_up_without_its_mirror_image() {
        let mut interpolator = Interpolator::after_silence();
        let heard: Vec<i16> = (0..1_600).flat_map(|n| interpolator.next(tone(3_000.0, 8_000.0, n))).collect();
        // Its image would lie at 5 kHz: whatever is left besides the tone itself is looked at.
        let settled = &heard[400..2_000];
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &sample) in settled.iter().enumerate() {
            let angle = std::f64::consts::TAU * 5_000.0 * n as f64 / 16_000.0;
            re += f64::from(sample) * angle.cos();
            im += f64::from(sample) * angle.sin();
        }
        let image = 2.0 * (re * re + im * im).sqrt() / settled.len() as f64;
        assert!(image < 10.0, "{image} of 10,000");
        assert!((rms(settled) - 7_071.0).abs() < 20.0);
    }

    #[test]
    fn full_scale_is_clipped_and_does_not_wrap() {
        let mut interpolator = Interpolator::after_silence();
        let heard: Vec<i16> = (0..200)
            .flat_map(|n| interpolator.next(if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }))
            .collect();
        assert!(heard[100..].windows(2).all(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs() < 60_000));
    }
}
