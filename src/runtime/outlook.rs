//! Rolling the live state forward beside the loop: every few seconds a thread of its own is handed a copy of the engine, and
//! what comes of it is published. The loop never waits for it, and goes on by the formula when it is gone.

use crate::engine::Engine;
use crate::engine::Snapshot;
use crate::engine::fact::{AgentState, Stamped};
use crate::engine::id::{CallId, QueueId};
use crate::engine::settings::Settings;
use crate::engine::snapshot::CallStage;
use crate::engine::time::{Monotonic, Now};
use crate::simulate::rollout::{self, Bounds, Model, Outlook, Present, Ringing};
use crate::stats::{Basis, Estimate, Estimator, Foresight};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked ahead.
const EVERY: Duration = Duration::from_secs(5);
/// With a large floor a copy takes its time: copying is never more than this part of the loop's.
const COPY_SHARE: u32 = 500;
/// Nor is a look more than this part of a processor's.
const LOOK_SHARE: u32 = 10;
/// What was seen is not told for longer than this.
const VALID: Duration = Duration::from_secs(30);
/// Beyond these no copy is made: it would keep the loop too long.
const CALLS_MAX: usize = 2_000;
const AGENTS_MAX: usize = 1_000;
const NUMBERS_MAX: usize = 1_000;
/// Callers who are told of one by one; who stands behind them is told by the formula.
const ASKED_MAX: usize = 500;

/// What the thread is handed.
struct Look {
    engine: Engine,
    now: Now,
    ringing: Ringing,
    model: Model,
    calls: Vec<CallId>,
    /// Queues, and a number that leads to each.
    joins: Vec<(QueueId, String)>,
}

/// The loop's end of it.
pub(super) struct Lookout {
    ringing: Ringing,
    looks: SyncSender<Look>,
    seen: watch::Receiver<Arc<Foresight>>,
    /// Whether pools overlap, so that no formula holds.
    called_for: bool,
    /// Whether the thread has work.
    busy: bool,
    gone: bool,
    next: Monotonic,
    asked_at: Monotonic,
    /// When there was last nobody to look for: what was seen up to then is not told.
    forgotten: Monotonic,
}

impl Lookout {
    /// Starts the thread. Where there is none, nothing is seen.
    pub(super) fn start(settings: &Settings) -> Self {
        Self::with(settings, foresee)
    }

    fn with(settings: &Settings, see: impl FnMut(&Look) -> Foresight + Send + 'static) -> Self {
        let (looks, asked) = sync_channel(1);
        let (publish, seen) = watch::channel(Arc::default());
        let started = std::thread::Builder::new().name("outlook".into()).spawn(move || {
            // Whatever went wrong there was with a copy: no call is touched by it.
            if catch_unwind(AssertUnwindSafe(|| work(&asked, &publish, see))).is_err() {
                tracing::error!("looking ahead has failed: expected waits come by the formula from now on");
            }
        });
        if let Err(error) = &started {
            tracing::error!(%error, "no thread to look ahead with: expected waits come by the formula");
        }
        Self {
            ringing: Ringing::default(),
            looks,
            seen,
            called_for: rollout::is_called_for(settings),
            busy: false,
            gone: started.is_err(),
            next: Monotonic::default(),
            asked_at: Monotonic::default(),
            forgotten: Monotonic::default(),
        }
    }

    /// Other rules from now on.
    pub(super) fn follow(&mut self, settings: &Settings) {
        self.called_for = rollout::is_called_for(settings);
    }

    /// Folds one fact.
    pub(super) fn observe(&mut self, stamped: &Stamped) {
        self.ringing.observe(stamped);
    }

    /// What was last seen, unless it is too old to be told, or there has been nobody to look for since.
    pub(super) fn seen(&mut self, now: Monotonic) -> Arc<Foresight> {
        match self.seen.has_changed() {
            Ok(true) => {
                self.busy = false;
                let took = now.since(self.asked_at);
                self.next = self.next.max(now + took * LOOK_SHARE);
            }
            Ok(false) => {}
            Err(_) => self.gone = true,
        }
        let seen = Arc::clone(&self.seen.borrow_and_update());
        let told = self.called_for && seen.at > self.forgotten && now.since(seen.at) <= VALID;
        if told { seen } else { Arc::default() }
    }

