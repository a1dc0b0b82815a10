//! Where calls go that their queue cannot or should not keep.

use super::*;
use crate::engine::settings::{Overflow, OverflowWhen};
use expect_test::expect;

fn rule(when: OverflowWhen, to: Destination) -> Overflow {
    Overflow { when, to }
}

fn outside() -> Destination {
    Destination::Number("+4930".into())
}

/// Sales with this chain; two may wait in it.
fn chain(rules: Vec<Overflow>) -> Settings {
    centre(|settings| {
        settings.queues[0].waiting_max = 2;
        settings.queues[0].overflow = rules;
    })
}

const SUPPORT: Destination = Destination::Queue(QueueId(1));

#[test]
fn caller_of_a_full_queue_goes_to_another() {
    check_plot(
        chain(vec![rule(OverflowWhen::Full, SUPPORT)]),
        "0 call 1 100\n1 call 2 100\n2 call 3 100\n10 up carla\n11 answer 1\n20 caller-gone 1",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        1.0 call 2 100
          · 2 queued in sales (2 waiting)
        2.0 call 3 100
          · 3 turned away from sales: full → Queue(QueueId(1))
          · 3 queued in support (1 waiting), overflowed from sales
        10.0 up carla
          > offer 1: 1 (5551) to carla from sales
        11.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 11.0 s, in time
          · carla talking
        20.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 9.0 s
          · carla wrap_up
    "#]],
    );
}

#[test]
fn a_rule_whose_destination_is_full_too_is_passed_over() {
    check_plot(
        centre(|settings| {
            *settings = chain(vec![
                rule(OverflowWhen::Full, SUPPORT),
                rule(OverflowWhen::Full, Destination::Message("all-busy".into())),
            ]);
            settings.queues[1].waiting_max = 0;
        }),
        "0 call 1 100\n1 call 2 100\n2 call 3 100\n5 heard 3",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        1.0 call 2 100
          · 2 queued in sales (2 waiting)
        2.0 call 3 100
          > play caller/3 ["all-busy"] en Silence
          · 3 turned away from sales: full → Message("all-busy")
        5.0 heard 3
          > hang up caller/3
          · 3 ended by system, talked 0.0 s
    "#]],
    );
}

#[test]
fn without_a_rule_that_leads_anywhere_the_caller_is_refused() {
    check_plot(
        centre(|settings| {
            *settings = chain(vec![rule(OverflowWhen::Full, SUPPORT)]);
            settings.queues[1].waiting_max = 0;
        }),
        "0 call 1 100\n1 call 2 100\n2 call 3 100",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        1.0 call 2 100
          · 2 queued in sales (2 waiting)
        2.0 call 3 100
          > refuse 3 486
          · 3 refused QueueFull
    "#]],
    );
}

#[test]
fn who_has_waited_too_long_goes_to_another_queue_and_takes_his_wait_along() {
    check_plot(
        chain(vec![rule(OverflowWhen::Waited(secs(20)), SUPPORT)]),
        "0 call 1 100\n15 call 2 200\n22 up carla\n23 answer 1\n33 caller-gone 1",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        15.0 call 2 200
          · 2 queued in support (1 waiting)
        20.0 (time)
          · 1 overflow after 20.0 s → Queue(QueueId(1))
          · 1 queued in support (2 waiting), overflowed from sales
        22.0 up carla
          > offer 1: 1 (5551) to carla from support
        23.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 3.0 s, in time
          · carla talking
        33.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 10.0 s
          · carla wrap_up
    "#]],
    );
}

#[test]
fn the_second_rule_comes_in_its_time_when_the_first_led_nowhere() {
    check_plot(
        centre(|settings| {
            *settings = chain(vec![
                rule(OverflowWhen::Waited(secs(20)), SUPPORT),
                rule(OverflowWhen::Waited(secs(40)), outside()),
            ]);
            settings.queues[1].waiting_max = 0;
        }),
        "0 call 1 100\n50 tick",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        20.0 (time)
        40.0 (time)
          > dial 1: +4930 for 1
          · 1 overflow after 40.0 s → Number("+4930")
        50.0 tick
    "#]],
    );
}

