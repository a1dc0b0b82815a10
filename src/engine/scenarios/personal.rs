//! Calls that wait for one agent alone, and never for ever.

use super::*;
use crate::engine::settings::{Direct, LastAgent};
use expect_test::expect;

/// Sales prefers the agent whom the caller talked to within the hour, for twenty seconds.
fn preferring() -> Settings {
    centre(|rules| rules.queues[0].last_agent = Some(LastAgent { within: secs(3600), wait: secs(20) }))
}

/// 105 is anna's own number; sales is the backup after 15 s.
fn annas_number() -> Settings {
    centre(|rules| {
        let direct = Some(Direct { agent: AgentId(0), wait: secs(15) });
        rules.numbers.push(Number { dialled: "105".into(), direct, ..Number::default() });
    })
}

#[test]
fn a_caller_who_calls_again_has_the_agent_he_talked_to() {
    check_plot(
        preferring(),
        "0 up anna\n1 call 1 100 from=7\n2 answer 1\n12 caller-gone 1\n13 up ben\n60 call 2 100 from=8\n61 call 3 100 from=7\n62 answer 2\n63 caller-gone 2\n70 tick",
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
        12.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 10.0 s
          · anna wrap_up
        13.0 up ben
        17.0 (time)
          · anna wrapped up in 5.0 s
        60.0 call 2 100 from=8
          > offer 2: 2 (8) to ben from sales
          · 2 queued in sales (1 waiting)
        61.0 call 3 100 from=7
          > offer 3: 3 (7) to anna from sales
          · 3 queued in sales (2 waiting)
          · offer 3 to whom he talked to last
        62.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 2.0 s
          · 2 answered after 2.0 s, in time
          · ben talking
        63.0 caller-gone 2
          > hang up agent/2
          · 2 ended by caller, talked 1.0 s
          · ben wrap_up
        68.0 (time)
          · ben wrapped up in 5.0 s
        70.0 tick
    "#]],
    );
}

#[test]
fn after_a_while_anybody_will_do() {
    check_plot(
        preferring(),
        "0 up anna\n1 call 1 100 from=7\n2 answer 1\n12 caller-gone 1\n20 up ben\n30 call 2 100 from=8\n31 call 3 100 from=9\n32 answer 3\n33 answer 2\n34 call 4 100 from=7\n60 caller-gone 2",
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
        12.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 10.0 s
          · anna wrap_up
        17.0 (time)
          · anna wrapped up in 5.0 s
        20.0 up ben
        30.0 call 2 100 from=8
          > offer 2: 2 (8) to anna from sales
          · 2 queued in sales (1 waiting)
        31.0 call 3 100 from=9
          > offer 3: 3 (9) to ben from sales
          · 3 queued in sales (2 waiting)
        32.0 answer 3
          > bridge 3 with 3
          · offer 3 answered after 1.0 s
          · 3 answered after 1.0 s, in time
          · ben talking
        33.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 3.0 s
          · 2 answered after 3.0 s, in time
          · anna talking
        34.0 call 4 100 from=7
          · 4 queued in sales (1 waiting)
        54.0 (time)
          · 4 widened to level 0
        60.0 caller-gone 2
          > hang up agent/2
          · 2 ended by caller, talked 27.0 s
          · anna wrap_up
    "#]],
    );
}

#[test]
fn who_has_gone_home_is_not_waited_for() {
    check_plot(
        preferring(),
        "0 up anna\n1 call 1 100 from=7\n2 answer 1\n12 caller-gone 1\n20 up ben\n21 logout anna\n30 call 2 100 from=7",
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
        12.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 10.0 s
          · anna wrap_up
        17.0 (time)
          · anna wrapped up in 5.0 s
        20.0 up ben
        21.0 logout anna
          > reply 1 Ok(())
          · anna logged_out
        30.0 call 2 100 from=7
          > offer 2: 2 (7) to ben from sales
          · 2 queued in sales (1 waiting)
    "#]],
    );
}

