//! What must be so when the storm is over, and when all is.

use super::World;
use crate::simulate::signalling::broken::Broken;
use std::collections::BTreeSet;

impl World {
    /// When the storm is over and all timers have run out, no end of a call is without the other.
    pub(super) fn both_ends_agree(&self) -> Result<(), Broken> {
        let mut known = BTreeSet::new();
        for (leg, id) in self.core.dialogs() {
            known.insert(id.clone());
            let Some(at) = self.core.far_end(leg) else { continue };
            let peer = self.by_address.get(&at).and_then(|at| self.peers.get(*at));
            if !self.lost.contains_key(&id.call_id) && !peer.is_some_and(|peer| peer.is_in(id)) {
                return Err(Broken::OrphanHere { leg, call_id: id.call_id.clone(), at });
            }
        }
        for peer in &self.peers {
            if let Some(id) = peer.talks().find(|id| !known.contains(id)) {
                return Err(Broken::OrphanThere { call_id: id.call_id, at: peer.address });
            }
        }
        Ok(())
    }

    /// Of whoever died, the session timer has told the engine by now.
    pub(super) fn no_session_outlived(&self) -> Result<(), Broken> {
        let timed = |call_id: &String| self.lost.get(call_id) == Some(&true);
        match self.core.dialogs().find(|(_, id)| timed(&id.call_id)) {
            Some((leg, id)) => Err(Broken::OutlivesSession { leg, call_id: id.call_id.clone() }),
            None => Ok(()),
        }
    }

    /// Nothing is left, at no end.
    pub(super) fn at_the_end(&mut self) -> Result<(), Broken> {
        let counts = self.core.counts();
        let (clients, servers) = (counts.transactions.clients, counts.transactions.servers);
        let left = (counts.legs, counts.offers, counts.forks, counts.requests, clients, servers);
        if left != (0, 0, 0, 0, 0, 0) {
            return Err(Broken::Left(format!("the signalling still had {counts:?}")));
        }
        if !self.books.open().is_empty() {
            return Err(Broken::Left(format!("media was still open: {:?}", self.books.open())));
        }
        if !self.engine.is_idle() {
            return Err(Broken::Left("the engine still knew a call".into()));
        }
        for peer in &self.peers {
            if peer.left() != (0, 0) {
                let (calls, transactions) = peer.left();
                let at = peer.address;
                return Err(Broken::Left(format!("{at} was in {calls} calls, {transactions} transactions")));
            }
        }
        self.watch.at_the_end()?;
        self.ledger.at_the_end(self.elapsed())?;
        self.archive.catch_up();
        Ok(self.archive.agrees_with(&self.ledger)?)
    }
}
