//! From the house's linear samples to a codec's payload, 20 ms at a time. Keeps what the codec has to remember.

use super::g711::Law;
use super::halfband::Decimator;
use super::opus::OpusEncoder;
use super::{Codec, HOUSE_FRAME};
use audio_codec::Encoder as _;
use audio_codec::g722::G722Encoder;
use std::fmt;

/// A frame of 20 ms in the house.
pub type Frame = [i16; HOUSE_FRAME];

/// One stream's encoder. Encoding allocates nothing.
pub struct Encoder {
    codec: Codec,
    state: State,
}

enum State {
    Narrow(Law, Box<Decimator>),
    G722(Box<G722Encoder>),
    Opus(OpusEncoder),
    Linear,
}

impl Encoder {
    /// At the beginning of a stream: for somebody who speaks.
    pub fn new(codec: Codec) -> Encoder {
        Self::with(codec, OpusEncoder::of_voice)
    }

    /// For clips, and for what is to be joined with them: see [`OpusEncoder::of_clips`].
    pub fn of_clips(codec: Codec) -> Encoder {
        Self::with(codec, OpusEncoder::of_clips)
    }

    fn with(codec: Codec, opus: impl FnOnce() -> OpusEncoder) -> Encoder {
        let state = match codec {
            Codec::Pcmu => State::Narrow(Law::Mu, Box::new(Decimator::after_silence())),
            Codec::Pcma => State::Narrow(Law::A, Box::new(Decimator::after_silence())),
            Codec::G722 => State::G722(Box::default()),
            Codec::Opus => State::Opus(opus()),
            Codec::L16 => State::Linear,
        };
        Encoder { codec, state }
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Encodes one frame into `out` and returns the payload's length in bytes; `out` has room for
    /// [`PAYLOAD_MAX`](crate::media::rtp::PAYLOAD_MAX).
    pub fn encode(&mut self, frame: &Frame, out: &mut [u8]) -> usize {
        match &mut self.state {
            State::Narrow(law, decimator) => {
                let samples = decimator.frame(frame);
                out.iter_mut().zip(samples).map(|(code, sample)| *code = law.encode(sample)).count()
            }
            // Eight bits for two samples, the lower band in the lower six (RFC 3551 §4.5.2, G.722 §1.4.4).
            State::G722(encoder) => encoder.encode_into(frame, out).unwrap_or_default(),
            State::Opus(encoder) => encoder.encode(frame, out),
            State::Linear => {
                let pairs = out.chunks_exact_mut(2).zip(frame);
                2 * pairs.map(|(to, sample)| to.copy_from_slice(&sample.to_be_bytes())).count()
            }
        }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("codec", &self.codec).finish_non_exhaustive()
    }
}
