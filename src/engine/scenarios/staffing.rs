//! What becomes of callers when nobody is there for them.

use super::*;
use crate::engine::settings::{Overflow, OverflowWhen};
use AgentState::{LoggedOut, Offered, OnHold, Paused, Ready, Resting, Talking, Unreachable, WrapUp};
use expect_test::expect;

fn staffed(refuse: &[AgentState], leave: &[AgentState]) -> Settings {
    centre(|rules| {
        rules.agents[1].queues = Vec::new();
        rules.agents[2].queues = vec![QueueId(1)];
        rules.queues[0].refuse_when_all = refuse.to_vec();
        rules.queues[0].leave_when_all = leave.to_vec();
    })
}

/// What brings anna, who alone serves sales, into each state; a call of support's number, given to her, is what she
/// talks about, so that sales' own rules do not matter on the way.
const HER_WAYS: [(&str, AgentState); 9] = [
    ("0 up anna\n1 logout anna", LoggedOut),
    ("0 tick", Unreachable),
    ("0 up anna", Ready),
    ("0 up anna\n1 call 1 200\n1 pull 1 anna", Offered),
    ("0 up anna\n1 call 1 200\n1 pull 1 anna\n2 answer 1", Talking),
    ("0 up anna\n1 call 1 200\n1 pull 1 anna\n2 answer 1\n3 hold 1", OnHold),
    ("0 up anna\n1 call 1 200\n1 pull 1 anna\n2 answer 1\n3 caller-gone 1", WrapUp),
    ("0 up anna\n1 pause anna break", Paused),
    ("0 up anna\n1 call 1 200\n1 pull 1 anna\n2 fail 1 busy", Resting),
];

#[test]
fn each_state_refuses_callers_if_it_is_named_and_only_then() {
    for (way, state) in HER_WAYS {
        for named in AgentState::ALL {
            let (_, story) = play(staffed(&[named], &[]), &format!("{way}\n4 call 7 100"));
            assert_eq!(story.contains("> refuse 7 480"), named == state, "{state:?} with {named:?}: {story}");
        }
    }
}

#[test]
fn each_state_makes_those_leave_who_wait_if_it_is_named_and_only_then() {
    for (way, state) in HER_WAYS {
        for named in AgentState::ALL {
            // Spanish is what she cannot help with.
            let (_, story) = play(staffed(&[], &[named]), &format!("{way}\n4 call 7 101\n5 tick"));
            assert_eq!(story.contains("7 no_agents"), named == state, "{state:?} with {named:?}: {story}");
        }
    }
}

