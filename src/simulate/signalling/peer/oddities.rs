//! What nobody should ask: requests that are to be refused, each with the one answer that RFC 3261 §8.2 and its kin want.

use super::party::{Offer, Stage};
use super::{Asked, PartyId, Peer};
use crate::engine::time::Monotonic;
use crate::sip::message::{Method, Request, Response};

/// An INVITE's Request-URI is another than it should be.
const URI: &str = "";
/// No body but this.
const BODY: &str = "body";

/// Outside of calls: the method, what is set in it, and what must come back.
const OUTSIDE: [(&str, &str, &str, u16); 21] = [
    ("MESSAGE", "Subject", "lunch", 405),
    ("SUBSCRIBE", "Event", "presence", 489),
    ("PUBLISH", "Event", "presence", 489),
    ("REFER", "Refer-To", "<sip:4000@192.0.2.9>", 603),
    ("FROBNICATE", "Subject", "lunch", 501),
    ("BYE", "Subject", "lunch", 481),
    ("NOTIFY", "Event", "refer", 481),
    ("UPDATE", "Subject", "lunch", 481),
    ("OPTIONS", "Subject", "lunch", 200),
    ("OPTIONS", "Require", "nobody-knows-this", 420),
    ("INVITE", "Require", "precondition", 420),
    ("INVITE", "Content-Type", "text/plain", 415),
    ("INVITE", "Content-Encoding", "gzip", 415),
    ("INVITE", URI, "mailto:4000@192.0.2.9", 416),
    ("INVITE", BODY, "nonsense", 400),
    ("INVITE", "Contact", "", 400),
    ("INVITE", "Max-Forwards", "0", 483),
    ("INVITE", "Session-Expires", "10", 422),
    ("INVITE", "Replaces", "nobody;to-tag=a;from-tag=b", 481),
    ("INVITE", "Content-Type", "application/sdp-but-not-quite", 415),
    (
        "INVITE",
        BODY,
        "v=0\r\no=- 1 1 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\n",
        488,
    ),
];

/// Within a call: the same.
const WITHIN: [(&str, &str, &str, u16); 9] = [
    ("MESSAGE", "Subject", "lunch", 405),
    ("SUBSCRIBE", "Event", "dialog", 489),
    ("FROBNICATE", "Subject", "lunch", 501),
    ("INFO", "Info-Package", "weather", 469),
    ("INVITE", "Require", "precondition", 420),
    ("INVITE", "Content-Type", "text/plain", 415),
    ("INVITE", BODY, "nonsense", 400),
    ("UPDATE", "Require", "precondition", 420),
    ("REFER", "Refer-To", "<mailto:somebody@somewhere.example>", 416),
];

/// An answer that should have been another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in super::super) struct WrongAnswer {
    /// To what.
    pub call_id: String,
    /// What should have come.
    pub expected: u16,
    /// What came.
    pub got: u16,
}

/// Makes it odd.
fn spoil(request: &mut Request, name: &str, value: &str) {
    match (name, value) {
        (URI, uri) => request.uri = uri.to_owned(),
        (BODY, body) => request.body = body.as_bytes().to_vec(),
        (name, "") => request.headers.remove(name),
        (name, value) => request.headers.set(name, value),
    }
}

impl Peer {
    /// Somebody outside of any call asks for what is not to be had.
    pub(in super::super) fn ask_oddly(&mut self, now: Monotonic) {
        let Some(&(method, name, value, expected)) = self.rng.choose(&OUTSIDE) else { return };
        if self.is_dead || self.is_closing {
            return;
        }
        self.last_party += 1;
        let method = Method::from_token(method);
        let call_id = format!("{}-odd{}", self.name, self.last_party);
        let mut headers = self.opening(&method, "4000", &call_id, "odd");
        let mut body = Vec::new();
        if method == Method::Invite {
            headers.push("Content-Type", "application/sdp");
            body = super::party::description(self.address, 4_000, (1, 0), "sendrecv");
        }
        let mut request = Request { method, uri: "sip:4000@192.0.2.9".into(), headers, body };
        spoil(&mut request, name, value);
        self.ask(now, request, Asked::Odd(None, expected));
    }

    /// Somebody in a call does.
    pub(super) fn ask_oddly_within(&mut self, now: Monotonic, id: PartyId) {
        let Some(&(method, name, value, expected)) = self.rng.choose(&WITHIN) else { return };
        let Some(party) = self.parties.get_mut(&id).filter(|party| party.stage == Stage::Up) else { return };
        let method = Method::from_token(method);
        let is_change = matches!(method, Method::Invite | Method::Update);
        if is_change && (party.change.is_some() || party.unacked.is_some()) {
            return;
        }
        let described = party.description(self.address, 8);
        let Some(dialog) = party.dialog.as_mut() else { return };
        let mut request = dialog.request(method);
        if request.method == Method::Invite {
            request.headers.push("Content-Type", "application/sdp");
            request.body = described;
        }
        spoil(&mut request, name, value);
        let client = self.ask(now, request, Asked::Odd(Some(id), expected));
        if let (true, Some(party)) = (is_change, self.parties.get_mut(&id)) {
            // Its offer, such as it is, waits for an answer like any other.
            party.change = client.map(|client| (client, Offer::Ours));
        }
    }

    /// What came of it. Within a call it may be over by then, overtaken, or meet a change of ours.
    pub(super) fn odd_answered(
        &mut self,
        now: Monotonic,
        (party, expected): (Option<PartyId>, u16),
        response: &Response,
    ) {
        let got = response.status;
        if response.is_provisional() {
            return;
        }
        // What was overtaken is not told to come back.
        let overtaken = got == 500 && response.headers.first("Retry-After").is_none();
        let in_vain = party.is_some() && (matches!(got, 481 | 491) || overtaken);
        if got != expected && !in_vain {
            let call_id = response.headers.first("Call-ID").unwrap_or_default().to_owned();
            self.wrong.get_or_insert(WrongAnswer { call_id, expected, got });
        }
        let Some(id) = party else { return };
        if let Some(party) = self.parties.get_mut(&id) {
            party.change = None;
        }
        if got == 481 {
            self.over(now, id);
        }
    }
}
