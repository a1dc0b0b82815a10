//! The SIP messages of a simulated caller, written as plain text and read as little as possible: thousands a second, always
//! of the same shape.

use crate::media::Codec;
use crate::media::sdp::parse as parse_sdp;
use crate::media::srtp::{Keying, Suite};
use crate::sip::message::{Headers, Request};
use crate::sip::uri::NameAddr;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::net::SocketAddr;

/// What the callers' numbers begin with.
const PREFIX: &str = "+4930";

/// One caller's identities; everything follows from his index and the run.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub index: usize,
    /// Tells runs apart, in Call-IDs and branches.
    pub run: u32,
    pub local: SocketAddr,
    pub server: SocketAddr,
    /// Where he wants his RTP.
    pub sink: SocketAddr,
    pub audio: Audio,
}

impl Caller {
    /// The caller a Call-ID belongs to.
    pub fn index_of(call_id: &str, run: u32) -> Option<usize> {
        let (index, rest) = call_id.split_once('.')?;
        (rest == format!("{run:x}@bench")).then(|| index.parse().ok()).flatten()
    }

    /// The caller whose number a From header shows.
    pub fn index_in_from(from: &str) -> Option<usize> {
        let from: NameAddr = from.parse().ok()?;
        from.uri.user?.strip_prefix(PREFIX)?.parse().ok()
    }

    pub fn invite(&self, number: &str) -> Vec<u8> {
        let sdp = sdp(self.audio, self.sink, 1, 1);
        let mut text = self.head("INVITE", &format!("sip:{number}@{}", self.server), 1, number, "");
        let _ = write!(
            text,
            "Contact: <sip:bench@{}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            self.local,
            sdp.len()
        );
        text.into_bytes()
    }

    /// The ACK of a refusal has the INVITE's branch, that of a 200 one of its own (RFC 3261 §17.1.1.3, §13.2.2.4).
    pub fn ack(&self, number: &str, to_tag: &str, target: Option<&str>) -> Vec<u8> {
        let uri = target.map_or_else(|| format!("sip:{number}@{}", self.server), str::to_owned);
        let method = if target.is_some() { "ACK" } else { "INVITE" };
        let head = self.head(method, &uri, 1, number, to_tag).replacen("INVITE sip:", "ACK sip:", 1);
        let head = head.replace("CSeq: 1 INVITE", "CSeq: 1 ACK");
        (head + "Content-Length: 0\r\n\r\n").into_bytes()
    }

    pub fn bye(&self, number: &str, to_tag: &str, target: &str) -> Vec<u8> {
        (self.head("BYE", target, 2, number, to_tag) + "Content-Length: 0\r\n\r\n").into_bytes()
    }

    fn head(&self, method: &str, uri: &str, cseq: u32, number: &str, to_tag: &str) -> String {
        let Caller { index, run, local, server, .. } = self;
        let tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{run:x}.{index}.{method};rport\r\n\
             Max-Forwards: 70\r\nFrom: \"Bench {index}\" <sip:{PREFIX}{index:07}@{local}>;tag={run:x}.{index}\r\n\
             To: <sip:{number}@{server}>{tag}\r\nCall-ID: {index}.{run:x}@bench\r\nCSeq: {cseq} {method}\r\n"
        )
    }
}

/// What a caller must know of a response. Headers are expected in their long form.
pub(super) struct Answer<'a> {
    pub status: u16,
    pub call_id: &'a str,
    /// Of the request.
    pub method: &'a str,
    pub to_tag: &'a str,
    /// Where later requests go; the empty text when it does not say.
    pub contact: &'a str,
    pub body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// Reads a response; `None` when it is none.
    pub fn read(bytes: &'a [u8]) -> Option<Answer<'a>> {
        let rest = bytes.strip_prefix(b"SIP/2.0 ")?;
        let end = rest.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&rest[..end]).ok()?;
        let mut answer = Answer {
            status: head.get(..3)?.parse().ok()?,
            call_id: "",
            method: "",
            to_tag: "",
            contact: "",
            body: &rest[end + 4..],
        };
        for (name, value) in head.split("\r\n").skip(1).filter_map(|line| line.split_once(": ")) {
            match name {
                "Call-ID" => answer.call_id = value,
                "CSeq" => answer.method = value.split_once(' ')?.1,
                "To" => answer.to_tag = value.split_once(";tag=").map_or("", |(_, tag)| tag),
                "Contact" => answer.contact = value.split(['<', '>']).nth(1)?,
                _ => {}
            }
        }
        Some(answer)
    }
}

