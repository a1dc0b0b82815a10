//! What phones really send, what RFC 3264 demands in return, and what an attacker would try.

use super::*;
use crate::media::LocalMedia;
use crate::media::codec::Codec;
use crate::media::srtp::Suite;
use proptest::prelude::*;

fn local() -> LocalMedia {
    LocalMedia::plain("192.0.2.10:20000".parse().unwrap(), vec![Codec::Pcmu, Codec::Pcma])
}

fn local_v6() -> LocalMedia {
    LocalMedia { rtp: "[2001:db8::10]:20000".parse().unwrap(), ..local() }
}

const OURS: Origin = Origin { id: 7, version: 1 };
fn ours(local: &LocalMedia) -> Ours<'_> {
    Ours { local, origin: OURS, before: None }
}

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n";

fn negotiated(body: &str) -> (String, Stream) {
    let (text, stream) = answer(&parse(body.as_bytes()).unwrap(), &ours(&local())).unwrap();
    (String::from_utf8(text).unwrap(), stream)
}

fn refused_because(body: &str) -> SdpError {
    answer(&parse(body.as_bytes()).unwrap(), &ours(&local())).unwrap_err()
}

fn with_media(media: &str) -> String {
    format!("{HEAD}{media}")
}

#[test]
fn offer_names_everything_we_can_speak() {
    let text =
        String::from_utf8(offer(&Ours { origin: Origin { id: 7, version: 3 }, ..ours(&local()) })).unwrap();
    let expected = "v=0\r\no=- 7 3 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
        m=audio 20000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";
    assert_eq!(text, expected);
}

#[test]
fn our_own_offer_is_answered_and_the_answer_accepted() {
    let offered = parse(&offer(&ours(&local()))).unwrap();
    let phone = LocalMedia::plain("198.51.100.7:4000".parse().unwrap(), vec![Codec::Pcma]);
    let (text, theirs) = answer(&offered, &ours(&phone)).unwrap();
    let ours = accept(&parse(&text).unwrap(), &ours(&local())).unwrap();
    assert_eq!((theirs.remote, theirs.codec), (local().rtp, Codec::Pcma));
    assert_eq!((ours.remote, ours.codec), (phone.rtp, Codec::Pcma));
    assert_eq!((ours.payload_type, ours.dtmf), (8, Some(101)));
}

#[test]
fn the_callers_preference_decides_and_the_answer_names_one_codec() {
    let (text, stream) = negotiated(&with_media("m=audio 4000 RTP/AVP 9 8 0\r\n"));
    assert_eq!((stream.codec, stream.payload_type), (Codec::Pcma, 8));
    assert!(text.contains("m=audio 20000 RTP/AVP 8\r\n"), "{text}");
    assert_eq!(stream.dtmf, None);
    assert!(!text.contains("telephone-event"));
}

#[test]
fn static_payload_types_need_no_rtpmap() {
    let (_, stream) = negotiated(&with_media("m=audio 4000 RTP/AVP 0\r\n"));
    assert_eq!((stream.codec, stream.payload_type), (Codec::Pcmu, 0));
}

#[test]
fn dynamic_payload_types_are_matched_by_name_and_keep_their_number() {
    let media = "m=audio 4000 RTP/AVP 111 97 96\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:97 pcma/8000\r\n\
        a=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-15\r\n";
    let (text, stream) = negotiated(&with_media(media));
    assert_eq!((stream.codec, stream.payload_type, stream.dtmf), (Codec::Pcma, 97, Some(96)));
    assert!(text.contains("m=audio 20000 RTP/AVP 97 96\r\n"), "{text}");
    assert!(text.contains("a=rtpmap:97 PCMA/8000\r\n") && text.contains("a=fmtp:96 0-16\r\n"), "{text}");
}

#[test]
fn a_number_mapped_to_something_else_is_not_ours() {
    let media = "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/16000\r\n";
    assert_eq!(refused_because(&with_media(media)), SdpError::NoCommonCodec);
    let media = "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMU/8000/2\r\n";
    assert_eq!(refused_because(&with_media(media)), SdpError::NoCommonCodec);
}

#[test]
fn telephone_events_of_another_clock_are_passed_over() {
    let media = "m=audio 4000 RTP/AVP 0 110 101\r\na=rtpmap:110 telephone-event/48000\r\n\
        a=rtpmap:101 telephone-event/8000\r\n";
    assert_eq!(negotiated(&with_media(media)).1.dtmf, Some(101));
}

