//! Looks ahead that can be checked by hand, their bounds, and that they leave no trace.

use super::*;
use crate::engine::Event;
use crate::engine::command::Commands;
use crate::engine::event::Caller;
use crate::engine::id::AgentId;
use crate::engine::settings::{Agent, Login, Number, Queue, Settings};
use crate::engine::skill::Requirement;
use crate::engine::time::{Monotonic, Wall};
use crate::simulate::law::Law;
use std::f64::consts::{LN_2, LN_10};

const SECOND: Duration = Duration::from_secs(1);
const FIRST: CallId = CallId(1);
const SECOND_CALL: CallId = CallId(2);
const THIRD: CallId = CallId(3);

/// One agent, one queue, and what has happened so far.
struct Floor {
    engine: Engine,
    ringing: Ringing,
    now: Now,
}

impl Floor {
    fn new() -> Self {
        let number = Number {
            dialled: "1".into(),
            queue: QueueId(0),
            priority: Duration::ZERO,
            requirement: Requirement::ANYBODY,
            language: None,
            relaxation: Vec::new(),
            direct: None,
        };
        let agent = Agent { queues: vec![QueueId(0)], login: Login::Automatic, ..Agent::default() };
        let queue = Queue { wrap_up: SECOND * 10, ring_timeout: SECOND * 600, ..Queue::default() };
        let settings = Settings {
            queues: vec![queue],
            numbers: vec![number],
            agents: vec![agent],
            ..Settings::default()
        };
        let now = Now { mono: Monotonic(1_000_000), wall: Wall(0) };
        let mut floor = Self { engine: Engine::new(settings, 1, 1), ringing: Ringing::default(), now };
        floor.tell(Event::AgentReachable { agent: AgentId(0), reachable: true });
        floor
    }

    fn tell(&mut self, event: Event) {
        let mut out = Commands::new();
        self.engine.handle(self.now, event, &mut out);
        out.take_facts().for_each(|stamped| self.ringing.observe(&stamped));
        drop(out.take_commands());
    }

    fn call(&mut self, call: CallId) {
        self.tell(Event::CallArrived {
            call,
            dialled: "1".into(),
            caller: Caller::default(),
            agent: None,
            sip_call_id: String::new(),
            wishes: None,
        });
    }

    /// The first call talks, the others wait.
    fn busy() -> Self {
        let mut floor = Self::new();
        floor.call(FIRST);
        floor.tell(Event::OfferAnswered { offer: OfferId(1) });
        floor.call(SECOND_CALL);
        floor.call(THIRD);
        floor
    }

    fn ahead(&self, model: &Model, call: CallId, bounds: &Bounds, seed: u64) -> Option<Outlook> {
        let present = Present { engine: &self.engine, now: self.now, ringing: &self.ringing };
        look_ahead(present, model, &[call], bounds, seed)[0]
    }
}

/// Nobody else calls; nobody gives up unless the model is changed.
fn model(ring: Law, talk: Law) -> Model {
    let queue = QueueModel { ring, talk, patience: Law::Never };
    Model { numbers: vec![("1".into(), 0.0)], queues: vec![Some(queue)], elsewhere: None }
}

fn close(found: Duration, expected_s: f64, relative: f64) -> bool {
    (found.as_secs_f64() / expected_s - 1.0).abs() < relative
}

const MANY: Bounds = Bounds { futures: 4000, horizon: Duration::from_secs(36_000), events_max: 5000 };

#[test]
fn the_next_in_line_waits_for_the_rest_of_the_conversation_and_the_wrap_up() {
    let model = model(Law::Constant(Duration::ZERO), Law::Exponential(SECOND * 60));
    let outlook = Floor::busy().ahead(&model, SECOND_CALL, &MANY, 1).unwrap();
    // Quantiles of an exponential time of 60 s, and 10 s of wrap-up.
    assert!(close(outlook.p10, 10.0 + 60.0 * 0.105_361, 0.1), "{outlook:?}");
    assert!(close(outlook.p50, 10.0 + 60.0 * LN_2, 0.07), "{outlook:?}");
    assert!(close(outlook.p90, 10.0 + 60.0 * LN_10, 0.07), "{outlook:?}");
}

#[test]
fn who_comes_later_waits_for_those_ahead_too_unless_they_give_up() {
    let floor = Floor::busy();
    let mut model = model(Law::Constant(SECOND), Law::Constant(SECOND * 60));
    let certain = floor.ahead(&model, THIRD, &Bounds::default(), 1).unwrap();
    // Talk, wrap-up, ring: twice.
    assert_eq!((certain.p10, certain.p90), (SECOND * 142, SECOND * 142));
    if let Some(queue) = &mut model.queues[0] {
        queue.patience = Law::Constant(SECOND * 30);
    }
    let alone = floor.ahead(&model, THIRD, &Bounds::default(), 1).unwrap();
    assert_eq!(alone.p50, SECOND * 71, "the one ahead has gone; the one asked about stays");
}

#[test]
fn a_call_that_rings_an_agent_waits_for_his_answer() {
    let mut floor = Floor::new();
    floor.call(FIRST);
    let outlook = floor.ahead(&model(Law::Constant(SECOND * 4), Law::Never), FIRST, &Bounds::default(), 1);
    assert_eq!(outlook.unwrap().p50, SECOND * 4);
}

#[test]
fn what_is_not_answered_within_the_bounds_has_no_outlook() {
    let floor = Floor::busy();
    let quick = model(Law::Constant(Duration::ZERO), Law::Constant(SECOND * 60));
    let bounds = Bounds { horizon: SECOND * 69, ..Bounds::default() };
    assert_eq!(floor.ahead(&quick, SECOND_CALL, &bounds, 1), None);
    let bounds = Bounds { events_max: 1, ..Bounds::default() };
    assert_eq!(floor.ahead(&quick, SECOND_CALL, &bounds, 1), None);
    let nothing_known = Model { numbers: Vec::new(), queues: vec![None], elsewhere: None };
    assert_eq!(floor.ahead(&nothing_known, SECOND_CALL, &Bounds::default(), 1), None);
    assert_eq!(floor.ahead(&quick, CallId(99), &Bounds::default(), 1), None, "a call nobody knows");
}

#[test]
fn looking_ahead_leaves_no_trace_and_can_be_repeated() {
    let floor = Floor::busy();
    let before = floor.engine.clone();
    let mut model = model(Law::Exponential(SECOND * 3), Law::Exponential(SECOND * 60));
    model.numbers[0].1 = 0.05;
    let ahead = |seed| floor.ahead(&model, THIRD, &Bounds::default(), seed);
    assert_eq!(ahead(1), ahead(1));
    assert_ne!(ahead(1), ahead(2));
    assert!(floor.engine == before);
}

#[test]
fn every_figure_of_the_claim_s_world_follows_from_its_seed() {
    let figures = |seed| claims::contest(3, seed);
    assert_eq!(figures(1), figures(1));
    assert_ne!(figures(1), figures(2));
}
