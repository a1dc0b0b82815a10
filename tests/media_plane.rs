//! The media plane over real sockets: what phones on loopback hear.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed assertion")]

mod media_support;

use holdfast::engine::command::{MusicManner, Program, Then};
use holdfast::media::sdp::Security;
use holdfast::media::srtp::{Keying, Receiver, Sender, Suite};
use holdfast::media::{
    BridgeError, Codec, Direction, DropCause, Library, MediaError, MediaEvent, MediaSettings, OpenError,
    Sessions, Stream, Wishes, start,
};
use media_support::*;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

fn music(names: &[&str]) -> Program {
    let names = names.iter().map(|name| name.to_string()).collect();
    Program {
        prompts: Vec::new(),
        language: "en".into(),
        then: Then::Music(names),
        manner: MusicManner::default(),
    }
}

/// Music that is noise, a 600 Hz prompt of 200 ms, and a 700 Hz tune.
fn library() -> (Library, Vec<f32>) {
    let folder = tempfile::tempdir().unwrap();
    let (music, prompts) = (folder.path().join("music"), folder.path().join("prompts"));
    let noise = noise(1.0);
    write_wav(&music.join("noise.wav"), noise.iter().copied());
    write_wav(&music.join("tune.wav"), tone(700.0, 1.0));
    write_wav(&prompts.join("en/welcome.wav"), tone(600.0, 0.2));
    let (library, bad) = Library::load(&music, &prompts, &Codec::ALL);
    assert!(bad.is_empty(), "{bad:?}");
    (library, noise)
}

#[test]
fn caller_hears_the_music_of_the_file_in_either_law() {
    let (library, source) = library();
    let (mut handle, _events) = engine(library);
    for (number, codec) in [Codec::Pcmu, Codec::Pcma].into_iter().enumerate() {
        let phone = Phone::connected(&mut handle, caller(number as u64), None, codec, 101);
        handle.play(phone.leg, &music(&["noise"]));
        // Filters delay by half samples too: what is heard is the source, or the source between its samples.
        let between: Vec<f32> = source.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
        let like = |heard: &[f32]| correlation(heard, &source).max(correlation(heard, &between));
        // A machine that stalls makes a gap, as any network may; then a later stretch is looked at.
        let mut likeness = (0..20).map(|_| like(&phone.listen(40)[..4_000]));
        assert!(likeness.any(|likeness| likeness > 0.98), "{codec}: the music is never what the file says");
    }
}

#[test]
fn all_callers_hear_the_same_place_of_the_music() {
    let (library, _) = library();
    let (mut handle, _events) = engine_with(MediaSettings { workers: 2, ..settings() }, library);
    let phones: Vec<_> =
        (0..2).map(|n| Phone::connected(&mut handle, caller(n), None, Codec::Pcmu, 101)).collect();
    let mut first = Vec::new();
    for phone in &phones {
        handle.play(phone.leg, &music(&["noise"]));
        first.push((0..30).map(|_| phone.hear().payload).collect::<Vec<_>>());
    }
    assert!(first[0].iter().any(|frame| first[1].contains(frame)), "the same frames, cut at the same places");
}

#[test]
fn prompt_is_heard_first_then_the_music_and_its_end_is_reported() {
    let (library, _) = library();
    let (mut handle, mut events) = engine(library);
    let phone = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    handle.play(phone.leg, &Program { prompts: vec!["welcome".into()], ..music(&["tune"]) });
    let (prompt, tune) = (phone.listen(10), phone.listen(25));
    assert!(share_of(600.0, &prompt[..1_600]) > 0.9, "the prompt comes first");
    assert!(share_of(700.0, &tune[..1_600]) > 0.9, "then the music");
    assert_eq!(next_event(&mut events), MediaEvent::PromptFinished { leg: phone.leg });
}

