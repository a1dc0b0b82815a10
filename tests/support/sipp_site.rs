//! A queue whose agents' phones all live in SIPp, and what must be so when its calls are over.

use super::engine::Holdfast;
use super::eventually;
use serde_json::Value;
use std::fmt::Write;
use std::time::Duration;

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
        let records = engine.api("/v1/records?limit=1000");
        let records = records.as_array().expect("a list").clone();
        (records.len() >= count).then_some(records)
    });
    assert_eq!(records.len(), count, "one record per call");
    records
}

/// How many offers came to this.
pub fn offers(engine: &Holdfast, outcome: &str) -> f64 {
    engine.metric(&format!(r#"holdfast_queue_offers_total{{outcome="{outcome}",queue="sales"}}"#))
}

/// Nobody is left hanging: no call, no leg, no port.
pub fn nothing_is_left(engine: &Holdfast) {
    eventually("no leg is left", Duration::from_secs(60), || {
        (engine.metric("holdfast_sip_dialogs") == 0.0 && engine.metric("holdfast_media_sessions") == 0.0)
            .then_some(())
    });
}
