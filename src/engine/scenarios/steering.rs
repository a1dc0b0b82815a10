//! What a supervisor can do with calls that wait.

use super::*;
use expect_test::expect;

#[test]
fn a_call_that_is_given_a_credit_overtakes_and_one_that_loses_it_falls_back() {
    check_plot(
        small_centre(),
        "0 call 1 100\n1 call 2 100\n2 call 3 102\n3 prioritise 2 120\n4 prioritise 3 0\n10 up anna\n11 answer 1\n12 agent-gone 1\n18 answer 2\n19 agent-gone 2",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        1.0 call 2 100
          · 2 queued in sales (2 waiting)
        2.0 call 3 102
          · 3 queued in sales (3 waiting)
        3.0 prioritise 2 120
          > reply 1 Ok(())
        4.0 prioritise 3 0
          > reply 2 Ok(())
        10.0 up anna
          > offer 1: 2 (5552) to anna from sales
        11.0 answer 1
          > bridge 2 with 1
          · offer 1 answered after 1.0 s
          · 2 answered after 10.0 s, in time
          · anna talking
        12.0 agent-gone 1
          > hang up caller/2
          · 2 ended by agent, talked 1.0 s
          · anna wrap_up
        17.0 (time)
          > offer 2: 1 (5551) to anna from sales
          · anna wrapped up in 5.0 s
        18.0 answer 2
          > bridge 1 with 2
          · offer 2 answered after 1.0 s
          · 1 answered after 18.0 s, in time
          · anna talking
        19.0 agent-gone 2
          > hang up caller/1
          · 1 ended by agent, talked 1.0 s
          · anna wrap_up
    "#]],
    );
}

#[test]
fn what_a_supervisor_requires_holds_from_then_on() {
    check_plot(
        small_centre(),
        "0 call 1 100\n1 require 1 spanish 8\n2 up anna\n3 up ben",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        1.0 require 1 spanish 8
          > reply 1 Ok(())
        2.0 up anna
        3.0 up ben
          > offer 1: 1 (5551) to ben from sales
    "#]],
    );
}

