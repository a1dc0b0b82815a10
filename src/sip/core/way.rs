//! Where a request inside a dialog goes: by the way it has, and when that is gone, by another to the same far side
//! (RFC 3261 §12.2.1.1, RFC 5626 §5.3). Sends nothing.

use super::SipCore;
use crate::sip::dialog::Dialog;
use crate::sip::flow::{ConnectionId, Flow, TrunkId};
use crate::sip::leg::Leg;
use crate::sip::registrar::AccountId;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// So many connections that are over are remembered before it is asked whether any dialog still knows them.
const GONE_MAX: usize = 1_024;

/// Whose the far side of a dialog is: that says by what other ways it may be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Party {
    /// By any server of this trunk.
    Trunk(TrunkId),
    /// By whatever way the same phone has registered since.
    Phone(AccountId),
    /// By no other than where it says that it listens.
    Stranger,
}

impl Party {
    pub fn of(leg: &Leg) -> Self {
        match (leg.account, leg.trunk) {
            (Some(account), _) => Self::Phone(account),
            (None, Some(trunk)) => Self::Trunk(trunk),
            (None, None) => Self::Stranger,
        }
    }

    /// Through which trunk, if it is one.
    pub fn trunk(self) -> Option<TrunkId> {
        match self {
            Self::Trunk(trunk) => Some(trunk),
            Self::Phone(_) | Self::Stranger => None,
        }
    }
}

/// Connections that are over though dialogs may still know them, and which phone had come by each (`+sip.instance`).
#[derive(Debug, Default)]
pub(super) struct Gone(BTreeMap<ConnectionId, Option<String>>);

impl SipCore {
    /// Where a request inside the dialog goes. Only a trunk may send us to another address, and only to a trunk's; and
    /// a proxy of our own only to such a one.
    pub(super) fn way(&self, dialog: &Dialog) -> Flow {
        dialog.next_hop(|address| self.gate.may_lead(dialog.flow.remote.ip(), address))
    }

    /// The same for the dialog of a leg, whose way may be gone.
    pub(super) fn way_of(&self, leg: &Leg) -> Flow {
        self.way_to(&leg.dialog, Party::of(leg), leg.detour)
    }

    /// By the detour that was found before, if there was one; else by the dialog's own way; else, when that is gone, by
    /// another.
    pub(super) fn way_to(&self, dialog: &Dialog, party: Party, detour: Option<Flow>) -> Flow {
        let usual = detour.unwrap_or_else(|| self.way(dialog));
        if self.is_gone(&usual) { self.detour(dialog, party, None).unwrap_or(usual) } else { usual }
    }

    /// Another way than the one by which a request could not be sent; the same once more, by a new connection, if there
    /// is no other.
    pub(super) fn detour(&self, dialog: &Dialog, party: Party, failed: Option<Flow>) -> Option<Flow> {
        let ways = self.other_ways(dialog, party);
        let before = ways.iter().position(|way| Some(*way) == failed);
        let next = before.map_or(0, |at| (at + 1) % ways.len());
        ways.get(next).copied()
    }

    /// Whether the connection of a flow is over.
    pub(super) fn is_gone(&self, flow: &Flow) -> bool {
        let of = |connection| connection == ConnectionId::BEFORE || self.gone.0.contains_key(&connection);
        flow.connection.is_some_and(of)
    }

    /// A connection is over.
    pub(super) fn note_gone(&mut self, flow: &Flow) {
        let Some(connection) = flow.connection else { return };
        if self.gone.0.len() >= GONE_MAX.max(2 * self.legs.len()) {
            let legs = self.legs.values().map(|leg| &leg.dialog);
            let known = legs.chain(self.byes.values().map(|bye| &bye.dialog));
            let known: BTreeSet<_> = known.filter_map(|dialog| dialog.flow.connection).collect();
            self.gone.0.retain(|connection, _| known.contains(connection));
        }
        self.gone.0.insert(connection, self.registrar.phone_at(flow));
    }

    /// Something comes by it: it was not over after all.
    pub(super) fn note_alive(&mut self, flow: &Flow) {
        if let Some(connection) = flow.connection {
            self.gone.0.remove(&connection);
        }
    }

    /// The ways to a dialog's far side that do not need the connection it had, the likeliest first. None where nothing
    /// was connected.
    pub(super) fn other_ways(&self, dialog: &Dialog, party: Party) -> Vec<Flow> {
        let mut ways = Vec::new();
        if !dialog.flow.transport.is_reliable() {
            return ways;
        }
        match party {
            Party::Trunk(trunk) => {
                ways.extend(self.named_way(dialog).map(|way| way.to_trunk(trunk)));
                ways.extend(self.trunks.ways_beside(trunk, &dialog.flow));
            }
            Party::Phone(account) => {
                let instance = dialog.flow.connection.and_then(|it| self.gone.0.get(&it)).cloned().flatten();
                let contacts = self.registrar.ways_to(account, dialog.target(), instance.as_deref());
                // What was encrypted stays so.
                let is_fit = |way: &Flow| way.transport.is_secure() || !dialog.flow.transport.is_secure();
                ways.extend(contacts.into_iter().filter(is_fit));
                ways.extend(self.named_way(dialog));
            }
            Party::Stranger => ways.extend(self.named_way(dialog)),
        }
        ways.retain(|way| !self.is_gone(way));
        let mut seen = BTreeSet::new();
        ways.retain(|way| seen.insert(*way));
        ways
    }

    /// Where the route or the Contact says that it listens, at an address that may be believed: that is where a new
    /// connection is made to (RFC 3261 §12.2.1.1).
    fn named_way(&self, dialog: &Dialog) -> Option<Flow> {
        let (flow, uri) = (dialog.flow, dialog.next_uri());
        let ip = uri.host.ip().filter(|ip| ip.is_ipv4() == flow.local.is_ipv4())?;
        let is_named = uri.transport() == Some(flow.transport) || !uri.params.has("transport");
        let is_believed = ip == flow.remote.ip() || self.gate.may_lead(flow.remote.ip(), ip);
        let remote = SocketAddr::new(ip, uri.port.unwrap_or(flow.transport.default_port()));
        let leads = flow.transport.leads_out() && is_named && is_believed;
        leads.then_some(Flow { remote, connection: None, trunk: None, ..flow })
    }
}
