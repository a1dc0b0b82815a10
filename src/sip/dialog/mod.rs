//! A dialog (RFC 3261 §12): who talks to whom, by which route, in which order. Pure data and rules;
//! it sends nothing and knows nothing of calls.

mod session_timer;
mod standing;
mod unacked;

pub use session_timer::{Asked, SESSION_EXPIRES_MIN, SessionTimer, min_se};
pub use unacked::{Resend, Unacked};

use super::flow::{Flow, Transport};
use super::message::{Headers, Method, Request, Response};
use super::uri::{CSeq, NameAddr, Uri};
use std::net::SocketAddr;

/// Hops in a route set; more is a loop or an attack.
const ROUTES_MAX: usize = 16;

/// What identifies a dialog at our end (RFC 3261 §12).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DialogId {
    /// The Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// Theirs.
    pub remote_tag: String,
}

/// Why a message makes no dialog.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DialogError {
    /// A header that RFC 3261 §8.1.1 demands is missing or can't be read.
    #[error("the {0} header is missing or malformed")]
    Header(&'static str),
    /// The route set is longer than we follow.
    #[error("the route set is too long")]
    Routes,
}

/// Whether a request comes in order (RFC 3261 §12.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Next, or later: gaps are fine.
    InOrder,
    /// Overtaken by one that came before: 500.
    OutOfOrder,
}

/// One dialog.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// Its identity.
    pub id: DialogId,
    /// Where its messages go and come from.
    pub flow: Flow,
    local: NameAddr,
    remote: NameAddr,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    routes: Vec<NameAddr>,
    target: Uri,
    contact: String,
}

impl Dialog {
    /// The dialog an INVITE from the far side makes, with the tag we answer it with (RFC 3261 §12.1.1).
    ///
    /// # Errors
    /// When a header it is made of is missing or malformed.
    pub fn from_request(
        invite: &Request,
        local_tag: &str,
        flow: Flow,
        contact: String,
    ) -> Result<Self, DialogError> {
        let remote = address(&invite.headers, "From")?;
        let id = DialogId {
            call_id: call_id(&invite.headers)?,
            local_tag: local_tag.to_owned(),
            // A peer of RFC 2543 sends no tag (RFC 3261 §12.1.1).
            remote_tag: remote.tag().unwrap_or_default().to_owned(),
        };
        // It need name no Contact either (RFC 2543 §6.13): then it is where it says that it calls from.
        let is_old = remote.tag().is_none() && invite.headers.all("Contact").next().is_none();
        let target = if is_old { remote.uri.clone() } else { target(&invite.headers)? };
        Ok(Self {
            local: address(&invite.headers, "To")?.with_tag(local_tag),
            remote,
            local_cseq: 0,
            remote_cseq: Some(cseq(&invite.headers)?.number),
            routes: routes(&invite.headers, false)?,
            target,
            id,
            flow,
            contact,
        })
    }

    /// The dialog a response to our INVITE makes (RFC 3261 §12.1.2).
    ///
    /// # Errors
    /// When a header it is made of is missing or malformed.
    pub fn from_response(invite: &Request, response: &Response, flow: Flow) -> Result<Self, DialogError> {
        let (local, remote) = (address(&invite.headers, "From")?, address(&response.headers, "To")?);
        let id = DialogId {
            call_id: call_id(&invite.headers)?,
            local_tag: local.tag().ok_or(DialogError::Header("From"))?.to_owned(),
            remote_tag: remote.tag().unwrap_or_default().to_owned(),
        };
        Ok(Self {
            id,
            local,
            remote,
            local_cseq: cseq(&invite.headers)?.number,
            remote_cseq: None,
            routes: routes(&response.headers, true)?,
            // Without a Contact (RFC 3261 §13.2.1 demands one) the phone must still be told to hang up.
            target: target(&response.headers).or_else(|error| invite.uri.parse().map_err(|_| error))?,
            contact: invite.headers.first("Contact").unwrap_or_default().to_owned(),
            flow,
        })
    }

    /// Checks a request's place in the order, and remembers it.
    pub fn order(&mut self, number: u32) -> Order {
        match self.remote_cseq {
            Some(last) if number <= last => Order::OutOfOrder,
            Some(_) | None => {
                self.remote_cseq = Some(number);
                Order::InOrder
            }
        }
    }