#[test]
fn the_listener_gets_one_stream_through_every_change() {
    let (library, _) = library();
    let (mut handle, mut events) = engine(library);
    let phone = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    let mut agent = Phone::connected(&mut handle, caller(2), Some(phone.leg), Codec::Pcma, 101);
    handle.play(phone.leg, &music(&["tune"]));
    let mut heard: Vec<_> = (0..5).map(|_| phone.hear()).collect();
    handle.play(phone.leg, &Program { prompts: vec!["welcome".into()], ..music(&["tune"]) });
    while next_event(&mut events) != (MediaEvent::PromptFinished { leg: phone.leg }) {}
    handle.bridge(phone.leg, agent.leg).unwrap();
    until("bridge", || handle.counters()[0].bridged.value() == 2);
    let speech: Vec<f32> = tone(440.0, 0.02).collect();
    (0..5).for_each(|_| agent.speak(&speech));
    until("relay", || handle.counters()[0].relayed.value() == 5);
    handle.play(phone.leg, &music(&["tune"]));
    until("no bridge", || handle.counters()[0].bridged.value() == 0);
    let sent = handle.counters()[0].sent.value() + handle.counters()[0].relayed.value();
    while heard.len() < sent as usize / 2 {
        heard.push(phone.hear());
    }
    for pair in heard.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "no number is missing or doubled");
        let passed = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((1..80_000).contains(&passed), "time goes on: {passed}");
        assert_eq!((pair[1].ssrc, pair[1].payload_type), (pair[0].ssrc, 0));
    }
    assert!(heard[0].marker);
}

#[test]
fn tones_pass_a_bridge_between_the_laws_both_ways_and_no_music_is_left() {
    let (library, _) = library();
    let (mut handle, _events) = engine(library);
    let mut one = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    let mut other = Phone::connected(&mut handle, caller(2), Some(one.leg), Codec::Pcma, 96);
    handle.play(one.leg, &music(&["tune"]));
    assert!(share_of(700.0, &one.listen(10)) > 0.9);
    handle.bridge(one.leg, other.leg).unwrap();
    until("bridge", || handle.counters()[0].bridged.value() == 2);
    one.drain();
    let (low, high): (Vec<f32>, Vec<f32>) = (tone(400.0, 1.0).collect(), tone(1_100.0, 1.0).collect());
    let (mut at_one, mut at_other) = (Vec::new(), Vec::new());
    for n in 0..40 {
        one.speak(&low[n * 160..(n + 1) * 160]);
        let heard = other.hear();
        assert_eq!(heard.payload_type, 8);
        at_other.extend(other.decoded(&heard));
        other.speak(&high[n * 160..(n + 1) * 160]);
        let heard = one.hear();
        assert_eq!(heard.payload_type, 0);
        at_one.extend(one.decoded(&heard));
    }
    assert!(share_of(400.0, &at_other) > 0.97 && share_of(1_100.0, &at_one) > 0.97);
    assert!(share_of(700.0, &at_one) < 0.001, "the music has stopped");
    assert_eq!((one.drain(), other.drain()), (0, 0), "one packet out for one packet in");
}

#[test]
fn keys_pass_a_bridge_under_the_other_number_and_are_reported_once() {
    let (library, _) = library();
    let (mut handle, mut events) = engine(library);
    let mut one = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    let other = Phone::connected(&mut handle, caller(2), Some(one.leg), Codec::Pcma, 96);
    handle.bridge(one.leg, other.leg).unwrap();
    until("bridge", || handle.counters()[0].bridged.value() == 2);
    let speech: Vec<f32> = tone(400.0, 0.02).collect();
    one.speak(&speech);
    let before = other.hear();
    one.press(5);
    let event: Vec<_> = (0..6).map(|_| other.hear()).collect();
    assert!(event.iter().all(|packet| packet.payload_type == 96 && packet.payload[0] == 5));
    assert!(event.iter().all(|packet| packet.timestamp == event[0].timestamp), "one event, one timestamp");
    assert_eq!(
        event.iter().map(|packet| packet.marker).collect::<Vec<_>>(),
        [true, false, false, false, false, false]
    );
    assert_eq!(event[5].sequence, before.sequence.wrapping_add(6));
    one.press(11);
    assert_eq!(next_event(&mut events), MediaEvent::DigitPressed { leg: one.leg, digit: '5' });
    assert_eq!(next_event(&mut events), MediaEvent::DigitPressed { leg: one.leg, digit: '#' });
    until("both events passed", || handle.counters()[0].relayed.value() == 13);
    assert!(events.try_recv().is_err(), "no key twice");
}

