//! SIPp as caller and as agent: two hundred calls through a queue, and every ledger agrees.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

mod support;

use std::fmt::Write;
use std::time::Duration;
use support::engine::Holdfast;
use support::eventually;
use support::peer::{Sipp, free_port};

/// One queue, one number, and `agents` phones that all live in one SIPp at `port`.
fn sales(agents: usize, port: u16) -> String {
    let mut rules = String::from(
        r#"
skills = ["english"]
[[queue]]
name = "sales"
title = "Sales"
music = ["slow-tide"]
requires = "english"
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
contact = "sip:agent{at}@127.0.0.1:{port}"
"#
        );
    }
    rules
}

#[test]
fn two_hundred_calls_to_twenty_agents_all_succeed_and_the_ledgers_agree() {
    let phones = free_port();
    let mut agents = Sipp::start("agent.xml", phones, None, &["-m", "200"]);
    let engine = Holdfast::start(&sales(20, phones));
    eventually("twenty agents are ready", Duration::from_secs(20), || {
        (engine.metric(r#"holdfast_queue_agents{queue="sales",state="ready"}"#) == 20.0).then_some(())
    });

    let load = ["-s", "4001", "-m", "200", "-r", "60", "-l", "200"];
    let mut callers = Sipp::start("caller.xml", free_port(), Some(engine.sip), &load);
    assert_eq!(callers.ledger(Duration::from_secs(90)), (200, 0), "callers: succeeded, failed");
    assert_eq!(agents.ledger(Duration::from_secs(30)), (200, 0), "agents: succeeded, failed");

    let records = eventually("two hundred records are written", Duration::from_secs(20), || {
        let records = engine.api("/v1/records?limit=1000");
        let records = records.as_array().expect("a list").clone();
        (records.len() >= 200).then_some(records)
    });
    assert_eq!(records.len(), 200, "one record per call");
    assert!(records.iter().all(|record| record["outcome"] == "answered" && record["ended_by"] == "agent"));

    let in_time = records.iter().filter(|record| record["answered_in_threshold"] == true).count();
    assert_eq!(engine.metric(r#"holdfast_queue_calls_offered_total{queue="sales"}"#), 200.0);
    assert_eq!(engine.metric(r#"holdfast_queue_calls_ended_total{outcome="answered",queue="sales"}"#), 200.0);
    assert_eq!(
        engine.metric(r#"holdfast_queue_calls_answered_in_threshold_total{queue="sales"}"#),
        in_time as f64,
        "the exact counter says what the records say"
    );
    assert_eq!(
        engine.metric(r#"holdfast_queue_wait_seconds_count{outcome="answered",queue="sales"}"#),
        200.0
    );
    let waited: f64 = records.iter().map(|record| record["wait_ms"].as_f64().expect("a wait") / 1000.0).sum();
    let measured = engine.metric(r#"holdfast_queue_wait_seconds_sum{outcome="answered",queue="sales"}"#);
    assert!(
        (waited - measured).abs() < 0.2,
        "waits by the records {waited} s, by the histogram {measured} s"
    );
    assert_eq!(engine.metric(r#"holdfast_queue_calls_waiting{queue="sales"}"#), 0.0);
}