    /// The number of our last request.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// Our requests in the early dialog counted up to this number; those that follow go on behind it.
    pub fn go_on_after(&mut self, number: u32) {
        self.local_cseq = self.local_cseq.max(number);
    }

    /// The number of the far side's last request.
    pub fn remote_cseq(&self) -> Option<u32> {
        self.remote_cseq
    }

    /// A target refresh request or its 2xx moves the far side's address (RFC 3261 §12.2).
    pub fn refresh_target(&mut self, headers: &Headers, flow: Flow) {
        if let Ok(target) = target(headers) {
            self.target = target;
        }
        self.flow = flow;
    }

    /// The next request of ours, without Via (RFC 3261 §12.2.1.1).
    pub fn request(&mut self, method: Method) -> Request {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.numbered(method, self.local_cseq)
    }

    /// The ACK for a 2xx to our INVITE of this number (RFC 3261 §13.2.2.4).
    pub fn ack(&self, invite_cseq: u32) -> Request {
        self.numbered(Method::Ack, invite_cseq)
    }

    fn numbered(&self, method: Method, number: u32) -> Request {
        let mut headers = Headers::new();
        let mut uri = self.target.clone();
        uri.headers.clear();
        let loose = self.routes.first().is_none_or(|route| route.uri.params.has("lr"));
        if loose {
            for route in &self.routes {
                headers.push("Route", route.to_string());
            }
        } else {
            // A strict router of RFC 2543 wants itself as the Request-URI (RFC 3261 §12.2.1.1).
            for route in self.routes.iter().skip(1) {
                headers.push("Route", route.to_string());
            }
            headers.push("Route", NameAddr::new(uri).to_string());
            uri = self.routes.first().map_or_else(|| self.target.clone(), |route| route.uri.clone());
        }
        headers.push("Max-Forwards", "70");
        headers.push("From", self.local.to_string());
        headers.push("To", self.remote.to_string());
        headers.push("Call-ID", self.id.call_id.clone());
        headers.push("CSeq", CSeq { number, method: method.clone() }.to_string());
        if matches!(method, Method::Invite | Method::Update | Method::Notify) {
            headers.push("Contact", self.contact.clone());
        }
        Request { method, uri: uri.to_string(), headers, body: Vec::new() }
    }

    /// Where the far side says that it is to be reached.
    pub fn target(&self) -> &Uri {
        &self.target
    }

    /// What the next request is sent to: the first of the route set, or else the far side itself.
    pub fn next_uri(&self) -> &Uri {
        self.routes.first().map_or(&self.target, |route| &route.uri)
    }

    /// Our Contact, as a header value.
    pub fn contact(&self) -> &str {
        &self.contact
    }

    /// Where the next request goes. A Contact or Route at the address we already talk to may name
    /// another port; any other address is not believed: NAT makes it wrong, and an attacker makes it
    /// somebody else's. `trusted` says which addresses a peer may send us to all the same.
    pub fn next_hop(&self, trusted: impl Fn(std::net::IpAddr) -> bool) -> Flow {
        let uri = self.next_uri();
        let Some(ip) = uri.host.ip() else { return self.flow };
        if self.flow.transport != Transport::Udp || (ip != self.flow.remote.ip() && !trusted(ip)) {
            return self.flow;
        }
        if ip.is_ipv4() != self.flow.local.is_ipv4() {
            return self.flow;
        }
        Flow::udp(self.flow.local, SocketAddr::new(ip, uri.port.unwrap_or(5060)))
    }
}

fn address(headers: &Headers, name: &'static str) -> Result<NameAddr, DialogError> {
    headers.first(name).and_then(|value| value.parse().ok()).ok_or(DialogError::Header(name))
}

fn call_id(headers: &Headers) -> Result<String, DialogError> {
    headers.first("Call-ID").map(str::to_owned).ok_or(DialogError::Header("Call-ID"))
}

/// The CSeq of a message.
///
/// # Errors
/// When it is missing or malformed.
pub fn cseq(headers: &Headers) -> Result<CSeq, DialogError> {
    headers.first("CSeq").and_then(|value| value.parse().ok()).ok_or(DialogError::Header("CSeq"))
}

fn target(headers: &Headers) -> Result<Uri, DialogError> {
    let contact = headers.values("Contact").next().ok_or(DialogError::Header("Contact"))?;
    let contact: NameAddr = contact.parse().map_err(|_| DialogError::Header("Contact"))?;
    if contact.uri.is_sip() { Ok(contact.uri) } else { Err(DialogError::Header("Contact")) }
}

