//! A clip at 16 kHz, and its pieces of ten seconds in the codecs that are encoded when somebody listens. Plays nothing.

use super::press::{Job, Press};
use crate::media::codec::encoder::{Encoder, Frame};
use crate::media::codec::{Codec, HOUSE_FRAME};
use crate::media::rtp::PAYLOAD_MAX;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Frames in a piece: ten seconds.
pub(super) const CHUNK_FRAMES: usize = 500;
/// A listener who has passed the middle of a piece will want the next.
const MIDDLE: usize = CHUNK_FRAMES / 2;
/// Frames before a piece that its encoder hears first, so that the pieces join: 200 ms, by when every codec has forgotten
/// where it began.
const PRIMED: usize = 10;
/// After so many frames the encoding thread steps aside for a moment: media workers go first.
const BURST: usize = 8;
const PAUSE: Duration = Duration::from_micros(300);

/// A clip's wideband side.
#[derive(Debug)]
pub(super) struct Wide {
    /// All of it, linear, as L16 has it: big-endian.
    master: Box<[u8]>,
    g722: Box<[Chunk]>,
    opus: Box<[Chunk]>,
    jobs: Option<SyncSender<Job>>,
}

#[derive(Debug, Default)]
struct Chunk {
    wanted: AtomicBool,
    encoded: OnceLock<Encoded>,
}

#[derive(Debug)]
struct Encoded {
    bytes: Box<[u8]>,
    /// Where each frame ends: Opus needs more for some than for others.
    ends: Box<[u32]>,
}

impl Encoded {
    fn frame(&self, index: usize) -> Option<&[u8]> {
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.bytes.get(start as usize..*self.ends.get(index)? as usize)
    }
}

impl Wide {
    /// From whole frames.
    pub(super) fn new(linear: &[i16], press: &Press) -> Wide {
        let count = (linear.len() / HOUSE_FRAME).div_ceil(CHUNK_FRAMES);
        let chunks = |codec| {
            let count = if press.has(codec, true) { count } else { 0 };
            (0..count).map(|_| Chunk::default()).collect()
        };
        Wide {
            master: linear.iter().flat_map(|sample| sample.to_be_bytes()).collect(),
            g722: chunks(Codec::G722),
            opus: chunks(Codec::Opus),
            jobs: press.jobs(),
        }
    }

    pub(super) fn master(&self) -> &[u8] {
        &self.master
    }

    fn chunks(&self, codec: Codec) -> &[Chunk] {
        match codec {
            Codec::G722 => &self.g722,
            Codec::Opus => &self.opus,
            Codec::Pcmu | Codec::Pcma | Codec::L16 => &[],
        }
    }

    /// One frame, if its piece is there; if not, it is asked for. So is the next, beyond the middle.
    pub(super) fn frame(this: &Arc<Wide>, codec: Codec, index: usize) -> Option<&[u8]> {
        let (chunk, within) = (index / CHUNK_FRAMES, index % CHUNK_FRAMES);
        if within >= MIDDLE {
            Self::want(this, codec, chunk + 1);
        }
        match this.chunks(codec).get(chunk)?.encoded.get() {
            Some(encoded) => encoded.frame(within),
            None => {
                Self::want(this, codec, chunk);
                None
            }
        }
    }

    pub(super) fn prepare(this: &Arc<Wide>, codec: Codec, index: usize) {
        Self::want(this, codec, index / CHUNK_FRAMES);
    }

    /// Asks for a piece, once. On a media worker this is a flag's load; the one time it is more, a bounded channel's slot
    /// is filled and a sleeping thread may be woken: a system call, once in the life of a piece.
    fn want(this: &Arc<Wide>, codec: Codec, chunk: usize) {
        let (Some(piece), Some(jobs)) = (this.chunks(codec).get(chunk), &this.jobs) else { return };
        if piece.wanted.load(Ordering::Relaxed) || piece.wanted.swap(true, Ordering::Relaxed) {
            return;
        }
        if jobs.try_send(Job { wide: this.clone(), codec, chunk }).is_err() {
            piece.wanted.store(false, Ordering::Relaxed);
        }
    }

    /// Encodes a piece, once.
    pub(super) fn encode(&self, codec: Codec, chunk: usize, gently: bool) {
        let Some(piece) = self.chunks(codec).get(chunk) else { return };
        piece.encoded.get_or_init(|| {
            let (frames, _) = self.master.as_chunks::<{ 2 * HOUSE_FRAME }>();
            let start = chunk * CHUNK_FRAMES;
            let mut encoder = Encoder::of_clips(codec);
            let mut payload = [0; PAYLOAD_MAX];
            let (mut bytes, mut ends) = (Vec::new(), Vec::new());
            let first = start.saturating_sub(PRIMED);
            for (at, frame) in frames.iter().enumerate().skip(first).take(start - first + CHUNK_FRAMES) {
                let length = encoder.encode(&samples(frame), &mut payload);
                if at >= start {
                    bytes.extend_from_slice(payload.get(..length).unwrap_or_default());
                    ends.push(bytes.len() as u32);
                }
                if gently && at % BURST == 0 {
                    std::thread::sleep(PAUSE);
                }
            }
            Encoded { bytes: bytes.into(), ends: ends.into() }
        });
    }

    pub(super) fn encode_all(&self, codec: Codec) {
        (0..self.chunks(codec).len()).for_each(|chunk| self.encode(codec, chunk, false));
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let pieces = self.g722.iter().chain(&self.opus);
        let chunks = pieces.clone().count() * size_of::<Chunk>();
        let encoded = pieces.filter_map(|piece| piece.encoded.get());
        self.master.len() + chunks + encoded.map(|e| e.bytes.len() + 4 * e.ends.len()).sum::<usize>()
    }
}

/// A frame's samples from L16's bytes; what is missing is silence.
pub(super) fn samples(bytes: &[u8]) -> Frame {
    let (pairs, _) = bytes.as_chunks::<2>();
    let mut frame = [0; HOUSE_FRAME];
    frame.iter_mut().zip(pairs).for_each(|(to, &pair)| *to = i16::from_be_bytes(pair));
    frame
}
