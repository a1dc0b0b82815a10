//! One way it may go on: a copy of the engine with callers and agents drawn from a model. It also plays a whole day from
//! an empty engine, for tests and claims.

use super::model::Model;
use super::{Bounds, Present};
use crate::engine::Engine;
use crate::engine::command::Commands;
use crate::engine::event::{Caller, Event};
use crate::engine::fact::{Entered, Fact, Outcome, Stamped};
use crate::engine::id::{CallId, LegId, OfferId, QueueId};
use crate::engine::settings::Destination;
use crate::engine::snapshot::{CallStage, CallView};
use crate::engine::time::{Monotonic, Now, Wall};
use crate::simulate::law::{Law, span};
use crate::simulate::rng::Rng;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

/// Calls of the future are numbered from here: behind every live one.
pub(super) const FIRST_CALL: u64 = 1 << 63;

/// What will happen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Happening {
    Arrives(usize),
    GivesUp(CallId),
    Answers(OfferId),
    Finishes(CallId),
}

/// What became of a call that is asked about; times from the present on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Became {
    /// Answered after this.
    Answered(Duration),
    /// Its caller gave up after this: it would have waited longer.
    GaveUp(Duration),
    /// It was sent away: it would have waited for ever.
    SentAway,
}

/// The copy, and what is ahead of it.
pub(super) struct Future<'m> {
    pub engine: Engine,
    pub now: Now,
    model: &'m Model,
    /// Calls whose callers stay, ascending.
    stay: &'m [CallId],
    began: Monotonic,
    rng: Rng,
    agenda: BinaryHeap<Reverse<(Monotonic, u64, Happening)>>,
    put_down: u64,
    next_call: u64,
    /// Who waits, and in which queue.
    waiting: BTreeMap<CallId, QueueId>,
    /// What became of the calls that are asked about, and when.
    became: BTreeMap<CallId, Became>,
    /// Calls that are asked about, ascending.
    asked: &'m [CallId],
    open: usize,
    out: Commands,
}

impl<'m> Future<'m> {
    /// A future of the present. `views` are the present's calls; those asked about, and of these
    /// the callers of `stay`, who do not give up, ascending.
    pub(super) fn of(
        present: Present<'_>,
        views: &[CallView],
        model: &'m Model,
        asked: &'m [CallId],
        stay: &'m [CallId],
        rng: Rng,
    ) -> Self {
        let mut future = Self::empty(present.engine.clone(), present.now, model, stay, rng);
        (future.asked, future.open) = (asked, asked.len());
        future.next_call = FIRST_CALL;
        for view in views {
            match view.stage {
                CallStage::Waiting | CallStage::Offered => future.waits(view.call, view.queue),
                CallStage::Talking => future.talks(view.call, view.queue),
                CallStage::Transferring | CallStage::Leaving => {}
            }
        }
        for (offer, queue) in present.ringing.iter() {
            future.rings(offer, queue);
        }
        future
    }

    /// Nobody calls yet. Calls are numbered from 1.
    pub(super) fn empty(engine: Engine, now: Now, model: &'m Model, stay: &'m [CallId], rng: Rng) -> Self {
        let mut future = Self {
            engine,
            now,
            model,
            stay,
            began: now.mono,
            rng,
            agenda: BinaryHeap::new(),
            put_down: 0,
            next_call: 0,
            waiting: BTreeMap::new(),
            became: BTreeMap::new(),
            asked: stay,
            open: stay.len(),
            out: Commands::new(),
        };
        for number in 0..model.numbers.len() {
            future.next_arrival(number);
        }
        future
    }

    /// Somebody calls this number at the very beginning.
    pub(super) fn joins(&mut self, call: CallId, dialled: &str) {
        self.tell(arrival(call, dialled), &mut |_| {});
    }

    /// Goes on until every call that is asked about waits no more, or the bounds are reached; what became of each by then.
    pub(super) fn run(&mut self, bounds: &Bounds) -> &BTreeMap<CallId, Became> {
        let end = self.began + bounds.horizon;
        let mut events = 0;
        while self.open > 0 && events < bounds.events_max && self.step(end, &mut |_| {}) {
            events += 1;
        }
        &self.became
    }

    /// The next thing that happens, unless it lies behind `end`.
    pub(super) fn step(&mut self, end: Monotonic, sink: &mut impl FnMut(&Stamped)) -> bool {
        let next = self.agenda.peek().map(|Reverse((at, _, _))| *at);
        let tick = self.engine.next_deadline();
        let is_tick = match (tick, next) {
            (Some(tick), Some(next)) => tick <= next,
            (tick, _) => tick.is_some(),
        };
        let Some(at) = (if is_tick { tick } else { next }).filter(|at| *at <= end) else { return false };
        self.pass(at);
        let event = if is_tick {
            Some(Event::Tick)
        } else {
            self.agenda.pop().and_then(|Reverse((_, _, what))| self.happen(what))
        };
        if let Some(event) = event {
            self.tell(event, sink);
        }
        true
    }

