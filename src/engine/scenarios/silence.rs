//! Legs of which nothing is heard any more.

use super::*;

#[test]
fn who_lost_his_agent_is_first_in_line_and_the_agent_rests() {
    let (engine, story) = play(
        small_centre(),
        "0 up anna\n1 call 1 100\n2 answer 1\n3 call 2 100\n4 call 3 102\n30 silent agent:1\n31 up ben",
    );
    let after = story.split("30.0 silent").nth(1).expect("it happened");
    assert!(
        after.contains("> hang up agent/1") && after.contains("1 queued in sales (3 waiting), returned"),
        "{story}"
    );
    assert!(
        after.contains("> offer 2: 1 (5551) to ben from sales"),
        "before those who waited and the favoured: {story}"
    );
    assert!(engine.agents[0].resting_until.is_some());
}

#[test]
fn who_is_free_takes_the_caller_over_at_once() {
    let (_, story) = play(small_centre(), "0 up anna\n0 up ben\n1 call 1 100\n2 answer 1\n30 silent agent:1");
    let after = story.split("30.0 silent").nth(1).expect("it happened");
    assert!(after.contains("> offer 2: 1 (5551) to ben from sales"), "{story}");
}

#[test]
fn an_agent_who_holds_the_call_may_be_silent_and_so_may_a_caller() {
    let script = "0 up anna\n1 call 1 100\n2 answer 1\n5 hold 1\n30 silent agent:1\n31 silent caller:1\n32 resume 1\n33 heard-again caller:1";
    let (engine, story) = play(small_centre(), script);
    assert!(!story.contains("hang up"), "{story}");
    assert!(story.contains("1: AudioStopped { leg: Caller(CallId(1)) }"), "{story}");
    assert!(story.contains("1: AudioResumed { leg: Caller(CallId(1)) }"), "{story}");
    assert_eq!(engine.agents[0].calls.len(), 1);
}

#[test]
fn silence_of_a_leg_that_is_over_means_nothing() {
    let script = "0 up anna\n1 call 1 100\n2 answer 1\n3 caller-gone 1\n4 silent agent:1\n5 silent caller:1\n6 silent agent:9";
    let (_, story) = play(small_centre(), script);
    assert!(!story.contains("AudioStopped"), "{story}");
}

#[test]
fn the_lost_caller_is_not_offered_to_whoever_lost_him_though_he_could_take_another_call() {
    let settings = centre(|settings| settings.agents[0].capacity = 2);
    let (engine, story) = play(settings, "0 up anna\n1 call 1 100\n2 answer 1\n30 silent agent:1");
    let after = story.split("30.0 silent").nth(1).expect("it happened");
    assert!(!after.contains("> offer"), "{story}");
    assert!(engine.agents[0].resting_until.is_some());
}

/// ben comes when all is over and anna rests: whom is he offered?
#[track_caller]
fn is_offered_to_ben(script: &str, what: &str) {
    let (engine, story) =
        play(small_centre(), &format!("0 up anna\n1 call 1 100\n2 answer 1\n{script}\n35 up ben"));
    let after = story.split(what).nth(1).expect("it happened");
    assert!(after.contains("> hang up agent/1") || what.contains("lost"), "{story}");
    assert!(after.contains("1 queued in sales (1 waiting), returned"), "{story}");
    assert!(after.contains("> offer 2: 1 (5551) to ben from sales"), "{story}");
    assert!(!story.contains("1 ended") && engine.calls.len() == 1, "{story}");
}

#[test]
fn whose_agent_was_lost_without_a_word_is_first_in_line() {
    is_offered_to_ben("30 lost agent:1", "30.0 lost");
    is_offered_to_ben("5 hold 1\n30 lost agent:1", "30.0 lost");
}

#[test]
fn whom_a_phone_holds_that_cannot_be_reached_any_more_is_first_in_line() {
    is_offered_to_ben("5 hold 1\n30 down anna", "30.0 down");
}

#[test]
fn who_talks_goes_on_as_long_as_he_is_heard_whatever_becomes_of_the_registration() {
    let (engine, story) =
        play(small_centre(), "0 up anna\n1 call 1 100\n2 answer 1\n30 down anna\n40 up ben");
    assert!(!story.contains("hang up") && !story.contains("offer 2"), "{story}");
    assert_eq!(engine.agents[0].calls.len(), 1);
}

#[test]
fn a_caller_who_was_being_passed_on_by_a_phone_that_died_goes_to_whom_he_was_meant_for() {
    let begin = "0 up anna\n0 up ben\n0 pause ben break\n1 call 1 100\n2 answer 1\n10 transfer 1 ben";
    for dies in ["11 lost agent:1", "11 down anna"] {
        let (engine, story) = play(small_centre(), &format!("{begin}\n{dies}\n12 answer 2\n20 tick"));
        assert!(story.contains("> bridge 1 with 2"), "{story}");
        assert!(story.contains("1: Transferred { by: AgentId(0), to: Agent(AgentId(1)) }"), "{story}");
        assert!(engine.agents[0].calls.is_empty() && engine.agents[1].calls.len() == 1, "{story}");
        let (_, story) = play(small_centre(), &format!("{begin}\n{dies}\n12 fail 2 declined\n20 tick"));
        assert!(story.contains("1 queued in sales (1 waiting), returned"), "{story}");
    }
}
