//! The headers every message must have, once and in good shape (RFC 3261 §8.1.1, §20), whatever it asks for.

use super::fault::Fault;
use super::message::{Headers, Message, Method};
use super::uri::{CSeq, NameAddr, Via};

/// Branches, tags and Call-IDs are kept as keys; longer ones are refused.
pub const KEY_LENGTH_MAX_BYTES: usize = 1024;

/// More hops than this have no business here (Max-Forwards starts at 70).
pub const VIAS_MAX: usize = 128;

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
    check_max_forwards(headers)
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
