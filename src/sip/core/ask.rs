//! What every session request is checked for before it is looked at (RFC 3261 §8.2).

use super::compose::{Refusal, SDP};
use crate::sip::message::{Headers, Request};

/// Extensions that may be required of us.
const KNOWN: [&str; 3] = ["timer", "replaces", "100rel"];
/// Extensions that a REGISTER may require.
const KNOWN_TO_REGISTRAR: [&str; 2] = ["path", "outbound"];

/// RFC 3261 §8.2.2.3 and §8.2.3: extensions that are required, and the body's type.
pub(super) fn check_session(request: &Request) -> Result<(), Refusal> {
    check_required(&request.headers)?;
    // What no answer of ours may be written in (RFC 3261 §13.3.1.3); to accept nothing said is to accept SDP (§20.1).
    if request.headers.all("Accept").next().is_some() && !request.headers.values("Accept").any(is_ours) {
        return Err(Refusal::new(406).with("Accept", SDP));
    }
    if request.body.is_empty() {
        return Ok(());
    }
    let kind = request.headers.first("Content-Type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(SDP) {
        return Err(Refusal::new(415).with("Accept", SDP));
    }
    match request.headers.first("Content-Encoding") {
        Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => {
            Err(Refusal::new(415).with("Accept", SDP).with("Accept-Encoding", "identity"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether a range of media types takes in SDP.
fn is_ours(range: &str) -> bool {
    let kind = range.split(';').next().unwrap_or_default().trim();
    [SDP, "application/*", "*/*"].iter().any(|ours| kind.eq_ignore_ascii_case(ours))
}

/// RFC 3261 §8.2.2.3.
pub(super) fn check_required(headers: &Headers) -> Result<(), Refusal> {
    check_known(headers, &KNOWN)
}

/// The same of a REGISTER.
pub(super) fn check_registration(headers: &Headers) -> Result<(), Refusal> {
    check_known(headers, &KNOWN_TO_REGISTRAR)
}

fn check_known(headers: &Headers, known: &[&str]) -> Result<(), Refusal> {
    let unknown: Vec<_> = headers
        .values("Require")
        .filter(|option| !known.iter().any(|known| known.eq_ignore_ascii_case(option)))
        .collect();
    if unknown.is_empty() { Ok(()) } else { Err(Refusal::new(420).with("Unsupported", unknown.join(", "))) }
}
