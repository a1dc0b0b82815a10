//! From the house's 16 kHz to the telephone's 8 kHz, for recordings. A finite filter, one per channel; pure.

/// Coefficients of the filter, an odd number: −6 dB at 3.7 kHz, −50 dB from 4.5 kHz.
const TAPS: usize = 47;
/// Where it halves, as a share of the sampling rate.
const CUT: f32 = 3_700.0 / 16_000.0;

/// One channel's filter.
#[derive(Clone, Debug)]
pub(super) struct Half {
    taps: [f32; TAPS],
    past: [f32; TAPS],
}

impl Half {
    pub(super) fn new() -> Half {
        let middle = (TAPS / 2) as f32;
        // A sinc under Hamming's window.
        let mut taps = std::array::from_fn(|n| {
            let x = n as f32 - middle;
            let sinc = if x == 0.0 {
                2.0 * CUT
            } else {
                (std::f32::consts::TAU * CUT * x).sin() / (std::f32::consts::PI * x)
            };
            sinc * (0.54 + 0.46 * (std::f32::consts::PI * x / (middle + 1.0)).cos())
        });
        let sum: f32 = taps.iter().sum();
        taps.iter_mut().for_each(|tap| *tap /= sum);
        Half { taps, past: [0.0; TAPS] }
    }

    /// Takes two samples, gives one.
    pub(super) fn next(&mut self, pair: [i16; 2]) -> i16 {
        self.past.copy_within(2.., 0);
        if let Some(room) = self.past.last_chunk_mut::<2>() {
            *room = pair.map(f32::from);
        }
        let sum: f32 = self.past.iter().zip(&self.taps).map(|(sample, tap)| sample * tap).sum();
        sum.round().clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level_db(hz: f32) -> f32 {
        let mut half = Half::new();
        let sample = |n: usize| (10_000.0 * (std::f32::consts::TAU * hz * n as f32 / 16_000.0).sin()) as i16;
        let out: Vec<f32> =
            (0..4_000).map(|n| f32::from(half.next([sample(2 * n), sample(2 * n + 1)]))).collect();
        let power = out[100..].iter().map(|sample| sample * sample).sum::<f32>() / 3_900.0;
        10.0 * (power / (10_000.0 * 10_000.0 / 2.0)).log10()
    }

    #[test]
    fn speech_passes_and_what_would_fold_back_does_not() {
        for hz in [300.0, 1_000.0, 3_000.0] {
            assert!(level_db(hz).abs() < 0.5, "{hz} Hz: {} dB", level_db(hz));
        }
        for hz in [4_700.0, 6_000.0, 7_000.0] {
            assert!(level_db(hz) < -45.0, "{hz} Hz: {} dB", level_db(hz));
        }
    }
}