#[test]
fn queues_that_pass_a_call_round_in_a_circle_do_so_a_bounded_number_of_times() {
    check_plot(
        centre(|settings| {
            for (queue, to) in [(0, 1), (1, 0)] {
                settings.queues[queue].overflow =
                    vec![rule(OverflowWhen::Waited(secs(10)), Destination::Queue(QueueId(to)))];
            }
        }),
        "0 call 1 100\n200 why 1\n201 caller-gone 1",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        10.0 (time)
          · 1 overflow after 10.0 s → Queue(QueueId(1))
          · 1 queued in support (1 waiting), overflowed from sales
        20.0 (time)
          · 1 overflow after 10.0 s → Queue(QueueId(0))
          · 1 queued in sales (1 waiting), overflowed from support
        30.0 (time)
          · 1 overflow after 10.0 s → Queue(QueueId(1))
          · 1 queued in support (1 waiting), overflowed from sales
        40.0 (time)
          · 1 overflow after 10.0 s → Queue(QueueId(0))
          · 1 queued in sales (1 waiting), overflowed from support
        50.0 (time)
          · 1 overflow after 10.0 s → Queue(QueueId(1))
          · 1 queued in support (1 waiting), overflowed from sales
        60.0 (time)
        200.0 why 1
          > reply 1 waits 150 s behind 0: qualified [1 unreachable], 0 not, level 0 of 0, next step in none
        201.0 caller-gone 1
          · 1 abandoned after 151.0 s
          · 1 ended by caller, talked 0.0 s
    "#]],
    );
}

#[test]
fn a_message_is_heard_and_then_the_call_ends() {
    check_plot(
        chain(vec![rule(OverflowWhen::Waited(secs(20)), Destination::Message("call-tomorrow".into()))]),
        "0 call 1 100\n24 heard 1",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        20.0 (time)
          > play caller/1 ["call-tomorrow"] en Silence
          · 1 overflow after 20.0 s → Message("call-tomorrow")
        24.0 heard 1
          > hang up caller/1
          · 1 ended by system, talked 0.0 s
    "#]],
    );
}

#[test]
fn a_number_outside_that_answers_has_the_call() {
    check_plot(
        chain(vec![rule(OverflowWhen::Waited(secs(20)), outside())]),
        "0 call 1 100\n21 ringing 1\n25 answer 1\n55 caller-gone 1",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        20.0 (time)
          > dial 1: +4930 for 1
          · 1 overflow after 20.0 s → Number("+4930")
        21.0 ringing 1
        25.0 answer 1
          > bridge 1 with 1
        55.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 30.0 s
    "#]],
    );
}

#[test]
fn somebody_outside_who_hangs_up_ends_the_call() {
    check_plot(
        chain(vec![rule(OverflowWhen::Waited(secs(20)), outside())]),
        "0 call 1 100\n25 answer 1\n55 agent-gone 1",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        20.0 (time)
          > dial 1: +4930 for 1
          · 1 overflow after 20.0 s → Number("+4930")
        25.0 answer 1
          > bridge 1 with 1
        55.0 agent-gone 1
          > hang up caller/1
          · 1 ended by agent, talked 30.0 s
    "#]],
    );
}

#[test]
fn a_number_outside_that_is_busy_leaves_the_caller_told() {
    check_plot(
        chain(vec![rule(OverflowWhen::Waited(secs(20)), outside())]),
        "0 call 1 100\n21 fail 1 busy\n25 heard 1",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        20.0 (time)
          > dial 1: +4930 for 1
          · 1 overflow after 20.0 s → Number("+4930")
        21.0 fail 1 busy
          > play caller/1 ["all-busy"] en Silence
        25.0 heard 1
          > hang up caller/1
          · 1 ended by system, talked 0.0 s
    "#]],
    );
}

#[test]
fn a_number_outside_that_nobody_answers_is_given_up() {
    check_plot(
        chain(vec![rule(OverflowWhen::Waited(secs(20)), outside())]),
        "0 call 1 100\n90 answer 1\n120 tick",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        20.0 (time)
          > dial 1: +4930 for 1
          · 1 overflow after 20.0 s → Number("+4930")
        80.0 (time)
          > cancel 1
          > play caller/1 ["all-busy"] en Silence
        90.0 answer 1
          > hang up agent/1
        110.0 (time)
          > hang up caller/1
          · 1 ended by system, talked 0.0 s
        120.0 tick
    "#]],
    );
}

#[test]
fn a_caller_who_hangs_up_while_a_number_outside_rings_stops_that() {
    check_plot(
        chain(vec![rule(OverflowWhen::Waited(secs(20)), outside())]),
        "0 call 1 100\n25 caller-gone 1\n26 answer 1",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        20.0 (time)
          > dial 1: +4930 for 1
          · 1 overflow after 20.0 s → Number("+4930")
        25.0 caller-gone 1
          > cancel 1
          · 1 ended by caller, talked 0.0 s
        26.0 answer 1
          > hang up agent/1
    "#]],
    );
}

