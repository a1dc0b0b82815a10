//! Ring progressively: one agent, after a while one more beside him.

use super::*;
use expect_test::expect;

fn ring_progressively() -> Settings {
    centre(|rules| {
        rules.queues[0].strategy = StrategyName::RingProgressively;
        rules.queues[0].ring_step = secs(4);
    })
}

#[test]
fn one_more_agent_is_rung_after_each_step_and_the_first_answer_calls_the_others_off() {
    check_plot(
        ring_progressively(),
        "0 up anna\n1 up ben\n2 up carla\n10 call 1 100\n15 tick\n19 answer 2\n40 tick",
        expect![[r#"
        0.0 up anna
        1.0 up ben
        2.0 up carla
        10.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        14.0 (time)
          > offer 2: 1 (5551) to ben from sales
        15.0 tick
        18.0 (time)
          > offer 3: 1 (5551) to carla from sales
        19.0 answer 2
          > cancel 1 (elsewhere)
          > cancel 3 (elsewhere)
          > bridge 1 with 2
          · offer 2 answered after 5.0 s
          · offer 1 answered_elsewhere after 9.0 s
          · offer 3 answered_elsewhere after 1.0 s
          · 1 answered after 9.0 s, in time
          · ben talking
        40.0 tick
    "#]],
    );
}

#[test]
fn who_becomes_free_later_is_rung_at_the_next_step() {
    check_plot(
        ring_progressively(),
        "0 up anna\n10 call 1 100\n15 up ben\n17 tick\n18.5 tick",
        expect![[r#"
        0.0 up anna
        10.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        14.0 (time)
        15.0 up ben
        17.0 tick
        18.0 (time)
          > offer 2: 1 (5551) to ben from sales
        18.5 tick
    "#]],
    );
}

#[test]
fn each_has_his_own_ring_timeout_and_when_all_have_missed_it_the_first_step_comes_again() {
    check_plot(
        ring_progressively(),
        "0 up anna\n1 up ben\n10 call 1 100\n45 tick",
        expect![[r#"
        0.0 up anna
        1.0 up ben
        10.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        14.0 (time)
          > offer 2: 1 (5551) to ben from sales
        18.0 (time)
        22.0 (time)
        26.0 (time)
        30.0 (time)
          > cancel 1
          · offer 1 no_answer after 20.0 s
          · anna resting
        34.0 (time)
          > cancel 2
          · offer 2 no_answer after 20.0 s
          · ben resting
        40.0 (time)
          > offer 3: 1 (5551) to anna from sales
        44.0 (time)
          > offer 4: 1 (5551) to ben from sales
        45.0 tick
    "#]],
    );
}

#[test]
fn a_caller_who_hangs_up_stops_every_phone_that_rings() {
    check_plot(
        ring_progressively(),
        "0 up anna\n1 up ben\n10 call 1 100\n15 caller-gone 1\n60 tick",
        expect![[r#"
        0.0 up anna
        1.0 up ben
        10.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        14.0 (time)
          > offer 2: 1 (5551) to ben from sales
        15.0 caller-gone 1
          > cancel 1
          > cancel 2
          · offer 1 caller_gone after 5.0 s
          · offer 2 caller_gone after 1.0 s
          · 1 abandoned after 5.0 s
          · 1 ended by caller, talked 0.0 s
        60.0 tick
    "#]],
    );
}
