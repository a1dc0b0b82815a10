//! A media plane that only keeps the books: which legs are open, and whether each is opened and closed once.

use crate::engine::id::LegId;
use crate::media::{Codec, LocalMedia, OpenError, Sessions, Stream, Wishes};
use std::collections::BTreeSet;

/// The first of the ports that are given away, one after the other.
const FIRST_PORT: u16 = 20_000;

#[derive(Debug, Default)]
pub(super) struct Books {
    open: BTreeSet<LegId>,
    opened: u16,
    /// The first thing that was done to a leg and must not be.
    wrong: Option<(LegId, &'static str)>,
}

impl Books {
    /// Legs that are open.
    pub fn open(&self) -> &BTreeSet<LegId> {
        &self.open
    }

    /// What was wrong first.
    pub fn wrong(&self) -> Option<(LegId, &'static str)> {
        self.wrong
    }

    fn note(&mut self, leg: LegId, what: &'static str) {
        self.wrong.get_or_insert((leg, what));
    }
}

impl Sessions for Books {
    fn open(&mut self, leg: LegId, _near: Option<LegId>, _wishes: &Wishes) -> Result<LocalMedia, OpenError> {
        if !self.open.insert(leg) {
            self.note(leg, "its media was opened twice");
            return Err(OpenError::AlreadyOpen(leg));
        }
        self.opened = (self.opened + 1) % 10_000;
        let rtp = ([192, 0, 2, 9], FIRST_PORT + 2 * self.opened).into();
        Ok(LocalMedia::plain(rtp, vec![Codec::Pcmu, Codec::Pcma]))
    }

    fn connect(&mut self, leg: LegId, _stream: Stream) {
        if !self.open.contains(&leg) {
            self.note(leg, "its media was connected while it was not open");
        }
    }

    fn close(&mut self, leg: LegId) {
        if !self.open.remove(&leg) {
            self.note(leg, "its media was closed while it was not open");
        }
    }
}
