//! One queue at run time: who waits in it, who staffs it, how it has done lately.

use super::fact::AgentState;
use super::id::{AgentId, CallId};
use super::time::{Monotonic, Wall};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A closing by hand. (A struct, for few formats tell an option within an option from none.)
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct ClosedByHand {
    /// When it ends; `None`: when the queue is reopened.
    pub until: Option<Wall>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Queue {
    /// Its calls that wait or are being offered, by the moment they joined.
    pub line: BTreeSet<(Monotonic, CallId)>,
    /// How many of its agents are in each state, in the order of [`AgentState::ALL`].
    pub staff: [u32; AgentState::ALL.len()],
    pub recent: Recent,
    pub closed: Option<ClosedByHand>,
    /// When `Timer::Reopen` is due, if it runs.
    pub reopens_at: Option<Monotonic>,
    /// Whom it asked last, for `round-robin`.
    pub asked_last: Option<AgentId>,
    /// When `Timer::Closing` is due, if it runs.
    pub closing_at: Option<Monotonic>,
    /// Whether `Timer::Emptied` runs.
    pub is_emptying: bool,
}

impl Queue {
    /// Whether each of its agents is in one of these states, or there is none. No states: never.
    pub(super) fn staff_is_all(&self, states: &[AgentState]) -> bool {
        !states.is_empty()
            && AgentState::ALL
                .iter()
                .zip(self.staff)
                .all(|(state, count)| count == 0 || states.contains(state))
    }
}

/// How the last 64 calls of a queue went: one bit each, whether answered in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Recent {
    in_time: u64,
    known: u32,
}

impl Recent {
    pub(super) fn add(&mut self, in_time: bool) {
        self.in_time = (self.in_time << 1) | u64::from(in_time);
        self.known = (self.known + 1).min(u64::BITS);
    }

    /// The share answered in time, 0 to 1; 1 when nothing is known yet.
    pub(super) fn service_level(self) -> f64 {
        if self.known == 0 { 1.0 } else { f64::from(self.in_time.count_ones()) / f64::from(self.known) }
    }
}
