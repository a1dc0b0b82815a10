//! What outlives a call: who served a caller last, and whose connection was lost. Bounded, and forgetful.

use super::id::{AgentId, QueueId};
use super::time::Monotonic;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// More callers than this are not remembered; the oldest are forgotten first.
const REMEMBERED_MAX: usize = 100_000;

/// The place somebody had in line when his connection was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Lost {
    /// How long he had waited.
    pub waited: Duration,
    /// When it was lost.
    pub at: Monotonic,
    pub priority: Duration,
}

/// Both memories.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    /// Who served a number last, by queue and number.
    pub served: Remembered<AgentId>,
    pub lost: Remembered<Lost>,
}

type Key = (QueueId, String);

/// Something remembered of a caller for a while.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Remembered<T> {
    known: BTreeMap<Key, (Monotonic, T)>,
    by_end: BTreeSet<(Monotonic, Key)>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self { known: BTreeMap::new(), by_end: BTreeSet::new() }
    }
}

impl<T: Copy> Remembered<T> {
    pub(super) fn remember(&mut self, now: Monotonic, until: Monotonic, key: Key, what: T) {
        if let Some((end, _)) = self.known.insert(key.clone(), (until, what)) {
            self.by_end.remove(&(end, key.clone()));
        }
        self.by_end.insert((until, key));
        while let Some((end, _)) = self.by_end.first()
            && (*end <= now || self.by_end.len() > REMEMBERED_MAX)
        {
            if let Some((_, key)) = self.by_end.pop_first() {
                self.known.remove(&key);
            }
        }
    }

    /// What is remembered, if its time is not over.
    pub(super) fn recall(&self, now: Monotonic, key: &Key) -> Option<T> {
        self.known.get(key).filter(|(until, _)| now < *until).map(|&(_, what)| what)
    }

    pub(super) fn forget(&mut self, key: &Key) {
        if let Some((end, _)) = self.known.remove(key) {
            self.by_end.remove(&(end, key.clone()));
        }
    }
}
