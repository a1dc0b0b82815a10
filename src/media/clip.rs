//! One sound: read from a WAV file, brought to one loudness, and encoded once per codec. Shared by all who hear it.
//!
//! G.711 is encoded when the clip is made. If a wideband codec is configured, the sound is also kept at 16 kHz, as L16 has
//! it; the other codecs are encoded from that, piece by piece, when somebody first listens ([`Clip::frame`]).

mod chunks;
mod loudness;
mod press;
mod rate;
mod wav;

pub use press::Press;
pub use wav::{ClipError, SECONDS_MAX};

use super::codec::g711::Law;
use super::codec::halfband::Decimator;
use super::codec::{Codec, FRAME_SAMPLES, HOUSE_FRAME};
use chunks::Wide;
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// How long a sound swells at its beginning and dies away at its end, in milliseconds: so that it clicks at neither,
/// whatever stands before and behind it.
const TAPER_MS: u32 = 5;
/// The decimator's delay in samples at 8 kHz (and a half).
const DECIMATOR_DELAY: usize = 14;

/// A sound, ready to be sent: frames of 20 ms in every codec, the last one filled up with silence.
#[derive(Debug)]
pub struct Clip {
    frames: usize,
    ulaw: Box<[u8]>,
    alaw: Box<[u8]>,
    wide: Option<Arc<Wide>>,
}

impl Clip {
    /// Reads a WAV file.
    ///
    /// # Errors
    /// See [`ClipError`]; the caller knows the file's name.
    pub fn read(path: &Path, press: &Press) -> Result<Clip, ClipError> {
        Self::from_wav(BufReader::with_capacity(1 << 16, File::open(path)?), press)
    }

    /// Reads WAV from anywhere: any rate, any number of channels, 8 to 32-bit integers or 32-bit float. Every sound
    /// comes out equally loud, see `clip/loudness.rs`.
    ///
    /// # Errors
    /// See [`ClipError`].
    pub fn from_wav(wav: impl Read, press: &Press) -> Result<Clip, ClipError> {
        let rate_hz = press.rate_hz();
        let mut samples = wav::read(wav, rate_hz)?;
        loudness::level(&mut samples, rate_hz as usize);
        Ok(Self::from_samples(samples, press))
    }

    /// Encodes samples between −1 and 1 at the [press's rate](Press::rate_hz), as loud as they are.
    pub fn from_samples(mut samples: Vec<f32>, press: &Press) -> Clip {
        taper(&mut samples, (press.rate_hz() * TAPER_MS / 1_000) as usize);
        let mut linear: Vec<i16> =
            samples.into_iter().map(|sample| (sample.clamp(-1.0, 1.0) * 32_767.0) as i16).collect();
        let frame = if press.is_wide() { HOUSE_FRAME } else { FRAME_SAMPLES };
        linear.resize(linear.len().next_multiple_of(frame).max(frame), 0);
        let frames = linear.len() / frame;
        let narrow =
            if press.is_wide() { Cow::Owned(decimated(&linear)) } else { Cow::Borrowed(&linear[..]) };
        let encoded = |law: Law| {
            let wanted = press.has(Codec::Pcmu, law == Law::Mu) || press.has(Codec::Pcma, law == Law::A);
            if wanted { narrow.iter().map(|&sample| law.encode(sample)).collect() } else { Box::default() }
        };
        let wide = press.is_wide().then(|| Arc::new(Wide::new(&linear, press)));
        Clip { frames, ulaw: encoded(Law::Mu), alaw: encoded(Law::A), wide }
    }

    /// How many frames of 20 ms it has; at least one.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// One frame, encoded. `None` beyond the end, for a codec that was not configured, and while the piece of ten seconds
    /// it lies in is not encoded yet: this very call sees to it that it will be. Takes no lock and allocates nothing.
    pub fn frame(&self, codec: Codec, index: usize) -> Option<&[u8]> {
        match codec {
            Codec::Pcmu => slice(&self.ulaw, index, FRAME_SAMPLES),
            Codec::Pcma => slice(&self.alaw, index, FRAME_SAMPLES),
            Codec::L16 => self.linear(index),
            Codec::G722 | Codec::Opus => Wide::frame(self.wide.as_ref()?, codec, index),
        }
    }

    /// One frame at 16 kHz, in L16's bytes; `None` beyond the end, and when no wideband codec is configured.
    pub fn linear(&self, index: usize) -> Option<&[u8]> {
        slice(self.wide.as_ref()?.master(), index, 2 * HOUSE_FRAME)
    }

    /// Sees to it that the piece with this frame will be there when it is needed.
    pub fn prepare(&self, codec: Codec, index: usize) {
        if let Some(wide) = &self.wide {
            Wide::prepare(wide, codec, index);
        }
    }

    /// Encodes all of it now, on this thread: for tests and measurements.
    pub fn encode_all(&self, codec: Codec) {
        if let Some(wide) = &self.wide {
            wide.encode_all(codec);
        }
    }

    /// The bytes of memory it takes now.
    pub fn memory_bytes(&self) -> usize {
        self.ulaw.len() + self.alaw.len() + self.wide.as_ref().map_or(0, |wide| wide.memory_bytes())
    }
}

fn slice(bytes: &[u8], index: usize, length: usize) -> Option<&[u8]> {
    let start = index.checked_mul(length)?;
    bytes.get(start..start.checked_add(length)?)
}

/// Lets both ends swell from and die away into silence, in a half-cosine.
fn taper(samples: &mut [f32], length: usize) {
    let length = length.min(samples.len() / 2);
    let share = |n: usize| 0.5 - 0.5 * (std::f32::consts::PI * (n as f32 + 0.5) / length as f32).cos();
    samples.iter_mut().take(length).enumerate().for_each(|(n, sample)| *sample *= share(n));
    samples.iter_mut().rev().take(length).enumerate().for_each(|(n, sample)| *sample *= share(n));
}

/// 16 kHz to 8 kHz, the filter's delay made good.
fn decimated(linear: &[i16]) -> Vec<i16> {
    let mut decimator = Decimator::after_silence();
    let (frames, _) = linear.as_chunks::<HOUSE_FRAME>();
    let mut narrow: Vec<i16> = Vec::with_capacity(linear.len() / 2 + FRAME_SAMPLES);
    for frame in frames.iter().chain([&[0; HOUSE_FRAME]]) {
        narrow.extend(decimator.frame(frame));
    }
    narrow.drain(..DECIMATOR_DELAY);
    narrow.truncate(linear.len() / 2);
    narrow
}

#[cfg(test)]
mod tests;
