//! From a codec's payload to the house's linear samples. Keeps what the codec has to remember.

use super::conceal::Concealer;
use super::encoder::Frame;
use super::g711::Law;
use super::halfband::Interpolator;
use super::opus::OpusDecoder;
use super::{Codec, HOUSE_FRAME};
use audio_codec::g722::G722Decoder;
use std::fmt;

/// The most samples one payload may hold: 120 ms.
pub const SAMPLES_MAX: usize = 6 * HOUSE_FRAME;

/// One stream's decoder. Decoding allocates nothing.
pub struct Decoder {
    codec: Codec,
    state: State,
    /// Opus makes up its own.
    concealer: Concealer,
}

enum State {
    Narrow(Law, Interpolator),
    G722(Box<G722Decoder>),
    Opus(OpusDecoder),
    Linear,
}

impl Decoder {
    /// At the beginning of a stream.
    pub fn new(codec: Codec) -> Decoder {
        let state = match codec {
            Codec::Pcmu => State::Narrow(Law::Mu, Interpolator::after_silence()),
            Codec::Pcma => State::Narrow(Law::A, Interpolator::after_silence()),
            Codec::G722 => State::G722(Box::default()),
            Codec::Opus => State::Opus(OpusDecoder::start()),
            Codec::L16 => State::Linear,
        };
        Decoder { codec, state, concealer: Concealer::after_silence() }
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Decodes one payload into `out` and returns how many samples it held. What is no payload of this codec is
    /// concealed like a lost one; what is longer than 120 ms is cut off.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16; SAMPLES_MAX]) -> usize {
        let length = match &mut self.state {
            State::Narrow(law, interpolator) => {
                let samples = payload.iter().flat_map(|&code| interpolator.next(law.decode(code)));
                fill(out, samples)
            }
            State::G722(decoder) => {
                let payload = payload.get(..SAMPLES_MAX / 2).unwrap_or(payload);
                decoder.decode_frame_into(payload, out).unwrap_or_default()
            }
            State::Opus(decoder) => decoder.decode(payload, out).unwrap_or_default(),
            State::Linear => {
                let (pairs, _) = payload.as_chunks::<2>();
                fill(out, pairs.iter().map(|&pair| i16::from_be_bytes(pair)))
            }
        };
        match out.get_mut(..length) {
            Some(samples) if length > 0 => {
                if !matches!(self.state, State::Opus(_)) {
                    self.concealer.heard(samples);
                }
                length
            }
            Some(_) | None => {
                let mut frame = [0; HOUSE_FRAME];
                self.conceal(&mut frame);
                fill(out, frame.into_iter())
            }
        }
    }

    /// Makes up a frame in place of one that was lost.
    pub fn conceal(&mut self, out: &mut Frame) {
        self.recover(&[], out);
    }

    /// Like [`conceal`](Self::conceal), when the packet that follows the lost one is here already: Opus may say in it
    /// what the lost one said (RFC 6716 §2.1.7). That packet is decoded afterwards as ever.
    pub fn recover(&mut self, next: &[u8], out: &mut Frame) {
        match &mut self.state {
            State::Opus(decoder) => decoder.conceal(next, out),
            State::Narrow(..) | State::G722(_) | State::Linear => self.concealer.fill(out),
        }
    }
}

fn fill(out: &mut [i16], samples: impl Iterator<Item = i16>) -> usize {
    out.iter_mut().zip(samples).map(|(to, sample)| *to = sample).count()
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("codec", &self.codec).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
