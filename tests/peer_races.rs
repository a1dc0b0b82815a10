//! The races of a call with SIPp at both ends, hundreds of times each, or as often as `HOLDFAST_RACES` says: whatever
//! crosses, is lost, doubled or late, there is one outcome and one record, and no leg is left.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

mod support;

use serde_json::Value;
use std::net::UdpSocket;
use std::time::Duration;
use support::engine::Holdfast;
use support::peer::{Sipp, free_port};
use support::sipp_site::{
    hurried, no_transaction_is_left, nothing_is_left, offers, outcomes, races, ready, records, roomy, rules,
};
use support::wire::{Bad, Wire};

/// How often a race is run that takes no longer than its calls.
const CALLS: usize = 600;
/// Agents at work.
const AGENTS: usize = 60;
/// Calls that begin in a second.
const RATE: &str = "60";

/// Long enough for so many calls, at the slowest.
fn ample(calls: usize) -> Duration {
    Duration::from_secs(90 + calls as u64 / 10)
}

/// `calls` callers of one scenario meet agents of another; each end counts all of them as successes.
fn race(agent: &str, caller: &str, calls: usize) -> (Holdfast, Vec<Value>) {
    let phones = free_port();
    let count = calls.to_string();
    let mut agents = Sipp::start(agent, phones, None, &["-m", &count]);
    let engine = hurried(&rules(AGENTS, &format!("127.0.0.1:{phones}"), "answer"));
    ready(&engine, AGENTS);
    let load = ["-s", "4001", "-m", &count, "-r", RATE, "-l", &count];
    let mut callers = Sipp::start(caller, free_port(), Some(engine.sip), &load);
    assert_eq!(callers.ledger(ample(calls)), (calls as u64, 0), "callers: succeeded, failed");
    assert_eq!(agents.ledger(Duration::from_secs(60)), (calls as u64, 0), "agents: succeeded, failed");
    let records = records(&engine, calls);
    nothing_is_left(&engine);
    (engine, records)
}

#[track_caller]
fn all_answered(engine: &Holdfast, records: &[Value]) {
    let talked = |record: &Value| record["outcome"] == "answered" && record["offers"] == 1;
    assert!(records.iter().all(talked), "{records:#?}");
    assert_eq!(outcomes(engine, records), [("answered".to_owned(), records.len())].into());
    assert_eq!(offers(engine, "answered"), records.len() as f64);
}

#[test]
fn of_two_phones_that_answer_one_invite_the_first_has_the_call_and_the_second_is_hung_up() {
    let (engine, records) = race("agent_forked.xml", "caller.xml", races(CALLS));
    all_answered(&engine, &records);
    no_transaction_is_left(&engine);
}

#[test]
fn an_answer_that_comes_twice_is_acknowledged_twice_and_is_one_call() {
    let (engine, records) = race("agent_twice.xml", "caller.xml", races(CALLS));
    all_answered(&engine, &records);
}

/// The callers of a scenario, with nobody at work.
fn alone(caller: &str, calls: usize, start: fn(&str) -> Holdfast) -> Vec<Value> {
    let engine = start(&rules(1, "127.0.0.1:9", "answer").replace("automatic", "manual"));
    let count = calls.to_string();
    let load = ["-s", "4001", "-m", &count, "-r", RATE, "-l", &count];
    let mut callers = Sipp::start(caller, free_port(), Some(engine.sip), &load);
    assert_eq!(callers.ledger(ample(calls)), (calls as u64, 0), "callers: succeeded, failed");
    let records = records(&engine, calls);
    nothing_is_left(&engine);
    assert_eq!(outcomes(&engine, &records).values().sum::<usize>(), calls);
    records
}

#[test]
fn a_bye_before_the_ack_ends_the_call_once() {
    let records = alone("caller_bye_first.xml", races(CALLS), hurried);
    assert!(records.iter().all(|record| record["ended_by"] == "caller"), "{records:#?}");
}

#[test]
fn callers_whose_ack_is_always_lost_are_hung_up_after_64_t1_and_leave_nothing() {
    // Each keeps his ports all that time.
    let calls = races(300);
    assert_eq!(alone("caller_never_acks.xml", calls, roomy).len(), calls);
}

