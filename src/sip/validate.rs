//! The headers every message must have, once and in good shape (RFC 3261 §8.1.1, §20), whatever it asks for.

use super::fault::Fault;
use super::message::{Headers, Message, Method};
use super::uri::{CSeq, NameAddr, Via};

/// Branches, tags and Call-IDs are kept as keys; longer ones are refused.
pub const KEY_LENGTH_MAX_BYTES: usize = 1024;

/// More hops than this have no business here (Max-Forwards starts at 70).
pub const VIAS_MAX: usize = 128;

/// What changes the meaning of a request, and has one meaning only while it stands once (RFC 3261 §7.3.1): two readers who
/// pick different ones are a way round every check.
const ONCE: [&str; 11] = [
    "Content-Type",
    "Event",
    "Expires",
    "Min-SE",
    "RAck",
    "RSeq",
    "Refer-To",
    "Referred-By",
    "Replaces",
    "Session-Expires",
    "Subscription-State",
];

/// Checks what must hold for every message. Whether a method, scheme or extension is known is not looked at here.
pub fn check(message: &Message) -> Result<(), Fault> {
    let headers = message.headers();
    check_vias(headers)?;
    for name in ["From", "To"] {
        let address: NameAddr = once(headers, name)?.parse().map_err(|_| Fault::Invalid(name))?;
        if address.tag().is_some_and(|tag| tag.len() > KEY_LENGTH_MAX_BYTES) {
            return Err(Fault::Invalid(name));
        }
    }
    let call_id = once(headers, "Call-ID")?;
    let spaced = call_id.bytes().any(|byte| byte.is_ascii_whitespace());
    if call_id.is_empty() || call_id.len() > KEY_LENGTH_MAX_BYTES || spaced {
        return Err(Fault::Invalid("Call-ID"));
    }
    let cseq: CSeq = once(headers, "CSeq")?.parse().map_err(|_| Fault::Invalid("CSeq"))?;
    if let Message::Request(request) = message {
        check_method(&cseq.method, &request.method)?;
    }
    check_max_forwards(headers)?;
    let repeated = ONCE.iter().find(|name| headers.all(name).nth(1).is_some());
    repeated.map_or(Ok(()), |name| Err(Fault::Repeated(name)))
}

fn check_method(counted: &Method, asked: &Method) -> Result<(), Fault> {
    if counted == asked { Ok(()) } else { Err(Fault::MethodMismatch) }
}

fn check_vias(headers: &Headers) -> Result<(), Fault> {
    let mut count = 0;
    for value in headers.values("Via") {
        count += 1;
        let via: Via = value.parse().map_err(|_| Fault::Invalid("Via"))?;
        let long = via.branch().is_some_and(|branch| branch.len() > KEY_LENGTH_MAX_BYTES);
        if long || count > VIAS_MAX {
            return Err(Fault::Invalid("Via"));
        }
    }
    if count == 0 { Err(Fault::Missing("Via")) } else { Ok(()) }
}

/// RFC 3261 §20.22: 0 to 255. RFC 2543 had none, so it may be missing.
fn check_max_forwards(headers: &Headers) -> Result<(), Fault> {
    let mut values = headers.all("Max-Forwards");
    match (values.next(), values.next()) {
        (None, _) => Ok(()),
        (Some(_), Some(_)) => Err(Fault::Repeated("Max-Forwards")),
        (Some(value), None) => {
            let digits = value.bytes().all(|byte| byte.is_ascii_digit());
            let number = value.parse::<u16>().is_ok_and(|number| number <= 255);
            if digits && number { Ok(()) } else { Err(Fault::Invalid("Max-Forwards")) }
        }
    }
}

