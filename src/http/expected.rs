//! What waiting callers have to expect, as the API shows it: a range, never one number, and how it was found.

use super::read::millis;
use crate::engine::id::{CallId, QueueId};
use crate::engine::snapshot::{CallStage, Snapshot};
use crate::stats::{Basis, Estimate, Expected};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// An expected wait.
#[derive(Serialize)]
pub(super) struct WaitShown {
    p50_ms: u64,
    p90_ms: u64,
    by: Basis,
}

impl From<Estimate> for WaitShown {
    fn from(estimate: Estimate) -> Self {
        Self { p50_ms: millis(estimate.p50), p90_ms: millis(estimate.p90), by: estimate.by }
    }
}

/// How much longer each call will wait, in the order of the picture; `None` for those that do not wait, and where there is
/// no ground to say anything.
pub(super) fn waits(snapshot: &Snapshot, expected: &Expected) -> Vec<Option<Estimate>> {
    let mut lines: BTreeMap<QueueId, Vec<(Reverse<Duration>, CallId)>> = BTreeMap::new();
    for view in snapshot.calls.iter().filter(|view| view.stage == CallStage::Waiting) {
        lines.entry(view.queue).or_default().push((Reverse(view.wait + view.priority), view.call));
    }
    for line in lines.values_mut() {
        line.sort_unstable();
    }
    let shown = snapshot.calls.iter().map(|view| {
        let ahead = match view.stage {
            CallStage::Waiting => {
                let place = (Reverse(view.wait + view.priority), view.call);
                lines.get(&view.queue)?.binary_search(&place).ok()?
            }
            CallStage::Offered => 0,
            CallStage::Talking | CallStage::Transferring | CallStage::Leaving => return None,
        };
        expected.of_call(view.call, view.queue, snapshot.at.mono, view.wait, ahead)
    });
    shown.collect()
}
