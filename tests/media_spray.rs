//! Somebody who sprays every media port with RTP that looks right, from other addresses and ports: before anybody was
//! heard and afterwards, with SRTP and without. He is sent nothing, and the call does not notice.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed assertion")]

mod media_support;

use holdfast::media::srtp::{Keying, Sender, Suite};
use holdfast::media::{Codec, Direction, DropCause, Handle, Library, Sessions, Stream, sdp::Security};
use media_support::*;
use std::net::{SocketAddr, UdpSocket};

/// Sockets at other hosts of the loopback, and one beside the phone's own.
fn sprayers() -> Vec<UdpSocket> {
    let sockets = ["127.0.0.2:0", "127.0.0.3:0", "127.0.0.1:0"].map(|at| UdpSocket::bind(at).unwrap());
    sockets.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
    sockets.into()
}

/// Everything about it is right but where it comes from; the source is the phone's own, as if it had been overheard.
fn spray(handle: &Handle, sockets: &[UdpSocket], targets: &[SocketAddr], ssrc: u32, packets: u16) {
    let refused = |handle: &Handle| {
        let causes =
            [DropCause::Stranger, DropCause::Learning, DropCause::Unauthenticated, DropCause::Replayed];
        causes.iter().map(|cause| handle.counters()[0].dropped(*cause)).sum::<u64>()
    };
    for n in 0..packets {
        for (socket, target) in
            sockets.iter().flat_map(|socket| targets.iter().map(move |target| (socket, target)))
        {
            let mut packet = vec![0x80, 0];
            packet.extend((100 + n).to_be_bytes());
            packet.extend((5_000 + u32::from(n) * 160).to_be_bytes());
            packet.extend(ssrc.to_be_bytes());
            packet.extend([7; 160]);
            let before = refused(handle);
            socket.send_to(&packet, target).unwrap();
            // One by one: the socket's buffer is modest.
            until("it is refused", || refused(handle) > before);
        }
    }
}

fn nothing_was_sent_to(sockets: &[UdpSocket]) {
    for socket in sockets {
        assert!(socket.recv_from(&mut [0; 2_048]).is_err(), "nothing is sent to {:?}", socket.local_addr());
    }
}

#[test]
fn who_sprays_before_the_phone_is_heard_and_afterwards_gets_nothing_and_is_not_heard() {
    let (mut handle, _events) = engine(Library::empty());
    let mut one = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    let mut other = Phone::connected(&mut handle, caller(2), Some(one.leg), Codec::Pcmu, 101);
    handle.bridge(one.leg, other.leg).unwrap();
    until("bridge", || handle.counters()[0].bridged.value() == 2);
    let (sockets, targets) = (sprayers(), [one.engine, other.engine]);
    // Fewer than make another address the far side's: more of them is how a phone behind a NAT is found.
    spray(&handle, &sockets, &targets, one.ssrc, 4);
    let speech: Vec<f32> = tone(400.0, 0.02).collect();
    for _ in 0..30 {
        one.speak(&speech);
        let heard = other.hear();
        assert!(share_of(400.0, &other.decoded(&heard)) > 0.9, "the phone's own packet, and no other");
        other.speak(&speech);
        assert!(share_of(400.0, &one.decoded(&one.hear())) > 0.9);
        spray(&handle, &sockets, &targets, one.ssrc, 2);
    }
    assert_eq!((one.drain(), other.drain()), (0, 0), "nobody heard anything else");
    nothing_was_sent_to(&sockets);
}

#[test]
fn who_sprays_a_secret_call_gets_nothing_however_much_he_sends_before_the_phone_speaks() {
    for suite in Suite::ALL {
        let (mut handle, _events) = engine(Library::empty());
        let keying = |seed| Keying::new(suite, &vec![seed; suite.key_bytes() + suite.salt_bytes()]).unwrap();
        let mut secret = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
        let plain = Phone::connected(&mut handle, caller(2), Some(secret.leg), Codec::Pcmu, 101);
        let security = Some(Security { send: keying(1), receive: keying(2) });
        handle.connect(secret.leg, Stream { security, ..secret.stream(Direction::SendRecv) });
        handle.bridge(secret.leg, plain.leg).unwrap();
        until("bridge", || handle.counters()[0].bridged.value() == 2);
        let sockets = sprayers();
        let target = [secret.engine];
        spray(&handle, &sockets, &target, secret.ssrc, 20);
        let mut sender = Sender::new(&keying(2));
        for n in 0..5_u8 {
            let mut packet = vec![0x80, 0];
            packet.extend(secret.sequence.to_be_bytes());
            packet.extend(secret.timestamp.to_be_bytes());
            packet.extend(secret.ssrc.to_be_bytes());
            packet.extend([n; 160]);
            let length = packet.len();
            packet.resize(2_048, 0);
            let length = sender.protect(&mut packet, length).unwrap();
            secret.rtp.send_to(&packet[..length], secret.engine).unwrap();
            assert_eq!(plain.hear().payload, [n; 160], "{}: the phone's own, and no other", suite.name());
            (secret.sequence, secret.timestamp) = (secret.sequence + 1, secret.timestamp + 160);
            spray(&handle, &sockets, &target, secret.ssrc, 4);
        }
        assert_eq!(plain.drain(), 0, "{}", suite.name());
        nothing_was_sent_to(&sockets);
    }
}