#[test]
fn other_media_are_refused_in_their_place() {
    let media = "m=video 5000 RTP/AVP 96 97\r\na=rtpmap:96 H264/90000\r\nm=audio 4000 RTP/AVP 0\r\n\
        m=audio 4002 RTP/AVP 8\r\nm=application 4004 UDP/BFCP *\r\n";
    let (text, stream) = negotiated(&with_media(media));
    let medias: Vec<_> = text.lines().filter(|line| line.starts_with("m=")).collect();
    let expected = [
        "m=video 0 RTP/AVP 96 97",
        "m=audio 20000 RTP/AVP 0",
        "m=audio 0 RTP/AVP 8",
        "m=application 0 UDP/BFCP *",
    ];
    assert_eq!(medias, expected);
    assert_eq!(stream.remote, "198.51.100.7:4000".parse().unwrap());
}

#[test]
fn the_first_audio_that_can_be_taken_is_taken() {
    let media = "m=audio 4000 RTP/SAVP 0\r\nm=audio 4002 RTP/AVP 9\r\nm=audio 4004 RTP/AVP 8\r\n";
    let (text, stream) = negotiated(&with_media(media));
    assert_eq!(stream.remote.port(), 4004);
    assert!(text.contains("m=audio 0 RTP/SAVP 0\r\nm=audio 0 RTP/AVP 9\r\nm=audio 20000 RTP/AVP 8\r\n"));
}

