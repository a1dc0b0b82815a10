//! The thread's end of the journal: its file, begun anew where that is wanted, and what is said of it.

use super::{Shared, TURNS_MAX};
use crate::journal::entry::{Entry, Whole};
use crate::journal::frame::{self, HEADER};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// A journal that is longer begins anew, or reading it would take long.
const LENGTH_MAX: usize = 16 * 1024 * 1024;
/// How often it is made sure that all is on the disk.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How long what comes after an entry is gathered: to wake and write for each turn of the loop costs more than the entries.
/// A killed process loses as much more.
const GATHER: Duration = Duration::from_millis(2);

/// The thread's end.
pub(super) struct Writer {
    path: PathBuf,
    file: Option<File>,
    length: usize,
    /// That it cannot be written has been said.
    is_failing: bool,
    shared: Arc<Shared>,
}

impl Writer {
    /// Begins with everything as it is now; when this returns, that is written.
    pub(super) fn begin(path: &Path, shared: Arc<Shared>, whole: Whole) -> io::Result<Self> {
        let mut writer = Self { path: path.to_owned(), file: None, length: 0, is_failing: false, shared };
        writer.begin_anew(&[Entry::Whole(Box::new(whole))])?;
        Ok(writer)
    }

    pub(super) fn run(mut self, inbox: &Receiver<Vec<Entry>>) {
        let mut synced = Instant::now();
        let mut is_dirty = false;
        loop {
            match inbox.recv_timeout(SYNC_EVERY) {
                Ok(first) => {
                    std::thread::sleep(GATHER);
                    self.take(std::iter::once(first).chain(inbox.try_iter()).take(TURNS_MAX));
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

    /// Writes what some turns had to say.
    fn take(&mut self, turns: impl Iterator<Item = Vec<Entry>>) {
        let mut bytes = Vec::new();
        for turn in turns {
            self.shared.waiting.fetch_sub(turn.len(), Ordering::Relaxed);
            if turn.iter().any(|entry| matches!(entry, Entry::Whole(_))) {
                // What came before is part of it.
                bytes.clear();
                let written = self.begin_anew(&turn);
                // Before a failure is told of: whoever sees that must not take it for one that is being mended.
                self.shared.is_trying.store(false, Ordering::Release);
                self.tell(written, true);
            } else {
                let framed = add_frame(&turn, &mut bytes);
                self.tell(framed, false);
            }
        }
        let written = self.append(&bytes);
        self.tell(written, false);
    }

    /// What comes of writing is said when it changes, not at each try.
    fn tell(&mut self, written: io::Result<()>, is_whole: bool) {
        match written {
            Ok(()) if is_whole && std::mem::take(&mut self.is_failing) => {
                tracing::info!(path = %self.path.display(), "the journal is written again: calls outlive this process");
            }
            Ok(()) => {}
            Err(error) => {
                self.file = None;
                self.shared.has_failed.store(true, Ordering::Release);
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::error!(
                        path = %self.path.display(), %error,
                        "the journal cannot be written: calls go on, but would not outlive this process now; it is tried again every \
                         few seconds; see that the disk has room"
                    );
                }
            }
        }
    }

    fn sync(&self) {
        // It is in the system's hands in any case; a disk that fails is told of by the next write.
        if let Some(Err(error)) = self.file.as_ref().map(File::sync_data) {
            tracing::warn!(path = %self.path.display(), %error, "the journal is not on the disk yet");
        }
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
        let placed = put_beside(&new, turn).and_then(|file| std::fs::rename(&new, &self.path).map(|()| file));
        // Half of it would only take the room that is missing.
        let file = placed.inspect_err(|_| drop(std::fs::remove_file(&new)))?;
        (self.file, self.length) = (Some(file), 0);
        self.shared.has_failed.store(false, Ordering::Release);
        Ok(())
    }
}

/// Everything, in a file of its own, safe on the disk and held by us.
fn put_beside(path: &Path, turn: &[Entry]) -> io::Result<File> {
    // It holds who talks to whom: nobody else's business.
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.try_lock().map_err(io::Error::other)?;
    let mut bytes = HEADER.to_vec();
    add_frame(turn, &mut bytes)?;
    file.write_all(&bytes)?;
    file.sync_data()?;
    Ok(file)
}

/// A frame of its own for each turn: all of it counts, or none.
fn add_frame(turn: &[Entry], bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut payload = Vec::new();
    ciborium::into_writer(turn, &mut payload).map_err(|error| io::Error::other(error.to_string()))?;
    if frame::write(&payload, bytes) { Ok(()) } else { Err(io::ErrorKind::FileTooLarge.into()) }
}
