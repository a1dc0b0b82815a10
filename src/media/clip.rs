//! One sound: read from a WAV file, brought to 8 kHz mono, and encoded once per codec. Shared by all who hear it.

use super::codec::g711::Law;
use super::codec::{CLOCK_HZ, Codec, FRAME_SAMPLES};
use hound::{SampleFormat, WavReader};
use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// The longest sound that is loaded, in seconds: half an hour.
pub const SECONDS_MAX: u32 = 30 * 60;
/// Louder peaks are brought down to this (−1 dB full scale), the whole clip with them, so that nothing is distorted.
const PEAK_MAX: f32 = 0.891;
/// The resampler's block at the input rate: long enough for a steep filter below 4 kHz.
const RESAMPLER_FRAMES: usize = 4_096;

/// Why a file gives no sound.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// It cannot be opened or read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// hound refuses it.
    #[error("cannot be read as a WAV file: {0}")]
    NotWav(String),
    /// A combination of bits and sample format that is not used.
    #[error("has {bits}-bit {format} samples; expected 8, 16, 24 or 32-bit integers, or 32-bit float")]
    Samples {
        /// Bits per sample.
        bits: u16,
        /// `integer` or `float`.
        format: &'static str,
    },
    /// No rate or channel count that makes sense.
    #[error("has {channels} channels at {rate_hz} Hz; expected 1 to 64 channels at 1,000 to 768,000 Hz")]
    Shape {
        /// Channels.
        channels: u16,
        /// Samples per second.
        rate_hz: u32,
    },
    /// It holds no sample.
    #[error("holds no sound at all")]
    Empty,
    /// It would take too much memory.
    #[error("is longer than {SECONDS_MAX} seconds")]
    TooLong,
    /// The resampler refused.
    #[error("cannot be resampled to 8 kHz: {0}")]
    Resampling(String),
}

/// A sound, ready to be sent: frames of 20 ms in every codec, the last one filled up with silence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clip {
    ulaw: Arc<[u8]>,
    alaw: Arc<[u8]>,
    none: Arc<[u8]>,
}

impl Clip {
    /// Reads a WAV file.
    ///
    /// # Errors
    /// See [`ClipError`]; the caller knows the file's name.
    pub fn read(path: &Path) -> Result<Clip, ClipError> {
        Self::from_wav(BufReader::new(File::open(path)?))
    }

    /// Reads WAV from anywhere: any rate, any number of channels, 8 to 32-bit integers or 32-bit float.
    ///
    /// # Errors
    /// See [`ClipError`].
    pub fn from_wav(wav: impl Read) -> Result<Clip, ClipError> {
        let mut reader = WavReader::new(wav).map_err(wav_error)?;
        let mono = mixed_to_mono(&mut reader)?;
        let mut samples = resampled(mono, reader.spec().sample_rate)?;
        limit(&mut samples);
        Ok(Self::from_samples(samples.into_iter()))
    }

    /// Encodes samples between −1 and 1 at 8 kHz.
    pub fn from_samples(samples: impl Iterator<Item = f32>) -> Clip {
        let linear: Vec<i16> = samples.map(|sample| (sample.clamp(-1.0, 1.0) * 32_767.0) as i16).collect();
        let encoded = |law: Law| {
            let mut bytes: Vec<u8> = linear.iter().map(|&sample| law.encode(sample)).collect();
            bytes.resize(bytes.len().next_multiple_of(FRAME_SAMPLES).max(FRAME_SAMPLES), law.silence());
            Arc::from(bytes)
        };
        Clip { ulaw: encoded(Law::Mu), alaw: encoded(Law::A), none: Arc::default() }
    }

    /// How many frames of 20 ms it has; at least one.
    pub fn frames(&self) -> usize {
        self.ulaw.len() / FRAME_SAMPLES
    }

