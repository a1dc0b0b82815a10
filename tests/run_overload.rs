//! More than can be taken: who is refused, how, and who is not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Ended, Phone, PhoneSettings, Side};
use phones::{until, within};
use support::engine::Holdfast;

const RULES: &str = r#"
skills = ["english"]
[[queue]]
name = "sales"
title = "Sales"
music = ["morning-harbour"]
requires = "english"
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "anna"
title = "Anna"
password = "anna's own"
skills = { english = 5 }
queues = ["sales"]
login = "manual"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_too_many_is_refused_at_the_door_and_agents_phones_are_not() {
    let engine = tokio::task::spawn_blocking(|| {
        Holdfast::start_changed(RULES, |config| config.replace("[media]", "[limits]\ncalls_max = 1\n[media]"))
    });
    let engine = engine.await.unwrap();
    let phone = async |account: &str| {
        Phone::bind(PhoneSettings::new(engine.sip, account, &format!("{account}'s own"))).await.unwrap()
    };
    let (trunk, anna) = (phone("trunk").await, phone("anna").await);
    let waiting = trunk.call("4001").await.unwrap();
    within(waiting.answered()).await.unwrap();
    let late = trunk.call("4001").await.unwrap();
    assert_eq!(within(late.answered()).await, Err(Ended { by: Side::There, status: Some(503) }));
    within(anna.register()).await.unwrap();
    until("it is counted", || engine.metric(r#"holdfast_overload_refused_total{cause="calls"}"#) == 1.0)
        .await;
    assert_eq!(engine.metric(r#"holdfast_calls_refused_total{cause="overload"}"#), 1.0);
    assert_eq!(engine.metric("holdfast_overloaded"), 0.0, "one call too many is no overload");
    waiting.hang_up();
    until("there is room again", || engine.metric("holdfast_calls") == 0.0).await;
    let next = trunk.call("4001").await.unwrap();
    within(next.answered()).await.unwrap();
}
