//! The formulas against sums and tables, and the fold against days made of facts.

use super::*;
use crate::engine::event::Caller;
use crate::engine::explain::OfferedBecause;
use crate::engine::fact::{AgentState, EndedBy, Entered, Fact, OfferOutcome, Outcome, Stamped};
use crate::engine::id::{AgentId, CallId, OfferId, QueueId};
use crate::engine::settings::{Agent, Queue, Settings};
use crate::engine::time::Now;
use std::f64::consts::{LN_2, LN_10};

const SALES: QueueId = QueueId(0);
const BILLING: QueueId = QueueId(1);

fn close(found: f64, expected: f64, relative: f64) -> bool {
    (found - expected).abs() <= relative * expected.abs()
}

#[test]
fn nobody_who_gives_up_makes_qlm_into_ql() {
    let spread = ql(9, 0.5);
    assert!(close(spread.mean_s, 20.0, 1e-12) && close(spread.variance_s2, 40.0, 1e-12), "{spread:?}");
}

#[test]
fn long_lines_are_summed_as_exactly_as_short_ones() {
    for (ahead, service_per_s, patience_per_s) in [
        (0, 1.0, 0.1),
        (64, 1.0, 0.1),
        (65, 0.1, 0.01),
        (5_000, 0.05, 0.02),
        (100_000, 10.0, 0.005),
        (9_999, 2.0, 0.0),
    ] {
        let (mut mean, mut variance) = (0.0, 0.0);
        for i in 0..=ahead {
            let stage = 1.0 / (service_per_s + f64::from(i) * patience_per_s);
            mean += stage;
            variance += stage * stage;
        }
        let spread = qlm(ahead as usize, Rates { service_per_s, patience_per_s });
        assert!(close(spread.mean_s, mean, 1e-8), "{ahead}: {spread:?} is not {mean}");
        assert!(close(spread.variance_s2, variance, 1e-7), "{ahead}: {spread:?} is not {variance}");
    }
}

#[test]
fn quantiles_are_those_of_the_gamma_tables() {
    // Shape, median and 90th percentile at scale 1 (half the χ² quantiles of 2·shape degrees of freedom).
    for (shape, p50, p90, relative) in [
        (1.0, LN_2, LN_10, 0.015),
        (2.0, 1.678_347, 3.889_720, 0.005),
        (5.0, 4.670_909, 7.993_590, 0.002),
        (10.0, 9.668_715, 14.205_990, 0.001),
        (50.0, 49.667_05, 59.249_04, 0.001),
    ] {
        let spread = Spread { mean_s: shape, variance_s2: shape };
        assert!(close(spread.quantile_s(Z50), p50, relative), "{shape}: {}", spread.quantile_s(Z50));
        assert!(close(spread.quantile_s(Z90), p90, relative), "{shape}: {}", spread.quantile_s(Z90));
    }
}

#[test]
fn a_wait_that_is_certain_or_endless_is_told_without_a_panic() {
    assert_eq!(Spread::default().estimate().p90, Duration::ZERO);
    assert_eq!(Spread { mean_s: 5.0, variance_s2: 0.0 }.estimate().p90, Duration::from_secs(5));
    assert_eq!(ql(10, 0.0).estimate().mean, Duration::MAX);
}

#[test]
fn asterisk_s_hold_time_moves_by_a_quarter_towards_each_answered_wait() {
    let mut hold = rivals::AsteriskHold::default();
    [40.0, 40.0].into_iter().for_each(|wait| hold.answered(wait));
    assert!(close(hold.told_s(), 17.5, 1e-12));
    let mut last = rivals::LastToEnter::default();
    [40.0, 7.0].into_iter().for_each(|wait| last.answered(wait));
    assert!(close(last.told_s(), 7.0, 1e-12));
    assert!(close(rivals::head_of_line_s(100.0, Some(91.0)), 9.0, 1e-12));
    assert_eq!(rivals::head_of_line_s(100.0, None), 0.0);
}

/// An estimator of two queues, told facts one by one.
struct Day {
    estimator: Estimator,
    calls: u64,
}

impl Day {
    /// Sales is served by agents 0 and 1, billing by agents 1 and 2.
    fn new() -> Self {
        Self { estimator: Estimator::new(&Self::rules([&[SALES], &[SALES, BILLING], &[BILLING]])), calls: 0 }
    }

