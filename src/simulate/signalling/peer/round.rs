//! A call that goes round: a number outside that is forwarded to us again. Only the hops that an INVITE may still go, one
//! fewer each time, end that (RFC 3261 §8.1.1.6, §16.6 step 3).

use super::party::Stage;
use super::{PartyId, Peer};
use crate::engine::time::Monotonic;
use crate::sip::message::Request;

/// Whoever has no more hops than this left goes round.
pub(super) const HOPS: u8 = 6;

impl Peer {
    /// Forwards the call to us, if it is one of those. Whether it did.
    pub(super) fn sends_round(&mut self, now: Monotonic, id: PartyId, invite: &Request) -> bool {
        let hops = invite.headers.first("Max-Forwards").and_then(|hops| hops.parse::<u8>().ok());
        let Some(hops) = hops.filter(|hops| *hops < HOPS && self.is_gateway()) else { return false };
        let Some(onward) = self.dial(now, "4000", Some(hops.saturating_sub(1))) else { return false };
        self.link(id, onward);
        self.link(onward, id);
        true
    }

    fn link(&mut self, one: PartyId, other: PartyId) {
        if let Some(party) = self.parties.get_mut(&one) {
            party.linked = Some(other);
        }
    }

    fn incoming(&self, onward: PartyId) -> Option<PartyId> {
        let other = self.parties.get(&onward)?.linked?;
        self.parties.get(&other).filter(|party| party.stage == Stage::Ringing).map(|_| other)
    }

    /// Whoever it was forwarded to has answered, and so do we.
    pub(super) fn onward_answered(&mut self, now: Monotonic, onward: PartyId) {
        let Some(incoming) = self.incoming(onward) else { return };
        if let Some(reaction) = self.parties.get_mut(&incoming).and_then(|party| party.reaction.as_mut()) {
            reaction.status = 200;
        }
        self.decide(now, incoming);
    }

    /// Whoever it was forwarded to has refused, and so do we.
    pub(super) fn onward_refused(&mut self, now: Monotonic, onward: PartyId, status: u16) {
        if let Some(incoming) = self.incoming(onward) {
            self.refuse(now, incoming, status);
        }
    }
}
