//! Responses as RFC 3261 §8.2.6 wants them: the headers that are copied, and the table of reason phrases.

use super::message::{Headers, Request, Response};
use super::uri::NameAddr;

impl Response {
    /// An answer to `request` without a body: Via, From, To, Call-ID and CSeq are copied (RFC 3261 §8.2.6.2), and
    /// `to_tag` is added to a To that has none, but for 100. An empty `reason` stands for the usual phrase.
    pub fn reply_to(request: &Request, status: u16, reason: &str, to_tag: Option<&str>) -> Self {
        let mut headers = Headers::new();
        for via in request.headers.all("Via") {
            headers.push("Via", via);
        }
        for name in ["From", "To", "Call-ID", "CSeq"] {
            let Some(value) = request.headers.first(name) else { continue };
            match to_tag.filter(|_| name == "To" && status != 100) {
                Some(tag) => headers.push(name, tagged(value, tag)),
                None => headers.push(name, value),
            }
        }
        // RFC 3261 §8.2.6.1: the 100 gives the Timestamp back.
        if let Some(timestamp) = request.headers.first("Timestamp").filter(|_| status == 100) {
            headers.push("Timestamp", timestamp);
        }
        let reason = if reason.is_empty() { reason_phrase(status) } else { reason };
        Self { status, reason: reason.to_owned(), headers, body: Vec::new() }
    }

    /// Whether it ends nothing (1xx).
    pub fn is_provisional(&self) -> bool {
        self.status < 200
    }

    /// Whether it says yes (2xx).
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The tag of the To header.
    pub fn to_tag(&self) -> Option<String> {
        NameAddr::tag_in(self.headers.first("To")?)
    }
}

impl Request {
    /// The tag of the To header; a request inside a dialog has one (RFC 3261 §12.2.2).
    pub fn to_tag(&self) -> Option<String> {
        NameAddr::tag_in(self.headers.first("To")?)
    }

    /// The tag of the From header.
    pub fn from_tag(&self) -> Option<String> {
        NameAddr::tag_in(self.headers.first("From")?)
    }
}

/// The To value with a tag, as little changed as can be; one we cannot read is copied as it came.
fn tagged(value: &str, tag: &str) -> String {
    match value.parse::<NameAddr>() {
        Ok(address) if address.tag().is_none() && value.contains('<') => format!("{value};tag={tag}"),
        Ok(address) if address.tag().is_none() => address.with_tag(tag).to_string(),
        Ok(_) | Err(_) => value.to_owned(),
    }
}

/// The usual reason phrase of a status (RFC 3261 §21 and the IANA registry of SIP response codes).
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        199 => "Early Dialog Terminated",
        200 => "OK",
        202 => "Accepted",
        204 => "No Notification",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        305 => "Use Proxy",
        380 => "Alternative Service",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        412 => "Conditional Request Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        429 => "Provide Referrer Identity",
        433 => "Anonymity Disallowed",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        485 => "Ambiguous",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        493 => "Undecipherable",
        494 => "Security Agreement Required",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        580 => "Precondition Failure",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        607 => "Unwanted",
        608 => "Rejected",
        other => class_phrase(other),
    }
}

/// RFC 3261 §8.1.3.2: an unknown status means what its class means.
fn class_phrase(status: u16) -> &'static str {
    match status {
        0..200 => "Progress",
        200..300 => "Success",
        300..400 => "Redirection",
        400..500 => "Request Failure",
        500..600 => "Server Failure",
        600.. => "Global Failure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Method;

    fn request(to: &str) -> Request {
        let mut headers = Headers::new();
        headers.push("Via", "SIP/2.0/UDP one;branch=z9hG4bK1");
        headers.push("From", "<sip:a@b>;tag=f");
        headers.push("Via", "SIP/2.0/UDP two;branch=z9hG4bK2");
        headers.push("To", to);
        headers.push("Call-ID", "c");
        headers.push("CSeq", "1 INVITE");
        headers.push("Timestamp", "54");
        headers.push("Subject", "not copied");
        Request { method: Method::Invite, uri: "sip:b@c".into(), headers, body: b"x".to_vec() }
    }

    #[test]
    fn the_headers_of_the_rfc_are_copied_and_the_tag_added() {
        let reply = Response::reply_to(&request("<sip:b@c>"), 404, "", Some("t"));
        let lines: Vec<_> = reply.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let expected = [
            "Via: SIP/2.0/UDP one;branch=z9hG4bK1",
            "Via: SIP/2.0/UDP two;branch=z9hG4bK2",
            "From: <sip:a@b>;tag=f",
            "To: <sip:b@c>;tag=t",
            "Call-ID: c",
            "CSeq: 1 INVITE",
        ];
        assert_eq!(lines, expected);
        assert_eq!((reply.reason.as_str(), reply.body.len()), ("Not Found", 0));
    }

    #[test]
    fn a_trying_has_no_tag_of_ours_and_gives_the_timestamp_back() {
        let reply = Response::reply_to(&request("sip:b@c"), 100, "", Some("t"));
        assert_eq!(reply.to_tag(), None);
        assert_eq!(reply.headers.first("Timestamp"), Some("54"));
    }

    #[test]
    fn a_tag_that_is_there_stays() {
        let tag = |to: &str| Response::reply_to(&request(to), 200, "", Some("t")).to_tag();
        assert_eq!(tag("<sip:b@c>;tag=old").as_deref(), Some("old"));
        assert_eq!(tag("sip:b@c;tag=old").as_deref(), Some("old"));
        assert_eq!(tag("sip:b@c;x=y").as_deref(), Some("t"));
    }
}
