//! `holdfast calls`: call records as a table, as JSON lines or as CSV, read beside a running engine.

use super::csv::{drives_a_terminal, field};
use super::{CallsArgs, exit};
use crate::config::Config;
use crate::engine::fact::Outcome;
use crate::stats::{Cdr, CdrFilter};
use crate::store::{SqliteStore, Store, StoreError};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;

/// Shows the records wanted. Returns the exit code.
pub async fn calls(args: &CallsArgs) -> u8 {
    let path = match store_path(args) {
        Ok(path) => path,
        Err(code) => return code,
    };
    match read(args, &path).await {
        Ok((records, matching)) => match show(args, &records, matching) {
            // Whoever reads has seen enough, as `head` does.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                eprintln!("holdfast calls: {error}");
                exit::RUNTIME
            }
            Ok(()) | Err(_) => exit::OK,
        },
        Err(error) => {
            eprintln!("holdfast calls: {error}");
            exit::RUNTIME
        }
    }
}

/// The word of `--outcome`.
pub(super) fn outcome(word: &str) -> Result<Outcome, String> {
    Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word).ok_or_else(|| {
        let known = Outcome::ALL.map(Outcome::as_str);
        let near = known.iter().map(|name| (strsim::damerau_levenshtein(word, name), name)).min();
        let hint = near.filter(|(far, _)| *far <= 3).map(|(_, name)| format!("; did you mean {name}?"));
        format!("there is no such outcome{} (known: {})", hint.unwrap_or_default(), known.join(", "))
    })
}

fn store_path(args: &CallsArgs) -> Result<PathBuf, u8> {
    match &args.store {
        Some(path) => Ok(path.clone()),
        None => Config::load_without_sounds(&args.config).map(|config| config.store.path).map_err(|errors| {
            eprintln!("{errors}");
            exit::CONFIG
        }),
    }
}

async fn read(args: &CallsArgs, path: &std::path::Path) -> Result<(Vec<Cdr>, u64), StoreError> {
    let store = SqliteStore::open_read_only(path).await?;
    let filter =
        CdrFilter { queue: args.queue.clone(), outcome: args.outcome, since_ms: None, limit: args.limit };
    let read = (store.recent(&filter).await?, store.count(&filter).await?);
    store.close().await;
    Ok(read)
}

fn show(args: &CallsArgs, records: &[Cdr], matching: u64) -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    if args.json {
        for record in records {
            writeln!(out, "{}", safe_json(&serde_json::to_string(record)?))?;
        }
        return out.flush();
    }
    if args.csv {
        writeln!(out, "{CSV_HEAD}")?;
        for record in records {
            writeln!(out, "{}", csv_line(record))?;
        }
        return out.flush();
    }
    writeln!(
        out,
        "{:<19}  {:<12} {:<8} {:<18} {:<13} {:>7} {:>7}  {:<10} {:<8} MORE",
        "QUEUED AT", "QUEUE", "DIALLED", "CALLER", "OUTCOME", "WAIT", "TALK", "AGENT", "ENDED BY"
    )?;
    for record in records {
        writeln!(out, "{}", line(record))?;
    }
    writeln!(out, "{} of {matching} calls", records.len())?;
    out.flush()
}

/// The columns of [`csv_line`].
const CSV_HEAD: &str = "call,queued_at,queues,dialled,caller_number,caller_name,outcome,wait_seconds,talk_seconds,\
    hold_seconds,agent,ended_by,sent_to,disposition,diverted_from,sip_call_ids";

fn csv_line(record: &Cdr) -> String {
    let queued_at = jiff::Timestamp::from_millisecond(record.queued_at_ms).map(|at| at.to_string());
    let thousandths = |millis: u64| format!("{}.{:03}", millis / 1000, millis % 1000);
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let fields = [
        record.call.to_string(),
        queued_at.unwrap_or_default(),
        queues(record),
        record.dialled.clone(),
        record.caller_number.clone(),
        record.caller_name.clone(),
        record.outcome.as_str().to_owned(),
        thousandths(record.wait_ms),
        thousandths(record.talk_ms),
        thousandths(record.hold_ms),
        or_empty(&record.agent),
        record.ended_by.as_str().to_owned(),
        or_empty(&record.sent_to),
        or_empty(&record.disposition),
        or_empty(&record.diverted_from),
        legs(record),
    ];
    fields.map(|text| field(&text)).join(",")
}

fn line(record: &Cdr) -> String {
    let caller = if record.caller_number.is_empty() { &record.caller_name } else { &record.caller_number };
    let line = format!(
        "{:<19}  {:<12} {:<8} {:<18} {:<13} {:>7} {:>7}  {:<10} {:<8} {}",
        local_time(record.queued_at_ms),
        plain(&queues(record)),
        plain(&record.dialled),
        plain(caller),
        record.outcome.as_str(),
        seconds(record.wait_ms),
        seconds(record.talk_ms),
        plain(record.agent.as_deref().unwrap_or("-")),
        record.ended_by.as_str(),
        more(record),
    );
    line.trim_end().to_owned()
}

/// The queues it came to, in their order: `sales>support`.
fn queues(record: &Cdr) -> String {
    let mut queues: Vec<_> = record.visits.iter().map(|visit| visit.queue.as_str()).collect();
    queues.push(&record.queue);
    queues.join(">")
}

