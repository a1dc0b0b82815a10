//! Brings every clip to one loudness, so that nobody reaches for the volume when the music changes. Looks at samples only.
//!
//! The measure is the mean square over gated blocks of 400 ms, a quarter of a block apart, as in ITU-R BS.1770-5 §5.1 (Annex
//! 1): blocks below an absolute gate, and those 10 dB below the mean of the rest, are pauses and do not count. Its frequency
//! weighting is left out: it is made for full-range loudspeakers, and a telephone cuts off what it weighs.

/// Where the gated mean is brought to, in dB of full scale (RMS): music and prompts lie a little above the −26 dBov of
/// ITU-T P.56's nominal speech, and still have 22 dB above them for their peaks.
pub(super) const TARGET_DB: f32 = -23.0;
/// Peaks are never above −1 dB of full scale: then the whole clip stays softer.
pub(super) const PEAK_MAX: f32 = 0.891;
/// What is almost silent is not blown up by more than this, with all its noise.
const GAIN_MAX_DB: f32 = 12.0;
/// Softer blocks are silence.
const ABSOLUTE_GATE_DB: f32 = -70.0;
/// Blocks that lie this far below the mean are pauses.
const RELATIVE_GATE_DB: f32 = 10.0;

/// Brings samples at `rate_hz` to the one loudness.
pub(super) fn level(samples: &mut [f32], rate_hz: usize) {
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let Some(mean) = loudness(samples, rate_hz) else { return };
    let gain = (power(TARGET_DB) / mean).sqrt().min(10_f32.powf(GAIN_MAX_DB / 20.0)).min(PEAK_MAX / peak);
    samples.iter_mut().for_each(|sample| *sample *= gain);
}

/// The gated mean square; `None` of silence.
fn loudness(samples: &[f32], rate_hz: usize) -> Option<f32> {
    let quarter = (rate_hz / 10).max(1);
    let quarters: Vec<f32> = samples.chunks(quarter).map(|part| part.iter().map(|s| s * s).sum()).collect();
    // A clip shorter than a block is one block.
    let size = quarters.len().min(4);
    let length = (size * quarter).min(samples.len()) as f32;
    let blocks: Vec<f32> =
        quarters.windows(size.max(1)).map(|block| block.iter().sum::<f32>() / length).collect();
    let above = |gate: f32| {
        let (sum, count) =
            blocks.iter().filter(|&&block| block > gate).fold((0.0, 0), |(s, n), b| (s + b, n + 1));
        (count > 0).then(|| sum / count as f32)
    };
    let mean = above(power(ABSOLUTE_GATE_DB))?;
    above((mean * power(-RELATIVE_GATE_DB)).max(power(ABSOLUTE_GATE_DB)))
}

fn power(db: f32) -> f32 {
    10_f32.powf(db / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(level: f32, seconds: usize) -> Vec<f32> {
        (0..seconds * 16_000).map(|n| level * (n as f32 * 0.2).sin()).collect()
    }

    fn rms_db(samples: &[f32]) -> f32 {
        10.0 * (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).log10()
    }

    #[test]
    fn loud_and_soft_come_out_alike() {
        for level_before in [0.03, 0.1, 0.5, 1.0, 4.0] {
            let mut samples = tone(level_before, 3);
            level(&mut samples, 16_000);
            assert!((rms_db(&samples) - TARGET_DB).abs() < 0.1, "{level_before}: {}", rms_db(&samples));
        }
    }

    #[test]
    fn pauses_do_not_count() {
        let mut samples = tone(0.5, 2);
        samples.extend(vec![0.0005; 20 * 16_000]);
        level(&mut samples, 16_000);
        assert!((rms_db(&samples[..32_000]) - TARGET_DB).abs() < 0.5, "{}", rms_db(&samples[..32_000]));
    }

    #[test]
    fn almost_silence_is_not_blown_up_and_silence_is_left_alone() {
        let mut samples = tone(0.001, 2);
        level(&mut samples, 16_000);
        let peak = samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
        assert!((peak / 0.001 - 3.98).abs() < 0.05, "{peak}");
        let mut silence = vec![0.0; 100];
        level(&mut silence, 16_000);
        assert_eq!(silence, vec![0.0; 100]);
    }

    #[test]
    fn peaks_stay_below_full_scale_however_soft_the_rest_is() {
        let mut samples = tone(0.02, 3);
        samples.iter_mut().step_by(16_000).for_each(|sample| *sample = 0.9);
        level(&mut samples, 16_000);
        assert!(samples.iter().all(|s| s.abs() <= PEAK_MAX + 1e-4));
    }
}
