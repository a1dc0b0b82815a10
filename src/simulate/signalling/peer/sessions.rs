//! A peer's session timers (RFC 4028): it refreshes, forgets to, ends what nobody refreshed, and gets in the way of the
//! engine's refresh.

use super::party::{Offer, Stage};
use super::{Asked, PartyId, Peer, Plan};
use crate::engine::time::Monotonic;
use crate::sip::message::Method;
use std::time::Duration;

impl Peer {
    /// Some change the session at the very moment at which the engine refreshes it: just before that is heard of here.
    pub(super) fn plan_clash(&mut self, now: Monotonic, id: PartyId) {
        let Some(party) = self.parties.get(&id).filter(|party| party.manners.meets_refresh) else { return };
        let Some(session) = party.session.filter(|session| !session.ours) else { return };
        // The network is slow or quick.
        let before = if self.rng.happens(0.5) { self.rng.below(10) } else { self.rng.below(200) };
        let at = now + (session.interval() / 2 - Duration::from_millis(before));
        self.plan(at, Plan::Clash(id));
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
            self.seen.expired_there += 1;
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
