//! Primary skills first, secondary ones to lend a hand.

use super::*;
use expect_test::expect;

/// carla's English is secondary; Spanish is hers.
fn carla_lends_a_hand(after: u64, primary_first: u64) -> Settings {
    centre(|rules| {
        rules.agents[2].secondary = vec![ENGLISH];
        rules.queues[0].secondary_after = secs(after);
        rules.queues[0].requirement = Requirement::ANYBODY;
        rules.numbers[0].requirement = needs(ENGLISH, 1);
        rules.primary_first = secs(primary_first);
        rules.queues[0].wrap_up = Duration::ZERO;
    })
}

#[test]
fn a_call_is_kept_for_agents_of_its_primary_skill_until_the_threshold() {
    check_plot(
        carla_lends_a_hand(15, 0),
        "0 up carla\n1 call 1 100\n20 tick",
        expect![[r#"
        0.0 up carla
        1.0 call 1 100
          · 1 queued in sales (1 waiting)
        16.0 (time)
          > offer 1: 1 (5551) to carla from sales
          · 1 widened to level 1
          · offer 1 at level 1, secondary
        20.0 tick
    "#]],
    );
}

#[test]
fn who_has_the_skill_as_his_primary_one_is_preferred_however_long_the_other_is_free() {
    check_plot(
        carla_lends_a_hand(0, 0),
        "0 up carla\n50 up anna\n60 call 1 100\n61 call 2 100",
        expect![[r#"
        0.0 up carla
        50.0 up anna
        60.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        61.0 call 2 100
          > offer 2: 2 (5552) to carla from sales
          · 2 queued in sales (2 waiting)
          · offer 2 at level 0, secondary
    "#]],
    );
}

#[test]
fn an_agent_takes_a_call_of_his_primary_skill_before_one_that_waited_longer() {
    check_plot(
        carla_lends_a_hand(0, 60),
        "0 call 1 100\n30 call 2 101\n40 up carla\n41 answer 1\n50 caller-gone 2\n60 tick",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        30.0 call 2 101
          · 2 queued in sales (2 waiting)
        40.0 up carla
          > offer 1: 2 (5552) to carla from sales
        41.0 answer 1
          > bridge 2 with 1
          · offer 1 answered after 1.0 s
          · 2 answered after 11.0 s, in time
          · carla talking
        50.0 caller-gone 2
          > hang up agent/1
          > offer 2: 1 (5551) to carla from sales
          · 2 ended by caller, talked 9.0 s
          · carla wrapped up in 0.0 s
          · offer 2 at level 0, secondary
        60.0 tick
    "#]],
    );
}

#[test]
fn a_call_outside_his_primary_skills_does_not_starve_behind_those_inside() {
    check_plot(
        carla_lends_a_hand(0, 60),
        "0 call 1 100\n70 call 2 101\n71 up carla",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        70.0 call 2 101
          · 2 queued in sales (2 waiting)
        71.0 up carla
          > offer 1: 1 (5551) to carla from sales
          · offer 1 at level 0, secondary
    "#]],
    );
}

#[test]
fn one_who_had_the_skill_all_along_takes_the_call_before_the_threshold_too() {
    check_plot(
        carla_lends_a_hand(15, 0),
        "0 up carla\n1 call 1 100\n5 up anna",
        expect![[r#"
        0.0 up carla
        1.0 call 1 100
          · 1 queued in sales (1 waiting)
        5.0 up anna
          > offer 1: 1 (5551) to anna from sales
    "#]],
    );
}
