//! A queue whose agents' phones all live in SIPp, and what must be so when its calls are over.

use super::engine::Holdfast;
use super::eventually;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

/// How often a race is run: as often as `HOLDFAST_RACES` says, or else what takes a third of a minute.
pub fn races(usual: usize) -> usize {
    asked_for().unwrap_or(usual)
}

fn asked_for() -> Option<usize> {
    std::env::var("HOLDFAST_RACES").ok()?.parse().ok()
}

/// An engine whose ports rest but a moment: the tests have not as many as calls come.
pub fn hurried(rules: &str) -> Holdfast {
    Holdfast::start_changed(rules, |config| with_media(config, "port_rest = \"1s\""))
}

/// The same with a pair of ports for each of two thousand calls at once: one such engine at a time.
pub fn roomy(rules: &str) -> Holdfast {
    let wide =
        |line: &str| if line.starts_with("ports = ") { "ports = \"28000-31999\"" } else { line }.to_owned();
    Holdfast::start_changed(rules, |config| {
        let lines: Vec<_> = config.lines().map(wide).collect();
        with_media(lines.join("\n"), "port_rest = \"1s\"")
    })
}

fn with_media(config: String, line: &str) -> String {
    config.replacen("[media]\n", &format!("[media]\n{line}\n"), 1)
}

/// One queue, one number, and `agents` phones at `contact`; the queue answers in this way.
pub fn rules(agents: usize, contact: &str, answer: &str) -> String {
    let mut rules = format!(
        r#"
skills = ["english"]
[[queue]]
name = "sales"
title = "Sales"
music = ["slow-tide"]
requires = "english"
answer = "{answer}"
wrap_up = "0s"
ring_timeout = "10s"
[[number]]
dialled = "4001"
queue = "sales"
"#,
    );
    for at in 0..agents {
        let _ = write!(
            rules,
            r#"
[[agent]]
name = "agent{at}"
title = "Agent {at}"
password = "secret-{at}"
skills = {{ english = 5 }}
queues = ["sales"]
login = "automatic"
contact = "sip:agent{at}@{contact}"
"#
        );
    }
    rules
}

/// Waits until so many agents are ready.
pub fn ready(engine: &Holdfast, agents: usize) {
    eventually("the agents are ready", Duration::from_secs(20), || {
        (engine.metric(r#"holdfast_queue_agents{queue="sales",state="ready"}"#) == agents as f64)
            .then_some(())
    });
}

/// The records, once there are so many: one per call.
pub fn records(engine: &Holdfast, count: usize) -> Vec<Value> {
    let records = eventually("the records are written", Duration::from_secs(20), || {
        let records = engine.api("/v1/records?limit=10000");
        let records = records.as_array().expect("a list").clone();
        (records.len() >= count).then_some(records)
    });
    assert_eq!(records.len(), count, "one record per call");
    let calls: BTreeSet<_> = records.iter().map(|record| record["sip_call_id"].as_str()).collect();
    assert_eq!(calls.len(), count, "and one call per record");
    records
}

/// How many calls came to each outcome, by the records, where the counters say the same.
pub fn outcomes(engine: &Holdfast, records: &[Value]) -> BTreeMap<String, usize> {
    let mut outcomes = BTreeMap::new();
    for record in records {
        *outcomes.entry(record["outcome"].as_str().expect("an outcome").to_owned()).or_default() += 1;
    }
    let ended = |name: &str| name.starts_with("holdfast_queue_calls_ended_total");
    let counted: f64 = engine.metrics().iter().filter(|(name, _)| ended(name)).map(|(_, count)| count).sum();
    assert_eq!(counted, records.len() as f64, "one outcome per call: {outcomes:?}");
    outcomes
}

/// How many offers came to this.
pub fn offers(engine: &Holdfast, outcome: &str) -> f64 {
    engine.metric(&format!(r#"holdfast_queue_offers_total{{outcome="{outcome}",queue="sales"}}"#))
}

/// Nobody is left hanging: no call, no leg, no port. A transaction goes on for 64·T1 after the last message (RFC 3261 §17,
/// RFC 6026), which is waited for where races are run in earnest.
pub fn nothing_is_left(engine: &Holdfast) {
    let none = |name: &str| engine.metric(name) == 0.0;
    eventually("no leg is left", Duration::from_secs(60), || {
        let all = ["holdfast_calls", "holdfast_sip_dialogs", "holdfast_media_sessions"].into_iter().all(none);
        all.then_some(())
    });
    if asked_for().is_some() {
        no_transaction_is_left(engine);
    }
}

/// Every request has had its end.
pub fn no_transaction_is_left(engine: &Holdfast) {
    eventually("no transaction is left", Duration::from_secs(60), || {
        (engine.metric("holdfast_sip_transactions") == 0.0).then_some(())
    });
}