    /// When the next thing happens.
    pub(super) fn next_at(&self) -> Option<Monotonic> {
        let next = self.agenda.peek().map(|Reverse((at, _, _))| *at);
        [next, self.engine.next_deadline()].into_iter().flatten().min()
    }

    pub(super) fn tell(&mut self, event: Event, sink: &mut impl FnMut(&Stamped)) {
        let mut out = std::mem::take(&mut self.out);
        self.engine.handle(self.now, event, &mut out);
        for stamped in out.take_facts() {
            self.learn(&stamped);
            sink(&stamped);
        }
        // All that matters here is in the facts. Who hears a last prompt is let go by the engine's own patience with it.
        drop(out.take_commands());
        self.out = out;
    }

    fn pass(&mut self, at: Monotonic) {
        let at = at.max(self.now.mono);
        let millis = i64::try_from(at.since(self.began).as_millis()).unwrap_or(i64::MAX);
        let before = i64::try_from(self.now.mono.since(self.began).as_millis()).unwrap_or(i64::MAX);
        self.now = Now { mono: at, wall: Wall(self.now.wall.0.saturating_add(millis - before)) };
    }

    fn happen(&mut self, what: Happening) -> Option<Event> {
        match what {
            Happening::Arrives(number) => self.arrives(number),
            Happening::GivesUp(call) => {
                self.waiting.contains_key(&call).then_some(Event::LegEnded { leg: LegId::Caller(call) })
            }
            Happening::Answers(offer) => Some(Event::OfferAnswered { offer }),
            Happening::Finishes(call) => Some(Event::LegEnded { leg: LegId::Caller(call) }),
        }
    }

    fn arrives(&mut self, number: usize) -> Option<Event> {
        self.next_arrival(number);
        let (dialled, _) = self.model.numbers.get(number)?;
        self.next_call += 1;
        Some(arrival(CallId(self.next_call), dialled))
    }

    fn next_arrival(&mut self, number: usize) {
        let Some((_, per_s)) = self.model.numbers.get(number) else { return };
        if *per_s > 0.0 {
            let after = span(self.rng.exponential() / per_s);
            self.put(after, Happening::Arrives(number));
        }
    }

    fn learn(&mut self, stamped: &Stamped) {
        match &stamped.fact {
            Fact::CallQueued { call, queue, entered, .. } => match entered {
                Entered::Arrived | Entered::Resumed => self.waits(*call, *queue),
                // He has his patience already.
                Entered::Overflowed(_) | Entered::Moved(_) | Entered::Returned | Entered::Transferred(_) => {
                    self.waiting.insert(*call, *queue);
                }
            },
            Fact::OfferMade { offer, queue, .. } => self.rings(*offer, *queue),
            Fact::CallLeftQueue { call, queue, outcome, to, .. } => {
                self.waiting.remove(call);
                self.left(*call, *outcome, to.as_ref());
                if *outcome == Outcome::Answered {
                    self.talks(*call, *queue);
                }
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
            | Fact::OfferEnded { .. }
            | Fact::CallEnded { .. }
            | Fact::AgentStateChanged { .. }
            | Fact::WrapUpEnded { .. }
            | Fact::InTalk { .. } => {}
        }
    }

    fn left(&mut self, call: CallId, outcome: Outcome, to: Option<&Destination>) {
        if self.asked.binary_search(&call).is_err() {
            return;
        }
        let after = self.now.mono.since(self.began);
        let became = match (outcome, to) {
            (Outcome::Answered, _) => Became::Answered(after),
            (Outcome::Abandoned | Outcome::ShortAbandon, _) => Became::GaveUp(after),
            // He goes on waiting there.
            (_, Some(Destination::Queue(_))) => return,
            (_, Some(Destination::Number(_) | Destination::Message(_)) | None) => Became::SentAway,
        };
        if self.became.insert(call, became).is_none() {
            self.open = self.open.saturating_sub(1);
        }
    }

    fn waits(&mut self, call: CallId, queue: QueueId) {
        self.waiting.insert(call, queue);
        if self.stay.binary_search(&call).is_err() {
            self.later(queue, |model| model.patience, Happening::GivesUp(call));
        }
    }

    fn rings(&mut self, offer: OfferId, queue: QueueId) {
        self.later(queue, |model| model.ring, Happening::Answers(offer));
    }

    fn talks(&mut self, call: CallId, queue: QueueId) {
        self.later(queue, |model| model.talk, Happening::Finishes(call));
    }

    /// Puts down what a law of the queue says. Without a law it does not happen.
    fn later(&mut self, queue: QueueId, law: fn(&super::QueueModel) -> Law, what: Happening) {
        let law = self.model.queue(queue).map_or(Law::Never, |model| law(&model));
        if let Some(after) = law.draw(&mut self.rng) {
            self.put(after, what);
        }
    }

    fn put(&mut self, after: Duration, what: Happening) {
        self.put_down += 1;
        self.agenda.push(Reverse((self.now.mono + after, self.put_down, what)));
    }
}

fn arrival(call: CallId, dialled: &str) -> Event {
    Event::CallArrived {
        call,
        dialled: dialled.to_owned(),
        caller: Caller::default(),
        agent: None,
        sip_call_id: String::new(),
        wishes: None,
    }
}
