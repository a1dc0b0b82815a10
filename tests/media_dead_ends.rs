//! Destinations that are gone or never read cost the others nothing: real sockets, closed ports, full buffers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

#[path = "media_support/mod.rs"]
mod support;

use holdfast::engine::command::{MusicManner, Program, Then};
use holdfast::media::{Codec, Library, Sessions, Stream, Wishes};
use std::net::UdpSocket;
use support::{Heard, Phone, caller, engine, until};

const LEGS: u64 = 200;
/// Packets that each living phone must hear without a gap: a second and a half.
const PACKETS: usize = 75;

/// A port that was somebody's and is nobody's now: the system answers with ICMP "port unreachable" (RFC 1122 §4.1.3.1). On
/// an address of its own, lest the system give it to the next phone.
fn closed() -> std::net::SocketAddr {
    UdpSocket::bind("127.0.0.9:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_hundred_phones_miss_nothing_while_a_hundred_others_are_gone() {
    let (mut handle, _events) = engine(Library::empty());
    let silence = Program {
        prompts: Vec::new(),
        language: "en".into(),
        then: Then::Silence,
        manner: MusicManner::default(),
    };
    let mut phones = Vec::new();
    // Some were never there; one is there and never reads, so that its buffer fills.
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    for number in 0..LEGS {
        let leg = caller(number);
        if number % 2 == 0 {
            phones.push(Phone::connected(&mut handle, leg, None, Codec::Pcmu, 101));
        } else {
            handle.open(leg, None, &Wishes::default()).unwrap();
            let to = if number % 4 == 1 { closed() } else { deaf.local_addr().unwrap() };
            handle.connect(leg, Stream::plain(to, Codec::Pcmu));
        }
        handle.play(leg, &silence);
    }
    let sent = || handle.counters()[0].sent.value();
    until("everybody was sent to", || sent() > LEGS * PACKETS as u64 * 2);
    for phone in &phones {
        let heard: Vec<Heard> = (0..PACKETS).map(|_| phone.hear()).collect();
        for (before, after) in heard.iter().zip(&heard[1..]) {
            assert_eq!(after.sequence, before.sequence.wrapping_add(1), "no packet is missing");
            let frames = after.timestamp.wrapping_sub(before.timestamp);
            assert!(frames.is_multiple_of(160) && frames > 0, "and none is out of its time: {frames}");
        }
    }
    handle.shutdown();
}