#[test]
fn when_he_goes_home_while_the_caller_waits_for_him_anybody_will_do_at_once() {
    check_plot(
        preferring(),
        "0 up anna\n1 call 1 100 from=7\n2 answer 1\n12 caller-gone 1\n20 up ben\n21 pause ben break\n30 call 2 100 from=8\n31 answer 2\n32 ready ben\n33 call 3 100 from=7\n34 logout anna\n40 caller-gone 2",
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
        12.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 10.0 s
          · anna wrap_up
        17.0 (time)
          · anna wrapped up in 5.0 s
        20.0 up ben
        21.0 pause ben break
          > reply 1 Ok(())
          · ben paused (break)
        30.0 call 2 100 from=8
          > offer 2: 2 (8) to anna from sales
          · 2 queued in sales (1 waiting)
        31.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 1.0 s
          · 2 answered after 1.0 s, in time
          · anna talking
        32.0 ready ben
          > reply 2 Ok(())
        33.0 call 3 100 from=7
          · 3 queued in sales (1 waiting)
        34.0 logout anna
          > reply 3 Ok(())
        40.0 caller-gone 2
          > hang up agent/2
          > offer 3: 3 (7) to ben from sales
          · 2 ended by caller, talked 9.0 s
          · anna logged_out
          · 3 widened to level 0
    "#]],
    );
}

#[test]
fn it_is_too_long_ago() {
    check_plot(
        preferring(),
        "0 up anna\n1 call 1 100 from=7\n2 answer 1\n12 caller-gone 1\n20 up ben\n3700 call 2 100 from=8\n3701 call 3 100 from=7",
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
        12.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 10.0 s
          · anna wrap_up
        17.0 (time)
          · anna wrapped up in 5.0 s
        20.0 up ben
        3700.0 call 2 100 from=8
          > offer 2: 2 (8) to anna from sales
          · 2 queued in sales (1 waiting)
        3701.0 call 3 100 from=7
          > offer 3: 3 (7) to ben from sales
          · 3 queued in sales (2 waiting)
    "#]],
    );
}

#[test]
fn nobody_knows_who_an_anonymous_caller_talked_to() {
    check_plot(
        preferring(),
        "0 up anna\n1 call 1 100 from=anonymous\n2 answer 1\n12 caller-gone 1\n20 up ben\n21 call 2 100 from=8\n22 fail 2 busy\n23 caller-gone 2\n40 call 3 100 from=8\n41 call 4 100 from=anonymous",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100 from=anonymous
          > offer 1: 1 (anonymous) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        12.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 10.0 s
          · anna wrap_up
        17.0 (time)
          · anna wrapped up in 5.0 s
        20.0 up ben
        21.0 call 2 100 from=8
          > offer 2: 2 (8) to anna from sales
          · 2 queued in sales (1 waiting)
        22.0 fail 2 busy
          > offer 3: 2 (8) to ben from sales
          · offer 2 busy after 1.0 s
          · anna resting
        23.0 caller-gone 2
          > cancel 3
          · offer 3 caller_gone after 1.0 s
          · 2 short_abandon after 2.0 s
          · 2 ended by caller, talked 0.0 s
        32.0 (time)
        40.0 call 3 100 from=8
          > offer 4: 3 (8) to ben from sales
          · 3 queued in sales (1 waiting)
        41.0 call 4 100 from=anonymous
          > offer 5: 4 (anonymous) to anna from sales
          · 4 queued in sales (2 waiting)
    "#]],
    );
}

#[test]
fn an_agent_who_can_no_longer_do_what_the_call_requires_is_not_preferred() {
    check_plot(
        preferring(),
        "0 up anna\n1 call 1 100 from=7\n2 answer 1\n12 caller-gone 1\n20 up ben\n30 call 2 101 from=7",
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
        12.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 10.0 s
          · anna wrap_up
        17.0 (time)
          · anna wrapped up in 5.0 s
        20.0 up ben
        30.0 call 2 101 from=7
          > offer 2: 2 (7) to ben from sales
          · 2 queued in sales (1 waiting)
    "#]],
    );
}