/// What a phone of the benchmark speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Audio {
    pub codec: Codec,
    /// Encrypted, with a key of its own making (RFC 4568).
    pub srtp: bool,
    /// It wants to hear nothing (`sendonly`): signalling without sound.
    pub deaf: bool,
}

impl Audio {
    /// What everybody speaks.
    pub const PLAIN: Audio = Audio { codec: Codec::Pcmu, srtp: false, deaf: false };
}

/// A key that is nobody's secret: 16 bytes of it and 14 of salt, in base64.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODwABAgMEBQYHCAkKCwwN";

/// How the benchmark's phones encrypt: as every phone can.
const SUITE: Suite = Suite::AesCm128HmacSha1_80;

/// The key of all phones of the benchmark, by which they encrypt what they say.
pub(super) fn own_key() -> Option<Keying> {
    let counted: Vec<u8> = (0..16).chain(0..14).collect();
    Keying::new(SUITE, &counted)
}

/// A description of one codec and telephone events at `sink`. `line` is the number of its key, if there is one.
pub(super) fn sdp(audio: Audio, sink: SocketAddr, version: u32, line: u32) -> String {
    let (ip, port) = (sink.ip(), sink.port());
    let (number, mapping) = (audio.codec.offered_payload_type(), mapping(audio.codec));
    let (profile, key) = match audio.srtp {
        true => ("RTP/SAVP", format!("a=crypto:{line} {} inline:{KEY}\r\n", SUITE.name())),
        false => ("RTP/AVP", String::new()),
    };
    let direction = if audio.deaf { "sendonly" } else { "sendrecv" };
    format!(
        "v=0\r\no=bench 1 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio {port} {profile} {number} 101\r\na=rtpmap:{number} {mapping}\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n{key}a={direction}\r\n"
    )
}

/// RFC 3551 §6, RFC 7587 §7.
fn mapping(codec: Codec) -> &'static str {
    match codec {
        Codec::Pcmu => "PCMU/8000",
        Codec::Pcma => "PCMA/8000",
        Codec::G722 => "G722/8000",
        Codec::Opus => "opus/48000/2",
        Codec::L16 => "L16/16000",
    }
}

/// What a description says of its author.
#[derive(Clone, Copy, Debug)]
pub(super) struct Far {
    /// Where he wants his sound: the address of `c=`, the port of the first `m=`.
    pub to: SocketAddr,
    /// By what he encrypts his own.
    pub key: Option<Keying>,
}

/// Reads it.
pub(super) fn far(description: &[u8]) -> Option<Far> {
    let key = parse_sdp(description).ok()?.key_of(SUITE).map(|(_, keying)| keying);
    Some(Far { to: media_address(description)?, key })
}

fn media_address(description: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(description).ok()?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let ip = field("c=IN IP4 ")?.trim().parse().ok()?;
    let port = field("m=audio ")?.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::new(ip, port))
}

/// A response to the engine's request: the tag, if To has none, and our contact and media if they are given.
pub(super) fn respond(
    request: &Request,
    status: &str,
    tag: &str,
    media: Option<(SocketAddr, SocketAddr, Audio)>,
) -> Vec<u8> {
    let mut text = format!("SIP/2.0 {status}\r\n");
    copy(&request.headers, &mut text, tag, request.to_tag().is_none());
    let mut body = String::new();
    if let Some((contact, sink, audio)) = media {
        let _ = write!(text, "Contact: <sip:bench@{contact}>\r\nContent-Type: application/sdp\r\n");
        // An answer's key has the number of the offered line it goes with (RFC 4568 §9.2).
        let offered = parse_sdp(&request.body).ok().and_then(|offer| offer.key_of(SUITE));
        body = sdp(audio, sink, 1, offered.map_or(1, |(line, _)| line));
    }
    let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
    text.into_bytes()
}

