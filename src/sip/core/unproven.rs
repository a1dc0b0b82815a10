//! Requests of people we know nothing of: answered once, in few bytes, and forgotten (RFC 3261 §8.2.7), so that a
//! flood of forged requests takes no memory and cannot be made a bigger flood against somebody else.

use super::compose::Refusal;
use super::{SipCore, Turn};
use crate::sip::auth::Answers;
use crate::sip::codec;
use crate::sip::fault::Malformed;
use crate::sip::flow::Flow;
use crate::sip::message::{Method, Request, Response};
use crate::sip::reply::reason_phrase;

impl SipCore {
    /// Whether nothing speaks for a request: no trunk's address, no dialog, no answer to a challenge of ours, and no
    /// transaction that it would repeat.
    pub(super) fn is_unproven(&self, request: &Request, from: &Flow) -> bool {
        let standing = match &request.method {
            // It is never answered.
            Method::Ack => true,
            Method::Cancel => self.transactions.would_cancel(request),
            _ if request.to_tag().is_some() => self.leg_of(request).is_some(),
            // Only these are judged by their password: for others a nonce would be a pass that nobody looks at.
            Method::Invite | Method::Register => self.gate.answers(request, from) == Answers::Ours,
            _ => false,
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
        if !self.gate.may_ask(turn.now.mono, &from) || self.has_overtaken(&request, &from) {
            return;
        }
        let full = match &request.method {
            Method::Cancel => Refusal::new(481),
            _ if request.to_tag().is_some() => Refusal::new(481),
            Method::Invite | Method::Register => {
                let stale = self.gate.answers(&request, &from) == Answers::Elsewhere;
                self.challenge(turn, &from, stale)
            }
            _ => self.refusal_outside(&request),
        };
        let size = least_size(&request);
        let brief = brief(&full);
        let tag = self.brief_tag(&request);
        let (request, to) = self.transactions.traced(request, from);
        let answer = |refusal: Refusal| {
            let mut response = Response::reply_to(&request, refusal.status, "", Some(&tag));
            for (name, value) in refusal.headers {
                response.headers.push(name, value);
            }
            response
        };
        let fits = |bytes: &Vec<u8>| is_in_proportion(bytes, size, &from);
        let long = Some(codec::print_response(&answer(full))).filter(fits);
        match long.or_else(|| Some(codec::print_briefly(&answer(brief))).filter(fits)) {
            Some(bytes) => turn.out.send.push((to, bytes.into())),
            None => self.gate.refused.too_small += 1,
        }
    }

    /// Whether it was sent in a call whose answer is still on its way to us. Told that there is no such call, the phone would
    /// end it (RFC 3261 §12.2.1.2); not answered, it says it again.
    fn has_overtaken(&self, request: &Request, from: &Flow) -> bool {
        let (Some(tag), Some(call_id)) = (request.to_tag(), request.headers.first("Call-ID")) else {
            return false;
        };
        !from.transport.is_reliable()
            && self.forks.values().any(|fork| {
                let invite = &fork.invite;
                fork.is_wanted
                    && invite.headers.first("Call-ID") == Some(call_id)
                    && invite.from_tag().as_ref() == Some(&tag)
            })
    }

    /// Refuses what is no proper request, if it says enough to be refused. A stranger's, in proportion.
    pub(super) fn malformed(&mut self, turn: &mut Turn<'_>, malformed: Malformed, from: Flow) {
        self.malformed = self.malformed.wrapping_add(1);
        let Some(request) = &malformed.request else { return };
        let (size, tag) = (least_size(request), self.brief_tag(request));
        let is_stranger = !self.gate.is_trunk(from.remote.ip());
        if is_stranger && !self.gate.may_ask(turn.now.mono, &from) {
            return;
        }
        let Some((to, full)) = self.transactions.refusal_of(malformed, from, &tag) else { return };
        let fits = |bytes: &Vec<u8>| !is_stranger || is_in_proportion(bytes, size, &from);
        let long = Some(codec::print_response(&full)).filter(fits);
        let brief = Response { reason: reason_phrase(full.status).into(), ..full };
        match long.or_else(|| Some(codec::print_briefly(&brief)).filter(fits)) {
            Some(bytes) => turn.out.send.push((to, bytes.into())),
            None => self.gate.refused.too_small += 1,
        }
    }

    /// A tag made from the Call-ID, so that nothing needs to be remembered: as short as may be (RFC 3261 §19.3: 32 bits).
    fn brief_tag(&self, request: &Request) -> String {
        let mut tag = self.tokens.token_for(request.headers.first("Call-ID").unwrap_or_default());
        tag.truncate(10);
        tag
    }
}

/// Whether an answer would serve nobody to flood another. A source address cannot be forged where a handshake came first.
fn is_in_proportion(answer: &[u8], size: usize, from: &Flow) -> bool {
    from.transport.is_reliable() || answer.len() * 2 <= size * 3
}

/// The fewest bytes in which the request can have come: the short forms of names (RFC 3261 §7.3.3), bare line ends, no
/// Content-Length; and each character one byte, for what was no UTF-8 has grown when it was read.
fn least_size(request: &Request) -> usize {
    let start = request.method.as_str().len() + request.uri.chars().count() + "  SIP/2.0\n".len();
    let name = |name: &str| if codec::has_short_form(name) { 1 } else { name.len() };
    let line = |(known, value): (&str, &str)| name(known) + ":\n".len() + value.chars().count();
    start + request.headers.iter().map(line).sum::<usize>() + "\n".len() + request.body.len()
}

/// The same in fewer words: of several challenges the last, which most phones know, without saying that it is MD5, as
/// everybody assumes (RFC 7616 §3.3); of all else the status.
fn brief(full: &Refusal) -> Refusal {
    let challenge = full.headers.last().filter(|(name, _)| *name == "WWW-Authenticate");
    let challenge = challenge.map(|(name, value)| (*name, value.replace(", algorithm=MD5,", ",")));
    Refusal { status: full.status, headers: challenge.into_iter().collect() }
}
