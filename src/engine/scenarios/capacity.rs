//! Agents who may be in several calls at once.

use super::*;
use expect_test::expect;

/// anna may be in two calls at once.
fn two_at_once() -> Settings {
    centre(|rules| rules.agents[0].capacity = 2)
}

#[test]
fn an_agent_may_be_in_as_many_calls_as_his_capacity_and_is_rung_for_one_at_a_time() {
    check_plot(
        two_at_once(),
        "0 up anna\n1 call 1 100\n2 call 2 100\n3 call 3 100\n4 answer 1\n5 answer 2\n6 caller-gone 1\n30 tick",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 call 2 100
          · 2 queued in sales (2 waiting)
        3.0 call 3 100
          · 3 queued in sales (3 waiting)
        4.0 answer 1
          > bridge 1 with 1
          > offer 2: 2 (5552) to anna from sales
          · offer 1 answered after 3.0 s
          · 1 answered after 3.0 s, in time
          · anna talking
        5.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 1.0 s
          · 2 answered after 3.0 s, in time
        6.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 2.0 s
        11.0 (time)
          > offer 3: 3 (5553) to anna from sales
          · anna wrapped up in 5.0 s
        30.0 tick
    "#]],
    );
}

#[test]
fn who_is_quite_free_is_asked_before_who_is_in_a_call() {
    check_plot(
        two_at_once(),
        "0 up anna\n1 call 1 100\n2 answer 1\n3 up ben\n4 call 2 100\n5 call 3 100",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        3.0 up ben
        4.0 call 2 100
          > offer 2: 2 (5552) to ben from sales
          · 2 queued in sales (1 waiting)
        5.0 call 3 100
          > offer 3: 3 (5553) to anna from sales
          · 3 queued in sales (2 waiting)
    "#]],
    );
}

#[test]
fn he_is_on_hold_to_others_only_if_all_his_calls_are() {
    check_plot(
        two_at_once(),
        "0 up anna\n1 call 1 100\n2 answer 1\n3 call 2 100\n4 answer 2\n5 hold 1\n6 hold 2\n7 resume 1",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        3.0 call 2 100
          > offer 2: 2 (5552) to anna from sales
          · 2 queued in sales (1 waiting)
        4.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 1.0 s
          · 2 answered after 1.0 s, in time
        5.0 hold 1
        6.0 hold 2
          · anna on_hold
        7.0 resume 1
          > bridge 1 with 1
          · anna talking
    "#]],
    );
}

#[test]
fn after_call_work_of_one_call_keeps_him_from_a_third_while_the_other_goes_on() {
    check_plot(
        two_at_once(),
        "0 up anna\n1 call 1 100\n2 answer 1\n3 call 2 100\n4 answer 2\n5 call 3 100\n10 agent-gone 1\n14 tick\n16 tick",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        3.0 call 2 100
          > offer 2: 2 (5552) to anna from sales
          · 2 queued in sales (1 waiting)
        4.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 1.0 s
          · 2 answered after 1.0 s, in time
        5.0 call 3 100
          · 3 queued in sales (1 waiting)
        10.0 agent-gone 1
          > hang up caller/1
          · 1 ended by agent, talked 8.0 s
        14.0 tick
        15.0 (time)
          > offer 3: 3 (5553) to anna from sales
          · anna wrapped up in 5.0 s
        16.0 tick
    "#]],
    );
}

#[test]
fn releasing_him_ends_all_his_calls() {
    check_plot(
        two_at_once(),
        "0 up anna\n1 call 1 100\n2 answer 1\n3 call 2 100\n4 answer 2\n5 release anna",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        3.0 call 2 100
          > offer 2: 2 (5552) to anna from sales
          · 2 queued in sales (1 waiting)
        4.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 1.0 s
          · 2 answered after 1.0 s, in time
        5.0 release anna
          > hang up caller/1
          > hang up agent/1
          > hang up caller/2
          > hang up agent/2
          > reply 1 Ok(())
          · 1 ended by system, talked 3.0 s
          · 2 ended by system, talked 1.0 s
          · anna wrapped up in 0.0 s
          · anna wrap_up
          · anna wrapped up in 0.0 s
    "#]],
    );
}