/// Every one of the first agents refuses once, and rests; those behind them answer. Whoever has been free for longest is
/// asked first: as long as one of them is left who refuses, it is he.
fn refused_with(status: &str, more: &str, outcome: &str) {
    let (first, second) = (free_port(), free_port());
    let refusals = races(50);
    // SIPp wants a number in the first line, so it cannot be one of its keys.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let scenario = folder.path().join("agent_refuses.xml");
    let text = include_str!("sip/agent_refuses.xml").replace("486 Busy Here", status);
    std::fs::write(&scenario, text.replace("X-More: none", more)).expect("a scenario");
    let scenario = scenario.to_str().expect("a path in UTF-8");
    let count = refusals.to_string();
    let mut refusers = Sipp::start(scenario, first, None, &["-m", &count]);
    let mut answerers = Sipp::start("agent.xml", second, None, &["-m", &count]);
    let mut rules = rules(refusals + AGENTS, &format!("127.0.0.1:{first}"), "answer")
        .replace("ring_timeout", "rest_after_miss = \"1h\"\nring_timeout");
    for at in refusals..refusals + AGENTS {
        let contact = |port: u16| format!("\"sip:agent{at}@127.0.0.1:{port}\"");
        rules = rules.replace(&contact(first), &contact(second));
    }
    let engine = hurried(&rules);
    ready(&engine, refusals + AGENTS);
    let load = ["-s", "4001", "-m", &count, "-r", RATE, "-l", &count];
    let mut callers = Sipp::start("caller.xml", free_port(), Some(engine.sip), &load);
    let all = (refusals as u64, 0);
    assert_eq!(callers.ledger(ample(refusals)), all, "{status}: callers: succeeded, failed");
    assert_eq!(refusers.ledger(Duration::from_secs(30)), all, "{status}: the agents who refuse");
    assert_eq!(answerers.ledger(Duration::from_secs(30)), all, "{status}: the agents who answer");
    let records = records(&engine, refusals);
    assert_eq!(outcomes(&engine, &records), [("answered".to_owned(), refusals)].into(), "{status}");
    let rung: u64 = records.iter().map(|record| record["offers"].as_u64().expect("a number")).sum();
    assert_eq!(rung, 2 * refusals as u64, "{status}");
    let answers = |record: &Value| {
        let agent = record["agent"].as_str().and_then(|name| name.strip_prefix("agent"));
        agent.and_then(|at| at.parse::<usize>().ok()).is_some_and(|at| at >= refusals)
    };
    assert!(records.iter().all(answers), "{status}: {records:#?}");
    let refused = refusals as f64;
    assert_eq!((offers(&engine, outcome), offers(&engine, "answered")), (refused, refused), "{status}");
    nothing_is_left(&engine);
}

#[test]
fn whatever_an_agents_phone_refuses_with_the_next_agent_has_the_call() {
    let none = "X-More: none";
    for (status, more, outcome) in [
        ("486 Busy Here", none, "busy"),
        ("480 Temporarily Unavailable", none, "no_answer"),
        ("408 Request Timeout", none, "no_answer"),
        ("503 Service Unavailable", "Retry-After: 30", "unreachable"),
        ("302 Moved Temporarily", none, "declined"),
        ("603 Decline", none, "declined"),
    ] {
        refused_with(status, more, outcome);
    }
}

/// Two sockets between which the network is bad: each side talks to the one that faces it.
fn relay(seed: u64) -> Wire {
    let sockets = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").expect("a port"));
    Wire::new(sockets, [Box::new(Bad::new(seed)), Box::new(Bad::new(seed + 1))])
}

#[test]
fn where_a_tenth_of_all_messages_is_lost_calls_are_set_up_all_the_same() {
    let (callers_at, phones_at) = (free_port(), free_port());
    let (near, far) = (relay(11), relay(23));
    let calls = races(300);
    let count = calls.to_string();
    let key = |wire: &Wire, end: usize| wire.faces[end].to_string();
    let phones_relay = key(&far, 0);
    let contact = ["-key", "near", phones_relay.as_str()];
    let agents = Sipp::start("agent_relayed.xml", phones_at, None, &contact);
    let engine = hurried(&rules(AGENTS, &phones_relay, "answer"));
    far.attach(0, engine.sip);
    far.attach(1, ([127, 0, 0, 1], phones_at).into());
    near.attach(0, ([127, 0, 0, 1], callers_at).into());
    near.attach(1, engine.sip);
    ready(&engine, AGENTS);
    let callers_relay = key(&near, 1);
    let load = ["-s", "4001", "-m", &count, "-r", "20", "-l", &count, "-key", "near", &callers_relay];
    let mut callers = Sipp::start("caller_relayed.xml", callers_at, Some(near.faces[0]), &load);
    let (succeeded, failed) = callers.ledger(ample(calls) * 2);
    assert_eq!(succeeded + failed, calls as u64);
    let records = records(&engine, calls);
    let answered = outcomes(&engine, &records).get("answered").copied().unwrap_or_default();
    assert!(answered * 1000 >= calls * 995, "{answered} of {calls} calls reached an agent");
    drop(agents);
    nothing_is_left(&engine);
}
