//! What a phone can say into a call: frames of 20 ms of linear samples. Endless; sends nothing itself.

use crate::media::codec::{CLOCK_HZ, FRAME_SAMPLES};
use std::f64::consts::TAU;
use std::path::Path;
use std::sync::Arc;

/// 20 ms of speech at 8 kHz.
pub(super) type Frame = [i16; FRAME_SAMPLES];

/// Something to be heard.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Sound {
    /// Nothing but packets of silence.
    #[default]
    Silence,
    /// No packet at all, no report either: a phone that died.
    Nothing,
    /// A pure tone of that many hertz.
    Tone(f64),
    /// Babble with the rhythm of speech, another for every number: bursts of a voiced sound with pauses.
    Speech(u32),
    /// Recorded samples at 8 kHz, again and again.
    Clip(Arc<[i16]>),
}

/// Why a file can't be said.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// Not readable as WAV.
    #[error("cannot read the clip: {0}")]
    Wav(#[from] hound::Error),
    /// A phone does not resample: it wants 8 kHz, one channel, 16 bits.
    #[error(
        "the clip has {rate_hz} Hz, {channels} channels, {bits} bits; expected 8000 Hz, 1 channel, 16 bits"
    )]
    Format {
        /// Samples per second.
        rate_hz: u32,
        /// Channels.
        channels: u16,
        /// Bits per sample.
        bits: u16,
    },
    /// Longer than ten minutes, or without a sample.
    #[error("the clip is empty or longer than ten minutes")]
    Length,
}

impl Sound {
    /// A WAV file of 8 kHz, one channel and 16 bits.
    ///
    /// # Errors
    /// See [`ClipError`].
    pub fn clip(path: &Path) -> Result<Sound, ClipError> {
        let mut wav = hound::WavReader::open(path)?;
        let spec = wav.spec();
        if (spec.sample_rate, spec.channels, spec.bits_per_sample) != (CLOCK_HZ, 1, 16) {
            let (channels, bits) = (spec.channels, spec.bits_per_sample);
            return Err(ClipError::Format { rate_hz: spec.sample_rate, channels, bits });
        }
        if wav.duration() == 0 || wav.duration() > CLOCK_HZ * 600 {
            return Err(ClipError::Length);
        }
        Ok(Sound::Clip(wav.samples::<i16>().collect::<Result<Vec<i16>, _>>()?.into()))
    }
}

/// Reads a sound frame by frame.
pub(super) struct Voice {
    sound: Sound,
    at: u64,
}

impl Voice {
    pub fn new(sound: Sound) -> Self {
        Self { sound, at: 0 }
    }

    /// Whether nothing is sent at all.
    pub fn is_dead(&self) -> bool {
        matches!(self.sound, Sound::Nothing)
    }

    /// The next 20 ms.
    pub fn frame(&mut self) -> Frame {
        let mut frame = [0; FRAME_SAMPLES];
        for (sample, at) in frame.iter_mut().zip(self.at..) {
            *sample = sample_at(&self.sound, at);
        }
        self.at += FRAME_SAMPLES as u64;
        frame
    }
}

fn sample_at(sound: &Sound, at: u64) -> i16 {
    // Exact up to 2^53 samples: longer than any call.
    let seconds = at as f64 / f64::from(CLOCK_HZ);
    match sound {
        Sound::Silence | Sound::Nothing => 0,
        Sound::Tone(hz) => (8_000.0 * (TAU * hz * seconds).sin()) as i16,
        Sound::Speech(seed) => babble(*seed, seconds),
        Sound::Clip(samples) => {
            let index = at % samples.len().max(1) as u64;
            usize::try_from(index).ok().and_then(|index| samples.get(index)).copied().unwrap_or(0)
        }
    }
}

/// Syllables of a fifth of a second, of which every fifth or so is a pause; a pitch of its own for each voice.
fn babble(seed: u32, seconds: f64) -> i16 {
    let syllable = (seconds / 0.2) as u32;
    let dice = (syllable ^ seed.rotate_left(16)).wrapping_mul(0x9E37_79B1) >> 16;
    if dice.is_multiple_of(5) {
        return 0;
    }
    let pitch = 110.0 + f64::from(seed % 7) * 15.0 + f64::from(dice % 30);
    let shape = (TAU / 2.0 * (seconds / 0.2).fract()).sin();
    let voiced: f64 = [(1.0, 1.0), (3.0, 0.6), (7.0, 0.35)]
        .iter()
        .map(|(harmonic, level)| level * (TAU * pitch * harmonic * seconds).sin())
        .sum();
    (3_000.0 * shape * voiced) as i16
}

/// How much of the samples' energy lies at `hz`: 1 for a pure tone there, about 0 for anything else (Goertzel's algorithm).
pub fn tone_share(samples: &[i16], hz: f64) -> f64 {
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    if samples.is_empty() || energy == 0.0 {
        return 0.0;
    }
    let coefficient = 2.0 * (TAU * hz / f64::from(CLOCK_HZ)).cos();
    let (last, before) = samples
        .iter()
        .fold((0.0, 0.0), |(last, before), &sample| (f64::from(sample) + coefficient * last - before, last));
    let power = last.powi(2) + before.powi(2) - coefficient * last * before;
    2.0 * power / (samples.len() as f64 * energy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second_of(sound: Sound) -> Vec<i16> {
        let mut voice = Voice::new(sound);
        (0..50).flat_map(|_| voice.frame()).collect()
    }

    #[test]
    fn a_tone_is_found_at_its_own_frequency_only() {
        let tone = second_of(Sound::Tone(440.0));
        assert!(tone_share(&tone, 440.0) > 0.99);
        assert!(tone_share(&tone, 880.0) < 0.01);
        assert!(tone_share(&second_of(Sound::Silence), 440.0) == 0.0);
    }

    #[test]
    fn babble_is_loud_has_pauses_and_is_no_tone() {
        let speech = second_of(Sound::Speech(4));
        assert!(speech.iter().any(|&sample| sample.abs() > 1_000));
        assert!(second_of(Sound::Speech(1)) != speech);
        assert!(tone_share(&speech, 440.0) < 0.5);
    }

    #[test]
    fn a_clip_starts_over() {
        let mut voice = Voice::new(Sound::Clip(vec![1, 2, 3].into()));
        assert_eq!(voice.frame()[..4], [1, 2, 3, 1]);
        assert_eq!(voice.frame()[0], 2, "160 is 1 modulo 3");
    }
}
