//! After a restart: by which way each far side is reached now, with which Contact of ours, and whether it can be. It sends
//! nothing; what is asked there is [`resume`](super::resume)'s.

use super::SipCore;
use super::way::Party;
use crate::sip::dialog::Dialog;
use crate::sip::flow::{ConnectionId, Flow, TrunkId};
use crate::sip::host::Host;
use crate::sip::registrar::AccountId;
use crate::sip::settings::Route;
use crate::sip::standing::{StandingFlow, StandingLeg};

impl SipCore {
    pub(super) fn account_named(&self, name: &str) -> Option<AccountId> {
        let named = |account: &crate::sip::settings::Account| !name.is_empty() && account.name == name;
        self.settings.accounts.iter().position(named).map(AccountId)
    }

    /// The same way from a socket that is there now.
    pub(super) fn flow_again(&self, before: &StandingFlow) -> Option<Flow> {
        let fits = || {
            self.settings.listeners.iter().filter(|it| {
                it.transport == before.transport && it.bound.is_ipv4() == before.remote.is_ipv4()
            })
        };
        let listener = fits().find(|it| it.bound == before.local).or_else(|| fits().next())?;
        let flow = Flow::new(before.transport, listener.bound, before.remote);
        let trunk = before.trunk.filter(|trunk| *trunk < self.settings.trunks.len());
        Some(trunk.map_or(flow, |trunk| flow.to_trunk(TrunkId(trunk))))
    }

    /// Whether there is a way to a leg's far side, or will soon be: of some trunks DNS has not said yet where they are.
    pub(super) fn may_be_asked(&self, standing: &StandingLeg) -> bool {
        let party = self.party_again(standing);
        let Some(dialog) = self.dialog_again(standing, party) else { return false };
        let is_named = |route: &Route| matches!(route.host, Host::Name(_));
        let is_awaited = || self.trunk(party.trunk())?.route.as_ref().filter(|route| is_named(route));
        !dialog.flow.transport.is_reliable()
            || !self.other_ways(&dialog, party).is_empty()
            || is_awaited().is_some()
    }

    pub(super) fn party_again(&self, standing: &StandingLeg) -> Party {
        let account = standing.account.as_deref().and_then(|name| self.account_named(name));
        let trunk = || {
            let name = standing.trunk.as_deref()?;
            self.settings.trunks.iter().position(|trunk| trunk.name == name).map(TrunkId)
        };
        account.map(Party::Phone).or_else(|| trunk().map(Party::Trunk)).unwrap_or(Party::Stranger)
    }

    /// The dialog with the way and the Contact that it has now. A connection is gone: whoever opened it to us, or whom we
    /// opened it to, is reached by another way or not at all.
    pub(super) fn dialog_again(&self, standing: &StandingLeg, party: Party) -> Option<Dialog> {
        let flow = self.flow_again(&standing.dialog.flow)?;
        let contact = match party {
            Party::Trunk(trunk) => self.contact_at(trunk, &flow),
            Party::Phone(_) | Party::Stranger => self.contact(&flow),
        };
        let connection = flow.transport.is_reliable().then_some(ConnectionId::BEFORE);
        Dialog::resumed(&standing.dialog, Flow { connection, ..flow }, contact).ok()
    }
}
