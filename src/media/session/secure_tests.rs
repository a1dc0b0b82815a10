//! SRTP on a leg: nothing is believed unproven, and the keys follow what is agreed anew.

use super::tests::{at, far, fresh, packet, stream};
use super::*;
use crate::media::rtcp;
use crate::media::sdp::Security;
use crate::media::srtp::{Keying, OVERHEAD_MAX, Receiver, Sender, Suite};

fn keying(seed: u8) -> Keying {
    Keying::new(Suite::AesCm128HmacSha1_80, &[seed; 30]).unwrap()
}

fn secure(send: u8, receive: u8) -> Stream {
    let security = Some(Security { send: keying(send), receive: keying(receive) });
    Stream { security, ..stream(Codec::Pcmu) }
}

fn session() -> Session {
    let mut session = fresh();
    session.connect(secure(1, 2));
    session
}

/// A packet of the far side.
fn sent(phone: &mut Sender, sequence: u16) -> Vec<u8> {
    let mut bytes = packet(0, sequence, u32::from(sequence) * 160, &[1; 160]);
    let length = bytes.len();
    bytes.resize(length + OVERHEAD_MAX, 0);
    let length = phone.protect(&mut bytes, length).unwrap();
    bytes.truncate(length);
    bytes
}

fn frame(session: &mut Session, n: u64) -> Vec<u8> {
    let mut out = vec![0; 1_500];
    let length = session.frame(at(n * 20), n, &[0xFF; 160], &mut out).unwrap();
    out.truncate(length);
    out
}

fn is_voice(inbound: &Inbound<'_>) -> bool {
    matches!(inbound, Inbound::Voice { packet, .. } if packet.payload == [1; 160])
}

#[test]
fn what_is_heard_is_secret_and_what_is_said_is_proven() {
    let (mut session, mut phone) = (session(), Sender::new(&keying(2)));
    let mut out = frame(&mut session, 1);
    assert_ne!(out[12..172], [0xFF; 160]);
    assert_eq!(Receiver::new(&keying(1)).unprotect(&mut out), Ok(172));
    assert_eq!(out[12..172], [0xFF; 160]);
    assert!(is_voice(&session.receive(at(20), far(), &mut sent(&mut phone, 1))));
}

#[test]
fn the_unproven_teach_nothing_not_even_an_address() {
    let mut session = session();
    let stranger = "198.51.100.66:4000".parse().unwrap();
    let mut thief = Sender::new(&keying(9));
    for n in 0..50 {
        let mut forged = sent(&mut thief, n);
        let forged = session.receive(at(u64::from(n) * 20), stranger, &mut forged);
        assert_eq!(forged, Inbound::Dropped(DropCause::Unauthenticated));
        let mut plain = packet(0, n, 0, &[1; 160]);
        let plain = session.receive(at(u64::from(n) * 20), far(), &mut plain);
        assert_eq!(plain, Inbound::Dropped(DropCause::Unauthenticated));
    }
    assert_eq!(session.destination(), Some(far()));
    let mut phone = Sender::new(&keying(2));
    let packet = sent(&mut phone, 1);
    assert!(is_voice(&session.receive(at(2_000), far(), &mut packet.clone())));
    assert_eq!(session.receive(at(2_000), far(), &mut packet.clone()), Inbound::Dropped(DropCause::Replayed));
}

#[test]
fn a_hold_and_its_end_keep_the_keys_where_they_are() {
    let (mut session, mut phone) = (session(), Sender::new(&keying(2)));
    let before = sent(&mut phone, 1);
    assert!(is_voice(&session.receive(at(20), far(), &mut before.clone())));
    let mut listener = Receiver::new(&keying(1));
    for n in 1..70_000 {
        let mut out = frame(&mut session, n);
        assert_eq!(listener.unprotect(&mut out), Ok(172), "frame {n}");
        if n % 10_000 == 0 {
            session.connect(Stream { direction: crate::media::Direction::Inactive, ..secure(1, 2) });
            session.connect(secure(1, 2));
        }
    }
    let mut again = before.clone();
    assert_eq!(session.receive(at(40), far(), &mut again), Inbound::Dropped(DropCause::Replayed));
}

#[test]
fn a_new_key_of_one_side_leaves_the_other_as_it_is() {
    let (mut session, mut phone) = (session(), Sender::new(&keying(2)));
    let before = sent(&mut phone, 1);
    assert!(is_voice(&session.receive(at(20), far(), &mut before.clone())));
    let mut listener = Receiver::new(&keying(1));
    assert_eq!(listener.unprotect(&mut frame(&mut session, 1)), Ok(172));
    session.connect(secure(1, 3));
    assert_eq!(listener.unprotect(&mut frame(&mut session, 2)), Ok(172));
    let mut old = sent(&mut phone, 2);
    assert_eq!(session.receive(at(40), far(), &mut old), Inbound::Dropped(DropCause::Unauthenticated));
    assert!(is_voice(&session.receive(at(60), far(), &mut sent(&mut Sender::new(&keying(3)), 1))));
    session.connect(stream(Codec::Pcmu));
    assert_eq!(frame(&mut session, 3).len(), 172, "plain, once that is agreed");
}

#[test]
fn reports_are_secret_and_proven_too() {
    let mut session = session();
    frame(&mut session, 1);
    let mut out = [0; rtcp::REPORT_MAX];
    let (length, ..) = session.report(at(5_000), 1 << 40, true, &mut out).unwrap();
    let plain = Receiver::new(&keying(1)).unprotect_control(&mut out[..length]).unwrap();
    assert!(rtcp::read(&out[..plain], 0).is_some());

    let mut theirs = out;
    let refused = session.receive_report(at(5_000), far(), true, &mut theirs[..plain]);
    assert_eq!(refused, Err(DropCause::Unauthenticated));
    let mut theirs = out;
    let length = Sender::new(&keying(2)).protect_control(&mut theirs, plain).unwrap();
    assert!(session.receive_report(at(5_000), far(), true, &mut theirs[..length]).is_ok());
}
