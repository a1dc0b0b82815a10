//! What the codec takes, shields and refuses.

use super::*;
use crate::sip::message::Method;

const HEADERS: &str = "Via: SIP/2.0/UDP a.example:5060;branch=z9hG4bK1\r\nFrom: <sip:a@a>;tag=1\r\nTo: <sip:b@b>\r\n\
                       Call-ID: c\r\nCSeq: 2 INVITE\r\n";

fn invite(more: &str) -> Vec<u8> {
    format!("INVITE sip:b@b SIP/2.0\r\n{HEADERS}{more}").into_bytes()
}

fn request(bytes: &[u8]) -> Request {
    match parse(bytes) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn fault(bytes: &[u8]) -> Fault {
    parse(bytes).unwrap_err().fault
}

#[test]
fn compact_names_folds_and_odd_case_become_canonical() {
    let request = request(&invite("r: <sip:x@y>\r\nsUBJECT: a\r\n  b\r\n\tc\r\nX-Odd: \r\nl: 0\r\n\r\n"));
    assert_eq!(request.headers.first("Refer-To"), Some("<sip:x@y>"));
    let names: Vec<_> = request.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Via", "From", "To", "Call-ID", "CSeq", "Refer-To", "Subject", "X-Odd"]);
    assert_eq!(request.headers.first("Subject"), Some("a b c"));
    assert_eq!(request.headers.first("X-Odd"), Some(""));
}

#[test]
fn unknown_methods_pass() {
    let text = String::from_utf8(invite("\r\n")).unwrap().replace("INVITE", "FROB");
    assert_eq!(request(text.as_bytes()).method, Method::Other("FROB".into()));
}

#[test]
fn lines_that_are_not_utf8_do_not_end_the_headers() {
    let mut bytes = invite("Subject: ");
    bytes.extend_from_slice(b"\xff\xfe!\r\nExpires: 7\r\n\r\n");
    let request = request(&bytes);
    assert_eq!(request.headers.first("Expires"), Some("7"));
    assert!(request.headers.first("Subject").unwrap().ends_with('!'));
}

#[test]
fn bare_line_feeds_end_lines_and_bare_returns_do_not() {
    let text = String::from_utf8(invite("Subject: a\rVia: b\r\n\r\nbody")).unwrap().replace("\r\n", "\n");
    let request = request(text.as_bytes());
    assert_eq!(request.headers.first("Subject"), Some("a Via: b"));
    assert_eq!(request.headers.all("Via").count(), 1);
    assert_eq!(request.body, b"body");
}

#[test]
fn the_length_of_a_datagrams_body_is_what_its_header_says() {
    assert_eq!(request(&invite("Content-Length: 2\r\n\r\nabcd")).body, b"ab");
    assert_eq!(request(&invite("\r\nabcd\r\n\r\nef")).body, b"abcd\r\n\r\nef");
    assert_eq!(fault(&invite("Content-Length: 5\r\n\r\nabcd")), Fault::BodyCut);
    assert_eq!(fault(&invite("Content-Length: -1\r\n\r\n")), Fault::Invalid("Content-Length"));
    assert_eq!(fault(&invite("Content-Length:\r\n\r\n")), Fault::Invalid("Content-Length"));
    assert_eq!(fault(&invite("Content-Length: 0\r\nl: 0\r\n\r\n")), Fault::Repeated("Content-Length"));
}

#[test]
fn smuggled_header_names_are_refused() {
    for line in ["To\u{b}: x", "T o: x", ": x", "nothing", "\"To\": x"] {
        assert_eq!(fault(&invite(&format!("{line}\r\n\r\n"))), Fault::HeaderLine, "{line:?}");
    }
}

#[test]
fn too_much_is_refused() {
    assert_eq!(fault(&invite(&"X: y\r\n".repeat(HEADER_LINES_MAX))), Fault::TooManyHeaders);
    assert_eq!(fault(&vec![b'a'; MESSAGE_SIZE_MAX_BYTES + 1]), Fault::TooLarge);
    assert_eq!(fault(b"\r\n\r\n"), Fault::Empty);
    assert_eq!(fault(&invite("")), Fault::NoEndOfHeaders);
}

#[test]
fn a_malformed_request_can_still_be_answered() {
    let malformed = parse(&invite("CSeq: 3 INVITE\r\n\r\n")).unwrap_err();
    let reply = malformed.reply("t").unwrap();
    assert_eq!((reply.status, reply.headers.first("Call-ID")), (400, Some("c")));
    assert_eq!(reply.reason, "Bad Request: header CSeq stands more than once");
    let text = String::from_utf8(invite("CSeq: 3 INVITE\r\n\r\n")).unwrap().replace("INVITE sip", "ACK sip");
    assert_eq!(parse(text.as_bytes()).unwrap_err().reply("t"), None);
}

#[test]
fn reason_phrases_survive_the_round_trip() {
    let text = format!("SIP/2.0 403 Caller не известен\r\n{HEADERS}Content-Length: 3\r\n\r\nxyz");
    let message = parse(text.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(print(&message)).unwrap(), text);
    assert_eq!(parse(&print(&message)), Ok(message));
}

#[test]
fn statuses_of_three_digits_only() {
    for line in ["SIP/2.0 99 x", "SIP/2.0 700 x", "SIP/2.0 4294967301 x", "SIP/2.0 +99", "SIP/2.0"] {
        assert_eq!(fault(format!("{line}\r\n{HEADERS}\r\n").as_bytes()), Fault::StartLine, "{line}");
    }
}

#[test]
fn a_request_uri_cannot_break_out_of_its_line() {
    let mut request = request(&invite("\r\n"));
    request.uri = "sip:b@b SIP/2.0\r\nVia: evil".into();
    assert_eq!(print_request(&request).iter().filter(|byte| **byte == b'\n').count(), 8);
}
