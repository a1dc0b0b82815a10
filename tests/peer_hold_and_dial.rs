//! SIPp as an agent who holds and as a number outside behind a carrier with a password; and our own phones, which hear
//! what a caller on hold hears.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::config::Config;
use holdfast::engine::settings::{Destination, Overflow, OverflowWhen};
use holdfast::phone::{Call, Dial, Ended, Phone, PhoneSettings, Side, Sound};
use holdfast::runtime;
use phones::{until, within};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use support::audio::Recording;
use support::engine::{Holdfast, preamble};
use support::eventually;
use support::peer::{Sipp, free_port};

const CALLERS_TONE_HZ: f64 = 700.0;
const AGENTS_TONE_HZ: f64 = 1_100.0;

/// A queue, and an agent whose phone registers or stands at a contact.
fn rules(agent: &str) -> String {
    format!(
        r#"
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
name = "anna"
title = "Anna"
password = "anna's own"
skills = {{ english = 5 }}
queues = ["sales"]
login = "automatic"
{agent}
"#
    )
}

/// Somebody who calls the queue and says a tone.
async fn caller(sip: SocketAddr) -> (Phone, Call) {
    let phone = Phone::bind(PhoneSettings::new(sip, "trunk", "")).await.unwrap();
    let dial = Dial {
        target: "4001".into(),
        number: Some("+4930123".into()),
        display: Some("Grete Weiser".into()),
        sound: Sound::Tone(CALLERS_TONE_HZ),
    };
    let call = phone.dial(dial).await.unwrap();
    within(call.answered()).await.unwrap();
    (phone, call)
}

/// How alike the last second is to the queue's music.
fn likeness_to_music(call: &Call, music: &Recording) -> f64 {
    let samples: Vec<f64> = call.heard().recent.iter().map(|sample| f64::from(*sample) / 32_768.0).collect();
    if samples.len() < 8_000 {
        return 0.0;
    }
    Recording { samples, rate: 8_000 }.likeness_to_loop(0.1, 0.9, music)
}

fn music() -> Recording {
    Recording::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("hold-music/slow-tide.wav"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_on_hold_hears_the_queues_music_and_not_what_the_agents_phone_goes_on_sending() {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(&rules(""))).await.unwrap();
    let anna = Phone::bind(PhoneSettings::new(engine.sip, "anna", "anna's own")).await.unwrap();
    within(anna.register()).await.unwrap();
    let (_line, caller) = caller(engine.sip).await;
    let talking = within(anna.incoming()).await.unwrap().answer();
    within(talking.answered()).await.unwrap();
    talking.say(Sound::Tone(AGENTS_TONE_HZ));
    until("the caller hears the agent alone", || caller.heard().tone_share(AGENTS_TONE_HZ) > 0.95).await;
    let music = music();
    for _ in 0..2 {
        talking.hold(true);
        until("the caller hears the music and nothing of the agent", || {
            caller.heard().tone_share(AGENTS_TONE_HZ) < 0.02 && likeness_to_music(&caller, &music) > 0.9
        })
        .await;
        talking.hold(false);
        until("the caller hears the agent again", || caller.heard().tone_share(AGENTS_TONE_HZ) > 0.95).await;
        until("and the agent the caller", || talking.heard().tone_share(CALLERS_TONE_HZ) > 0.95).await;
    }
    talking.hang_up();
    assert_eq!(within(caller.ended()).await, Ended { by: Side::There, status: None });
    assert_eq!(caller.heard().sources, 0, "one stream through all of it: its source never changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipp_as_an_agent_holds_the_caller_and_comes_back() {
    let phone = free_port();
    let contact = format!("contact = \"sip:anna@127.0.0.1:{phone}\"");
    let mut agent = Sipp::start("agent_holds.xml", phone, None, &["-m", "1", "-rtp_echo"]);
    let engine = tokio::task::spawn_blocking(move || Holdfast::start(&rules(&contact))).await.unwrap();
    let (_line, caller) = caller(engine.sip).await;
    // SIPp sends back what it hears: as long as the two are bridged, the caller hears himself.
    until("they talk", || caller.heard().tone_share(CALLERS_TONE_HZ) > 0.95).await;
    let music = music();
    until("the caller hears the music", || likeness_to_music(&caller, &music) > 0.9).await;
    until("they talk again", || caller.heard().tone_share(CALLERS_TONE_HZ) > 0.95).await;
    assert_eq!(within(caller.ended()).await, Ended { by: Side::There, status: None });
    let ledger = tokio::task::spawn_blocking(move || agent.ledger(Duration::from_secs(20))).await.unwrap();
    assert_eq!(ledger, (1, 0), "SIPp: succeeded, failed");
    eventually("the call has its record", Duration::from_secs(10), || {
        let records = engine.api("/v1/records");
        (records[0]["outcome"] == "answered" && records[0]["ended_by"] == "agent").then_some(())
    });
}

/// An engine in this process whose queue passes calls on to a number outside, through a carrier at this port.
async fn passing_on(folder: &Path, port: u16, password: &str) -> runtime::Running {
    let carrier = format!(
        r#"
[[trunk]]
name = "outside"
addresses = ["127.0.0.1"]
dial = "localhost:{port}"
username = "acme"
password = "{password}"
realm = "carrier.example"
caller_id = "+49 30 999"
[dial]
allow = ["+49*"]
"#
    );
    let rules = rules("");
    let (keys, tables) = rules.split_at(rules.find("[[").unwrap());
    let text = format!("{keys}\n{}\n{carrier}\n{tables}", preamble(folder));
    let mut config = Config::from_str("test.toml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    config.settings.queues[0].overflow = vec![Overflow {
        when: OverflowWhen::Waited(Duration::from_secs(1)),
        to: Destination::Number("+49 89 555".into()),
    }];
    runtime::start(config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_nobody_takes_is_passed_on_to_a_number_outside_and_the_two_talk() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut outside = Sipp::start("outside.xml", port, None, &["-m", "1", "-rtp_echo"]);
    let mut engine = passing_on(folder.path(), port, "s3cret").await;
    let (_line, caller) = caller(engine.sip[0].address).await;
    until("he hears music first", || caller.heard().loudness() > 100.0).await;
    until("then whom he was passed on to", || caller.heard().tone_share(CALLERS_TONE_HZ) > 0.95).await;
    assert_eq!(within(caller.ended()).await, Ended { by: Side::There, status: None });
    let ledger = tokio::task::spawn_blocking(move || outside.ledger(Duration::from_secs(20))).await.unwrap();
    assert_eq!(ledger, (1, 0), "SIPp: succeeded, failed");
    engine.stop_now();
    engine.stopped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_carrier_refuses_our_password_the_caller_is_told_and_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut outside = Sipp::start("outside.xml", port, None, &["-m", "1", "-rtp_echo"]);
    let mut engine = passing_on(folder.path(), port, "another").await;
    let (_line, caller) = caller(engine.sip[0].address).await;
    assert_eq!(within(caller.ended()).await, Ended { by: Side::There, status: None });
    let ledger = tokio::task::spawn_blocking(move || outside.ledger(Duration::from_secs(20))).await.unwrap();
    assert_eq!(ledger, (1, 0), "SIPp asked once, refused once, and heard no more");
    engine.stop_now();
    engine.stopped().await.unwrap();
}