#[test]
fn hold_is_answered_recvonly_and_resumed_sendrecv() {
    let held = |attribute| negotiated(&with_media(&format!("m=audio 4000 RTP/AVP 0\r\na={attribute}\r\n")));
    for (theirs, ours, line) in [
        ("sendonly", Direction::RecvOnly, "a=recvonly"),
        ("inactive", Direction::Inactive, "a=inactive"),
        ("recvonly", Direction::SendOnly, "a=sendonly"),
        ("sendrecv", Direction::SendRecv, "a=sendrecv"),
    ] {
        let (text, stream) = held(theirs);
        assert_eq!(stream.direction, ours);
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn direction_of_the_session_holds_unless_the_media_has_its_own() {
    let session = format!("{HEAD}a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n");
    assert_eq!(negotiated(&session).1.direction, Direction::RecvOnly);
    let media = format!("{HEAD}a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n");
    assert_eq!(negotiated(&media).1.direction, Direction::SendRecv);
}

#[test]
fn unspecified_address_is_the_hold_of_old() {
    let body = with_media("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n");
    let (text, stream) = negotiated(&body);
    assert_eq!(stream.direction, Direction::RecvOnly);
    assert!(text.contains("a=recvonly"), "{text}");
    let (_, stream) = negotiated(&format!("{body}a=sendonly\r\n"));
    assert_eq!(stream.direction, Direction::RecvOnly);
    let (_, stream) = negotiated(&format!("{body}a=recvonly\r\n"));
    assert_eq!(stream.direction, Direction::Inactive);
}

#[test]
fn address_of_the_media_comes_before_that_of_the_session() {
    let (_, stream) = negotiated(&with_media("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 203.0.113.9\r\n"));
    assert_eq!(stream.remote, "203.0.113.9:4000".parse().unwrap());
    assert_eq!(stream.rtcp, "203.0.113.9:4001".parse().unwrap());
}

#[test]
fn rtcp_port_is_read_but_never_another_host() {
    let at =
        |attribute| negotiated(&with_media(&format!("m=audio 4000 RTP/AVP 0\r\na={attribute}\r\n"))).1.rtcp;
    assert_eq!(at("rtcp:53020"), "198.51.100.7:53020".parse().unwrap());
    assert_eq!(at("rtcp:53020 IN IP4 203.0.113.66"), "198.51.100.7:53020".parse().unwrap());
    assert_eq!(at("rtcp:0"), "198.51.100.7:4001".parse().unwrap());
    assert_eq!(at("rtcp:nonsense"), "198.51.100.7:4001".parse().unwrap());
}

#[test]
fn a_shared_rtcp_port_is_agreed_to() {
    let (text, stream) = negotiated(&with_media("m=audio 4000 RTP/AVP 0\r\na=rtcp:4005\r\na=rtcp-mux\r\n"));
    assert_eq!(stream.rtcp, stream.remote);
    assert!(text.ends_with("a=rtcp-mux\r\n"), "{text}");
}

#[test]
fn ipv6_is_spoken_when_we_have_it_and_refused_when_not() {
    let body = "v=0\r\no=- 1 1 IN IP6 2001:db8::7\r\ns=-\r\nc=IN IP6 2001:db8::7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
    let description = parse(body.as_bytes()).unwrap();
    let (text, stream) = answer(&description, &ours(&local_v6())).unwrap();
    assert_eq!(stream.remote, "[2001:db8::7]:4000".parse().unwrap());
    assert!(String::from_utf8(text).unwrap().contains("c=IN IP6 2001:db8::10\r\n"));
    assert_eq!(answer(&description, &ours(&local())).unwrap_err(), SdpError::NoAddress);
}

#[test]
fn names_groups_and_missing_addresses_are_no_destination() {
    for connection in ["c=IN IP4 phone.example.com\r\n", "c=IN IP4 224.2.1.1/127\r\n", ""] {
        let body =
            format!("v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\n{connection}t=0 0\r\nm=audio 4000 RTP/AVP 0\r\n");
        assert_eq!(refused_because(&body), SdpError::NoAddress, "{connection}");
    }
}

#[test]
fn ptime_is_read_within_reason() {
    let ptime =
        |value| negotiated(&with_media(&format!("m=audio 4000 RTP/AVP 0\r\na=ptime:{value}\r\n"))).1.ptime_ms;
    assert_eq!(ptime("30"), 30);
    assert_eq!(ptime("20.0"), 20);
    for nonsense in ["0", "-20", "9999", "x"] {
        assert_eq!(ptime(nonsense), 20, "{nonsense}");
    }
}

#[test]
fn nothing_to_talk_about_is_said_so() {
    assert_eq!(refused_because(HEAD), SdpError::NoAudio);
    assert_eq!(refused_because(&with_media("m=video 5000 RTP/AVP 96\r\n")), SdpError::NoAudio);
    assert_eq!(refused_because(&with_media("m=audio 0 RTP/AVP 0\r\n")), SdpError::NoAudio);
    assert_eq!(refused_because(&with_media("m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n")), SdpError::NoAudio);
    assert_eq!(refused_because(&with_media("m=audio 4000 RTP/AVP 9 18\r\n")), SdpError::NoCommonCodec);
}

#[test]
fn an_answer_may_reject_what_we_offered() {
    let description = parse(with_media("m=audio 0 RTP/AVP 0\r\n").as_bytes()).unwrap();
    assert_eq!(accept(&description, &ours(&local())).unwrap_err(), SdpError::Rejected);
    let description = parse(with_media("m=audio 4000 RTP/AVP 18\r\n").as_bytes()).unwrap();
    assert_eq!(accept(&description, &ours(&local())).unwrap_err(), SdpError::NoCommonCodec);
    assert_eq!(accept(&parse(HEAD.as_bytes()).unwrap(), &ours(&local())).unwrap_err(), SdpError::NoAudio);
}

#[test]
fn an_answer_with_several_codecs_means_its_first() {
    let media = "m=audio 4000 RTP/AVP 8 0 96\r\na=rtpmap:96 telephone-event/8000\r\na=sendonly\r\n";
    let stream = accept(&parse(with_media(media).as_bytes()).unwrap(), &ours(&local())).unwrap();
    assert_eq!((stream.codec, stream.payload_type, stream.dtmf), (Codec::Pcma, 8, Some(96)));
    assert_eq!(stream.direction, Direction::RecvOnly);
}

#[test]
fn only_configured_codecs_are_spoken() {
    let only_alaw = LocalMedia { codecs: vec![Codec::Pcma], ..local() };
    let offered = parse(with_media("m=audio 4000 RTP/AVP 0\r\n").as_bytes()).unwrap();
    assert_eq!(answer(&offered, &ours(&only_alaw)).unwrap_err(), SdpError::NoCommonCodec);
    assert!(String::from_utf8(offer(&ours(&only_alaw))).unwrap().contains("m=audio 20000 RTP/AVP 8 101\r\n"));
}

#[test]
fn origin_of_the_far_side_is_kept() {
    let body = "v=0\r\no=alice 2890844526 2890842807 IN IP4 198.51.100.7\r\ns=-\r\nt=0 0\r\n";
    assert_eq!(
        parse(body.as_bytes()).unwrap().origin(),
        Origin { id: 2_890_844_526, version: 2_890_842_807 }
    );
}

#[test]
fn bare_line_feeds_are_read_too() {
    let (_, stream) = negotiated(&with_media("m=audio 4000 RTP/AVP 0\r\n").replace("\r\n", "\n"));
    assert_eq!(stream.codec, Codec::Pcmu);
}

#[test]
fn what_exceeds_a_cap_is_refused_before_it_is_read() {
    let long = format!("{HEAD}a={}\r\n", "x".repeat(BYTES_MAX));
    let lines = format!("{HEAD}{}", "a=x\r\n".repeat(LINES_MAX));
    let medias = format!("{HEAD}{}", "m=audio 4000 RTP/AVP 0\r\n".repeat(MEDIAS_MAX + 1));
    for body in [long, lines, medias] {
        assert!(matches!(parse(body.as_bytes()), Err(SdpError::TooLarge { .. })));
    }
}

#[test]
fn formats_beyond_the_cap_are_not_looked_at() {
    let formats = vec!["9"; FORMATS_MAX].join(" ");
    assert_eq!(
        refused_because(&with_media(&format!("m=audio 4000 RTP/AVP {formats} 0\r\n"))),
        SdpError::NoCommonCodec
    );
}

#[test]
fn what_is_no_sdp_is_malformed() {
    for body in ["", "v=1\r\n", "hello", "v=0\r\nm=audio\r\n", "v=0\r\nm=audio 99999 RTP/AVP 0\r\n"] {
        assert!(matches!(parse(body.as_bytes()), Err(SdpError::Malformed(_))), "{body:?}");
    }
}

fn wide() -> LocalMedia {
    LocalMedia { codecs: Codec::ALL.to_vec(), ..local() }
}

fn secret(srtp: Policy) -> LocalMedia {
    LocalMedia { srtp, keys: Some(KeySource::new([7; 32])), ..local() }
}

fn phone() -> LocalMedia {
    let rtp = "198.51.100.7:4000".parse().unwrap();
    LocalMedia { rtp, keys: Some(KeySource::new([8; 32])), srtp: Policy::Required, ..local() }
}

fn agreed(local: &LocalMedia, media: &str) -> Result<(String, Stream), SdpError> {
    let (text, stream) = answer(&parse(with_media(media).as_bytes()).unwrap(), &ours(local))?;
    Ok((String::from_utf8(text).unwrap(), stream))
}

#[test]
fn offer_of_all_codecs_has_events_at_each_clock() {
    let text = String::from_utf8(offer(&ours(&wide()))).unwrap();
    let expected = "m=audio 20000 RTP/AVP 111 9 0 8 97 101 102 110\r\na=rtpmap:111 opus/48000/2\r\n\
        a=fmtp:111 minptime=20;useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000\r\n\
        a=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:97 L16/16000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=rtpmap:102 telephone-event/16000\r\n\
        a=fmtp:102 0-16\r\na=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-16\r\na=ptime:20\r\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn opus_is_answered_under_the_far_sides_numbers_with_events_at_its_clock() {
    let media = "m=audio 4000 RTP/AVP 96 0 101 97\r\na=rtpmap:96 opus/48000/2\r\n\
        a=fmtp:96 maxaveragebitrate=20000;stereo=1;x=y\r\na=rtpmap:101 telephone-event/8000\r\n\
        a=rtpmap:97 telephone-event/48000\r\n";
    let (text, stream) = agreed(&wide(), media).unwrap();
    assert_eq!((stream.codec, stream.payload_type), (Codec::Opus, 96));
    assert_eq!((stream.dtmf, stream.dtmf_clock_hz), (Some(97), 48_000));
    assert!(text.contains("m=audio 20000 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\n"), "{text}");
    assert!(text.contains("a=rtpmap:97 telephone-event/48000\r\n"), "{text}");
    let receives = |number| stream.receives.meaning(number);
    assert_eq!(receives(96), Some(Meaning::Voice(Codec::Opus)));
    assert_eq!(receives(101), Some(Meaning::Event { clock_hz: 8_000 }));
    assert_eq!(receives(0), Some(Meaning::Voice(Codec::Pcmu)));
    assert_eq!(receives(111), None, "our own number, but we did not offer it");
}

#[test]
fn events_at_eight_kilohertz_serve_where_the_codecs_clock_has_none() {
    let media =
        "m=audio 4000 RTP/AVP 96 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n";
    let (_, stream) = agreed(&wide(), media).unwrap();
    assert_eq!((stream.dtmf, stream.dtmf_clock_hz), (Some(101), 8_000));
}

#[test]
fn an_answer_under_other_numbers_is_sent_to_by_them_and_heard_by_both() {
    let media =
        "m=audio 4000 RTP/AVP 120 121\r\na=rtpmap:120 opus/48000/2\r\na=rtpmap:121 telephone-event/48000\r\n";
    let stream = accept(&parse(with_media(media).as_bytes()).unwrap(), &ours(&wide())).unwrap();
    assert_eq!((stream.payload_type, stream.dtmf), (120, Some(121)));
    for number in [111, 120] {
        assert_eq!(stream.receives.meaning(number), Some(Meaning::Voice(Codec::Opus)), "{number}");
    }
    for number in [110, 121] {
        assert_eq!(stream.receives.meaning(number), Some(Meaning::Event { clock_hz: 48_000 }), "{number}");
    }
}

#[test]
fn our_order_decides_when_it_shall() {
    let media = "m=audio 4000 RTP/AVP 0 9 8\r\n";
    assert_eq!(agreed(&wide(), media).unwrap().1.codec, Codec::Pcmu);
    let first = LocalMedia { prefer: Prefer::Ours, ..wide() };
    assert_eq!(agreed(&first, media).unwrap().1.codec, Codec::G722);
    let answered = accept(&parse(with_media(media).as_bytes()).unwrap(), &ours(&first)).unwrap();
    assert_eq!(answered.codec, Codec::Pcmu, "an answer's order is the decision");
}

#[test]
fn a_clock_or_channels_that_are_not_the_codecs_own_make_it_another() {
    for mapping in ["opus/16000/2", "opus/48000/1", "L16/44100", "L16/16000/2", "G722/16000"] {
        let media = format!("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 {mapping}\r\n");
        assert_eq!(agreed(&wide(), &media).unwrap_err(), SdpError::NoCommonCodec, "{mapping}");
    }
    let media = "m=audio 4000 RTP/AVP 96 98\r\na=rtpmap:96 L16/16000\r\na=rtpmap:98 CN/8000\r\n";
    let (_, stream) = agreed(&wide(), media).unwrap();
    assert_eq!((stream.codec, stream.receives.meaning(98)), (Codec::L16, Some(Meaning::Noise)));
}

#[test]
fn another_offer_of_ours_keeps_what_the_numbers_meant_and_begins_with_the_codec_in_use() {
    let media =
        "m=audio 4000 RTP/AVP 8 96 111\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:111 telephone-event/8000\r\n";
    let (_, before) = agreed(&wide(), media).unwrap();
    let text = offer(&Ours { before: Some(&before), ..ours(&wide()) });
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("m=audio 20000 RTP/AVP 8 96 9 0 97 111 102 110\r\n"), "{text}");
    let taken = "m=audio 4000 RTP/AVP 8 97\r\na=rtpmap:97 telephone-event/8000\r\n";
    let (_, before) = agreed(&wide(), taken).unwrap();
    let text = String::from_utf8(offer(&Ours { before: Some(&before), ..ours(&wide()) })).unwrap();
    assert!(text.contains("a=rtpmap:98 L16/16000") || text.contains("a=rtpmap:96 L16/16000"), "{text}");
}

#[test]
fn what_was_agreed_before_is_understood_for_as_long_as_its_numbers_are_free() {
    let (_, before) = agreed(&wide(), "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n").unwrap();
    let again = parse(with_media("m=audio 4000 RTP/AVP 8\r\n").as_bytes()).unwrap();
    let (_, stream) = answer(&again, &Ours { before: Some(&before), ..ours(&wide()) }).unwrap();
    assert_eq!((stream.codec, stream.receives.meaning(96)), (Codec::Pcma, Some(Meaning::Voice(Codec::Opus))));
}

#[test]
fn packets_shorter_than_ours_are_refused_and_longer_ones_are_known() {
    let with = |lines: &str| agreed(&local(), &format!("m=audio 4000 RTP/AVP 0\r\n{lines}"));
    assert_eq!(with("a=maxptime:10\r\n").unwrap_err(), SdpError::NoCommonPacketTime);
    assert_eq!(with("a=ptime:60\r\na=maxptime:40\r\n").unwrap().1.ptime_ms, 40);
    assert_eq!(with("a=maxptime:20\r\n").unwrap().1.ptime_ms, 20);
}

#[test]
fn srtp_is_answered_in_kind_with_a_key_of_ours_under_the_lines_tag() {
    let offered = offer(&Ours { origin: OURS, local: &phone(), before: None });
    let local = secret(Policy::Optional);
    let (text, stream) = answer(&parse(&offered).unwrap(), &ours(&local)).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("m=audio 20000 RTP/SAVP 0 101\r\n"), "{text}");
    assert_eq!(text.matches("a=crypto:").count(), 1);
    assert!(text.contains("a=crypto:1 AEAD_AES_128_GCM inline:"), "{text}");
    let phone = phone();
    let theirs = accept(&parse(text.as_bytes()).unwrap(), &ours(&phone)).unwrap();
    let (ours, theirs) = (stream.security.unwrap(), theirs.security.unwrap());
    assert_eq!((ours.send, ours.receive), (theirs.receive, theirs.send));
    assert_ne!(ours.send, ours.receive);
    assert!(!format!("{stream:?}").contains("key:"));
}

