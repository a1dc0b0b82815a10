//! Requests of people we know nothing of: answered once, in few bytes, and forgotten (RFC 3261 §8.2.7), so that a
//! flood of forged requests takes no memory and cannot be made a bigger flood against somebody else.

use super::compose::Refusal;
use super::{SipCore, Turn};
use crate::sip::codec;
use crate::sip::flow::Flow;
use crate::sip::message::{Method, Request, Response};

impl SipCore {
    /// Whether nothing speaks for a request: no trunk's address, no dialog, no answer to a challenge of ours, and no
    /// transaction that it would repeat.
    pub(super) fn is_unproven(&self, request: &Request, from: &Flow) -> bool {
        let standing = match &request.method {
            // The first is never answered, the second always without a trace.
            Method::Ack | Method::Cancel => true,
            _ if request.to_tag().is_some() => self.leg_of(request).is_some(),
            _ => self.gate.bears_proof(request),
        };
        // A trunk's server may say much, but calls only whom the trunk may call.
        let is_call = request.method == Method::Invite && request.to_tag().is_none();
        let is_trunk = if is_call {
            self.gate.trunk_of(request, from).is_some()
        } else {
            self.gate.is_trunk(from.remote.ip())
        };
        !standing && !is_trunk && !self.transactions.knows(request)
    }

    /// Answers it, if the answer is not so much larger that it would serve to flood a third party.
    pub(super) fn answer_unproven(&mut self, turn: &mut Turn<'_>, request: Request, from: Flow) {
        let full = match &request.method {
            _ if request.to_tag().is_some() => Refusal::new(481),
            Method::Invite | Method::Register => self.challenge(turn, false),
            _ => self.refusal_outside(&request),
        };
        let size = codec::print_request(&request).len();
        let brief = brief(&full);
        let tag = self.tokens.token_for(request.headers.first("Call-ID").unwrap_or_default());
        let (request, to) = self.transactions.traced(request, from);
        let answer = |refusal: Refusal| {
            let mut response = Response::reply_to(&request, refusal.status, "", Some(&tag));
            for (name, value) in refusal.headers {
                response.headers.push(name, value);
            }
            codec::print_response(&response)
        };
        // A source address cannot be forged where a handshake came first.
        let fits = |bytes: &Vec<u8>| from.transport.is_reliable() || bytes.len() * 2 <= size * 3;
        if let Some(bytes) = [full, brief].into_iter().map(answer).find(fits) {
            turn.out.send.push((to, bytes.into()));
        }
    }
}

/// The same in fewer words: of several challenges the last, which most phones know; of all else the status.
fn brief(full: &Refusal) -> Refusal {
    let challenge = full.headers.last().filter(|(name, _)| *name == "WWW-Authenticate");
    Refusal { status: full.status, headers: challenge.cloned().into_iter().collect() }
}
