//! A recount of each queue, and production's folds held against it.

use super::{Broken, Ledger};
use crate::engine::fact::Outcome;
use crate::engine::id::QueueId;
use crate::stats::{Cdr, Counts, QueueToday};
use std::time::Duration;

/// A recount of one queue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Recount {
    pub offered: u64,
    pub counts: Counts,
    pub other: u64,
    pub ended: u64,
    pub wait: Duration,
    pub talk: Duration,
    pub waiting: usize,
}

impl Recount {
    pub(super) fn left(&mut self, outcome: Outcome, wait: Duration, threshold: Duration) {
        self.waiting = self.waiting.saturating_sub(1);
        self.wait += wait;
        match outcome {
            Outcome::Answered => {
                self.counts.answered += 1;
                self.counts.answered_in_threshold += u64::from(wait <= threshold);
            }
            Outcome::Abandoned | Outcome::ShortAbandon => {
                self.counts.abandoned += 1;
                self.counts.abandoned_in_threshold += u64::from(wait <= threshold);
                self.counts.short_abandons += u64::from(outcome == Outcome::ShortAbandon);
            }
            Outcome::Overflow
            | Outcome::Timeout
            | Outcome::ExitKey
            | Outcome::Callback
            | Outcome::Voicemail
            | Outcome::NoAgents
            | Outcome::Error
            | Outcome::Withdrawn
            | Outcome::Closed => self.other += 1,
        }
    }
}

impl Ledger {
    /// The folds of production against this recount.
    pub(in crate::simulate) fn agrees_with(
        &self,
        today: &[QueueToday],
        counts: &[Counts],
        records: &[Cdr],
    ) -> Result<(), Broken> {
        for (((at, recount), today), counts) in (0..).zip(&self.queues).zip(today).zip(counts) {
            let queue = QueueId(at);
            let name = self.settings.queue(queue).map_or("", |queue| queue.name.as_str());
            let own = || records.iter().filter(|record| record.queue == name);
            let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            let recorded = own().count() as u64;
            // Each record and each visit rounds down to the millisecond.
            let before = || {
                let visits = records.iter().flat_map(|record| &record.visits);
                visits.filter(|visit| visit.queue == name).map(|visit| visit.wait_ms)
            };
            let waited = own().map(|record| record.wait_ms).chain(before()).sum::<u64>();
            let rounded = recorded + before().count() as u64;
            let close = millis(recount.wait).saturating_sub(waited) <= rounded;
            let figures = [
                ("calls offered", today.offered, recount.offered),
                ("calls answered", today.answered, recount.counts.answered),
                ("calls answered in time", today.answered_in_threshold, recount.counts.answered_in_threshold),
                ("calls abandoned", today.abandoned, recount.counts.abandoned),
                ("short abandons", counts.short_abandons, recount.counts.short_abandons),
                ("abandons in time", counts.abandoned_in_threshold, recount.counts.abandoned_in_threshold),
                ("calls that left otherwise", today.other, recount.other),
                ("call records", recorded, recount.ended),
                ("milliseconds waited", waited, if close { waited } else { millis(recount.wait) }),
            ];
            for (what, folded, counted) in figures {
                if folded != counted {
                    return Err(Broken::Fold { what, queue, folded, counted });
                }
            }
        }
        Ok(())
    }
}