#[test]
fn thirty_millisecond_packets_pass_as_they_came() {
    let (mut handle, _events) = engine(Library::empty());
    let mut one = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    let other = Phone::connected(&mut handle, caller(2), Some(one.leg), Codec::Pcmu, 101);
    handle.bridge(one.leg, other.leg).unwrap();
    until("bridge", || handle.counters()[0].bridged.value() == 2);
    let speech: Vec<f32> = tone(400.0, 0.03).collect();
    let heard: Vec<_> = (0..5)
        .map(|_| {
            one.speak(&speech);
            other.hear()
        })
        .collect();
    assert!(heard.iter().all(|packet| packet.payload.len() == 240));
    assert!(heard.windows(2).all(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) == 240));
}

#[test]
fn a_sprayer_is_neither_heard_nor_sent_to() {
    let (library, _) = library();
    let (mut handle, mut events) = engine(library);
    let mut one = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    let other = Phone::connected(&mut handle, caller(2), Some(one.leg), Codec::Pcmu, 101);
    handle.bridge(one.leg, other.leg).unwrap();
    until("bridge", || handle.counters()[0].bridged.value() == 2);
    let speech: Vec<f32> = tone(400.0, 0.02).collect();
    one.speak(&speech);
    other.hear();
    let sprayer = UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..200_u16 {
        let mut packet = vec![0x80, if n % 2 == 0 { 0 } else { 101 }];
        packet.extend(n.to_be_bytes());
        packet.extend((u32::from(n) * 160).to_be_bytes());
        packet.extend((one.ssrc + 1).to_be_bytes());
        packet.extend([7; 160]);
        sprayer.send_to(&packet, one.engine).unwrap();
        // One by one: the socket's buffer is modest.
        until("it was dropped", || handle.counters()[0].dropped(DropCause::Stranger) == u64::from(n) + 1);
    }
    one.speak(&speech);
    let heard = other.hear();
    assert!(share_of(400.0, &other.decoded(&heard)) > 0.9, "the next packet is the phone's own");
    handle.play(one.leg, &music(&["tune"]));
    one.listen(5);
    sprayer.set_nonblocking(true).unwrap();
    assert!(sprayer.recv_from(&mut [0; 100]).is_err(), "nothing was sent to the sprayer");
    assert!(events.try_recv().is_err(), "its keys were not believed");
}

#[test]
fn garbage_on_every_port_disturbs_nobody() {
    let (library, _) = library();
    let (mut handle, _events) = engine(library);
    let phone = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    handle.play(phone.leg, &music(&["tune"]));
    let mut rtcp = phone.engine;
    rtcp.set_port(rtcp.port() + 1);
    let mut state = 1_u32;
    for length in 0..300 {
        let bytes: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        phone.rtp.send_to(&bytes, phone.engine).unwrap();
        phone.rtcp.send_to(&bytes, rtcp).unwrap();
        if length % 30 == 0 {
            // The receive buffer is modest: do not overrun it.
            phone.hear();
        }
    }
    assert!(share_of(700.0, &phone.listen(20)) > 0.9);
}

#[test]
fn hold_silences_us_and_resuming_brings_the_music_back() {
    let (library, _) = library();
    let (mut handle, _events) = engine(library);
    let held = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    let other = Phone::connected(&mut handle, caller(2), None, Codec::Pcmu, 101);
    handle.play(held.leg, &music(&["tune"]));
    let before = held.hear();
    handle.connect(held.leg, held.stream(Direction::RecvOnly));
    // The other's first packets come after the hold took effect: both are told by the same worker, in order.
    handle.play(other.leg, &music(&["tune"]));
    other.hear();
    held.drain();
    other.listen(10);
    assert_eq!(held.drain(), 0, "nothing while on hold");
    handle.connect(held.leg, held.stream(Direction::SendRecv));
    let after = held.hear();
    assert!(after.marker, "a new talk spurt");
    assert!(after.timestamp.wrapping_sub(before.timestamp) >= 1_600, "time went on during the hold");
}

