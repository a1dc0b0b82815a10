//! Each rule is broken once on purpose, and must be seen.

use super::*;
use crate::engine::command::RefusedBecause;
use crate::engine::event::Caller;
use crate::engine::explain::OfferedBecause;
use crate::engine::fact::{EndedBy, OfferOutcome};
use crate::engine::settings::{Number, Queue};
use crate::engine::strategy::StrategyName;
use crate::engine::time::{Now, Wall};

const BY_STRATEGY: OfferedBecause =
    OfferedBecause::Strategy { strategy: StrategyName::LongestIdle, level: 0, secondary: false };

/// One queue with one number, and three agents of whom the third serves nothing.
fn ledger() -> Ledger {
    let agent = |queues| Agent { queues, login: Login::Automatic, ..Agent::default() };
    let own = vec![QueueId(0)];
    let settings = Settings {
        queues: vec![Queue::default()],
        numbers: vec![Number { dialled: "100".into(), ..Number::default() }],
        agents: vec![agent(own.clone()), agent(own), agent(Vec::new())],
        ..Settings::default()
    };
    Ledger::new(&settings, Duration::ZERO)
}

fn at(seconds: u64) -> Monotonic {
    Monotonic(seconds * 1_000_000)
}

/// What is found wrong when these facts come at these seconds.
fn found(facts: Vec<(u64, Fact)>) -> Option<String> {
    let mut ledger = ledger();
    let mut last = 0;
    for (seconds, fact) in facts {
        last = seconds;
        let stamped = Stamped { at: Now { mono: at(seconds), wall: Wall(0) }, fact };
        if let Err(broken) = ledger.observe(&stamped) {
            return Some(broken.to_string());
        }
    }
    ledger.between_events(at(last)).err().map(|broken| broken.to_string())
}

fn queued(call: u64, waiting: usize) -> Fact {
    Fact::CallQueued {
        call: CallId(call),
        queue: QueueId(0),
        dialled: "100".into(),
        caller: Caller::default(),
        sip_call_id: String::new(),
        language: "en".into(),
        priority: Duration::ZERO,
        waiting,
        entered: Entered::Arrived,
    }
}

fn offered(offer: u64, call: u64, agent: u32) -> Fact {
    Fact::OfferMade {
        offer: OfferId(offer),
        call: CallId(call),
        queue: QueueId(0),
        agent: AgentId(agent),
        because: BY_STRATEGY,
    }
}

fn offer_ended(offer: u64, call: u64, agent: u32, outcome: OfferOutcome, ring: u64) -> Fact {
    let (offer, call, agent) = (OfferId(offer), CallId(call), AgentId(agent));
    Fact::OfferEnded { offer, call, queue: QueueId(0), agent, outcome, ring: Duration::from_secs(ring) }
}

fn left(call: u64, wait: u64, waiting: usize) -> Fact {
    Fact::CallLeftQueue {
        call: CallId(call),
        queue: QueueId(0),
        outcome: Outcome::Abandoned,
        wait: Duration::from_secs(wait),
        answered_in_threshold: false,
        agent: None,
        to: None,
        waiting,
    }
}

fn ended(call: u64) -> Fact {
    let (talk, hold) = (Duration::ZERO, Duration::ZERO);
    Fact::CallEnded { call: CallId(call), queue: QueueId(0), ended_by: EndedBy::Caller, talk, hold }
}

fn ready(agent: u32, after: u64) -> Fact {
    Fact::AgentStateChanged {
        agent: AgentId(agent),
        from: AgentState::Unreachable,
        to: AgentState::Ready,
        lasted: Duration::from_secs(after),
        reason: None,
    }
}

fn says(facts: Vec<(u64, Fact)>, wanted: &str) {
    let found = found(facts).unwrap_or_default();
    assert!(found.contains(wanted), "{found:?} does not say {wanted:?}");
}

