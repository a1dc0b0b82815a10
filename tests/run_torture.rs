//! The torture messages of RFC 4475 thrown at the running program, over UDP, TCP and WebSocket: each has one outcome, nothing
//! breaks, and whoever is in a call stays in it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "here a panic is a verdict")]

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Dial, Phone, PhoneSettings, Sound};
use holdfast::sip::flow::Transport;
use phones::{until, within};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use support::engine::Holdfast;
use support::raw::Raw;
use tokio::net::UdpSocket;

const RULES: &str = r#"
[[queue]]
name = "sales"
title = "Sales"
music = ["morning-harbour"]
[[number]]
dialled = "4001"
queue = "sales"
"#;

/// The final answers to a message as a datagram or a frame of a WebSocket; and in a stream, where they differ.
type Expected = (&'static str, &'static [u16], Option<&'static [u16]>);

/// From a trunk, which may call without a password; none of the numbers they call is ours.
const CORPUS: [Expected; 49] = [
    ("wsinv", &[481], None), // its To has a tag: it belongs to a call that is not there
    ("intmeth", &[501], None),
    ("esc01", &[404], None),
    ("escnull", &[401], None),
    ("esc02", &[501], None),
    ("lwsdisp", &[200], None),
    ("longreq", &[404], None),
    ("dblreq", &[401], Some(&[401, 400])), // a stream's second message is read; its description is none
    ("semiuri", &[200], None),
    ("transports", &[200], None),
    ("mpart01", &[405], None), // MESSAGE
    ("unreason", &[], None),
    ("noreason", &[], None),
    ("badinv01", &[400], None),
    ("clerr", &[400], Some(&[])), // a stream waits for the rest
    ("ncl", &[400], None),
    ("scalar02", &[400], None),
    ("scalarlg", &[], None),
    ("quotbal", &[400], None),
    ("ltgtruri", &[400], None),
    ("lwsruri", &[400], None),
    ("lwsstart", &[404], None),
    ("trws", &[200], None),
    ("escruri", &[400], None),
    ("baddate", &[404], None),
    ("regbadct", &[401], None),
    ("badaspec", &[200], None),
    ("baddn", &[400], Some(&[])), // no empty line: a stream waits for it
    ("badvers", &[505], None),
    ("mismatch01", &[400], None),
    ("mismatch02", &[400], None),
    ("bigcode", &[], None),
    ("badbranch", &[200], None),
    ("insuf", &[400], None),
    ("unkscm", &[416], None),
    ("novelsc", &[416], None),
    ("unksm2", &[401], None),
    ("bext01", &[420], None),
    ("invut", &[415], None),
    ("regaut01", &[401], None),
    ("multi01", &[400], None),
    ("mcl01", &[400], None),
    ("bcast", &[], None),
    ("zeromf", &[200], None),
    ("cparam01", &[401], None),
    ("cparam02", &[401], None),
    ("regescrt", &[401], None),
    ("sdp01", &[406], None),
    // RFC 2543: neither tag nor Contact, and the number is not ours; in a stream no Content-Length, so nobody knows its end.
    ("inv2543", &[404], Some(&[400])),
];

fn load(at: usize) -> Vec<u8> {
    let path = format!("{}/tests/data/torture-rfc4475/{}.dat", env!("CARGO_MANIFEST_DIR"), CORPUS[at].0);
    let message = std::fs::read(path).unwrap();
    // Many have the same branch: told apart, none is taken for another sent again.
    let branch = b"z9hG4bKkdjuw";
    match message.windows(branch.len()).position(|window| window == branch) {
        Some(found) => {
            let (before, after) = message.split_at(found + branch.len());
            [before, format!("{at}-").as_bytes(), after].concat()
        }
        None => message,
    }
}

/// Asks something harmless: when its answer is there, so are the answers to all that came before.
fn marker(transport: Transport, at: usize) -> String {
    format!(
        "OPTIONS sip:holdfast SIP/2.0\r\nVia: SIP/2.0/{transport} marker.invalid;rport;branch=z9hG4bKmarker{at}\r\n\
         From: <sip:m@marker.invalid>;tag=m\r\nTo: <sip:holdfast>\r\nCall-ID: marker-{at}\r\nCSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

fn is_marker(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains("marker-")
}

/// The status of a final answer; a refusal may give back what is broken, so nothing else of it is read.
fn status(bytes: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(bytes.strip_prefix(b"SIP/2.0 ")?.get(..3)?).ok()?;
    text.parse().ok().filter(|status| *status >= 200)
}

/// Answers to datagrams go to the port in Via, which is 5060 for most: the sender has an address of its own and both ports
/// that stand there.
async fn by_datagram(engine: SocketAddr, at: usize, message: &[u8]) -> Vec<u16> {
    let own = |port| SocketAddr::from(([127, 44, 0, at as u8 + 1], port));
    let socket = UdpSocket::bind(own(5060)).await.unwrap();
    let elsewhere = UdpSocket::bind(own(5050)).await.unwrap();
    socket.send_to(message, engine).await.unwrap();
    socket.send_to(marker(Transport::Udp, at).as_bytes(), engine).await.unwrap();
    let (mut statuses, mut buffer) = (Vec::new(), vec![0; 65_536]);
    loop {
        let size = within(socket.recv(&mut buffer)).await.unwrap();
        if is_marker(&buffer[..size]) {
            break;
        }
        statuses.extend(status(&buffer[..size]));
    }
    while let Ok(size) = elsewhere.try_recv(&mut buffer) {
        statuses.extend(status(&buffer[..size]));
    }
    // An unacknowledged refusal of an INVITE is sent again and again.
    statuses.dedup();
    statuses
}

async fn by_connection(transport: Transport, engine: &Holdfast, at: usize, message: &[u8]) -> Vec<u16> {
    let open = async || Raw::open(transport, engine.listens(transport), Path::new(""), None).await.unwrap();
    let mut raw = open().await;
    raw.say(message).await;
    if transport == Transport::Tcp && HELD_UP.contains(&CORPUS[at].0) {
        // The stream would take the question for the rest of the message. Others are not kept waiting.
        let mut other = open().await;
        other.say(marker(transport, at).as_bytes()).await;
        other.answer().await;
        return Vec::new();
    }
    raw.say(marker(transport, at).as_bytes()).await;
    let mut statuses = Vec::new();
    while let Some(bytes) = raw.hear_bytes().await {
        if is_marker(&bytes) {
            break;
        }
        statuses.extend(status(&bytes));
    }
    statuses
}

/// Messages that a stream waits for the end of: a length that is too large, and no empty line.
const HELD_UP: [&str; 2] = ["clerr", "baddn"];

async fn torment_by(transport: Transport) {
    let listen =
        |config: String| config.replace("\"tcp:127.0.0.1:0\"", "\"tcp:127.0.0.1:0\", \"ws:127.0.0.1:0\"");
    let engine = tokio::task::spawn_blocking(move || Holdfast::start_changed(RULES, listen)).await.unwrap();
    let trunk = Phone::bind(PhoneSettings::new(engine.sip, "trunk", "none")).await.unwrap();
    let dial = Dial { target: "4001".into(), number: None, display: None, sound: Sound::Tone(440.0) };
    let caller = trunk.dial(dial).await.unwrap();
    within(caller.answered()).await.unwrap();
    let mut wrong = BTreeMap::new();
    for (at, (name, one, stream)) in CORPUS.into_iter().enumerate() {
        let message = load(at);
        let (seen, expected) = match transport {
            Transport::Udp => (by_datagram(engine.sip, at, &message).await, one),
            Transport::Tcp | Transport::Tls => {
                (by_connection(transport, &engine, at, &message).await, stream.unwrap_or(one))
            }
            Transport::Ws | Transport::Wss => (by_connection(transport, &engine, at, &message).await, one),
        };
        if seen != expected {
            wrong.insert(name, (seen, expected));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let heard = caller.heard().packets;
    until("the caller hears on", || caller.heard().packets > heard + 50).await;
    assert!(!engine.log().contains("panicked"), "{}", engine.log());
    caller.hang_up();
    until("he is gone", || engine.metric("holdfast_queue_calls_waiting{queue=\"sales\"}") == 0.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_torture_message_has_one_outcome_over_udp_and_calls_go_on() {
    torment_by(Transport::Udp).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_torture_message_has_one_outcome_over_tcp_and_calls_go_on() {
    torment_by(Transport::Tcp).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_torture_message_has_one_outcome_over_a_websocket_and_calls_go_on() {
    torment_by(Transport::Ws).await;
}