const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

#[test]
fn the_first_line_that_can_be_taken_is_taken() {
    let media = format!(
        "m=audio 4000 RTP/SAVPF 8\r\na=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}\r\n\
         a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4\r\na=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^31\r\n\
         a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"
    );
    let (text, stream) = agreed(&secret(Policy::Optional), &media).unwrap();
    assert!(text.contains("m=audio 20000 RTP/SAVPF 8\r\n"), "{text}");
    assert!(text.contains("a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:") && !text.contains(KEY), "{text}");
    assert_eq!(stream.security.unwrap().receive.suite(), Suite::AesCm128HmacSha1_32);
}

#[test]
fn the_policy_decides_between_plain_and_secret() {
    let plain = "m=audio 4000 RTP/AVP 8\r\n".to_owned();
    let secure = format!("m=audio 4002 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n");
    let both = format!("{plain}{secure}");
    let port = |policy, media: &str| agreed(&secret(policy), media).map(|(_, stream)| stream.remote.port());
    assert_eq!(port(Policy::Off, &plain), Ok(4000));
    assert_eq!(port(Policy::Off, &secure), Err(SdpError::NoCommonCrypto));
    assert_eq!(port(Policy::Off, &both), Ok(4000));
    assert_eq!(port(Policy::Optional, &plain), Ok(4000));
    assert_eq!(port(Policy::Optional, &both), Ok(4002));
    assert_eq!(port(Policy::Required, &plain), Err(SdpError::NotSecure));
    assert_eq!(port(Policy::Required, &both), Ok(4002));
    assert_eq!(port(Policy::Required, "m=audio 4000 RTP/SAVP 8\r\n"), Err(SdpError::NoCommonCrypto));
    assert_eq!(port(Policy::Optional, &format!("m=audio 4000 RTP/SAVP 8\r\n{plain}")), Ok(4000));
    let keyless = LocalMedia { keys: None, ..secret(Policy::Required) };
    assert_eq!(agreed(&keyless, &secure).unwrap_err(), SdpError::NoCommonCrypto);
}

