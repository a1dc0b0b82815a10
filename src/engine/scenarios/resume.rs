//! A caller who lost the connection has his old place again.

use super::*;
use expect_test::expect;

/// Who lost the connection to sales has two minutes.
fn forgiving() -> Settings {
    centre(|rules| rules.queues[0].resume_within = Some(secs(120)))
}

#[test]
fn who_lost_the_connection_has_his_old_place_again() {
    check_plot(
        forgiving(),
        "0 call 1 100 from=7\n10 call 2 100\n30 caller-gone 1\n60 call 3 100 from=7\n70 up anna",
        expect![[r#"
        0.0 call 1 100 from=7
          · 1 queued in sales (1 waiting)
        10.0 call 2 100
          · 2 queued in sales (2 waiting)
        30.0 caller-gone 1
          · 1 abandoned after 30.0 s
          · 1 ended by caller, talked 0.0 s
        60.0 call 3 100 from=7
          · 3 queued in sales (2 waiting), resumed
        70.0 up anna
          > offer 1: 3 (7) to anna from sales
    "#]],
    );
}

#[test]
fn the_wait_that_is_told_begins_anew() {
    check_plot(
        forgiving(),
        "0 call 1 100 from=7\n30 caller-gone 1\n40 call 2 100 from=7\n45 up anna\n46 answer 1",
        expect![[r#"
        0.0 call 1 100 from=7
          · 1 queued in sales (1 waiting)
        30.0 caller-gone 1
          · 1 abandoned after 30.0 s
          · 1 ended by caller, talked 0.0 s
        40.0 call 2 100 from=7
          · 2 queued in sales (1 waiting), resumed
        45.0 up anna
          > offer 1: 2 (7) to anna from sales
        46.0 answer 1
          > bridge 2 with 1
          · offer 1 answered after 1.0 s
          · 2 answered after 6.0 s, in time
          · anna talking
    "#]],
    );
}

#[test]
fn anonymous_callers_have_no_old_place() {
    check_plot(
        forgiving(),
        "0 call 1 100 from=anonymous\n10 call 2 100\n30 caller-gone 1\n60 call 3 100 from=anonymous\n70 up anna",
        expect![[r#"
        0.0 call 1 100 from=anonymous
          · 1 queued in sales (1 waiting)
        10.0 call 2 100
          · 2 queued in sales (2 waiting)
        30.0 caller-gone 1
          · 1 abandoned after 30.0 s
          · 1 ended by caller, talked 0.0 s
        60.0 call 3 100 from=anonymous
          · 3 queued in sales (2 waiting)
        70.0 up anna
          > offer 1: 2 (5552) to anna from sales
    "#]],
    );
}

#[test]
fn after_the_window_he_stands_at_the_end() {
    check_plot(
        forgiving(),
        "0 call 1 100 from=7\n10 call 2 100\n30 caller-gone 1\n151 call 3 100 from=7\n160 up anna",
        expect![[r#"
        0.0 call 1 100 from=7
          · 1 queued in sales (1 waiting)
        10.0 call 2 100
          · 2 queued in sales (2 waiting)
        30.0 caller-gone 1
          · 1 abandoned after 30.0 s
          · 1 ended by caller, talked 0.0 s
        151.0 call 3 100 from=7
          · 3 queued in sales (2 waiting)
        160.0 up anna
          > offer 1: 2 (5552) to anna from sales
    "#]],
    );
}

#[test]
fn the_old_place_is_his_once_and_not_for_a_second_call_beside_it() {
    check_plot(
        forgiving(),
        "0 call 1 100 from=7\n10 call 2 100\n30 caller-gone 1\n40 call 3 100 from=7\n41 call 4 100 from=7\n50 up anna\n51 fail 1 busy\n52 caller-gone 3\n70 tick",
        expect![[r#"
        0.0 call 1 100 from=7
          · 1 queued in sales (1 waiting)
        10.0 call 2 100
          · 2 queued in sales (2 waiting)
        30.0 caller-gone 1
          · 1 abandoned after 30.0 s
          · 1 ended by caller, talked 0.0 s
        40.0 call 3 100 from=7
          · 3 queued in sales (2 waiting), resumed
        41.0 call 4 100 from=7
          · 4 queued in sales (3 waiting)
        50.0 up anna
          > offer 1: 3 (7) to anna from sales
        51.0 fail 1 busy
          · offer 1 busy after 1.0 s
          · anna resting
        52.0 caller-gone 3
          · 3 abandoned after 12.0 s
          · 3 ended by caller, talked 0.0 s
        61.0 (time)
          > offer 2: 2 (5552) to anna from sales
        70.0 tick
    "#]],
    );
}

#[test]
fn who_loses_the_connection_twice_still_has_the_first_place() {
    check_plot(
        forgiving(),
        "0 call 1 100 from=7\n5 call 2 100\n30 caller-gone 1\n40 call 3 100 from=7\n50 caller-gone 3\n60 call 4 100 from=7\n70 up anna",
        expect![[r#"
        0.0 call 1 100 from=7
          · 1 queued in sales (1 waiting)
        5.0 call 2 100
          · 2 queued in sales (2 waiting)
        30.0 caller-gone 1
          · 1 abandoned after 30.0 s
          · 1 ended by caller, talked 0.0 s
        40.0 call 3 100 from=7
          · 3 queued in sales (2 waiting), resumed
        50.0 caller-gone 3
          · 3 abandoned after 10.0 s
          · 3 ended by caller, talked 0.0 s
        60.0 call 4 100 from=7
          · 4 queued in sales (2 waiting), resumed
        70.0 up anna
          > offer 1: 4 (7) to anna from sales
    "#]],
    );
}

#[test]
fn what_a_supervisor_credited_him_with_is_his_again() {
    check_plot(
        forgiving(),
        "0 call 1 100\n10 call 2 100 from=7\n11 prioritise 2 60\n12 caller-gone 2\n20 call 3 100 from=7\n30 up anna",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        10.0 call 2 100 from=7
          · 2 queued in sales (2 waiting)
        11.0 prioritise 2 60
          > reply 1 Ok(())
        12.0 caller-gone 2
          · 2 short_abandon after 2.0 s
          · 2 ended by caller, talked 0.0 s
        20.0 call 3 100 from=7
          · 3 queued in sales (2 waiting), resumed
        30.0 up anna
          > offer 1: 3 (7) to anna from sales
    "#]],
    );
}

#[test]
fn who_talked_to_an_agent_has_no_old_place() {
    check_plot(
        forgiving(),
        "0 up anna\n1 call 1 100 from=7\n2 answer 1\n3 call 2 100\n10 caller-gone 1\n11 call 3 100 from=7\n16 tick",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100 from=7
          > offer 1: 1 (7) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        3.0 call 2 100
          · 2 queued in sales (1 waiting)
        10.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 8.0 s
          · anna wrap_up
        11.0 call 3 100 from=7
          · 3 queued in sales (2 waiting)
        15.0 (time)
          > offer 2: 2 (5552) to anna from sales
          · anna wrapped up in 5.0 s
        16.0 tick
    "#]],
    );
}

#[test]
fn who_finds_the_queue_full_keeps_his_old_place_for_the_next_try() {
    check_plot(
        centre(|rules| {
            *rules = forgiving();
            rules.queues[0].waiting_max = 2;
        }),
        "0 call 1 100 from=7\n10 call 2 100\n30 caller-gone 1\n31 call 3 100\n40 call 4 100 from=7\n50 caller-gone 3\n60 call 5 100 from=7\n70 up anna",
        expect![[r#"
        0.0 call 1 100 from=7
          · 1 queued in sales (1 waiting)
        10.0 call 2 100
          · 2 queued in sales (2 waiting)
        30.0 caller-gone 1
          · 1 abandoned after 30.0 s
          · 1 ended by caller, talked 0.0 s
        31.0 call 3 100
          · 3 queued in sales (2 waiting)
        40.0 call 4 100 from=7
          > refuse 4 486
          · 4 refused QueueFull
        50.0 caller-gone 3
          · 3 abandoned after 19.0 s
          · 3 ended by caller, talked 0.0 s
        60.0 call 5 100 from=7
          · 5 queued in sales (2 waiting), resumed
        70.0 up anna
          > offer 1: 5 (7) to anna from sales
    "#]],
    );
}
