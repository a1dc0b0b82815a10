//! What stands now, and what has come to stand otherwise, for whoever writes it down. Changes nothing.

use super::SipCore;
use crate::engine::id::LegId;
use crate::sip::codec;
use crate::sip::leg::{Leg, Phase};
use crate::sip::registrar::AccountId;
use crate::sip::standing::{Change, Standing, StandingContacts, StandingFork, StandingLeg};
use crate::sip::transaction::ClientId;
use std::collections::BTreeSet;

/// What has changed since somebody asked last. Bounded by what there is at once between two turns of the loop.
#[derive(Debug, Default)]
pub(super) struct Touched {
    legs: BTreeSet<LegId>,
    accounts: BTreeSet<AccountId>,
    forks: BTreeSet<ClientId>,
}

impl SipCore {
    /// From now on [`take_changes`](Self::take_changes) has something to say, and must be asked.
    pub fn watch(&mut self) {
        self.touched = Some(Touched::default());
    }

    pub(super) fn leg_touched(&mut self, leg: LegId) {
        if let Some(touched) = &mut self.touched {
            touched.legs.insert(leg);
        }
    }

    pub(super) fn contacts_touched(&mut self, account: AccountId) {
        if let Some(touched) = &mut self.touched {
            touched.accounts.insert(account);
        }
    }

    pub(super) fn fork_touched(&mut self, fork: ClientId) {
        if let Some(touched) = &mut self.touched {
            touched.forks.insert(fork);
        }
    }

    /// What stands otherwise than when this was asked last.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let Some(Touched { legs, accounts, forks }) = self.touched.as_mut().map(std::mem::take) else {
            return Vec::new();
        };
        let legs =
            legs.into_iter().map(|id| match self.legs.get(&id).and_then(|leg| self.standing_leg(leg)) {
                Some(leg) => Change::Leg(Box::new(leg)),
                None => Change::LegGone(id),
            });
        let contacts = accounts.into_iter().map(|account| Change::Contacts(self.standing_contacts(account)));
        let forks = forks.into_iter().map(|id| match self.standing_fork(id) {
            Some(fork) => Change::Fork(id.0, Box::new(fork)),
            None => Change::ForkGone(id.0),
        });
        legs.chain(contacts).chain(forks).collect()
    }

    /// Everything that stands.
    pub fn standing(&self) -> Standing {
        let accounts = (0..self.settings.accounts.len()).map(AccountId);
        Standing {
            legs: self.legs.values().filter_map(|leg| self.standing_leg(leg)).collect(),
            contacts: accounts
                .map(|account| self.standing_contacts(account))
                .filter(|one| !one.contacts.is_empty())
                .collect(),
            forks: self.forks.keys().filter_map(|id| Some((id.0, self.standing_fork(*id)?))).collect(),
        }
    }

    /// A leg that was answered and not hung up.
    fn standing_leg(&self, leg: &Leg) -> Option<StandingLeg> {
        match leg.phase {
            Phase::Up { .. } => {}
            Phase::Arrived { .. } | Phase::Ending { .. } => return None,
        }
        Some(StandingLeg {
            leg: leg.id,
            dialog: leg.dialog.standing(),
            media: leg.media.standing(),
            account: leg.account.map(|account| self.gate.name_of(account).to_owned()),
            trunk: self.trunk(leg.trunk).map(|trunk| trunk.name.clone()),
            session: leg.session.map(|session| session.interval()),
            takes_update: leg.takes_update,
            hops_left: leg.hops_left,
            dialled: leg.dialled.clone(),
            arrived: leg.arrived,
            user_to_user: leg.user_to_user.clone(),
        })
    }

    fn standing_contacts(&self, account: AccountId) -> StandingContacts {
        let name = self.settings.accounts.get(account.0).map(|account| account.name.clone());
        StandingContacts { account: name.unwrap_or_default(), contacts: self.registrar.standing(account) }
    }

    fn standing_fork(&self, id: ClientId) -> Option<StandingFork> {
        let fork = self.forks.get(&id).filter(|fork| !fork.is_answered)?;
        let invite = codec::print_request(self.transactions.invite(id)?);
        Some(StandingFork { invite, flow: fork.flow.into() })
    }
}
