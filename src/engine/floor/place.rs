//! A place in line, and how urgent it is to whoever becomes free.

use crate::engine::id::CallId;
use crate::engine::settings::{Queue, QueueOrder};
use crate::engine::time::Monotonic;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A place in line. Ordered by the moment of joining less the wait the call is credited with: priority is a
/// head start, so that nobody starves behind it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(in crate::engine) struct Place {
    since_us: i64,
    call: CallId,
}

impl Place {
    pub(in crate::engine) fn new(joined: Monotonic, credit: Duration, call: CallId) -> Self {
        let joined = i64::try_from(joined.0).unwrap_or(i64::MAX);
        Self { since_us: joined.saturating_sub(micros(credit)), call }
    }

    pub(in crate::engine) fn call(self) -> CallId {
        self.call
    }

    /// The credited wait at `now`, in microseconds, in the currency of the site's queue order: the greater, the sooner.
    ///
    /// Each order grows with waiting, whatever comes in behind, so none lets anybody starve.
    pub(super) fn urgency(self, now: Monotonic, order: QueueOrder, queue: &Queue) -> i64 {
        let waited = i64::try_from(now.0).unwrap_or(i64::MAX).saturating_sub(self.since_us);
        match order {
            QueueOrder::Priority => waited,
            QueueOrder::Deadline => waited.saturating_sub(micros(queue.service_level_threshold)),
            QueueOrder::WeightedWait => waited.saturating_mul(i64::from(queue.weight.max(1))) / 100,
        }
    }
}

pub(super) fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
