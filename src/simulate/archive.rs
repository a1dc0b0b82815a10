//! The store of facts as production folds them, behind a writer that may stall. Nothing here ever reaches the
//! engine: that is the point.

use super::checks::{Broken, Ledger};
use super::digest::Fnv;
use crate::engine::fact::Stamped;
use crate::engine::settings::Settings;
use crate::stats::cdr::Entry;
use crate::stats::{Cdr, CdrFold, Today};

/// The folds, and what they have not seen yet.
#[derive(Debug)]
pub(super) struct Archive {
    backlog: Vec<Stamped>,
    stalled: bool,
    today: Today,
    fold: CdrFold,
    records: Vec<Cdr>,
    digest: Fnv,
}

impl Archive {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            backlog: Vec::new(),
            stalled: false,
            today: Today::new(settings),
            fold: CdrFold::new(settings),
            records: Vec::new(),
            digest: Fnv::new(),
        }
    }

    pub(super) fn take(&mut self, stamped: Stamped) {
        self.backlog.push(stamped);
        if !self.stalled {
            self.catch_up();
        }
    }

    pub(super) fn stall(&mut self) {
        self.stalled = true;
    }

    /// Folds all there is, in order.
    pub(super) fn catch_up(&mut self) {
        self.stalled = false;
        for stamped in std::mem::take(&mut self.backlog) {
            // Writing to a digest cannot fail; a fact that could not be serialised would leave the digest as it is.
            let _ = serde_json::to_writer(&mut self.digest, &stamped);
            self.today.observe(&stamped);
            match self.fold.observe(&stamped) {
                Some(Entry::Ended(record)) => self.records.push(*record),
                // What is noted later changes no figure.
                Some(Entry::Noted(_)) | None => {}
            }
        }
    }

    pub(super) fn agrees_with(&self, ledger: &Ledger) -> Result<(), Broken> {
        ledger.agrees_with(&self.today.queues(), &self.today.counts(), &self.records)
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest.value()
    }
}
