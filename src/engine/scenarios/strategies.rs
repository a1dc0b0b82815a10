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

#[test]
fn round_robin_goes_on_after_whom_it_asked_last_whether_he_answered_or_not() {
    check_plot(
        with(StrategyName::RoundRobin),
        "0 up carla\n0 up ben\n0 up anna\n1 call 1 100\n2 fail 1 declined\n3 answer 2\n4 call 2 100\n5 caller-gone 2\n13 call 3 100\n14 call 4 100",
        expect![[r#"
        0.0 up carla
        0.0 up ben
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 fail 1 declined
          > offer 2: 1 (5551) to ben from sales
          · offer 1 declined after 1.0 s
          · anna resting
        3.0 answer 2
          > bridge 1 with 2
          · offer 2 answered after 1.0 s
          · 1 answered after 2.0 s, in time
          · ben talking
        4.0 call 2 100
          > offer 3: 2 (5552) to carla from sales
          · 2 queued in sales (1 waiting)
        5.0 caller-gone 2
          > cancel 3
          · offer 3 caller_gone after 1.0 s
          · 2 short_abandon after 1.0 s
          · 2 ended by caller, talked 0.0 s
        12.0 (time)
        13.0 call 3 100
          > offer 4: 3 (5553) to anna from sales
          · 3 queued in sales (1 waiting)
        14.0 call 4 100
          > offer 5: 4 (5554) to carla from sales
          · 4 queued in sales (2 waiting)
    "#]],
    );
}

#[test]
fn fewest_calls_asks_who_has_answered_the_fewest() {
    check_plot(
        with(StrategyName::FewestCalls),
        "0 up anna\n0 up ben\n1 call 1 100\n2 answer 1\n3 caller-gone 1\n9 call 2 100\n10 answer 2\n11 caller-gone 2\n20 call 3 100\n21 answer 3\n22 caller-gone 3\n30 call 4 100",
        expect![[r#"
        0.0 up anna
        0.0 up ben
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        3.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 1.0 s
          · anna wrap_up
        8.0 (time)
          · anna wrapped up in 5.0 s
        9.0 call 2 100
          > offer 2: 2 (5552) to ben from sales
          · 2 queued in sales (1 waiting)
        10.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 1.0 s
          · 2 answered after 1.0 s, in time
          · ben talking
        11.0 caller-gone 2
          > hang up agent/2
          · 2 ended by caller, talked 1.0 s
          · ben wrap_up
        16.0 (time)
          · ben wrapped up in 5.0 s
        20.0 call 3 100
          > offer 3: 3 (5553) to anna from sales
          · 3 queued in sales (1 waiting)
        21.0 answer 3
          > bridge 3 with 3
          · offer 3 answered after 1.0 s
          · 3 answered after 1.0 s, in time
          · anna talking
        22.0 caller-gone 3
          > hang up agent/3
          · 3 ended by caller, talked 1.0 s
          · anna wrap_up
        27.0 (time)
          · anna wrapped up in 5.0 s
        30.0 call 4 100
          > offer 4: 4 (5554) to ben from sales
          · 4 queued in sales (1 waiting)
    "#]],
    );
}

#[test]
fn least_talk_time_asks_who_has_talked_least_however_many_calls_that_were() {
    check_plot(
        with(StrategyName::LeastTalkTime),
        "0 up anna\n0 up ben\n1 call 1 100\n2 answer 1\n1000 caller-gone 1\n1010 call 2 100\n1011 answer 2\n1012 caller-gone 2\n1020 call 3 100\n1021 answer 3\n1022 caller-gone 3\n1030 call 4 100",
        expect![[r#"
        0.0 up anna
        0.0 up ben
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        1000.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 998.0 s
          · anna wrap_up
        1005.0 (time)
          · anna wrapped up in 5.0 s
        1010.0 call 2 100
          > offer 2: 2 (5552) to ben from sales
          · 2 queued in sales (1 waiting)
        1011.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 1.0 s
          · 2 answered after 1.0 s, in time
          · ben talking
        1012.0 caller-gone 2
          > hang up agent/2
          · 2 ended by caller, talked 1.0 s
          · ben wrap_up
        1017.0 (time)
          · ben wrapped up in 5.0 s
        1020.0 call 3 100
          > offer 3: 3 (5553) to ben from sales
          · 3 queued in sales (1 waiting)
        1021.0 answer 3
          > bridge 3 with 3
          · offer 3 answered after 1.0 s
          · 3 answered after 1.0 s, in time
          · ben talking
        1022.0 caller-gone 3
          > hang up agent/3
          · 3 ended by caller, talked 1.0 s
          · ben wrap_up
        1027.0 (time)
          · ben wrapped up in 5.0 s
        1030.0 call 4 100
          > offer 4: 4 (5554) to ben from sales
          · 4 queued in sales (1 waiting)
    "#]],
    );
}

#[test]
fn equal_occupancy_asks_who_was_occupied_for_the_smallest_share_of_his_time() {
    check_plot(
        with(StrategyName::EqualOccupancy),
        "0 up anna\n900 up ben\n901 call 1 100\n902 answer 1\n932 caller-gone 1\n940 call 2 100\n941 answer 2\n951 caller-gone 2\n960 call 3 100",
        expect![[r#"
        0.0 up anna
        900.0 up ben
        901.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        902.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        932.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 30.0 s
          · anna wrap_up
        937.0 (time)
          · anna wrapped up in 5.0 s
        940.0 call 2 100
          > offer 2: 2 (5552) to ben from sales
          · 2 queued in sales (1 waiting)
        941.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 1.0 s
          · 2 answered after 1.0 s, in time
          · ben talking
        951.0 caller-gone 2
          > hang up agent/2
          · 2 ended by caller, talked 10.0 s
          · ben wrap_up
        956.0 (time)
          · ben wrapped up in 5.0 s
        960.0 call 3 100
          > offer 3: 3 (5553) to anna from sales
          · 3 queued in sales (1 waiting)
    "#]],
    );
}

#[test]
fn least_skilled_keeps_those_who_can_do_more_for_calls_that_need_them() {
    check_plot(
        with(StrategyName::LeastSkilled),
        "0 up carla\n0 up ben\n9 up anna\n10 call 1 100\n11 call 2 101",
        expect![[r#"
        0.0 up carla
        0.0 up ben
        9.0 up anna
        10.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        11.0 call 2 101
          > offer 2: 2 (5552) to ben from sales
          · 2 queued in sales (2 waiting)
    "#]],
    );
}

#[test]
fn linear_asks_the_first_who_is_free_from_the_top_down() {
    check_plot(
        with(StrategyName::Linear),
        "0 up carla\n1 up ben\n2 up anna\n3 call 1 100\n4 call 2 100\n5 caller-gone 1\n6 call 3 100",
        expect![[r#"
        0.0 up carla
        1.0 up ben
        2.0 up anna
        3.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        4.0 call 2 100
          > offer 2: 2 (5552) to ben from sales
          · 2 queued in sales (2 waiting)
        5.0 caller-gone 1
          > cancel 1
          · offer 1 caller_gone after 2.0 s
          · 1 short_abandon after 2.0 s
          · 1 ended by caller, talked 0.0 s
        6.0 call 3 100
          > offer 3: 3 (5553) to anna from sales
          · 3 queued in sales (2 waiting)
    "#]],
    );
}
