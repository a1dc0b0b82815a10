//! Call records in one SQLite file: the embedded default. Decides nothing but how to say what went wrong.

use super::{Store, StoreError, row};
use crate::engine::id::CallId;
use crate::stats::{Cdr, CdrFilter, Noted};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection, Sqlite};
use std::path::{Path, PathBuf};
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations");

/// How long a statement waits for another process before it is `Locked`.
const BUSY_WAIT: Duration = Duration::from_millis(500);
/// One writes, the others read.
const CONNECTIONS_MAX: u32 = 4;

/// An SQLite file of call records.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
}

impl SqliteStore {
    /// Opens the file, making it and its folder where they are missing, and brings it up to date.
    ///
    /// # Errors
    /// When it cannot be written, or holds something else.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| unwritable(path, error.to_string()))?;
        }
        // The database's own message for both of these is only "unable to open database file".
        match std::fs::OpenOptions::new().append(true).create(true).open(path) {
            Ok(_) => {}
            Err(error) => return Err(unwritable(path, error.to_string())),
        }
        let store = Self::connect(path, options(path).create_if_missing(true)).await?;
        match MIGRATIONS.run(&store.pool).await {
            Ok(()) => Ok(store),
            Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
                Err(explained(error, path))
            }
            Err(error) => Err(StoreError::Migration { path: path.into(), reason: error.to_string() }),
        }
    }

    /// Opens an existing file for reading alone, as `holdfast calls` does beside a running engine.
    ///
    /// # Errors
    /// When it does not exist, or holds something else.
    pub async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing { path: path.into() });
        }
        Self::connect(path, options(path).read_only(true)).await
    }

    async fn connect(path: &Path, options: SqliteConnectOptions) -> Result<Self, StoreError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options)
            .await;
        Ok(Self { pool: pool.map_err(|error| explained(error, path))? })
    }

    /// Closes every connection; what was written stays written.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    // WAL with NORMAL: a crash of the machine may lose the last transactions but never damages the file,
    // a crash of the process loses nothing.
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_WAIT)
}

const SELECT: &str = "SELECT * FROM calls WHERE (?1 IS NULL OR queue = ?1) AND (?2 IS NULL OR outcome = ?2) \
     AND (?3 IS NULL OR queued_at_ms >= ?3) ORDER BY queued_at_ms DESC, call_id DESC LIMIT ?4";
const COUNT: &str = "SELECT COUNT(*) FROM calls WHERE (?1 IS NULL OR queue = ?1) AND (?2 IS NULL OR outcome = ?2) \
     AND (?3 IS NULL OR queued_at_ms >= ?3)";

impl Store for SqliteStore {
    async fn insert(&self, records: &[Cdr]) -> Result<u64, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(classified)?;
        let inserted = insert(&mut connection, records).await;
        done_by(connection, inserted)
    }

    async fn note(&self, notes: &[Noted]) -> Result<u64, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(classified)?;
        let noted = note(&mut connection, notes).await;
        done_by(connection, noted)
    }

    async fn recent(&self, filter: &CdrFilter) -> Result<Vec<Cdr>, StoreError> {
        let limit = i64::from(filter.limit.min(CdrFilter::LIMIT_MAX));
        let rows = sqlx::query(SELECT)
            .bind(filter.queue.as_deref())
            .bind(filter.outcome.map(|outcome| outcome.as_str()))
            .bind(filter.since_ms)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(classified)?;
        rows.iter().map(row::read).collect()
    }

    async fn newest_call(&self) -> Result<Option<CallId>, StoreError> {
        // Identities are texts; those that count microseconds have the same length from 2001 to 2286, so that the
        // last by the alphabet, which the primary key's index finds at once, is the highest.
        let newest: Option<String> = sqlx::query_scalar("SELECT MAX(call_id) FROM calls")
            .fetch_one(&self.pool)
            .await
            .map_err(classified)?;
        let bad = |call: &String| StoreError::BadRow { call: call.clone(), what: "call_id" };
        newest.map(|call| call.parse().map(CallId).map_err(|_| bad(&call))).transpose()
    }

    async fn count(&self, filter: &CdrFilter) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(COUNT)
            .bind(filter.queue.as_deref())
            .bind(filter.outcome.map(|outcome| outcome.as_str()))
            .bind(filter.since_ms)
            .fetch_one(&self.pool)
            .await
            .map_err(classified)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

async fn insert(connection: &mut SqliteConnection, records: &[Cdr]) -> Result<u64, sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut new = 0;
    for records in records.chunks(row::ROWS_MAX) {
        let insert = records.iter().fold(sqlx::query(row::insert(records.len())), row::bind);
        new += insert.execute(&mut *transaction).await?.rows_affected();
    }
    transaction.commit().await?;
    Ok(new)
}

async fn note(connection: &mut SqliteConnection, notes: &[Noted]) -> Result<u64, sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut found = 0;
    for note in notes {
        let update = sqlx::query(row::NOTE).bind(note.call.to_string()).bind(&note.disposition);
        found += update.execute(&mut *transaction).await?.rows_affected();
    }
    transaction.commit().await?;
    Ok(found)
}

/// What came of writing. A connection that could not write may not even be able to take back what it began, and would hold
/// the others up: the next attempt has another.
fn done_by<T>(mut connection: PoolConnection<Sqlite>, done: Result<T, sqlx::Error>) -> Result<T, StoreError> {
    if done.is_err() {
        connection.close_on_drop();
    }
    done.map_err(classified)
}

fn unwritable(path: &Path, reason: String) -> StoreError {
    StoreError::Unwritable { path: path.into(), reason }
}

/// SQLite's result codes, <https://www.sqlite.org/rescode.html>: the low byte is the primary one.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?.parse::<u32>().ok()?;
    Some(code & 0xff)
}

/// What went wrong with a database that was opened before.
fn classified(error: sqlx::Error) -> StoreError {
    match primary_code(&error) {
        Some(5 | 6) => StoreError::Locked,
        Some(13) => StoreError::Full,
        _ => StoreError::Database(error),
    }
}

/// What went wrong while opening.
fn explained(error: sqlx::Error, path: &Path) -> StoreError {
    let path = PathBuf::from(path);
    let reason = error.to_string();
    match primary_code(&error) {
        Some(11 | 26) => StoreError::Corrupt { path, reason },
        Some(8 | 10 | 14 | 3 | 23) => StoreError::Unwritable { path, reason },
        _ => classified(error),
    }
}