#[test]
fn an_ordinary_call_breaks_nothing() {
    let facts = vec![
        (1, queued(1, 1)),
        (1, offered(1, 1, 0)),
        (5, offer_ended(1, 1, 0, OfferOutcome::Declined, 4)),
        (5, offered(2, 1, 1)),
        (7, offer_ended(2, 1, 1, OfferOutcome::CallerGone, 2)),
        (7, left(1, 6, 0)),
        (7, ended(1)),
    ];
    assert_eq!(found(facts), None);
}

#[test]
fn a_call_leaves_and_ends_once() {
    says(vec![(1, queued(1, 1)), (2, left(1, 1, 0)), (2, left(1, 1, 0))], "left its queue twice");
    says(vec![(1, queued(1, 1)), (2, left(1, 1, 0)), (2, ended(1)), (2, ended(1))], "ended twice");
    says(vec![(1, queued(1, 1)), (2, ended(1))], "before it left");
    says(vec![(1, queued(1, 1)), (2, queued(1, 2))], "joined a queue twice");
    let refused = Fact::CallRefused { call: CallId(1), because: RefusedBecause::Overload };
    says(vec![(1, queued(1, 1)), (2, refused)], "refused after it was taken");
}

#[test]
fn an_offer_ends_once_and_in_time() {
    let twice = offer_ended(1, 1, 0, OfferOutcome::Busy, 1);
    says(vec![(1, queued(1, 1)), (1, offered(1, 1, 0)), (2, twice.clone()), (2, twice)], "ended twice");
    says(vec![(1, queued(1, 1)), (1, offered(1, 1, 0)), (22, ready(1, 22))], "was due to end");
}

#[test]
fn nobody_is_offered_two_calls_at_once() {
    let facts = vec![(1, queued(1, 1)), (1, offered(1, 1, 0)), (2, queued(2, 2)), (2, offered(2, 2, 0))];
    says(facts, "agent 0 is offered call 2 though he is offered or in another");
}

#[test]
fn nobody_of_the_same_kind_is_overtaken() {
    let facts = vec![(1, queued(1, 1)), (2, queued(2, 2)), (3, offered(1, 2, 0))];
    says(facts, "call 2 is offered to agent 0 before call 1");
}

#[test]
fn nobody_is_offered_a_call_he_does_not_qualify_for() {
    says(vec![(1, queued(1, 1)), (1, offered(1, 1, 2))], "does not qualify");
}

#[test]
fn nobody_stands_idle_while_a_call_waits_that_he_may_take() {
    says(vec![(1, ready(1, 1)), (2, queued(1, 1))], "agent 1 is ready though call 1 waits");
    assert_eq!(found(vec![(1, ready(2, 1)), (2, queued(1, 1))]), None, "he serves another queue");
}

#[test]
fn counts_waits_and_states_agree_with_the_clock() {
    says(vec![(1, queued(1, 2))], "the fact says 2 wait in queue 0, a recount says 1");
    says(vec![(1, queued(1, 1)), (9, left(1, 7, 0))], "another time than the clock says");
    says(vec![(5, ready(0, 4))], "is said to leave Unreachable after 4s, but was Unreachable for 5s");
}

#[test]
fn what_is_not_over_at_the_end_is_told() {
    let mut ledger = ledger();
    let stamped = Stamped { at: Now { mono: at(1), wall: Wall(0) }, fact: queued(1, 1) };
    ledger.observe(&stamped).unwrap();
    let broken = ledger.at_the_end(Duration::from_secs(60)).unwrap_err().to_string();
    assert!(broken.starts_with("1 calls and 0 offers are not over"), "{broken}");
    ledger.asked(RequestId(4));
    assert!(ledger.at_the_end(Duration::ZERO).is_err());
    assert_eq!(
        ledger.replied(RequestId(5)),
        Err(Broken::Request(RequestId(5), "answered twice, or never asked"))
    );
}