    fn rules(serves: [&[QueueId]; 3]) -> Settings {
        let agent = |queues: &[QueueId]| Agent { queues: queues.to_vec(), ..Agent::default() };
        Settings {
            queues: vec![Queue::default(), Queue::default()],
            agents: serves.map(agent).to_vec(),
            ..Settings::default()
        }
    }

    fn tell(&mut self, fact: Fact) -> Option<Judged> {
        self.estimator.observe(&Stamped { at: Now::default(), fact })
    }

    fn agent(&mut self, agent: u32, to: AgentState) {
        let (from, lasted) = (AgentState::LoggedOut, Duration::ZERO);
        self.tell(Fact::AgentStateChanged { agent: AgentId(agent), from, to, lasted, reason: None });
    }

    fn queued(&mut self, queue: QueueId, waiting: usize) -> CallId {
        self.calls += 1;
        let call = CallId(self.calls);
        self.tell(Fact::CallQueued {
            call,
            queue,
            dialled: String::new(),
            caller: Caller::default(),
            sip_call_id: String::new(),
            language: String::new(),
            priority: Duration::ZERO,
            waiting,
            entered: Entered::Arrived,
        });
        call
    }

    fn offer(&mut self, call: CallId, queue: QueueId) {
        let because = OfferedBecause::LastAgent;
        self.tell(Fact::OfferMade { offer: OfferId(call.0), call, queue, agent: AgentId(0), because });
    }

    fn left(&mut self, call: CallId, queue: QueueId, outcome: Outcome, wait_s: u64) -> Option<Judged> {
        let wait = Duration::from_secs(wait_s);
        let agent = (outcome == Outcome::Answered).then_some(AgentId(1));
        self.tell(Fact::CallLeftQueue {
            call,
            queue,
            outcome,
            wait,
            answered_in_threshold: false,
            agent,
            to: None,
            waiting: 0,
        })
    }

    /// Calls that wait 10 s, ring 5 s, talk for 45 s and are wrapped up in 10 s: 60 s of an agent each.
    fn handled(&mut self, queue: QueueId, calls: usize) {
        for _ in 0..calls {
            let call = self.queued(queue, 1);
            self.offer(call, queue);
            let (offer, agent, ring) = (OfferId(call.0), AgentId(1), Duration::from_secs(5));
            self.tell(Fact::OfferEnded { offer, call, queue, agent, outcome: OfferOutcome::Answered, ring });
            self.left(call, queue, Outcome::Answered, 10);
            let talk = Duration::from_secs(45);
            self.tell(Fact::CallEnded { call, queue, ended_by: EndedBy::Caller, talk, hold: Duration::ZERO });
            self.tell(Fact::WrapUpEnded { agent, queue, lasted: Duration::from_secs(10) });
        }
    }

    fn mean_s(&self, queue: QueueId, ahead: usize) -> Option<f64> {
        self.estimator.estimate(queue, ahead).map(|estimate| estimate.mean.as_secs_f64())
    }
}

#[test]
fn without_ground_nothing_is_said() {
    let mut day = Day::new();
    day.agent(0, AgentState::Talking);
    day.handled(SALES, 9);
    assert_eq!(day.mean_s(SALES, 0), None, "nine calls are too few");
    day.handled(SALES, 2);
    assert!(day.mean_s(SALES, 0).is_some());
    day.agent(0, AgentState::Paused);
    assert_eq!(day.mean_s(SALES, 0), None, "nobody works");
    assert_eq!(day.estimator.queues(), [None, None]);
    assert_eq!(day.estimator.estimate(QueueId(9), 0), None, "a queue nobody knows");
}

#[test]
fn a_call_waits_for_those_ahead_by_what_handling_takes_and_how_many_work() {
    let mut day = Day::new();
    day.agent(0, AgentState::Talking);
    day.handled(SALES, 20);
    // One agent takes 60 s for each of five calls, and is rung for 5 s at last.
    assert!(close(day.mean_s(SALES, 4).unwrap(), 305.0, 1e-6), "{:?}", day.mean_s(SALES, 4));
    let estimate = day.estimator.estimate(SALES, 4).unwrap();
    assert!(estimate.p50 < estimate.mean && estimate.mean < estimate.p90, "{estimate:?}");
}

