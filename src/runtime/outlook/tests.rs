//! Handing over: only where it is called for, never more than the thread can take; and what comes back is told while it
//! holds.

use super::*;
use crate::engine::command::Commands;
use crate::engine::event::{Caller, Event};
use crate::engine::fact::Fact;
use crate::engine::id::{AgentId, LegId, OfferId};
use crate::engine::settings::{Agent, Login, Number, Queue};
use crate::engine::skill::Requirement;
use crate::engine::time::Wall;
use std::sync::mpsc::channel;

const SECOND: Duration = Duration::from_secs(1);
const SALES: QueueId = QueueId(0);

fn rules(queues_of_each: &[u32]) -> Settings {
    let number = Number {
        dialled: "1".into(),
        queue: SALES,
        priority: Duration::ZERO,
        requirement: Requirement::ANYBODY,
        language: None,
        relaxation: Vec::new(),
        direct: None,
    };
    let agent = Agent {
        queues: queues_of_each.iter().map(|at| QueueId(*at)).collect(),
        login: Login::Automatic,
        ..Agent::default()
    };
    let queue = Queue { wrap_up: SECOND, ring_timeout: SECOND * 60, ..Queue::default() };
    Settings {
        queues: vec![queue.clone(), queue],
        numbers: vec![number],
        agents: vec![agent],
        ..Settings::default()
    }
}

/// One agent of two queues, and calls to one of them.
struct Floor {
    engine: Engine,
    estimator: Estimator,
    now: Now,
    calls: u64,
    offer: Option<OfferId>,
}

impl Floor {
    fn new() -> Self {
        let rules = rules(&[0, 1]);
        let estimator = Estimator::new(&rules);
        let now = Now { mono: Monotonic(1_000_000), wall: Wall(0) };
        let mut floor = Self { engine: Engine::new(rules, 1, 1), estimator, now, calls: 0, offer: None };
        floor.tell(Event::AgentReachable { agent: AgentId(0), reachable: true });
        floor
    }

    /// Enough calls are over that something is known of them.
    fn with_ground() -> Self {
        let mut floor = Self::new();
        for _ in 0..12 {
            let call = floor.answered();
            floor.pass(60);
            floor.tell(Event::LegEnded { leg: LegId::Caller(call) });
            floor.pass(1);
            floor.tell(Event::Tick);
        }
        floor
    }

    /// With one who talks and one who waits.
    fn busy() -> (Self, CallId) {
        let mut floor = Self::with_ground();
        floor.answered();
        let waits = floor.call();
        (floor, waits)
    }

    fn pass(&mut self, seconds: u32) {
        self.now.mono = self.now.mono + SECOND * seconds;
    }

    fn tell(&mut self, event: Event) {
        let mut out = Commands::new();
        self.engine.handle(self.now, event, &mut out);
        for stamped in out.take_facts() {
            self.estimator.observe(&stamped);
            if let Fact::OfferMade { offer, .. } = stamped.fact {
                self.offer = Some(offer);
            }
        }
        drop(out.take_commands());
    }

    fn call(&mut self) -> CallId {
        self.calls += 1;
        let (call, dialled, caller) = (CallId(self.calls), "1".into(), Caller::default());
        self.tell(Event::CallArrived {
            call,
            dialled,
            caller,
            agent: None,
            sip_call_id: String::new(),
            wishes: None,
        });
        call
    }

    fn answered(&mut self) -> CallId {
        let call = self.call();
        self.pass(4);
        let offer = self.offer.take().unwrap();
        self.tell(Event::OfferAnswered { offer });
        call
    }

    fn look(&self, lookout: &mut Lookout) {
        self.look_at(lookout, &self.engine.snapshot(self.now));
    }

    fn look_at(&self, lookout: &mut Lookout, snapshot: &Snapshot) {
        lookout.look(&self.engine, snapshot, &self.estimator, || self.now.mono);
    }
}

/// What the thread would say that has seen nobody.
fn nobody(look: &Look) -> Foresight {
    Foresight { at: look.now.mono, ..Foresight::default() }
}

#[test]
fn agents_of_one_queue_call_for_no_look_and_agents_of_two_do() {
    assert!(!rollout::is_called_for(&rules(&[1])));
    assert!(rollout::is_called_for(&rules(&[0, 1])));
}