#[test]
fn a_requirement_added_while_a_phone_rings_holds_for_the_next() {
    check_plot(
        small_centre(),
        "0 up anna\n1 up carla\n2 call 1 100\n3 require 1 spanish 8\n4 fail 1 declined\n5 up ben",
        expect![[r#"
        0.0 up anna
        1.0 up carla
        2.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        3.0 require 1 spanish 8
          > reply 1 Ok(())
        4.0 fail 1 declined
          · offer 1 declined after 2.0 s
          · anna resting
        5.0 up ben
          > offer 2: 1 (5551) to ben from sales
    "#]],
    );
}

#[test]
fn who_no_longer_meets_what_is_required_is_no_longer_waited_for() {
    check_plot(
        centre(|rules| {
            rules.queues[0].last_agent =
                Some(crate::engine::settings::LastAgent { within: secs(3600), wait: secs(600) })
        }),
        "0 up anna\n1 call 1 100 from=7\n2 answer 1\n3 caller-gone 1\n10 call 2 100 from=8\n11 answer 2\n12 call 3 100 from=7\n13 up ben\n14 require 3 spanish 8",
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
        3.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 1.0 s
          · anna wrap_up
        8.0 (time)
          · anna wrapped up in 5.0 s
        10.0 call 2 100 from=8
          > offer 2: 2 (8) to anna from sales
          · 2 queued in sales (1 waiting)
        11.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 1.0 s
          · 2 answered after 1.0 s, in time
          · anna talking
        12.0 call 3 100 from=7
          · 3 queued in sales (1 waiting)
        13.0 up ben
        14.0 require 3 spanish 8
          > offer 3: 3 (7) to ben from sales
          > reply 1 Ok(())
          · 3 widened to level 0
    "#]],
    );
}

#[test]
fn a_call_moved_to_another_queue_takes_its_wait_along() {
    check_plot(
        small_centre(),
        "0 call 1 100\n5 call 2 200\n20 move 1 support\n30 up carla",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        5.0 call 2 200
          · 2 queued in support (1 waiting)
        20.0 move 1 support
          > reply 1 Ok(())
          · 1 withdrawn after 20.0 s → Queue(QueueId(1))
          · 1 queued in support (2 waiting), moved from sales
        30.0 up carla
          > offer 1: 1 (5551) to carla from support
    "#]],
    );
}

#[test]
fn a_call_cannot_be_moved_where_it_is_or_where_it_cannot_be_taken() {
    check_plot(
        centre(|rules| rules.queues[1].waiting_max = 0),
        "0 call 1 100\n1 move 1 sales\n2 move 1 support\n3 move 9 support",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        1.0 move 1 sales
          > reply 1 Err(CannotTake)
        2.0 move 1 support
          > reply 2 Err(CannotTake)
        3.0 move 9 support
          > reply 3 Err(UnknownCall)
    "#]],
    );
}

#[test]
fn moving_a_call_that_rings_stops_the_phone() {
    check_plot(
        small_centre(),
        "0 up anna\n1 call 1 100\n2 move 1 support\n3 up carla",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 move 1 support
          > cancel 1
          > reply 1 Ok(())
          · offer 1 caller_gone after 1.0 s
          · 1 withdrawn after 1.0 s → Queue(QueueId(1))
          · 1 queued in support (1 waiting), moved from sales
        3.0 up carla
          > offer 2: 1 (5551) to carla from support
    "#]],
    );
}

#[test]
fn a_call_given_to_an_agent_waits_for_him_whatever_his_skills() {
    check_plot(
        small_centre(),
        "0 up anna\n0 up ben\n1 call 1 100\n2 answer 1\n3 call 2 101\n4 pull 2 anna\n5 caller-gone 1\n11 answer 3",
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
            3.0 call 2 101
              > offer 2: 2 (5552) to ben from sales
              · 2 queued in sales (1 waiting)
            4.0 pull 2 anna
              > cancel 2
              > reply 1 Ok(())
              · offer 2 caller_gone after 1.0 s
            5.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 3.0 s
              · anna wrap_up
            10.0 (time)
              > offer 3: 2 (5552) to anna from sales
              · anna wrapped up in 5.0 s
              · offer 3 as a supervisor said
            11.0 answer 3
              > bridge 2 with 3
              · offer 3 answered after 1.0 s
              · 2 answered after 8.0 s, in time
              · anna talking
        "#]],
    );
}

#[test]
fn a_call_cannot_be_given_to_somebody_who_is_not_at_work() {
    check_plot(
        small_centre(),
        "0 call 1 100\n1 pull 1 anna\n2 up anna\n3 pull 1 anna",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        1.0 pull 1 anna
          > reply 1 Err(NotAtWork)
        2.0 up anna
          > offer 1: 1 (5551) to anna from sales
        3.0 pull 1 anna
          > reply 2 Ok(())
    "#]],
    );
}

#[test]
fn whoever_misses_a_call_that_was_given_to_him_loses_it_to_anybody() {
    check_plot(
        small_centre(),
        "0 up anna\n1 pause anna break\n1 up ben\n2 call 1 101\n2 ready anna\n3 pull 1 anna\n4 fail 2 declined",
        expect![[r#"
        0.0 up anna
        1.0 pause anna break
          > reply 1 Ok(())
          · anna paused (break)
        1.0 up ben
        2.0 call 1 101
          > offer 1: 1 (5551) to ben from sales
          · 1 queued in sales (1 waiting)
        2.0 ready anna
          > reply 2 Ok(())
        3.0 pull 1 anna
          > cancel 1
          > offer 2: 1 (5551) to anna from sales
          > reply 3 Ok(())
          · offer 1 caller_gone after 1.0 s
          · offer 2 as a supervisor said
        4.0 fail 2 declined
          > offer 3: 1 (5551) to ben from sales
          · offer 2 declined after 1.0 s
          · 1 widened to level 0
          · anna resting
    "#]],
    );
}

#[test]
fn a_withdrawn_call_goes_where_it_is_sent() {
    check_plot(
        small_centre(),
        "0 call 1 100\n1 call 2 100\n2 call 3 100\n5 withdraw 1 number:+4930\n6 withdraw 2 message:sorry\n7 withdraw 3 queue:support\n8 answer 1\n9 heard 2\n10 withdraw 1 message:sorry",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        1.0 call 2 100
          · 2 queued in sales (2 waiting)
        2.0 call 3 100
          · 3 queued in sales (3 waiting)
        5.0 withdraw 1 number:+4930
          > dial 1: +4930 for 1
          > reply 1 Ok(())
          · 1 withdrawn after 5.0 s → Number("+4930")
        6.0 withdraw 2 message:sorry
          > play caller/2 ["sorry"] en Silence
          > reply 2 Ok(())
          · 2 withdrawn after 5.0 s → Message("sorry")
        7.0 withdraw 3 queue:support
          > reply 3 Ok(())
          · 3 withdrawn after 5.0 s → Queue(QueueId(1))
          · 3 queued in support (1 waiting), moved from sales
        8.0 answer 1
          > bridge 1 with 1
        9.0 heard 2
          > hang up caller/2
          · 2 ended by system, talked 0.0 s
        10.0 withdraw 1 message:sorry
          > reply 4 Err(NotWaiting)
    "#]],
    );
}

#[test]
fn a_call_that_is_with_an_agent_is_not_steered() {
    check_plot(
        small_centre(),
        "0 up anna\n1 call 1 100\n2 answer 1\n3 move 1 support\n4 pull 1 anna\n5 prioritise 1 9\n6 require 1 english 1\n7 withdraw 1 message:x\n8 why 1",
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
        3.0 move 1 support
          > reply 1 Err(NotWaiting)
        4.0 pull 1 anna
          > reply 2 Err(NotWaiting)
        5.0 prioritise 1 9
          > reply 3 Err(NotWaiting)
        6.0 require 1 english 1
          > reply 4 Err(NotWaiting)
        7.0 withdraw 1 message:x
          > reply 5 Err(NotWaiting)
        8.0 why 1
          > reply 6 Err(NotWaiting)
    "#]],
    );
}

#[test]
fn an_agent_is_freed_from_whatever_holds_him() {
    check_plot(
        small_centre(),
        "0 up anna\n1 call 1 100\n2 release anna\n3 answer 1\n40 release anna\n50 tick",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 release anna
          > cancel 1
          > offer 2: 1 (5551) to anna from sales
          > reply 1 Ok(())
          · offer 1 no_answer after 1.0 s
          · anna resting
        3.0 answer 1
          > hang up agent/1
        22.0 (time)
          > cancel 2
          · offer 2 no_answer after 20.0 s
          · anna resting
        32.0 (time)
          > offer 3: 1 (5551) to anna from sales
        40.0 release anna
          > cancel 3
          > offer 4: 1 (5551) to anna from sales
          > reply 2 Ok(())
          · offer 3 no_answer after 8.0 s
          · anna resting
        50.0 tick
    "#]],
    );
}

#[test]
fn a_credit_beyond_all_measure_puts_a_call_first_and_does_no_harm() {
    check_plot(
        centre(|rules| rules.queues[0].priority = secs(9)),
        "0 call 1 100\n1 call 2 100\n2 prioritise 2 18446744073709551615\n3 move 2 support\n4 move 2 sales\n5 up anna",
        expect![[r#"
            0.0 call 1 100
              · 1 queued in sales (1 waiting)
            1.0 call 2 100
              · 2 queued in sales (2 waiting)
            2.0 prioritise 2 18446744073709551615
              > reply 1 Ok(())
            3.0 move 2 support
              > reply 2 Ok(())
              · 2 withdrawn after 2.0 s → Queue(QueueId(1))
              · 2 queued in support (1 waiting), moved from sales
            4.0 move 2 sales
              > reply 3 Ok(())
              · 2 withdrawn after 1.0 s → Queue(QueueId(0))
              · 2 queued in sales (2 waiting), moved from support
            5.0 up anna
              > offer 1: 2 (5552) to anna from sales
        "#]],
    );
}
