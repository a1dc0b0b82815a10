//! From a WAV file to one channel at the rate asked for. Everything in the file is doubted and bounded; nothing is kept.

use super::rate::{BLOCK_FRAMES, Rate};
use hound::{SampleFormat, WavReader};
use std::io::Read;

/// The longest sound that is loaded, in seconds: half an hour.
pub const SECONDS_MAX: u32 = 30 * 60;

/// One of 16-bit samples.
const FULL_SCALE: f32 = 32_768.0;

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
    let reader = WavReader::new(wav).map_err(wav_error)?;
    let spec = reader.spec();
    let (channels, from_hz) = (spec.channels, spec.sample_rate);
    if !(1..=64).contains(&channels) || !(1_000..=768_000).contains(&from_hz) {
        return Err(ClipError::Shape { channels, rate_hz: from_hz });
    }
    if reader.duration() / from_hz >= SECONDS_MAX {
        return Err(ClipError::TooLong);
    }
    if reader.duration() == 0 {
        return Err(ClipError::Empty);
    }
    let mut rate = Rate::new(from_hz, rate_hz, reader.duration())?;
    match (spec.sample_format, spec.bits_per_sample) {
        (SampleFormat::Float, 32) => mix(reader.into_samples::<f32>(), channels, &mut rate)?,
        (SampleFormat::Int, 16) => mix_in_bulk(reader, channels, &mut rate)?,
        (SampleFormat::Int, bits @ (8 | 24 | 32)) => {
            let full_scale = (1_i64 << (bits - 1)) as f32;
            let samples = reader.into_samples::<i32>().map(|sample| Ok(sample? as f32 / full_scale));
            mix(samples, channels, &mut rate)?;
        }
        (SampleFormat::Float, bits) => return Err(ClipError::Samples { bits, format: "float" }),
        (SampleFormat::Int, bits) => return Err(ClipError::Samples { bits, format: "integer" }),
    }
    rate.finish()
}

/// hound reports a file that ends too soon as an I/O error of no system call.
fn wav_error(error: hound::Error) -> ClipError {
    match error {
        hound::Error::IoError(error) if error.raw_os_error().is_some() => ClipError::Unreadable(error),
        error => ClipError::NotWav(error.to_string()),
    }
}

/// The mean of the channels, so that equal channels keep their level. What is no number is silence.
fn mix(
    samples: impl Iterator<Item = Result<f32, hound::Error>>,
    channels: u16,
    rate: &mut Rate,
) -> Result<(), ClipError> {
    let (mut mono, mut sum, mut channel) = (Vec::with_capacity(BLOCK_FRAMES), 0.0, 0);
    for sample in samples {
        let sample = sample.map_err(wav_error)?;
        sum += if sample.is_finite() { sample } else { 0.0 };
        channel += 1;
        if channel == channels {
            mono.push(sum / f32::from(channels));
            (sum, channel) = (0.0, 0);
        }
        if mono.len() == BLOCK_FRAMES {
            rate.take(&mono)?;
            mono.clear();
        }
    }
    rate.take(&mono)
}

/// The same of 16-bit samples, which is what almost all files hold: hound takes ten times as long to read them one by
/// one as is needed to resample them.
fn mix_in_bulk(mut reader: WavReader<impl Read>, channels: u16, rate: &mut Rate) -> Result<(), ClipError> {
    // hound reads the first frame: it refuses samples that take more room in the file than they have bits.
    let first = reader.samples::<i16>().take(usize::from(channels));
    mix(first.map(|sample| Ok(f32::from(sample?) / FULL_SCALE)), channels, rate)?;
    let mut left = (reader.duration() - 1) as usize;
    let mut wav = reader.into_inner();
    let frame_bytes = 2 * usize::from(channels);
    let mut bytes = vec![0; BLOCK_FRAMES * frame_bytes];
    let mut mono = Vec::with_capacity(BLOCK_FRAMES);
    let scale = 1.0 / (FULL_SCALE * f32::from(channels));
    while left > 0 {
        let frames = left.min(BLOCK_FRAMES);
        let bytes = bytes.get_mut(..frames * frame_bytes).unwrap_or_default();
        wav.read_exact(bytes).map_err(|error| wav_error(error.into()))?;
        mono.clear();
        match channels {
            1 => mono.extend(bytes.as_chunks().0.iter().map(|&sample| scale * value(sample))),
            2 => mono.extend(
                bytes.as_chunks().0.iter().map(|&[a, b, c, d]| scale * (value([a, b]) + value([c, d]))),
            ),
            _ => {
                mono.extend(bytes.chunks_exact(frame_bytes).map(|frame| {
                    scale * frame.as_chunks().0.iter().map(|&sample| value(sample)).sum::<f32>()
                }))
            }
        }
        rate.take(&mono)?;
        left -= frames;
    }
    Ok(())
}

fn value(sample: [u8; 2]) -> f32 {
    f32::from(i16::from_le_bytes(sample))
}
