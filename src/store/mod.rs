//! Call records on disk: a store, and a bounded writer that keeps it off the path of calls.
//!
//! It never holds up a call: when the store fails, records wait in memory, bounded, and are counted. On the disk they are in
//! the journal meanwhile, which is not ours.

mod row;
pub mod sqlite;
pub mod writer;

pub use sqlite::SqliteStore;
pub use writer::{Backlog, Writer, WriterFigures};

use crate::engine::id::CallId;
use crate::stats::{Cdr, CdrFilter, Noted};
use std::path::PathBuf;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or the file cannot be made or written.
    #[error(
        "the call records cannot be kept in {path}: {reason}; make it writable for the user Holdfast runs as, or set another path under [store]"
    )]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// There is something else in the file, or it is damaged.
    #[error(
        "{path} is not a sound database of call records: {reason}; move it away to start a new one, or restore a copy"
    )]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What the database said.
        reason: String,
    },
    /// There is no such file to read.
    #[error(
        "there are no call records in {path}: the file does not exist; is the path right, seen from the working directory?"
    )]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// The database was changed by a newer version.
    #[error(
        "{path} cannot be brought up to date: {reason}; it was probably written by a newer version of Holdfast"
    )]
    Migration {
        /// Which file.
        path: PathBuf,
        /// What the migration said.
        reason: String,
    },
    /// Another process holds the database; worth trying again.
    #[error("the call records are locked by another process")]
    Locked,
    /// No space is left; worth trying again.
    #[error("the disk is full")]
    Full,
    /// Anything else the database says.
    #[error("the database failed: {0}")]
    Database(sqlx::Error),
    /// A row that no version of ours wrote.
    #[error("the record of call {call} is damaged: {what}")]
    BadRow {
        /// Which call.
        call: String,
        /// Which field.
        what: &'static str,
    },
}

/// A place where call records are kept.
pub trait Store: Send + Sync + 'static {
    /// Writes all of these or none. A record whose call is already there is left alone, so that
    /// writing again after a doubtful failure is harmless. Returns how many were new.
    fn insert(&self, records: &[Cdr]) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Adds what was noted to the records that are there, all or none; a call without a record is passed over. Writing
    /// again is harmless. Returns how many records were found.
    fn note(&self, notes: &[Noted]) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The records wanted, newest first.
    fn recent(&self, filter: &CdrFilter) -> impl Future<Output = Result<Vec<Cdr>, StoreError>> + Send;

    /// The highest identity of any call recorded: where the next start must not begin again.
    fn newest_call(&self) -> impl Future<Output = Result<Option<CallId>, StoreError>> + Send;

    /// How many records the filter matches; its limit does not count.
    fn count(&self, filter: &CdrFilter) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
