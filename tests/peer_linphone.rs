//! Linphone's console phone as an agent: it registers with digest, answers, talks, and either side ends the call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Dial, Ended, Phone, PhoneSettings, Side, Sound};
use phones::{until, within};
use std::time::Duration;
use support::engine::Holdfast;
use support::eventually;
use support::linphone::{Linphone, Plan};

const CALLERS_TONE_HZ: f64 = 700.0;
const AGENTS_TONE_HZ: f64 = 1100.0;

const RULES: &str = r#"
skills = ["english"]
[[queue]]
name = "sales"
title = "Sales"
music = ["slow-tide"]
requires = "english"
wrap_up = "0s"
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "ben"
title = "Ben"
password = "correct-horse-battery"
skills = { english = 5 }
queues = ["sales"]
login = "automatic"
"#;

/// A linphonec that answers by itself, says a tone and records what it hears.
fn linphone(engine: &Holdfast, transport: &str) -> Linphone {
    Linphone::start(&Plan {
        server: if transport == "tcp" { engine.sip_tcp } else { engine.sip },
        transport,
        account: Some(("ben", "correct-horse-battery")),
        hz: AGENTS_TONE_HZ,
        codec: None,
        srtp: false,
        port: None,
    })
}

async fn a_call_ended_by_the_agent_and_one_by_the_caller(transport: &'static str) {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    let mut ben = linphone(&engine, transport);
    let ready = r#"holdfast_queue_agents{queue="sales",state="ready"}"#;
    eventually("linphone has registered with digest", Duration::from_secs(30), || {
        (engine.metric(ready) == 1.0).then_some(())
    });
    let trunk = Phone::bind(PhoneSettings::new(engine.sip, "trunk", "")).await.unwrap();
    let dial = || Dial {
        target: "4001".into(),
        number: Some("+4930123".into()),
        display: Some("Grete Weiser".into()),
        sound: Sound::Tone(CALLERS_TONE_HZ),
    };

    let first = trunk.dial(dial()).await.unwrap();
    within(first.answered()).await.unwrap();
    until("the caller hears the agent alone", || first.heard().tone_share(AGENTS_TONE_HZ) > 0.95).await;
    let packets = first.heard().packets;
    until("they talk for three seconds", || first.heard().packets > packets + 150).await;
    assert!(ben.log().contains("Sales: Grete Weiser"), "its display shows queue and caller");
    ben.tell("terminate");
    assert_eq!(within(first.ended()).await, Ended { by: Side::There, status: None });
    let by_agent = ben.heard("heard.wav").tone_shares(CALLERS_TONE_HZ);
    let clear = by_agent.iter().filter(|share| **share > 0.95).count();
    assert!(clear >= 4, "the agent heard the caller: {by_agent:.2?}");

    let second = trunk.dial(dial()).await.unwrap();
    within(second.answered()).await.unwrap();
    until("the caller hears the agent again", || second.heard().tone_share(AGENTS_TONE_HZ) > 0.95).await;
    second.hang_up();
    within(second.ended()).await;
    eventually("linphone says that both calls are over", Duration::from_secs(10), || {
        (ben.log().matches("ended (").count() >= 2).then_some(())
    });
    let records = eventually("both have their records", Duration::from_secs(10), || {
        let records = engine.api("/v1/records");
        (records.as_array().map(Vec::len) == Some(2)).then_some(records)
    });
    // The newest is first.
    assert_eq!((&records[0]["ended_by"], &records[1]["ended_by"]), (&"caller".into(), &"agent".into()));
    ben.quit();
    eventually("it has taken its registration back", Duration::from_secs(10), || {
        (engine.metric(ready) == 0.0).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linphone_over_udp_takes_calls_and_either_side_ends_them() {
    a_call_ended_by_the_agent_and_one_by_the_caller("udp").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linphone_over_tcp_takes_calls_and_either_side_ends_them() {
    a_call_ended_by_the_agent_and_one_by_the_caller("tcp").await;
}
