//! baresip, which none of us wrote, as caller and as agent, recording what each of them hears.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

mod support;

use std::path::Path;
use std::time::Duration;
use support::audio::Recording;
use support::baresip::{Baresip, Plan};
use support::engine::Holdfast;
use support::eventually;

const CALLERS_TONE_HZ: f64 = 700.0;
const AGENTS_TONE_HZ: f64 = 1100.0;

const SUPPORT: &str = r#"
skills = ["english"]
pause_reasons = ["break"]
[[queue]]
name = "support"
title = "Support"
music = ["slow-tide"]
requires = "english"
[[number]]
dialled = "4002"
queue = "support"
[[agent]]
name = "ben"
title = "Ben"
password = "correct-horse-battery"
skills = { english = 5 }
queues = ["support"]
login = "automatic"
"#;

#[test]
fn caller_hears_the_music_then_the_agent_the_agent_hears_the_caller_and_no_music_is_left() {
    let engine = Holdfast::start(SUPPORT);
    let ben = format!(
        "<sip:ben@{}>;auth_user=ben;auth_pass=correct-horse-battery;regint=60;answermode=auto",
        engine.sip
    );
    let agent = Baresip::start(&Plan {
        account: &ben,
        hz: AGENTS_TONE_HZ,
        codecs: "pcma",
        srtp: None,
        port: None,
        dial: None,
    });
    let ready = r#"holdfast_queue_agents{queue="support",state="ready"}"#;
    eventually("the agent has registered with digest and is ready", Duration::from_secs(20), || {
        (engine.metric(ready) == 1.0).then_some(())
    });
    // He is kept from the call until the caller has heard enough music to be recognised.
    engine.post("/v1/agents/ben/pause", serde_json::json!({ "reason": "break" }));

    let number = format!("sip:4002@{}", engine.sip);
    let caller = Baresip::start(&Plan {
        account: "<sip:jane@127.0.0.1>;regint=0",
        hz: CALLERS_TONE_HZ,
        codecs: "pcmu",
        srtp: None,
        port: None,
        dial: Some(&number),
    });
    eventually("the caller has heard five seconds of music", Duration::from_secs(30), || {
        (engine.metric("holdfast_rtp_packets_sent_total") >= 250.0).then_some(())
    });
    assert_eq!(engine.metric(r#"holdfast_queue_calls_waiting{queue="support"}"#), 1.0);

    engine.post("/v1/agents/ben/ready", serde_json::json!({}));
    eventually("the two are talking", Duration::from_secs(20), || {
        let calls = engine.api("/v1/calls");
        (calls[0]["stage"] == "talking").then_some(())
    });
    let before = engine.metric("holdfast_rtp_packets_sent_total");
    eventually("they have talked for four seconds", Duration::from_secs(30), || {
        (engine.metric("holdfast_rtp_packets_sent_total") >= before + 400.0).then_some(())
    });
    let call = engine.api("/v1/calls")[0]["id"].as_str().expect("one call").to_owned();
    engine.post(&format!("/v1/calls/{call}/hangup"), serde_json::json!({}));
    let record = eventually("the call has its record", Duration::from_secs(20), || {
        let records = engine.api("/v1/records");
        records.as_array().filter(|records| records.len() == 1).map(|records| records[0].clone())
    });
    assert_eq!((&record["outcome"], &record["agent"]), (&"answered".into(), &"ben".into()));
    let [by_caller] = &caller.heard()[..] else { panic!("one recording") };
    let shares = by_caller.tone_shares(AGENTS_TONE_HZ);
    let bridged = shares.iter().position(|share| *share > 0.9).expect("the caller hears the agent's tone");
    assert!(bridged >= 8, "at least four seconds before the bridge: {shares:.2?}");
    let source = Recording::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("hold-music/slow-tide.wav"));
    let until = bridged as f64 / 2.0 - 0.5;
    let music = by_caller.likeness_to_loop(1.0, until, &source);
    assert!(music > 0.9, "until {until} s the caller heard the hold music (likeness {music:.3})");
    // The call may be cut within the last window.
    let after = &shares[bridged + 1..shares.len() - 1];
    assert!(after.len() >= 5, "the caller heard the agent for a while: {shares:.2?}");
    assert!(after.iter().all(|share| *share > 0.95), "nothing but the agent after the bridge: {after:.2?}");

    let by_agent = agent.heard()[0].tone_shares(CALLERS_TONE_HZ);
    let clear = by_agent.iter().filter(|share| **share > 0.95).count();
    assert!(
        clear >= 6 && clear + 2 >= by_agent.len(),
        "the agent heard the caller and nothing else: {by_agent:.2?}"
    );
}
