//! What a call requires is relaxed while it waits, in steps.

use super::*;
use crate::engine::settings::Relaxation;
use expect_test::expect;

fn relaxed(after: u64, skill: SkillId, min: u8) -> Relaxation {
    Relaxation { after: secs(after), requirement: needs(skill, min) }
}

/// Sales needs Spanish of 8, after 10 s of 5 will do, after 20 s English.
fn in_steps() -> Settings {
    centre(|rules| {
        rules.queues[0].requirement = needs(SPANISH, 8);
        rules.queues[0].relaxation = vec![relaxed(10, SPANISH, 5), relaxed(20, ENGLISH, 1)];
    })
}

#[test]
fn a_queue_that_relaxes_in_steps_asks_the_best_first_and_the_rest_each_in_his_time() {
    check_plot(
        in_steps(),
        "0 up anna\n0 up carla\n1 call 1 100\n12 fail 1 busy\n60 tick",
        expect![[r#"
        0.0 up anna
        0.0 up carla
        1.0 call 1 100
          · 1 queued in sales (1 waiting)
        11.0 (time)
          > offer 1: 1 (5551) to carla from sales
          · 1 widened to level 1
          · offer 1 at level 1
        12.0 fail 1 busy
          · offer 1 busy after 1.0 s
          · carla resting
        21.0 (time)
          > offer 2: 1 (5551) to anna from sales
          · 1 widened to level 2
          · offer 2 at level 2
        22.0 (time)
        41.0 (time)
          > cancel 2
          > offer 3: 1 (5551) to carla from sales
          · offer 2 no_answer after 20.0 s
          · anna resting
          · offer 3 at level 1
        51.0 (time)
        60.0 tick
    "#]],
    );
}

#[test]
fn a_number_that_relaxes_does_so_for_its_own_calls_only() {
    check_plot(
        centre(|rules| rules.numbers[1].relaxation = vec![relaxed(15, ENGLISH, 9)]),
        "0 up anna\n1 call 1 101\n2 call 2 100\n20 tick",
        expect![[r#"
        0.0 up anna
        1.0 call 1 101
          · 1 queued in sales (1 waiting)
        2.0 call 2 100
          > offer 1: 2 (5552) to anna from sales
          · 2 queued in sales (2 waiting)
        16.0 (time)
          · 1 widened to level 1
        20.0 tick
    "#]],
    );
}

#[test]
fn nobody_is_ruled_out_by_a_step() {
    check_plot(
        centre(|rules| rules.numbers[1].relaxation = vec![relaxed(15, ENGLISH, 9)]),
        "1 call 1 101\n20 up ben",
        expect![[r#"
        1.0 call 1 101
          · 1 queued in sales (1 waiting)
        16.0 (time)
          · 1 widened to level 1
        20.0 up ben
          > offer 1: 1 (5551) to ben from sales
    "#]],
    );
}

#[test]
fn what_a_call_itself_requires_is_not_relaxed_by_its_number() {
    check_plot(
        centre(|rules| {
            rules.numbers[0] = Number {
                requirement: needs(ENGLISH, 9),
                relaxation: vec![relaxed(10, ENGLISH, 1)],
                ..rules.numbers[0].clone()
            }
        }),
        "0 up ben\n0 up anna\n0 pause anna break\n1 call 1 100 requires=spanish\n2 logout ben\n3 up carla\n3 logout carla\n5 up anna\n6 ready anna\n12 tick\n13 login carla",
        expect![[r#"
        0.0 up ben
        0.0 up anna
        0.0 pause anna break
          > reply 1 Ok(())
          · anna paused (break)
        1.0 call 1 100 requires=spanish
          · 1 queued in sales (1 waiting)
        2.0 logout ben
          > reply 2 Ok(())
          · ben logged_out
        3.0 up carla
        3.0 logout carla
          > reply 3 Ok(())
          · carla logged_out
        5.0 up anna
        6.0 ready anna
          > reply 4 Ok(())
        11.0 (time)
          · 1 widened to level 1
        12.0 tick
        13.0 login carla
          > offer 1: 1 (5551) to carla from sales
          > reply 5 Ok(())
          · offer 1 at level 1
    "#]],
    );
}

#[test]
fn a_step_during_ringing_lets_the_next_offer_go_further() {
    check_plot(
        in_steps(),
        "0 up anna\n0 up ben\n1 call 1 100\n12 tick\n25 fail 1 declined",
        expect![[r#"
        0.0 up anna
        0.0 up ben
        1.0 call 1 100
          > offer 1: 1 (5551) to ben from sales
          · 1 queued in sales (1 waiting)
        11.0 (time)
          · 1 widened to level 1
        12.0 tick
        21.0 (time)
          > cancel 1
          > offer 2: 1 (5551) to anna from sales
          · offer 1 no_answer after 20.0 s
          · ben resting
          · 1 widened to level 2
          · offer 2 at level 2
        25.0 fail 1 declined
    "#]],
    );
}

#[test]
fn a_freed_agent_takes_the_longest_wait_among_all_that_his_step_has_reached() {
    check_plot(
        in_steps(),
        "0 call 1 100\n5 call 2 100\n22 up anna\n23 answer 1\n24 caller-gone 1\n40 tick",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        5.0 call 2 100
          · 2 queued in sales (2 waiting)
        10.0 (time)
          · 1 widened to level 1
        15.0 (time)
          · 2 widened to level 1
        20.0 (time)
          · 1 widened to level 2
        22.0 up anna
          > offer 1: 1 (5551) to anna from sales
          · offer 1 at level 2
        23.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 23.0 s
          · anna talking
        24.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 1.0 s
          · anna wrap_up
        25.0 (time)
          · 2 widened to level 2
        29.0 (time)
          > offer 2: 2 (5552) to anna from sales
          · anna wrapped up in 5.0 s
          · offer 2 at level 2
        40.0 tick
    "#]],
    );
}
