//! Other rules while calls go on.

use super::*;
use expect_test::expect;

/// Plays a script, exchanges the rules, goes on.
fn check_change(
    before: Settings,
    script: &str,
    at: u64,
    change: impl FnOnce(&mut Settings),
    then: &str,
    expected: Expect,
) {
    let mut scene = Scene::new(before);
    scene.play(script);
    let mut new = scene.engine.settings().clone();
    change(&mut new);
    scene.happen(secs(at), Event::Reconfigured { settings: Box::new(new) }, "other rules");
    scene.play(then);
    expected.assert_eq(&plot(&scene.story));
}

#[test]
fn a_new_agent_takes_a_call_that_waited_before_he_was_there() {
    check_change(
        small_centre(),
        "0 call 1 100",
        5,
        |rules| {
            rules.agents.push(Agent {
                name: "dora".into(),
                title: "DORA".into(),
                skills: SkillSet::new([(ENGLISH, 3)]),
                queues: vec![QueueId(0)],
                login: Login::Automatic,
                ..Agent::default()
            });
        },
        "6 up dora\n7 answer 1\n9 caller-gone 1",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        5.0 other rules
          · reconfigured
        6.0 up dora
          > offer 1: 1 (5551) to dora from sales
        7.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 7.0 s, in time
          · dora talking
        9.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 2.0 s
          · dora wrap_up
    "#]],
    );
}

#[test]
fn a_new_queue_with_its_number_takes_calls() {
    check_change(
        small_centre(),
        "0 up anna\n1 call 1 100\n2 answer 1",
        5,
        |rules| {
            let chat = Queue { name: "vip".into(), ..rules.queues[0].clone() };
            rules.queues.push(chat);
            rules.agents[2].queues = vec![QueueId(0), QueueId(1), QueueId(2)];
            rules.numbers.push(Number { dialled: "300".into(), queue: QueueId(2), ..Number::default() });
        },
        "6 up carla\n7 call 2 300\n8 answer 2\n9 caller-gone 1\n10 caller-gone 2\n20 tick",
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
        5.0 other rules
          · reconfigured
        6.0 up carla
        7.0 call 2 300
          > offer 2: 2 (5552) to carla from vip
          · 2 queued in vip (1 waiting)
        8.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 1.0 s
          · 2 answered after 1.0 s, in time
          · carla talking
        9.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 7.0 s
          · anna wrap_up
        10.0 caller-gone 2
          > hang up agent/2
          · 2 ended by caller, talked 2.0 s
          · carla wrap_up
        14.0 (time)
          · anna wrapped up in 5.0 s
        15.0 (time)
          · carla wrapped up in 5.0 s
        20.0 tick
    "#]],
    );
}

#[test]
fn a_retired_agent_finishes_his_call_and_is_offered_no_other() {
    check_change(
        small_centre(),
        "0 up anna\n1 call 1 100\n2 answer 1\n3 call 2 100",
        5,
        |rules| rules.agents[0].retired = true,
        "6 caller-gone 1\n20 tick",
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
          · 2 queued in sales (1 waiting)
        5.0 other rules
          · reconfigured
        6.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 4.0 s
          · anna logged_out
        11.0 (time)
          · anna wrapped up in 5.0 s
        20.0 tick
    "#]],
    );
}

#[test]
fn a_retired_agent_who_is_rung_may_still_answer() {
    check_change(
        small_centre(),
        "0 up anna\n1 call 1 100",
        5,
        |rules| rules.agents[0].retired = true,
        "6 answer 1\n9 caller-gone 1\n20 tick",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        5.0 other rules
          · reconfigured
        6.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 5.0 s
          · 1 answered after 5.0 s, in time
          · anna talking
        9.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 3.0 s
          · anna logged_out
        14.0 (time)
          · anna wrapped up in 5.0 s
        20.0 tick
    "#]],
    );
}

