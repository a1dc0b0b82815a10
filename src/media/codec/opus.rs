//! How Opus (RFC 6716) is run here: 16 kHz, mono, 20 ms. A crate does the work; whatever it refuses is a lost packet.

use super::decoder::SAMPLES_MAX;
use super::encoder::Frame;
use super::halfband::sample;
use super::{HOUSE_FRAME, HOUSE_HZ};
use opus_rs::Application;
use std::fmt;

/// What a voice is encoded at, in bit/s: RFC 6716 §2.1.1 names 16 to 20 kbit/s for wideband speech, the rest pays for the
/// forward error correction.
const VOICE_BITS: i32 = 28_000;
/// What clips are encoded at: music, by CELT alone.
const CLIP_BITS: i32 = 40_000;
/// 0 to 10; beyond 5 a frame costs half as much again and nobody on a telephone hears it.
const COMPLEXITY: i32 = 5;
/// The loss, in percent, that a voice's forward error correction reckons with.
const LOSS_PERCENT: i32 = 5;
/// A packet that says "nothing is sent": wideband SILK of 20 ms without a frame (RFC 6716 §3.1, §3.2.1).
const NOTHING: u8 = 9 << 3;
/// One of the crate's samples in ours.
const FULL_SCALE: f32 = 32_768.0;

/// An encoder.
pub struct OpusEncoder(Option<Box<opus_rs::OpusEncoder>>);

impl OpusEncoder {
    /// For somebody who speaks.
    pub fn of_voice() -> OpusEncoder {
        Self::start(Application::Voip, VOICE_BITS, true)
    }

    /// For clips: CELT alone, for what CELT remembers of the past fades within a few frames, so that one encoder can
    /// take over from another in the middle of a stream.
    pub fn of_clips() -> OpusEncoder {
        Self::start(Application::RestrictedLowDelay, CLIP_BITS, false)
    }

    /// The crate refuses rates and channel counts that Opus does not have, and ours it has.
    fn start(application: Application, bits: i32, correct: bool) -> OpusEncoder {
        let started = opus_rs::OpusEncoder::new(HOUSE_HZ as i32, 1, application).map(Box::new);
        let started = started.map(|mut encoder| {
            encoder.bitrate_bps = bits;
            encoder.complexity = COMPLEXITY;
            encoder.use_inband_fec = correct;
            encoder.packet_loss_perc = if correct { LOSS_PERCENT } else { 0 };
            encoder
        });
        OpusEncoder(started.ok())
    }

    /// One frame into `out`; returns its length.
    pub fn encode(&mut self, frame: &Frame, out: &mut [u8]) -> usize {
        let encoded = self.0.as_mut().and_then(|encoder| encoder.encode_i16(frame, HOUSE_FRAME, out).ok());
        encoded.filter(|&length| length > 0).unwrap_or_else(|| {
            out.iter_mut().take(1).for_each(|byte| *byte = NOTHING);
            out.len().min(1)
        })
    }
}

/// A decoder.
pub struct OpusDecoder(Option<Box<opus_rs::OpusDecoder>>);

impl OpusDecoder {
    /// At the beginning of a stream.
    pub fn start() -> OpusDecoder {
        OpusDecoder(opus_rs::OpusDecoder::new(HOUSE_HZ as i32, 1).map(Box::new).ok())
    }

    /// One packet into `out`; returns how many samples it held, `None` for what is no Opus or does not fit.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Option<usize> {
        // To the crate no bytes at all mean a loss as long as `out`.
        let decoder = self.0.as_mut().filter(|_| !payload.is_empty())?;
        let mut decoded = [0.0; SAMPLES_MAX];
        let decoded = decoded.get_mut(..out.len().min(SAMPLES_MAX))?;
        let length = decoder.decode(payload, decoded.len(), decoded).ok()?;
        rounded(decoded.get(..length)?, out);
        Some(length)
    }

    /// Makes up a frame; from what the packet after it says of it, if it is here and says something.
    pub fn conceal(&mut self, next: &[u8], out: &mut Frame) {
        let mut made = [0.0; HOUSE_FRAME];
        let length = self.0.as_mut().and_then(|decoder| {
            let corrected = (!next.is_empty()).then(|| decoder.decode_fec(next, HOUSE_FRAME, &mut made).ok());
            corrected.flatten().or_else(|| decoder.decode(&[], HOUSE_FRAME, &mut made).ok())
        });
        if length != Some(HOUSE_FRAME) {
            made = [0.0; HOUSE_FRAME];
        }
        rounded(&made, out);
    }
}

fn rounded(from: &[f32], to: &mut [i16]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = sample(from * FULL_SCALE));
}

impl fmt::Debug for OpusEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpusEncoder").finish_non_exhaustive()
    }
}

impl fmt::Debug for OpusDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpusDecoder").finish_non_exhaustive()
    }
}