#[test]
fn a_caller_put_on_hold_hears_music_and_nothing_of_the_agent_and_the_two_talk_again_afterwards() {
    let (library, _) = library();
    let (mut handle, _events) = engine(library);
    let mut caller_phone = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    let mut agent = Phone::connected(&mut handle, caller(2), Some(caller_phone.leg), Codec::Pcma, 101);
    let (low, high): (Vec<f32>, Vec<f32>) = (tone(400.0, 1.0).collect(), tone(1_100.0, 1.0).collect());
    let frame = |tone: &[f32], n: usize| tone[n * 160..(n + 1) * 160].to_vec();
    for round in 0..3 {
        handle.bridge(caller_phone.leg, agent.leg).unwrap();
        until("bridge", || handle.counters()[0].bridged.value() == 2);
        caller_phone.drain();
        agent.drain();
        let mut at_caller = Vec::new();
        for n in 0..15 {
            agent.speak(&frame(&high, n));
            at_caller.extend(caller_phone.decoded(&caller_phone.hear()));
            caller_phone.speak(&frame(&low, n));
            agent.hear();
        }
        assert!(share_of(1_100.0, &at_caller) > 0.95, "round {round}: the agent is heard");
        assert!(share_of(700.0, &at_caller) < 0.01, "round {round}: the music is over");

        // His phone holds, and goes on sending whatever it sends to those it holds.
        handle.connect(agent.leg, agent.stream(Direction::RecvOnly));
        handle.play(caller_phone.leg, &music(&["tune"]));
        until("no bridge", || handle.counters()[0].bridged.value() == 0);
        caller_phone.drain();
        agent.drain();
        let received = handle.counters()[0].received.value();
        let mut at_caller = Vec::new();
        for n in 0..15 {
            agent.speak(&frame(&high, n));
            caller_phone.speak(&frame(&low, n));
            at_caller.extend(caller_phone.decoded(&caller_phone.hear()));
        }
        until("all that was said", || handle.counters()[0].received.value() == received + 30);
        assert!(share_of(700.0, &at_caller) > 0.95, "round {round}: the caller hears the music");
        assert!(share_of(1_100.0, &at_caller) < 0.001, "round {round}: and nothing of the agent");
        assert_eq!(agent.drain(), 0, "round {round}: who holds hears nothing");
        handle.connect(agent.leg, agent.stream(Direction::SendRecv));
    }
}

#[test]
fn when_one_side_of_a_bridge_ends_the_other_hears_silence() {
    let (library, _) = library();
    let (mut handle, _events) = engine(library);
    let one = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    let other = Phone::connected(&mut handle, caller(2), Some(one.leg), Codec::Pcma, 101);
    handle.bridge(one.leg, other.leg).unwrap();
    handle.close(other.leg);
    assert!(one.listen(5).iter().all(|sample| sample.abs() < 0.001));
    assert_eq!(handle.counters()[0].bridged.value(), 0);
}

#[test]
fn what_does_not_exist_is_replaced_by_a_tone_and_the_end_is_reported_all_the_same() {
    let (mut handle, mut events) = engine(Library::empty());
    let phone = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    handle.play(phone.leg, &Program { prompts: vec!["../../etc/passwd".into()], ..music(&["missing"]) });
    assert!(share_of(425.0, &phone.listen(50)[..2_400]) > 0.7, "a tone for the prompt");
    assert_eq!(next_event(&mut events), MediaEvent::PromptFinished { leg: phone.leg });
    let music = phone.listen(220);
    assert!(music.iter().any(|sample| sample.abs() > 0.02), "and one every few seconds for the music");
}

