//! The headers our messages have in common. Builds, and sends nothing.

use super::SipCore;
use crate::engine::event::Caller;
use crate::sip::flow::{Flow, TrunkId};
use crate::sip::host::Host;
use crate::sip::message::{Headers, Method, Request, Response};
use crate::sip::name_addr::NameAddr;
use crate::sip::registrar::Contact;
use crate::sip::settings::Listener;
use crate::sip::uri::{Scheme, Uri};
use std::net::SocketAddr;

/// What we take (RFC 3261 §20.5).
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REGISTER, REFER, PRACK";
/// The extensions we know (RFC 3261 §20.37): session timers (RFC 4028), calls joined by REFER (RFC 3891),
/// provisional responses that must arrive (RFC 3262).
pub(super) const SUPPORTED: &str = "timer, replaces, 100rel";
/// What can be subscribed to, which is nothing but what comes with a REFER (RFC 3515): the header may not be empty
/// (RFC 6665 §8.4).
pub(super) const EVENTS: &str = "refer";
/// The bodies we read.
pub(super) const SDP: &str = "application/sdp";

/// A final response that refuses, before it has a request to answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new() }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Lets a request pass the proxies in front of a phone (RFC 3327 §5.2).
pub(super) fn route(request: &mut Request, contact: &Contact) {
    for proxy in &contact.path {
        request.headers.push("Route", proxy.clone());
    }
}

impl SipCore {
    /// An answer with our name on it.
    pub(super) fn reply(&self, request: &Request, status: u16, tag: &str) -> Response {
        let mut response = Response::reply_to(request, status, "", Some(tag));
        response.headers.push("Server", self.settings.user_agent.clone());
        response
    }

    /// A refusal; the tag is made from the Call-ID, so nothing needs to be remembered.
    pub(super) fn refusal(&self, request: &Request, refusal: Refusal) -> Response {
        let tag = self.tokens.token_for(request.headers.first("Call-ID").unwrap_or_default());
        let mut response = self.reply(request, refusal.status, &tag);
        for (name, value) in refusal.headers {
            response.headers.push(name, value);
        }
        response
    }

    /// A response that makes or changes a session (RFC 3261 §12.1.1, §13.3.1).
    pub(super) fn session_reply(
        &self,
        request: &Request,
        status: u16,
        tag: &str,
        contact: &str,
        sdp: &[u8],
    ) -> Response {
        let mut response = self.reply(request, status, tag);
        for route in request.headers.all("Record-Route") {
            response.headers.push("Record-Route", route);
        }
        response.headers.push("Contact", contact);
        response.headers.push("Allow", ALLOW);
        response.headers.push("Supported", SUPPORTED);
        if !sdp.is_empty() {
            response.headers.push("Content-Type", SDP);
            response.body = sdp.to_vec();
        }
        response
    }

    /// The address the far side of a flow is to use.
    pub(super) fn advertised(&self, flow: &Flow) -> SocketAddr {
        Listener::advertised(&self.settings.listeners, flow)
    }

    /// Our Contact towards a flow.
    pub(super) fn contact(&self, flow: &Flow) -> String {
        NameAddr::new(self.contact_uri(flow)).to_string()
    }

    /// Our Contact towards a trunk: by the name and the user part that it knows us by.
    pub(super) fn contact_at(&self, trunk: TrunkId, flow: &Flow) -> String {
        NameAddr::new(self.contact_uri_at(Some(trunk), flow)).to_string()
    }

    /// Our Contact in a dialog that this request opens: a `sips` one if we were called by one (RFC 3261 §12.1.1).
    pub(super) fn contact_for(&self, request: &Request, flow: &Flow, trunk: Option<TrunkId>) -> String {
        let mut uri = self.contact_uri_at(trunk, flow);
        let scheme = request.uri.get(..5).unwrap_or_default();
        if scheme.eq_ignore_ascii_case("sips:") && flow.transport.is_secure() {
            uri.scheme = Scheme::Sips;
        }
        NameAddr::new(uri).to_string()
    }

    fn contact_uri(&self, flow: &Flow) -> Uri {
        let (host, port) = Listener::sent_by(&self.settings.listeners, flow);
        let mut uri = Uri::sip(Some("holdfast"), host, Some(port));
        if let Some(transport) = flow.transport.uri_param() {
            uri.params.set("transport", Some(transport));
        }
        uri
    }

    pub(super) fn contact_uri_at(&self, trunk: Option<TrunkId>, flow: &Flow) -> Uri {
        let mut uri = self.contact_uri(flow);
        if let Some(user) = trunk.and_then(|trunk| self.trunks.contact_user(trunk)) {
            uri.user = Some(user.to_owned());
        }
        if let Some(host) = self.our_name_at(trunk) {
            uri.host = host;
        }
        uri
    }

    /// What a trunk wants us to be called, if it wants something.
    pub(super) fn our_name_at(&self, trunk: Option<TrunkId>) -> Option<Host> {
        self.trunk(trunk)?.route.as_ref()?.contact_host.clone()
    }

    /// Us, as From of requests outside of calls.
    fn ourselves(&mut self, flow: &Flow) -> String {
        let uri = Uri::sip(Some("holdfast"), self.advertised(flow).ip().into(), None);
        NameAddr::new(uri).with_tag(&self.tokens.next_token()).to_string()
    }

    /// An OPTIONS that asks whether somebody is there (RFC 3261 §11.1).
    pub(super) fn options(&mut self, contact: &Contact) -> Request {
        let Contact { uri, flow, .. } = contact;
        let from = self.ourselves(flow);
        let headers = self.opening(Method::Options, &from, &format!("<{uri}>"), flow, "70");
        let mut request = Request { method: Method::Options, uri: uri.to_owned(), headers, body: Vec::new() };
        route(&mut request, contact);
        request
    }

    /// The headers of a request that opens a dialog, or needs none.
    pub(super) fn opening(
        &mut self,
        method: Method,
        from: &str,
        to: &str,
        flow: &Flow,
        max_forwards: &str,
    ) -> Headers {
        let mut headers = Headers::new();
        headers.push("Max-Forwards", max_forwards);
        headers.push("From", from);
        headers.push("To", to);
        headers.push("Call-ID", self.tokens.next_token());
        headers.push("CSeq", format!("1 {method}"));
        headers.push("Contact", self.contact(flow));
        headers.push("User-Agent", self.settings.user_agent.clone());
        headers.push("Allow", ALLOW);
        headers.push("Accept", SDP);
        headers
    }

    /// Who calls, as the agent's phone shows it: the queue's title in front of the caller's name.
    pub(super) fn caller_shown(&mut self, caller: &Caller, title: &str, flow: &Flow) -> String {
        let uri = if caller.number.is_empty() {
            // RFC 3323 §4.1.1.3.
            Uri::sip(Some("anonymous"), Host::Name("anonymous.invalid".into()), None)
        } else {
            Uri::sip(Some(&caller.number), self.advertised(flow).ip().into(), None)
        };
        let who = [&caller.name, &caller.number].into_iter().find(|it| !it.is_empty());
        let display = match (title, who) {
            ("", who) => who.cloned().unwrap_or_default(),
            (title, None) => title.to_owned(),
            (title, Some(who)) => format!("{title}: {who}"),
        };
        NameAddr::new(uri).with_display(&display).with_tag(&self.tokens.next_token()).to_string()
    }
}
