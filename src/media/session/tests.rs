//! One stream for the listener, whatever he hears; nobody else's packets.

use super::*;
use crate::media::rtcp;
use crate::media::sdp::Direction;
use proptest::prelude::*;

const FAR: &str = "198.51.100.7:4000";

pub(super) fn stream(codec: Codec) -> Stream {
    let mut stream = Stream { dtmf: Some(96), ..Stream::plain(FAR.parse().unwrap(), codec) };
    stream.receives.add(96, Meaning::Event { clock_hz: 8_000 });
    stream
}

fn session(codec: Codec) -> Session {
    let mut session = fresh();
    session.connect(stream(codec));
    session
}

pub(super) fn fresh() -> Session {
    Session::new(at(0), Seed { ssrc: 7, sequence: 65_530, timestamp: u32::MAX - 1_000 })
}

pub(super) fn at(ms: u64) -> Monotonic {
    Monotonic(ms * 1_000)
}

pub(super) fn far() -> SocketAddr {
    FAR.parse().unwrap()
}

pub(super) fn packet(payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 1_500];
    let header = Header { payload_type, marker: false, sequence, timestamp, ssrc: 99 };
    let length = rtp::write(header, payload, &mut out).unwrap();
    out.truncate(length);
    out
}

/// What the listener gets: payload type, marker, sequence and timestamp.
fn heard(out: &[u8]) -> (u8, bool, u16, u32) {
    let packet = rtp::read(out).unwrap();
    assert_eq!(packet.ssrc, 7, "one source for the whole call");
    (packet.payload_type, packet.marker, packet.sequence, packet.timestamp)
}

fn frame(session: &mut Session, ms: u64) -> (u8, bool, u16, u32) {
    let mut out = [0; 1_500];
    let length = session.frame(at(ms), ms / 20, &[0xFF; 160], &mut out).unwrap();
    heard(&out[..length])
}

#[test]
fn frames_are_numbered_and_timed_without_a_break() {
    let mut session = session(Codec::Pcmu);
    let first = frame(&mut session, 20);
    assert!(first.1, "a talk spurt begins");
    for n in 1..100_u16 {
        let next = frame(&mut session, 20 + u64::from(n) * 20);
        let expected = (0, false, first.2.wrapping_add(n), first.3.wrapping_add(u32::from(n) * 160));
        assert_eq!(next, expected);
    }
}

#[test]
fn skipped_frames_leave_a_gap_in_time_but_none_in_number() {
    let mut session = session(Codec::Pcmu);
    let first = frame(&mut session, 20);
    let next = frame(&mut session, 220);
    assert_eq!(next, (0, true, first.2.wrapping_add(1), first.3.wrapping_add(1_600)));
}

#[test]
fn music_then_bridge_then_music_is_one_stream() {
    let mut session = session(Codec::Pcmu);
    let mut all: Vec<_> = (1..10).map(|n| frame(&mut session, n * 20)).collect();
    session.change_source();
    for n in 0..10_u16 {
        let bytes = packet(0, 500 + n, 80_000 + u32::from(n) * 160, &[1; 160]);
        let mut out = [0; 1_500];
        let now = at(195 + u64::from(n) * 20);
        let length = session.relay(now, &rtp::read(&bytes).unwrap(), Codec::Pcmu, &mut out).unwrap();
        all.push(heard(&out[..length]));
    }
    session.change_source();
    all.extend((20..30).map(|n| frame(&mut session, n * 20)));
    for pair in all.windows(2) {
        assert_eq!(pair[1].2, pair[0].2.wrapping_add(1));
        let passed = pair[1].3.wrapping_sub(pair[0].3);
        assert!((160..=320).contains(&passed), "{passed}");
    }
    let spurts: Vec<_> = all.iter().enumerate().filter(|(_, packet)| packet.1).map(|(n, _)| n).collect();
    assert_eq!(spurts, [0, 9, 19]);
}

#[test]
fn voice_of_another_codec_is_translated_and_of_the_same_is_not() {
    for (from, to) in [(Codec::Pcmu, Codec::Pcma), (Codec::Pcma, Codec::Pcmu), (Codec::Pcma, Codec::Pcma)] {
        let mut session = session(to);
        let payload: Vec<u8> = (0..=255).collect();
        let bytes = packet(from.offered_payload_type(), 1, 0, &payload);
        let mut out = [0; 1_500];
        let length = session.relay(at(20), &rtp::read(&bytes).unwrap(), from, &mut out).unwrap();
        let got = rtp::read(&out[..length]).unwrap();
        assert_eq!(got.payload_type, to.offered_payload_type());
        for (&before, &after) in payload.iter().zip(got.payload) {
            let expected = from
                .law()
                .unwrap()
                .crossing(to.law().unwrap())
                .map_or(before, |table| table[usize::from(before)]);
            assert_eq!(after, expected);
        }
    }
}

