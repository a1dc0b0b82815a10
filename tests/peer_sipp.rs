//! SIPp as caller and as agent: two hundred calls through a queue, and every ledger agrees; then the calls that go
//! wrong, and TCP.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

mod support;

use serde_json::Value;
use std::time::Duration;
use support::engine::Holdfast;
use support::peer::{Sipp, free_port};
use support::sipp_site::{hurried, nothing_is_left, offers, outcomes, races, ready, records, rules};

/// One queue, one number, and `agents` phones that all live in one SIPp at `port`.
fn sales(agents: usize, port: u16) -> String {
    rules(agents, &format!("127.0.0.1:{port}"), "answer")
}

#[test]
fn two_hundred_calls_to_twenty_agents_all_succeed_and_the_ledgers_agree() {
    let phones = free_port();
    let mut agents = Sipp::start("agent.xml", phones, None, &["-m", "200"]);
    let engine = Holdfast::start(&sales(20, phones));
    ready(&engine, 20);

    let load = ["-s", "4001", "-m", "200", "-r", "60", "-l", "200"];
    let mut callers = Sipp::start("caller.xml", free_port(), Some(engine.sip), &load);
    assert_eq!(callers.ledger(Duration::from_secs(90)), (200, 0), "callers: succeeded, failed");
    assert_eq!(agents.ledger(Duration::from_secs(30)), (200, 0), "agents: succeeded, failed");

    let records = records(&engine, 200);
    assert!(records.iter().all(|record| record["outcome"] == "answered" && record["ended_by"] == "agent"));

    let in_time = records.iter().filter(|record| record["answered_in_threshold"] == true).count();
    assert_eq!(engine.metric(r#"holdfast_queue_calls_offered_total{queue="sales"}"#), 200.0);
    assert_eq!(engine.metric(r#"holdfast_queue_calls_ended_total{outcome="answered",queue="sales"}"#), 200.0);
    assert_eq!(
        engine.metric(r#"holdfast_queue_calls_answered_in_threshold_total{queue="sales"}"#),
        in_time as f64,
        "the exact counter says what the records say"
    );
    assert_eq!(
        engine.metric(r#"holdfast_queue_wait_seconds_count{outcome="answered",queue="sales"}"#),
        200.0
    );
    let waited: f64 = records.iter().map(|record| record["wait_ms"].as_f64().expect("a wait") / 1000.0).sum();
    let measured = engine.metric(r#"holdfast_queue_wait_seconds_sum{outcome="answered",queue="sales"}"#);
    assert!(
        (waited - measured).abs() < 0.2,
        "waits by the records {waited} s, by the histogram {measured} s"
    );
    assert_eq!(engine.metric(r#"holdfast_queue_calls_waiting{queue="sales"}"#), 0.0);
}

/// Callers who give up: there is a free agent for each, and each is rung once.
const GIVING_UP: usize = 600;
/// At 60 calls a second of less than a second each, more than are rung at once.
const RUNG: usize = 200;

/// Callers of a scenario meet agents of another; who gives up is one of the callers.
fn check_given_up(agent: &str, caller: &str, answer: &str) {
    let calls = races(GIVING_UP);
    let phones = free_port();
    let count = calls.to_string();
    let mut agents = Sipp::start(agent, phones, None, &["-m", &count]);
    let engine = hurried(&rules(RUNG, &format!("127.0.0.1:{phones}"), answer));
    ready(&engine, RUNG);
    let load = ["-s", "4001", "-m", &count, "-r", "60", "-l", &count];
    let mut callers = Sipp::start(caller, free_port(), Some(engine.sip), &load);
    let within = Duration::from_secs(60 + calls as u64 / 10);
    assert_eq!(callers.ledger(within), (calls as u64, 0), "callers: succeeded, failed");
    assert_eq!(agents.ledger(Duration::from_secs(30)), (calls as u64, 0), "agents: succeeded, failed");
    let records = records(&engine, calls);
    let gave_up = |record: &Value| {
        record["outcome"].as_str().is_some_and(|outcome| outcome.contains("abandon"))
            && record["ended_by"] == "caller"
            && record["offers"] == 1
    };
    assert!(records.iter().all(gave_up), "{records:#?}");
    assert_eq!(outcomes(&engine, &records).values().sum::<usize>(), calls);
    assert_eq!(offers(&engine, "caller_gone"), calls as f64);
    ready(&engine, RUNG);
    nothing_is_left(&engine);
}

#[test]
fn callers_who_hang_up_while_it_rings_stop_the_ringing() {
    check_given_up("agent_rings.xml", "caller_leaves.xml", "answer");
}

#[test]
fn callers_who_cancel_before_the_answer_stop_the_ringing() {
    check_given_up("agent_rings.xml", "caller_cancels.xml", "early-media");
}

#[test]
fn answers_that_cross_the_cancel_are_acknowledged_and_hung_up() {
    check_given_up("agent_late.xml", "caller_leaves.xml", "answer");
}

#[test]
fn a_call_that_is_declined_goes_to_the_next_agent_and_keeps_its_place() {
    let (first, second) = (free_port(), free_port());
    let mut refuser = Sipp::start("agent_declines.xml", first, None, &["-m", "1"]);
    let mut answerer = Sipp::start("agent.xml", second, None, &["-m", "1"]);
    // The first agent has been idle for longest: he was configured first.
    let mut rules = rules(1, &format!("127.0.0.1:{first}"), "answer");
    let other = rules[rules.rfind("[[agent]]").expect("an agent")..].to_owned();
    rules += &other.replace("agent0", "agent1").replace(&first.to_string(), &second.to_string());
    let engine = Holdfast::start(&rules);
    ready(&engine, 2);
    let load = ["-s", "4001", "-m", "1"];
    let mut caller = Sipp::start("caller.xml", free_port(), Some(engine.sip), &load);
    assert_eq!(caller.ledger(Duration::from_secs(30)), (1, 0), "callers: succeeded, failed");
    assert_eq!(refuser.ledger(Duration::from_secs(30)), (1, 0), "the agent who declines");
    assert_eq!(answerer.ledger(Duration::from_secs(30)), (1, 0), "the agent who answers");
    let record = &records(&engine, 1)[0];
    assert_eq!(
        (&record["outcome"], &record["offers"], &record["agent"]),
        (&"answered".into(), &2.into(), &"agent1".into())
    );
    assert_eq!((offers(&engine, "declined"), offers(&engine, "answered")), (1.0, 1.0));
    nothing_is_left(&engine);
}

#[test]
fn calls_by_tcp_succeed_at_both_ends() {
    let phones = free_port();
    let mut agents = Sipp::start("agent.xml", phones, None, &["-m", "40", "-t", "t1"]);
    let engine = Holdfast::start(&rules(10, &format!("127.0.0.1:{phones};transport=tcp"), "answer"));
    ready(&engine, 10);
    let load = ["-s", "4001", "-m", "40", "-r", "20", "-l", "40", "-t", "t1"];
    let mut callers = Sipp::start("caller.xml", free_port(), Some(engine.sip_tcp), &load);
    assert_eq!(callers.ledger(Duration::from_secs(60)), (40, 0), "callers: succeeded, failed");
    assert_eq!(agents.ledger(Duration::from_secs(30)), (40, 0), "agents: succeeded, failed");
    let records = records(&engine, 40);
    assert!(records.iter().all(|record| record["outcome"] == "answered" && record["ended_by"] == "agent"));
    assert_eq!(offers(&engine, "answered"), 40.0);
    nothing_is_left(&engine);
}
