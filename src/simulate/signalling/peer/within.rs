//! Within a call: what the engine asks of a peer, and what the peer changes, asks and ends (RFC 3261 §12.2, §14;
//! RFC 3311; RFC 4028; RFC 3515).

use super::party::{Answered, Offer, Stage};
use super::{PartyId, Peer, Plan};
use crate::engine::time::Monotonic;
use crate::simulate::rng::Rng;
use crate::sip::dialog::{DialogId, Order, SessionTimer, Unacked, cseq};
use crate::sip::message::{Headers, Method, Request, Response};
use crate::sip::transaction::ServerId;
use std::time::Duration;

/// RFC 3261 §17.1.1.1.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// What is long enough for whoever finds an interval too short.
const LONGER_SECS: u64 = 130;

impl Peer {
    fn party_of(&self, request: &Request) -> Option<PartyId> {
        let id = DialogId {
            call_id: request.headers.first("Call-ID")?.to_owned(),
            local_tag: request.to_tag()?,
            remote_tag: request.from_tag().unwrap_or_default(),
        };
        self.dialogs.get(&id).copied()
    }

    pub(super) fn requested_within(&mut self, now: Monotonic, id: ServerId, request: &Request) {
        let Some(number) = self.party_of(request) else { return self.reply(now, id, request, 481) };
        let Some(party) = self.parties.get_mut(&number) else { return };
        let order = cseq(&request.headers).map_or(0, |cseq| cseq.number);
        if party.dialog.as_mut().is_some_and(|dialog| dialog.order(order) == Order::OutOfOrder) {
            return self.reply(now, id, request, 500);
        }
        if !self.lets_in(now, id, request) {
            return;
        }
        match &request.method {
            Method::Bye => {
                self.reply(now, id, request, 200);
                self.bye_received(now, number);
            }
            Method::Prack => self.pracked(now, number, id, request),
            Method::Invite => self.reinvited(now, number, id, request),
            Method::Update => self.updated(now, number, id, request),
            Method::Notify => {
                self.reply(now, id, request, 200);
                self.notified(now, number, request);
            }
            Method::Ack
            | Method::Cancel
            | Method::Options
            | Method::Register
            | Method::Info
            | Method::Message
            | Method::Subscribe
            | Method::Refer
            | Method::Publish
            | Method::Other(_) => self.reply(now, id, request, 200),
        }
    }

    /// RFC 3261 §15.1.2: an INVITE that has no final response gets its 487.
    fn bye_received(&mut self, now: Monotonic, id: PartyId) {
        self.refuse(now, id, 487);
        self.over(now, id);
    }

    fn pracked(&mut self, now: Monotonic, id: PartyId, server: ServerId, request: &Request) {
        let Some(party) = self.parties.get_mut(&id) else { return };
        let waits = party.reliable.take().is_some();
        let answers = std::mem::take(&mut party.answer_waits);
        self.reply(now, server, request, if waits { 200 } else { 481 });
        if answers {
            self.answer(now, id, false);
        }
    }

    /// The engine's INVITE in the call: taken, unless one of ours is under way (RFC 3261 §14.2).
    fn reinvited(&mut self, now: Monotonic, id: PartyId, server: ServerId, request: &Request) {
        let Some(party) = self.parties.get_mut(&id) else { return };
        if party.stage != Stage::Up {
            return self.reply(now, server, request, 481);
        }
        if party.change.is_some_and(|(_, offer)| offer != Offer::Nobodys) || party.unacked.is_some() {
            return self.reply(now, server, request, 491);
        }
        if is_too_brief(&mut self.rng, &request.headers) {
            return self.find_too_brief(now, server, request);
        }
        let Some(party) = self.parties.get_mut(&id) else { return };
        let mut response = Response::reply_to(request, 200, "", Some(&party.tag));
        party.session = SessionTimer::answer(now, &request.headers, &mut response.headers);
        let body = party.description(self.address, 8);
        response.headers.push("Contact", party.contact(&self.name, self.address));
        response.headers.push("Content-Type", "application/sdp");
        response.body = body;
        let number = cseq(&request.headers).map_or(1, |cseq| cseq.number);
        let unacked = Unacked::new(response.clone(), number, request.body.is_empty(), now, T1, T2);
        let due = unacked.due();
        party.unacked = Some(Answered { id: server, unacked, raw: false });
        self.respond(now, server, response);
        self.plan(due, Plan::Repeat(id));
        self.plan_session(id);
        self.plan_clash(now, id);
    }

    /// What is too short for a hop between us comes back as 422 (RFC 4028 §7.4).
    fn find_too_brief(&mut self, now: Monotonic, server: ServerId, request: &Request) {
        let mut response = Response::reply_to(request, 422, "", Some("stray"));
        response.headers.push("Min-SE", LONGER_SECS.to_string());
        self.respond(now, server, response);
    }

    fn updated(&mut self, now: Monotonic, id: PartyId, server: ServerId, request: &Request) {
        let Some(party) = self.parties.get_mut(&id) else { return };
        if !party.manners.knows_update {
            return self.reply(now, server, request, 501);
        }
        if !request.body.is_empty() && (party.change.is_some() || party.unacked.is_some()) {
            return self.reply(now, server, request, 491);
        }
        if is_too_brief(&mut self.rng, &request.headers) {
            return self.find_too_brief(now, server, request);
        }
        let Some(party) = self.parties.get_mut(&id) else { return };
        let mut response = Response::reply_to(request, 200, "", Some(&party.tag));
        response.headers.push("Contact", party.contact(&self.name, self.address));
        party.session = SessionTimer::answer(now, &request.headers, &mut response.headers);
        if !request.body.is_empty() {
            response.headers.push("Content-Type", "application/sdp");
            response.body = party.description(self.address, 8);
        }
        self.respond(now, server, response);
        self.plan_session(id);
    }

    pub(super) fn acknowledged(&mut self, now: Monotonic, ack: &Request) {
        let Some(id) = self.party_of(ack) else { return };
        let Some(party) = self.parties.get_mut(&id) else { return };
        let number = cseq(&ack.headers).map_or(0, |cseq| cseq.number);
        if party.unacked.take_if(|answered| answered.unacked.cseq == number).is_some() && party.leaves {
            self.hang_up(now, id);
        }
    }
}

/// Whether a hop between us finds the interval of a refresh too short: never one that says it has been told.
fn is_too_brief(rng: &mut Rng, headers: &Headers) -> bool {
    let asks = headers.first("Session-Expires").is_some() && headers.first("Min-SE").is_none();
    asks && rng.happens(0.1)
}
