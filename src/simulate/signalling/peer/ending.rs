//! How a peer's part in a call ends.

use super::party::Stage;
use super::{Asked, PartyId, Peer};
use crate::engine::time::Monotonic;
use crate::sip::message::Method;

impl Peer {
    pub(super) fn over(&mut self, now: Monotonic, id: PartyId) {
        let Some(party) = self.parties.get_mut(&id) else { return };
        let (change, linked) = (party.change.take(), party.linked.take());
        party.stage = Stage::Over;
        (party.unacked, party.reliable, party.session) = (None, None, None);
        if let Some(dialog) = &party.dialog {
            self.dialogs.remove(&dialog.id);
        }
        if let Some((change, _)) = change {
            // Nobody may answer it any more, and an INVITE that was answered provisionally has no timer.
            self.cancel(now, change);
        }
        if let Some(other) = linked {
            self.hang_up(now, other);
        }
    }

    /// Ends it, in whatever state it is.
    pub(super) fn hang_up(&mut self, now: Monotonic, id: PartyId) {
        let Some(party) = self.parties.get_mut(&id) else { return };
        match party.stage {
            Stage::Inviting => {
                party.leaves = true;
                if let Some(client) = party.client {
                    self.cancel(now, client);
                }
            }
            Stage::Ringing => self.refuse(now, id, 480),
            // RFC 3261 §15: who is called says no BYE before the ACK.
            Stage::Up if party.unacked.is_some() && !party.calls => party.leaves = true,
            Stage::Up => {
                if let Some(dialog) = party.dialog.as_mut() {
                    let bye = dialog.request(Method::Bye);
                    self.ask(now, bye, Asked::Bye);
                }
                self.over(now, id);
            }
            Stage::Over => {}
        }
    }
}
