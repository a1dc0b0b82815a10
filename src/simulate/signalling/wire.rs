//! What a message says of where it belongs: its call, its transaction, its dialog. Reads, and remembers nothing.

use crate::sip::message::{Message, Method, Request, Response};
use crate::sip::uri::{NameAddr, Via};

/// A dialog by both of its tags, the sender's of its requests first; the second is empty while it is not known.
pub(super) type Tags = (String, String);

pub(super) fn call_id(message: &Message) -> String {
    message.headers().first("Call-ID").unwrap_or_default().to_owned()
}

pub(super) fn branch(message: &Message) -> String {
    let via = message.headers().values("Via").next().and_then(|via| via.parse::<Via>().ok());
    via.and_then(|via| via.branch().map(str::to_owned)).unwrap_or_default()
}

pub(super) fn tags_of_request(request: &Request) -> Tags {
    (request.from_tag().unwrap_or_default(), request.to_tag().unwrap_or_default())
}

/// Those of the request it answers.
pub(super) fn tags_of_response(response: &Response) -> Tags {
    let from = response.headers.first("From").and_then(|from| from.parse::<NameAddr>().ok());
    let from = from.and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default();
    (from, response.to_tag().unwrap_or_default())
}

/// Whether it may change a session.
pub(super) fn is_change(method: &Method) -> bool {
    matches!(method, Method::Invite | Method::Update)
}

/// The answers to challenges that a request carries.
pub(super) fn credentials(request: &Request) -> Vec<&str> {
    ["Authorization", "Proxy-Authorization"].iter().flat_map(|name| request.headers.all(name)).collect()
}
