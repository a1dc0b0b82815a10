//! Comfort noise (RFC 3389): white, at the level the far side told, never loud. Pure.

use crate::media::codec::encoder::Frame;

/// The loudest noise that is made, in −dBov: background noise, whatever is asked for.
const LOUDEST: u8 = 40;
/// Softer than this is silence, in −dBov: a 16-bit sample ends there.
const SOFTEST: u8 = 90;

/// A source of noise.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Noise {
    /// The largest sample; 0: silence.
    peak: i32,
    state: u32,
}

impl Noise {
    /// The level byte of RFC 3389 §3: 0 to 127, in −dBov.
    pub(super) fn set(&mut self, level: u8) {
        let level = (level & 0x7F).max(LOUDEST);
        // Evenly spread samples have an effective value of their peak by √3; 0 dBov is that of full scale.
        let peak = 32_767.0 * 10_f32.powf(f32::from(level) / -20.0) * 3_f32.sqrt();
        self.peak = if level > SOFTEST { 0 } else { peak as i32 };
    }

    pub(super) fn stop(&mut self) {
        self.peak = 0;
    }

    pub(super) fn fill(&mut self, out: &mut Frame) {
        for sample in out {
            // Numbers as in Numerical Recipes: good enough for a hiss.
            self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let centred = (self.state >> 16) as i32 - 32_768;
            *sample = (centred * self.peak / 32_768) as i16;
        }
    }
}