    /// One frame, encoded; empty beyond the end.
    pub fn frame(&self, codec: Codec, index: usize) -> &[u8] {
        let start = index * FRAME_SAMPLES;
        self.encoded(codec).get(start..start + FRAME_SAMPLES).unwrap_or_default()
    }

    /// All of it, encoded.
    pub fn encoded(&self, codec: Codec) -> &Arc<[u8]> {
        match codec {
            Codec::Pcmu => &self.ulaw,
            Codec::Pcma => &self.alaw,
            Codec::G722 | Codec::Opus | Codec::L16 => &self.none,
        }
    }
}

/// hound reports a file that ends too soon as an I/O error of no system call.
fn wav_error(error: hound::Error) -> ClipError {
    match error {
        hound::Error::IoError(error) if error.raw_os_error().is_some() => ClipError::Unreadable(error),
        error => ClipError::NotWav(error.to_string()),
    }
}

fn mixed_to_mono(reader: &mut WavReader<impl Read>) -> Result<Vec<f32>, ClipError> {
    let spec = reader.spec();
    let (channels, rate_hz) = (spec.channels, spec.sample_rate);
    if !(1..=64).contains(&channels) || !(1_000..=768_000).contains(&rate_hz) {
        return Err(ClipError::Shape { channels, rate_hz });
    }
    if reader.duration() / rate_hz >= SECONDS_MAX {
        return Err(ClipError::TooLong);
    }
    let mono = match (spec.sample_format, spec.bits_per_sample) {
        (SampleFormat::Float, 32) => mix(reader.samples::<f32>(), channels)?,
        (SampleFormat::Int, bits @ (8 | 16 | 24 | 32)) => {
            let full_scale = (1_i64 << (bits - 1)) as f32;
            let samples = reader.samples::<i32>().map(|sample| Ok(sample? as f32 / full_scale));
            mix(samples, channels)?
        }
        (SampleFormat::Float, bits) => return Err(ClipError::Samples { bits, format: "float" }),
        (SampleFormat::Int, bits) => return Err(ClipError::Samples { bits, format: "integer" }),
    };
    if mono.is_empty() { Err(ClipError::Empty) } else { Ok(mono) }
}

/// The mean of the channels, so that equal channels keep their level. What is no number is silence.
fn mix(
    samples: impl Iterator<Item = Result<f32, hound::Error>>,
    channels: u16,
) -> Result<Vec<f32>, ClipError> {
    let (mut mono, mut sum, mut channel) = (Vec::new(), 0.0, 0);
    for sample in samples {
        let sample = sample.map_err(wav_error)?;
        sum += if sample.is_finite() { sample } else { 0.0 };
        channel += 1;
        if channel == channels {
            mono.push(sum / f32::from(channels));
            (sum, channel) = (0.0, 0);
        }
    }
    Ok(mono)
}

fn resampled(mono: Vec<f32>, rate_hz: u32) -> Result<Vec<f32>, ClipError> {
    if rate_hz == CLOCK_HZ {
        return Ok(mono);
    }
    let failed = |error: &dyn std::fmt::Display| ClipError::Resampling(error.to_string());
    let window = WindowFunction::BlackmanHarris2;
    let mut resampler = Fft::<f32>::new_custom(
        rate_hz as usize,
        CLOCK_HZ as usize,
        RESAMPLER_FRAMES,
        1,
        1,
        window,
        FixedSync::Input,
    )
    .map_err(|error| failed(&error))?;
    let input = SequentialSlice::new(&mono, 1, mono.len()).map_err(|error| failed(&error))?;
    let output = resampler.process_all(&input, mono.len(), None).map_err(|error| failed(&error))?;
    Ok(output.take_data())
}

fn limit(samples: &mut [f32]) {
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if peak > PEAK_MAX {
        let gain = PEAK_MAX / peak;
        samples.iter_mut().for_each(|sample| *sample *= gain);
    }
}

#[cfg(test)]
mod tests;
