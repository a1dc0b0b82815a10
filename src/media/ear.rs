//! What a leg says, as the house's linear sound: 20 ms of it at each call, whatever the network did to the packets.
//! Pure; it decides about sound only and never sends.

mod noise;

use super::codec::decoder::{Decoder, SAMPLES_MAX};
use super::codec::encoder::Frame;
use super::codec::{Codec, HOUSE_FRAME, HOUSE_HZ};
use super::jitter::{self, Adjustment, JitterBuffer, Pull};
use super::rtp::{PAYLOAD_MAX, Packet};
use crate::engine::time::Monotonic;
use noise::Noise;

/// Milliseconds of a frame.
const FRAME_MS: u64 = 20;
/// So many frames are made up when nothing comes any more; then it is silence.
const MADE_UP_MAX: u32 = 3;
/// Over so many samples what was left out is faded into what follows: 5 ms.
const FADE: usize = 80;
/// The mean magnitude below which nobody hears a frame left out or doubled: about −54 dBFS.
const SILENT: u32 = 64;
/// The most pulls for one frame: what holds no sound must not hold the worker.
const PULLS_MAX: usize = 2 * jitter::PACKETS_MAX;

/// What a frame holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// What the leg said, or what was made up in place of a loss.
    Speech,
    /// Silence or comfort noise: the leg sent nothing.
    Silence,
}

/// How well the leg was heard so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// Of the packets.
    pub packets: jitter::Figures,
    /// Sound that was decoded.
    pub decoded_ms: u64,
    /// Sound that was made up.
    pub concealed_ms: u64,
    /// How long a packet waits before it is heard, now.
    pub depth_ms: u32,
    /// How long it should.
    pub target_ms: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Content {
    Voice(Codec),
    Noise,
}

/// One leg's ear. Hearing allocates nothing in steady state; a change of codec makes a new decoder.
#[derive(Debug)]
pub struct Ear {
    buffer: JitterBuffer<Content>,
    decoder: Decoder,
    ssrc: Option<u32>,
    /// Decoded and not heard yet.
    waiting: [i16; SAMPLES_MAX + HOUSE_FRAME],
    filled: usize,
    /// The beginning of what was left out: it fades into what comes next.
    fade: Option<[i16; FADE]>,
    noise: Noise,
    /// Whether the sound at the end of `waiting` is a pause.
    pausing: bool,
    heard: Heard,
    decoded_samples: u64,
    concealed_ms: u64,
}

impl Ear {
    /// For a leg that will probably speak this codec.
    pub fn new(codec: Codec) -> Ear {
        Ear {
            buffer: JitterBuffer::new(codec.clock_hz()),
            decoder: Decoder::new(codec),
            ssrc: None,
            waiting: [0; SAMPLES_MAX + HOUSE_FRAME],
            filled: 0,
            fade: None,
            noise: Noise::default(),
            pausing: true,
            heard: Heard::Silence,
            decoded_samples: 0,
            concealed_ms: 0,
        }
    }

    /// A packet of voice came.
    pub fn hear(&mut self, now: Monotonic, packet: &Packet<'_>, codec: Codec) {
        if self.buffer.clock_hz() != codec.clock_hz() {
            // Two clocks can't share a line: what is left of the old one is given up. A re-INVITE, not an everyday thing.
            self.buffer = JitterBuffer::new(codec.clock_hz());
        }
        self.follow(packet);
        self.buffer.push(now, packet.sequence, packet.timestamp, Content::Voice(codec), packet.payload);
    }

    /// A packet of comfort noise came (RFC 3389): its first byte is the level, the spectrum is not rendered.
    pub fn hear_noise(&mut self, now: Monotonic, packet: &Packet<'_>) {
        self.follow(packet);
        self.buffer.push(now, packet.sequence, packet.timestamp, Content::Noise, packet.payload);
    }

    /// A packet of the stream that holds no sound, such as a telephone event: it is not to be missed.
    pub fn pass_over(&mut self, packet: &Packet<'_>) {
        self.follow(packet);
        self.buffer.pass_over(packet.sequence);
    }

    /// The next 20 ms, to be called once in each.
    pub fn frame(&mut self, now: Monotonic, out: &mut Frame) -> Heard {
        self.buffer.tick(now, self.ticks(self.filled));
        let mut pulls = 0;
        while self.filled < HOUSE_FRAME {
            pulls += 1;
            if pulls > PULLS_MAX {
                self.pause(HOUSE_FRAME);
                break;
            }
            self.pull(now);
        }
        for (to, from) in out.iter_mut().zip(&self.waiting) {
            *to = *from;
        }
        self.waiting.copy_within(HOUSE_FRAME..self.filled.max(HOUSE_FRAME), 0);
        self.filled = self.filled.saturating_sub(HOUSE_FRAME);
        self.heard
    }

