//! What can be wrong with bytes that should be a SIP message, and what is still known of them for an answer.

use super::message::{Method, Request, Response};

/// Why bytes are not a SIP message we can take.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Fault {
    /// Nothing but line ends: a keep-alive (RFC 5626 §3.5.1).
    #[error("no message, only line ends")]
    Empty,
    /// More than [`MESSAGE_SIZE_MAX_BYTES`](super::codec::MESSAGE_SIZE_MAX_BYTES).
    #[error("message larger than 65535 bytes")]
    TooLarge,
    /// More than [`HEADER_LINES_MAX`](super::codec::HEADER_LINES_MAX).
    #[error("more than 256 header lines")]
    TooManyHeaders,
    /// One longer than [`HEADER_LENGTH_MAX_BYTES`](super::codec::HEADER_LENGTH_MAX_BYTES).
    #[error("a header longer than 8192 bytes")]
    LongHeader,
    /// The empty line after the headers is missing.
    #[error("the headers do not end with an empty line")]
    NoEndOfHeaders,
    /// Neither `METHOD URI SIP/2.0` nor `SIP/2.0 STATUS REASON`.
    #[error("bad start line")]
    StartLine,
    /// Another version than SIP/2.0 (RFC 3261 §21.5.7).
    #[error("SIP version is not 2.0")]
    Version,
    /// The Request-URI breaks the grammar, or carries headers (RFC 3261 §19.1.1).
    #[error("bad Request-URI")]
    RequestUri,
    /// A header line without a name, with a name that is no token, or a folded line that continues nothing.
    #[error("bad header line")]
    HeaderLine,
    /// The body is shorter than its Content-Length (RFC 3261 §18.3).
    #[error("body shorter than Content-Length")]
    BodyCut,
    /// A mandatory header is missing (RFC 3261 §8.1.1).
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header that must stand once stands twice.
    #[error("header {0} stands more than once")]
    Repeated(&'static str),
    /// A header's value breaks its grammar.
    #[error("bad value of header {0}")]
    Invalid(&'static str),
    /// The CSeq names another method than the start line (RFC 3261 §8.1.1.5).
    #[error("CSeq names another method")]
    MethodMismatch,
    /// The codec crate refused what we held for right.
    #[error("the codec refused the message")]
    Codec,
}

impl Fault {
    /// The status to refuse such a request with.
    pub fn status(self) -> u16 {
        match self {
            Self::TooLarge => 513,
            Self::Version => 505,
            Self::Empty
            | Self::TooManyHeaders
            | Self::LongHeader
            | Self::NoEndOfHeaders
            | Self::StartLine
            | Self::RequestUri
            | Self::HeaderLine
            | Self::BodyCut
            | Self::Missing(_)
            | Self::Repeated(_)
            | Self::Invalid(_)
            | Self::MethodMismatch
            | Self::Codec => 400,
        }
    }
}

/// A message that cannot be taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("malformed SIP message: {fault}")]
pub struct Malformed {
    /// What is wrong: the first thing found.
    pub fault: Fault,
    /// The request as far as it could be read, for an answer and for the log. `None` for responses, and when not
    /// even the start line made sense.
    pub request: Option<Box<Request>>,
}

impl Malformed {
    /// A fault of bytes nothing is known of.
    pub fn unreadable(fault: Fault) -> Self {
        Self { fault, request: None }
    }

    /// The refusal to send back by the way the request came: an ACK is never answered (RFC 3261 §17), nor is a request
    /// without a Via. The reason phrase names the fault, never the sender's own bytes.
    pub fn reply(&self, to_tag: &str) -> Option<Response> {
        let request = self.request.as_deref()?;
        if request.method == Method::Ack || request.headers.first("Via").is_none() {
            return None;
        }
        let status = self.fault.status();
        let reason = if status == 400 { format!("Bad Request: {}", self.fault) } else { String::new() };
        Some(Response::reply_to(request, status, &reason, Some(to_tag)))
    }
}