#[test]
fn packets_of_thirty_milliseconds_pass_as_they_are() {
    let mut session = session(Codec::Pcmu);
    let mut timestamps = Vec::new();
    for n in 0..3_u16 {
        let bytes = packet(8, n, u32::from(n) * 240, &[0xD5; 240]);
        let mut out = [0; 1_500];
        let now = at(30 * u64::from(n) + 30);
        let length = session.relay(now, &rtp::read(&bytes).unwrap(), Codec::Pcma, &mut out).unwrap();
        let got = rtp::read(&out[..length]).unwrap();
        // A-law's smallest value is µ-law's second smallest (G.711 table 4).
        assert_eq!(got.payload, [0xFE; 240]);
        timestamps.push(got.timestamp);
    }
    assert_eq!(timestamps[2].wrapping_sub(timestamps[0]), 480);
}

#[test]
fn events_pass_under_the_far_sides_number_with_one_timestamp() {
    let mut session = session(Codec::Pcmu);
    let mut out = [0; 1_500];
    let voice = packet(0, 1, 1_600, &[1; 160]);
    session.relay(at(20), &rtp::read(&voice).unwrap(), Codec::Pcmu, &mut out).unwrap();
    let mut stamps = Vec::new();
    for n in 0..6_u16 {
        let event = packet(101, 2 + n, 1_760, &[5, 0x0A, 0, 160]);
        let now = at(40 + u64::from(n) * 20);
        let length = session.relay_event(now, &rtp::read(&event).unwrap(), &mut out).unwrap();
        let got = heard(&out[..length]);
        assert_eq!(got.0, 96);
        stamps.push((got.2, got.3));
    }
    assert!(stamps.windows(2).all(|pair| pair[0].1 == pair[1].1 && pair[1].0 == pair[0].0.wrapping_add(1)));
}

#[test]
fn events_are_withheld_from_who_takes_none_and_leave_no_gap() {
    let mut session = fresh();
    session.connect(Stream { dtmf: None, ..stream(Codec::Pcmu) });
    let mut out = [0; 1_500];
    let voice = |n: u16| packet(0, n, u32::from(n) * 160, &[1; 160]);
    let bytes = voice(1);
    let length = session.relay(at(20), &rtp::read(&bytes).unwrap(), Codec::Pcmu, &mut out).unwrap();
    let before = heard(&out[..length]).2;
    let event = packet(101, 2, 320, &[5, 0x0A, 0, 160]);
    assert_eq!(session.relay_event(at(40), &rtp::read(&event).unwrap(), &mut out), None);
    let bytes = voice(3);
    let length = session.relay(at(60), &rtp::read(&bytes).unwrap(), Codec::Pcmu, &mut out).unwrap();
    assert_eq!(heard(&out[..length]).2, before.wrapping_add(1));
}

#[test]
fn keys_are_reported_once_and_understood_by_either_number() {
    let mut session = session(Codec::Pcmu);
    let mut digits = Vec::new();
    for (n, payload_type) in [(0_u16, 96), (1, 96), (2, 96)] {
        let mut bytes = packet(payload_type, n, 800, &[7, 0x8A, 0, 160]);
        if let Inbound::Event { digit, .. } = session.receive(at(u64::from(n) * 20), far(), &mut bytes) {
            digits.extend(digit);
        }
    }
    let mut bytes = packet(101, 3, 2_400, &[8, 0x8A, 0, 160]);
    assert!(matches!(session.receive(at(80), far(), &mut bytes), Inbound::Event { digit: Some('8'), .. }));
    assert_eq!(digits, ['7']);
}

#[test]
fn nothing_is_sent_on_hold_nor_before_the_far_side_is_known() {
    let mut session = fresh();
    let mut out = [0; 1_500];
    assert_eq!(session.frame(at(20), 1, &[0; 160], &mut out), None);
    assert_eq!(session.destination(), None);
    for direction in [Direction::RecvOnly, Direction::Inactive] {
        session.connect(Stream { direction, ..stream(Codec::Pcmu) });
        assert_eq!(session.frame(at(40), 2, &[0; 160], &mut out), None);
    }
    session.connect(stream(Codec::Pcmu));
    assert!(session.frame(at(60), 3, &[0; 160], &mut out).is_some());
    assert_eq!(session.destination(), Some(far()));
}

#[test]
fn what_is_not_agreed_is_dropped_by_cause() {
    let mut fresh = fresh();
    let mut bytes = packet(0, 1, 1, &[1; 160]);
    assert_eq!(fresh.receive(at(0), far(), &mut bytes), Inbound::Dropped(DropCause::NotConnected));
    let mut session = session(Codec::Pcmu);
    assert_eq!(
        session.receive(at(0), far(), &mut b"garbage".to_vec()),
        Inbound::Dropped(DropCause::Malformed)
    );
    let mut opus = packet(111, 1, 1, &[1; 160]);
    assert_eq!(session.receive(at(0), far(), &mut opus), Inbound::Dropped(DropCause::PayloadType));
    assert!(matches!(session.receive(at(0), far(), &mut bytes), Inbound::Voice { codec: Codec::Pcmu, .. }));
    let stranger = "198.51.100.66:4000".parse().unwrap();
    assert_eq!(session.receive(at(1), stranger, &mut bytes), Inbound::Dropped(DropCause::Stranger));
    session.connect(Stream { direction: Direction::SendOnly, ..stream(Codec::Pcmu) });
    assert_eq!(session.receive(at(2), far(), &mut bytes), Inbound::Dropped(DropCause::NotAgreed));
}