#[tokio::test]
async fn what_was_seen_is_told_of_caller_and_queue_until_it_is_too_old() {
    let (floor, waits) = Floor::busy();
    let mut lookout = Lookout::start(floor.engine.settings());
    let mut published = lookout.seen.clone();
    floor.look(&mut lookout);
    published.changed().await.unwrap();
    let seen = lookout.seen(floor.now.mono);
    let told = seen.calls[&waits].unwrap();
    // What is left of a conversation of 60 s on average, its wrap-up and the ring.
    assert!((SECOND * 20..SECOND * 120).contains(&told.p50) && told.p50 < told.p90, "{told:?}");
    assert_eq!(told.by, Basis::Rollout);
    assert!(seen.queues[&SALES].unwrap().p50 > told.p50, "who joins comes behind him");
    assert_eq!(lookout.seen(floor.now.mono + VALID), seen);
    assert_eq!(*lookout.seen(floor.now.mono + VALID + SECOND), Foresight::default());
}

#[tokio::test]
async fn what_was_seen_is_not_told_any_more_once_everybody_has_gone() {
    let (mut floor, waits) = Floor::busy();
    let mut lookout = Lookout::start(floor.engine.settings());
    let mut published = lookout.seen.clone();
    floor.look(&mut lookout);
    published.changed().await.unwrap();
    assert!(lookout.seen(floor.now.mono).queues.contains_key(&SALES));
    for call in [waits, CallId(waits.0 - 1)] {
        floor.tell(Event::LegEnded { leg: LegId::Caller(call) });
    }
    floor.pass(1);
    floor.look(&mut lookout);
    assert_eq!(*lookout.seen(floor.now.mono), Foresight::default());
}

#[tokio::test]
async fn while_the_thread_looks_nothing_more_is_handed_over() {
    let (mut floor, _) = Floor::busy();
    let (has_begun, begun) = channel();
    let (go_on, may_go_on) = channel::<()>();
    let mut lookout = Lookout::with(floor.engine.settings(), move |look| {
        has_begun.send(look.now.mono).unwrap();
        may_go_on.recv().unwrap();
        nobody(look)
    });
    let mut published = lookout.seen.clone();
    let first = floor.now.mono;
    floor.look(&mut lookout);
    assert_eq!(begun.recv().unwrap(), first);
    floor.pass(60);
    floor.look(&mut lookout);
    go_on.send(()).unwrap();
    published.changed().await.unwrap();
    assert_eq!(lookout.seen(floor.now.mono).calls.len(), 0);
    // It took a minute: it may rest for ten.
    floor.pass(599);
    floor.look(&mut lookout);
    floor.pass(1);
    floor.look(&mut lookout);
    assert_eq!(begun.recv().unwrap(), floor.now.mono, "neither the second nor the third was kept for later");
    go_on.send(()).unwrap();
}

#[test]
fn a_floor_too_large_to_be_copied_is_not_handed_over() {
    let (floor, _) = Floor::busy();
    let mut crowd = floor.engine.snapshot(floor.now);
    let one = crowd.calls.last().unwrap().clone();
    crowd.calls.resize(CALLS_MAX + 1, one);
    let mut lookout = Lookout::with(floor.engine.settings(), nobody);
    floor.look_at(&mut lookout, &crowd);
    assert!(!lookout.busy && !lookout.gone);
    crowd.calls.truncate(CALLS_MAX);
    let (asks_about, asked_about) = channel();
    let mut lookout = Lookout::with(floor.engine.settings(), move |look| {
        asks_about.send(look.calls.len()).unwrap();
        nobody(look)
    });
    floor.look_at(&mut lookout, &crowd);
    assert_eq!(
        asked_about.recv().unwrap(),
        ASKED_MAX,
        "as many as may be are, the first of them asked about"
    );
}

#[test]
fn where_too_few_calls_were_handled_there_is_nothing_to_look_by() {
    let mut floor = Floor::new();
    floor.answered();
    floor.call();
    let mut lookout = Lookout::with(floor.engine.settings(), nobody);
    floor.look(&mut lookout);
    assert!(!lookout.busy && !lookout.gone);
}

#[tokio::test]
async fn a_panic_in_the_thread_ends_looking_ahead_and_nothing_else() {
    let (mut floor, waits) = Floor::busy();
    let mut lookout = Lookout::with(floor.engine.settings(), |_| panic!("a copy that breaks"));
    let mut published = lookout.seen.clone();
    floor.look(&mut lookout);
    assert!(published.changed().await.is_err(), "the thread has ended");
    floor.pass(60);
    floor.estimator.foresee(lookout.seen(floor.now.mono));
    floor.look(&mut lookout);
    assert!(lookout.gone);
    let told = floor.estimator.expected().of_call(waits, SALES, floor.now.mono, SECOND * 60, 0).unwrap();
    assert_eq!(told.by, Basis::Formula);
}