/// The BYE of one whom this INVITE called, and who answered it with this tag.
pub(super) fn hang_up(invite: &Request, tag: &str, from: SocketAddr) -> Vec<u8> {
    let header = |name: &str| invite.headers.first(name).unwrap_or_default();
    let (us, them, call_id) = (header("To"), header("From"), header("Call-ID"));
    let target = header("Contact").split(['<', '>']).nth(1).unwrap_or_default();
    format!(
        "BYE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{call_id};rport\r\nMax-Forwards: 70\r\n\
         From: {us};tag={tag}\r\nTo: {them}\r\nCall-ID: {call_id}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn copy(headers: &Headers, text: &mut String, tag: &str, untagged: bool) {
    for name in ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"] {
        for value in headers.all(name) {
            let tag = if name == "To" && untagged { format!(";tag={tag}") } else { String::new() };
            let _ = write!(text, "{name}: {value}{tag}\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::codec::parse;
    use crate::sip::message::{Message, Method};

    fn caller() -> Caller {
        let [local, server, sink] =
            ["127.0.0.1:4000", "127.0.0.1:5060", "127.0.0.1:6000"].map(|a| a.parse().unwrap());
        Caller { index: 7, run: 0xbeef, local, server, sink, audio: Audio::PLAIN }
    }

    fn request(bytes: &[u8]) -> Request {
        match parse(bytes).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a response"),
        }
    }

    #[test]
    fn all_messages_of_a_caller_are_sip_and_belong_together() {
        let caller = caller();
        let invite = request(&caller.invite("4001"));
        let refused = request(&caller.ack("4001", "t", None));
        let accepted = request(&caller.ack("4001", "t", Some("sip:h@127.0.0.1:5060")));
        let bye = request(&caller.bye("4001", "t", "sip:h@127.0.0.1:5060"));
        assert_eq!((&invite.method, &refused.method), (&Method::Invite, &Method::Ack));
        assert_eq!((&accepted.method, &bye.method), (&Method::Ack, &Method::Bye));
        assert_eq!(refused.headers.first("Via"), invite.headers.first("Via"));
        assert_ne!(accepted.headers.first("Via"), invite.headers.first("Via"));
        assert_eq!(refused.headers.first("CSeq"), Some("1 ACK"));
        assert_eq!(bye.to_tag().as_deref(), Some("t"));
        assert_eq!(Caller::index_in_from(invite.headers.first("From").unwrap()), Some(7));
        for message in [&invite, &refused, &accepted, &bye] {
            let call_id = message.headers.first("Call-ID").unwrap();
            assert_eq!(Caller::index_of(call_id, 0xbeef), Some(7));
            assert_eq!(Caller::index_of(call_id, 1), None);
        }
    }

    #[test]
    fn what_is_said_of_the_key_is_the_key() {
        let here: SocketAddr = "127.0.0.1:6000".parse().unwrap();
        let text = sdp(Audio { srtp: true, ..Audio::PLAIN }, here, 1, 3);
        assert!(text.contains("a=crypto:3 "), "{text}");
        let read = far(text.as_bytes()).unwrap();
        assert_eq!((read.to, read.key), (here, own_key()));
        assert!(read.key.is_some());
        assert!(far(sdp(Audio::PLAIN, here, 1, 1).as_bytes()).unwrap().key.is_none());
    }

    #[test]
    fn a_response_belongs_to_its_request() {
        let invite = request(&caller().invite("4001"));
        let sink = caller().sink;
        let Message::Response(ok) =
            parse(&respond(&invite, "200 OK", "x", Some((sink, sink, Audio::PLAIN)))).unwrap()
        else {
            panic!("a request")
        };
        assert_eq!((ok.status, ok.to_tag().as_deref()), (200, Some("x")));
        assert_eq!(ok.headers.first("CSeq"), Some("1 INVITE"));
    }

    #[test]
    fn an_agent_hangs_up_in_the_dialog_of_the_invite() {
        let caller = caller();
        let bye = request(&hang_up(&request(&caller.invite("4001")), "x", caller.sink));
        assert_eq!((bye.method.as_str(), bye.uri.as_str()), ("BYE", "sip:bench@127.0.0.1:4000"));
        assert_eq!((bye.from_tag().as_deref(), bye.to_tag().as_deref()), (Some("x"), Some("beef.7")));
    }

    #[test]
    fn a_caller_reads_of_a_response_what_he_needs() {
        let (invite, sink) = (request(&caller().invite("4001")), caller().sink);
        let bytes = respond(&invite, "200 OK", "x", Some((sink, sink, Audio::PLAIN)));
        let answer = Answer::read(&bytes).unwrap();
        assert_eq!((answer.status, answer.method, answer.to_tag), (200, "INVITE", "x"));
        assert_eq!(answer.contact, format!("sip:bench@{sink}"));
        assert_eq!(Caller::index_of(answer.call_id, 0xbeef), Some(7));
        assert_eq!(media_address(answer.body), Some(sink));
        assert!(Answer::read(&caller().invite("4001")).is_none() && Answer::read(b"SIP/2.0 200").is_none());
    }
}
