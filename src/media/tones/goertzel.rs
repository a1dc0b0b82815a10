//! Goertzel's algorithm: how much of one frequency a window holds, and at which phase. Pure arithmetic.

use std::f32::consts::{PI, TAU};

/// What a window holds of a frequency.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bin {
    /// The power of a tone that is there and nowhere else, in squared samples.
    pub(super) power: f32,
    /// The tone at the window's last sample, as a complex number.
    real: f32,
    imaginary: f32,
}

impl Bin {
    /// From what is left of a window of so many samples.
    fn new(tone: &Resonator, one: f32, two: f32, length: usize) -> Bin {
        let (real, imaginary) = (one - two * tone.cos, two * tone.sin);
        // A tone of amplitude a gives a·N/2; its power is a²/2.
        let power = 2.0 * (real * real + imaginary * imaginary) / (length.max(1) as f32).powi(2);
        Bin { power, real, imaginary }
    }

    fn phase(&self) -> f32 {
        self.imaginary.atan2(self.real)
    }
}

/// What a window holds of several frequencies. Side by side: each step waits for the one before, but not for those of the
/// other frequencies, so the processor does all at once.
pub(super) fn bins<const N: usize>(tones: &[Resonator; N], window: &[f32]) -> [Bin; N] {
    let steps = tones.each_ref().map(|tone| 2.0 * tone.cos);
    let (mut one, mut two) = ([0.0_f32; N], [0.0_f32; N]);
    for &sample in window {
        for ((one, two), step) in one.iter_mut().zip(&mut two).zip(&steps) {
            let next = sample + step * *one - *two;
            (*one, *two) = (next, *one);
        }
    }
    let mut states = one.iter().zip(&two);
    tones.each_ref().map(|tone| {
        let (one, two) = states.next().unwrap_or((&0.0, &0.0));
        Bin::new(tone, *one, *two, window.len())
    })
}

/// One frequency.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resonator {
    /// Radians from one sample to the next.
    omega: f32,
    cos: f32,
    sin: f32,
}

impl Resonator {
    pub(super) fn new(hz: f32, rate_hz: f32) -> Resonator {
        let omega = TAU * hz / rate_hz;
        Resonator { omega, cos: omega.cos(), sin: omega.sin() }
    }

    pub(super) fn bin(&self, window: &[f32]) -> Bin {
        let [bin] = bins(&[*self], window);
        bin
    }

    /// By which share a tone lies beside this frequency, by how its phase moved from one window to another that begins
    /// `hop` samples later.
    pub(super) fn deviation(&self, before: &Bin, now: &Bin, hop: usize) -> f32 {
        let expected = self.omega * hop as f32;
        let beyond = (now.phase() - before.phase() - expected + PI).rem_euclid(TAU) - PI;
        beyond / expected
    }

    /// What a window leaves of the power of a tone that lies beside this frequency by the share `off`.
    pub(super) fn gain(&self, off: f32, window: usize) -> f32 {
        let half = self.omega * off * window as f32 / 2.0;
        if half.abs() < 1e-3 { 1.0 } else { (half.sin() / half).powi(2) }
    }
}