#[test]
fn an_answer_must_take_up_one_of_our_lines() {
    let local = secret(Policy::Required);
    let answered = |lines: &str| {
        let body = with_media(&format!("m=audio 4000 RTP/SAVP 8\r\n{lines}"));
        accept(&parse(body.as_bytes()).unwrap(), &ours(&local))
    };
    let line = |tag, suite| format!("a=crypto:{tag} {suite} inline:{KEY}\r\n");
    assert!(answered(&line(3, "AES_CM_128_HMAC_SHA1_80")).is_ok());
    assert_eq!(answered(&line(1, "AES_CM_128_HMAC_SHA1_80")).unwrap_err(), SdpError::NoCommonCrypto);
    assert_eq!(answered(&line(9, "AES_CM_128_HMAC_SHA1_80")).unwrap_err(), SdpError::NoCommonCrypto);
    assert_eq!(answered("").unwrap_err(), SdpError::NoCommonCrypto);
    let plain = parse(with_media("m=audio 4000 RTP/AVP 8\r\n").as_bytes()).unwrap();
    assert_eq!(accept(&plain, &ours(&local)).unwrap_err(), SdpError::NotSecure);
    let secure = format!("m=audio 4000 RTP/SAVP 8\r\n{}", line(3, "AES_CM_128_HMAC_SHA1_80"));
    let secure = parse(with_media(&secure).as_bytes()).unwrap();
    let optional = secret(Policy::Optional);
    assert_eq!(accept(&secure, &ours(&optional)).unwrap_err(), SdpError::NoCommonCrypto);
}

