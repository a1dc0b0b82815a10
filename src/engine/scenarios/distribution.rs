//! A call is offered to a free, qualified agent, and to the next one when that fails.

use super::*;
use expect_test::expect;

#[test]
fn caller_waits_on_music_and_is_bridged_to_the_agent_who_answers() {
    check(
        small_centre(),
        "0 up anna\n1 call 1 100\n1.5 ringing 1\n4 answer 1\n64 caller-gone 1\n70 tick",
        expect![[r#"
            0.0 up anna
              · anna ready
            1.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              > offer 1: 1 (5551) to anna from sales
              · 1 queued in sales (1 waiting)
              · anna offered
            1.5 ringing 1
            4.0 answer 1
              > bridge 1 with 1
              · offer 1 answered after 3.0 s
              · 1 answered after 3.0 s, in time
              · anna talking
            64.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 60.0 s
              · anna wrap_up
            69.0 (time)
              · anna wrapped up in 5.0 s
              · anna ready
            70.0 tick
        "#]],
    );
}

#[test]
fn call_that_finds_nobody_free_goes_to_the_agent_who_becomes_ready() {
    check(
        small_centre(),
        "0 call 1 100\n9 up anna\n12 answer 1\n20 agent-gone 1",
        expect![[r#"
        0.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          · 1 queued in sales (1 waiting)
        9.0 up anna
          > offer 1: 1 (5551) to anna from sales
          · anna ready
          · anna offered
        12.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 3.0 s
          · 1 answered after 12.0 s, in time
          · anna talking
        20.0 agent-gone 1
          > hang up caller/1
          · 1 ended by agent, talked 8.0 s
          · anna wrap_up
    "#]],
    );
}

#[test]
fn only_an_agent_with_the_proficiency_asked_for_is_offered_the_call() {
    check(
        small_centre(),
        "0 up anna\n0 call 1 101\n5 up ben",
        expect![[r#"
        0.0 up anna
          · anna ready
        0.0 call 1 101
          > answer 1
          > play caller/1 ["welcome"] es Music(["tide"])
          · 1 queued in sales (1 waiting)
        5.0 up ben
          > offer 1: 1 (5551) to ben from sales
          · ben ready
          · ben offered
    "#]],
    );
}

#[test]
fn missed_busy_declined_and_dead_phones_pass_the_call_on_and_the_caller_keeps_his_place() {
    check(
        small_centre(),
        "0 up anna\n0 up ben\n0 up carla\n1 call 1 100\n2 call 2 100\n2.1 call 3 100\n2.2 call 4 100\n3 fail 1 busy\n4 fail 2 declined\n5 fail 3 unreachable\n11 tick\n13.1 tick",
        expect![[r#"
            0.0 up anna
              · anna ready
            0.0 up ben
              · ben ready
            0.0 up carla
              · carla ready
            1.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              > offer 1: 1 (5551) to anna from sales
              · 1 queued in sales (1 waiting)
              · anna offered
            2.0 call 2 100
              > answer 2
              > play caller/2 ["welcome"] en Music(["tide"])
              > offer 2: 2 (5552) to ben from sales
              · 2 queued in sales (2 waiting)
              · ben offered
            2.1 call 3 100
              > answer 3
              > play caller/3 ["welcome"] en Music(["tide"])
              > offer 3: 3 (5553) to carla from sales
              · 3 queued in sales (3 waiting)
              · carla offered
            2.2 call 4 100
              > answer 4
              > play caller/4 ["welcome"] en Music(["tide"])
              · 4 queued in sales (4 waiting)
            3.0 fail 1 busy
              · offer 1 busy after 2.0 s
              · anna resting
            4.0 fail 2 declined
              · offer 2 declined after 2.0 s
              · ben resting
            5.0 fail 3 unreachable
              · offer 3 unreachable after 2.9 s
              · carla resting
            11.0 tick
            13.0 (time)
              > offer 4: 1 (5551) to anna from sales
              · anna ready
              · anna offered
            13.1 tick
        "#]],
    );
}

#[test]
fn agent_who_lets_it_ring_rests_before_he_is_rung_again() {
    check(
        small_centre(),
        "0 up anna\n0 call 1 100\n20 tick\n25 tick\n31 tick",
        expect![[r#"
        0.0 up anna
          · anna ready
        0.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · anna offered
        20.0 tick
          > cancel 1
          · offer 1 no_answer after 20.0 s
          · anna resting
        25.0 tick
        30.0 (time)
          > offer 2: 1 (5551) to anna from sales
          · anna ready
          · anna offered
        31.0 tick
    "#]],
    );
}

#[test]
fn phone_that_asks_to_be_left_alone_is_left_alone_that_long() {
    check(
        small_centre(),
        "0 up anna\n0 call 1 100\n1 fail 1 unreachable 60\n62 tick",
        expect![[r#"
        0.0 up anna
          · anna ready
        0.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · anna offered
        1.0 fail 1 unreachable 60
          · offer 1 unreachable after 1.0 s
          · anna resting
        61.0 (time)
          > offer 2: 1 (5551) to anna from sales
          · anna ready
          · anna offered
        62.0 tick
    "#]],
    );
}

#[test]
fn caller_who_hangs_up_while_agent_rings_frees_the_agent() {
    check(
        small_centre(),
        "0 up anna\n0 call 1 100\n6 caller-gone 1\n6 call 2 100",
        expect![[r#"
        0.0 up anna
          · anna ready
        0.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · anna offered
        6.0 caller-gone 1
          > cancel 1
          · offer 1 caller_gone after 6.0 s
          · anna ready
          · 1 abandoned after 6.0 s
          · 1 ended by caller, talked 0.0 s
        6.0 call 2 100
          > answer 2
          > play caller/2 ["welcome"] en Music(["tide"])
          > offer 2: 2 (5552) to anna from sales
          · 2 queued in sales (1 waiting)
          · anna offered
    "#]],
    );
}

#[test]
fn after_the_call_the_agent_wraps_up_and_then_takes_the_next() {
    check(
        small_centre(),
        "0 up anna\n0 call 1 100\n1 answer 1\n2 call 2 100\n10 agent-gone 1\n16 tick",
        expect![[r#"
            0.0 up anna
              · anna ready
            0.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              > offer 1: 1 (5551) to anna from sales
              · 1 queued in sales (1 waiting)
              · anna offered
            1.0 answer 1
              > bridge 1 with 1
              · offer 1 answered after 1.0 s
              · 1 answered after 1.0 s, in time
              · anna talking
            2.0 call 2 100
              > answer 2
              > play caller/2 ["welcome"] en Music(["tide"])
              · 2 queued in sales (1 waiting)
            10.0 agent-gone 1
              > hang up caller/1
              · 1 ended by agent, talked 9.0 s
              · anna wrap_up
            15.0 (time)
              > offer 2: 2 (5552) to anna from sales
              · anna wrapped up in 5.0 s
              · anna ready
              · anna offered
            16.0 tick
        "#]],
    );
}

#[test]
fn agent_serves_whoever_has_waited_longest_across_his_queues() {
    check(
        small_centre(),
        "0 call 1 200\n1 call 2 100\n5 up carla\n6 answer 1\n7 caller-gone 1\n13 tick",
        expect![[r#"
            0.0 call 1 200
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              · 1 queued in support (1 waiting)
            1.0 call 2 100
              > answer 2
              > play caller/2 ["welcome"] en Music(["tide"])
              · 2 queued in sales (1 waiting)
            5.0 up carla
              > offer 1: 1 (5551) to carla from support
              · carla ready
              · carla offered
            6.0 answer 1
              > bridge 1 with 1
              · offer 1 answered after 1.0 s
              · 1 answered after 6.0 s, in time
              · carla talking
            7.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 1.0 s
              · carla wrap_up
            12.0 (time)
              > offer 2: 2 (5552) to carla from sales
              · carla wrapped up in 5.0 s
              · carla ready
              · carla offered
            13.0 tick
        "#]],
    );
}

#[test]
fn queued_early_media_call_is_answered_when_the_agent_answers() {
    let settings = centre(|rules| rules.queues[0].answer = super::super::settings::AnswerMode::EarlyMedia);
    check(
        settings,
        "0 up anna\n0 call 1 100\n3 answer 1",
        expect![[r#"
        0.0 up anna
          · anna ready
        0.0 call 1 100
          > progress 1
          > play caller/1 ["welcome"] en Music(["tide"])
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · anna offered
        3.0 answer 1
          > answer 1
          > bridge 1 with 1
          · offer 1 answered after 3.0 s
          · 1 answered after 3.0 s, in time
          · anna talking
    "#]],
    );
}
