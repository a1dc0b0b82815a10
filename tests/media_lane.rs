//! A caller who has waited a while has a second, connected socket on his port. Nobody notices: his keys are heard, a NAT that
//! moves him is followed, strangers get nothing, and in a conversation his words are passed on as ever.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

#[path = "media_support/mod.rs"]
mod support;

use holdfast::engine::command::{MusicManner, Program, Then};
use holdfast::media::{Codec, DropCause, Library, MediaEvent};
use std::net::UdpSocket;
use support::{Phone, caller, engine, next_event, tone, until};

/// How many sockets of this machine lie on a port of the loopback (proc(5), `/proc/net/udp`).
fn sockets_on(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/udp").unwrap();
    table.lines().filter(|line| line.contains(&format!(" 0100007F:{port:04X} "))).count()
}

#[test]
fn a_caller_who_has_waited_long_presses_keys_moves_behind_his_nat_and_talks() {
    let (mut handle, mut events) = engine(Library::empty());
    let mut waiting = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    let mut agent = Phone::connected(&mut handle, caller(2), Some(waiting.leg), Codec::Pcmu, 101);
    let (prompts, manner) = (Vec::new(), MusicManner::default());
    handle.play(waiting.leg, &Program { prompts, language: "en".into(), then: Then::Silence, manner });
    let (port, leg) = (waiting.engine.port(), waiting.leg);
    until("he has a lane", || sockets_on(port) == 2);

    waiting.press(5);
    assert_eq!(next_event(&mut events), MediaEvent::DigitPressed { leg, digit: '5' });

    // A stranger's packets lie with the first socket: they are looked at, and he gets nothing.
    let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    stranger.send_to(&[0x80; 172], waiting.engine).unwrap();
    let strange = [DropCause::Malformed, DropCause::Stranger, DropCause::Learning];
    until("he is refused", || strange.iter().any(|&cause| handle.counters()[0].dropped(cause) > 0));
    assert!(stranger.recv_from(&mut [0; 2_048]).is_err());

    // His NAT moves him: the same host, another port.
    let moved = UdpSocket::bind("127.0.0.1:0").unwrap();
    moved.set_read_timeout(Some(std::time::Duration::from_millis(20))).unwrap();
    let old = std::mem::replace(&mut waiting.rtp, moved);
    until("he is found", || {
        waiting.speak(&[0.0; 160]);
        waiting.try_hear().is_some()
    });
    until("his lane leads there", || sockets_on(port) == 2);
    waiting.press(7);
    assert_eq!(next_event(&mut events), MediaEvent::DigitPressed { leg, digit: '7' });
    old.set_nonblocking(true).unwrap();
    while old.recv_from(&mut [0; 2_048]).is_ok() {}

    handle.bridge(leg, agent.leg).unwrap();
    until("one socket is enough for a conversation", || sockets_on(port) == 1);
    let speech: Vec<f32> = tone(400.0, 0.02).collect();
    waiting.rtp.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    waiting.drain();
    agent.drain();
    for _ in 0..10 {
        waiting.speak(&speech);
        assert_eq!(agent.hear().payload.len(), 160);
        agent.speak(&speech);
        assert_eq!(waiting.hear().payload.len(), 160);
    }
    assert!(old.recv_from(&mut [0; 2_048]).is_err(), "nothing more goes where he was");
    handle.shutdown();
}
