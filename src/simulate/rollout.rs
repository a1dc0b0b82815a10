//! The expected wait where no formula holds: a copy of the live engine is rolled forward a hundred times, with the rates
//! that were measured, and the waits that come of it are counted. It never touches the engine it copies.

mod claims;
mod future;
mod model;
mod quantiles;

pub use claims::claims;
pub use model::{Model, QueueModel};

use super::rng::{Purpose, Rng};
use crate::engine::Engine;
use crate::engine::fact::{Fact, Stamped};
use crate::engine::id::{CallId, OfferId, QueueId};
use crate::engine::settings::Settings;
use crate::engine::skill::Requirement;
use crate::engine::time::Now;
use future::{FIRST_CALL, Future};
use quantiles::Waits;
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
            | Fact::CallResumed { .. }
            | Fact::CallInterrupted { .. }
            | Fact::QueueReopened { .. }
            | Fact::Reconfigured
            | Fact::CallQueued { .. }
            | Fact::CallLeftQueue { .. }
            | Fact::CallEnded { .. }
            | Fact::AgentStateChanged { .. }
            | Fact::WrapUpEnded { .. }
            | Fact::InTalk { .. } => {}
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
///
/// In each future one of the callers stays, in turn; the others have their patience, for nobody waits behind callers who
/// all stay. What those who gave up would have waited is made up for.
pub fn look_ahead(
    present: Present<'_>,
    model: &Model,
    calls: &[CallId],
    bounds: &Bounds,
    seed: u64,
) -> Vec<Option<Outlook>> {
    let views = present.engine.snapshot(present.now).calls;
    let asked: Vec<CallId> = BTreeSet::from_iter(calls.iter().copied()).into_iter().collect();
    let mut waits = vec![Waits::default(); calls.len()];
    for (number, stays) in (0..bounds.futures).zip(calls.iter().cycle()) {
        let rng = Rng::stream(seed, Purpose::Future, u64::from(number));
        let mut future = Future::of(present, &views, model, &asked, std::slice::from_ref(stays), rng);
        let became = future.run(bounds);
        for (waits, call) in waits.iter_mut().zip(calls) {
            waits.note(became.get(call));
        }
    }
    waits.into_iter().map(|waits| waits.outlook(bounds.futures)).collect()
}

/// How long somebody would wait who called this number now and stayed; `None` as for [`look_ahead`].
pub fn joining(
    present: Present<'_>,
    model: &Model,
    dialled: &str,
    bounds: &Bounds,
    seed: u64,
) -> Option<Outlook> {
    let views = present.engine.snapshot(present.now).calls;
    // The first of the future's own calls comes behind it.
    let asked = [CallId(FIRST_CALL)];
    let mut waits = Waits::default();
    for number in 0..bounds.futures {
        let rng = Rng::stream(seed, Purpose::Future, u64::from(number));
        let mut future = Future::of(present, &views, model, &asked, &asked, rng);
        future.joins(CallId(FIRST_CALL), dialled);
        waits.note(future.run(bounds).get(&CallId(FIRST_CALL)));
    }
    waits.outlook(bounds.futures)
}

/// Whether these rules let pools of agents overlap, so that no formula holds: agents of several queues, agents who are
/// borrowed, or calls of one queue that not all of its agents may take, or not at once.
pub fn is_called_for(settings: &Settings) -> bool {
    let queue = |id: &QueueId| settings.queue(*id).is_some_and(|queue| !queue.retired);
    let shared = settings
        .agents
        .iter()
        .any(|agent| !agent.retired && agent.queues.iter().filter(|id| queue(id)).count() > 1);
    let uneven = settings.numbers.iter().any(|number| {
        number.requirement != Requirement::ANYBODY || !number.relaxation.is_empty() || number.direct.is_some()
    });
    let widened = settings.queues.iter().filter(|queue| !queue.retired).any(|queue| {
        !queue.relaxation.is_empty() || !queue.borrow.is_empty() || !queue.secondary_after.is_zero()
    });
    shared || uneven || widened
}

#[cfg(test)]
mod tests;
