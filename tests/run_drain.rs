//! SIGTERM while many talk and many more wait: nobody is dropped, everybody in line is still served, and whoever comes now is
//! told to try elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "here a panic is a verdict")]

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Call, CallState, Ended, Phone, PhoneSettings, Side, Sound};
use phones::{until, within};
use std::fmt::Write;
use std::time::Duration;
use support::engine::Holdfast;
use support::eventually;
use tokio::sync::watch;

const CALLERS: usize = 40;
const AGENTS: usize = 8;
const LATE: usize = 10;

fn rules() -> String {
    let mut rules = "[[queue]]\nname = \"sales\"\nmusic = [\"morning-harbour\"]\nwrap_up = \"0s\"\n\
                     [[number]]\ndialled = \"4001\"\nqueue = \"sales\"\n"
        .to_owned();
    for at in 0..AGENTS {
        let _ = write!(
            rules,
            "[[agent]]\nname = \"agent{at}\"\npassword = \"secret\"\nqueues = [\"sales\"]\nlogin = \"automatic\"\n"
        );
    }
    rules
}

async fn phone(engine: &Holdfast, account: &str) -> Phone {
    let settings =
        PhoneSettings { calls_max: 2 * CALLERS, ..PhoneSettings::new(engine.sip, account, "secret") };
    Phone::bind(settings).await.unwrap()
}

/// Answers whoever comes, and keeps him until all may go.
async fn serve(phone: Phone, mut may_go: watch::Receiver<bool>) {
    within(phone.register()).await.unwrap();
    while let Some(incoming) = phone.incoming().await {
        let call = incoming.answer();
        call.say(Sound::Tone(1_000.0));
        if call.answered().await.is_ok() {
            let _ = may_go.wait_for(|may| *may).await;
            until("the two have talked", || call.heard().packets > 10).await;
            call.hang_up();
        }
        call.ended().await;
    }
}

fn figure(engine: &Holdfast, name: &str) -> f64 {
    engine.metric(&format!("holdfast_queue_{name}"))
}

async fn go_on(calls: &[Call]) {
    for call in calls {
        assert_eq!(call.state(), CallState::Answered);
        let before = call.heard().packets;
        until("he hears music or his agent", || call.heard().packets > before + 10).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_with_many_in_conversation_and_many_more_in_line_drops_nobody() {
    let mut engine = tokio::task::spawn_blocking(|| Holdfast::start(&rules())).await.unwrap();
    let (go, may_go) = watch::channel(false);
    let mut agents = tokio::task::JoinSet::new();
    for at in 0..AGENTS {
        agents.spawn(serve(phone(&engine, &format!("agent{at}")).await, may_go.clone()));
    }
    let trunk = phone(&engine, "trunk").await;
    let mut calls = Vec::new();
    for _ in 0..CALLERS {
        let call = trunk.call("4001").await.unwrap();
        within(call.answered()).await.unwrap();
        calls.push(call);
    }
    until("as many talk as there are agents, the others wait", || {
        figure(&engine, "agents{queue=\"sales\",state=\"talking\"}") == AGENTS as f64
            && figure(&engine, "calls_waiting{queue=\"sales\"}") == (CALLERS - AGENTS) as f64
    })
    .await;

    engine.terminate();
    eventually("it drains", Duration::from_secs(10), || engine.log().contains("stopping").then_some(()));
    for _ in 0..LATE {
        let late = trunk.call("4001").await.unwrap();
        assert_eq!(within(late.answered()).await, Err(Ended { by: Side::There, status: Some(503) }));
    }
    go_on(&calls).await;

    go.send_replace(true);
    for call in &calls {
        assert_eq!(within(call.ended()).await, Ended { by: Side::There, status: None });
    }
    let (status, engine) = tokio::task::spawn_blocking(move || (engine.ended(), engine)).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", engine.log());
    agents.abort_all();
    let stored = engine.stored();
    let served =
        stored.iter().filter(|record| *record == &("answered".to_owned(), "agent".to_owned())).count();
    assert_eq!((stored.len(), served), (CALLERS, CALLERS), "{stored:?}");
}
