//! Call records in real SQLite files: what is written is read again, and what goes wrong is said clearly.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // a panic here is a failed assertion

use holdfast::engine::fact::{EndedBy, Outcome, TurnedAwayBecause};
use holdfast::engine::id::CallId;
use holdfast::stats::{Cdr, CdrFilter, Entry, Noted, Visit};
use holdfast::store::{Backlog, SqliteStore, Store, StoreError, Writer, WriterFigures};
use std::path::Path;
use std::time::Duration;

fn record(call: u64) -> Cdr {
    Cdr {
        call: CallId(call),
        sip_call_id: format!("{call}@192.0.2.1"),
        queue: if call.is_multiple_of(2) { "sales" } else { "support" }.into(),
        dialled: "4001".into(),
        caller_number: "+49301234'; DROP TABLE calls; --".into(),
        caller_name: "Zoë \u{1f4de}".into(),
        diverted_from: (call == 2).then(|| "+4930'111".into()),
        language: "de".into(),
        priority_ms: 30_000,
        queued_at_ms: 1_700_000_000_000 + i64::try_from(call).unwrap_or(0) * 1000,
        answered_at_ms: (!call.is_multiple_of(3)).then_some(1_700_000_009_000),
        ended_at_ms: 1_700_000_010_000,
        wait_ms: 9000,
        talk_ms: 1000,
        ring_ms: 2500,
        offers: 2,
        outcome: if call.is_multiple_of(3) { Outcome::Abandoned } else { Outcome::Answered },
        answered_in_threshold: !call.is_multiple_of(3),
        agent: (!call.is_multiple_of(3)).then(|| "anna".into()),
        ended_by: EndedBy::Caller,
        hold_ms: 400,
        turned_away: (call == 3).then_some(TurnedAwayBecause::Full),
        sent_to: (call == 3).then(|| "number +4930'".into()),
        visits: vec![visit(Some(TurnedAwayBecause::Closed)), visit(None)],
        disposition: (call == 2).then(|| "sale \u{1f4b6}".into()),
        transfers: vec![holdfast::stats::Passed {
            at_ms: 1_700_000_010_000,
            by: "anna".into(),
            to: "queue night \"owls\"".into(),
            done: true,
        }],
        legs: vec![holdfast::stats::LegOfCall {
            at_ms: 1_700_000_000_000,
            with: "caller".into(),
            sip_call_id: format!("{call}@192.0.2.1"),
        }],
        audio: holdfast::stats::Audio::default(),
        restart: (call == 2).then_some(holdfast::stats::Restart::Resumed),
    }
}

fn visit(turned_away: Option<TurnedAwayBecause>) -> Visit {
    let queue = "night \"owls\"".into();
    Visit { queue, queued_at_ms: 1_700_000_000_000, wait_ms: 5, outcome: Outcome::Overflow, turned_away }
}

fn all() -> CdrFilter {
    CdrFilter { limit: 1000, ..CdrFilter::default() }
}

/// Waits until the writer's figures are as wanted.
async fn until(writer: &Writer, wanted: impl Fn(WriterFigures) -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        while !wanted(writer.figures()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "still {:?}", writer.figures());
}

#[tokio::test]
async fn records_survive_the_store_unchanged_whatever_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/calls.sqlite");
    let records: Vec<_> = [1, 2, 3].map(record).to_vec();
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.insert(&records).await.unwrap(), 3);
    store.close().await;
    let store = SqliteStore::open(&path).await.unwrap();
    let mut read = store.recent(&all()).await.unwrap();
    read.reverse();
    assert_eq!(read, records, "newest first");
}

#[tokio::test]
async fn the_largest_identity_is_kept_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("calls.sqlite")).await.unwrap();
    let largest = Cdr { call: CallId(u64::MAX), ..record(1) };
    store.insert(std::slice::from_ref(&largest)).await.unwrap();
    assert_eq!(store.recent(&all()).await.unwrap(), [largest]);
}

#[tokio::test]
async fn a_record_written_twice_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("calls.sqlite")).await.unwrap();
    assert_eq!(store.insert(&[record(1)]).await.unwrap(), 1);
    assert_eq!(store.insert(&[record(1), record(2)]).await.unwrap(), 1);
    assert_eq!(store.count(&all()).await.unwrap(), 2);
}

