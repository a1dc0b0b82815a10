//! Malformed SIP and RTP thrown at a running engine: those who talk go on talking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Phone, PhoneSettings, Sound};
use phones::{until, within};
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;
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
login = "automatic"
"#;

/// The messages of RFC 4475.
fn torture() -> Vec<Vec<u8>> {
    let folder = format!("{}/tests/data/torture-rfc4475", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Bytes without meaning, the same in every run.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn torment_signalling(engine: &Holdfast) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let noises = (0..200).map(|seed| noise(seed * 7 % 1400, seed as u64));
    for message in torture().into_iter().chain(noises) {
        socket.send_to(&message, engine.sip).unwrap();
        let half = &message[..message.len() / 2];
        socket.send_to(half, engine.sip).unwrap();
    }
    for message in torture().into_iter().chain([noise(100_000, 7), b"\r\n\r\n".to_vec(), Vec::new()]) {
        let mut stream = TcpStream::connect(engine.sip_tcp).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        // The engine may have closed the connection at the first bad byte.
        let _ = stream.write_all(&message);
        let _ = stream.read(&mut [0; 4096]);
    }
}

/// Sends to a port what is no RTP, or RTP of nobody's call.
fn torment_media(port: u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for seed in 0..300_usize {
        let mut packet = noise(seed * 5 % 1500, seed as u64);
        if let Some(first) = packet.first_mut().filter(|_| seed % 2 == 0) {
            // Version 2, so that it is looked at: with padding, extensions and sources that are not there.
            *first = 0x80 | (*first & 0x3f);
        }
        for port in [port, port + 1] {
            socket.send_to(&packet, ("127.0.0.1", port)).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_talk_go_on_talking_whatever_others_send() {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    let phone = async |account: &str| {
        Phone::bind(PhoneSettings::new(engine.sip, account, &format!("{account}'s own"))).await.unwrap()
    };
    let (trunk, anna) = (phone("trunk").await, phone("anna").await);
    within(anna.register()).await.unwrap();
    let caller = trunk.call("4001").await.unwrap();
    caller.say(Sound::Tone(440.0));
    let talking = within(anna.incoming()).await.unwrap().answer();
    within(talking.answered()).await.unwrap();
    talking.say(Sound::Tone(1_000.0));
    let waiting = trunk.call("4001").await.unwrap();
    until("the caller hears the agent", || caller.heard().tone_share(1_000.0) > 0.99).await;
    until("the next one hears music", || waiting.heard().loudness() > 100.0).await;

    let (before, dropped) = (engine.metrics(), r#"holdfast_rtp_packets_dropped_total"#);
    let first = engine.log();
    let engine = tokio::task::spawn_blocking(move || {
        torment_signalling(&engine);
        // Every port of the configured range that is open; the others refuse.
        let range = engine.media_ports();
        range
            .step_by(2)
            .filter(|port| UdpSocket::bind(("127.0.0.1", *port)).is_err())
            .for_each(torment_media);
        engine
    })
    .await
    .unwrap();

    let packets = (caller.heard().packets, talking.heard().packets, waiting.heard().packets);
    until("all three hear on", || {
        caller.heard().packets > packets.0 + 50
            && talking.heard().packets > packets.1 + 50
            && waiting.heard().packets > packets.2 + 50
    })
    .await;
    until("the caller hears the agent alone", || caller.heard().tone_share(1_000.0) > 0.99).await;
    until("the agent hears the caller alone", || talking.heard().tone_share(440.0) > 0.99).await;
    assert_eq!(
        (caller.heard().strange, talking.heard().strange),
        (0, 0),
        "nothing foreign reached the phones"
    );
    let after = engine.metrics();
    let sum = |metrics: &std::collections::BTreeMap<String, f64>, name: &str| {
        metrics.iter().filter(|(key, _)| key.starts_with(name)).map(|(_, value)| value).sum::<f64>()
    };
    assert!(
        sum(&after, dropped) > sum(&before, dropped),
        "the garbage reached the media plane and was counted"
    );
    assert!(
        sum(&after, "holdfast_sip_malformed") > sum(&before, "holdfast_sip_malformed"),
        "and the signalling"
    );
    assert!(!engine.log()[first.len()..].contains("panicked"), "{}", engine.log());
    // New calls are taken as ever.
    let late = trunk.call("4001").await.unwrap();
    within(late.answered()).await.unwrap();
    caller.hang_up();
    within(talking.ended()).await;
}
