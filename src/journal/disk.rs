//! The journal's file and the thread that writes it. It never holds up a call: when the disk is slow or full the
//! journal has a gap, which is said, and begins anew with everything as soon as it can.
//!
//! A killed process loses nothing that reached the system; once a second it is also made sure of on the disk, so that a
//! machine that loses its power loses at most about that.

use super::entry::{Entry, Whole};
use super::frame::{self, HEADER};
use crate::engine::time::Monotonic;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Entries that may wait for the disk.
const WAITING_MAX: usize = 65_536;
/// Turns of the loop that may.
const TURNS_MAX: usize = 16_384;
/// A journal that is longer begins anew, or reading it would take long.
const LENGTH_MAX: usize = 16 * 1024 * 1024;
/// How often it is made sure that all is on the disk.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How long what comes after an entry is gathered: to wake and write for each turn of the loop costs more than the entries.
/// A killed process loses as much more.
const GATHER: Duration = Duration::from_millis(2);
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
        let mut writer = Writer { path: path.to_owned(), file: None, length: 0, shared: shared.clone() };
        writer
            .begin_anew(&[Entry::Whole(Box::new(whole))])
            .map_err(|error| JournalError::File { path: path.to_owned(), error })?;
        let (turns, inbox) = sync_channel(TURNS_MAX);
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || writer.run(&inbox));
        let thread = thread.map_err(|error| JournalError::File { path: path.to_owned(), error })?;
        Ok(Self {
            turns: Some(turns),
            turn: Vec::new(),
            shared,
            thread: Some(thread),
            has_gap: false,
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
        if self.shared.has_failed.load(Ordering::Relaxed) || !self.send(turn) {
            self.gap(now);
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
        tracing::error!(
            "the journal cannot be written fast enough, or at all: calls go on, but would not outlive this process now"
        );
    }

    /// Whether everything should be written anew: after a gap, or because the journal has become long.
    pub fn wants_whole(&self, now: Monotonic) -> bool {
        if self.has_gap { now >= self.next_try } else { self.shared.is_long.load(Ordering::Relaxed) }
    }

    /// Begins the journal anew with everything as it is now. What was noted in this turn is part of that.
    pub fn begin_anew(&mut self, whole: Whole, now: Monotonic) {
        self.turn.clear();
        self.shared.is_long.store(false, Ordering::Relaxed);
        if self.send(vec![Entry::Whole(Box::new(whole))]) {
            if std::mem::take(&mut self.has_gap) {
                tracing::info!("the journal begins anew");
            }
        } else {
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

/// The thread's end.
struct Writer {
    path: PathBuf,
    file: Option<File>,
    length: usize,
    shared: Arc<Shared>,
}

impl Writer {
    fn run(mut self, inbox: &Receiver<Vec<Entry>>) {
        let mut synced = Instant::now();
        let mut is_dirty = false;
        loop {
            match inbox.recv_timeout(SYNC_EVERY) {
                Ok(first) => {
                    std::thread::sleep(GATHER);
                    self.write_down(std::iter::once(first).chain(inbox.try_iter()));
                    is_dirty = true;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if is_dirty && synced.elapsed() >= SYNC_EVERY {
                self.sync();
                (is_dirty, synced) = (false, Instant::now());
            }
        }
        self.sync();
    }

    fn sync(&self) {
        // It is in the system's hands in any case; a disk that fails is told of by the next write.
        if let Some(Err(error)) = self.file.as_ref().map(File::sync_data) {
            tracing::warn!(path = %self.path.display(), %error, "the journal is not on the disk yet");
        }
    }

    fn write_down(&mut self, turns: impl Iterator<Item = Vec<Entry>>) {
        let mut bytes = Vec::new();
        for turn in turns.take(TURNS_MAX) {
            self.shared.waiting.fetch_sub(turn.len(), Ordering::Relaxed);
            let written = if turn.iter().any(|entry| matches!(entry, Entry::Whole(_))) {
                // What came before it is part of it.
                bytes.clear();
                self.begin_anew(&turn)
            } else {
                add_frame(&turn, &mut bytes)
            };
            written.unwrap_or_else(|error| self.failed(&error));
        }
        self.append(&bytes).unwrap_or_else(|error| self.failed(&error));
    }

    fn failed(&mut self, error: &io::Error) {
        self.file = None;
        self.shared.has_failed.store(true, Ordering::Relaxed);
        tracing::error!(path = %self.path.display(), %error, "the journal cannot be written");
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = self.file.as_mut().filter(|_| !bytes.is_empty()) else { return Ok(()) };
        file.write_all(bytes)?;
        self.length += bytes.len();
        if self.length > LENGTH_MAX {
            self.length = 0;
            self.shared.is_long.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Writes another file and puts it in the place of the old one, which counts until then.
    fn begin_anew(&mut self, turn: &[Entry]) -> io::Result<()> {
        let new = self.path.with_extension("journal.new");
        // It holds who talks to whom: nobody else's business.
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.try_lock().map_err(io::Error::other)?;
        let mut bytes = HEADER.to_vec();
        add_frame(turn, &mut bytes)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        std::fs::rename(&new, &self.path)?;
        (self.file, self.length) = (Some(file), 0);
        self.shared.has_failed.store(false, Ordering::Relaxed);
        Ok(())
    }
}

/// A frame of its own for each turn: all of it counts, or none.
fn add_frame(turn: &[Entry], bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut payload = Vec::new();
    ciborium::into_writer(turn, &mut payload).map_err(|error| io::Error::other(error.to_string()))?;
    if frame::write(&payload, bytes) { Ok(()) } else { Err(io::ErrorKind::FileTooLarge.into()) }
}
