//! Calls as they really came, from a CSV file or from the records `holdfast calls --json` prints. Text in,
//! calls out; it opens no file.

use super::law::{Law, span};
use super::scenario::Recorded;
use crate::engine::fact::Outcome;
use crate::engine::settings::Settings;
use crate::stats::Cdr;
use std::time::Duration;

/// The columns a file may have.
const COLUMNS: [&str; 5] = ["arrived_at", "dialled", "queue", "patience_s", "handle_s"];

/// What cannot be replayed, where, and what is expected.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReplayError {
    /// The first line names no columns that are known.
    #[error("line 1: expected the columns' names, of which arrived_at is needed (known: {}), got {got:?}", COLUMNS.join(", "))]
    Header {
        /// What came.
        got: String,
    },
    /// A line has a field that does not say what its column asks for.
    #[error("line {line}: {column}: expected {wanted}, got {got:?}")]
    Field {
        /// From 1.
        line: usize,
        /// Which column.
        column: &'static str,
        /// What was expected.
        wanted: &'static str,
        /// What came.
        got: String,
    },
    /// A record is no call record.
    #[error("line {line}: no call record as `holdfast calls --json` prints it: {error}")]
    Record {
        /// From 1.
        line: usize,
        /// What the reader of JSON says.
        error: String,
    },
    /// No number leads to the queue.
    #[error("line {line}: no [[number]] leads to queue {queue:?}")]
    NoNumber {
        /// From 1.
        line: usize,
        /// Which.
        queue: String,
    },
    /// Nothing there.
    #[error("there is no call in it")]
    Empty,
}

/// What is drawn where the file does not say.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Unknown {
    /// How long callers wait of whom it is not known.
    pub patience: Law,
    /// How long they talk of whom it is not known.
    pub handling: Law,
}

/// One line, before the times are counted from the first.
struct Line {
    at_s: f64,
    dialled: String,
    patience: Option<Duration>,
    handling: Option<Duration>,
}

/// Reads calls: CSV with a first line of names, or JSON lines. The first call comes at the beginning.
pub fn read(text: &str, settings: &Settings, unknown: Unknown) -> Result<Vec<Recorded>, ReplayError> {
    let json = text.trim_start().starts_with('{');
    let mut lines = if json { records(text)? } else { table(text, settings)? };
    lines.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    let first = lines.first().ok_or(ReplayError::Empty)?.at_s;
    let recorded = lines.into_iter().map(|line| Recorded {
        at: span(line.at_s - first),
        dialled: line.dialled,
        patience: line.patience,
        handling: line.handling,
        patience_law: unknown.patience,
        handling_law: unknown.handling,
    });
    Ok(recorded.collect())
}

/// Who gave up had just so much patience; who was answered had at least as much, and how much more is drawn.
fn records(text: &str) -> Result<Vec<Line>, ReplayError> {
    let mut lines = Vec::new();
    for (at, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let record: Cdr = serde_json::from_str(line)
            .map_err(|error| ReplayError::Record { line: at, error: error.to_string() })?;
        let gave_up = matches!(record.outcome, Outcome::Abandoned | Outcome::ShortAbandon);
        lines.push(Line {
            at_s: record.queued_at_ms as f64 / 1000.0,
            dialled: record.dialled,
            patience: gave_up.then(|| Duration::from_millis(record.wait_ms)),
            handling: record.agent.is_some().then(|| Duration::from_millis(record.talk_ms)),
        });
    }
    Ok(lines)
}

fn table(text: &str, settings: &Settings) -> Result<Vec<Line>, ReplayError> {
    let mut rows = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let (_, header) = rows.next().ok_or(ReplayError::Empty)?;
    let names: Vec<&str> =
        header.split(',').map(|name| unquoted(name.trim_start_matches('\u{feff}'))).collect();
    if !names.contains(&"arrived_at") || names.iter().any(|name| !COLUMNS.contains(name)) {
        return Err(ReplayError::Header { got: header.to_owned() });
    }
    rows.map(|(at, line)| row(at, line, &names, settings)).collect()
}

fn unquoted(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(field)
}