#[test]
fn our_key_stays_as_long_as_the_suite_does_and_never_comes_back() {
    let local = secret(Policy::Optional);
    let line = |suite| format!("m=audio 4000 RTP/SAVP 8\r\na=crypto:1 {suite} inline:{KEY}\r\n");
    let at = |version, before: Option<&Stream>, suite| {
        let body = with_media(&line(suite));
        let ours = Ours { local: &local, origin: Origin { id: 7, version }, before };
        answer(&parse(body.as_bytes()).unwrap(), &ours).unwrap().1
    };
    let first = at(1, None, "AES_CM_128_HMAC_SHA1_80");
    let same = at(2, Some(&first), "AES_CM_128_HMAC_SHA1_80");
    let other = at(3, Some(&same), "AES_CM_128_HMAC_SHA1_32");
    let back = at(4, Some(&other), "AES_CM_128_HMAC_SHA1_80");
    let key = |stream: Stream| stream.security.unwrap().send;
    assert_eq!(key(first), key(same));
    assert_ne!(key(first), key(back));
    let ours = Ours { local: &local, origin: OURS, before: Some(&back) };
    let text = String::from_utf8(offer(&ours)).unwrap();
    assert!(text.contains("RTP/SAVP"), "what is secret stays so: {text}");
}

#[test]
fn hold_of_old_is_understood_on_either_kind_of_leg() {
    let body = with_media("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n");
    let (_, stream) = answer(&parse(body.as_bytes()).unwrap(), &ours(&local_v6())).unwrap();
    assert_eq!(stream.direction, Direction::RecvOnly);
}

