//! An agent's phone passes its call on: blindly, or after it has called somebody itself (RFC 3515, RFC 3891, RFC 5589).
//! What nobody takes comes back.

use super::party::Stage;
use super::{Asked, PartyId, Peer, Plan};
use crate::engine::time::Monotonic;
use crate::simulate::signalling::site::OUTSIDE;
use crate::sip::dialog::DialogId;
use crate::sip::message::{Method, Request, Response};
use std::time::Duration;

/// To a colleague, to a queue, to a number outside, to nobody.
const TARGETS: [&str; 7] = ["agent0", "agent1", "agent2", "4000", "4000", OUTSIDE, "nobody"];
/// So soon after a transfer has failed the phone looks whether it still has its call.
const LOOKS_AFTER: Duration = Duration::from_secs(2);

impl Peer {
    /// Blindly, or not: only a phone that registers can prove who it is when it calls somebody itself.
    pub(super) fn transfer(&mut self, now: Monotonic, id: PartyId) {
        let is_up = self.parties.get(&id).is_some_and(|party| party.stage == Stage::Up);
        if is_up && self.password.is_some() && self.rng.happens(0.7) {
            self.consult(now, id);
        } else if is_up {
            self.pass_on(now, id);
        }
    }

    /// REFER to somebody.
    fn pass_on(&mut self, now: Monotonic, id: PartyId) {
        let to = self.rng.choose(&TARGETS).copied().unwrap_or("4000");
        self.refer(now, id, format!("<sip:{to}@192.0.2.9>"));
    }

    fn refer(&mut self, now: Monotonic, id: PartyId, to: String) {
        let does_not_care = self.rng.happens(0.1);
        let Some(dialog) = self.parties.get_mut(&id).and_then(|party| party.dialog.as_mut()) else { return };
        let mut refer = dialog.request(Method::Refer);
        refer.headers.push("Refer-To", to);
        if does_not_care {
            refer.headers.push("Refer-Sub", "false");
        }
        self.ask(now, refer, Asked::Refer(id));
    }

    /// Calls somebody to ask him first; the caller is put on hold, or hears it.
    fn consult(&mut self, now: Monotonic, id: PartyId) {
        if self.rng.happens(0.5) {
            self.hold(now, id, true);
        }
        let to = self.rng.choose(&TARGETS).copied().unwrap_or("4000");
        let Some(own) = self.dial(now, to, None) else { return };
        if let Some(party) = self.parties.get_mut(&own) {
            party.consults = Some(id);
        }
        let after = Duration::from_millis(self.rng.below(12_000));
        self.plan(now + after, Plan::Join(own));
    }

    /// The two are to talk with each other now. Some phones do not wait for the answer, some ask in the other call.
    pub(super) fn join(&mut self, now: Monotonic, own: PartyId) {
        let Some(served) = self.parties.get(&own).and_then(|party| party.consults) else { return };
        let is_up = |id| self.parties.get(&id).is_some_and(|party| party.stage == Stage::Up);
        if !is_up(served) {
            return self.hang_up(now, own);
        }
        if self.parties.get(&own).is_some_and(|party| party.stage == Stage::Over) {
            // Nobody was there to be asked.
            return self.hold(now, served, false);
        }
        let in_own_call = is_up(own) && self.rng.happens(0.2);
        let (asks, names) = if in_own_call { (own, served) } else { (served, own) };
        let of_nobody = self.rng.happens(0.05);
        let named = self.parties.get(&names).and_then(|party| party.dialog.as_ref()).map(|it| it.id.clone());
        let nobody = || DialogId { call_id: "nobody".into(), local_tag: "a".into(), remote_tag: "b".into() };
        let DialogId { call_id, local_tag, remote_tag } = named.filter(|_| !of_nobody).unwrap_or_else(nobody);
        // Which tag is whose is written both ways by phones in the field.
        let (to, from) =
            if self.rng.happens(0.5) { (remote_tag, local_tag) } else { (local_tag, remote_tag) };
        let replaces = format!("{call_id}%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}");
        self.refer(now, asks, format!("<sip:somebody@192.0.2.9?Replaces={replaces}>"));
    }

    /// What came of a REFER itself.
    pub(super) fn refer_answered(&mut self, now: Monotonic, id: PartyId, response: &Response) {
        match response.status {
            0..300 => {}
            408 | 481 => self.over(now, id),
            _ => self.comes_back(now, id),
        }
    }

    /// The end of a transfer that we asked for: the phone takes leave of its call, or has it again.
    pub(super) fn notified(&mut self, now: Monotonic, id: PartyId, request: &Request) {
        let state = request.headers.first("Subscription-State").unwrap_or_default();
        if !state.starts_with("terminated") {
            return;
        }
        if request.body.starts_with(b"SIP/2.0 200") {
            let after = Duration::from_millis(self.rng.below(500));
            self.plan(now + after, Plan::HangUp(id));
        } else {
            self.comes_back(now, id);
        }
    }

    fn comes_back(&mut self, now: Monotonic, id: PartyId) {
        self.hold(now, id, false);
        self.plan(now + LOOKS_AFTER, Plan::Look(id));
        // Whoever was asked in vain is let go.
        let own = self.parties.iter().find(|(_, party)| party.consults == Some(id)).map(|(own, _)| *own);
        if let Some(own) = own {
            self.plan(now + LOOKS_AFTER, Plan::HangUp(own));
        }
    }

    /// Whether the call that came back goes on.
    pub(super) fn look(&mut self, id: PartyId) {
        let goes_on = self.parties.get(&id).is_some_and(|party| party.stage == Stage::Up);
        self.seen.came_back += u64::from(goes_on);
    }
}
