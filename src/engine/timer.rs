//! The engine's deadlines, ordered by time. Each owner remembers its own, so cancelling is exact
//! and nothing stale is ever kept.

use super::id::{AgentId, CallId, OfferId, QueueId};
use super::time::Monotonic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub(super) enum Timer {
    /// The agent has been rung long enough.
    Ring(OfferId),
    /// After-call work is over.
    WrapUp(AgentId),
    /// The rest after a missed call is over.
    Rest(AgentId),
    /// Something in a waiting call's life is due: its plan widens, it overflows, its longest wait is over, ….
    Call(CallId),
    /// A number outside was called long enough.
    Dial(OfferId),
    /// Nobody is left who could serve this queue: its callers leave.
    Emptied(QueueId),
    /// The queue's hours may have ended.
    Closing(QueueId),
    /// A closing by hand is over.
    Reopen(QueueId),
    /// The last prompt should long have been heard.
    Leaving(CallId),
    /// What still goes on is ended so that the process can stop.
    Drain,
}

/// A set of deadlines.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Timers(BTreeSet<(Monotonic, Timer)>);

impl Timers {
    pub(super) fn start(&mut self, due: Monotonic, timer: Timer) {
        self.0.insert((due, timer));
    }

    pub(super) fn cancel(&mut self, due: Monotonic, timer: Timer) {
        self.0.remove(&(due, timer));
    }

    /// Takes a timer out whose moment is not known.
    pub(super) fn forget(&mut self, timer: Timer) {
        self.0.retain(|&(_, other)| other != timer);
    }

    pub(super) fn next(&self) -> Option<Monotonic> {
        self.0.first().map(|&(due, _)| due)
    }

    /// The next timer that is due at `now`, taken out of the set.
    pub(super) fn pop_due(&mut self, now: Monotonic) -> Option<Timer> {
        match self.0.first() {
            Some(&(due, _)) if due <= now => self.0.pop_first().map(|(_, timer)| timer),
            Some(_) | None => None,
        }
    }
}