#[test]
fn the_kind_of_address_that_is_needed_is_known_before_anything_is_opened() {
    let kind = |body: &str| parse(body.as_bytes()).unwrap().is_ipv6();
    assert_eq!(kind(&with_media("m=audio 4000 RTP/AVP 0\r\n")), Some(false));
    assert_eq!(kind(&with_media("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::7\r\n")), Some(true));
    assert_eq!(kind(&with_media("m=video 4000 RTP/AVP 96\r\n")), None);
}

#[test]
fn candidates_beyond_reason_are_refused() {
    let candidates = "a=candidate:1 1 UDP 1 192.0.2.1 4000 typ host\r\n".repeat(CANDIDATES_MAX + 1);
    let body = with_media(&format!("m=audio 4000 RTP/AVP 0\r\n{candidates}"));
    assert!(matches!(parse(body.as_bytes()), Err(SdpError::TooLarge { what: "candidates", .. })));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&body);
    }

    #[test]
    fn no_lines_make_it_panic(lines in proptest::collection::vec(
        "[vosctmab]=(0|IN IP4 1\\.2\\.3\\.4|audio [0-9]{1,6} RTP/AVP [0-9 ]{0,12}|rtpmap:[0-9]{0,4} [a-zA-Z/0-9-]{0,12}|\
         rtcp:.{0,9}|ptime:.{0,5}|a=crypto:[0-9]{1,3} AES_CM_128_HMAC_SHA1_80 inline:[A-Za-z0-9+/]{40}|audio 4 RTP/SAVP 0 96|fmtp:.{0,9}|.{0,24})", 0..24)) {
        let body = format!("v=0\r\n{}\r\n", lines.join("\r\n"));
        if let Ok(description) = parse(body.as_bytes()) {
            let local = LocalMedia { codecs: Codec::ALL.to_vec(), ..secret(Policy::Optional) };
            if let Ok((text, stream)) = answer(&description, &ours(&local)) {
                let ours = parse(&text).unwrap();
                prop_assert_eq!(ours.medias.len(), description.medias.len());
                prop_assert!(stream.payload_type < 128);
            }
            let _ = accept(&description, &ours(&local));
        }
    }
}
