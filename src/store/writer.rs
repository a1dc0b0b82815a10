//! Writes records in the background, many in one transaction. Handing one over never blocks and never fails
//! a call; while the store fails, records wait in a bounded backlog and the writer tries again. Whoever admits calls looks
//! at it, and takes none whose record would find no place. What agents note about a call once it is over goes the same way,
//! behind its record.

use super::{Store, StoreError};
use crate::stats::{Cdr, Entry, Noted};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Records that may wait; at one call a second, a good day of a database that is down.
pub const BACKLOG_MAX: usize = 100_000;

/// How many records may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backlog {
    /// When so many wait, no call is to be taken any more.
    pub most: usize,
    /// Places beyond, for the records of the calls that go on then.
    pub reserve: usize,
}

impl Default for Backlog {
    fn default() -> Self {
        Self { most: BACKLOG_MAX, reserve: 0 }
    }
}
/// Records in one transaction.
const BATCH_MAX: usize = 500;
/// Between two transactions, so that calls that end together share one: a transaction costs as much as twenty records. After a
/// pause the first record is written at once.
const GATHER: Duration = Duration::from_millis(25);
/// Pauses between attempts while the store fails: from the first, doubling to the last.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// The writer's figures, each since its start but the backlog.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WriterFigures {
    /// Records that wait now.
    pub backlog: u64,
    /// When so many wait, no call is to be taken any more.
    pub backlog_max: u64,
    /// Records written.
    pub written: u64,
    /// Attempts that failed; nothing was lost by them.
    pub failures: u64,
    /// Records lost because the backlog was full.
    pub dropped: u64,
}

#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    written: AtomicU64,
    failures: AtomicU64,
    dropped: AtomicU64,
}

/// The end of the writer that records are handed to.
#[derive(Debug)]
pub struct Writer {
    records: mpsc::Sender<Entry>,
    backlog_max: u64,
    counters: Arc<Counters>,
    stop_by: watch::Sender<Option<Instant>>,
    task: JoinHandle<()>,
}

impl Writer {
    /// Starts writing to `store` on the current runtime, with at most [`BACKLOG_MAX`] records waiting.
    pub fn start<S: Store>(store: S) -> Self {
        Self::with_backlog(store, Backlog::default())
    }

    /// Starts with a backlog of its own size.
    pub fn with_backlog<S: Store>(store: S, backlog: Backlog) -> Self {
        let (records, waiting) = mpsc::channel(backlog.most.saturating_add(backlog.reserve).max(1));
        let backlog_max = u64::try_from(backlog.most).unwrap_or(u64::MAX);
        let (stop_by, stop) = watch::channel(None);
        let counters = Arc::new(Counters::default());
        let work = Work { store, waiting, batch: Batch::default(), counters: Arc::clone(&counters), stop };
        Self { records, backlog_max, counters, stop_by, task: tokio::spawn(work.run()) }
    }

    /// Hands over a record, or a note; whether it was taken. Never blocks; when even the reserve is full it is lost,
    /// counted and told.
    pub fn write(&self, entry: impl Into<Entry>) -> bool {
        match self.records.try_send(entry.into()) {
            Ok(()) => {
                self.counters.accepted.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(mpsc::error::TrySendError::Full(entry) | mpsc::error::TrySendError::Closed(entry)) => {
                let lost = self.counters.dropped.fetch_add(1, Ordering::Relaxed);
                // The first is worth a line, the rest now and then: the log may be on the same disk.
                if lost.is_multiple_of(1000) {
                    let lost = lost + 1;
                    let call = match entry {
                        Entry::Ended(record) => record.call,
                        Entry::Noted(note) => note.call,
                    };
                    tracing::error!(%call, lost, "the backlog of call records is full: records are lost");
                }
                false
            }
        }
    }

    /// How the writer does.
    pub fn figures(&self) -> WriterFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // Written first: a record is accepted before it is written, so the difference never runs below zero for long.
        let written = read(&self.counters.written);
        WriterFigures {
            backlog: read(&self.counters.accepted).saturating_sub(written),
            backlog_max: self.backlog_max,
            written,
            failures: read(&self.counters.failures),
            dropped: read(&self.counters.dropped),
        }
    }