#[test]
fn an_agent_who_comes_back_into_the_configuration_is_at_work_again() {
    check_change(
        centre(|rules| rules.agents[0].retired = true),
        "0 tick\n1 call 1 100",
        5,
        |rules| rules.agents[0].retired = false,
        "6 up anna",
        expect![[r#"
        0.0 tick
        1.0 call 1 100
          · 1 queued in sales (1 waiting)
        5.0 other rules
          · reconfigured
          · anna unreachable
        6.0 up anna
          > offer 1: 1 (5551) to anna from sales
    "#]],
    );
}

#[test]
fn who_waits_keeps_his_place_and_what_he_has_waited_for_a_step() {
    check_change(
        small_centre(),
        "0 call 1 101\n1 call 2 100\n2 call 3 102",
        5,
        |rules| {
            rules.numbers[1].relaxation =
                vec![crate::engine::settings::Relaxation { after: secs(10), requirement: needs(ENGLISH, 1) }]
        },
        "12 up anna\n13 answer 1\n14 agent-gone 1\n20 answer 2\n21 agent-gone 2",
        expect![[r#"
        0.0 call 1 101
          · 1 queued in sales (1 waiting)
        1.0 call 2 100
          · 2 queued in sales (2 waiting)
        2.0 call 3 102
          · 3 queued in sales (3 waiting)
        5.0 other rules
          · reconfigured
        10.0 (time)
          · 1 widened to level 1
        12.0 up anna
          > offer 1: 3 (5553) to anna from sales
        13.0 answer 1
          > bridge 3 with 1
          · offer 1 answered after 1.0 s
          · 3 answered after 11.0 s, in time
          · anna talking
        14.0 agent-gone 1
          > hang up caller/3
          · 3 ended by agent, talked 1.0 s
          · anna wrap_up
        19.0 (time)
          > offer 2: 1 (5551) to anna from sales
          · anna wrapped up in 5.0 s
          · offer 2 at level 1
        20.0 answer 2
          > bridge 1 with 2
          · offer 2 answered after 1.0 s
          · 1 answered after 20.0 s, in time
          · anna talking
        21.0 agent-gone 2
          > hang up caller/1
          · 1 ended by agent, talked 1.0 s
          · anna wrap_up
    "#]],
    );
}

#[test]
fn after_call_work_pauses_and_rests_go_on() {
    check_change(
        small_centre(),
        "0 up anna\n0 up ben\n0 up carla\n1 call 1 100\n2 answer 1\n3 pause ben lunch\n4 call 2 200\n5 fail 2 busy\n6 caller-gone 1",
        7,
        |rules| rules.queues[0].wrap_up = secs(99),
        "8 tick\n30 tick",
        expect![[r#"
        0.0 up anna
        0.0 up ben
        0.0 up carla
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        3.0 pause ben lunch
          > reply 1 Ok(())
          · ben paused (lunch)
        4.0 call 2 200
          > offer 2: 2 (5552) to carla from support
          · 2 queued in support (1 waiting)
        5.0 fail 2 busy
          · offer 2 busy after 1.0 s
          · carla resting
        6.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 4.0 s
          · anna wrap_up
        7.0 other rules
          · reconfigured
        8.0 tick
        11.0 (time)
          · anna wrapped up in 5.0 s
        15.0 (time)
          > offer 3: 2 (5552) to carla from support
        30.0 tick
    "#]],
    );
}

#[test]
fn a_rule_that_now_lets_somebody_free_take_a_call_has_him_take_it() {
    check_change(
        small_centre(),
        "0 up anna\n1 call 1 101",
        5,
        |rules| rules.numbers[1].requirement = Requirement::ANYBODY,
        "6 tick",
        expect![[r#"
        0.0 up anna
        1.0 call 1 101
          · 1 queued in sales (1 waiting)
        5.0 other rules
          > offer 1: 1 (5551) to anna from sales
          · reconfigured
        6.0 tick
    "#]],
    );
}

#[test]
fn those_who_wait_where_nobody_is_left_leave_if_the_new_rules_say_so() {
    check_change(
        small_centre(),
        "0 call 1 200\n0 up anna",
        5,
        |rules| {
            rules.queues[1].leave_when_all = vec![AgentState::LoggedOut];
            rules.agents[2].queues = vec![QueueId(0)];
        },
        "6 tick",
        expect![[r#"
        0.0 call 1 200
          · 1 queued in support (1 waiting)
        0.0 up anna
        5.0 other rules
          · reconfigured
        5.0 (time)
          > play caller/1 ["all-busy"] en Silence
          · 1 no_agents after 5.0 s
        6.0 tick
    "#]],
    );
}

#[test]
fn a_retired_queue_takes_nobody_and_serves_those_who_wait() {
    check_change(
        small_centre(),
        "0 call 1 200",
        5,
        |rules| rules.queues[1].retired = true,
        "6 call 2 200\n7 up carla\n8 answer 1",
        expect![[r#"
        0.0 call 1 200
          · 1 queued in support (1 waiting)
        5.0 other rules
          · reconfigured
        6.0 call 2 200
          > refuse 2 480
          · 2 refused NobodyThere
        7.0 up carla
          > offer 1: 1 (5551) to carla from support
        8.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 8.0 s, in time
          · carla talking
    "#]],
    );
}

#[test]
fn an_agent_who_learns_a_skill_takes_the_call_that_waits_for_it() {
    check_plot(
        small_centre(),
        "0 up anna\n1 call 1 101\n5 teach anna spanish 9",
        expect![[r#"
        0.0 up anna
        1.0 call 1 101
          · 1 queued in sales (1 waiting)
        5.0 teach anna spanish 9
          > offer 1: 1 (5551) to anna from sales
          > reply 1 Ok(())
    "#]],
    );
}

#[test]
fn an_agent_who_learns_a_skill_also_takes_calls_of_a_requirement_that_was_used_before() {
    check_plot(
        small_centre(),
        "0 up ben\n1 call 1 100 requires=spanish\n2 caller-gone 1\n3 logout ben\n4 up anna\n5 teach anna spanish 9\n6 call 2 100 requires=spanish",
        expect![[r#"
        0.0 up ben
        1.0 call 1 100 requires=spanish
          > offer 1: 1 (5551) to ben from sales
          · 1 queued in sales (1 waiting)
        2.0 caller-gone 1
          > cancel 1
          · offer 1 caller_gone after 1.0 s
          · 1 short_abandon after 1.0 s
          · 1 ended by caller, talked 0.0 s
        3.0 logout ben
          > reply 1 Ok(())
          · ben logged_out
        4.0 up anna
        5.0 teach anna spanish 9
          > reply 2 Ok(())
        6.0 call 2 100 requires=spanish
          > offer 2: 2 (5552) to anna from sales
          · 2 queued in sales (1 waiting)
    "#]],
    );
}

#[test]
fn requirements_of_calls_that_were_refused_are_forgotten() {
    let settings = centre(|rules| rules.queues[0].waiting_max = 0);
    let mut scene = Scene::new(settings);
    for call in 0..1_500_u64 {
        let mut wishes = Vec::new();
        for skill in 0..12 {
            wishes.push(needs(SkillId(2 + skill), 1 + (call >> skill & 1) as u8));
        }
        let arrived = Event::CallArrived {
            call: CallId(call),
            dialled: "100".into(),
            caller: Caller::default(),
            agent: None,
            sip_call_id: String::new(),
            wishes: Some(Box::new(Wishes {
                requirement: Some(Requirement::All(wishes)),
                ..Wishes::default()
            })),
        };
        scene.happen(secs(call), arrived, "a call with a requirement of its own");
    }
    assert!(!scene.story.lines().any(|line| line.ends_with(" 503")), "each is refused for the queue is full");
}
