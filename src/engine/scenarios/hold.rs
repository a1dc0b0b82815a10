//! Calls that an agent has put on hold.

use super::*;
use expect_test::expect;

#[test]
fn hold_has_music_and_its_time_is_in_the_record() {
    check(
        small_centre(),
        "0 up anna\n1 call 1 100\n2 answer 1\n10 hold 1\n25 resume 1\n30 hold 1\n32 resume 1\n40 caller-gone 1",
        expect![[r#"
        0.0 up anna
          · anna ready
        1.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · anna offered
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        10.0 hold 1
          > play caller/1 [] en Music(["tide"])
          · anna on_hold
        25.0 resume 1
          > bridge 1 with 1
          · anna talking
        30.0 hold 1
          > play caller/1 [] en Music(["tide"])
          · anna on_hold
        32.0 resume 1
          > bridge 1 with 1
          · anna talking
        40.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 38.0 s, 17.0 s on hold
          · anna wrap_up
    "#]],
    );
}

#[test]
fn a_caller_who_hangs_up_on_hold_was_on_hold_to_the_end() {
    check_plot(
        small_centre(),
        "0 up anna\n1 call 1 100\n2 answer 1\n10 hold 1\n25 caller-gone 1",
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
        10.0 hold 1
          · anna on_hold
        25.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 23.0 s, 15.0 s on hold
          · anna wrap_up
    "#]],
    );
}

#[test]
fn hold_said_twice_is_one_hold_and_resuming_without_one_is_nothing() {
    check_plot(
        small_centre(),
        "0 up anna\n1 call 1 100\n2 answer 1\n3 resume 1\n10 hold 1\n12 hold 1\n20 resume 1\n21 resume 1\n30 agent-gone 1",
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
        3.0 resume 1
        10.0 hold 1
          · anna on_hold
        12.0 hold 1
        20.0 resume 1
          > bridge 1 with 1
          · anna talking
        21.0 resume 1
        30.0 agent-gone 1
          > hang up caller/1
          · 1 ended by agent, talked 28.0 s, 10.0 s on hold
          · anna wrap_up
    "#]],
    );
}

#[test]
fn hold_of_a_leg_that_does_not_talk_is_ignored() {
    check_plot(
        small_centre(),
        "0 up anna\n1 call 1 100\n2 hold 1\n3 answer 1\n4 caller-gone 1\n5 hold 1",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 hold 1
        3.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 2.0 s
          · 1 answered after 2.0 s, in time
          · anna talking
        4.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 1.0 s
          · anna wrap_up
        5.0 hold 1
    "#]],
    );
}
