//! Goertzel's algorithm: how much of one frequency a window holds, and at which phase. Pure arithmetic.

use std::f32::consts::{PI, TAU};

/// What a window holds of a frequency.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bin {
    /// The power of a tone that is there and nowhere else, in squared samples.
    pub(super) power: f32,
    /// In radians, as seen from the window's last sample.
    phase: f32,
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
        let step = 2.0 * self.cos;
        let (mut one, mut two) = (0.0_f32, 0.0_f32);
        for &sample in window {
            (one, two) = (sample + step * one - two, one);
        }
        let (real, imaginary) = (one - two * self.cos, two * self.sin);
        let length = window.len().max(1) as f32;
        // A tone of amplitude a gives a·N/2; its power is a²/2.
        let power = 2.0 * (real * real + imaginary * imaginary) / (length * length);
        Bin { power, phase: imaginary.atan2(real) }
    }

    /// By which share a tone lies beside this frequency, by how its phase moved from one window to another that begins
    /// `hop` samples later.
    pub(super) fn deviation(&self, before: &Bin, now: &Bin, hop: usize) -> f32 {
        let expected = self.omega * hop as f32;
        let beyond = (now.phase - before.phase - expected + PI).rem_euclid(TAU) - PI;
        beyond / expected
    }

    /// What a window leaves of the power of a tone that lies beside this frequency by the share `off`.
    pub(super) fn gain(&self, off: f32, window: usize) -> f32 {
        let half = self.omega * off * window as f32 / 2.0;
        if half.abs() < 1e-3 { 1.0 } else { (half.sin() / half).powi(2) }
    }
}
