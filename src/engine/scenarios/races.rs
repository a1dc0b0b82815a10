//! Late, crossing and repeated messages are ordinary input.

use super::*;
use expect_test::expect;

#[test]
fn answer_that_crosses_the_callers_hangup_is_hung_up() {
    check(
        small_centre(),
        "0 up anna\n0 call 1 100\n3 caller-gone 1\n3.1 answer 1",
        expect![[r#"
        0.0 up anna
          · anna ready
        0.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · anna offered
        3.0 caller-gone 1
          > cancel 1
          · offer 1 caller_gone after 3.0 s
          · anna ready
          · 1 short_abandon after 3.0 s
          · 1 ended by caller, talked 0.0 s
        3.1 answer 1
          > hang up agent/1
    "#]],
    );
}

#[test]
fn answer_that_crosses_the_ring_timeout_is_hung_up_and_the_caller_keeps_waiting() {
    check(
        small_centre(),
        "0 up anna\n0 call 1 100\n20 tick\n20.1 answer 1",
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
        20.1 answer 1
          > hang up agent/1
    "#]],
    );
}

#[test]
fn second_answer_of_a_wave_is_hung_up() {
    let settings = centre(|rules| rules.queues[0].strategy = StrategyName::RingAll);
    check(
        settings,
        "0 up anna\n0 up ben\n1 call 1 100\n2 answer 1\n2 answer 2",
        expect![[r#"
        0.0 up anna
          · anna ready
        0.0 up ben
          · ben ready
        1.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          > offer 1: 1 (5551) to anna from sales
          > offer 2: 1 (5551) to ben from sales
          · 1 queued in sales (1 waiting)
          · anna offered
          · ben offered
        2.0 answer 1
          > cancel 2 (elsewhere)
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · offer 2 answered_elsewhere after 1.0 s
          · ben ready
          · 1 answered after 1.0 s, in time
          · anna talking
        2.0 answer 2
          > hang up agent/2
    "#]],
    );
}

#[test]
fn repeated_answer_of_the_winner_changes_nothing() {
    check(
        small_centre(),
        "0 up anna\n0 call 1 100\n2 answer 1\n2.5 answer 1",
        expect![[r#"
        0.0 up anna
          · anna ready
        0.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · anna offered
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 2.0 s
          · 1 answered after 2.0 s, in time
          · anna talking
        2.5 answer 1
    "#]],
    );
}

#[test]
fn both_sides_hanging_up_at_once_end_the_call_once() {
    check(
        small_centre(),
        "0 up anna\n0 call 1 100\n2 answer 1\n9 caller-gone 1\n9 agent-gone 1",
        expect![[r#"
            0.0 up anna
              · anna ready
            0.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              > offer 1: 1 (5551) to anna from sales
              · 1 queued in sales (1 waiting)
              · anna offered
            2.0 answer 1
              > bridge 1 with 1
              · offer 1 answered after 2.0 s
              · 1 answered after 2.0 s, in time
              · anna talking
            9.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 7.0 s
              · anna wrap_up
            9.0 agent-gone 1
        "#]],
    );
}

#[test]
fn news_of_offers_and_calls_long_gone_is_ignored() {
    check(
        small_centre(),
        "0 fail 7 busy\n0 ringing 7\n0 agent-gone 7\n0 caller-gone 7\n0 heard 7\n0 up anna\n0 up anna",
        expect![[r#"
            0.0 fail 7 busy
            0.0 ringing 7
            0.0 agent-gone 7
            0.0 caller-gone 7
            0.0 heard 7
            0.0 up anna
              · anna ready
            0.0 up anna
        "#]],
    );
}

#[test]
fn agent_whose_phone_dies_while_ringing_passes_the_call_on() {
    check(
        small_centre(),
        "0 up anna\n0 up ben\n0 call 1 100\n2 down anna\n2 agent-gone 1",
        expect![[r#"
        0.0 up anna
          · anna ready
        0.0 up ben
          · ben ready
        0.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · anna offered
        2.0 down anna
        2.0 agent-gone 1
          > offer 2: 1 (5551) to ben from sales
          · offer 1 unreachable after 2.0 s
          · anna unreachable
          · ben offered
    "#]],
    );
}