    /// Takes no more records, writes those that wait, and gives up after `deadline`. Returns how many
    /// records could not be written.
    pub async fn shut_down(self, deadline: Duration) -> u64 {
        let Self { records, backlog_max: _, counters, stop_by, task } = self;
        stop_by.send_replace(Some(Instant::now() + deadline));
        drop(records);
        let abort = task.abort_handle();
        // A little more than the deadline, for the attempt that is in progress.
        if tokio::time::timeout(deadline + RETRY_FIRST, task).await.is_err() {
            abort.abort();
        }
        let left = counters
            .accepted
            .load(Ordering::Relaxed)
            .saturating_sub(counters.written.load(Ordering::Relaxed));
        if left > 0 {
            tracing::error!(
                left,
                "call records could not be written before the shutdown: the next start finds them in the journal, if one is kept"
            );
        }
        left
    }
}

struct Work<S> {
    store: S,
    waiting: mpsc::Receiver<Entry>,
    batch: Batch,
    counters: Arc<Counters>,
    stop: watch::Receiver<Option<Instant>>,
}

/// What is being written: all records, then all notes, for a note follows its record. When the second half fails both are
/// written again, which is harmless.
#[derive(Default)]
struct Batch {
    records: Vec<Cdr>,
    notes: Vec<Noted>,
}

impl Batch {
    fn len(&self) -> usize {
        self.records.len() + self.notes.len()
    }

    fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Ended(record) => self.records.push(*record),
            Entry::Noted(note) => self.notes.push(note),
        }
    }

    async fn write(&self, store: &impl Store) -> Result<(), StoreError> {
        if !self.records.is_empty() {
            store.insert(&self.records).await?;
        }
        if !self.notes.is_empty() {
            store.note(&self.notes).await?;
        }
        Ok(())
    }
}

impl<S: Store> Work<S> {
    async fn run(mut self) {
        let mut pause = RETRY_FIRST;
        let mut taken = Vec::with_capacity(BATCH_MAX);
        loop {
            let room = BATCH_MAX.saturating_sub(self.batch.len());
            if self.batch.len() == 0 && self.waiting.recv_many(&mut taken, room).await == 0 {
                return;
            }
            for entry in taken.drain(..) {
                self.batch.add(entry);
            }
            match self.batch.write(&self.store).await {
                Ok(()) => {
                    let written = std::mem::take(&mut self.batch).len();
                    self.counters
                        .written
                        .fetch_add(u64::try_from(written).unwrap_or(u64::MAX), Ordering::Relaxed);
                    pause = RETRY_FIRST;
                    let nobody_waits_for_us = self.stop.borrow().is_none();
                    if written < BATCH_MAX && nobody_waits_for_us {
                        self.rest(GATHER).await;
                    }
                }
                Err(error) => {
                    self.failed(&error, pause);
                    if !self.rest(pause).await {
                        return;
                    }
                    pause = (pause * 2).min(RETRY_LAST);
                }
            }
        }
    }

    fn failed(&self, error: &StoreError, pause: Duration) {
        let failures = self.counters.failures.fetch_add(1, Ordering::Relaxed);
        // The first of a series is worth a line, the rest only now and then.
        if pause == RETRY_FIRST || failures.is_multiple_of(16) {
            tracing::warn!(%error, waiting = self.batch.len() + self.waiting.len(), "call records wait to be written, and calls go on");
        }
    }

    /// Waits before the next attempt; false when there will be none because the deadline has passed.
    async fn rest(&mut self, pause: Duration) -> bool {
        let mut until = Instant::now() + pause;
        let deadline = *self.stop.borrow();
        if let Some(deadline) = deadline {
            if Instant::now() >= deadline {
                return false;
            }
            until = until.min(deadline);
        }
        // A shutdown cuts the pause short, so that its deadline is spent on attempts.
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            changed = self.stop.changed(), if deadline.is_none() => {
                // A writer that was dropped rather than shut down has no deadline, and no hurry.
                if changed.is_err() {
                    tokio::time::sleep_until(until).await;
                }
            }
        }
        true
    }
}
