//! The configuration is changed while calls go on: SIGHUP and the API read it anew, a mistake in it changes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "here a panic is a verdict")]

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Dial, Phone, PhoneSettings, Sound};
use phones::{until, within};
use std::process::Command;
use support::engine::{Holdfast, TOKEN};

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

/// What a second team needs.
const SUPPORT: &str = r#"
[[queue]]
name = "support"
music = ["slow-tide"]
[[number]]
dialled = "4002"
queue = "support"
[[agent]]
name = "ben"
password = "right"
queues = ["support"]
login = "automatic"
"#;

fn change(engine: &Holdfast, change: impl Fn(String) -> String) {
    let path = engine.folder.path().join("holdfast.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, change(text)).unwrap();
}

/// POST /v1/reload: the status and the body.
fn reload(engine: &Holdfast) -> (u16, String) {
    let request = ureq::post(format!("http://{}/v1/reload", engine.http))
        .config()
        .http_status_as_error(false)
        .build()
        .header("Authorization", &format!("Bearer {TOKEN}"));
    let mut response = request.send_empty().unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

fn dial(number: &str) -> Dial {
    Dial { target: number.into(), number: Some("+4930123".into()), display: None, sound: Sound::Tone(440.0) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_and_an_agent_come_by_sighup_and_take_calls_while_an_older_call_goes_on() {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    let trunk = Phone::bind(PhoneSettings::new(engine.sip, "trunk", "none")).await.unwrap();
    let waiting = trunk.dial(dial("4001")).await.unwrap();
    within(waiting.answered()).await.unwrap();
    within(trunk.dial(dial("4002")).await.unwrap().answered()).await.unwrap_err();
    change(&engine, |text| text + SUPPORT);
    let hup = Command::new("kill").args(["-HUP", &engine.pid().to_string()]).status();
    assert!(hup.unwrap().success());
    until("it was read anew", || engine.log().contains("the configuration was read anew")).await;
    let ben = Phone::bind(PhoneSettings::new(engine.sip, "ben", "right")).await.unwrap();
    ben.register().await.unwrap();
    let second = trunk.dial(dial("4002")).await.unwrap();
    within(second.answered()).await.unwrap();
    let _talk = within(ben.incoming()).await.unwrap().answer();
    until("the two are joined", || {
        engine.metric("holdfast_queue_calls_ended_total{outcome=\"answered\",queue=\"support\"}") == 1.0
    })
    .await;
    assert_eq!(
        engine.metric("holdfast_queue_calls_waiting{queue=\"sales\"}"),
        1.0,
        "the older call still waits"
    );
    second.hang_up();
    waiting.hang_up();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_in_the_new_file_changes_nothing_and_shows_in_the_metrics() {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    let successful = || engine.metric("holdfast_config_last_reload_successful");
    let at = || engine.metric("holdfast_config_last_reload_success_timestamp_seconds");
    until("the start counts as success", || successful() == 1.0).await;
    let started = at();
    assert!(started > 1.7e9);
    change(&engine, |text| text.replace("title = \"Sales\"", "titel = \"Verkauf\""));
    let (status, body) = reload(&engine);
    assert_eq!(status, 422, "{body}");
    assert!(body.contains("unknown key \\\"titel\\\"; did you mean title?"), "{body}");
    assert_eq!((successful(), at()), (0.0, started));
    assert_eq!(engine.api("/v1/queues")[0]["title"], "Sales");
    change(&engine, |text| text.replace("titel = \"Verkauf\"", "title = \"Verkauf\""));
    let (status, body) = reload(&engine);
    assert_eq!(status, 200, "{body}");
    assert_eq!(engine.api("/v1/queues")[0]["title"], "Verkauf", "whoever asked sees it at once");
    assert!(successful() == 1.0 && at() >= started);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_from_the_file_can_neither_register_nor_be_offered_a_call() {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(&format!("{RULES}{SUPPORT}"))).await.unwrap();
    let ben = Phone::bind(PhoneSettings::new(engine.sip, "ben", "right")).await.unwrap();
    ben.register().await.unwrap();
    until("ben is ready", || {
        engine.metric("holdfast_queue_agents{queue=\"support\",state=\"ready\"}") == 1.0
    })
    .await;
    change(&engine, |text| text.replace(SUPPORT, ""));
    let (status, body) = reload(&engine);
    assert_eq!(status, 200, "{body}");
    until("ben is nobody's", || {
        engine.metric("holdfast_queue_agents{queue=\"support\",state=\"ready\"}") == 0.0
    })
    .await;
    ben.register().await.unwrap_err();
    let trunk = Phone::bind(PhoneSettings::new(engine.sip, "trunk", "none")).await.unwrap();
    within(trunk.dial(dial("4002")).await.unwrap().answered()).await.unwrap_err();
    change(&engine, |text| text + SUPPORT);
    assert_eq!(reload(&engine).0, 200);
    ben.register().await.unwrap();
    engine.post("/v1/agents/ben/login", serde_json::json!({}));
    until("ben is back", || engine.metric("holdfast_queue_agents{queue=\"support\",state=\"ready\"}") == 1.0)
        .await;
}
