//! The expected wait where no formula holds: a copy of the live engine is rolled forward a hundred times, with the rates
//! that were measured, and the waits that come of it are counted. It never touches the engine it copies.

mod claims;
mod future;
mod model;

pub use claims::claims;
pub use model::{Model, QueueModel};

use super::rng::{Purpose, Rng};
use crate::engine::Engine;
use crate::engine::fact::{Fact, Stamped};
use crate::engine::id::{CallId, OfferId, QueueId};
use crate::engine::time::Now;
use future::Future;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How much may be spent on one look ahead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Futures.
    pub futures: u32,
    /// Nothing is looked at beyond.
    pub horizon: Duration,
    /// Events of one future at most.
    pub events_max: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { futures: 100, horizon: Duration::from_secs(3600), events_max: 5000 }
    }
}

/// How much longer a call will wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outlook {
    /// One such call in ten waits less.
    pub p10: Duration,
    /// Half of them wait less.
    pub p50: Duration,
    /// Nine in ten wait less.
    pub p90: Duration,
}

/// A fold over facts: the offers that ring now, and of which queue. A copy of the engine waits for their answers.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Ringing(BTreeMap<OfferId, QueueId>);

impl Ringing {
    /// Folds one fact.
    pub fn observe(&mut self, stamped: &Stamped) {
        match &stamped.fact {
            Fact::OfferMade { offer, queue, .. } => {
                self.0.insert(*offer, *queue);
            }
            Fact::OfferEnded { offer, .. } => {
                self.0.remove(offer);
            }
            Fact::CallRefused { .. }
            | Fact::CallTurnedAway { .. }
            | Fact::CallWidened { .. }
            | Fact::CallDisposed { .. }
            | Fact::QueueClosed { .. }
            | Fact::QueueReopened { .. }
            | Fact::Reconfigured
            | Fact::CallQueued { .. }
            | Fact::CallLeftQueue { .. }
            | Fact::CallEnded { .. }
            | Fact::AgentStateChanged { .. }
            | Fact::WrapUpEnded { .. } => {}
        }
    }

    fn iter(&self) -> impl Iterator<Item = (OfferId, QueueId)> {
        self.0.iter().map(|(offer, queue)| (*offer, *queue))
    }
}

/// The live state that is looked ahead from.
#[derive(Clone, Copy, Debug)]
pub struct Present<'e> {
    /// The engine.
    pub engine: &'e Engine,
    /// What time it is.
    pub now: Now,
    /// The offers that ring.
    pub ringing: &'e Ringing,
}

/// How much longer each of these calls will wait, if its caller stays; `None` for a call that more than one future in ten
/// does not see answered within the bounds, for then its P90 is unknown. The same seed gives the same outlooks.
pub fn look_ahead(
    present: Present<'_>,
    model: &Model,
    calls: &[CallId],
    bounds: &Bounds,
    seed: u64,
) -> Vec<Option<Outlook>> {
    let views = present.engine.snapshot(present.now).calls;
    let stay: Vec<CallId> = BTreeSet::from_iter(calls.iter().copied()).into_iter().collect();
    let mut waits: Vec<Vec<Duration>> = vec![Vec::new(); calls.len()];
    for number in 0..bounds.futures {
        let rng = Rng::stream(seed, Purpose::Future, u64::from(number));
        let mut future = Future::of(present, &views, model, &stay, rng);
        let answered = future.run(bounds);
        for (waits, call) in waits.iter_mut().zip(calls) {
            waits.extend(answered.get(call));
        }
    }
    waits.into_iter().map(|waits| outlook(waits, bounds.futures)).collect()
}

/// The quantiles; a wait that nobody saw the end of counts as the longest.
fn outlook(mut waits: Vec<Duration>, futures: u32) -> Option<Outlook> {
    waits.sort_unstable();
    // The i-th smallest of n is taken for the quantile i/(n+1), which is right on average for any distribution.
    let quantile = |tenths: u32| {
        let rank = (f64::from(futures) + 1.0) * f64::from(tenths) / 10.0;
        let below = *waits.get((rank.floor() as usize).checked_sub(1)?)?;
        let above = *waits.get((rank.ceil() as usize).checked_sub(1)?)?;
        Some(below + above.saturating_sub(below).mul_f64(rank.fract()))
    };
    Some(Outlook { p10: quantile(1)?, p50: quantile(5)?, p90: quantile(9)? })
}

#[cfg(test)]
mod tests;
