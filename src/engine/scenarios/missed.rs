//! What follows from offers that came to nothing.

use super::*;
use crate::engine::settings::MissedRules;
use expect_test::expect;

/// Each cause its own rest, doubled up to a minute.
fn per_cause(pause_after: Option<u32>) -> Settings {
    centre(|rules| {
        rules.queues[0].missed = MissedRules {
            declined: secs(5),
            busy: secs(10),
            no_answer: secs(20),
            unreachable: secs(40),
            rest_max: secs(60),
            pause_after,
        };
    })
}

/// When anna, after a miss at 10 s for this cause, is offered the call again.
fn again_after(settings: Settings, failure: &str) -> String {
    let (_, story) = play(settings, &format!("0 up anna\n9 call 1 100\n10 fail 1 {failure}\n900 tick"));
    let lines: Vec<_> = story.lines().collect();
    let offer = lines.iter().position(|line| line.contains("> offer 2")).expect("offered again");
    lines[..offer].iter().rfind(|line| !line.starts_with(' ')).expect("a time").to_string()
}

#[test]
fn each_cause_has_its_own_rest() {
    let causes = ["declined", "busy", "no-answer", "unreachable"];
    let again = causes.map(|cause| again_after(per_cause(None), cause));
    assert_eq!(again, ["15.0 (time)", "20.0 (time)", "30.0 (time)", "50.0 (time)"]);
}

#[test]
fn a_phone_that_says_when_is_left_alone_so_long_but_not_for_ever_and_never_shorter_than_the_rule() {
    assert_eq!(again_after(per_cause(None), "busy 30"), "40.0 (time)");
    assert_eq!(again_after(per_cause(None), "busy 2"), "20.0 (time)");
    assert_eq!(again_after(per_cause(None), "busy 99999"), "310.0 (time)", "five minutes at most");
}

#[test]
fn a_phone_that_fails_at_once_is_not_rung_in_circles_even_without_a_rest() {
    assert_eq!(
        again_after(
            centre(|rules| rules.queues[0].missed = MissedRules::same(Duration::ZERO)),
            "unreachable"
        ),
        "11.0 (time)"
    );
}

#[test]
fn the_rest_doubles_with_every_miss_in_a_row_up_to_the_longest() {
    check_plot(
        per_cause(None),
        "0 up anna\n0 call 1 100\n1 fail 1 busy\n12 fail 2 busy\n33 fail 3 busy\n74 fail 4 busy\n150 tick",
        expect![[r#"
        0.0 up anna
        0.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        1.0 fail 1 busy
          · offer 1 busy after 1.0 s
          · anna resting
        11.0 (time)
          > offer 2: 1 (5551) to anna from sales
        12.0 fail 2 busy
          · offer 2 busy after 1.0 s
          · anna resting
        32.0 (time)
          > offer 3: 1 (5551) to anna from sales
        33.0 fail 3 busy
          · offer 3 busy after 1.0 s
          · anna resting
        73.0 (time)
          > offer 4: 1 (5551) to anna from sales
        74.0 fail 4 busy
          · offer 4 busy after 1.0 s
          · anna resting
        134.0 (time)
          > offer 5: 1 (5551) to anna from sales
        150.0 tick
    "#]],
    );
}

#[test]
fn an_answer_ends_the_row() {
    check_plot(
        per_cause(None),
        "0 up anna\n0 call 1 100\n1 fail 1 busy\n12 fail 2 busy\n33 answer 3\n34 caller-gone 1\n50 call 2 100\n51 fail 4 busy\n70 tick",
        expect![[r#"
        0.0 up anna
        0.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        1.0 fail 1 busy
          · offer 1 busy after 1.0 s
          · anna resting
        11.0 (time)
          > offer 2: 1 (5551) to anna from sales
        12.0 fail 2 busy
          · offer 2 busy after 1.0 s
          · anna resting
        32.0 (time)
          > offer 3: 1 (5551) to anna from sales
        33.0 answer 3
          > bridge 1 with 3
          · offer 3 answered after 1.0 s
          · 1 answered after 33.0 s
          · anna talking
        34.0 caller-gone 1
          > hang up agent/3
          · 1 ended by caller, talked 1.0 s
          · anna wrap_up
        39.0 (time)
          · anna wrapped up in 5.0 s
        50.0 call 2 100
          > offer 4: 2 (5552) to anna from sales
          · 2 queued in sales (1 waiting)
        51.0 fail 4 busy
          · offer 4 busy after 1.0 s
          · anna resting
        61.0 (time)
          > offer 5: 2 (5552) to anna from sales
        70.0 tick
    "#]],
    );
}

#[test]
fn after_so_many_misses_he_is_paused_until_he_says_that_he_is_back() {
    check_plot(
        per_cause(Some(2)),
        "0 up anna\n0 call 1 100\n1 fail 1 declined\n7 fail 2 declined\n100 tick\n200 ready anna",
        expect![[r#"
        0.0 up anna
        0.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        1.0 fail 1 declined
          · offer 1 declined after 1.0 s
          · anna resting
        6.0 (time)
          > offer 2: 1 (5551) to anna from sales
        7.0 fail 2 declined
          · offer 2 declined after 1.0 s
          · anna paused (missed-calls)
        17.0 (time)
        100.0 tick
        200.0 ready anna
          > offer 3: 1 (5551) to anna from sales
          > reply 1 Ok(())
    "#]],
    );
}

#[test]
fn a_wave_called_off_is_no_miss() {
    check_plot(
        centre(|rules| {
            *rules = per_cause(Some(1));
            rules.queues[0].strategy = StrategyName::RingAll;
        }),
        "0 up anna\n0 up ben\n1 call 1 100\n2 answer 2\n3 call 2 100\n4 caller-gone 2",
        expect![[r#"
        0.0 up anna
        0.0 up ben
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          > offer 2: 1 (5551) to ben from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 2
          > cancel 1 (elsewhere)
          > bridge 1 with 2
          · offer 2 answered after 1.0 s
          · offer 1 answered_elsewhere after 1.0 s
          · 1 answered after 1.0 s, in time
          · ben talking
        3.0 call 2 100
          > offer 3: 2 (5552) to anna from sales
          · 2 queued in sales (1 waiting)
        4.0 caller-gone 2
          > cancel 3
          · offer 3 caller_gone after 1.0 s
          · 2 short_abandon after 1.0 s
          · 2 ended by caller, talked 0.0 s
    "#]],
    );
}
