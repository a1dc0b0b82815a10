//! What every session request is checked for before it is looked at (RFC 3261 §8.2), and who calls.

use super::compose::{Refusal, SDP};
use crate::engine::event::Caller;
use crate::sip::message::{Headers, Request};
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::{Host, Uri};

/// Extensions that may be required of us.
const KNOWN: [&str; 3] = ["timer", "replaces", "100rel"];
/// Longer numbers are cut, in characters.
const NUMBER_LENGTH_MAX: usize = 64;
/// Longer names are cut, in characters.
const NAME_LENGTH_MAX: usize = 128;

/// RFC 3261 §8.2.2.3 and §8.2.3: extensions that are required, and the body's type.
pub(super) fn check_session(request: &Request) -> Result<(), Refusal> {
    check_required(&request.headers)?;
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

/// RFC 3261 §8.2.2.3.
pub(super) fn check_required(headers: &Headers) -> Result<(), Refusal> {
    let unknown: Vec<_> = headers
        .values("Require")
        .filter(|option| !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(option)))
        .collect();
    if unknown.is_empty() { Ok(()) } else { Err(Refusal::new(420).with("Unsupported", unknown.join(", "))) }
}

/// What was dialled: the user part, without the marks people write into numbers.
pub(super) fn dialled(uri: &Uri) -> String {
    let user = uri.user.as_deref().unwrap_or_default();
    let number = user.split(';').next().unwrap_or_default();
    let is_mark = |c: char| matches!(c, '-' | '.' | '(' | ')' | ' ');
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | '*' | '#') || is_mark(c);
    if number.chars().all(is_number) {
        number.chars().filter(|c| !is_mark(*c)).take(NUMBER_LENGTH_MAX).collect()
    } else {
        number.chars().filter(|c| !c.is_control()).take(NUMBER_LENGTH_MAX).collect()
    }
}

/// Who calls: what a trunk asserts (RFC 3325) before what the caller says of himself.
pub(super) fn caller(headers: &Headers, trusted: bool) -> Caller {
    let private = headers
        .first("Privacy")
        .is_some_and(|value| value.split(';').any(|one| matches!(one.trim(), "id" | "user" | "header")));
    let asserted = headers.values("P-Asserted-Identity").find_map(|value| value.parse::<NameAddr>().ok());
    let address = asserted
        .filter(|_| trusted && !private)
        .or_else(|| headers.first("From").and_then(|value| value.parse().ok()));
    let Some(address) = address else { return Caller::default() };
    let name: String = address.display.unwrap_or_default();
    let name = name.chars().filter(|c| !c.is_control()).take(NAME_LENGTH_MAX).collect();
    let withheld = address.uri.host == Host::Name("anonymous.invalid".into())
        || address.uri.user.as_deref().is_some_and(|user| user.eq_ignore_ascii_case("anonymous"));
    let number = if withheld || private { String::new() } else { dialled(&address.uri) };
    Caller { number, name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, expected: &str) {
        assert_eq!(dialled(&uri.parse().unwrap()), expected, "{uri}");
    }

    #[test]
    fn only_the_marks_of_a_number_are_left_out() {
        check("sip:+49-30.(1)-2@h", "+493012");
        check("sip:*11@h;user=phone", "*11");
        check("sip:sales-line.2@h", "sales-line.2");
        check("sip:4001;phone-context=x@h", "4001");
        check("tel:+49-30-1", "+49301");
        check("sip:h", "");
    }

    #[test]
    fn an_asserted_identity_counts_only_from_a_trunk_and_privacy_is_kept() {
        let mut headers = Headers::new();
        headers.push("From", "\"Jane\" <sip:anonymous@anonymous.invalid>;tag=1");
        headers.push("P-Asserted-Identity", "\"Jane Doe\" <sip:+4930123@carrier>, <tel:+4930123>");
        let number = |headers: &Headers, trusted| caller(headers, trusted).number;
        assert_eq!(number(&headers, true), "+4930123");
        assert_eq!(number(&headers, false), "");
        headers.push("Privacy", "id");
        assert_eq!(number(&headers, true), "");
    }
}