    /// Hands over a copy, if it is time, if there is somebody to look for, and if the thread has nothing to do.
    /// `clock` tells how long the copy took.
    pub(super) fn look(
        &mut self,
        engine: &Engine,
        snapshot: &Snapshot,
        estimator: &Estimator,
        clock: impl Fn() -> Monotonic,
    ) {
        let now = snapshot.at;
        if snapshot.calls.is_empty() {
            // Agents are free again at once: the formula sees that.
            self.forgotten = now.mono;
            return;
        }
        if !self.called_for || self.busy || self.gone || now.mono < self.next {
            return;
        }
        self.next = now.mono + EVERY;
        let rules = engine.settings();
        if snapshot.calls.len() > CALLS_MAX
            || rules.agents.len() > AGENTS_MAX
            || rules.numbers.len() > NUMBERS_MAX
        {
            return;
        }
        let began = clock();
        let model = Model::measured(estimator, rules, now.mono);
        let calls = waiting(snapshot, &model);
        let joins = crowded(snapshot, &model, rules);
        if calls.is_empty() && joins.is_empty() {
            self.forgotten = now.mono;
            return;
        }
        let ringing = self.ringing.clone();
        let look = Look { engine: engine.clone(), now, ringing, model, calls, joins };
        self.busy = self.looks.try_send(look).is_ok();
        self.gone = !self.busy;
        self.asked_at = clock();
        self.next = self.next.max(now.mono + self.asked_at.since(began) * COPY_SHARE);
    }
}

/// Who waits in queues of which enough is known, those who joined first.
fn waiting(snapshot: &Snapshot, model: &Model) -> Vec<CallId> {
    let waits = snapshot.calls.iter().filter(|view| match view.stage {
        CallStage::Waiting | CallStage::Offered => model.has_ground(view.queue),
        CallStage::Talking | CallStage::Transferring | CallStage::Leaving => false,
    });
    // Identities grow with time.
    waits.map(|view| view.call).take(ASKED_MAX).collect()
}

/// Queues of which enough is known and where nobody is free; with the number most calls come by.
fn crowded(snapshot: &Snapshot, model: &Model, rules: &Settings) -> Vec<(QueueId, String)> {
    let busy = snapshot.queues.iter().filter(|view| {
        let free = view.agents.get(AgentState::Ready as usize).is_some_and(|ready| *ready > 0);
        view.open && (view.waiting > 0 || !free) && model.has_ground(view.queue)
    });
    busy.filter_map(|view| Some((view.queue, model.busiest_number(rules, view.queue)?.to_owned()))).collect()
}

/// Works through what is handed over, until the loop is gone.
fn work(
    asked: &Receiver<Look>,
    publish: &watch::Sender<Arc<Foresight>>,
    mut see: impl FnMut(&Look) -> Foresight,
) {
    while let Ok(look) = asked.recv() {
        publish.send_replace(Arc::new(see(&look)));
    }
}

fn foresee(look: &Look) -> Foresight {
    let Look { engine, now, ringing, model, calls, joins } = look;
    let present = Present { engine, now: *now, ringing };
    let bounds = Bounds::default();
    // Chance that nobody can foretell is not needed here; another moment has other futures.
    let seed = now.mono.0;
    let waits = rollout::look_ahead(present, model, calls, &bounds, seed);
    let joins = joins.iter().map(|(queue, dialled)| {
        (*queue, rollout::joining(present, model, dialled, &bounds, seed).map(estimate))
    });
    Foresight {
        at: now.mono,
        calls: calls.iter().copied().zip(waits.into_iter().map(|wait| wait.map(estimate))).collect(),
        queues: joins.collect(),
    }
}

fn estimate(outlook: Outlook) -> Estimate {
    Estimate { mean: outlook.p50, p50: outlook.p50, p90: outlook.p90, by: Basis::Rollout }
}

#[cfg(test)]
mod tests;
