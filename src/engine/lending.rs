//! Borrowed agents: whether a queue can spare its own, and what happens when it can again.

use super::Engine;
use super::command::Commands;
use super::floor::Level;
use super::id::QueueId;
use super::time::Now;

impl Engine {
    /// Whether a step of a plan is open: always, unless it borrows from a queue that needs its agents itself.
    pub(super) fn lends(&self, now: Now, level: &Level) -> bool {
        let Some(borrow) = &level.lender else { return true };
        let Some(lender) = self.queues.get(borrow.from.0 as usize) else { return false };
        let waits = lender.line.first().map(|&(since, _)| now.mono.since(since));
        let patient = match (borrow.lender_wait_max, waits) {
            (None, _) | (_, None) => true,
            (Some(most), Some(waits)) => waits <= most && !most.is_zero(),
        };
        patient && borrow.lender_service_level_min.is_none_or(|least| lender.recent.service_level() >= least)
    }

    /// A call has left this queue: whoever borrows its agents may do so again, perhaps. Waiting only closes lending,
    /// so nothing else opens it.
    pub(super) fn lending_may_have_opened(&mut self, now: Now, queue: QueueId, out: &mut Commands) {
        let borrowers = self.floor.borrowers(queue).to_vec();
        for plan in borrowers {
            // Each round serves one call, or is the last.
            loop {
                let heads: Vec<_> = self.floor.heads_borrowing(plan, queue).collect();
                let before = self.next_offer;
                for call in heads {
                    self.dispatch_call(now, call, out);
                    if self.next_offer != before {
                        // Whoever stands behind him may stand before the other heads.
                        break;
                    }
                }
                if self.next_offer == before {
                    break;
                }
            }
        }
    }
}
