//! From a codec's payload to the house's linear samples. Keeps what the codec has to remember.

use super::encoder::Frame;
use super::{Codec, HOUSE_FRAME};

/// The most samples one payload may hold: 120 ms.
pub const SAMPLES_MAX: usize = 6 * HOUSE_FRAME;

/// One stream's decoder. Decoding allocates nothing.
#[derive(Debug)]
pub struct Decoder {
    codec: Codec,
}

impl Decoder {
    /// At the beginning of a stream.
    pub fn new(codec: Codec) -> Decoder {
        Decoder { codec }
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Decodes one payload into `out` and returns how many samples it held. What is no payload of this codec is
    /// concealed like a lost one.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16; SAMPLES_MAX]) -> usize {
        match self.codec.law() {
            Some(law) => {
                let doubled = payload.iter().flat_map(|&code| [law.decode(code); 2]);
                out.iter_mut().zip(doubled).map(|(to, sample)| *to = sample).count()
            }
            None => {
                let samples = payload.chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]]));
                out.iter_mut().zip(samples).map(|(to, sample)| *to = sample).count()
            }
        }
    }

    /// Makes up a frame in place of one that was lost.
    pub fn conceal(&mut self, out: &mut Frame) {
        out.fill(0);
    }
}
