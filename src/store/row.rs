//! One record as one row, both ways.

use super::StoreError;
use crate::engine::fact::{EndedBy, Outcome, TurnedAwayBecause};
use crate::engine::id::CallId;
use crate::stats::{Audio, Cdr, Restart, Visit};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Row, Sqlite};

/// Rows that one statement inserts at most: passing a statement to the database's thread costs more than a row. Nine
/// hundred values are far below what SQLite takes in one (`SQLITE_MAX_VARIABLE_NUMBER`).
pub(super) const ROWS_MAX: usize = 32;

/// The columns, in the order in which [`bind`] gives them.
const INSERT: &str = "INSERT OR IGNORE INTO calls (call_id, sip_call_id, queue, dialled, caller_number, \
     caller_name, language, priority_ms, queued_at_ms, answered_at_ms, ended_at_ms, wait_ms, talk_ms, ring_ms, \
     offers, outcome, answered_in_threshold, agent, ended_by, hold_ms, turned_away, sent_to, visits, disposition, audio, transfers, \
     restart, diverted_from, legs) \
     VALUES ";
const VALUES: &str =
    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// What was noted about a call, added to its record.
pub(super) const NOTE: &str = "UPDATE calls SET disposition = ?2 WHERE call_id = ?1";

/// The statement for so many rows; of each number there is one, which the database prepares once.
pub(super) fn insert(rows: usize) -> AssertSqlSafe<String> {
    // Nothing of a record stands in the text.
    AssertSqlSafe(format!("{INSERT}{}", vec![VALUES; rows].join(", ")))
}

pub(super) fn bind<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    record: &'q Cdr,
) -> Query<'q, Sqlite, SqliteArguments> {
    query
        .bind(record.call.to_string())
        .bind(&record.sip_call_id)
        .bind(&record.queue)
        .bind(&record.dialled)
        .bind(&record.caller_number)
        .bind(&record.caller_name)
        .bind(&record.language)
        .bind(signed(record.priority_ms))
        .bind(record.queued_at_ms)
        .bind(record.answered_at_ms)
        .bind(record.ended_at_ms)
        .bind(signed(record.wait_ms))
        .bind(signed(record.talk_ms))
        .bind(signed(record.ring_ms))
        .bind(i64::from(record.offers))
        .bind(record.outcome.as_str())
        .bind(record.answered_in_threshold)
        .bind(record.agent.as_deref())
        .bind(record.ended_by.as_str())
        .bind(signed(record.hold_ms))
        .bind(record.turned_away.map(TurnedAwayBecause::as_str))
        .bind(record.sent_to.as_deref())
        .bind(visits_text(&record.visits))
        .bind(record.disposition.as_deref())
        .bind(serde_json::to_string(&record.audio).unwrap_or_default())
        .bind(serde_json::to_string(&record.transfers).unwrap_or_else(|_| "[]".into()))
        .bind(record.restart.map(Restart::as_str))
        .bind(record.diverted_from.as_deref())
        .bind(serde_json::to_string(&record.legs).unwrap_or_else(|_| "[]".into()))
}

/// Names and numbers alone: there is nothing in a visit that JSON could not say.
fn visits_text(visits: &[Visit]) -> String {
    serde_json::to_string(visits).unwrap_or_else(|_| "[]".into())
}

fn signed(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

pub(super) fn read(row: &SqliteRow) -> Result<Cdr, StoreError> {
    let call: String = row.try_get("call_id").map_err(StoreError::Database)?;
    let bad = |what| StoreError::BadRow { call: call.clone(), what };
    let text = |column: &'static str| row.try_get::<String, _>(column).map_err(|_| bad(column));
    let time = |column: &'static str| row.try_get::<i64, _>(column).map_err(|_| bad(column));
    let span = |column: &'static str| time(column).and_then(|ms| u64::try_from(ms).map_err(|_| bad(column)));
    // Columns that came later: `holdfast calls` also reads a file that no engine of this version has opened yet.
    let later = |column: &'static str| match row.try_get::<Option<String>, _>(column) {
        Ok(text) => Ok(text),
        Err(sqlx::Error::ColumnNotFound(_)) => Ok(None),
        Err(_) => Err(bad(column)),
    };
    let hold_ms = match row.try_get::<i64, _>("hold_ms") {
        Err(sqlx::Error::ColumnNotFound(_)) => Ok(0),
        other => other.map_err(|_| bad("hold_ms")),
    };
    let visits = later("visits")?.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text));
    let turned_away = later("turned_away")?.map(|word| {
        let known = TurnedAwayBecause::ALL.into_iter().find(|known| known.as_str() == word);
        known.ok_or_else(|| bad("turned_away"))
    });
    let restart = later("restart")?.map(|word| {
        let known = Restart::ALL.into_iter().find(|known| known.as_str() == word);
        known.ok_or_else(|| bad("restart"))
    });
    let (outcome, ended_by) = (text("outcome")?, text("ended_by")?);
    Ok(Cdr {
        call: call.parse().map(CallId).map_err(|_| bad("call_id"))?,
        sip_call_id: text("sip_call_id")?,
        queue: text("queue")?,
        dialled: text("dialled")?,
        caller_number: text("caller_number")?,
        caller_name: text("caller_name")?,
        diverted_from: later("diverted_from")?,
        language: text("language")?,
        priority_ms: span("priority_ms")?,
        queued_at_ms: time("queued_at_ms")?,
        answered_at_ms: row.try_get("answered_at_ms").map_err(|_| bad("answered_at_ms"))?,
        ended_at_ms: time("ended_at_ms")?,
        wait_ms: span("wait_ms")?,
        talk_ms: span("talk_ms")?,
        ring_ms: span("ring_ms")?,
        offers: u32::try_from(time("offers")?).map_err(|_| bad("offers"))?,
        outcome: *Outcome::ALL
            .iter()
            .find(|known| known.as_str() == outcome)
            .ok_or_else(|| bad("outcome"))?,
        answered_in_threshold: row
            .try_get("answered_in_threshold")
            .map_err(|_| bad("answered_in_threshold"))?,
        agent: row.try_get("agent").map_err(|_| bad("agent"))?,
        ended_by: [EndedBy::Caller, EndedBy::Agent, EndedBy::System]
            .into_iter()
            .find(|known| known.as_str() == ended_by)
            .ok_or_else(|| bad("ended_by"))?,
        hold_ms: u64::try_from(hold_ms?).map_err(|_| bad("hold_ms"))?,
        turned_away: turned_away.transpose()?,
        sent_to: later("sent_to")?,
        visits: visits.map_err(|_| bad("visits"))?,
        disposition: later("disposition")?,
        transfers: later("transfers")?
            .map_or(Ok(Vec::new()), |text| serde_json::from_str(&text))
            .map_err(|_| bad("transfers"))?,
        legs: later("legs")?
            .map_or(Ok(Vec::new()), |text| serde_json::from_str(&text))
            .map_err(|_| bad("legs"))?,
        audio: later("audio")?
            .map_or(Ok(Audio::default()), |text| serde_json::from_str(&text))
            .map_err(|_| bad("audio"))?,
        restart: restart.transpose()?,
    })
}
