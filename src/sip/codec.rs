//! Bytes to messages and back: the only file that names the codec crate.
//!
//! The crate reads the header block and the body. The start line is read beforehand (in `wire`), since the crate refuses
//! methods it has not heard of, misreads a `?` in a user part, and forgets unusual reason phrases; and the block is
//! normalised beforehand, since the crate stops at the first line that is not UTF-8.

pub use super::fault::{Fault, Malformed};
use super::message::{Headers, Message, Request, Response};
use super::validate;
use super::wire::{StartLine, take_apart};
use rsipstack::sip as codec;

/// The largest message taken: what a UDP datagram can carry.
pub const MESSAGE_SIZE_MAX_BYTES: usize = 65_535;

/// The most header lines taken, folded lines counted one by one.
pub const HEADER_LINES_MAX: usize = 256;

/// The longest header taken, in bytes, unfolded.
pub const HEADER_LENGTH_MAX_BYTES: usize = 8_192;

/// Reads one message: all of a datagram, or what the framing cut out of a stream.
pub fn parse(bytes: &[u8]) -> Result<Message, Malformed> {
    let parts = take_apart(bytes).map_err(Malformed::unreadable)?;
    let (headers, body) = read_block(&parts.head, parts.body).map_err(Malformed::unreadable)?;
    let message = match parts.start {
        StartLine::Request { method, uri } => Message::Request(Request { method, uri, headers, body }),
        StartLine::Response { status, reason } => {
            Message::Response(Response { status, reason, headers, body })
        }
    };
    match parts.fault.map_or_else(|| validate::check(&message), Err) {
        Ok(()) => Ok(message),
        Err(fault) => Err(malformed(fault, message)),
    }
}

fn malformed(fault: Fault, message: Message) -> Malformed {
    match message {
        Message::Request(request) => Malformed { fault, request: Some(Box::new(request)) },
        Message::Response(_) => Malformed::unreadable(fault),
    }
}

fn read_block(head: &str, body: &[u8]) -> Result<(Headers, Vec<u8>), Fault> {
    const STAND_IN: &str = "OPTIONS sip:stand.in SIP/2.0\r\n";
    let mut block = Vec::with_capacity(STAND_IN.len() + head.len() + 32 + body.len());
    block.extend_from_slice(STAND_IN.as_bytes());
    block.extend_from_slice(head.as_bytes());
    block.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    block.extend_from_slice(body);
    let request = codec::Request::try_from(block.as_slice()).map_err(|_| Fault::Codec)?;
    let mut headers = Headers::new();
    for header in request.headers.iter() {
        if !matches!(header, codec::Header::ContentLength(_)) {
            headers.push(long_name(header.name()), header.value());
        }
    }
    Ok((headers, request.body))
}

/// The long, canonical form of names the crate does not know (IANA registry of SIP header fields).
fn long_name(name: &str) -> &str {
    const NAMES: [(&str, &str); 18] = [
        ("a", "Accept-Contact"),
        ("b", "Referred-By"),
        ("d", "Request-Disposition"),
        ("j", "Reject-Contact"),
        ("n", "Identity-Info"),
        ("r", "Refer-To"),
        ("u", "Allow-Events"),
        ("x", "Session-Expires"),
        ("y", "Identity"),
        ("", "Accept-Contact"),
        ("", "Allow-Events"),
        ("", "P-Access-Network-Info"),
        ("", "P-Charging-Vector"),
        ("", "Reject-Contact"),
        ("", "Remote-Party-ID"),
        ("", "Request-Disposition"),
        ("", "SIP-ETag"),
        ("", "SIP-If-Match"),
    ];
    let known = NAMES.iter().find(|(short, long)| {
        name.eq_ignore_ascii_case(long) || (!short.is_empty() && name.eq_ignore_ascii_case(short))
    });
    known.map_or(name, |(_, long)| long)
}

/// Whether a header has a name of one letter (RFC 3261 §7.3.3 and the IANA registry).
pub fn has_short_form(name: &str) -> bool {
    const NAMES: [&str; 20] = [
        "Accept-Contact",
        "Allow-Events",
        "Call-ID",
        "Contact",
        "Content-Encoding",
        "Content-Length",
        "Content-Type",
        "Event",
        "From",
        "Identity",
        "Identity-Info",
        "Refer-To",
        "Referred-By",
        "Reject-Contact",
        "Request-Disposition",
        "Session-Expires",
        "Subject",
        "Supported",
        "To",
        "Via",
    ];
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Writes a message; `Content-Length` is always written, from the body (RFC 3261 §20.14).
pub fn print(message: &Message) -> Vec<u8> {
    match message {
        Message::Request(request) => print_request(request),
        Message::Response(response) => print_response(response),
    }
}

/// Writes a request.
pub fn print_request(request: &Request) -> Vec<u8> {
    // White space in a Request-URI would end it; nobody of ours writes one, and nobody else may make us.
    let uri: String = request.uri.chars().filter(|c| *c != ' ' && !c.is_ascii_control()).collect();
    print_parts(&format!("{} {uri} SIP/2.0", request.method), &request.headers, &request.body)
}

/// Writes a response, with the reason phrase it has.
pub fn print_response(response: &Response) -> Vec<u8> {
    let reason: String =
        response.reason.chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).collect();
    print_parts(&format!("SIP/2.0 {} {reason}", response.status), &response.headers, &response.body)
}

fn print_parts(start: &str, headers: &Headers, body: &[u8]) -> Vec<u8> {
    let size: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let mut bytes = Vec::with_capacity(start.len() + size + body.len() + 32);
    bytes.extend_from_slice(start.as_bytes());
    for (name, value) in headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("Content-Length")) {
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
    }
    bytes.extend_from_slice(format!("\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests;
