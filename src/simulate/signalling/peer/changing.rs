//! What a peer asks and changes within a call, and what comes of it (RFC 3261 §14, RFC 3311).

use super::party::{Acknowledged, Offer, Party, Stage};
use super::{Asked, PartyId, Peer, Plan};
use crate::engine::time::Monotonic;
use crate::sip::dialog::{SessionTimer, cseq};
use crate::sip::message::{Method, Response};
use crate::sip::transaction::ClientId;
use std::time::Duration;

/// After so many bad moments a change is given up.
const RETRIES_MAX: u32 = 4;

/// What is changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    /// Whether the other end is held.
    Hold(bool),
    /// Where media goes.
    Address,
    /// Nothing but the codec, or nothing at all.
    Codec,
}

impl Peer {
    /// Somebody does something in the call.
    pub(super) fn act(&mut self, now: Monotonic, id: PartyId) {
        let is_up = |party: &&mut Party| party.stage == Stage::Up && party.unacked.is_none();
        let Some(party) = self.parties.get_mut(&id).filter(is_up) else { return };
        let refers = party.manners.refers && !party.calls && !self.is_gateway();
        match self.rng.below(9) {
            0 => self.say(now, id, Method::Info),
            1 => self.say(now, id, Method::Options),
            2 | 3 => self.ask_oddly_within(now, id),
            4 if refers => self.transfer(now, id),
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

    /// Holds, or takes back.
    pub(super) fn hold(&mut self, now: Monotonic, id: PartyId, held: bool) {
        self.change_this(now, id, What::Hold(held), Offer::Ours);
    }

    /// A change of the session: hold or resume, another codec, another address; by INVITE, with or without an offer, or by
    /// UPDATE, with or without one.
    pub(super) fn change(&mut self, now: Monotonic, id: PartyId) {
        let offer = if self.rng.happens(0.8) { Offer::Ours } else { Offer::Theirs };
        let what = self.any_change(id);
        self.change_this(now, id, what, offer);
    }

    /// The same, so that it surely meets a change of the other end.
    pub(super) fn clash(&mut self, now: Monotonic, id: PartyId) {
        let what = self.any_change(id);
        self.change_this(now, id, what, Offer::Ours);
    }

    /// A change before the call is answered, once its description has arrived for sure (RFC 3311 §5.1).
    pub(super) fn change_early(&mut self, now: Monotonic, id: PartyId) {
        let inviting = |party: &&mut Party| {
            party.stage == Stage::Inviting && !party.leaves && party.has_answer && party.manners.early_update
        };
        let Some(party) = self.parties.get_mut(&id).filter(inviting) else { return };
        let Some(dialog) = party.dialog.as_mut() else { return };
        let mut request = dialog.request(Method::Update);
        party.port = party.port.wrapping_add(2).max(1024);
        party.version += 1;
        request.headers.push("Content-Type", "application/sdp");
        request.body = party.description(self.address, 8);
        self.ask(now, request, Asked::Odd(Some(id), 200));
    }

    fn any_change(&mut self, id: PartyId) -> What {
        let held = self.parties.get(&id).is_some_and(|party| party.held);
        match self.rng.below(3) {
            0 => What::Hold(!held),
            1 => What::Address,
            _ => What::Codec,
        }
    }

    fn change_this(&mut self, now: Monotonic, id: PartyId, what: What, offer: Offer) {
        let Some(party) = self.parties.get_mut(&id).filter(|party| party.stage == Stage::Up) else { return };
        if party.change.is_some() || party.unacked.is_some() {
            return;
        }
        let Some(dialog) = party.dialog.as_mut() else { return };
        let by_update = self.rng.happens(0.3);
        let mut request = dialog.request(if by_update { Method::Update } else { Method::Invite });
        // An UPDATE without an offer changes nothing.
        let offer = if by_update && offer == Offer::Theirs { Offer::Nobodys } else { offer };
        match what {
            What::Hold(held) => party.held = held,
            What::Address => party.port = party.port.wrapping_add(2).max(1024),
            What::Codec => {}
        }
        party.moved |= party.manners.moves && self.rng.happens(0.3);
        request.headers.set("Contact", party.contact(&self.name, self.address));
        party.version += 1;
        if offer == Offer::Ours {
            let format = if self.rng.happens(0.05) { 18 } else { self.rng.below(2) as u8 * 8 };
            request.headers.push("Content-Type", "application/sdp");
            request.body = party.description(self.address, format);
        }
        if let Some(session) = &party.session {
            let refresher = if session.ours { "uac" } else { "uas" };
            let interval = session.interval().as_secs();
            request.headers.push("Supported", "timer");
            request.headers.push(
                "Session-Expires",
                if party.manners.keeps_refresher {
                    format!("{interval};refresher={refresher}")
                } else {
                    interval.to_string()
                },
            );
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
            491 if party.manners.retries && party.retries < RETRIES_MAX => {
                party.retries += 1;
                // RFC 3261 §14.1.
                let (low, high) = if owner { (2_100, 4_000) } else { (0, 2_000) };
                let after = Duration::from_millis(self.rng.within(low / 10, high / 10) * 10);
                self.plan(now + after, Plan::ChangeAgain(id));
            }
            _ => {}
        }
    }
}
