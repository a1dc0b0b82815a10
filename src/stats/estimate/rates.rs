//! The rates of one queue, measured from its calls: what handling takes, how long agents are rung, how soon callers
//! give up. Older calls count less, so that the figures follow the day.

use super::{Estimate, Rates, Spread, qlm};
use crate::engine::time::Monotonic;
use std::time::Duration;

/// So many calls are remembered: a mean over them is within 3 % or so, and a busy queue takes them within an hour.
const MEMORY_CALLS: f64 = 500.0;

/// With fewer handled calls than this there is no ground.
const CALLS_MIN: f64 = 10.0;

/// What is known of a queue's calls.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measured {
    /// AHT as the line feels it: from the offer that is answered to the end of wrap-up, in seconds.
    pub handling_s: f64,
    /// Of this, from the offer to the answer.
    pub ring: Spread,
    /// Of this, with the caller, in seconds.
    pub talk_s: f64,
    /// How often one waiting caller gives up, per second of waiting.
    pub patience_per_s: f64,
}

/// How a queue's line moves now.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pace {
    /// How fast.
    pub rates: Rates,
    /// From an offer to its answer.
    pub ring: Spread,
    /// Whether somebody is free: the first in line is offered at once.
    pub free: bool,
}

impl Pace {
    /// What a call with so many calls ahead of it has to expect.
    pub fn behind(&self, ahead: usize) -> Estimate {
        let in_line = if ahead == 0 && self.free { Spread::default() } else { qlm(ahead, self.rates) };
        in_line.then(self.ring).estimate()
    }
}

/// Sums in which each call weighs a little less with every call after it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct QueueRates {
    ended: f64,
    talk_s: f64,
    wrap_up_s: f64,
    rung: f64,
    ring_s: f64,
    ring_s2: f64,
    given_up: f64,
    waited_s: f64,
}

/// How often something comes, with a memory of a quarter of an hour: calls come by the half-hour.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Inflow {
    began: Option<Monotonic>,
    last: Monotonic,
    per_s: f64,
}

const INFLOW_MEMORY_S: f64 = 900.0;

impl Inflow {
    /// It came.
    pub(super) fn comes(&mut self, now: Monotonic) {
        self.per_s = self.faded(now) + INFLOW_MEMORY_S.recip();
        self.last = now;
        self.began.get_or_insert(now);
    }

    /// Per second; what is missing of the memory at the beginning is made up for.
    pub(super) fn per_s(&self, now: Monotonic) -> f64 {
        let Some(began) = self.began else { return 0.0 };
        let seen = -(-now.since(began).as_secs_f64() / INFLOW_MEMORY_S).exp_m1();
        // Below a minute there is next to nothing to judge by.
        self.faded(now) / seen.max(60.0 / INFLOW_MEMORY_S)
    }

    fn faded(&self, now: Monotonic) -> f64 {
        self.per_s * (-now.since(self.last).as_secs_f64() / INFLOW_MEMORY_S).exp()
    }
}

fn fade<const N: usize>(sums: [&mut f64; N]) {
    for sum in sums {
        *sum *= 1.0 - 1.0 / MEMORY_CALLS;
    }
}

impl QueueRates {
    /// An agent has answered after this ring.
    pub(super) fn rung(&mut self, ring: Duration) {
        let ring_s = ring.as_secs_f64();
        fade([&mut self.rung, &mut self.ring_s, &mut self.ring_s2]);
        self.rung += 1.0;
        self.ring_s += ring_s;
        self.ring_s2 += ring_s * ring_s;
    }

    /// A conversation is over.
    pub(super) fn talked(&mut self, talk: Duration) {
        fade([&mut self.ended, &mut self.talk_s, &mut self.wrap_up_s]);
        self.ended += 1.0;
        self.talk_s += talk.as_secs_f64();
    }

    /// After-call work is over. It belongs to a conversation that is counted already.
    pub(super) fn wrapped_up(&mut self, lasted: Duration) {
        self.wrap_up_s += lasted.as_secs_f64();
    }

    /// A call left the line. Each second of anybody's waiting was a chance to give up: the rate is giving up per time
    /// waited, which is right for exponential patience however many waits were cut short by an answer.
    pub(super) fn left(&mut self, wait: Duration, gave_up: bool) {
        fade([&mut self.given_up, &mut self.waited_s]);
        self.given_up += f64::from(u8::from(gave_up));
        self.waited_s += wait.as_secs_f64();
    }

    /// The figures; `None` while too few calls were handled.
    pub(super) fn measured(&self) -> Option<Measured> {
        if self.ended < CALLS_MIN {
            return None;
        }
        let ring = self.ring();
        let handling_s = ring.mean_s + (self.talk_s + self.wrap_up_s) / self.ended;
        let patience_per_s = if self.waited_s > 0.0 { self.given_up / self.waited_s } else { 0.0 };
        let talk_s = self.talk_s / self.ended;
        (handling_s > 0.0).then_some(Measured { handling_s, ring, talk_s, patience_per_s })
    }

    fn ring(&self) -> Spread {
        if self.rung <= 0.0 {
            return Spread::default();
        }
        let mean_s = self.ring_s / self.rung;
        Spread { mean_s, variance_s2: (self.ring_s2 / self.rung - mean_s * mean_s).max(0.0) }
    }
}
