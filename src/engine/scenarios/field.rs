//! What users of other systems complain of, and what those systems' own tests check, as scenarios of ours.
//! Where order is all that matters, the lines that show it are picked out of the story.

use super::*;
use crate::engine::settings::MissedRules;

/// The lines of a story that contain any of these words.
fn lines<'s>(story: &'s str, words: &[&str]) -> Vec<&'s str> {
    story.lines().map(str::trim).filter(|line| words.iter().any(|word| line.contains(word))).collect()
}

#[test]
fn nobody_answers_and_the_caller_is_let_go_when_his_time_is_over() {
    let settings = centre(|rules| {
        rules.queues[0].ring_timeout = Duration::from_secs(5);
        rules.queues[0].wait_max = Some(Duration::from_secs(12));
        rules.queues[0].missed = MissedRules::same(Duration::from_secs(60));
    });
    let (engine, story) = play(settings, "0 up anna\n0 up ben\n0 call 1 100\n20 heard 1\n99 tick");
    let told = lines(&story, &["offer 1", "offer 2", "offer 3", "1 timeout", "1 ended"]);
    assert_eq!(
        told,
        [
            "> offer 1: 1 (5551) to anna from sales",
            "> offer 2: 1 (5551) to ben from sales",
            "· offer 1 no_answer after 5.0 s",
            "· offer 2 no_answer after 5.0 s",
            "· 1 timeout after 12.0 s",
            "· 1 ended by system, talked 0.0 s",
        ]
    );
    assert!(engine.is_idle());
}

#[test]
fn when_all_are_paused_nobody_rings() {
    let (_, story) = play(
        small_centre(),
        "0 up anna\n0 up ben\n0 up carla\n1 pause anna break\n1 pause ben break\n1 pause carla break\n2 call 1 100\n60 tick",
    );
    assert_eq!(lines(&story, &["> offer"]), [""; 0]);
}

#[test]
fn when_one_is_paused_only_the_others_ring() {
    let settings = centre(|rules| rules.queues[0].strategy = StrategyName::RingAll);
    let (_, story) =
        play(settings, "0 up anna\n0 up ben\n0 up carla\n1 pause ben break\n2 call 1 100\n60 tick");
    let rung: Vec<_> = lines(&story, &["> offer"]).iter().map(|line| line.contains("ben")).collect();
    assert_eq!(rung.first(), Some(&false), "{story}");
    assert!(!rung.contains(&true), "{story}");
}

#[test]
fn busy_agent_is_offered_nothing_and_is_as_soon_as_he_is_free() {
    let settings = centre(|rules| rules.queues[0].wrap_up = Duration::ZERO);
    let (_, story) =
        play(settings, "0 up anna\n1 call 1 100\n2 answer 1\n3 call 2 100\n30 call 3 100\n60 agent-gone 1");
    let told = lines(&story, &["60.0 ", "> offer"]);
    assert_eq!(
        told,
        [
            "> offer 1: 1 (5551) to anna from sales",
            "60.0 agent-gone 1",
            "> offer 2: 2 (5552) to anna from sales"
        ]
    );
}

#[test]
fn eleven_calls_are_served_in_the_order_of_their_waits_and_credits_and_the_twelfth_is_refused() {
    // 102 credits a minute. One call every ten seconds; the odd ones have the credit.
    let settings = centre(|rules| {
        rules.queues[0].waiting_max = 11;
        rules.queues[0].wrap_up = Duration::ZERO;
    });
    let mut script = String::new();
    for call in 1..=12 {
        let dialled = if call % 2 == 1 { "102" } else { "100" };
        writeln!(script, "{} call {call} {dialled}", call * 10).unwrap();
    }
    script.push_str("200 up anna\n");
    for offer in 1..=11 {
        writeln!(script, "{} answer {offer}\n{} agent-gone {offer}", 200 + offer, 200 + offer).unwrap();
    }
    let (engine, story) = play(settings, &script);
    let served: Vec<_> = lines(&story, &["> offer"])
        .iter()
        .filter_map(|line| line.split_whitespace().nth(3)?.parse::<u32>().ok())
        .collect();
    // Joined less the credit: 1 at -50 s, 3 at -30, 5 at -10, 7 at 10, 2 at 20, 9 at 30, 4 at 40, 11 at 50, 6, 8, 10.
    assert_eq!(served, [1, 3, 5, 7, 2, 9, 4, 11, 6, 8, 10]);
    assert_eq!(lines(&story, &["> refuse"]), ["> refuse 12 486"]);
    assert!(engine.is_idle());
}

#[test]
fn agent_who_answers_and_drops_at_once_ends_only_his_own_call() {
    let (_, story) = play(
        small_centre(),
        "0 up anna\n0 up ben\n1 call 1 100\n1 call 2 100\n2 answer 1\n2 agent-gone 1\n3 answer 2",
    );
    assert_eq!(
        lines(&story, &["ended by", "bridge"]),
        ["> bridge 1 with 1", "· 1 ended by agent, talked 0.0 s", "> bridge 2 with 2"]
    );
}

#[test]
fn losing_the_phone_logs_nobody_out() {
    let (engine, _) =
        play(small_centre(), "0 up anna\n1 call 1 100\n2 answer 1\n3 down anna\n4 caller-gone 1\n20 up anna");
    let anna = &engine.snapshot(now(Monotonic(21_000_000))).agents[0];
    assert_eq!(anna.state.as_str(), "ready");
}

#[test]
fn breaks_keep_what_an_agent_has_done() {
    let (engine, _) = play(
        small_centre(),
        "0 up anna\n1 call 1 100\n2 answer 1\n12 caller-gone 1\n30 pause anna break\n40 ready anna\n41 logout anna\n42 login anna",
    );
    let anna = &engine.snapshot(now(Monotonic(50_000_000))).agents[0];
    assert_eq!((anna.answered, anna.talk), (1, Duration::from_secs(10)));
}

#[test]
fn unpopular_requirement_does_not_starve_behind_a_busy_one() {
    // Only carla serves support; sales callers who came later must not pass the one of support.
    let settings = centre(|rules| rules.queues[0].wrap_up = Duration::ZERO);
    let (_, story) = play(
        settings,
        "0 up carla\n1 call 1 100\n2 answer 1\n3 call 2 200\n4 call 3 100\n5 call 4 100\n10 agent-gone 1",
    );
    assert_eq!(lines(&story, &["> offer"])[1], "> offer 2: 2 (5552) to carla from support");
}
