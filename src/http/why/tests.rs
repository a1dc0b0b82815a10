//! What people read about a call that waits.

use super::*;
use crate::engine::id::{AgentId, SkillId};
use crate::engine::settings::{Agent, Number, Queue, Relaxation};
use crate::engine::snapshot::AgentView;
use std::time::Duration;

const SPANISH: SkillId = SkillId(0);

fn spanish(min: u8) -> Requirement {
    Requirement::Skill { skill: SPANISH, min }
}

fn rules() -> Settings {
    let step = Relaxation { after: Duration::from_secs(20), requirement: spanish(2) };
    let queue = |name: &str| Queue { name: name.into(), ..Queue::default() };
    let agent = |name: &str| Agent { name: name.into(), ..Agent::default() };
    Settings {
        skills: vec!["spanish".into()],
        queues: vec![Queue { relaxation: vec![step], ..queue("sales") }, queue("support"), queue("night")],
        agents: vec![agent("anna"), agent("ben")],
        ..Settings::default()
    }
}

fn because(requirement: Requirement, qualified: &[(AgentState, usize)]) -> WaitingBecause {
    let mut counts = [0; AgentState::ALL.len()];
    for (state, count) in qualified {
        counts[*state as usize] = *count;
    }
    WaitingBecause {
        queue: QueueId(0),
        waited: Duration::from_millis(12_400),
        ahead: 0,
        requirement,
        level: (0, 1),
        next_step: None,
        waits_for: None,
        qualified: counts,
        unqualified: 3,
        lenders_busy: Vec::new(),
        rung: Vec::new(),
    }
}

#[track_caller]
fn check(why: &WaitingBecause, expected: &str) {
    let view = AgentView {
        agent: AgentId(0),
        state: AgentState::Talking,
        lasted: Duration::ZERO,
        reason: None,
        call: None,
        answered: 0,
        talk: Duration::ZERO,
        occupancy: None,
    };
    assert_eq!(sentence(why, &rules(), &Snapshot { agents: vec![view], ..Snapshot::default() }), expected);
}

#[test]
fn the_sentence_says_what_is_needed_who_has_it_and_what_will_change() {
    let states = [(AgentState::Talking, 1), (AgentState::Paused, 2), (AgentState::LoggedOut, 1)];
    let mut why = because(spanish(3), &states);
    why.next_step = Some(Duration::from_millis(7600));
    check(
        &why,
        "needs spanish ≥ 3; of 4 agents who have it 2 are paused, 1 is logged out, 1 is talking; in 8 s spanish ≥ 2 will do",
    );
}

#[test]
fn a_call_that_nobody_can_take_says_so() {
    check(&because(spanish(9), &[]), "needs spanish ≥ 9; none of the queue's 3 agents has it");
    let mut alone = because(spanish(9), &[]);
    alone.unqualified = 0;
    check(&alone, "needs spanish ≥ 9; the queue has no agents");
}

#[test]
fn a_call_that_waits_for_one_agent_names_him_and_what_he_does() {
    let mut why = because(Requirement::ANYBODY, &[(AgentState::Ready, 2)]);
    why.waits_for = Some(AgentId(0));
    why.next_step = Some(Duration::from_secs(5));
    check(&why, "waits for anna alone, who is talking; in 5 s more agents may take it");
}

#[test]
fn those_before_it_those_rung_and_those_who_cannot_help_are_named() {
    let mut why = because(Requirement::ANYBODY, &[(AgentState::Offered, 2)]);
    (why.ahead, why.rung) = (1, vec![AgentId(0), AgentId(1)]);
    why.lenders_busy = vec![QueueId(1), QueueId(2)];
    check(
        &why,
        "any agent of the queue will do; of 2 agents 2 are being rung; anna and ben are being rung for it; \
         1 call stands before it; support and night need their agents themselves",
    );
}

#[test]
fn a_step_that_may_be_another_one_is_not_named() {
    let mut why = because(spanish(3), &[(AgentState::Talking, 1)]);
    why.next_step = Some(Duration::from_millis(7600));
    let mut rules = rules();
    rules.numbers.push(Number { requirement: spanish(5), ..Number::default() });
    let said = sentence(&why, &rules, &Snapshot::default());
    assert!(said.ends_with("of 1 agent who has it 1 is talking; in 8 s more agents may take it"), "{said}");
}
