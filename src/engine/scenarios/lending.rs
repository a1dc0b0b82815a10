//! Agents of another queue help out, as long as their own queue can spare them.

use super::*;
use crate::engine::settings::Borrow;
use expect_test::expect;

/// Support may borrow the agents of sales once a call has waited ten seconds.
fn borrowing(wait_max: Option<u64>, service_level: Option<f64>) -> Settings {
    centre(|rules| {
        rules.primary_first = secs(600);
        rules.queues[1].borrow = vec![Borrow {
            from: QueueId(0),
            after: secs(10),
            lender_wait_max: wait_max.map(secs),
            lender_service_level_min: service_level,
        }];
        rules.queues[0].wrap_up = Duration::ZERO;
        rules.queues[0].service_level_threshold = secs(5);
    })
}

#[test]
fn agents_of_another_queue_help_once_a_call_has_waited() {
    check_plot(
        borrowing(None, None),
        "0 up anna\n1 call 1 200\n15 tick\n16 why 1\n17 answer 1\n18 why 1",
        expect![[r#"
        0.0 up anna
        1.0 call 1 200
          · 1 queued in support (1 waiting)
        11.0 (time)
          > offer 1: 1 (5551) to anna from support
          · 1 widened to level 1
          · offer 1 at level 1, secondary
        15.0 tick
        16.0 why 1
          > reply 1 waits 15 s behind 0: qualified [2 unreachable, 1 offered], 0 not, level 1 of 1, next step in none, rings anna
        17.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 6.0 s
          · 1 answered after 16.0 s, in time
          · anna talking
        18.0 why 1
          > reply 2 Err(NotWaiting)
    "#]],
    );
}

#[test]
fn own_agents_are_asked_before_borrowed_ones() {
    check_plot(
        borrowing(None, None),
        "0 call 1 200\n20 call 2 200\n29 up carla\n30.5 up anna",
        expect![[r#"
        0.0 call 1 200
          · 1 queued in support (1 waiting)
        10.0 (time)
          · 1 widened to level 1
        20.0 call 2 200
          · 2 queued in support (2 waiting)
        29.0 up carla
          > offer 1: 1 (5551) to carla from support
        30.0 (time)
          · 2 widened to level 1
        30.5 up anna
          > offer 2: 2 (5552) to anna from support
          · offer 2 at level 1, secondary
    "#]],
    );
}

#[test]
fn a_borrowed_agent_takes_his_own_queues_calls_first() {
    check_plot(
        borrowing(None, None),
        "0 call 1 200\n20 call 2 100\n21 up anna\n22 answer 1\n23 caller-gone 2",
        expect![[r#"
        0.0 call 1 200
          · 1 queued in support (1 waiting)
        10.0 (time)
          · 1 widened to level 1
        20.0 call 2 100
          · 2 queued in sales (1 waiting)
        21.0 up anna
          > offer 1: 2 (5552) to anna from sales
        22.0 answer 1
          > bridge 2 with 1
          · offer 1 answered after 1.0 s
          · 2 answered after 2.0 s, in time
          · anna talking
        23.0 caller-gone 2
          > hang up agent/1
          > offer 2: 1 (5551) to anna from support
          · 2 ended by caller, talked 1.0 s
          · anna wrapped up in 0.0 s
          · offer 2 at level 1, secondary
    "#]],
    );
}

#[test]
fn nobody_is_lent_while_the_lenders_own_callers_wait_too_long_and_somebody_is_again_when_they_do_not() {
    check_plot(
        borrowing(Some(3), None),
        "0 call 1 200\n12 call 2 101\n16 up anna\n17 why 1\n18 caller-gone 2",
        expect![[r#"
        0.0 call 1 200
          · 1 queued in support (1 waiting)
        10.0 (time)
          · 1 widened to level 1
        12.0 call 2 101
          · 2 queued in sales (1 waiting)
        16.0 up anna
        17.0 why 1
          > reply 1 waits 17 s behind 0: qualified [2 unreachable, 1 ready], 0 not, level 1 of 1, next step in none, no help from sales
        18.0 caller-gone 2
          > offer 1: 1 (5551) to anna from support
          · 2 abandoned after 6.0 s
          · offer 1 at level 1, secondary
          · 2 ended by caller, talked 0.0 s
    "#]],
    );
}

#[test]
fn with_no_wait_allowed_nobody_is_lent_while_anybody_waits_in_the_lending_queue() {
    check_plot(
        borrowing(Some(0), None),
        "0 call 1 200\n12 call 2 101\n12.5 up anna\n13 caller-gone 2",
        expect![[r#"
        0.0 call 1 200
          · 1 queued in support (1 waiting)
        10.0 (time)
          · 1 widened to level 1
        12.0 call 2 101
          · 2 queued in sales (1 waiting)
        12.5 up anna
        13.0 caller-gone 2
          > offer 1: 1 (5551) to anna from support
          · 2 short_abandon after 1.0 s
          · offer 1 at level 1, secondary
          · 2 ended by caller, talked 0.0 s
    "#]],
    );
}

#[test]
fn nobody_is_lent_while_the_lender_answers_too_few_in_time_and_somebody_is_when_it_recovers() {
    check_plot(
        borrowing(None, Some(0.6)),
        "0 call 1 100\n10 caller-gone 1\n11 call 2 200\n22 up anna\n22 why 2\n23 call 3 100\n24 answer 1\n25 caller-gone 3\n26 call 4 100\n27 answer 2\n28 caller-gone 4",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        10.0 caller-gone 1
          · 1 abandoned after 10.0 s
          · 1 ended by caller, talked 0.0 s
        11.0 call 2 200
          · 2 queued in support (1 waiting)
        21.0 (time)
          · 2 widened to level 1
        22.0 up anna
        22.0 why 2
          > reply 1 waits 11 s behind 0: qualified [2 unreachable, 1 ready], 0 not, level 1 of 1, next step in none, no help from sales
        23.0 call 3 100
          > offer 1: 3 (5553) to anna from sales
          · 3 queued in sales (1 waiting)
        24.0 answer 1
          > bridge 3 with 1
          · offer 1 answered after 1.0 s
          · 3 answered after 1.0 s, in time
          · anna talking
        25.0 caller-gone 3
          > hang up agent/1
          · 3 ended by caller, talked 1.0 s
          · anna wrapped up in 0.0 s
        26.0 call 4 100
          > offer 2: 4 (5554) to anna from sales
          · 4 queued in sales (1 waiting)
        27.0 answer 2
          > bridge 4 with 2
          · offer 2 answered after 1.0 s
          · 4 answered after 1.0 s, in time
          · anna talking
        28.0 caller-gone 4
          > hang up agent/2
          > offer 3: 2 (5552) to anna from support
          · 4 ended by caller, talked 1.0 s
          · anna wrapped up in 0.0 s
          · offer 3 at level 1, secondary
    "#]],
    );
}

#[test]
fn who_lacks_what_the_call_requires_is_not_borrowed() {
    check_plot(
        centre(|rules| {
            let lent = borrowing(None, None);
            *rules = lent;
            rules.queues[1].requirement = needs(SPANISH, 3);
        }),
        "0 up anna\n1 call 1 200\n15 tick\n16 up ben",
        expect![[r#"
        0.0 up anna
        1.0 call 1 200
          · 1 queued in support (1 waiting)
        11.0 (time)
          · 1 widened to level 1
        15.0 tick
        16.0 up ben
          > offer 1: 1 (5551) to ben from support
          · offer 1 at level 1, secondary
    "#]],
    );
}
