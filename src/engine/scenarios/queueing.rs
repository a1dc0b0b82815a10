//! Places in line, and the ways out of it.

use super::*;
use expect_test::expect;

#[test]
fn calls_of_one_queue_are_served_in_the_order_they_came() {
    check(
        small_centre(),
        "0 call 1 100\n1 call 2 100\n2 call 3 100\n3 up anna\n3 up ben\n3 up carla",
        expect![[r#"
            0.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              · 1 queued in sales (1 waiting)
            1.0 call 2 100
              > answer 2
              > play caller/2 ["welcome"] en Music(["tide"])
              · 2 queued in sales (2 waiting)
            2.0 call 3 100
              > answer 3
              > play caller/3 ["welcome"] en Music(["tide"])
              · 3 queued in sales (3 waiting)
            3.0 up anna
              > offer 1: 1 (5551) to anna from sales
              · anna ready
              · anna offered
            3.0 up ben
              > offer 2: 2 (5552) to ben from sales
              · ben ready
              · ben offered
            3.0 up carla
              > offer 3: 3 (5553) to carla from sales
              · carla ready
              · carla offered
        "#]],
    );
}

#[test]
fn credit_overtakes_those_who_wait_less_but_not_those_who_have_waited_longer() {
    check(
        small_centre(),
        "0 call 1 100\n30 call 2 100\n70 call 3 102\n71 up anna\n72 up ben\n73 up carla",
        expect![[r#"
            0.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              · 1 queued in sales (1 waiting)
            30.0 call 2 100
              > answer 2
              > play caller/2 ["welcome"] en Music(["tide"])
              · 2 queued in sales (2 waiting)
            70.0 call 3 102
              > answer 3
              > play caller/3 ["welcome"] en Music(["tide"])
              · 3 queued in sales (3 waiting)
            71.0 up anna
              > offer 1: 1 (5551) to anna from sales
              · anna ready
              · anna offered
            72.0 up ben
              > offer 2: 3 (5553) to ben from sales
              · ben ready
              · ben offered
            73.0 up carla
              > offer 3: 2 (5552) to carla from sales
              · carla ready
              · carla offered
        "#]],
    );
}

#[test]
fn caller_who_gives_up_soon_is_a_short_abandon_later_an_abandon() {
    check(
        small_centre(),
        "0 call 1 100\n0 call 2 100\n4.9 caller-gone 1\n5 caller-gone 2",
        expect![[r#"
        0.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          · 1 queued in sales (1 waiting)
        0.0 call 2 100
          > answer 2
          > play caller/2 ["welcome"] en Music(["tide"])
          · 2 queued in sales (2 waiting)
        4.9 caller-gone 1
          · 1 short_abandon after 4.9 s
          · 1 ended by caller, talked 0.0 s
        5.0 caller-gone 2
          · 2 abandoned after 5.0 s
          · 2 ended by caller, talked 0.0 s
    "#]],
    );
}

#[test]
fn answer_at_the_threshold_is_in_time_and_after_it_is_not() {
    check(
        small_centre(),
        "0 call 1 100\n0 call 2 100\n19 up anna\n19 up ben\n20 answer 1\n20.1 answer 2",
        expect![[r#"
            0.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              · 1 queued in sales (1 waiting)
            0.0 call 2 100
              > answer 2
              > play caller/2 ["welcome"] en Music(["tide"])
              · 2 queued in sales (2 waiting)
            19.0 up anna
              > offer 1: 1 (5551) to anna from sales
              · anna ready
              · anna offered
            19.0 up ben
              > offer 2: 2 (5552) to ben from sales
              · ben ready
              · ben offered
            20.0 answer 1
              > bridge 1 with 1
              · offer 1 answered after 1.0 s
              · 1 answered after 20.0 s, in time
              · anna talking
            20.1 answer 2
              > bridge 2 with 2
              · offer 2 answered after 1.1 s
              · 2 answered after 20.1 s
              · ben talking
        "#]],
    );
}

#[test]
fn full_queue_refuses_the_next_call_and_harms_nobody_who_waits() {
    let settings = centre(|rules| rules.queues[0].waiting_max = 2);
    check(
        settings,
        "0 call 1 100\n1 call 2 100\n2 call 3 100\n3 caller-gone 1\n4 call 4 100",
        expect![[r#"
        0.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          · 1 queued in sales (1 waiting)
        1.0 call 2 100
          > answer 2
          > play caller/2 ["welcome"] en Music(["tide"])
          · 2 queued in sales (2 waiting)
        2.0 call 3 100
          > refuse 3 486
          · 3 refused QueueFull
        3.0 caller-gone 1
          · 1 short_abandon after 3.0 s
          · 1 ended by caller, talked 0.0 s
        4.0 call 4 100
          > answer 4
          > play caller/4 ["welcome"] en Music(["tide"])
          · 4 queued in sales (2 waiting)
    "#]],
    );
}

#[test]
fn caller_who_has_waited_the_longest_wait_hears_why_and_is_let_go() {
    let settings = centre(|rules| rules.queues[0].wait_max = Some(Duration::from_secs(60)));
    check(
        settings,
        "0 call 1 101\n60 tick\n64 heard 1",
        expect![[r#"
        0.0 call 1 101
          > answer 1
          > play caller/1 ["welcome"] es Music(["tide"])
          · 1 queued in sales (1 waiting)
        60.0 tick
          > play caller/1 ["all-busy"] es Silence
          · 1 timeout after 60.0 s
        64.0 heard 1
          > hang up caller/1
          · 1 ended by system, talked 0.0 s
    "#]],
    );
}

#[test]
fn farewell_that_is_never_reported_as_heard_still_ends() {
    let settings = centre(|rules| rules.queues[0].wait_max = Some(Duration::from_secs(60)));
    check(
        settings,
        "0 call 1 100\n100 tick",
        expect![[r#"
        0.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          · 1 queued in sales (1 waiting)
        60.0 (time)
          > play caller/1 ["all-busy"] en Silence
          · 1 timeout after 60.0 s
        90.0 (time)
          > hang up caller/1
          · 1 ended by system, talked 0.0 s
        100.0 tick
    "#]],
    );
}

#[test]
fn longest_wait_ends_the_ringing_too() {
    let settings = centre(|rules| rules.queues[0].wait_max = Some(Duration::from_secs(10)));
    check(
        settings,
        "0 up anna\n0 call 1 100\n10 tick\n11 answer 1",
        expect![[r#"
        0.0 up anna
          · anna ready
        0.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · anna offered
        10.0 tick
          > cancel 1
          > play caller/1 ["all-busy"] en Silence
          · offer 1 caller_gone after 10.0 s
          · anna ready
          · 1 timeout after 10.0 s
        11.0 answer 1
          > hang up agent/1
    "#]],
    );
}

#[test]
fn unknown_number_is_refused() {
    check(
        small_centre(),
        "0 call 1 999",
        expect![[r#"
        0.0 call 1 999
          > refuse 1 404
          · 1 refused UnknownNumber
    "#]],
    );
}

#[test]
fn more_calls_than_the_limit_are_refused_early() {
    let settings = centre(|rules| rules.limits.calls_max = 1);
    check(
        settings,
        "0 call 1 100\n1 call 2 200",
        expect![[r#"
        0.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          · 1 queued in sales (1 waiting)
        1.0 call 2 200
          > refuse 2 503
          · 2 refused Overload
    "#]],
    );
}

#[test]
fn supervisor_can_end_a_call_in_any_stage() {
    check(
        small_centre(),
        "0 call 1 101\n0 up anna\n0 call 2 100\n1 hangup 2\n1 call 3 100\n2 answer 2\n3 hangup 3\n4 hangup 1\n5 hangup 1",
        expect![[r#"
            0.0 call 1 101
              > answer 1
              > play caller/1 ["welcome"] es Music(["tide"])
              · 1 queued in sales (1 waiting)
            0.0 up anna
              · anna ready
            0.0 call 2 100
              > answer 2
              > play caller/2 ["welcome"] en Music(["tide"])
              > offer 1: 2 (5552) to anna from sales
              · 2 queued in sales (2 waiting)
              · anna offered
            1.0 hangup 2
              > hang up caller/2
              > cancel 1
              > reply 1 Ok(())
              · offer 1 caller_gone after 1.0 s
              · anna ready
              · 2 error after 1.0 s
              · 2 ended by system, talked 0.0 s
            1.0 call 3 100
              > answer 3
              > play caller/3 ["welcome"] en Music(["tide"])
              > offer 2: 3 (5553) to anna from sales
              · 3 queued in sales (2 waiting)
              · anna offered
            2.0 answer 2
              > bridge 3 with 2
              · offer 2 answered after 1.0 s
              · 3 answered after 1.0 s, in time
              · anna talking
            3.0 hangup 3
              > hang up caller/3
              > hang up agent/2
              > reply 2 Ok(())
              · 3 ended by system, talked 1.0 s
              · anna wrap_up
            4.0 hangup 1
              > hang up caller/1
              > reply 3 Ok(())
              · 1 error after 4.0 s
              · 1 ended by system, talked 0.0 s
            5.0 hangup 1
              > reply 4 Err(UnknownCall)
        "#]],
    );
}
