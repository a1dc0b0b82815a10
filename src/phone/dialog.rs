//! A phone's side of one SIP dialog (RFC 3261 §12): its identities, and the requests made in it. Apart from the engine's.

use super::line::Line;
use super::token;
use crate::sip::message::{Headers, Method, Request, Response};
use crate::sip::reply::reason_phrase;
use crate::sip::uri::{NameAddr, Uri, Via};
use std::net::SocketAddr;

/// What we understand.
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY, MESSAGE";
const AGENT: &str = concat!("holdfast-phone/", env!("CARGO_PKG_VERSION"));
/// Longer route sets are cut: no honest path has more hops.
const ROUTES_MAX: usize = 16;

/// The state both halves of a call share.
pub(super) struct Dialog {
    pub call_id: String,
    /// Our From (or To), tag included.
    pub local: String,
    /// Theirs, with a tag once it is known.
    pub remote: String,
    /// The Request-URI of requests in the dialog.
    pub target: String,
    pub destination: SocketAddr,
    pub routes: Vec<String>,
    pub cseq: u32,
    /// Of our session description.
    pub sdp_version: u64,
}

impl Dialog {
    /// A dialog to be: of a call to `target`.
    pub fn calling(target: Uri, from: &NameAddr, destination: SocketAddr) -> Dialog {
        Dialog {
            call_id: format!("{}@phone", token()),
            local: from.to_string(),
            remote: NameAddr::new(target.clone()).to_string(),
            target: target.to_string(),
            destination,
            routes: Vec::new(),
            cseq: 1,
            sdp_version: 1,
        }
    }

    /// The dialog an INVITE opens with us (RFC 3261 §12.1.1); `tag`: ours.
    pub fn called(invite: &Request, from: SocketAddr, tag: &str) -> Option<Dialog> {
        let headers = &invite.headers;
        let mut dialog = Dialog {
            call_id: headers.first("Call-ID")?.to_owned(),
            local: format!("{};tag={tag}", headers.first("To")?),
            remote: headers.first("From")?.to_owned(),
            target: invite.uri.clone(),
            destination: from,
            routes: headers.values("Record-Route").take(ROUTES_MAX).map(str::to_owned).collect(),
            cseq: 1,
            sdp_version: 1,
        };
        dialog.retarget(headers);
        Some(dialog)
    }

    /// Takes the far side's tag, route set and contact from a response that opens the dialog (RFC 3261 §12.1.2).
    pub fn establish(&mut self, response: &Response) {
        if let Some(to) = response.headers.first("To") {
            self.remote = to.to_owned();
        }
        self.routes = response.headers.values("Record-Route").take(ROUTES_MAX).map(str::to_owned).collect();
        self.routes.reverse();
        self.retarget(&response.headers);
    }

    /// The far side's Contact is the new target (RFC 3261 §12.2).
    pub fn retarget(&mut self, headers: &Headers) {
        let contact = headers.values("Contact").next().and_then(|contact| contact.parse::<NameAddr>().ok());
        if let Some(contact) = contact {
            let hop = self.routes.first().and_then(|route| route.parse::<NameAddr>().ok());
            let hop = hop.map_or_else(|| address_of(&contact.uri), |route| address_of(&route.uri));
            self.destination = hop.unwrap_or(self.destination);
            self.target = contact.uri.to_string();
        }
    }

    /// A request in the dialog, with the CSeq it has now.
    pub fn request(&self, line: &Line, method: Method) -> Request {
        let mut headers = Headers::new();
        headers.push("Via", line.via());
        for route in &self.routes {
            headers.push("Route", route.as_str());
        }
        headers.push("Max-Forwards", "70");
        headers.push("From", self.local.as_str());
        headers.push("To", self.remote.as_str());
        headers.push("Call-ID", self.call_id.as_str());
        headers.push("CSeq", format!("{} {method}", self.cseq));
        if matches!(method, Method::Invite | Method::Update) {
            headers.push("Contact", line.contact());
            headers.push("Allow", ALLOW);
        }
        headers.push("User-Agent", AGENT);
        Request { method, uri: self.target.clone(), headers, body: Vec::new() }
    }
}

/// The ACK of a final response other than 2xx, and the CANCEL, belong to the INVITE's own transaction
/// (RFC 3261 §17.1.1.3, §9.1).
pub(super) fn companion(invite: &Request, method: Method, to: Option<&str>) -> Request {
    let mut headers = Headers::new();
    for name in ["Via", "Route", "Max-Forwards", "From", "To", "Call-ID", "CSeq"] {
        for value in invite.headers.all(name) {
            match name {
                "To" => headers.push(name, to.unwrap_or(value)),
                "CSeq" => {
                    let number = value.split_whitespace().next().unwrap_or("1");
                    headers.push(name, format!("{number} {method}"));
                }
                _ => headers.push(name, value),
            }
        }
    }
    Request { method, uri: invite.uri.clone(), headers, body: Vec::new() }
}

/// The response to a request (RFC 3261 §8.2.6.2); `tag` goes to a To that has none, but for 100.
pub(super) fn reply(request: &Request, status: u16, tag: &str) -> Response {
    let mut headers = Headers::new();
    for name in ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"] {
        for value in request.headers.all(name) {
            let untagged = name == "To" && status > 100 && request.to_tag().is_none();
            headers.push(name, if untagged { format!("{value};tag={tag}") } else { value.to_owned() });
        }
    }
    Response { status, reason: reason_phrase(status).to_owned(), headers, body: Vec::new() }
}

/// The branch of our own request.
pub(super) fn sent_branch(request: &Request) -> Option<String> {
    request.headers.first("Via")?.parse::<Via>().ok()?.branch().map(str::to_owned)
}

/// Where a URI leads, when it names an address and not a host.
pub(super) fn address_of(uri: &Uri) -> Option<SocketAddr> {
    Some(SocketAddr::new(uri.host.ip()?, uri.port.unwrap_or(5060)))
}
