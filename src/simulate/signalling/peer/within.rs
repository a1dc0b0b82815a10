//! Within a call: what the engine asks of a peer, and what the peer changes, asks and ends (RFC 3261 §12.2, §14;
//! RFC 3311; RFC 4028; RFC 3515).

use super::party::{Acknowledged, Answered, Offer, Stage};
use super::{Asked, PartyId, Peer, Plan};
use crate::engine::time::Monotonic;
use crate::sip::dialog::{DialogId, Order, SessionTimer, Unacked, cseq};
use crate::sip::message::{Method, Request, Response};
use crate::sip::transaction::{ClientId, ServerId};
use std::time::Duration;

/// RFC 3261 §17.1.1.1.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// After so many bad moments a change is given up.
const RETRIES_MAX: u32 = 4;

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
        self.seen.reliable += u64::from(waits);
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
            self.seen.glare += 1;
            return self.reply(now, server, request, 491);
        }
        let mut response = Response::reply_to(request, 200, "", Some(&party.tag));
        party.session = SessionTimer::answer(now, &request.headers, &mut response.headers);
        let body = party.description(self.address, 8);
        response.headers.push("Contact", format!("<sip:{}@{}>", self.name, self.address));
        response.headers.push("Content-Type", "application/sdp");
        response.body = body;
        let number = cseq(&request.headers).map_or(1, |cseq| cseq.number);
        let unacked = Unacked::new(response.clone(), number, request.body.is_empty(), now, T1, T2);
        let due = unacked.due();
        party.unacked = Some(Answered { id: server, unacked, raw: false });
        self.seen.refreshed += u64::from(party.session.is_some());
        self.respond(now, server, response);
        self.plan(due, Plan::Repeat(id));
        self.plan_session(id);
    }

    fn updated(&mut self, now: Monotonic, id: PartyId, server: ServerId, request: &Request) {
        let Some(party) = self.parties.get_mut(&id) else { return };
        if !party.manners.knows_update {
            return self.reply(now, server, request, 501);
        }
        if !request.body.is_empty() && (party.change.is_some() || party.unacked.is_some()) {
            self.seen.glare += 1;
            return self.reply(now, server, request, 491);
        }
        // What is too short for a hop between us, too, comes back as 422 (RFC 4028 §7.4).
        let too_brief = self.rng.happens(0.2) && request.headers.first("Min-SE").is_none();
        if too_brief {
            self.seen.too_brief += 1;
            let mut response = Response::reply_to(request, 422, "", Some(&party.tag));
            response.headers.push("Min-SE", "130");
            return self.respond(now, server, response);
        }
        let mut response = Response::reply_to(request, 200, "", Some(&party.tag));
        response.headers.push("Contact", format!("<sip:{}@{}>", self.name, self.address));
        party.session = SessionTimer::answer(now, &request.headers, &mut response.headers);
        if !request.body.is_empty() {
            response.headers.push("Content-Type", "application/sdp");
            response.body = party.description(self.address, 8);
        }
        self.seen.refreshed += u64::from(party.session.is_some());
        self.respond(now, server, response);
        self.plan_session(id);
    }

    /// The end of a transfer that we asked for: the phone takes leave of its call.
    fn notified(&mut self, now: Monotonic, id: PartyId, request: &Request) {
        let state = request.headers.first("Subscription-State").unwrap_or_default();
        if state.starts_with("terminated") && request.body.starts_with(b"SIP/2.0 200") {
            let after = Duration::from_millis(self.rng.below(500));
            self.plan(now + after, Plan::HangUp(id));
        }
    }

    pub(super) fn acknowledged(&mut self, now: Monotonic, ack: &Request) {
        let Some(id) = self.party_of(ack) else { return };
        let Some(party) = self.parties.get_mut(&id) else { return };
        let number = cseq(&ack.headers).map_or(0, |cseq| cseq.number);
        if party.unacked.take_if(|answered| answered.unacked.cseq == number).is_some() && party.leaves {
            self.hang_up(now, id);
        }
    }

    /// Somebody does something in the call.
    pub(super) fn act(&mut self, now: Monotonic, id: PartyId) {
        let is_up = |party: &&mut super::party::Party| party.stage == Stage::Up && party.unacked.is_none();
        let Some(party) = self.parties.get_mut(&id).filter(is_up) else { return };
        let refers = party.manners.refers && !party.calls && self.name.starts_with("agent");
        match self.rng.below(8) {
            0 => self.say(now, id, Method::Info),
            1 => self.say(now, id, Method::Options),
            2 => self.say(now, id, Method::Message),
            3 | 4 if refers => self.pass_on(now, id),
            _ => self.change(now, id),
        }
    }

    fn say(&mut self, now: Monotonic, id: PartyId, method: Method) {
        let Some(dialog) = self.parties.get_mut(&id).and_then(|party| party.dialog.as_mut()) else { return };
        let mut request = dialog.request(method);
        if request.method == Method::Info {
            request.headers.push("Content-Type", "application/dtmf-relay");
            request.body = b"Signal=5\r\nDuration=160\r\n".to_vec();
        }
        self.ask(now, request, Asked::Else(id));
    }

    /// REFER: to a colleague, to a queue, to a number outside, to nobody.
    fn pass_on(&mut self, now: Monotonic, id: PartyId) {
        let to = ["agent0", "agent1", "4000", super::super::site::OUTSIDE, "nobody"];
        let to = self.rng.choose(&to).copied().unwrap_or("4000");
        let Some(dialog) = self.parties.get_mut(&id).and_then(|party| party.dialog.as_mut()) else { return };
        let mut refer = dialog.request(Method::Refer);
        refer.headers.push("Refer-To", format!("<sip:{to}@192.0.2.9>"));
        self.seen.referred += 1;
        self.ask(now, refer, Asked::Else(id));
    }

    /// A change of the session: hold or resume, another codec, another address; by INVITE, with or without an offer, or by
    /// UPDATE, with or without one.
    pub(super) fn change(&mut self, now: Monotonic, id: PartyId) {
        let Some(party) = self.parties.get_mut(&id).filter(|party| party.stage == Stage::Up) else { return };
        if party.change.is_some() || party.unacked.is_some() {
            return;
        }
        let Some(dialog) = party.dialog.as_mut() else { return };
        let by_update = self.rng.happens(0.3);
        let mut request = dialog.request(if by_update { Method::Update } else { Method::Invite });
        let offer = match (self.rng.happens(0.8), by_update) {
            (true, _) => Offer::Ours,
            (false, true) => Offer::Nobodys,
            (false, false) => Offer::Theirs,
        };
        match self.rng.below(3) {
            0 => party.held = !party.held,
            1 => party.port = party.port.wrapping_add(2).max(1024),
            _ => {}
        }
        party.version += 1;
        if offer == Offer::Ours {
            let format = if self.rng.happens(0.05) { 18 } else { self.rng.below(2) as u8 * 8 };
            request.headers.push("Content-Type", "application/sdp");
            request.body = party.description(self.address, format);
        }
        if let Some(session) = &party.session {
            request.headers.push("Supported", "timer");
            request.headers.push("Session-Expires", session.interval().as_secs().to_string());
        }
        let client = self.ask(now, request, Asked::Change(id));
        if let Some(party) = self.parties.get_mut(&id) {
            party.change = client.map(|client| (client, offer));
        }
    }

    pub(super) fn change_answered(
        &mut self,
        now: Monotonic,
        id: PartyId,
        client: ClientId,
        response: &Response,
    ) {
        if response.is_provisional() {
            return;
        }
        let address = self.address;
        let Some(party) = self.parties.get_mut(&id) else { return };
        let Ok(cseq) = cseq(&response.headers) else { return };
        let change = party.change.take_if(|(change, _)| *change == client);
        if response.is_success() {
            if change.is_some() && party.stage == Stage::Up {
                party.session = SessionTimer::accepted(now, &response.headers);
                party.retries = 0;
                self.seen.changes += 1;
            }
            if cseq.method == Method::Invite {
                let key = (cseq.number, response.to_tag().unwrap_or_default());
                if let (false, Some(dialog)) = (party.acks.contains_key(&key), party.dialog.as_ref()) {
                    let mut ack = dialog.ack(cseq.number);
                    if change.is_some_and(|(_, offer)| offer == Offer::Theirs) {
                        ack.headers.push("Content-Type", "application/sdp");
                        ack.body = party.description(address, 8);
                    }
                    party.acks.insert(key.clone(), Acknowledged { ack, copies: 0 });
                }
                self.acknowledge(id, &key);
            }
            return self.plan_session(id);
        }
        let owner = party.calls;
        match response.status {
            408 | 481 => self.over(now, id),
            491 if party.retries < RETRIES_MAX => {
                party.retries += 1;
                self.seen.glare += 1;
                // RFC 3261 §14.1.
                let (low, high) = if owner { (2_100, 4_000) } else { (0, 2_000) };
                let after = Duration::from_millis(self.rng.within(low / 10, high / 10) * 10);
                self.plan(now + after, Plan::ChangeAgain(id));
            }
            _ => {}
        }
    }

    pub(super) fn plan_session(&mut self, id: PartyId) {
        if let Some(due) = self.parties.get(&id).and_then(super::party::Party::session_due) {
            self.plan(due, Plan::Session(id));
        }
    }

    /// The session timer: refreshed by whoever should, ended by whoever waited in vain (RFC 4028 §10).
    pub(super) fn session_due(&mut self, now: Monotonic, id: PartyId) {
        let Some(party) = self.parties.get_mut(&id).filter(|party| party.stage == Stage::Up) else { return };
        let Some(session) = party.session.as_mut().filter(|session| session.due() <= now) else { return };
        if session.is_expired(now) {
            return self.hang_up(now, id);
        }
        if party.manners.forgets_refresh {
            // It counts on nothing any more; the engine must end what nobody refreshes.
            party.session = None;
            return;
        }
        if party.change.is_some() || party.unacked.is_some() {
            session.put_off(now + Duration::from_millis(700));
            return self.plan_session(id);
        }
        session.refreshing(now);
        let expires = format!("{};refresher=uac", session.interval().as_secs());
        let Some(dialog) = party.dialog.as_mut() else { return };
        let mut request = dialog.request(Method::Update);
        request.headers.push("Supported", "timer");
        request.headers.push("Session-Expires", expires);
        let client = self.ask(now, request, Asked::Change(id));
        if let Some(party) = self.parties.get_mut(&id) {
            party.change = client.map(|client| (client, Offer::Nobodys));
        }
        self.plan_session(id);
    }
}