#[test]
fn an_agents_own_number_rings_him_alone_whatever_his_skills() {
    check_plot(
        centre(|rules| {
            *rules = annas_number();
            rules.numbers[4].requirement = needs(SPANISH, 9);
        }),
        "0 up ben\n0 up anna\n1 call 1 105",
        expect![[r#"
        0.0 up ben
        0.0 up anna
        1.0 call 1 105
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · offer 1 to whom he asked for
    "#]],
    );
}

#[test]
fn the_backup_queue_takes_over_after_the_wait() {
    check_plot(
        annas_number(),
        "0 up anna\n1 call 1 105\n2 answer 1\n3 up ben\n4 call 2 105\n25 tick",
        expect![[r#"
        0.0 up anna
        1.0 call 1 105
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · offer 1 to whom he asked for
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        3.0 up ben
        4.0 call 2 105
          · 2 queued in sales (1 waiting)
        19.0 (time)
          > offer 2: 2 (5552) to ben from sales
          · 2 widened to level 0
        25.0 tick
    "#]],
    );
}

#[test]
fn the_backup_queue_takes_over_at_once_when_he_is_not_at_work_or_declines() {
    check_plot(
        annas_number(),
        "0 up ben\n1 call 1 105\n2 answer 1\n3 up anna\n4 up carla\n5 call 2 105\n6 fail 2 declined",
        expect![[r#"
        0.0 up ben
        1.0 call 1 105
          > offer 1: 1 (5551) to ben from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · ben talking
        3.0 up anna
        4.0 up carla
        5.0 call 2 105
          > offer 2: 2 (5552) to anna from sales
          · 2 queued in sales (1 waiting)
          · offer 2 to whom he asked for
        6.0 fail 2 declined
          > offer 3: 2 (5552) to carla from sales
          · offer 2 declined after 1.0 s
          · 2 widened to level 0
          · anna resting
    "#]],
    );
}

#[test]
fn a_trusted_sender_can_ask_for_an_agent() {
    check_plot(
        small_centre(),
        "0 up anna\n1 up ben\n2 call 1 100 agent=ben\n3 answer 1\n4 call 2 100 agent=ben\n30 tick",
        expect![[r#"
        0.0 up anna
        1.0 up ben
        2.0 call 1 100 agent=ben
          > offer 1: 1 (5551) to ben from sales
          · 1 queued in sales (1 waiting)
          · offer 1 to whom he asked for
        3.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · ben talking
        4.0 call 2 100 agent=ben
          · 2 queued in sales (1 waiting)
        24.0 (time)
          > offer 2: 2 (5552) to anna from sales
          · 2 widened to level 0
        30.0 tick
    "#]],
    );
}

#[test]
fn several_who_wait_for_one_agent_are_served_in_their_order() {
    check_plot(
        annas_number(),
        "0 up anna\n1 call 1 105\n2 answer 1\n3 call 2 105\n4 call 3 105\n10 agent-gone 1\n16 answer 2\n17 agent-gone 2",
        expect![[r#"
        0.0 up anna
        1.0 call 1 105
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · offer 1 to whom he asked for
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        3.0 call 2 105
          · 2 queued in sales (1 waiting)
        4.0 call 3 105
          · 3 queued in sales (2 waiting)
        10.0 agent-gone 1
          > hang up caller/1
          · 1 ended by agent, talked 8.0 s
          · anna wrap_up
        15.0 (time)
          > offer 2: 2 (5552) to anna from sales
          · anna wrapped up in 5.0 s
          · offer 2 to whom he asked for
        16.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 1.0 s
          · 2 answered after 13.0 s, in time
          · anna talking
        17.0 agent-gone 2
          > hang up caller/2
          · 2 ended by agent, talked 1.0 s
          · anna wrap_up
    "#]],
    );
}
