//! The races of a call with SIPp at both ends, hundreds of times each: whatever crosses, is lost, doubled or late, there
//! is one outcome and one record, and no leg is left.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

mod support;

use serde_json::Value;
use std::net::UdpSocket;
use std::time::Duration;
use support::engine::Holdfast;
use support::peer::{Sipp, free_port};
use support::sipp_site::{nothing_is_left, offers, ready, records, rules};
use support::wire::{Bad, Wire};

/// How often each race is run.
const CALLS: usize = 300;
/// Agents at work.
const AGENTS: usize = 60;

/// An engine whose ports rest but a moment: the tests have not as many as calls come.
fn site(rules: &str) -> Holdfast {
    let hurried = "[media]\nport_rest = \"1s\"\n";
    Holdfast::start_changed(rules, |config| config.replacen("[media]\n", hurried, 1))
}

/// `calls` callers of one scenario meet agents of another; each end counts all of them as successes.
fn race(agent: &str, caller: &str, calls: usize) -> (Holdfast, Vec<Value>) {
    let phones = free_port();
    let count = calls.to_string();
    let mut agents = Sipp::start(agent, phones, None, &["-m", &count]);
    let engine = site(&rules(AGENTS, &format!("127.0.0.1:{phones}"), "answer"));
    ready(&engine, AGENTS);
    let load = ["-s", "4001", "-m", &count, "-r", "60", "-l", &count];
    let mut callers = Sipp::start(caller, free_port(), Some(engine.sip), &load);
    assert_eq!(callers.ledger(Duration::from_secs(90)), (calls as u64, 0), "callers: succeeded, failed");
    assert_eq!(agents.ledger(Duration::from_secs(60)), (calls as u64, 0), "agents: succeeded, failed");
    let records = records(&engine, calls);
    nothing_is_left(&engine);
    (engine, records)
}

#[track_caller]
fn all_answered(engine: &Holdfast, records: &[Value]) {
    let talked = |record: &Value| record["outcome"] == "answered" && record["offers"] == 1;
    assert!(records.iter().all(talked), "{records:#?}");
    assert_eq!(offers(engine, "answered"), records.len() as f64);
}

#[test]
fn of_two_phones_that_answer_one_invite_the_first_has_the_call_and_the_second_is_hung_up() {
    let (engine, records) = race("agent_forked.xml", "caller.xml", CALLS);
    all_answered(&engine, &records);
}

#[test]
fn an_answer_that_comes_twice_is_acknowledged_twice_and_is_one_call() {
    let (engine, records) = race("agent_twice.xml", "caller.xml", CALLS);
    all_answered(&engine, &records);
}

/// The callers of a scenario, with nobody at work.
fn alone(caller: &str, calls: usize, within: Duration) -> Vec<Value> {
    let nobody = rules(1, "127.0.0.1:9", "answer").replace("automatic", "manual");
    let engine = site(&nobody);
    let count = calls.to_string();
    let load = ["-s", "4001", "-m", &count, "-r", "60", "-l", &count];
    let mut callers = Sipp::start(caller, free_port(), Some(engine.sip), &load);
    assert_eq!(callers.ledger(within), (calls as u64, 0), "callers: succeeded, failed");
    let records = records(&engine, calls);
    nothing_is_left(&engine);
    records
}

#[test]
fn a_bye_before_the_ack_ends_the_call_once() {
    let records = alone("caller_bye_first.xml", CALLS, Duration::from_secs(60));
    assert!(records.iter().all(|record| record["ended_by"] == "caller"), "{records:#?}");
}

#[test]
fn callers_whose_ack_is_always_lost_are_hung_up_after_64_t1_and_leave_nothing() {
    let records = alone("caller_never_acks.xml", CALLS, Duration::from_secs(90));
    assert_eq!(records.len(), CALLS);
}

/// Every agent refuses once, and rests; the second one to be asked answers.
fn refused_with(status: &str, more: &str, outcome: &str) {
    let (first, second) = (free_port(), free_port());
    // SIPp wants a number in the first line, so it cannot be one of its keys.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let scenario = folder.path().join("agent_refuses.xml");
    let text = include_str!("sip/agent_refuses.xml").replace("486 Busy Here", status);
    std::fs::write(&scenario, text.replace("X-More: none", more)).expect("a scenario");
    let scenario = scenario.to_str().expect("a path in UTF-8");
    let mut refuser = Sipp::start(scenario, first, None, &["-m", "1"]);
    let mut answerer = Sipp::start("agent.xml", second, None, &["-m", "1"]);
    let mut rules = rules(1, &format!("127.0.0.1:{first}"), "answer");
    let other = rules[rules.rfind("[[agent]]").expect("an agent")..].to_owned();
    rules += &other.replace("agent0", "agent1").replace(&first.to_string(), &second.to_string());
    let engine = site(&rules);
    ready(&engine, 2);
    let mut caller = Sipp::start("caller.xml", free_port(), Some(engine.sip), &["-s", "4001", "-m", "1"]);
    assert_eq!(caller.ledger(Duration::from_secs(30)), (1, 0), "{status}: callers: succeeded, failed");
    assert_eq!(refuser.ledger(Duration::from_secs(30)), (1, 0), "{status}: the agent who refuses");
    assert_eq!(answerer.ledger(Duration::from_secs(30)), (1, 0), "{status}: the agent who answers");
    let record = &records(&engine, 1)[0];
    assert_eq!((&record["outcome"], &record["agent"]), (&"answered".into(), &"agent1".into()), "{status}");
    assert_eq!((offers(&engine, outcome), offers(&engine, "answered")), (1.0, 1.0), "{status}");
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
    let count = CALLS.to_string();
    let key = |wire: &Wire, end: usize| wire.faces[end].to_string();
    let phones_relay = key(&far, 0);
    let contact = ["-key", "near", phones_relay.as_str()];
    let agents = Sipp::start("agent_relayed.xml", phones_at, None, &contact);
    let engine = site(&rules(AGENTS, &phones_relay, "answer"));
    far.attach(0, engine.sip);
    far.attach(1, ([127, 0, 0, 1], phones_at).into());
    near.attach(0, ([127, 0, 0, 1], callers_at).into());
    near.attach(1, engine.sip);
    ready(&engine, AGENTS);
    let callers_relay = key(&near, 1);
    let load = ["-s", "4001", "-m", &count, "-r", "20", "-l", &count, "-key", "near", &callers_relay];
    let mut callers = Sipp::start("caller_relayed.xml", callers_at, Some(near.faces[0]), &load);
    let (succeeded, failed) = callers.ledger(Duration::from_secs(180));
    assert_eq!(succeeded + failed, CALLS as u64);
    let answered = records(&engine, CALLS).iter().filter(|record| record["outcome"] == "answered").count();
    assert!(answered * 1000 >= CALLS * 995, "{answered} of {CALLS} calls reached an agent");
    drop(agents);
    nothing_is_left(&engine);
}