fn routes(headers: &Headers, reversed: bool) -> Result<Vec<NameAddr>, DialogError> {
    let mut routes = Vec::new();
    for value in headers.values("Record-Route") {
        if routes.len() == ROUTES_MAX {
            return Err(DialogError::Routes);
        }
        routes.push(value.parse().map_err(|_| DialogError::Header("Record-Route"))?);
    }
    if reversed {
        routes.reverse();
    }
    Ok(routes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(more: &[(&str, &str)]) -> Request {
        let mut headers = Headers::new();
        headers.push("From", "Jane <sip:030123@carrier.example>;tag=far");
        headers.push("To", "<sip:4001@holdfast>");
        headers.push("Call-ID", "c1");
        headers.push("CSeq", "7 INVITE");
        headers.push("Contact", "<sip:030123@192.0.2.1:5062>");
        for (name, value) in more {
            headers.push(name, *value);
        }
        Request { method: Method::Invite, uri: "sip:4001@holdfast".into(), headers, body: Vec::new() }
    }

    fn flow() -> Flow {
        Flow::udp("192.0.2.9:5060".parse().unwrap(), "192.0.2.1:5060".parse().unwrap())
    }

    pub(super) fn answered(more: &[(&str, &str)]) -> Dialog {
        Dialog::from_request(&invite(more), "near", flow(), "<sip:holdfast@192.0.2.9>".into()).unwrap()
    }

    #[test]
    fn a_request_of_ours_turns_from_and_to_round() {
        let bye = answered(&[]).request(Method::Bye);
        assert_eq!(bye.uri, "sip:030123@192.0.2.1:5062");
        assert_eq!(bye.headers.first("From"), Some("<sip:4001@holdfast>;tag=near"));
        assert_eq!(bye.headers.first("To"), Some("\"Jane\" <sip:030123@carrier.example>;tag=far"));
        assert_eq!(bye.headers.first("CSeq"), Some("1 BYE"));
    }

    #[test]
    fn loose_routes_are_kept_and_a_strict_one_becomes_the_request_uri() {
        let loose = answered(&[("Record-Route", "<sip:p1;lr>, <sip:p2;lr>")]).request(Method::Bye);
        assert_eq!(loose.headers.all("Route").collect::<Vec<_>>(), ["<sip:p1;lr>", "<sip:p2;lr>"]);
        let strict = answered(&[("Record-Route", "<sip:p1>")]).request(Method::Bye);
        assert_eq!(strict.uri, "sip:p1");
        assert_eq!(strict.headers.first("Route"), Some("<sip:030123@192.0.2.1:5062>"));
    }

    #[test]
    fn a_lower_number_is_out_of_order_and_a_gap_is_not() {
        let mut dialog = answered(&[]);
        assert_eq!(dialog.order(7), Order::OutOfOrder);
        assert_eq!(dialog.order(90), Order::InOrder);
        assert_eq!(dialog.order(8), Order::OutOfOrder);
    }

    #[test]
    fn a_contact_elsewhere_does_not_lead_us_there_unless_trusted() {
        let mut dialog = answered(&[]);
        assert_eq!(dialog.next_hop(|_| false).remote.to_string(), "192.0.2.1:5062");
        let mut headers = Headers::new();
        headers.push("Contact", "<sip:x@10.0.0.1:99>");
        dialog.refresh_target(&headers, flow());
        assert_eq!(dialog.next_hop(|_| false), flow());
        assert_eq!(dialog.next_hop(|_| true).remote.to_string(), "10.0.0.1:99");
    }

    #[test]
    fn the_far_sides_route_set_is_reversed_for_the_caller() {
        let mut response =
            Response { status: 200, reason: "OK".into(), headers: Headers::new(), body: Vec::new() };
        for (name, value) in [
            ("To", "<sip:a@b>;tag=t"),
            ("Contact", "<sip:a@192.0.2.1>"),
            ("Record-Route", "<sip:p1;lr>, <sip:p2;lr>"),
        ] {
            response.headers.push(name, value);
        }
        let dialog = Dialog::from_response(&invite(&[]), &response, flow()).unwrap();
        let ack = dialog.ack(7);
        assert_eq!(ack.headers.all("Route").collect::<Vec<_>>(), ["<sip:p2;lr>", "<sip:p1;lr>"]);
        assert_eq!(ack.headers.first("CSeq"), Some("7 ACK"));
    }
}
