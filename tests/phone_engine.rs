//! Our own phones against a running engine: registration, music, the bridge, declines and races, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::media::codec::g711::Law;
use holdfast::phone::{Call, Dial, Ended, Phone, PhoneSettings, RegisterError, Side, Sound};
use phones::{until, within};
use std::time::{Duration, Instant};
use support::engine::Holdfast;

const RULES: &str = r#"
skills = ["english"]
pause_reasons = ["break"]
[[queue]]
name = "sales"
title = "Sales"
music = ["morning-harbour"]
ring_timeout = "10s"
wrap_up = "1s"
rest_after_miss = "30s"
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "anna"
title = "Anna"
password = "anna's own"
skills = { english = 5 }
queues = ["sales"]
login = "automatic"
[[agent]]
name = "ben"
title = "Ben"
password = "ben's own"
skills = { english = 5 }
queues = ["sales"]
login = "automatic"
"#;

fn settings(engine: &Holdfast, account: &str) -> PhoneSettings {
    PhoneSettings::new(engine.sip, account, &format!("{account}'s own"))
}

async fn agent(engine: &Holdfast, account: &str, codecs: &[Law]) -> Phone {
    let phone =
        Phone::bind(PhoneSettings { codecs: codecs.to_vec(), ..settings(engine, account) }).await.unwrap();
    assert!(within(phone.register()).await.unwrap() > Duration::ZERO);
    phone
}

/// A caller of the trunk, waiting on music.
async fn waiting_caller(trunk: &Phone) -> Call {
    let dial = Dial {
        target: "4001".into(),
        number: Some("+4930123".into()),
        display: Some("Grete Weiser".into()),
        sound: Sound::Tone(440.0),
    };
    let call = trunk.dial(dial).await.unwrap();
    within(call.answered()).await.unwrap();
    call
}

async fn trunk(engine: &Holdfast) -> Phone {
    let settings = PhoneSettings { codecs: vec![Law::Mu], ..settings(engine, "trunk") };
    Phone::bind(settings).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caller_hears_music_then_the_agent_alone_and_keys_pass_through() {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    let (trunk, anna) = (trunk(&engine).await, agent(&engine, "anna", &[Law::A]).await);
    let caller = waiting_caller(&trunk).await;
    let incoming = within(anna.incoming()).await.unwrap();
    incoming.ring();
    assert_eq!(incoming.number(), "+4930123");
    until("the caller hears music", || caller.heard().loudness() > 100.0).await;
    let talking = incoming.answer();
    within(talking.answered()).await.unwrap();
    talking.say(Sound::Tone(1_000.0));
    // µ-law on one side, A-law on the other; of the music nothing is left.
    until("the caller hears the agent alone", || caller.heard().tone_share(1_000.0) > 0.99).await;
    until("the agent hears the caller alone", || talking.heard().tone_share(440.0) > 0.99).await;
    assert_eq!(caller.press("42#"), 3);
    until("the keys came through", || talking.heard().digits == "42#").await;
    talking.hang_up();
    assert_eq!(within(caller.ended()).await, Ended { by: Side::There, status: None });
    assert_eq!(caller.heard().strange, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_registers_nobody() {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    let thief = Phone::bind(PhoneSettings::new(engine.sip, "anna", "a guess")).await.unwrap();
    let error = within(thief.register()).await.unwrap_err();
    assert!(matches!(error, RegisterError::Refused { status: 401 | 403, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_caller_keeps_the_music_and_rings_at_the_next_agent() {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    let trunk = trunk(&engine).await;
    let (anna, ben) = (agent(&engine, "anna", &Law::ALL).await, agent(&engine, "ben", &Law::ALL).await);
    let caller = waiting_caller(&trunk).await;
    let second = within(async {
        tokio::select! {
            first = anna.incoming() => {
                first.unwrap().decline(486).ended().await;
                ben.incoming().await.unwrap()
            }
            first = ben.incoming() => {
                first.unwrap().decline(603).ended().await;
                anna.incoming().await.unwrap()
            }
        }
    })
    .await;
    second.ring();
    // The caller gives up while it rings: the second phone stops at once.
    caller.hang_up();
    assert_eq!(within(second.withdrawn()).await, Ended { by: Side::There, status: Some(487) });
    assert_eq!(caller.heard().lost, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_holds_us_hears_nothing_meanwhile_and_keeps_the_place() {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    let trunk = trunk(&engine).await;
    let caller = waiting_caller(&trunk).await;
    until("music", || caller.heard().packets > 10).await;
    caller.hold(true);
    let mut last = (caller.heard().packets, Instant::now());
    until("silence while held", || {
        let packets = caller.heard().packets;
        if packets != last.0 {
            last = (packets, Instant::now());
        }
        last.1.elapsed() > Duration::from_millis(300)
    })
    .await;
    caller.hold(false);
    until("music again", || caller.heard().packets > last.0 + 10).await;
    let anna = agent(&engine, "anna", &Law::ALL).await;
    let talking = within(anna.incoming()).await.unwrap().answer();
    until("the agent hears the caller", || talking.heard().tone_share(440.0) > 0.9).await;
}
