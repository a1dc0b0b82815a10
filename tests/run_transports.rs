//! TLS and WebSockets against the running program: calls come and go by each, certificates are exchanged under them, and
//! who may not come is turned away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "here a panic is a verdict")]

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Dial, Phone, PhoneSettings, Sound};
use holdfast::secret::Secret;
use holdfast::sip::auth::{Answerer, Login};
use holdfast::sip::flow::Transport;
use holdfast::sip::message::Response;
use holdfast::sip::uri::NameAddr;
use phones::{until, within};
use std::path::PathBuf;
use support::certificates::Authority;
use support::engine::{Holdfast, TOKEN};
use support::raw::{Raw, sdp};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Error;

const RULES: &str = r#"
[[queue]]
name = "sales"
title = "Sales"
music = ["morning-harbour"]
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "anna"
password = "right"
queues = ["sales"]
login = "automatic"
"#;

/// An engine that listens by everything on this address, with a certificate for it.
async fn engine(authority: &Authority, address: &'static str, more: &'static str) -> Holdfast {
    engine_changed(authority, address, more, |config| config).await
}

/// The same, with the whole configuration changed at the last moment.
async fn engine_changed(
    authority: &Authority,
    address: &'static str,
    more: &'static str,
    change: impl Fn(String) -> String + Send + 'static,
) -> Holdfast {
    let (certificate, key) = authority.issue("own", &[address.trim_matches(['[', ']'])]);
    let tls = move |config: String| {
        let listen = "listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"";
        let all = ["tls", "ws", "wss"].map(|it| format!(", \"{it}:{address}:0\"")).concat();
        let files = format!("certificate = {certificate:?}\nkey = {key:?}\n");
        config
            .replace(listen, &format!("{more}\n{listen}{all}"))
            .replace("[media]\n", &format!("[sip.tls]\n{files}\n[media]\n"))
            .replace("[\"127.0.0.0/8\"]", "[\"127.0.0.0/8\", \"::1/128\"]")
    };
    let tls = move |config| change(tls(config));
    tokio::task::spawn_blocking(move || Holdfast::start_changed(RULES, tls)).await.unwrap()
}

async fn open(engine: &Holdfast, transport: Transport, authority: &Authority) -> Raw {
    let server = engine.listens(transport);
    within(Raw::open(transport, server, &authority.file(), None)).await.unwrap()
}

/// A call to the queue; the answer, acknowledged.
async fn call(raw: &mut Raw, name: &str) -> Response {
    let more = format!(
        "From: <sip:jane@holdfast>;tag={name}\r\nTo: <sip:4001@holdfast>\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n"
    );
    raw.say(raw.request_text("INVITE", "sip:4001@holdfast", name, &more, &sdp()).as_bytes()).await;
    let answer = raw.answer().await;
    assert_eq!(answer.status, 200, "{:?}", raw.transport);
    let ack = within_call(&answer, name, "1 ACK");
    raw.say(raw.request_text("ACK", &target(&answer), name, &ack, "").as_bytes()).await;
    answer
}

fn within_call(answer: &Response, name: &str, cseq: &str) -> String {
    let to = answer.headers.first("To").unwrap();
    format!("From: <sip:jane@holdfast>;tag={name}\r\nTo: {to}\r\nCSeq: {cseq}\r\n")
}

fn target(answer: &Response) -> String {
    let contact: NameAddr = answer.headers.first("Contact").unwrap().parse().unwrap();
    contact.uri.to_string()
}

async fn hang_up(raw: &mut Raw, answer: &Response, name: &str) {
    let bye = within_call(answer, name, "2 BYE");
    raw.say(raw.request_text("BYE", &target(answer), name, &bye, "").as_bytes()).await;
    assert_eq!(raw.answer().await.status, 200);
}