#[test]
fn whoever_is_free_is_only_rung() {
    let mut day = Day::new();
    day.agent(0, AgentState::Ready);
    day.handled(SALES, 20);
    assert!(close(day.mean_s(SALES, 0).unwrap(), 5.0, 1e-6));
    day.agent(0, AgentState::Offered);
    assert!(close(day.mean_s(SALES, 0).unwrap(), 65.0, 1e-6));
}

#[test]
fn callers_who_give_up_shorten_the_line() {
    let mut day = Day::new();
    day.agent(0, AgentState::Talking);
    day.handled(SALES, 20);
    let patient = day.mean_s(SALES, 10).unwrap();
    for _ in 0..20 {
        let call = day.queued(SALES, 1);
        day.left(call, SALES, Outcome::Abandoned, 50);
    }
    let measured = day.estimator.measured(SALES).unwrap();
    // 20 gave up in 20·10 s + 20·50 s, the older ones weighing a little less.
    assert!(close(measured.patience_per_s, 20.0 / 1200.0, 0.03), "{measured:?}");
    assert!(day.mean_s(SALES, 10).unwrap() < 0.9 * patient);
}

#[test]
fn an_agent_of_two_queues_counts_in_each_by_his_work_for_it() {
    let mut day = Day::new();
    day.agent(1, AgentState::Talking);
    day.handled(SALES, 12);
    let after_few = day.mean_s(SALES, 0).unwrap();
    day.handled(SALES, 300);
    let after_many = day.mean_s(SALES, 0).unwrap();
    assert!(after_many < after_few, "{after_many} {after_few}");
    assert!(after_many > 65.0, "and he is never taken to have given up billing: {after_many}");
    day.agent(1, AgentState::LoggedOut);
    assert_eq!(day.mean_s(SALES, 0), None);
}

#[test]
fn other_rules_keep_what_was_measured_and_say_anew_who_works_for_what() {
    let mut day = Day::new();
    day.agent(0, AgentState::Talking);
    day.handled(SALES, 20);
    assert!(close(day.mean_s(SALES, 1).unwrap(), 125.0, 1e-6));
    day.estimator.follow(&Day::rules([&[BILLING], &[SALES], &[SALES]]));
    assert_eq!(day.mean_s(SALES, 1), None, "the one at work has gone to billing");
    day.agent(1, AgentState::Talking);
    day.agent(2, AgentState::Talking);
    assert!(close(day.mean_s(SALES, 1).unwrap(), 65.0, 1e-6));
}

#[test]
fn a_call_that_rings_an_agent_is_not_in_the_way_of_the_next() {
    let mut day = Day::new();
    day.agent(0, AgentState::Talking);
    day.handled(SALES, 20);
    let first = day.queued(SALES, 1);
    day.offer(first, SALES);
    assert!(close(day.estimator.queues()[0].unwrap().mean.as_secs_f64(), 65.0, 1e-6));
    day.left(first, SALES, Outcome::Abandoned, 3);
    assert!(close(day.estimator.queues()[0].unwrap().mean.as_secs_f64(), 65.0, 0.01), "nor when it is gone");
}

#[test]
fn what_was_said_is_judged_by_what_came() {
    let mut day = Day::new();
    day.agent(0, AgentState::Talking);
    let before = day.queued(SALES, 1);
    assert_eq!(day.left(before, SALES, Outcome::Answered, 30), None, "nothing was said");
    day.handled(SALES, 20);
    let mut judged = |outcome, wait_s| {
        let call = day.queued(SALES, 1);
        day.left(call, SALES, outcome, wait_s)
    };
    // 65 s were expected, more than 143 s in one of ten cases.
    let soon = judged(Outcome::Answered, 60).unwrap();
    assert!(soon.within_p90 && close(soon.error_s.unwrap(), -5.0, 0.1), "{soon:?}");
    let late = judged(Outcome::Answered, 400).unwrap();
    assert!(!late.within_p90 && late.error_s.unwrap() > 300.0, "{late:?}");
    assert_eq!(judged(Outcome::Abandoned, 20), None, "how long he would have waited, nobody knows");
    let gave_up = judged(Outcome::Abandoned, 400).unwrap();
    assert_eq!((gave_up.error_s, gave_up.within_p90), (None, false));
    assert_eq!(judged(Outcome::Overflow, 400), None, "it went elsewhere");
}