#[tokio::test]
async fn filters_narrow_by_queue_outcome_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("calls.sqlite")).await.unwrap();
    store.insert(&(0..12).map(record).collect::<Vec<_>>()).await.unwrap();
    let calls = |records: Vec<Cdr>| records.iter().map(|record| record.call.0).collect::<Vec<_>>();
    let sales = CdrFilter { queue: Some("sales".into()), ..all() };
    assert_eq!(calls(store.recent(&sales).await.unwrap()), [10, 8, 6, 4, 2, 0]);
    let abandoned = CdrFilter { outcome: Some(Outcome::Abandoned), ..sales.clone() };
    assert_eq!(calls(store.recent(&abandoned).await.unwrap()), [6, 0]);
    assert_eq!(store.count(&abandoned).await.unwrap(), 2);
    let late = CdrFilter { since_ms: Some(1_700_000_010_000), limit: 1, ..CdrFilter::default() };
    assert_eq!(calls(store.recent(&late).await.unwrap()), [11]);
    assert_eq!(store.count(&late).await.unwrap(), 2, "counting knows no limit");
}

#[tokio::test]
async fn the_writer_flushes_everything_at_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.sqlite");
    let writer = Writer::start(SqliteStore::open(&path).await.unwrap());
    for call in 0..1234 {
        writer.write(record(call));
    }
    assert_eq!(writer.shut_down(Duration::from_secs(30)).await, 0);
    let store = SqliteStore::open_read_only(&path).await.unwrap();
    assert_eq!(store.count(&all()).await.unwrap(), 1234);
}

/// Another process that holds the database locked.
async fn lock(path: &Path) -> sqlx::SqliteConnection {
    use sqlx::{Connection, Executor};
    let mut other = sqlx::SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    other
}

#[tokio::test]
async fn records_wait_while_the_database_is_locked_and_are_written_afterwards() {
    use sqlx::Executor;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.sqlite");
    let store = SqliteStore::open(&path).await.unwrap();
    let mut other = lock(&path).await;
    assert!(matches!(store.insert(&[record(0)]).await, Err(StoreError::Locked)));
    let writer = Writer::start(store.clone());
    for call in 0..20 {
        writer.write(record(call));
    }
    until(&writer, |figures| figures.failures >= 1).await;
    assert_eq!((writer.figures().backlog, writer.figures().written), (20, 0));
    other.execute("ROLLBACK").await.unwrap();
    until(&writer, |figures| figures.written == 20).await;
    assert_eq!(writer.figures().backlog, 0);
    assert_eq!(writer.shut_down(Duration::from_secs(30)).await, 0);
    assert_eq!(store.count(&all()).await.unwrap(), 20);
}

#[tokio::test]
async fn what_a_full_backlog_loses_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.sqlite");
    let store = SqliteStore::open(&path).await.unwrap();
    let other = lock(&path).await;
    let writer = Writer::with_backlog(store, Backlog { most: 5, reserve: 0 });
    // One batch may be in the writer's hands; more than both together cannot be.
    for call in 0..2000 {
        writer.write(record(call));
    }
    let dropped = writer.figures().dropped;
    assert!(dropped > 0);
    let left = writer.shut_down(Duration::from_millis(50)).await;
    assert_eq!(left, 2000 - dropped, "what was taken and not written is told");
    drop(other);
}

#[tokio::test]
async fn reading_goes_on_beside_a_running_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.sqlite");
    let store = SqliteStore::open(&path).await.unwrap();
    store.insert(&[record(1)]).await.unwrap();
    let other = lock(&path).await;
    let reader = SqliteStore::open_read_only(&path).await.unwrap();
    assert_eq!(reader.count(&all()).await.unwrap(), 1);
    assert!(reader.insert(&[record(2)]).await.is_err());
    drop(other);
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.sqlite");
    std::fs::write(&path, "this is no database at all, but it is long enough to look like one".repeat(50))
        .unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("move it away"), "{error}");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    // A file where a folder should be fails for every user, root included.
    std::fs::write(folder.path().join("file"), "").unwrap();
    for path in ["file/calls.sqlite", "."] {
        let error = SqliteStore::open(&folder.path().join(path)).await.unwrap_err();
        assert!(matches!(error, StoreError::Unwritable { .. }), "{error}");
        assert!(error.to_string().contains("make it writable"), "{error}");
    }
}

#[tokio::test]
async fn a_read_only_folder_is_named_with_the_remedy() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(closed.join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write anywhere");
        return;
    }
    let error = SqliteStore::open(&closed.join("calls.sqlite")).await.unwrap_err();
    assert!(error.to_string().contains("make it writable"), "{error}");
}