fn row(line: usize, text: &str, names: &[&str], settings: &Settings) -> Result<Line, ReplayError> {
    let fields: Vec<&str> = text.split(',').map(unquoted).collect();
    let field = |name: &str| {
        let at = names.iter().position(|known| *known == name)?;
        fields.get(at).copied().filter(|field| !field.is_empty())
    };
    let wrong = |column, wanted, got: &str| ReplayError::Field { line, column, wanted, got: got.to_owned() };
    let seconds = |column| match field(column) {
        None => Ok(None),
        Some(text) => match text.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => Ok(Some(span(seconds))),
            Ok(_) | Err(_) => Err(wrong(column, "seconds", text)),
        },
    };
    let arrived = field("arrived_at").unwrap_or_default();
    let at_s = moment(arrived)
        .ok_or_else(|| wrong("arrived_at", "seconds, or a time such as 2026-03-02T09:00:00Z", arrived))?;
    let dialled = match (field("dialled"), field("queue")) {
        (Some(dialled), _) => dialled.to_owned(),
        (None, Some(name)) => {
            number_of(settings, name).ok_or_else(|| ReplayError::NoNumber { line, queue: name.to_owned() })?
        }
        (None, None) => settings.numbers.first().map(|number| number.dialled.clone()).unwrap_or_default(),
    };
    Ok(Line { at_s, dialled, patience: seconds("patience_s")?, handling: seconds("handle_s")? })
}

fn number_of(settings: &Settings, queue: &str) -> Option<String> {
    let queue = settings.queue_named(queue)?;
    settings.numbers.iter().find(|number| number.queue == queue).map(|number| number.dialled.clone())
}

/// Seconds from wherever they are counted, or a time of RFC 3339.
fn moment(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then_some(seconds);
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.as_millisecond() as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::id::QueueId;
    use crate::engine::settings::{Number, Queue};

    const UNKNOWN: Unknown = Unknown { patience: Law::Never, handling: Law::Never };

    fn settings() -> Settings {
        let queue = |name: &str| Queue { name: name.into(), ..Queue::default() };
        let number = |dialled: &str, queue| Number {
            dialled: dialled.into(),
            queue: QueueId(queue),
            ..Number::default()
        };
        Settings {
            queues: vec![queue("sales"), queue("support")],
            numbers: vec![number("100", 0), number("200", 1)],
            ..Settings::default()
        }
    }

    #[test]
    fn calls_are_counted_from_the_first_whatever_the_order_of_the_file() {
        let text = "arrived_at,queue,patience_s,handle_s\n\
            2026-03-02T09:00:30Z,support,,180\n2026-03-02T09:00:00Z,sales,12.5,\n";
        let calls = read(text, &settings(), UNKNOWN).unwrap();
        let told: Vec<_> = calls
            .iter()
            .map(|call| (call.at.as_secs(), call.dialled.as_str(), call.patience, call.handling))
            .collect();
        let (half, three) = (Duration::from_millis(12_500), Duration::from_secs(180));
        assert_eq!(told, [(0, "100", Some(half), None), (30, "200", None, Some(three))]);
    }

    #[test]
    fn a_column_of_times_alone_goes_to_the_first_number() {
        let calls = read("arrived_at\n0\n1.5\n", &settings(), UNKNOWN).unwrap();
        assert_eq!(calls.len(), 2);
        assert_eq!((calls[1].at, calls[1].dialled.as_str()), (Duration::from_millis(1500), "100"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let error = |text| read(text, &settings(), UNKNOWN).unwrap_err().to_string();
        assert!(error("when,who\n1,2\n").starts_with("line 1: expected the columns' names"));
        assert_eq!(
            error("arrived_at,handle_s\n0,5\n1,long\n"),
            "line 3: handle_s: expected seconds, got \"long\""
        );
        assert_eq!(error("arrived_at,queue\n0,slaes\n"), "line 2: no [[number]] leads to queue \"slaes\"");
        assert!(error("{\"call\":1}\n").starts_with("line 1: no call record"));
        assert_eq!(error("\n"), "there is no call in it");
    }
}
