//! Who would begin something, and how he is turned away under load: one answer, made of the request alone, before a
//! transaction, a description or a port is thought of. It does not decide whether; see [`overload`](crate::sip::overload).

use super::{SipCore, SipOutputs};
use crate::sip::auth::Answers;
use crate::sip::codec;
use crate::sip::flow::Flow;
use crate::sip::message::{Method, Request, Response};
use crate::sip::overload::Newcomer;
use std::time::Duration;

impl SipCore {
    /// Whether a request belongs to something that stands, is a new call, or is anybody's.
    pub fn newcomer(&self, request: &Request, from: &Flow) -> Newcomer {
        let stands = match &request.method {
            Method::Ack | Method::Cancel => true,
            // Whoever can answer a challenge of ours is an agent's phone, or a guest's: registrations above all, without
            // which nobody could be rung.
            Method::Invite | Method::Register => {
                request.to_tag().is_some() || self.gate.answers(request, from) == Answers::Ours
            }
            _ => request.to_tag().is_some(),
        };
        if stands || self.transactions.knows(request) {
            return Newcomer::Ours;
        }
        let is_call = request.method == Method::Invite && self.gate.trunk_of(request, from).is_some();
        if is_call { Newcomer::Call } else { Newcomer::Stranger }
    }

    /// Answers 503, and remembers nothing (RFC 3261 §8.2.7): the ACK finds nothing and is not missed.
    pub fn turn_away(&mut self, request: &Request, from: Flow, retry_after: Duration, out: &mut SipOutputs) {
        let tag = self.tokens.token_for(request.headers.first("Call-ID").unwrap_or_default());
        let (request, to) = self.transactions.traced(request.clone(), from);
        let mut response = Response::reply_to(&request, 503, "", Some(&tag));
        response.headers.push("Retry-After", retry_after.as_secs().to_string());
        out.send.push((to, codec::print_response(&response).into()));
    }
}
