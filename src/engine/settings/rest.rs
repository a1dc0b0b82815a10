//! When an agent is left alone: after calls he did not take, and before he is exhausted.

use crate::engine::fact::OfferOutcome;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What follows, for the agent, from an offer that came to nothing through his phone or himself. The caller keeps his
/// place in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MissedRules {
    /// The rest after he declined.
    pub declined: Duration,
    /// The rest after his phone was busy.
    pub busy: Duration,
    /// The rest after he let it ring.
    pub no_answer: Duration,
    /// The rest after his phone could not be reached.
    pub unreachable: Duration,
    /// The rest doubles with every further miss in a row, up to this; no longer than the single rest means it does not.
    pub rest_max: Duration,
    /// After so many misses in a row he is paused; `None`: never.
    pub pause_after: Option<u32>,
}

impl MissedRules {
    /// The same rest whatever the cause, and never a pause.
    pub const fn same(rest: Duration) -> Self {
        Self {
            declined: rest,
            busy: rest,
            no_answer: rest,
            unreachable: rest,
            rest_max: rest,
            pause_after: None,
        }
    }

    /// The rest after the `in_a_row`-th miss, of which this is the last.
    pub fn rest(&self, outcome: OfferOutcome, in_a_row: u32) -> Duration {
        let single = match outcome {
            OfferOutcome::Declined => self.declined,
            OfferOutcome::Busy => self.busy,
            OfferOutcome::NoAnswer => self.no_answer,
            OfferOutcome::Unreachable => self.unreachable,
            // These are no misses.
            OfferOutcome::Answered
            | OfferOutcome::CallerGone
            | OfferOutcome::AnsweredElsewhere
            | OfferOutcome::Interrupted => Duration::ZERO,
        };
        let doubled = single.saturating_mul(1 << in_a_row.saturating_sub(1).min(16));
        doubled.min(self.rest_max.max(single))
    }
}

/// A short break for whoever has had too little of one (occupancy is best kept under 85–90 %).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Fatigue {
    /// The share of his time in calls and after-call work, 0 to 1, above which an agent is given a break.
    pub occupancy_max: f64,
    /// The stretch of time that is looked at; older work counts less and less.
    pub over: Duration,
    /// How long the break is; no two begin within `over`.
    pub rest: Duration,
}
