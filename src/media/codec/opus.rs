//! How Opus (RFC 6716) is run here: 16 kHz, mono, 20 ms. libopus does the work; whatever it refuses is a lost packet.

use super::encoder::Frame;
use super::{HOUSE_FRAME, HOUSE_HZ};
use ::opus::{Application, Bitrate, Channels};

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

/// An encoder.
#[derive(Debug)]
pub struct OpusEncoder(Option<::opus::Encoder>);

impl OpusEncoder {
    /// For somebody who speaks.
    pub fn of_voice() -> OpusEncoder {
        OpusEncoder(Self::start(Application::Voip, VOICE_BITS, true))
    }

    /// For clips: CELT alone, for what CELT remembers of the past fades within a few frames, so that one encoder can
    /// take over from another in the middle of a stream.
    pub fn of_clips() -> OpusEncoder {
        OpusEncoder(Self::start(Application::LowDelay, CLIP_BITS, false))
    }

    /// `None` when memory is exhausted.
    fn start(application: Application, bits: i32, correct: bool) -> Option<::opus::Encoder> {
        let mut encoder = ::opus::Encoder::new(HOUSE_HZ, Channels::Mono, application).ok()?;
        encoder.set_bitrate(Bitrate::Bits(bits)).ok()?;
        encoder.set_complexity(COMPLEXITY).ok()?;
        encoder.set_inband_fec(correct).ok()?;
        encoder.set_packet_loss_perc(if correct { LOSS_PERCENT } else { 0 }).ok()?;
        Some(encoder)
    }

    /// One frame into `out`; returns its length.
    pub fn encode(&mut self, frame: &Frame, out: &mut [u8]) -> usize {
        let encoded = self.0.as_mut().and_then(|encoder| encoder.encode(frame, out).ok());
        encoded.filter(|&length| length > 0).unwrap_or_else(|| {
            out.iter_mut().take(1).for_each(|byte| *byte = NOTHING);
            out.len().min(1)
        })
    }
}

/// A decoder.
#[derive(Debug)]
pub struct OpusDecoder(Option<::opus::Decoder>);

impl OpusDecoder {
    /// At the beginning of a stream.
    pub fn start() -> OpusDecoder {
        OpusDecoder(::opus::Decoder::new(HOUSE_HZ, Channels::Mono).ok())
    }

    /// One packet into `out`; returns how many samples it held, `None` for what is no Opus or does not fit.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Option<usize> {
        // To libopus no bytes at all mean a loss as long as `out`.
        let decoder = self.0.as_mut().filter(|_| !payload.is_empty())?;
        decoder.decode(payload, out, false).ok()
    }

    /// Makes up a frame; from what the packet after it says of it, if it is here and says something.
    pub fn conceal(&mut self, next: &[u8], out: &mut Frame) {
        let decoder = self.0.as_mut();
        let made = decoder.and_then(|decoder| {
            let corrected = (!next.is_empty()).then(|| decoder.decode(next, out, true).ok()).flatten();
            corrected.or_else(|| decoder.decode(&[], out, false).ok())
        });
        if made != Some(HOUSE_FRAME) {
            out.fill(0);
        }
    }
}
