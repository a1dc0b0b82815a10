//! From the house's linear samples to a codec's payload, 20 ms at a time. Keeps what the codec has to remember.

use super::g711::Law;
use super::{Codec, HOUSE_FRAME};

/// A frame of 20 ms in the house.
pub type Frame = [i16; HOUSE_FRAME];

/// One stream's encoder. Encoding allocates nothing.
#[derive(Debug)]
pub struct Encoder {
    codec: Codec,
}

impl Encoder {
    /// At the beginning of a stream.
    pub fn new(codec: Codec) -> Encoder {
        Encoder { codec }
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Encodes one frame into `out` and returns the payload's length in bytes; `out` has room for
    /// [`PAYLOAD_MAX`](crate::media::rtp::PAYLOAD_MAX).
    pub fn encode(&mut self, frame: &Frame, out: &mut [u8]) -> usize {
        match self.codec.law() {
            Some(law) => narrow(frame, law, out),
            None => wide(frame, out),
        }
    }
}

fn narrow(frame: &Frame, law: Law, out: &mut [u8]) -> usize {
    let pairs = frame.chunks_exact(2).map(|pair| ((i32::from(pair[0]) + i32::from(pair[1])) / 2) as i16);
    out.iter_mut().zip(pairs).map(|(code, sample)| *code = law.encode(sample)).count()
}

fn wide(frame: &Frame, out: &mut [u8]) -> usize {
    out.chunks_exact_mut(2).zip(frame).map(|(to, sample)| to.copy_from_slice(&sample.to_be_bytes())).count()
        * 2
}