#[test]
fn a_refresh_keeps_the_learned_address_and_a_new_one_forgets_it() {
    let mut session = session(Codec::Pcmu);
    let outside: SocketAddr = "203.0.113.9:61000".parse().unwrap();
    for n in 0..5 {
        session.receive(at(u64::from(n) * 20), outside, &mut packet(0, n, u32::from(n) * 160, &[1; 160]));
    }
    assert_eq!(session.destination(), Some(outside));
    session.connect(stream(Codec::Pcma));
    assert_eq!(session.destination(), Some(outside));
    let elsewhere = Stream { remote: "198.51.100.7:5000".parse().unwrap(), ..stream(Codec::Pcmu) };
    session.connect(elsewhere);
    assert_eq!(session.destination(), Some(elsewhere.remote));
}

#[test]
fn reports_go_to_where_the_far_side_is() {
    let mut out = [0; rtcp::REPORT_MAX];
    let mut session = session(Codec::Pcmu);
    frame(&mut session, 20);
    let (length, to, shared) = session.report(at(5_000), 1 << 40, false, &mut out).unwrap();
    assert_eq!((to, shared), ("198.51.100.7:4001".parse().unwrap(), false));
    assert_eq!(out[1], 200, "a sender's report");
    assert!(rtcp::read(&out[..length], 0).is_some());
    assert!(!session.is_report_due(at(9_999)) && session.is_report_due(at(10_000)));

    session.connect(Stream { rtcp: far(), ..stream(Codec::Pcmu) });
    let (_, to, shared) = session.report(at(10_000), 1 << 40, false, &mut out).unwrap();
    assert_eq!((to, shared), (far(), true));
    assert_eq!(out[1], 201, "nothing was sent since: a receiver's report");
}

#[test]
fn who_was_sent_nothing_is_told_no_goodbye() {
    let mut out = [0; rtcp::REPORT_MAX];
    assert_eq!(session(Codec::Pcmu).report(at(5_000), 1 << 40, true, &mut out), None);
    let (mut heard, mut reported) = (session(Codec::Pcmu), session(Codec::Pcmu));
    frame(&mut heard, 20);
    reported.report(at(5_000), 1 << 40, false, &mut out).unwrap();
    for session in [&mut heard, &mut reported] {
        assert!(session.report(at(6_000), 1 << 40, true, &mut out).is_some());
    }
}

#[test]
fn reports_of_strangers_are_not_listened_to() {
    let mut out = [0; rtcp::REPORT_MAX];
    let mut session = session(Codec::Pcmu);
    frame(&mut session, 20);
    let (length, ..) = session.report(at(5_000), 1 << 40, true, &mut out).unwrap();
    let from = |ip: &str| format!("{ip}:4001").parse().unwrap();
    assert!(session.receive_report(at(0), from("198.51.100.7"), false, &mut out[..length]).is_ok());
    let refused = session.receive_report(at(0), from("198.51.100.66"), false, &mut out[..length]);
    assert_eq!(refused, Err(DropCause::Stranger));
    assert_eq!(
        session.receive_report(at(0), far(), true, &mut b"\x80\xC8".to_vec()),
        Err(DropCause::Malformed)
    );
}

proptest! {
    #[test]
    fn no_traffic_makes_it_panic_or_grow(datagrams in proptest::collection::vec(
        (any::<u8>(), any::<u16>(), any::<u32>(), proptest::collection::vec(any::<u8>(), 1..300), 0_u64..100_000), 1..60)) {
        let (mut one, mut other) = (session(Codec::Pcmu), session(Codec::Pcma));
        let mut out = [0; 1_500];
        for (payload_type, sequence, timestamp, payload, ms) in datagrams {
            let payload_type = [0, 8, 13, 96, 101, payload_type & 0x7F][usize::from(payload_type) % 6];
            let mut bytes = packet(payload_type, sequence, timestamp, &payload);
            match one.receive(at(ms), far(), &mut bytes) {
                Inbound::Voice { packet, codec } => {
                    let length = other.relay(at(ms), &packet, codec, &mut out);
                    prop_assert!(length.is_none_or(|length| length == payload.len() + 12));
                }
                Inbound::Event { packet, .. } => { other.relay_event(at(ms), &packet, &mut out); }
                Inbound::Noise { packet } => other.pass_over(at(ms), &packet),
                Inbound::Dropped(_) => {}
            }
            let _ = one.receive_report(at(ms), far(), true, &mut payload.clone());
            other.frame(at(ms), ms / 20, &[0; 160], &mut out);
            other.report(at(ms), ms, false, &mut out);
        }
    }
}
