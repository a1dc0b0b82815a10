//! `holdfast trace`: what was said about one of the last calls, as a ladder, as messages or as JSON. It asks the running
//! engine, and decides nothing.

use super::calls::{local_time, safe_json};
use super::csv::drives_a_terminal;
use super::{TraceArgs, exit};
use crate::client::{self, Fetched};
use crate::config::Config;
use crate::secret::Secret;
use crate::trace::{Step, Trace, ladder};
use serde::Deserialize;
use std::io::{BufWriter, ErrorKind, Write};

/// Shows the call, or lists the calls that can be shown. Returns the exit code.
pub async fn trace(args: &TraceArgs) -> u8 {
    let (authority, token) = match way(args) {
        Ok(way) => way,
        Err((message, code)) => return told(&message, code),
    };
    let path = match &args.call {
        Some(call) => format!("/v1/calls/{call}/trace"),
        None => "/v1/traces".into(),
    };
    let fetched = match client::get(&authority, &path, &token).await {
        Ok(fetched) => fetched,
        Err(error) => {
            let remedy = "is Holdfast running, and is that its [http] listen?";
            return told(&format!("{authority} does not answer: {error}; {remedy}"), exit::RUNTIME);
        }
    };
    match show(args, &fetched) {
        // Whoever reads has seen enough, as `head` does.
        Err(Unshown::Written(error)) if error.kind() == ErrorKind::BrokenPipe => exit::OK,
        Err(Unshown::Written(error)) => told(&error.to_string(), exit::RUNTIME),
        Err(Unshown::Refused(message)) => told(&message, exit::RUNTIME),
        Ok(()) => exit::OK,
    }
}

fn told(message: &str, code: u8) -> u8 {
    eprintln!("holdfast trace: {message}");
    code
}

/// Whom to ask, and with which token.
fn way(args: &TraceArgs) -> Result<(String, Secret), (String, u8)> {
    if let Some(url) = &args.url {
        let authority = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/').to_owned();
        let token = args.token.clone().unwrap_or_default();
        return Ok((authority, Secret::new(token)));
    }
    let config =
        Config::load_without_sounds(&args.config).map_err(|errors| (errors.to_string(), exit::CONFIG))?;
    let token = match (&args.token, config.http.operator()) {
        (Some(token), _) => Secret::new(token.clone()),
        (None, Some(token)) => token.clone(),
        (None, None) => {
            let file = config.data_dir().join("api-token");
            let text = std::fs::read_to_string(&file).map_err(|error| {
                let file = file.display();
                (
                    format!(
                        "no [[http.token]] of an operator, and {file} cannot be read: {error}; give --token"
                    ),
                    exit::CONFIG,
                )
            })?;
            Secret::new(text.trim())
        }
    };
    Ok((config.http.listen.to_string(), token))
}

enum Unshown {
    Refused(String),
    Written(std::io::Error),
}

impl From<std::io::Error> for Unshown {
    fn from(error: std::io::Error) -> Self {
        Self::Written(error)
    }
}

/// What the API says when it refuses.
#[derive(Deserialize)]
struct Refused {
    error: String,
    hint: String,
}

fn show(args: &TraceArgs, fetched: &Fetched) -> Result<(), Unshown> {
    let text = String::from_utf8_lossy(&fetched.body);
    if fetched.status != 200 {
        let said = serde_json::from_str::<Refused>(&text);
        let said = said.map_or_else(|_| text.into_owned(), |said| format!("{}; {}", said.error, said.hint));
        return Err(Unshown::Refused(said.chars().filter(|c| !drives_a_terminal(*c)).collect()));
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    let unreadable =
        |error: serde_json::Error| Unshown::Refused(format!("the answer cannot be read: {error}"));
    if args.json {
        writeln!(out, "{}", safe_json(&text))?;
    } else if args.call.is_none() {
        for call in serde_json::from_str::<Vec<String>>(&text).map_err(unreadable)? {
            writeln!(out, "{}", plain(&call))?;
        }
    } else {
        let trace: Trace = serde_json::from_str(&text).map_err(unreadable)?;
        write_trace(&mut out, &trace, args.raw)?;
    }
    Ok(out.flush()?)
}

fn write_trace(out: &mut impl Write, trace: &Trace, raw: bool) -> std::io::Result<()> {
    let count = |wanted: fn(bool) -> bool| {
        let wanted = |step: &&Step| matches!(step, Step::Message { again, .. } if wanted(*again));
        trace.steps.iter().filter(wanted).count()
    };
    let (messages, again) = (count(|_| true), count(|again| again));
    let began = local_time(trace.began_at_ms);
    writeln!(
        out,
        "call {}, {began}: {messages} messages, {again} of them sent again; milliseconds",
        plain(&trace.call)
    )?;
    if raw {
        for step in &trace.steps {
            write_step(out, trace, step)?;
        }
    } else {
        for line in ladder(trace) {
            writeln!(out, "{line}")?;
        }
    }
    if trace.left_out > 0 {
        let left_out = trace.left_out;
        writeln!(
            out,
            "{left_out} steps in between are not kept; [sip.trace] messages_max says how many are"
        )?;
    }
    Ok(())
}

fn write_step(out: &mut impl Write, trace: &Trace, step: &Step) -> std::io::Result<()> {
    let time = |at_us: &u64| format!("{}.{} ms", at_us / 1_000, at_us % 1_000 / 100);
    match step {
        Step::Decision { at_us, what } => writeln!(out, "\n--- {} {}", time(at_us), plain(what)),
        Step::Message { at_us, peer, sent, again, text, .. } => {
            let (name, address) =
                trace.peers.get(*peer).map_or(("?", "?"), |peer| (&peer.name, &peer.address));
            let way = if *sent { "to" } else { "from" };
            let again = if *again { ", again" } else { "" };
            writeln!(out, "\n--- {} {way} {} ({}){again}", time(at_us), plain(name), plain(address))?;
            text.lines().try_for_each(|line| writeln!(out, "{}", plain(line)))
        }
    }
}

/// What others wrote must not drive the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if drives_a_terminal(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Peer;

    #[test]
    fn messages_are_shown_whole_and_drive_no_terminal() {
        let peer =
            Peer { name: "caller".into(), address: "udp 127.0.0.1:5070".into(), sip_call_id: "a".into() };
        let text = "INVITE sip:x SIP/2.0\r\nSubject: \u{1b}[2J\r\n\r\n".into();
        let message =
            Step::Message { at_us: 1_250, peer: 0, sent: false, label: "INVITE".into(), again: true, text };
        let steps = vec![message, Step::Decision { at_us: 1_300, what: "queued in sales".into() }];
        let trace = Trace { call: "7".into(), began_at_ms: 0, peers: vec![peer], steps, left_out: 3 };
        let mut shown = Vec::new();
        write_trace(&mut shown, &trace, true).unwrap();
        let shown = String::from_utf8(shown).unwrap();
        for expected in [
            "1 messages, 1 of them sent again",
            "--- 1.2 ms from caller (udp 127.0.0.1:5070), again\nINVITE sip:x SIP/2.0\nSubject: \u{fffd}[2J\n",
            "--- 1.3 ms queued in sales",
            "3 steps in between",
        ] {
            assert!(shown.contains(expected), "{expected} in {shown}");
        }
    }
}
