//! SIGKILL in the midst of calls of SIPp and baresip: after the next start they are in their calls as before.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

mod support;

use std::time::Duration;
use support::baresip::{Baresip, Plan};
use support::engine::Holdfast;
use support::eventually;
use support::peer::{Sipp, free_port};

const CALLERS_TONE_HZ: f64 = 700.0;
const AGENTS_TONE_HZ: f64 = 1100.0;

const RULES: &str = r#"
skills = ["english"]
[[queue]]
name = "sales"
title = "Sales"
music = ["slow-tide"]
[[queue]]
name = "support"
title = "Support"
music = ["slow-tide"]
[[number]]
dialled = "4001"
queue = "sales"
[[number]]
dialled = "4002"
queue = "support"
[[agent]]
name = "ben"
title = "Ben"
password = "correct-horse-battery"
queues = ["support"]
login = "automatic"
"#;

/// How many calls there are in this stage.
fn in_stage(engine: &Holdfast, stage: &str) -> usize {
    let calls = engine.api("/v1/calls");
    calls.as_array().map_or(0, |calls| calls.iter().filter(|call| call["stage"] == stage).count())
}

#[test]
fn forty_callers_of_sipp_wait_on_and_two_baresips_talk_on_after_sigkill() {
    let mut engine = Holdfast::start(RULES);
    let ben = format!(
        "<sip:ben@{}>;auth_user=ben;auth_pass=correct-horse-battery;regint=60;answermode=auto",
        engine.sip
    );
    let plan = |account, hz, dial| Plan { account, hz, codecs: "pcma", srtp: None, port: None, dial };
    let agent = Baresip::start(&plan(&ben, AGENTS_TONE_HZ, None));
    eventually("the agent has registered and is ready", Duration::from_secs(20), || {
        (engine.metric(r#"holdfast_queue_agents{queue="support",state="ready"}"#) == 1.0).then_some(())
    });
    let number = format!("sip:4002@{}", engine.sip);
    let caller = Baresip::start(&plan("<sip:jane@127.0.0.1>;regint=0", CALLERS_TONE_HZ, Some(&number)));
    eventually("the two talk", Duration::from_secs(20), || (in_stage(&engine, "talking") == 1).then_some(()));
    let load = ["-s", "4001", "-m", "40", "-r", "40", "-l", "40"];
    let mut callers = Sipp::start("caller_asked_again.xml", free_port(), Some(engine.sip), &load);
    eventually("all wait", Duration::from_secs(20), || (in_stage(&engine, "waiting") == 40).then_some(()));
    let order = |engine: &Holdfast| {
        let calls = engine.api("/v1/calls");
        let calls = calls.as_array().cloned().unwrap_or_default();
        calls.iter().map(|it| (it["id"].to_string(), it["queued_at"].to_string())).collect::<Vec<_>>()
    };
    let before = order(&engine);

    engine.kill();
    engine.start_again();
    eventually("they are in line since when they were", Duration::from_secs(10), || {
        (order(&engine) == before).then_some(())
    });
    let before = engine.metric("holdfast_rtp_packets_sent_total");
    eventually("everybody hears something for three seconds", Duration::from_secs(30), || {
        (engine.metric("holdfast_rtp_packets_sent_total") >= before + 42.0 * 150.0).then_some(())
    });
    let calls = engine.api("/v1/calls");
    for call in calls.as_array().expect("a list") {
        let id = call["id"].as_str().expect("an identity");
        engine.post(&format!("/v1/calls/{id}/hangup"), serde_json::json!({}));
    }
    assert_eq!(callers.ledger(Duration::from_secs(60)), (40, 0), "each was asked once, and hung up");
    let records = eventually("every call has its record", Duration::from_secs(20), || {
        let records = engine.api("/v1/records?limit=100");
        records.as_array().filter(|records| records.len() == 41).cloned()
    });
    assert!(records.iter().all(|record| record["restart"] == "resumed"), "{records:#?}");
    // After the restart there is another recording of baresip's, or the first goes on: the last of it is the other's tone.
    for (heard, hz) in [(caller.heard(), AGENTS_TONE_HZ), (agent.heard(), CALLERS_TONE_HZ)] {
        let shares = heard.last().expect("a recording").tone_shares(hz);
        let clear = shares.iter().rev().skip(1).take(3).filter(|share| **share > 0.9).count();
        assert!(clear >= 2, "they heard each other to the end: {shares:.2?}");
    }
}
