//! From a WAV file to one channel at the rate asked for. Everything in the file is doubted and bounded; nothing is kept.

use hound::{SampleFormat, WavReader};
use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};
use std::io::Read;

/// The longest sound that is loaded, in seconds: half an hour.
pub const SECONDS_MAX: u32 = 30 * 60;
/// The resampler's block at the input rate: long enough for a steep filter below half the output rate.
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
    #[error("cannot be resampled: {0}")]
    Resampling(String),
}

/// Reads WAV: any rate, any number of channels, 8 to 32-bit integers or 32-bit float. Gives samples between −1 and 1 (floats
/// may exceed them) at `rate_hz`.
pub(super) fn read(wav: impl Read, rate_hz: u32) -> Result<Vec<f32>, ClipError> {
    let mut reader = WavReader::new(wav).map_err(wav_error)?;
    let mono = mixed_to_mono(&mut reader)?;
    resampled(mono, reader.spec().sample_rate, rate_hz)
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

fn resampled(mono: Vec<f32>, from_hz: u32, to_hz: u32) -> Result<Vec<f32>, ClipError> {
    if from_hz == to_hz {
        return Ok(mono);
    }
    let failed = |error: &dyn std::fmt::Display| ClipError::Resampling(error.to_string());
    let window = WindowFunction::BlackmanHarris2;
    let mut resampler = Fft::<f32>::new_custom(
        from_hz as usize,
        to_hz as usize,
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
