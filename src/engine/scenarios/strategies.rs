//! Who is asked first.

use super::*;
use expect_test::expect;

fn with(strategy: StrategyName) -> Settings {
    centre(|rules| rules.queues[0].strategy = strategy)
}

#[test]
fn longest_idle_asks_the_agent_who_has_been_free_longest() {
    check(
        with(StrategyName::LongestIdle),
        "0 up carla\n1 up anna\n2 up ben\n5 call 1 100\n5 call 2 100",
        expect![[r#"
            0.0 up carla
              · carla ready
            1.0 up anna
              · anna ready
            2.0 up ben
              · ben ready
            5.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              > offer 1: 1 (5551) to carla from sales
              · 1 queued in sales (1 waiting)
              · carla offered
            5.0 call 2 100
              > answer 2
              > play caller/2 ["welcome"] en Music(["tide"])
              > offer 2: 2 (5552) to anna from sales
              · 2 queued in sales (2 waiting)
              · anna offered
        "#]],
    );
}

#[test]
fn ringing_in_vain_for_a_caller_who_left_costs_no_place_among_the_idle() {
    check(
        with(StrategyName::LongestIdle),
        "0 up anna\n1 up ben\n5 call 1 100\n6 caller-gone 1\n7 call 2 100",
        expect![[r#"
            0.0 up anna
              · anna ready
            1.0 up ben
              · ben ready
            5.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              > offer 1: 1 (5551) to anna from sales
              · 1 queued in sales (1 waiting)
              · anna offered
            6.0 caller-gone 1
              > cancel 1
              · offer 1 caller_gone after 1.0 s
              · anna ready
              · 1 short_abandon after 1.0 s
              · 1 ended by caller, talked 0.0 s
            7.0 call 2 100
              > answer 2
              > play caller/2 ["welcome"] en Music(["tide"])
              > offer 2: 2 (5552) to anna from sales
              · 2 queued in sales (1 waiting)
              · anna offered
        "#]],
    );
}

#[test]
fn best_skill_asks_the_most_proficient_in_what_is_required() {
    check(
        with(StrategyName::BestSkill),
        "0 up carla\n1 up ben\n2 up anna\n5 call 1 100\n5 call 2 101",
        expect![[r#"
            0.0 up carla
              · carla ready
            1.0 up ben
              · ben ready
            2.0 up anna
              · anna ready
            5.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              > offer 1: 1 (5551) to anna from sales
              · 1 queued in sales (1 waiting)
              · anna offered
            5.0 call 2 101
              > answer 2
              > play caller/2 ["welcome"] es Music(["tide"])
              > offer 2: 2 (5552) to carla from sales
              · 2 queued in sales (2 waiting)
              · carla offered
        "#]],
    );
}

#[test]
fn ring_all_rings_everybody_and_the_first_answer_has_the_call() {
    check(
        with(StrategyName::RingAll),
        "0 up anna\n0 up ben\n0 up carla\n1 call 1 100\n4 answer 2",
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
              > offer 2: 1 (5551) to ben from sales
              > offer 3: 1 (5551) to carla from sales
              · 1 queued in sales (1 waiting)
              · anna offered
              · ben offered
              · carla offered
            4.0 answer 2
              > cancel 1 (elsewhere)
              > cancel 3 (elsewhere)
              > bridge 1 with 2
              · offer 2 answered after 3.0 s
              · offer 1 answered_elsewhere after 3.0 s
              · offer 3 answered_elsewhere after 3.0 s
              · anna ready
              · carla ready
              · 1 answered after 3.0 s, in time
              · ben talking
        "#]],
    );
}

#[test]
fn ring_all_goes_on_when_one_declines_and_returns_the_call_to_line_when_all_have() {
    check(
        with(StrategyName::RingAll),
        "0 up anna\n0 up ben\n1 call 1 100\n2 fail 1 declined\n3 fail 2 busy\n12 tick\n13.5 tick",
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
            2.0 fail 1 declined
              · offer 1 declined after 1.0 s
              · anna resting
            3.0 fail 2 busy
              · offer 2 busy after 2.0 s
              · ben resting
            12.0 tick
              > offer 3: 1 (5551) to anna from sales
              · anna ready
              · anna offered
            13.0 (time)
              · ben ready
            13.5 tick
        "#]],
    );
}
