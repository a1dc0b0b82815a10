//! The journal's file and the thread that writes it. It never holds up a call: when the disk is slow or full the
//! journal has a gap, which is said, and begins anew with everything as soon as it can.
//!
//! A killed process loses nothing that reached the system; once a second it is also made sure of on the disk, so that a
//! machine that loses its power loses at most about that.

mod thread;

use super::entry::{Entry, Whole};
use crate::engine::time::Monotonic;
use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use thread::Writer;

/// Entries that may wait for the disk.
const WAITING_MAX: usize = 65_536;
/// Turns of the loop that may.
const TURNS_MAX: usize = 16_384;
/// How long after a gap it is tried to begin anew.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How often it is written that the process is alive.
const ALIVE_EVERY: Duration = Duration::from_secs(1);

/// Why the journal of the process before cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process writes it.
    #[error("{0} is being written by another process")]
    Locked(PathBuf),
    /// The file cannot be read or made.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// What the loop and the thread know of each other.
#[derive(Debug, Default)]
struct Shared {
    /// Entries that were handed over and are not written.
    waiting: AtomicUsize,
    /// The file could not be written: what follows is of no use until everything is written anew.
    has_failed: AtomicBool,
    /// Everything was handed over to be written anew, and the thread has not come to it yet.
    is_trying: AtomicBool,
    /// The file has become long.
    is_long: AtomicBool,
}

/// The loop's end of the journal.
#[derive(Debug)]
pub struct Journal {
    turns: Option<SyncSender<Vec<Entry>>>,
    turn: Vec<Entry>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Something was not written, so nothing is until everything is.
    has_gap: bool,
    /// That the disk is too slow has been said.
    is_slow: bool,
    next_try: Monotonic,
    next_sign: Monotonic,
    gaps: u64,
}

/// The file of a process that may have been killed, held so that no other reads or writes it.
#[derive(Debug)]
pub struct Found {
    /// What is in it; empty when there was none.
    pub bytes: Vec<u8>,
    _lock: Option<File>,
}

/// Reads what the process before has left.
///
/// # Errors
/// When another process writes it, or it cannot be read.
pub fn find(path: &Path) -> Result<Found, JournalError> {
    let failed = |error| JournalError::File { path: path.to_owned(), error };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Found { bytes: Vec::new(), _lock: None });
        }
        Err(error) => return Err(failed(error)),
    };
    lock(&file, path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(Found { bytes, _lock: Some(file) })
}

fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(JournalError::Locked(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(JournalError::File { path: path.to_owned(), error }),
    }
}

impl Journal {
    /// Begins a journal with everything as it is now; when this returns, that is written.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn start(path: &Path, whole: Whole, now: Monotonic) -> Result<Self, JournalError> {
        let shared = Arc::new(Shared::default());
        let failed = |error| JournalError::File { path: path.to_owned(), error };
        let writer = Writer::begin(path, Arc::clone(&shared), whole).map_err(failed)?;
        let (turns, inbox) = sync_channel(TURNS_MAX);
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || writer.run(&inbox));
        let thread = thread.map_err(failed)?;
        Ok(Self {
            turns: Some(turns),
            turn: Vec::new(),
            shared,
            thread: Some(thread),
            has_gap: false,
            is_slow: false,
            next_try: now,
            next_sign: now,
            gaps: 0,
        })
    }

    /// Notes something; [`hand_over`](Self::hand_over) passes it on.
    pub fn note(&mut self, entry: Entry) {
        if !self.has_gap {
            self.turn.push(entry);
        }
    }

    /// Passes on what one turn of the loop had to say: all of it is written or none.
    pub fn hand_over(&mut self, now: Monotonic) {
        if self.turn.is_empty() {
            return;
        }
        let turn = std::mem::take(&mut self.turn);
        // While it is tried anew, nobody knows yet whether it still fails.
        let fails =
            !self.shared.is_trying.load(Ordering::Acquire) && self.shared.has_failed.load(Ordering::Acquire);
        if fails {
            // The thread has said so, and why.
            self.gap(now);
        } else if !self.send(turn) {
            self.gap(now);
            if !std::mem::replace(&mut self.is_slow, true) {
                tracing::error!(
                    "the journal cannot be written fast enough: calls go on, but would not outlive this process now; is the disk \
                     under [store] path busy, or does it hang?"
                );
            }
        }
    }

    fn send(&mut self, turn: Vec<Entry>) -> bool {
        let count = turn.len();
        if self.shared.waiting.fetch_add(count, Ordering::Relaxed) > WAITING_MAX {
            self.shared.waiting.fetch_sub(count, Ordering::Relaxed);
            return false;
        }
        let sent = self.turns.as_ref().is_some_and(|turns| turns.try_send(turn).is_ok());
        if !sent {
            self.shared.waiting.fetch_sub(count, Ordering::Relaxed);
        }
        sent
    }

    fn gap(&mut self, now: Monotonic) {
        self.has_gap = true;
        self.next_try = now + AGAIN_AFTER;
        self.gaps += 1;
    }

    /// Whether everything should be written anew: after a gap, or because the journal has become long.
    pub fn wants_whole(&self, now: Monotonic) -> bool {
        if self.has_gap { now >= self.next_try } else { self.shared.is_long.load(Ordering::Relaxed) }
    }

    /// Begins the journal anew with everything as it is now. What was noted in this turn is part of that.
    pub fn begin_anew(&mut self, whole: Whole, now: Monotonic) {
        self.turn.clear();
        self.shared.is_long.store(false, Ordering::Relaxed);
        self.shared.is_trying.store(true, Ordering::Release);
        if self.send(vec![Entry::Whole(Box::new(whole))]) {
            self.has_gap = false;
            if std::mem::take(&mut self.is_slow) {
                tracing::info!("the journal begins anew");
            }
        } else {
            self.shared.is_trying.store(false, Ordering::Release);
            self.has_gap = true;
            self.next_try = now + AGAIN_AFTER;
        }
    }

    /// Whether it is time for a sign of life.
    pub fn sign_is_due(&mut self, now: Monotonic) -> bool {
        let is_due = now >= self.next_sign;
        if is_due {
            self.next_sign = now + ALIVE_EVERY;
        }
        is_due
    }

    /// Whether everything until now has been handed over.
    pub fn is_whole(&self) -> bool {
        !self.has_gap && !self.shared.has_failed.load(Ordering::Relaxed)
    }

    /// How often something could not be written.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }
}

impl Drop for Journal {
    /// Sees what was handed over to the disk.
    fn drop(&mut self) {
        self.turns = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal's thread ended by a panic");
        }
    }
}
