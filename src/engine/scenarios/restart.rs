//! The process is killed and begins anew: who is still there goes on, everything else is told as interrupted.

use super::*;
use expect_test::expect;

#[test]
fn callers_in_line_keep_order_and_wait_and_nobody_is_offered_before_he_answers() {
    let script = "
        0 call 1 100
        5 call 2 100
        7 call 3 102
        25 restart caller:1 caller:2 caller:3 anna
        26 call 4 100
        27 there caller:2
        28 there caller:3
        29 answer 1
        30 lost caller:1
        31 agent-gone 1";
    check_plot(
        small_centre(),
        script,
        expect![[r#"
            0.0 call 1 100
              · 1 queued in sales (1 waiting)
            5.0 call 2 100
              · 2 queued in sales (2 waiting)
            7.0 call 3 102
              · 3 queued in sales (3 waiting)
            25.0 restart caller:1 caller:2 caller:3 anna
              > ask for caller/3
              > ask for caller/1
              > ask for caller/2
            26.0 call 4 100
              · 4 queued in sales (4 waiting)
            27.0 there caller:2
              · 2 goes on
            28.0 there caller:3
              > offer 1: 3 (5553) to anna from sales
              · 3 goes on
            29.0 answer 1
              > bridge 3 with 1
              · offer 1 answered after 1.0 s
              · 3 answered after 22.0 s
              · anna talking
            30.0 lost caller:1
              > hang up caller/1
              · 1 interrupted
              · 1 error after 30.0 s
              · 1 ended by system, talked 0.0 s
            31.0 agent-gone 1
              > hang up caller/3
              · 3 ended by agent, talked 2.0 s
              · anna wrap_up
        "#]],
    );
}

#[test]
fn conversation_goes_on_with_all_its_time_once_both_sides_are_there() {
    let script = "
        0 up anna
        0 call 1 100
        2 answer 1
        60 restart caller:1 agent:1 anna
        61 there caller:1
        62 there agent:1
        70 caller-gone 1";
    check_plot(
        small_centre(),
        script,
        expect![[r#"
        0.0 up anna
        0.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 2.0 s
          · 1 answered after 2.0 s, in time
          · anna talking
        60.0 restart caller:1 agent:1 anna
          > ask for caller/1
          > ask for agent/1
        61.0 there caller:1
          · 1 goes on
        62.0 there agent:1
          > bridge 1 with 1
        70.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 68.0 s
          · anna wrap_up
    "#]],
    );
}

#[test]
fn caller_whose_agent_is_gone_is_first_in_line_and_agent_whose_caller_is_gone_is_free() {
    let script = "
        0 up anna
        0 up ben
        0 call 1 100
        0 answer 1
        0 call 2 100
        0 answer 2
        1 call 3 100
        10 restart caller:1 agent:2 caller:3 anna ben
        10 there caller:3
        11 there caller:1";
    check_plot(
        small_centre(),
        script,
        expect![[r#"
        0.0 up anna
        0.0 up ben
        0.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        0.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 0.0 s
          · 1 answered after 0.0 s, in time
          · anna talking
        0.0 call 2 100
          > offer 2: 2 (5552) to ben from sales
          · 2 queued in sales (1 waiting)
        0.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 0.0 s
          · 2 answered after 0.0 s, in time
          · ben talking
        1.0 call 3 100
          · 3 queued in sales (1 waiting)
        10.0 restart caller:1 agent:2 caller:3 anna ben
          > hang up caller/2
          > hang up agent/2
          > hang up agent/1
          > ask for caller/1
          > ask for caller/3
          · 2 interrupted
          · 2 ended by system, talked 10.0 s
          · ben wrap_up
          · anna resting
          · 1 queued in sales (2 waiting), returned
        10.0 there caller:3
          · 3 goes on
        11.0 there caller:1
          · 1 goes on
    "#]],
    );
}

#[test]
fn leg_that_does_not_answer_is_as_good_as_gone() {
    let script = "
        0 up anna
        0 call 1 100
        0 answer 1
        1 call 2 100
        10 restart caller:1 agent:1 caller:2 anna
        10 there caller:1
        15 lost agent:1
        15 lost caller:2";
    check_plot(
        small_centre(),
        script,
        expect![[r#"
        0.0 up anna
        0.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        0.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 0.0 s
          · 1 answered after 0.0 s, in time
          · anna talking
        1.0 call 2 100
          · 2 queued in sales (1 waiting)
        10.0 restart caller:1 agent:1 caller:2 anna
          > ask for caller/1
          > ask for agent/1
          > ask for caller/2
        10.0 there caller:1
          · 1 goes on
        15.0 lost agent:1
          > hang up agent/1
          · anna resting
          · 1 queued in sales (2 waiting), returned
        15.0 lost caller:2
          > hang up caller/2
          · 2 interrupted
          · 2 error after 14.0 s
          · 2 ended by system, talked 0.0 s
    "#]],
    );
}

#[test]
fn ringing_stops_without_blame_and_the_caller_keeps_his_place() {
    let script = "
        0 up anna
        0 call 1 100
        1 call 2 100
        5 restart caller:1 caller:2 anna
        5 there caller:2
        6 there caller:1";
    check_plot(
        small_centre(),
        script,
        expect![[r#"
            0.0 up anna
            0.0 call 1 100
              > offer 1: 1 (5551) to anna from sales
              · 1 queued in sales (1 waiting)
            1.0 call 2 100
              · 2 queued in sales (2 waiting)
            5.0 restart caller:1 caller:2 anna
              > ask for caller/1
              > ask for caller/2
              · offer 1 interrupted after 5.0 s
            5.0 there caller:2
              · 2 goes on
            6.0 there caller:1
              > offer 2: 1 (5551) to anna from sales
              · 1 goes on
        "#]],
    );
}

#[test]
fn pause_and_after_call_work_outlast_the_process() {
    let script = "
        0 up anna
        0 up ben
        0 pause ben lunch
        0 call 1 100
        0 answer 1
        10 caller-gone 1
        12 restart anna ben
        15 tick
        16 ready ben";
    check_plot(
        small_centre(),
        script,
        expect![[r#"
        0.0 up anna
        0.0 up ben
        0.0 pause ben lunch
          > reply 1 Ok(())
          · ben paused (lunch)
        0.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        0.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 0.0 s
          · 1 answered after 0.0 s, in time
          · anna talking
        10.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 10.0 s
          · anna wrap_up
        12.0 restart anna ben
        15.0 tick
          · anna wrapped up in 5.0 s
        16.0 ready ben
          > reply 2 Ok(())
    "#]],
    );
}

#[test]
fn caller_on_hold_hears_music_and_what_was_recorded_is_recorded_again() {
    let rules = centre(|rules| {
        rules.queues[0].recording = super::super::settings::RecordingRules {
            mode: super::super::settings::RecordingMode::Always,
            ..Default::default()
        };
    });
    let script = "
        0 up anna
        0 call 1 100
        0 answer 1
        5 hold 1
        10 restart caller:1 agent:1 anna
        11 there agent:1
        12 there caller:1
        20 resume 1";
    check_plot(
        rules,
        script,
        expect![[r#"
        0.0 up anna
        0.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        0.0 answer 1
          > bridge 1 with 1
          > record 1: Start by Rule
          · offer 1 answered after 0.0 s
          · 1 answered after 0.0 s, in time
          · 1: Recording { change: Start, by: Rule }
          · anna talking
        5.0 hold 1
          > record 1: Pause by Rule
          · 1: Recording { change: Pause, by: Rule }
          · anna on_hold
        10.0 restart caller:1 agent:1 anna
          > ask for caller/1
          > ask for agent/1
        11.0 there agent:1
        12.0 there caller:1
          > bridge 1 with 1
          > record 1: Start by Rule
          > record 1: Pause by Rule
          · 1 goes on
          · 1: Recording { change: Start, by: Rule }
          · 1: Recording { change: Pause, by: Rule }
        20.0 resume 1
          > bridge 1 with 1
          > record 1: Resume by Rule
          · 1: Recording { change: Resume, by: Rule }
          · anna talking
    "#]],
    );
}

#[test]
fn guests_who_are_there_take_part_again_and_colleagues_talk_on() {
    let script = "
        0 up anna
        0 up ben
        0 up carla
        0 call 1 100
        0 answer 1
        2 join 1 ben listen
        3 answer 2
        10 restart caller:1 agent:1 agent:2 anna ben carla
        11 there agent:2
        12 there caller:1
        13 there agent:1";
    check_plot(
        small_centre(),
        script,
        expect![[r#"
        0.0 up anna
        0.0 up ben
        0.0 up carla
        0.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        0.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 0.0 s
          · 1 answered after 0.0 s, in time
          · anna talking
        2.0 join 1 ben listen
          > offer 2: 1 (5551) to ben from sales
          > reply 1 Ok(())
          · ben talking
        3.0 answer 2
          > join 2 to 1 as Listen
          · 1: Joined { agent: AgentId(1), role: Listen }
        10.0 restart caller:1 agent:1 agent:2 anna ben carla
          > ask for caller/1
          > ask for agent/1
          > ask for agent/2
        11.0 there agent:2
        12.0 there caller:1
          · 1 goes on
        13.0 there agent:1
          > bridge 1 with 1
          > join 2 to 1 as Listen
    "#]],
    );
}

#[test]
fn what_was_about_to_end_or_to_be_dialled_ends_as_interrupted() {
    let rules = centre(|rules| {
        rules.queues[0].wait_max = Some(secs(10));
        rules.queues[1].overflow = vec![super::super::settings::Overflow {
            when: super::super::settings::OverflowWhen::Waited(secs(5)),
            to: Destination::Number("+4930".into()),
        }];
    });
    let script = "
        0 call 1 100
        6 call 2 200
        12 restart caller:1 caller:2";
    check_plot(
        rules,
        script,
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        6.0 call 2 200
          · 2 queued in support (1 waiting)
        10.0 (time)
          > play caller/1 ["all-busy"] en Silence
          · 1 timeout after 10.0 s
        11.0 (time)
          > dial 1: +4930 for 2
          · 2 overflow after 5.0 s → Number("+4930")
        12.0 restart caller:1 caller:2
          > hang up caller/1
          > hang up caller/2
          > cancel 1
          · 1 interrupted
          · 1 ended by system, talked 0.0 s
          · 2 interrupted
          · 2 ended by system, talked 0.0 s
    "#]],
    );
}

#[test]
fn drain_that_was_under_way_is_over() {
    let script = "
        0 call 1 100
        1 drain
        2 restart caller:1 anna
        3 there caller:1
        4 call 2 100
        5 tick";
    check_plot(
        small_centre(),
        script,
        expect![[r#"
            0.0 call 1 100
              · 1 queued in sales (1 waiting)
            1.0 drain
            2.0 restart caller:1 anna
              > ask for caller/1
            3.0 there caller:1
              > offer 1: 1 (5551) to anna from sales
              · 1 goes on
            4.0 call 2 100
              · 2 queued in sales (2 waiting)
            5.0 tick
        "#]],
    );
}