#[tokio::test]
async fn reading_records_that_were_never_written_says_so() {
    let error = SqliteStore::open_read_only(Path::new("no/such.sqlite")).await.unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[tokio::test]
async fn the_newest_call_is_known_to_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("calls.sqlite")).await.unwrap();
    assert_eq!(store.newest_call().await.unwrap(), None);
    let first = 1_795_000_000_000_000;
    store.insert(&[record(first + 2), record(first), record(first + 1)]).await.unwrap();
    assert_eq!(store.newest_call().await.unwrap().unwrap().0, first + 2);
}

fn note(call: u64, disposition: &str) -> Noted {
    Noted { call: CallId(call), disposition: disposition.into() }
}

#[tokio::test]
async fn what_an_agent_notes_after_the_call_is_added_to_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.sqlite");
    let writer = Writer::start(SqliteStore::open(&path).await.unwrap());
    for call in 0..700 {
        writer.write(record(call));
        writer.write(Entry::Noted(note(call, &format!("about {call}"))));
    }
    writer.write(Entry::Noted(note(9999, "of a call without a record")));
    assert_eq!(writer.shut_down(Duration::from_secs(30)).await, 0);
    let store = SqliteStore::open_read_only(&path).await.unwrap();
    let read = store.recent(&all()).await.unwrap();
    assert_eq!(read.len(), 700);
    for record in read {
        assert_eq!(record.disposition, Some(format!("about {}", record.call)));
    }
}

#[tokio::test]
async fn notes_wait_with_their_records_while_the_database_is_locked() {
    use sqlx::Executor;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.sqlite");
    let store = SqliteStore::open(&path).await.unwrap();
    let mut other = lock(&path).await;
    let writer = Writer::start(store.clone());
    writer.write(record(1));
    writer.write(Entry::Noted(note(1, "sale")));
    writer.write(Entry::Noted(note(1, "no, a complaint")));
    until(&writer, |figures| figures.failures >= 1).await;
    other.execute("ROLLBACK").await.unwrap();
    until(&writer, |figures| figures.written == 3).await;
    assert_eq!(writer.shut_down(Duration::from_secs(30)).await, 0);
    let read = store.recent(&all()).await.unwrap();
    assert_eq!(read[0].disposition.as_deref(), Some("no, a complaint"), "the last word counts");
}

/// A database as the first version left it, with one record.
async fn of_the_first_version(path: &Path) {
    use sqlx::{ConnectOptions, Connection, Executor};
    let folder = tempfile::tempdir().unwrap();
    let first = "0001_calls.sql";
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations").join(first);
    std::fs::copy(shipped, folder.path().join(first)).unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let options = options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let mut old = options.connect().await.unwrap();
    sqlx::migrate::Migrator::new(folder.path()).await.unwrap().run(&mut old).await.unwrap();
    old.execute(
        "INSERT INTO calls VALUES ('1795000000000000', 'x@host', 'sales', '4001', '+49', '', 'de', 0, 1000, 7000, 9500, \
         6000, 2500, 4000, 2, 'answered', 1, 'anna', 'caller')",
    )
    .await
    .unwrap();
    old.close().await.unwrap();
}

#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_to_date_and_keeps_its_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.sqlite");
    of_the_first_version(&path).await;
    let expected = |record: &Cdr| {
        assert_eq!((record.queue.as_str(), record.wait_ms, record.talk_ms), ("sales", 6000, 2500));
        assert_eq!((record.hold_ms, record.turned_away, record.visits.len()), (0, None, 0));
        assert_eq!((&record.sent_to, &record.disposition), (&None, &None));
        assert_eq!((&record.diverted_from, record.legs.len()), (&None, 0));
    };
    // `holdfast calls` may look before the new engine has been started.
    let reader = SqliteStore::open_read_only(&path).await.unwrap();
    expected(&reader.recent(&all()).await.unwrap()[0]);
    reader.close().await;
    let store = SqliteStore::open(&path).await.unwrap();
    expected(&store.recent(&all()).await.unwrap()[0]);
    assert_eq!(store.note(&[note(1_795_000_000_000_000, "sale")]).await.unwrap(), 1);
    assert_eq!(store.insert(&[record(2)]).await.unwrap(), 1);
    store.close().await;
    let again = SqliteStore::open(&path).await.unwrap();
    let read = again.recent(&all()).await.unwrap();
    assert_eq!(read[0], record(2));
    assert_eq!(read[1].disposition.as_deref(), Some("sale"));
}
