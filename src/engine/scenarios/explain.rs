//! Why a call waits, and why an agent was chosen.

use super::*;
use expect_test::expect;

#[test]
fn a_call_that_waits_for_somebody_qualified_says_what_they_do() {
    check_plot(
        small_centre(),
        "0 up ben\n1 pause ben break\n2 up carla\n3 call 1 200\n4 answer 1\n5 call 2 101\n6 call 3 101\n10 why 3",
        expect![[r#"
        0.0 up ben
        1.0 pause ben break
          > reply 1 Ok(())
          · ben paused (break)
        2.0 up carla
        3.0 call 1 200
          > offer 1: 1 (5551) to carla from support
          · 1 queued in support (1 waiting)
        4.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · carla talking
        5.0 call 2 101
          · 2 queued in sales (1 waiting)
        6.0 call 3 101
          · 3 queued in sales (2 waiting)
        10.0 why 3
          > reply 2 waits 4 s behind 1: qualified [1 talking, 1 paused], 1 not, level 0 of 0, next step in none
    "#]],
    );
}

#[test]
fn a_call_that_will_be_relaxed_says_when() {
    check_plot(
        centre(|rules| {
            rules.numbers[1].relaxation =
                vec![crate::engine::settings::Relaxation { after: secs(30), requirement: needs(ENGLISH, 9) }]
        }),
        "0 call 1 101\n10 why 1\n31 why 1",
        expect![[r#"
        0.0 call 1 101
          · 1 queued in sales (1 waiting)
        10.0 why 1
          > reply 1 waits 10 s behind 0: qualified [2 unreachable], 0 not, level 0 of 1, next step in 20 s
        30.0 (time)
          · 1 widened to level 1
        31.0 why 1
          > reply 2 waits 31 s behind 0: qualified [3 unreachable], 0 not, level 1 of 1, next step in none
    "#]],
    );
}

#[test]
fn a_call_that_waits_for_one_agent_alone_says_for_whom() {
    check_plot(
        small_centre(),
        "0 up anna\n1 call 1 100\n2 answer 1\n3 call 2 100\n4 pull 2 anna\n5 why 2",
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
        4.0 pull 2 anna
          > reply 1 Ok(())
        5.0 why 2
          > reply 2 waits 2 s behind 0: qualified [2 unreachable, 1 talking], 0 not, level 0 of 0, next step in none, for anna alone
    "#]],
    );
}

#[test]
fn a_call_for_which_somebody_is_rung_says_whom() {
    check_plot(
        small_centre(),
        "0 up anna\n1 call 1 100\n2 why 1",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 why 1
          > reply 1 waits 1 s behind 0: qualified [2 unreachable, 1 offered], 0 not, level 0 of 0, next step in none, rings anna
    "#]],
    );
}

#[test]
fn there_is_nothing_to_explain_of_a_call_that_is_over_or_was_never_there() {
    check_plot(
        small_centre(),
        "0 call 1 100\n1 caller-gone 1\n2 why 1\n3 why 7",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        1.0 caller-gone 1
          · 1 short_abandon after 1.0 s
          · 1 ended by caller, talked 0.0 s
        2.0 why 1
          > reply 1 Err(UnknownCall)
        3.0 why 7
          > reply 2 Err(UnknownCall)
    "#]],
    );
}

#[test]
fn after_a_step_the_requirement_told_is_what_will_do_now() {
    let settings = centre(|rules| {
        let after = crate::engine::settings::Relaxation { after: secs(30), requirement: needs(ENGLISH, 9) };
        rules.numbers[1].relaxation = vec![after];
    });
    let mut scene = Scene::new(settings);
    scene.play("0 call 1 101\n31 tick");
    let why = scene.engine.why_waiting(now(Monotonic(31_000_000)), CallId(1)).expect("it waits");
    for (skills, will_do) in
        [(vec![(ENGLISH, 1), (SPANISH, 3)], true), (vec![(ENGLISH, 9)], true), (vec![(ENGLISH, 8)], false)]
    {
        assert_eq!(why.requirement.is_met_by(&SkillSet::new(skills.clone())), will_do, "{skills:?}");
    }
}
