//! What phones really send, what RFC 3264 demands in return, and what an attacker would try.

use super::*;
use crate::media::LocalMedia;
use proptest::prelude::*;

fn local() -> LocalMedia {
    LocalMedia { rtp: "192.0.2.10:20000".parse().unwrap(), codecs: vec![Codec::Pcmu, Codec::Pcma] }
}

fn local_v6() -> LocalMedia {
    LocalMedia { rtp: "[2001:db8::10]:20000".parse().unwrap(), ..local() }
}

const OURS: Origin = Origin { id: 7, version: 1 };
const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n";

fn negotiated(body: &str) -> (String, Stream) {
    let (text, stream) = answer(&parse(body.as_bytes()).unwrap(), &local(), OURS).unwrap();
    (String::from_utf8(text).unwrap(), stream)
}

fn refused_because(body: &str) -> SdpError {
    answer(&parse(body.as_bytes()).unwrap(), &local(), OURS).unwrap_err()
}

fn with_media(media: &str) -> String {
    format!("{HEAD}{media}")
}

#[test]
fn offer_names_everything_we_can_speak() {
    let text = String::from_utf8(offer(&local(), Origin { id: 7, version: 3 })).unwrap();
    let expected = "v=0\r\no=- 7 3 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
        m=audio 20000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";
    assert_eq!(text, expected);
}

#[test]
fn our_own_offer_is_answered_and_the_answer_accepted() {
    let offered = parse(&offer(&local(), OURS)).unwrap();
    let phone = LocalMedia { rtp: "198.51.100.7:4000".parse().unwrap(), codecs: vec![Codec::Pcma] };
    let (text, theirs) = answer(&offered, &phone, Origin::default()).unwrap();
    let ours = accept(&parse(&text).unwrap(), &local()).unwrap();
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
    let (text, stream) = answer(&description, &local_v6(), OURS).unwrap();
    assert_eq!(stream.remote, "[2001:db8::7]:4000".parse().unwrap());
    assert!(String::from_utf8(text).unwrap().contains("c=IN IP6 2001:db8::10\r\n"));
    assert_eq!(answer(&description, &local(), OURS).unwrap_err(), SdpError::NoAddress);
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
    assert_eq!(accept(&description, &local()).unwrap_err(), SdpError::Rejected);
    let description = parse(with_media("m=audio 4000 RTP/AVP 18\r\n").as_bytes()).unwrap();
    assert_eq!(accept(&description, &local()).unwrap_err(), SdpError::NoCommonCodec);
    assert_eq!(accept(&parse(HEAD.as_bytes()).unwrap(), &local()).unwrap_err(), SdpError::NoAudio);
}

#[test]
fn an_answer_with_several_codecs_means_its_first() {
    let media = "m=audio 4000 RTP/AVP 8 0 96\r\na=rtpmap:96 telephone-event/8000\r\na=sendonly\r\n";
    let stream = accept(&parse(with_media(media).as_bytes()).unwrap(), &local()).unwrap();
    assert_eq!((stream.codec, stream.payload_type, stream.dtmf), (Codec::Pcma, 8, Some(96)));
    assert_eq!(stream.direction, Direction::RecvOnly);
}

#[test]
fn only_configured_codecs_are_spoken() {
    let only_alaw = LocalMedia { codecs: vec![Codec::Pcma], ..local() };
    let offered = parse(with_media("m=audio 4000 RTP/AVP 0\r\n").as_bytes()).unwrap();
    assert_eq!(answer(&offered, &only_alaw, OURS).unwrap_err(), SdpError::NoCommonCodec);
    assert!(String::from_utf8(offer(&only_alaw, OURS)).unwrap().contains("m=audio 20000 RTP/AVP 8 101\r\n"));
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

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&body);
    }

    #[test]
    fn no_lines_make_it_panic(lines in proptest::collection::vec(
        "[vosctmab]=(0|IN IP4 1\\.2\\.3\\.4|audio [0-9]{1,6} RTP/AVP [0-9 ]{0,12}|rtpmap:[0-9]{0,4} [a-zA-Z/0-9-]{0,12}|\
         rtcp:.{0,9}|ptime:.{0,5}|fmtp:.{0,9}|.{0,24})", 0..24)) {
        let body = format!("v=0\r\n{}\r\n", lines.join("\r\n"));
        if let Ok(description) = parse(body.as_bytes()) {
            if let Ok((text, stream)) = answer(&description, &local(), OURS) {
                let ours = parse(&text).unwrap();
                prop_assert_eq!(ours.medias.len(), description.medias.len());
                prop_assert!(stream.payload_type < 128);
            }
            let _ = accept(&description, &local());
        }
    }
}