#[test]
fn the_last_agent_to_go_sends_home_who_still_waits() {
    check_plot(
        staffed(&[], &[LoggedOut, Paused]),
        "0 up anna\n1 call 1 101\n2 call 2 101\n5 logout anna\n9 heard 1",
        expect![[r#"
        0.0 up anna
        1.0 call 1 101
          · 1 queued in sales (1 waiting)
        2.0 call 2 101
          · 2 queued in sales (2 waiting)
        5.0 logout anna
          > reply 1 Ok(())
          · anna logged_out
        5.0 (time)
          > play caller/1 ["all-busy"] es Silence
          > play caller/2 ["all-busy"] es Silence
          · 1 no_agents after 4.0 s
          · 2 no_agents after 3.0 s
        9.0 heard 1
          > hang up caller/1
          · 1 ended by system, talked 0.0 s
    "#]],
    );
}

#[test]
fn as_long_as_one_agent_is_there_nobody_leaves() {
    check_plot(
        centre(|rules| rules.queues[0].leave_when_all = vec![LoggedOut]),
        "0 up anna\n0 up carla\n1 call 1 101\n1 answer 1\n1 call 2 101\n2 logout anna\n3 logout ben\n4 tick",
        expect![[r#"
        0.0 up anna
        0.0 up carla
        1.0 call 1 101
          > offer 1: 1 (5551) to carla from sales
          · 1 queued in sales (1 waiting)
        1.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 0.0 s
          · 1 answered after 0.0 s, in time
          · carla talking
        1.0 call 2 101
          · 2 queued in sales (1 waiting)
        2.0 logout anna
          > reply 1 Ok(())
          · anna logged_out
        3.0 logout ben
          > reply 2 Ok(())
          · ben logged_out
        4.0 tick
    "#]],
    );
}

#[test]
fn who_comes_when_nobody_is_there_leaves_at_once_even_where_he_is_let_in() {
    check_plot(
        staffed(&[], &[LoggedOut]),
        "0 logout anna\n1 call 1 100\n2 tick",
        expect![[r#"
        0.0 logout anna
          > reply 1 Ok(())
          · anna logged_out
        1.0 call 1 100
          · 1 queued in sales (1 waiting)
        1.0 (time)
          > play caller/1 ["all-busy"] en Silence
          · 1 no_agents after 0.0 s
        2.0 tick
    "#]],
    );
}

#[test]
fn those_who_leave_go_where_the_chain_says() {
    check_plot(
        centre(|rules| {
            *rules = staffed(&[], &[LoggedOut]);
            rules.queues[0].overflow =
                vec![Overflow { when: OverflowWhen::NoAgents, to: Destination::Queue(QueueId(1)) }];
        }),
        "0 up carla\n0 up anna\n1 pause carla break\n1 call 1 101\n5 logout anna\n6 tick",
        expect![[r#"
        0.0 up carla
        0.0 up anna
        1.0 pause carla break
          > reply 1 Ok(())
          · carla paused (break)
        1.0 call 1 101
          · 1 queued in sales (1 waiting)
        5.0 logout anna
          > reply 2 Ok(())
          · anna logged_out
        5.0 (time)
          · 1 overflow after 4.0 s → Queue(QueueId(1))
          · 1 queued in support (1 waiting), overflowed from sales
        6.0 tick
    "#]],
    );
}

#[test]
fn two_queues_that_are_both_deserted_do_not_send_a_caller_to_and_fro_for_ever() {
    check_plot(
        centre(|rules| {
            *rules = staffed(&[], &[LoggedOut]);
            rules.queues[1].leave_when_all = vec![LoggedOut];
            for queue in [0, 1] {
                rules.queues[queue].overflow = vec![Overflow {
                    when: OverflowWhen::NoAgents,
                    to: Destination::Queue(QueueId(1 - queue as u32)),
                }];
            }
        }),
        "0 logout carla\n0 up anna\n1 call 1 101\n5 logout anna\n6 tick",
        expect![[r#"
        0.0 logout carla
          > reply 1 Ok(())
          · carla logged_out
        0.0 up anna
        1.0 call 1 101
          · 1 queued in sales (1 waiting)
        5.0 logout anna
          > reply 2 Ok(())
          · anna logged_out
        5.0 (time)
          > play caller/1 ["all-busy"] es Silence
          · 1 overflow after 4.0 s → Queue(QueueId(1))
          · 1 queued in support (1 waiting), overflowed from sales
          · 1 overflow after 0.0 s → Queue(QueueId(0))
          · 1 queued in sales (1 waiting), overflowed from support
          · 1 overflow after 0.0 s → Queue(QueueId(1))
          · 1 queued in support (1 waiting), overflowed from sales
          · 1 overflow after 0.0 s → Queue(QueueId(0))
          · 1 queued in sales (1 waiting), overflowed from support
          · 1 overflow after 0.0 s → Queue(QueueId(1))
          · 1 queued in support (1 waiting), overflowed from sales
          · 1 no_agents after 0.0 s
        6.0 tick
    "#]],
    );
}

#[test]
fn callers_turned_away_for_want_of_agents_go_where_the_chain_says() {
    check_plot(
        centre(|rules| {
            *rules = staffed(&[LoggedOut], &[]);
            rules.queues[0].overflow =
                vec![Overflow { when: OverflowWhen::NoAgents, to: Destination::Message("nobody".into()) }];
        }),
        "0 logout anna\n1 call 1 100\n5 heard 1",
        expect![[r#"
        0.0 logout anna
          > reply 1 Ok(())
          · anna logged_out
        1.0 call 1 100
          > play caller/1 ["nobody"] en Silence
          · 1 turned away from sales: no_agents → Message("nobody")
        5.0 heard 1
          > hang up caller/1
          · 1 ended by system, talked 0.0 s
    "#]],
    );
}