fn once<'a>(headers: &'a Headers, name: &'static str) -> Result<&'a str, Fault> {
    let mut values = headers.all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(Fault::Missing(name)),
        (Some(_), Some(_)) => Err(Fault::Repeated(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::codec;

    /// An OPTIONS with more lines in its head: what is wrong with it.
    fn fault_of(lines: &[u8]) -> Option<Fault> {
        let head =
            b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
            To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n";
        codec::parse(&[head, lines, b"\r\n"].concat()).err().map(|malformed| malformed.fault)
    }

    #[test]
    fn what_must_stand_once_is_not_taken_twice_whatever_its_name_is_written_like() {
        for (lines, name) in [
            ("Refer-To: <sip:a@h>\r\nr: <sip:b@h>\r\n", "Refer-To"),
            ("Session-Expires: 90\r\nX : 1800\r\n", "Session-Expires"),
            ("Content-Type: application/sdp\r\nc:text/plain\r\n", "Content-Type"),
            ("replaces: a;to-tag=1;from-tag=2\r\nREPLACES\t: b\r\n", "Replaces"),
            ("Max-Forwards: 7\r\nmax-forwards: 70\r\n", "Max-Forwards"),
            ("f: <sip:evil@h>;tag=2\r\n", "From"),
            ("i: 2\r\n", "Call-ID"),
            ("CSEQ: 2 OPTIONS\r\n", "CSeq"),
            ("Content-Length: 0\r\nl: 5\r\n", "Content-Length"),
        ] {
            assert_eq!(fault_of(lines.as_bytes()), Some(Fault::Repeated(name)), "{lines}");
        }
        assert_eq!(fault_of(b"Contact: <sip:a@h>\r\nm: <sip:b@h>\r\nSupported: a\r\nk: b\r\n"), None);
    }

    #[test]
    fn no_header_hides_in_another() {
        for lines in [
            &b"X-A\0B: 1\r\n"[..],
            b"X-A\rFrom: 1\r\n",
            b"Fr om: <sip:evil@h>;tag=2\r\n",
            b"From\x0b: <sip:evil@h>;tag=2\r\n",
            b": nameless\r\n",
            b"no colon at all\r\n",
            b"\xc2\xa0From: <sip:evil@h>\r\n",
        ] {
            assert_eq!(fault_of(lines), Some(Fault::HeaderLine), "{}", String::from_utf8_lossy(lines));
        }
        // A bare CR or a NUL within a value ends nothing.
        let bytes =
            b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
            To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nSubject: a\rAuthorization: b\0c\r\n\r\n";
        let message = codec::parse(bytes).unwrap();
        assert_eq!(message.headers().first("Subject"), Some("a Authorization: b c"));
        assert_eq!(message.headers().first("Authorization"), None);
    }

    #[test]
    fn heads_beyond_the_caps_are_refused() {
        let long = |size: usize| format!("Subject: {}\r\n", "x".repeat(size));
        assert_eq!(fault_of(long(codec::HEADER_LENGTH_MAX_BYTES - 20).as_bytes()), None);
        assert_eq!(fault_of(long(codec::HEADER_LENGTH_MAX_BYTES).as_bytes()), Some(Fault::LongHeader));
        let folded = format!("Subject: x\r\n{}", format!(" {}\r\n", "y".repeat(100)).repeat(100));
        assert_eq!(fault_of(folded.as_bytes()), Some(Fault::LongHeader));
        let many = "Subject: x\r\n".repeat(codec::HEADER_LINES_MAX);
        assert_eq!(fault_of(many.as_bytes()), Some(Fault::TooManyHeaders));
        let vias = "v: SIP/2.0/UDP h, SIP/2.0/UDP h\r\n".repeat(VIAS_MAX / 2);
        assert_eq!(fault_of(vias.as_bytes()), Some(Fault::Invalid("Via")));
        let uri =
            format!("OPTIONS sip:{}@h SIP/2.0\r\n\r\n", "x".repeat(super::super::uri::URI_LENGTH_MAX_BYTES));
        assert_eq!(codec::parse(uri.as_bytes()).unwrap_err().fault, Fault::RequestUri);
    }
}