#[test]
fn an_early_media_call_is_answered_only_when_somebody_outside_is() {
    check(
        centre(|settings| {
            *settings = chain(vec![rule(OverflowWhen::Waited(secs(20)), outside())]);
            settings.queues[0].answer = crate::engine::settings::AnswerMode::EarlyMedia;
        }),
        "0 call 1 100\n25 answer 1",
        expect![[r#"
        0.0 call 1 100
          > progress 1
          > play caller/1 ["welcome"] en Music(["tide"])
          · 1 queued in sales (1 waiting)
        20.0 (time)
          > dial 1: +4930 for 1
          · 1 overflow after 20.0 s → Number("+4930")
        25.0 answer 1
          > answer 1
          > bridge 1 with 1
    "#]],
    );
}

#[test]
fn a_call_that_rings_is_not_taken_away_and_when_nobody_answers_its_time_is_over() {
    check_plot(
        chain(vec![rule(OverflowWhen::Waited(secs(20)), outside())]),
        "0 up anna\n0 up ben\n5 call 1 100\n60 tick",
        expect![[r#"
        0.0 up anna
        0.0 up ben
        5.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        25.0 (time)
          > cancel 1
          > dial 2: +4930 for 1
          · offer 1 no_answer after 20.0 s
          · 1 overflow after 20.0 s → Number("+4930")
          · anna resting
        35.0 (time)
        60.0 tick
    "#]],
    );
}

#[test]
fn a_call_that_waits_for_the_agent_it_knows_still_overflows() {
    check_plot(
        centre(|settings| {
            *settings = chain(vec![rule(OverflowWhen::Waited(secs(20)), SUPPORT)]);
            settings.numbers[0].direct =
                Some(crate::engine::settings::Direct { agent: AgentId(0), wait: secs(60) });
        }),
        "0 up anna\n1 call 1 100\n2 answer 1\n3 call 2 100\n30 why 2",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · offer 1 to whom he asked for
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        3.0 call 2 100
          · 2 queued in sales (1 waiting)
        23.0 (time)
          · 2 overflow after 20.0 s → Queue(QueueId(1))
          · 2 queued in support (1 waiting), overflowed from sales
        30.0 why 2
          > reply 1 waits 7 s behind 0: qualified [1 unreachable], 0 not, level 0 of 0, next step in none
    "#]],
    );
}

#[test]
fn calls_with_numbers_outside_end_when_the_drain_is_over() {
    check_plot(
        chain(vec![rule(OverflowWhen::Waited(secs(20)), outside())]),
        "0 call 1 100\n1 call 2 100\n22 answer 1\n23 drain\n24 call 3 100\n25 drain-over",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        1.0 call 2 100
          · 2 queued in sales (2 waiting)
        20.0 (time)
          > dial 1: +4930 for 1
          · 1 overflow after 20.0 s → Number("+4930")
        21.0 (time)
          > dial 2: +4930 for 2
          · 2 overflow after 20.0 s → Number("+4930")
        22.0 answer 1
          > bridge 1 with 1
        23.0 drain
        24.0 call 3 100
          > refuse 3 503
          · 3 refused Draining
        25.0 drain-over
          > hang up caller/1
          > hang up agent/1
          > hang up caller/2
          > cancel 2
          · 1 ended by system, talked 3.0 s
          · 2 ended by system, talked 0.0 s
    "#]],
    );
}

#[test]
fn after_its_last_hop_a_call_still_goes_where_no_queue_is() {
    check_plot(
        centre(|settings| {
            for (queue, to) in [(0, 1), (1, 0)] {
                settings.queues[queue].overflow = vec![
                    rule(OverflowWhen::Waited(secs(10)), Destination::Queue(QueueId(to))),
                    rule(OverflowWhen::Waited(secs(20)), Destination::Message("sorry".into())),
                ];
            }
        }),
        "0 call 1 100\n100 tick",
        expect![[r#"
            0.0 call 1 100
              · 1 queued in sales (1 waiting)
            10.0 (time)
              · 1 overflow after 10.0 s → Queue(QueueId(1))
              · 1 queued in support (1 waiting), overflowed from sales
            20.0 (time)
              · 1 overflow after 10.0 s → Queue(QueueId(0))
              · 1 queued in sales (1 waiting), overflowed from support
            30.0 (time)
              · 1 overflow after 10.0 s → Queue(QueueId(1))
              · 1 queued in support (1 waiting), overflowed from sales
            40.0 (time)
              · 1 overflow after 10.0 s → Queue(QueueId(0))
              · 1 queued in sales (1 waiting), overflowed from support
            50.0 (time)
              · 1 overflow after 10.0 s → Queue(QueueId(1))
              · 1 queued in support (1 waiting), overflowed from sales
            60.0 (time)
            70.0 (time)
              > play caller/1 ["sorry"] en Silence
              · 1 overflow after 20.0 s → Message("sorry")
            100.0 tick
              > hang up caller/1
              · 1 ended by system, talked 0.0 s
        "#]],
    );
}
