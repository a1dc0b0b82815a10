//! What was said about a call, as an operator sees it: by the API, by the command line, and at a server that collects it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Phone, PhoneSettings};
use phones::{until, within};
use serde_json::Value;
use std::net::UdpSocket;
use std::process::{Command, Output};
use std::time::Duration;
use support::engine::Holdfast;

const RULES: &str = r#"
skills = ["english"]
[[queue]]
name = "sales"
title = "Sales"
music = ["morning-harbour"]
requires = "english"
wrap_up = "0s"
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
"#;

fn holdfast(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_holdfast")).args(arguments).output().unwrap()
}

async fn phone(engine: &Holdfast, account: &str) -> Phone {
    let settings = PhoneSettings::new(engine.sip, account, &format!("{account}'s own"));
    Phone::bind(settings).await.unwrap()
}

/// One call to anna, from the INVITE to the end of it.
async fn a_call(engine: &Holdfast) {
    let (trunk, anna) = (phone(engine, "trunk").await, phone(engine, "anna").await);
    within(anna.register()).await.unwrap();
    let caller = trunk.call("4001").await.unwrap();
    let talking = within(anna.incoming()).await.unwrap().answer();
    within(talking.answered()).await.unwrap();
    until("the two talk", || engine.metrics()[r#"holdfast_queue_calls_waiting{queue="sales"}"#] == 0.0).await;
    caller.hang_up();
    within(talking.ended()).await;
}

/// The call's trace, once its last message is in it.
async fn traced(engine: &Holdfast) -> Value {
    let mut trace = Value::Null;
    until("the call is over in its trace", || {
        let calls = engine.api("/v1/traces");
        let Some(call) = calls[0].as_str() else { return false };
        trace = engine.api(&format!("/v1/calls/{call}/trace"));
        let steps = trace["steps"].as_array().unwrap();
        steps.iter().filter(|step| step["label"] == "200 OK (BYE)").count() == 2
    })
    .await;
    trace
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ladder_of_a_call_shows_both_legs_and_what_was_decided_between_them() {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    a_call(&engine).await;
    let trace = traced(&engine).await;
    let peers: Vec<_> = trace["peers"].as_array().unwrap().iter().map(|peer| peer["name"].clone()).collect();
    assert_eq!(peers, ["caller", "anna"]);
    let steps: Vec<_> = trace["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["again"] != true)
        .map(|step| match step["what"].as_str() {
            Some(what) => what.to_owned(),
            None => format!("{} {} {}", step["sent"], step["peer"], step["label"].as_str().unwrap()),
        })
        .collect();
    let place = |wanted: &str| {
        steps.iter().position(|step| step == wanted).unwrap_or_else(|| panic!("no {wanted:?} in {steps:#?}"))
    };
    let order = [
        "false 0 INVITE SDP",
        "queued in sales, 1 waiting",
        "offered to anna",
        "true 1 INVITE SDP",
        "false 1 200 OK SDP",
        "left sales: answered",
        "false 0 BYE",
        "true 1 BYE",
    ];
    assert!(order.map(place).is_sorted(), "{steps:#?}");

    // The same on the command line, which finds the API and its token in the configuration.
    let (config, call) = (engine.config(), trace["call"].as_str().unwrap().to_owned());
    let config = config.to_str().unwrap();
    let listed = run(&["trace", "--config", config], &engine);
    assert_eq!(listed.lines().next(), Some(call.as_str()));
    let ladder = run(&["trace", &call, "--config", config], &engine);
    for expected in ["caller", "Holdfast", "anna", "INVITE SDP", "* queued in sales", "200 OK (BYE)"] {
        assert!(ladder.contains(expected), "{expected:?} in\n{ladder}");
    }
    let raw = run(&["trace", &call, "--config", config, "--raw"], &engine);
    assert!(raw.contains("\nCall-ID: ") && raw.contains("m=audio "), "{raw}");
    let missing = holdfast(&[
        "trace",
        "7",
        "--url",
        &format!("http://{}", engine.http),
        "--token",
        support::engine::TOKEN,
    ]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("nothing is kept of this call"));
}

/// The command, with the API where the engine really listens.
fn run(arguments: &[&str], engine: &Holdfast) -> String {
    let text = std::fs::read_to_string(engine.config()).unwrap();
    let config = engine.folder.path().join("as-it-listens.toml");
    let listening =
        text.replace("[http]\nlisten = \"127.0.0.1:0\"", &format!("[http]\nlisten = \"{}\"", engine.http));
    std::fs::write(&config, listening).unwrap();
    let arguments: Vec<_> = arguments
        .iter()
        .map(|one| if one.ends_with("holdfast.toml") { config.to_str().unwrap() } else { *one })
        .collect();
    let output = holdfast(&arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_password_and_no_key_is_in_a_trace() {
    let secured =
        RULES.replace("password = \"anna's own\"", "password = \"anna's own\"\nsrtp = \"optional\"");
    let engine = tokio::task::spawn_blocking(move || Holdfast::start(&secured)).await.unwrap();
    let anna = phone(&engine, "anna").await;
    within(anna.register()).await.unwrap();
    // An INVITE with a password and a key, by hand: our own phones speak no SRTP.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let here = socket.local_addr().unwrap();
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n\
               a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5LWNh\r\n";
    let invite = format!(
        "INVITE sip:4001@{0} SIP/2.0\r\nVia: SIP/2.0/UDP {here};rport;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
         From: <sip:030@{here}>;tag=1\r\nTo: <sip:4001@{0}>\r\nCall-ID: with-secrets\r\nCSeq: 1 INVITE\r\n\
         Proxy-Authorization: Digest username=\"x\", realm=\"y\", nonce=\"z\", uri=\"sip:x\", response=\"canary\"\r\n\
         Contact: <sip:030@{here}>\r\nContent-Type: application/sdp\r\nContent-Length: {1}\r\n\r\n{sdp}",
        engine.sip,
        sdp.len()
    );
    socket.send_to(invite.as_bytes(), engine.sip).unwrap();
    until("the call is traced", || {
        engine.api("/v1/traces").as_array().is_some_and(|calls| !calls.is_empty())
    })
    .await;
    let call = engine.api("/v1/traces")[0].as_str().unwrap().to_owned();
    let trace = engine.api(&format!("/v1/calls/{call}/trace")).to_string();
    assert!(trace.contains("response=[redacted]") && trace.contains("inline:[redacted]"), "{trace}");
    assert!(!trace.contains("canary") && !trace.contains("Y2FuYXJ5"), "{trace}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_told_to_a_server_with_one_correlation_for_all_legs_of_a_call() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let hep = format!(
        "[sip.hep]\nserver = \"udp:{}\"\nnode = 7\npassword = \"let me in\"\n[media]",
        server.local_addr().unwrap()
    );
    let engine = tokio::task::spawn_blocking(move || {
        Holdfast::start_changed(RULES, |config| config.replace("[media]", &hep))
    });
    let engine = engine.await.unwrap();
    a_call(&engine).await;
    let trace = traced(&engine).await;
    let first_leg = trace["peers"][0]["sip_call_id"].as_str().unwrap().to_owned();
    let (mut buffer, mut packets) = ([0; 65_536], Vec::new());
    let byes = |packets: &[(String, Option<String>)]| {
        packets
            .iter()
            .filter(|(message, _)| message.starts_with("SIP/2.0 200") && message.contains(" BYE\r\n"))
            .count()
    };
    while byes(&packets) < 2 {
        let (size, _) = server.recv_from(&mut buffer).expect("all messages of the call");
        packets.push(told(&buffer[..size]));
    }
    let correlated = |start: &str| {
        let of: Vec<_> = packets.iter().filter(|(message, _)| message.starts_with(start)).collect();
        assert!(!of.is_empty(), "{start}");
        of.iter().all(|(_, correlation)| correlation.as_ref() == Some(&first_leg))
    };
    assert!(correlated("INVITE ") && correlated("ACK ") && correlated("BYE "));
    assert!(!correlated("REGISTER "), "a registration is of no call");
}

/// The message and its correlation in a packet of HEP 3.
fn told(packet: &[u8]) -> (String, Option<String>) {
    assert_eq!(&packet[..4], b"HEP3");
    let (mut rest, mut message, mut correlation) = (&packet[6..], String::new(), None);
    while !rest.is_empty() {
        let number = |at: usize| usize::from(u16::from_be_bytes([rest[at], rest[at + 1]]));
        let value = &rest[6..number(4)];
        match number(2) {
            12 => assert_eq!(value, [0, 0, 0, 7]),
            14 => assert_eq!(value, b"let me in"),
            15 => message = String::from_utf8_lossy(value).into_owned(),
            17 => correlation = Some(String::from_utf8_lossy(value).into_owned()),
            _ => {}
        }
        rest = &rest[number(4)..];
    }
    (message, correlation)
}