#[test]
fn a_leg_that_ends_says_goodbye_by_rtcp() {
    let (library, _) = library();
    let (mut handle, _events) = engine(library);
    let phone = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    handle.play(phone.leg, &music(&["tune"]));
    let ssrc = phone.hear().ssrc;
    handle.close(phone.leg);
    let mut buffer = [0; 500];
    let (length, from) = phone.rtcp.recv_from(&mut buffer).unwrap();
    assert_eq!(from.port(), phone.engine.port() + 1);
    let kinds: Vec<_> =
        rtcp_types::Compound::parse(&buffer[..length]).unwrap().map(|packet| packet.unwrap()).collect();
    let [rtcp_types::Packet::Sr(report), rtcp_types::Packet::Sdes(_), rtcp_types::Packet::Bye(_)] =
        &kinds[..]
    else {
        panic!("sender report, description, goodbye; got {kinds:?}");
    };
    assert_eq!(report.ssrc(), ssrc);
    assert!(report.packet_count() >= 1 && report.octet_count() >= 160);
}

#[test]
fn ports_are_exhausted_rest_and_are_used_again() {
    // Two legs' worth of ports, wherever there is room on this machine.
    let probe = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port() & 0xFFFC;
    let small = |quarantine| MediaSettings { ports: probe..=probe + 3, quarantine, ..settings() };
    let (mut handle, _events) = engine_with(small(Duration::from_secs(30)), Library::empty());
    let ports: Vec<_> =
        (0..2).map(|n| handle.open(caller(n), None, &Wishes::default()).unwrap().rtp.port()).collect();
    assert!(ports.iter().all(|port| port % 2 == 0) && ports[0] != ports[1]);
    assert!(matches!(handle.open(caller(2), None, &Wishes::default()), Err(OpenError::NoPorts)));
    assert!(matches!(handle.open(caller(1), None, &Wishes::default()), Err(OpenError::AlreadyOpen(_))));
    handle.close(caller(0));
    assert!(matches!(handle.open(caller(2), None, &Wishes::default()), Err(OpenError::NoPorts)), "it rests");
    assert_eq!((handle.ports_free(), handle.legs_open()), (0, 1));
    handle.shutdown();
    let (mut handle, _events) = engine_with(small(Duration::ZERO), Library::empty());
    for n in 0..10 {
        until("the port is free again", || handle.open(caller(n), None, &Wishes::default()).is_ok());
        handle.close(caller(n));
    }
    assert_eq!(handle.ports_free(), 2);
}

#[test]
fn legs_are_bridged_only_where_both_live_on_one_worker() {
    let (mut handle, _events) = engine_with(MediaSettings { workers: 2, ..settings() }, Library::empty());
    let one = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    let apart = Phone::connected(&mut handle, caller(2), None, Codec::Pcmu, 101);
    let near = Phone::connected(&mut handle, caller(3), Some(one.leg), Codec::Pcmu, 101);
    assert_eq!(handle.bridge(one.leg, apart.leg), Err(BridgeError::Apart(one.leg, apart.leg)));
    assert_eq!(handle.bridge(one.leg, caller(9)), Err(BridgeError::Unknown(caller(9))));
    assert_eq!(handle.bridge(one.leg, near.leg), Ok(()));
}

#[test]
fn shutting_down_ends_every_leg_and_frees_every_socket() {
    let (library, _) = library();
    let (mut handle, _events) = engine(library);
    let phone = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    handle.play(phone.leg, &music(&["tune"]));
    phone.hear();
    handle.shutdown();
    UdpSocket::bind(phone.engine).expect("the port is free again");
    handle.play(phone.leg, &music(&["tune"]));
    handle.close(phone.leg);
}

