//! The media thread's end of a recording: frames into blocks. It never waits, never allocates for a frame, and asks the
//! system for nothing.

use super::TapeInfo;
use super::sidecar::Gap;
use crate::media::codec::HOUSE_FRAME;
use crate::media::codec::encoder::Frame;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Milliseconds of a frame.
pub(super) const FRAME_MS: u64 = 20;
/// Frames of a block: 400 ms.
pub(super) const BLOCK_FRAMES: usize = 20;
/// Blocks of a tape: the writer may be 1.6 s behind.
pub(super) const BLOCKS: usize = 4;
/// The most pauses that are told apart; what is paused later is added to the last.
const GAPS_MAX: usize = 1_000;
/// The longest text of a pause, in characters.
const TEXT_MAX: usize = 200;

/// Sound on its way to the writer: left and right in turn.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) samples: Vec<i16>,
    /// Frames that were lost before it.
    pub(super) lost_before: u64,
}

/// What both ends see.
#[derive(Debug)]
pub(super) struct Shared {
    /// How many frames there were, when the tape is over.
    pub(super) frames: AtomicU64,
    /// Only touched when somebody pauses, resumes, or the tape is over.
    pub(super) gaps: Mutex<Vec<Gap>>,
}

/// The writer's end.
#[derive(Debug)]
pub(super) struct Spool {
    pub(super) info: TapeInfo,
    pub(super) full: Receiver<Block>,
    pub(super) empty: SyncSender<Block>,
    pub(super) shared: Arc<Shared>,
    /// Counts the recordings that run.
    pub(super) _running: Arc<()>,
}

/// One call's recording, for the media worker that mixes the call. Dropping it finishes the recording.
#[derive(Debug)]
pub struct Tape {
    started_unix_ms: i64,
    block: Option<Block>,
    full: SyncSender<Block>,
    empty: Receiver<Block>,
    shared: Arc<Shared>,
    frames: u64,
    /// Frames lost since the last block.
    lost: u64,
    lost_in_all: u64,
    paused: bool,
    given_up: bool,
}

/// Both ends of a recording.
pub(super) fn pair(info: TapeInfo, running: Arc<()>) -> (Tape, Spool) {
    let (full, to_write) = sync_channel(BLOCKS);
    let (written, empty) = sync_channel(BLOCKS);
    for _ in 0..BLOCKS {
        let samples = Vec::with_capacity(BLOCK_FRAMES * HOUSE_FRAME * 2);
        // There is room for all.
        let _ = written.try_send(Block { samples, lost_before: 0 });
    }
    let shared = Arc::new(Shared { frames: AtomicU64::new(0), gaps: Mutex::new(Vec::new()) });
    let tape = Tape {
        started_unix_ms: info.started.0,
        block: None,
        full,
        empty,
        shared: shared.clone(),
        frames: 0,
        lost: 0,
        lost_in_all: 0,
        paused: false,
        given_up: false,
    };
    (tape, Spool { info, full: to_write, empty: written, shared, _running: running })
}

impl Tape {
    /// The next 20 ms of the call. Never waits: if the writer is behind, they are lost, and silent in the recording.
    pub fn push(&mut self, left: &Frame, right: &Frame) {
        self.frames += 1;
        if self.block.is_none() && !self.given_up {
            // An array channel of the standard library: neither locks nor sleeps unless its other end sleeps, and that
            // one never does.
            match self.empty.try_recv() {
                Ok(block) => {
                    self.block = Some(Block { lost_before: std::mem::take(&mut self.lost), ..block })
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => self.given_up = true,
            }
        }
        let Some(block) = &mut self.block else {
            self.lost += 1;
            self.lost_in_all += 1;
            return;
        };
        if self.paused {
            block.samples.resize(block.samples.len() + 2 * HOUSE_FRAME, 0);
        } else {
            block.samples.extend(left.iter().zip(right).flat_map(|(&left, &right)| [left, right]));
        }
        if block.samples.len() >= BLOCK_FRAMES * 2 * HOUSE_FRAME {
            self.hand_over();
        }
    }

    /// From here on the recording is silent. `who` and `why` go into its papers. Pausing twice is pausing once. Not for
    /// every frame: it allocates and locks.
    pub fn pause(&mut self, who: &str, why: &str) {
        if std::mem::replace(&mut self.paused, true) {
            return;
        }
        let from_ms = self.frames * FRAME_MS;
        let mut gaps = self.shared.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        if gaps.len() >= GAPS_MAX {
            if let Some(last) = gaps.last_mut() {
                last.to_ms = None;
            }
            return;
        }
        let cut = |text: &str| text.chars().take(TEXT_MAX).collect();
        let at_unix_ms = self.started_unix_ms.saturating_add(from_ms as i64);
        gaps.push(Gap { from_ms, to_ms: None, at_unix_ms, who: cut(who), why: cut(why) });
    }

    /// The recording goes on.
    pub fn resume(&mut self) {
        if std::mem::take(&mut self.paused) {
            let mut gaps = self.shared.gaps.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(last) = gaps.last_mut() {
                last.to_ms = Some(self.frames * FRAME_MS);
            }
        }
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// What was lost because the writer was behind, in ms.
    pub fn lost_ms(&self) -> u64 {
        self.lost_in_all * FRAME_MS
    }

    /// Whether the writer gave the recording up: what is pushed goes nowhere.
    pub fn is_given_up(&self) -> bool {
        self.given_up
    }

    fn hand_over(&mut self) {
        if let Some(block) = self.block.take() {
            // There are as many places as blocks; it only fails when the writer gave up.
            self.given_up |= self.full.try_send(block).is_err();
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.hand_over();
        // Told before the channel closes: whoever sees it closed sees the number too.
        self.shared.frames.store(self.frames, Ordering::Release);
    }
}