/// The Call-IDs of its legs, each with whom it was with: `caller=8f3a… anna=41c0…`. A record of before has its caller's alone.
fn legs(record: &Cdr) -> String {
    if record.legs.is_empty() {
        return format!("caller={}", record.sip_call_id);
    }
    let legs: Vec<_> = record.legs.iter().map(|leg| format!("{}={}", leg.with, leg.sip_call_id)).collect();
    legs.join(" ")
}

/// What only some calls have: what a restart meant for it, whom he had called first, why it was turned away, where it was sent, the time on hold, what it was about.
fn more(record: &Cdr) -> String {
    let turned_away = record.turned_away.map(|because| format!("turned away: {}", because.as_str()));
    // Some carriers always name the number that was dialled: nobody sent that caller on.
    let diverted = record.diverted_from.as_ref().filter(|number| **number != record.dialled);
    let diverted = diverted.map(|number| format!("sent on from {}", plain(number)));
    let sent_to = record.sent_to.as_ref().map(|to| format!("to {}", plain(to)));
    let hold = (record.hold_ms > 0).then(|| format!("on hold {}", seconds(record.hold_ms)));
    let disposition = record.disposition.as_deref().map(plain);
    let score = [record.audio.caller, record.audio.agent]
        .into_iter()
        .flatten()
        .map(|heard| heard.mos_hundredths)
        .min();
    let score = score.map(|score| format!("MOS {}.{:02}", score / 100, score % 100));
    let restart = record.restart.map(|restart| format!("{} by a restart", restart.as_str()));
    let parts: Vec<_> =
        [restart, diverted, turned_away, sent_to, hold, score, disposition].into_iter().flatten().collect();
    parts.join(", ")
}

/// The site's own time, as its operators read it.
pub(super) fn local_time(wall_ms: i64) -> String {
    let zoned =
        jiff::Timestamp::from_millisecond(wall_ms).map(|time| time.to_zoned(jiff::tz::TimeZone::system()));
    zoned.map_or_else(|_| "?".into(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn seconds(millis: u64) -> String {
    format!("{}.{}s", millis / 1000, millis % 1000 / 100)
}

/// A caller chooses his own name: on a terminal it must not move the cursor, nor turn the line round.
fn plain(text: &str) -> String {
    text.chars().map(|c| if drives_a_terminal(c) { '\u{fffd}' } else { c }).take(24).collect()
}

/// JSON escapes the first 32 characters; this does the others that a terminal would obey. It still reads the same.
pub(super) fn safe_json(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut safe, c| {
        if drives_a_terminal(c) {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
        assert_eq!(plain("a\u{202e}lag\u{9b}2J"), "a\u{fffd}lag\u{fffd}2J");
        assert_eq!(plain("Zoë 東京"), "Zoë 東京");
        assert_eq!(plain(&"x".repeat(500)).len(), 24);
    }

    #[test]
    fn json_drives_no_terminal_and_still_says_the_same() {
        let name = "\u{9b}2J\u{202e}\u{7f}\u{1b} Zoë \"";
        let safe = safe_json(&serde_json::to_string(name).unwrap());
        assert!(!safe.chars().any(drives_a_terminal), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), name);
    }

    #[test]
    fn spans_are_read_in_seconds() {
        assert_eq!((seconds(0), seconds(12_345)), ("0.0s".into(), "12.3s".into()));
    }

    #[test]
    fn a_call_of_several_queues_shows_its_way_and_what_became_of_it() {
        let json = r#"{"call":"7","sip_call_id":"x","queue":"support","dialled":"4001","caller_number":"+49",
            "caller_name":"","language":"de","priority_ms":0,"queued_at_ms":0,"answered_at_ms":null,"ended_at_ms":9,
            "wait_ms":5000,"talk_ms":0,"hold_ms":2500,"ring_ms":0,"offers":0,"outcome":"overflow",
            "answered_in_threshold":false,"agent":null,"ended_by":"system","turned_away":"full",
            "sent_to":"number +4930","disposition":"sale","diverted_from":"+4930111",
            "legs":[{"at_ms":0,"with":"caller","sip_call_id":"x"},{"at_ms":1,"with":"=anna","sip_call_id":"y,1"}],
            "visits":[{"queue":"sales","queued_at_ms":0,"wait_ms":1,"outcome":"overflow","turned_away":null}]}"#;
        let record: Cdr = serde_json::from_str(json).unwrap();
        let line = line(&record);
        assert!(line.contains(" sales>support 4001 "), "{line}");
        assert!(
            line.ends_with(
                "system   sent on from +4930111, turned away: full, to number +4930, on hold 2.5s, sale"
            ),
            "{line}"
        );
        let csv = csv_line(&Cdr { caller_name: "=1+1".into(), ..record.clone() });
        let columns = csv.replace("\"caller=x =anna=y,1\"", "legs");
        assert_eq!(columns.split(',').count(), CSV_HEAD.split(',').count(), "{csv}");
        assert!(columns.ends_with(",sale,+4930111,legs"), "{csv}");
        assert!(csv.contains(",sales>support,4001,") && csv.contains(",\"'=1+1\","), "{csv}");
        let usual = Cdr {
            hold_ms: 0,
            diverted_from: None,
            turned_away: None,
            sent_to: None,
            disposition: None,
            visits: vec![],
            ..record
        };
        assert!(super::line(&usual).ends_with(" system"), "no blanks at the end");
    }
}