#[test]
fn a_plane_without_legs_stops_as_well() {
    for n in 0..20 {
        let (mut handle, _events) = engine(Library::empty());
        handle.open(caller(n), None, &Wishes::default()).unwrap();
        handle.close(caller(n));
        until("the leg is gone", || handle.counters()[0].legs.value() == 0);
        handle.shutdown();
    }
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_remedy() {
    let refused = |settings| {
        let (events, _) = tokio::sync::mpsc::channel(1);
        start(settings, Arc::new(Library::empty()), events).err().unwrap()
    };
    assert!(matches!(refused(MediaSettings { codecs: Vec::new(), ..settings() }), MediaError::NoCodec));
    assert!(matches!(
        refused(MediaSettings { ports: 30_001..=30_002, ..settings() }),
        MediaError::NoPort(30_001, 30_002)
    ));
    let everywhere = MediaSettings { listen: "0.0.0.0".parse().unwrap(), ..settings() };
    let error = refused(everywhere);
    assert!(matches!(error, MediaError::NoAddress(_)) && error.to_string().contains("advertise"));
}

#[test]
fn a_leg_of_either_ip_version_has_an_address_of_its_own() {
    let both = MediaSettings { listen6: Some("::1".parse().unwrap()), ..settings() };
    let (library, _) = library();
    let (mut handle, _events) = engine_with(both, library);
    let old = handle.open(caller(1), None, &Wishes::default()).unwrap();
    let new = handle.open(caller(2), None, &Wishes { ipv6: true, ..Wishes::default() }).unwrap();
    assert!(old.rtp.is_ipv4() && new.rtp.is_ipv6());
    let phone = UdpSocket::bind("[::1]:0").unwrap();
    phone.set_read_timeout(Some(PATIENCE)).unwrap();
    handle.connect(caller(2), Stream::plain(phone.local_addr().unwrap(), Codec::Pcmu));
    handle.play(caller(2), &music(&["tune"]));
    let mut buffer = [0; 2_000];
    let (length, from) = phone.recv_from(&mut buffer).unwrap();
    assert_eq!((length, from), (172, new.rtp));
    let (mut handle, _events) = engine_with(settings(), Library::empty());
    let only = handle.open(caller(2), None, &Wishes { ipv6: true, ..Wishes::default() }).unwrap();
    assert!(only.rtp.is_ipv4(), "there is no other");
}

#[test]
fn a_secret_leg_and_a_plain_one_hear_each_other_and_a_forger_is_not_heard() {
    for suite in Suite::ALL {
        let (mut handle, _events) = engine_with(MediaSettings { workers: 1, ..settings() }, Library::empty());
        let keying = |seed| Keying::new(suite, &vec![seed; suite.key_bytes() + suite.salt_bytes()]).unwrap();
        let mut secret = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
        let mut plain = Phone::connected(&mut handle, caller(2), Some(secret.leg), Codec::Pcmu, 101);
        let security = Some(Security { send: keying(1), receive: keying(2) });
        handle.connect(secret.leg, Stream { security, ..secret.stream(Direction::SendRecv) });
        handle.bridge(secret.leg, plain.leg).unwrap();
        let (mut sender, mut receiver) = (Sender::new(&keying(2)), Receiver::new(&keying(1)));
        // The phone's packets go through a socket of ours, for they are protected behind its back.
        let engine = std::mem::replace(&mut secret.engine, secret.rtp.local_addr().unwrap());
        secret.send(0, false, &[7; 160]);
        let mut buffer = [0; 2_000];
        let (length, _) = secret.rtp.recv_from(&mut buffer).unwrap();
        secret.rtp.send_to(&buffer[..length], engine).unwrap();
        let forged = || handle.counters()[0].dropped(DropCause::Unauthenticated) == 1;
        until("the plain packet is refused", forged);
        let length = sender.protect(&mut buffer, length).unwrap();
        secret.rtp.send_to(&buffer[..length], engine).unwrap();
        assert_eq!(plain.hear().payload, [7; 160], "{}", suite.name());
        secret.rtp.send_to(&buffer[..length], engine).unwrap();
        let replayed = || handle.counters()[0].dropped(DropCause::Replayed) == 1;
        until("the same packet again is refused", replayed);
        plain.send(0, false, &[9; 160]);
        loop {
            let (length, _) = secret.rtp.recv_from(&mut buffer).unwrap();
            let length = receiver.unprotect(&mut buffer[..length]).unwrap();
            if buffer[12..length] == [9; 160] {
                break;
            }
        }
    }
}