    /// How well the leg was heard so far.
    pub fn figures(&self) -> Figures {
        Figures {
            packets: self.buffer.figures(),
            decoded_ms: self.decoded_samples * 1_000 / u64::from(HOUSE_HZ),
            concealed_ms: self.concealed_ms,
            depth_ms: self.buffer.depth_ms(),
            target_ms: self.buffer.target_ms(),
        }
    }

    fn follow(&mut self, packet: &Packet<'_>) {
        if self.ssrc.replace(packet.ssrc).is_some_and(|before| before != packet.ssrc) {
            self.buffer.restart();
        }
    }

    fn pull(&mut self, now: Monotonic) {
        let mut payload = [0; PAYLOAD_MAX];
        match self.buffer.pull(now, &mut payload) {
            Pull::Packet { len, kind: Content::Voice(codec) } => {
                self.decode(codec, payload.get(..len).unwrap_or_default());
            }
            // The noise begins at this place and lasts until voice comes again (RFC 3389 §4).
            Pull::Packet { kind: Content::Noise, .. } => {
                self.noise.set(payload[0]);
                self.pause(0);
            }
            Pull::Missing => self.conceal(true),
            Pull::Pause => self.pause(HOUSE_FRAME),
            Pull::Empty { dry_frames } if !self.pausing && (1..=MADE_UP_MAX).contains(&dry_frames) => {
                self.conceal(true);
            }
            Pull::Empty { .. } => self.pause(HOUSE_FRAME),
        }
    }

    fn decode(&mut self, codec: Codec, payload: &[u8]) {
        if self.decoder.codec() != codec {
            self.decoder = Decoder::new(codec);
        }
        let mut samples = [0; SAMPLES_MAX];
        let count = self.decoder.decode(payload, &mut samples).min(SAMPLES_MAX);
        self.buffer.advance(self.ticks(count));
        self.decoded_samples += count as u64;
        self.noise.stop();
        (self.pausing, self.heard) = (false, Heard::Speech);
        let samples = samples.get(..count).unwrap_or_default();
        match self.buffer.adjustment(is_silent(samples)) {
            Adjustment::Keep => self.append(samples),
            Adjustment::Shrink => self.append_less(samples),
            Adjustment::Grow => {
                self.append(samples);
                self.conceal(false);
            }
        }
    }

    /// Leaves out the first 20 ms; where they would have begun, they fade into what follows.
    fn append_less(&mut self, samples: &[i16]) {
        if let Some(start) = samples.first_chunk::<FADE>() {
            self.fade = Some(*start);
        }
        self.append(samples.get(HOUSE_FRAME..).unwrap_or_default());
    }

    /// Makes up 20 ms; `lost`: in the place of sound that should have come. The packet after it may tell what it was.
    fn conceal(&mut self, lost: bool) {
        let mut frame = [0; HOUSE_FRAME];
        match self.buffer.after_missing() {
            Some((Content::Voice(codec), next)) if lost && codec == self.decoder.codec() => {
                self.decoder.recover(next, &mut frame);
            }
            Some((Content::Voice(_) | Content::Noise, _)) | None => self.decoder.conceal(&mut frame),
        }
        if lost {
            self.buffer.advance(self.ticks(HOUSE_FRAME));
            self.concealed_ms += FRAME_MS;
            self.heard = Heard::Speech;
        }
        self.append(&frame);
    }

    /// Silence or soft noise.
    fn pause(&mut self, count: usize) {
        let mut samples = [0; HOUSE_FRAME];
        self.noise.fill(&mut samples);
        self.buffer.advance(self.ticks(count));
        (self.pausing, self.heard) = (true, Heard::Silence);
        self.append(samples.get(..count).unwrap_or_default());
    }

    fn append(&mut self, samples: &[i16]) {
        let room = self.waiting.get_mut(self.filled..).unwrap_or_default();
        let count = samples.len().min(room.len());
        for (to, &sample) in room.iter_mut().zip(samples) {
            *to = sample;
        }
        if count >= FADE
            && let Some(old) = self.fade.take()
        {
            for (step, (to, old)) in room.iter_mut().zip(old).enumerate() {
                let new = i32::from(*to) * step as i32 + i32::from(old) * (FADE - step) as i32;
                *to = (new / FADE as i32) as i16;
            }
        }
        self.filled += count;
    }

    /// Samples of the house in ticks of the stream's clock.
    fn ticks(&self, samples: usize) -> i64 {
        samples as i64 * i64::from(self.buffer.clock_hz()) / i64::from(HOUSE_HZ)
    }
}

fn is_silent(samples: &[i16]) -> bool {
    let sum: u32 = samples.iter().map(|sample| u32::from(sample.unsigned_abs())).sum();
    sum <= SILENT * samples.len() as u32
}

#[cfg(test)]
mod tests;
