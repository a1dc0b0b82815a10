//! Who joins a conversation: supervisors, colleagues, and whoever takes over.

use super::*;

/// What happens to the conversation, without the agents' states.
fn conversation(settings: Settings, script: &str) -> Vec<String> {
    let (_, story) = play(settings, script);
    let told = |line: &str| {
        let line = line.trim();
        let of_it =
            ["> join", "> offer", "> cancel", "> hang up", "> bridge", "TakenOver", "Left", "> reply"];
        (of_it.iter().any(|word| line.contains(word)) && !line.contains("play")).then(|| line.to_owned())
    };
    story.lines().filter_map(told).collect()
}

#[test]
fn a_supervisor_listens_then_whispers_then_leaves_and_the_call_goes_on() {
    let story =
        "0 up anna\n0 up ben\n0 pause ben break\n1 call 1 100\n2 answer 1\n5 join 1 ben listen\n6 answer 2
        7 join 1 ben whisper\n9 agent-gone 2\n12 caller-gone 1";
    let told = conversation(small_centre(), story);
    assert_eq!(
        told,
        [
            "> reply 1 Ok(())",
            "> offer 1: 1 (5551) to anna from sales",
            "> bridge 1 with 1",
            "> offer 2: 1 (5551) to ben from sales",
            "> reply 2 Ok(())",
            "> join 2 to 1 as Listen",
            "> join 2 to 1 as Whisper",
            "> reply 3 Ok(())",
            "· 1: Left { agent: AgentId(1) }",
            "> hang up agent/1",
        ]
    );
}

#[test]
fn who_joins_is_not_offered_calls_meanwhile_and_is_again_afterwards() {
    let (engine, story) = play(
        small_centre(),
        "0 up anna\n0 up ben\n1 call 1 100\n2 answer 1\n3 join 1 ben third\n4 answer 2\n5 call 2 100\n9 agent-gone 2",
    );
    assert!(!story.contains("offer 3: 2 (5552) to ben from sales\n9"), "not while he takes part: {story}");
    let after = story.split("9.0 agent-gone 2").nth(1).expect("it happened");
    assert!(after.contains("> offer 3: 2 (5552) to ben from sales"), "{story}");
    assert_eq!(engine.guests.len(), 0);
}

#[test]
fn when_the_call_ends_everybody_who_joined_is_let_go_and_who_still_rings_too() {
    let told = conversation(
        small_centre(),
        "0 up anna\n0 up ben\n0 up carla\n1 call 1 100\n2 answer 1\n3 join 1 ben barge\n4 answer 2\n5 join 1 carla third\n6 caller-gone 1",
    );
    let end: Vec<_> = told.iter().rev().take(4).rev().map(String::as_str).collect();
    assert_eq!(
        end,
        ["> hang up agent/2", "> cancel 3", "> hang up agent/1", "· 1: Left { agent: AgentId(1) }"]
    );
}

#[test]
fn whoever_joined_takes_over_and_the_other_has_his_after_call_work() {
    let (engine, story) = play(
        small_centre(),
        "0 up anna\n0 up ben\n1 call 1 100\n2 answer 1\n12 join 1 ben barge\n13 answer 2\n22 take-over 1 ben\n30 caller-gone 1",
    );
    let after = story.split("22.0 take-over").nth(1).expect("it happened");
    for line in [
        "> hang up agent/1",
        "> bridge 1 with 2",
        "TakenOver { from: AgentId(0), by: AgentId(1) }",
        "· anna wrap_up",
    ] {
        assert!(after.contains(line), "{line}: {story}");
    }
    assert!(after.contains("> hang up agent/2") && after.contains("· ben wrap_up"), "{story}");
    assert_eq!(engine.agents[0].talk, secs(20), "until he was relieved");
}

#[test]
fn nobody_joins_who_is_busy_or_a_call_that_is_with_no_agent() {
    let told = conversation(
        small_centre(),
        "0 up anna\n0 up ben\n1 call 1 100\n1 join 1 carla listen\n2 answer 1\n3 call 2 100\n4 join 1 ben listen\n5 join 1 carla listen\n6 join 9 ben listen\n7 send-out 1 ben\n8 take-over 1 ben",
    );
    let replies: Vec<_> = told.iter().filter(|line| line.contains("reply")).map(String::as_str).collect();
    assert_eq!(
        replies,
        [
            "> reply 1 Err(NotTalking)",
            "> reply 2 Err(NotFree)",
            "> reply 3 Err(NotFree)",
            "> reply 4 Err(UnknownCall)",
            "> reply 5 Err(NotInTheCall)",
            "> reply 6 Err(NotInTheCall)",
        ]
    );
}

#[test]
fn a_guest_who_does_not_answer_is_given_up_and_counts_no_miss() {
    let (engine, story) =
        play(small_centre(), "0 up anna\n0 up ben\n1 call 1 100\n2 answer 1\n3 join 1 ben listen\n60 tick");
    assert!(story.contains("> cancel 2"), "{story}");
    assert_eq!((engine.agents[1].missed_in_a_row, engine.guests.len()), (0, 0));
    assert!(engine.agents[1].pooled.is_some(), "he is free at once");
}
