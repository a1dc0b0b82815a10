//! What a leg says, as the house's linear sound.

use super::codec::Codec;
use super::codec::decoder::{Decoder, SAMPLES_MAX};
use super::codec::encoder::Frame;
use super::rtp::Packet;
use crate::engine::time::Monotonic;
use std::collections::VecDeque;

/// Whether somebody says something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// Sound.
    Speech,
    /// Nothing came.
    Silence,
}

/// One leg's.
#[derive(Debug)]
pub struct Ear {
    decoder: Decoder,
    samples: VecDeque<i16>,
}

impl Ear {
    /// Of a stream in this codec.
    pub fn new(codec: Codec) -> Ear {
        Ear { decoder: Decoder::new(codec), samples: VecDeque::new() }
    }

    /// A packet came.
    pub fn hear(&mut self, _now: Monotonic, packet: &Packet<'_>, codec: Codec) {
        if self.decoder.codec() != codec {
            self.decoder = Decoder::new(codec);
        }
        let mut out = [0; SAMPLES_MAX];
        let count = self.decoder.decode(packet.payload, &mut out);
        if self.samples.len() < 3_200 {
            self.samples.extend(out.iter().take(count));
        }
    }

    /// The next 20 ms.
    pub fn frame(&mut self, _now: Monotonic, out: &mut Frame) -> Heard {
        out.fill(0);
        if self.samples.len() < out.len() {
            return Heard::Silence;
        }
        out.iter_mut().zip(self.samples.drain(..320)).for_each(|(to, sample)| *to = sample);
        Heard::Speech
    }
}
