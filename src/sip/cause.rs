//! What a phone's final response means for the agent who was offered a call. Decides nothing else.

use crate::engine::event::OfferFailure;
use std::time::Duration;

/// A phone that asks for more rest than this is not obeyed.
const RETRY_AFTER_MAX_SECS: u64 = 3600;

/// What a final response other than 2xx means.
pub fn failure(status: u16) -> OfferFailure {
    match status {
        486 | 600 => OfferFailure::Busy,
        408 | 480 | 487 => OfferFailure::NoAnswer,
        404 | 410 | 500..=599 | 604 => OfferFailure::Unreachable,
        _ => OfferFailure::Declined,
    }
}

/// The one failure to report for an agent with several phones: what a person did counts more than
/// what a machine did (in the spirit of RFC 3261 §16.7 step 6).
pub fn best(one: OfferFailure, other: OfferFailure) -> OfferFailure {
    if rank(other) > rank(one) { other } else { one }
}

fn rank(failure: OfferFailure) -> u8 {
    match failure {
        OfferFailure::Declined => 3,
        OfferFailure::Busy => 2,
        OfferFailure::NoAnswer => 1,
        OfferFailure::Unreachable => 0,
    }
}

/// Whether a refusal on one phone speaks for the person, so that the others stop ringing
/// (RFC 3261 §21.6).
pub fn is_global(status: u16) -> bool {
    status >= 600
}

/// The seconds of a Retry-After header (RFC 3261 §20.33): `18000;duration=3600`, `120 (in a meeting)`.
pub fn retry_after(header: Option<&str>) -> Option<Duration> {
    let text = header?.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).map_or(text, |end| &text[..end]);
    let secs: u64 = digits.parse().ok()?;
    Some(Duration::from_secs(secs.min(RETRY_AFTER_MAX_SECS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_did_outranks_what_a_machine_did() {
        assert_eq!(best(OfferFailure::Unreachable, failure(486)), OfferFailure::Busy);
        assert_eq!(best(failure(603), OfferFailure::NoAnswer), OfferFailure::Declined);
        assert_eq!(best(failure(480), failure(503)), OfferFailure::NoAnswer);
    }

    #[test]
    fn retry_after_is_read_with_comment_and_parameters_and_bounded() {
        assert_eq!(retry_after(Some("120 (in a meeting)")), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(Some("60;duration=10")), Some(Duration::from_secs(60)));
        assert_eq!(retry_after(Some("99999999")), Some(Duration::from_secs(RETRY_AFTER_MAX_SECS)));
        assert_eq!(retry_after(Some("soon")), None);
        assert_eq!(retry_after(None), None);
    }
}