fn waiting(engine: &Holdfast) -> f64 {
    engine.metric("holdfast_queue_calls_waiting{queue=\"sales\"}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_comes_and_goes_by_each_transport_and_is_told_how_to_come_back() {
    let authority = Authority::new();
    let engine = engine(&authority, "127.0.0.1", "").await;
    for transport in Transport::ALL {
        let mut raw = open(&engine, transport, &authority).await;
        let answer = call(&mut raw, transport.as_str()).await;
        let (target, port) = (target(&answer), engine.listens(transport).port());
        let param = transport.uri_param().map_or(String::new(), |it| format!(";transport={it}"));
        assert_eq!(target, format!("sip:holdfast@127.0.0.1:{port}{param}"));
        until("it waits", || waiting(&engine) == 1.0).await;
        hang_up(&mut raw, &answer, transport.as_str()).await;
        until("it is over", || waiting(&engine) == 0.0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_in_a_browser_is_rung_by_the_websocket_he_has_opened() {
    let authority = Authority::new();
    let engine = engine(&authority, "127.0.0.1", "").await;
    let mut browser = open(&engine, Transport::Wss, &authority).await;
    let register = |cseq: u8, more: &str| {
        format!(
            "From: <sip:anna@holdfast>;tag=r\r\nTo: <sip:anna@holdfast>\r\nCSeq: {cseq} REGISTER\r\nExpires: 60\r\n{more}"
        )
    };
    let text = browser.request_text("REGISTER", "sip:holdfast", "r", &register(1, ""), "");
    browser.say(text.as_bytes()).await;
    let challenge = browser.answer().await;
    assert_eq!(challenge.status, 401);
    let login = Login {
        username: "anna".into(),
        realm: "holdfast".into(),
        password: Secret::new("right".to_owned()),
    };
    let asked = challenge.headers.all("WWW-Authenticate");
    let proof = Answerer::new(login).answer(asked, "REGISTER", "sip:holdfast", "c").unwrap();
    let more = register(2, &format!("Authorization: {proof}\r\n"));
    browser.say(browser.request_text("REGISTER", "sip:holdfast", "r2", &more, "").as_bytes()).await;
    let registered = browser.answer().await;
    assert_eq!(registered.status, 200);
    assert!(registered.headers.first("Contact").unwrap().contains("df7jal23ls0d.invalid"));
    let trunk = Phone::bind(PhoneSettings::new(engine.sip, "trunk", "none")).await.unwrap();
    let dial = Dial { target: "4001".into(), number: None, display: None, sound: Sound::Tone(440.0) };
    let caller = trunk.dial(dial).await.unwrap();
    let ringing = browser.request("INVITE").await;
    assert!(ringing.uri.contains("df7jal23ls0d.invalid"), "{}", ringing.uri);
    assert!(ringing.headers.first("Via").unwrap().starts_with("SIP/2.0/WSS 127.0.0.1:"));
    let mut accept = Response::reply_to(&ringing, 200, "", Some("b"));
    accept.headers.push("Contact", "<sip:anna@df7jal23ls0d.invalid;transport=ws>");
    accept.headers.push("Content-Type", "application/sdp");
    // The formats of the offer are ours too.
    accept.body = sdp().into_bytes();
    browser.say(&holdfast::sip::codec::print_response(&accept)).await;
    browser.request("ACK").await;
    until("they talk", || {
        engine.metric("holdfast_queue_calls_ended_total{outcome=\"answered\",queue=\"sales\"}") == 1.0
    })
    .await;
    caller.hang_up();
    browser.request("BYE").await;
    // Whoever closes his page cannot be rung any more.
    drop(browser);
    until("nobody rings him any more", || {
        engine.metric("holdfast_queue_agents{queue=\"sales\",state=\"unreachable\"}") == 1.0
    })
    .await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_certificates_serve_new_connections_and_no_call_is_lost() {
    let authority = Authority::new();
    let engine = engine(&authority, "127.0.0.1", "").await;
    let mut before = open(&engine, Transport::Tls, &authority).await;
    let answer = call(&mut before, "before").await;
    authority.issue("own", &["127.0.0.1"]);
    let (status, body) = reload(&engine);
    assert_eq!(status, 200, "{body}");
    let after = open(&engine, Transport::Wss, &authority).await;
    assert!(before.certificate.is_some() && before.certificate != after.certificate);
    // A key that belongs to another certificate is refused, and what was good stays.
    let (_, key) = authority.issue("other", &["127.0.0.1"]);
    std::fs::copy(key, authority.path("own.key")).unwrap();
    let (status, body) = reload(&engine);
    assert_eq!(status, 422, "{body}");
    assert!(body.contains("own.key: the key is another certificate's than"), "{body}");
    let still = open(&engine, Transport::Tls, &authority).await;
    assert_eq!(still.certificate, after.certificate);
    until("the call still waits", || waiting(&engine) == 1.0).await;
    hang_up(&mut before, &answer, "before").await;
    until("it is over", || waiting(&engine) == 0.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carrier_that_closes_its_connection_in_a_call_is_told_of_its_end_by_a_new_one() {
    let authority = Authority::new();
    let shown = authority.issue("carrier", &["127.0.0.1"]);
    let carrier = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (server, trust) = (carrier.local_addr().unwrap(), authority.file());
    let engine = engine_changed(&authority, "127.0.0.1", "", move |config| {
        let trunk = "name = \"loopback\"\n";
        config
            .replace("[sip.tls]\n", &format!("[sip.tls]\ntrust = {trust:?}\n"))
            .replace(trunk, &format!("{trunk}dial = \"sip:{server};transport=tls\"\n"))
    })
    .await;
    let mut before = open(&engine, Transport::Tls, &authority).await;
    call(&mut before, "closed").await;
    until("it waits", || waiting(&engine) == 1.0).await;
    let id = support::eventually("the call is shown", std::time::Duration::from_secs(10), || {
        engine.api("/v1/calls")[0]["id"].as_str().map(str::to_owned)
    });
    drop(before);
    engine.post(&format!("/v1/calls/{id}/hangup"), serde_json::json!({}));
    let mut after = Raw::accept(&carrier, &shown).await;
    let bye = after.request("BYE").await;
    assert_eq!(bye.headers.first("Call-ID"), Some("closed"));
    after.say(&holdfast::sip::codec::print_response(&Response::reply_to(&bye, 200, "", None))).await;
    until("it is over", || waiting(&engine) == 0.0).await;
}

#[test]
fn a_certificate_that_has_expired_is_refused_before_anything_starts() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue_until("own", &["127.0.0.1"], 2021);
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("site.toml");
    let preamble = support::engine::preamble(folder.path())
        .replace("[media]\n", &format!("[sip.tls]\ncertificate = {certificate:?}\nkey = {key:?}\n[media]\n"));
    std::fs::write(&path, preamble + RULES).unwrap();
    let checked = std::process::Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .arg("check-config")
        .arg(&path)
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
    assert!(!checked.status.success(), "{said}");
    assert!(
        said.contains("[sip]: tls: ") && said.contains("own.pem: the certificate is valid from"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_from_elsewhere_is_refused_with_403_and_one_that_is_named_is_let_in() {
    let authority = Authority::new();
    let engine = engine(&authority, "127.0.0.1", "origins = [\"https://desk.example.com\"]").await;
    let server = engine.listens(Transport::Ws);
    let open = async |origin| Raw::open(Transport::Ws, server, &authority.file(), Some(origin)).await;
    match open("https://evil.example").await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 403),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a page from elsewhere was let in"),
    }
    let mut page = open("https://desk.example.com").await.unwrap();
    let answer = call(&mut page, "page").await;
    hang_up(&mut page, &answer, "page").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_nothing_is_cut_off_and_who_comes_too_often_is_turned_away() {
    let authority = Authority::new();
    let engine = engine(&authority, "127.0.0.1", "connections_per_source_max = 3").await;
    let mut silent = Vec::new();
    for transport in [Transport::Tls, Transport::Ws, Transport::Wss] {
        silent.push(TcpStream::connect(engine.listens(transport)).await.unwrap());
    }
    let mut fourth = TcpStream::connect(engine.listens(Transport::Tls)).await.unwrap();
    let over = async |stream: &mut TcpStream| {
        // A reset closes as well.
        let _ = within(stream.read_to_end(&mut Vec::new())).await;
    };
    over(&mut fourth).await;
    for stream in &mut silent {
        over(stream).await;
    }
    until("it is counted", || {
        engine.metric("holdfast_sip_connections_refused_total") == 1.0
            && engine.metric("holdfast_sip_handshakes_failed_total") == 3.0
    })
    .await;
    let mut raw = open(&engine, Transport::Tls, &authority).await;
    let answer = call(&mut raw, "late").await;
    hang_up(&mut raw, &answer, "late").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_come_by_ipv6_too() {
    let authority = Authority::new();
    let engine = engine(&authority, "[::1]", "").await;
    for transport in [Transport::Tls, Transport::Ws, Transport::Wss] {
        let mut raw = open(&engine, transport, &authority).await;
        let name = transport.as_str();
        // The sound goes by the other family: its address is the description's.
        let answer = call(&mut raw, name).await;
        assert!(answer.headers.first("Via").unwrap().contains("received=::1"), "{:?}", answer.headers);
        assert!(target(&answer).starts_with("sip:holdfast@[::1]:"), "{}", target(&answer));
        hang_up(&mut raw, &answer, name).await;
    }
}
