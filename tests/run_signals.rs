//! How a running engine ends: the first signal drains, the second ends the calls in progress; no record is lost.
#![allow(clippy::unwrap_used, clippy::expect_used)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::engine::fact::{EndedBy, Outcome};
use holdfast::phone::{Dial, Ended, Phone, PhoneSettings, Side, Sound};
use holdfast::stats::CdrFilter;
use holdfast::store::{SqliteStore, Store};
use phones::{until, within};
use support::engine::Holdfast;

const RULES: &str = r#"
pause_reasons = ["break"]
[[queue]]
name = "sales"
title = "Sales"
music = ["morning-harbour"]
[[number]]
dialled = "4001"
queue = "sales"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_signal_ends_the_calls_in_progress_and_keeps_their_records() {
    let mut engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    let trunk = Phone::bind(PhoneSettings::new(engine.sip, "trunk", "none")).await.unwrap();
    let dial = || Dial {
        target: "4001".into(),
        number: Some("+4930123".into()),
        display: None,
        sound: Sound::Tone(440.0),
    };
    let caller = trunk.dial(dial()).await.unwrap();
    within(caller.answered()).await.unwrap();
    engine.terminate();
    until("the drain has begun", || engine.log().contains("new calls are refused")).await;
    let refused = trunk.dial(dial()).await.unwrap();
    within(refused.answered()).await.unwrap_err();
    engine.terminate();
    assert_eq!(within(caller.ended()).await, Ended { by: Side::There, status: None });
    assert!(engine.ended().success());
    let store = SqliteStore::open_read_only(&engine.store()).await.unwrap();
    let records = store.recent(&CdrFilter { limit: 10, ..CdrFilter::default() }).await.unwrap();
    let told: Vec<_> = records.iter().map(|one| (one.outcome, one.ended_by)).collect();
    assert_eq!(told, [(Outcome::Error, EndedBy::System)]);
}
