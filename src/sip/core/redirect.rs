//! 3xx: whoever is rung names where else the call may go (RFC 3261 §8.1.3.4, §21.3): an agent's phone that forwards, or a
//! carrier. No address of theirs is followed: a number counts, as if it had been dialled, where the dial policy lets it be.

use super::offer::Target;
use super::{Note, SipCore, Turn};
use crate::sip::dialling::{Dialable, NotDialled};
use crate::sip::identity;
use crate::sip::message::Response;
use crate::sip::transaction::ClientId;
use crate::sip::trunk::Way;
use crate::sip::uri::{NameAddr, Uri};
use std::collections::VecDeque;

/// How often one offer is sent on.
const HOPS_MAX: usize = 3;
/// Contacts of one response that are looked at.
const CONTACTS_MAX: usize = 8;

impl SipCore {
    /// Whether a 3xx leads on. It rings when nobody else does any more, for it may want media of its own.
    pub(super) fn redirected(&mut self, turn: &mut Turn<'_>, id: ClientId, response: &Response) -> bool {
        // 305 names a proxy, 380 another service: nothing that one could dial.
        if !matches!(response.status, 300..=302) {
            return false;
        }
        let Some(offer_id) = self.forks.get(&id).map(|fork| fork.offer) else { return false };
        let Some(offer) = self.offers.get(&offer_id) else { return false };
        let (call, tried) = (offer.invitation.call, offer.sent_on.clone());
        let contacts = response.headers.values("Contact").take(CONTACTS_MAX);
        let targets = contacts.filter_map(|value| value.parse::<NameAddr>().ok());
        for uri in targets.map(|address| address.uri) {
            match self.leads_to(&uri, &tried) {
                Ok((number, ways)) => {
                    let Some(offer) = self.offers.get_mut(&offer_id) else { return false };
                    offer.sent_on.push(number.clone());
                    offer.open.remove(&id);
                    for way in ways.into_iter().rev() {
                        offer.later.push_front(Target::Forwarded(number.clone(), way));
                    }
                    self.go_on(turn, offer_id);
                    return true;
                }
                Err(reason) => {
                    turn.out.notes.push(Note::NotDialled { call, number: identity::number_in(&uri), reason });
                }
            }
        }
        false
    }

    /// The number that a contact names, and the ways by which it can be called.
    fn leads_to(&mut self, uri: &Uri, tried: &[Dialable]) -> Result<(Dialable, VecDeque<Way>), NotDialled> {
        let is_known = |ip| self.gate.is_trunk(ip) || self.gate.is_proxy(ip) || self.is_ours(ip);
        let elsewhere = uri.is_sip() && uri.host.ip().is_some_and(|ip| !is_known(ip));
        if elsewhere || !(uri.is_sip() || uri.is_tel()) {
            return Err(NotDialled::Elsewhere);
        }
        let number = self.settings.dial.check(&identity::number_in(uri))?;
        if tried.len() >= HOPS_MAX || tried.contains(&number) {
            return Err(NotDialled::SentRound);
        }
        let ways = self.trunks.ways(&self.settings.trunks, &number)?;
        Ok((number, ways))
    }
}
