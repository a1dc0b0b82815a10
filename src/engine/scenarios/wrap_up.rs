//! After-call work: how long it lasts, and who may end or extend it.

use super::*;
use crate::engine::settings::{OwnWrapUp, WrapUpMode, WrapUpRules};
use expect_test::expect;

fn wrapping_up(rules: WrapUpRules) -> Settings {
    centre(|settings| {
        settings.dispositions = vec!["sale".into(), "complaint".into()];
        settings.queues[0].wrap_up_rules = rules;
    })
}

fn mandatory() -> Settings {
    wrapping_up(WrapUpRules { mode: WrapUpMode::Mandatory, ..WrapUpRules::default() })
}

fn extensible() -> Settings {
    wrapping_up(WrapUpRules { extension_max: secs(10), ..WrapUpRules::default() })
}

fn with_disposition() -> Settings {
    wrapping_up(WrapUpRules { disposition_required: true, ..WrapUpRules::default() })
}

#[test]
fn without_any_the_agent_takes_the_next_call_at_once() {
    check_plot(
        centre(|rules| rules.queues[0].wrap_up = Duration::ZERO),
        "0 up anna\n1 call 1 100\n2 answer 1\n3 call 2 100\n10 caller-gone 1\n11 tick",
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
        10.0 caller-gone 1
          > hang up agent/1
          > offer 2: 2 (5552) to anna from sales
          · 1 ended by caller, talked 8.0 s
          · anna wrapped up in 0.0 s
        11.0 tick
    "#]],
    );
}

#[test]
fn mandatory_after_call_work_lasts_its_time() {
    check_plot(
        mandatory(),
        "0 up anna\n1 call 1 100\n2 answer 1\n10 caller-gone 1\n11 ready anna\n12 call 2 100\n14 pause anna break\n15.5 tick\n16 ready anna",
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
        10.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 8.0 s
          · anna wrap_up
        11.0 ready anna
          > reply 1 Err(WrapUpMandatory)
        12.0 call 2 100
          · 2 queued in sales (1 waiting)
        14.0 pause anna break
          > reply 2 Ok(())
          · anna paused (break)
        15.0 (time)
          · anna wrapped up in 5.0 s
        15.5 tick
        16.0 ready anna
          > offer 2: 2 (5552) to anna from sales
          > reply 3 Ok(())
    "#]],
    );
}

#[test]
fn logging_out_and_in_again_does_not_shorten_it() {
    check_plot(
        mandatory(),
        "0 up anna\n1 call 1 100\n2 answer 1\n10 caller-gone 1\n11 logout anna\n12 login anna\n16 tick",
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
        10.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 8.0 s
          · anna wrap_up
        11.0 logout anna
          > reply 1 Ok(())
          · anna logged_out
        12.0 login anna
          > reply 2 Ok(())
          · anna wrap_up
        15.0 (time)
          · anna wrapped up in 5.0 s
        16.0 tick
    "#]],
    );
}

#[test]
fn it_is_extended_as_far_as_the_queue_allows_and_no_further() {
    check_plot(
        extensible(),
        "0 up anna\n1 call 1 100\n2 answer 1\n10 caller-gone 1\n11 extend anna 4\n12 extend anna 30\n13 extend anna 1\n40 tick",
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
        10.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 8.0 s
          · anna wrap_up
        11.0 extend anna 4
          > reply 1 Ok(())
        12.0 extend anna 30
          > reply 2 Ok(())
        13.0 extend anna 1
          > reply 3 Err(NothingToExtend)
        25.0 (time)
          · anna wrapped up in 15.0 s
        40.0 tick
    "#]],
    );
}

#[test]
fn there_is_nothing_to_extend_where_there_is_no_after_call_work() {
    check_plot(
        extensible(),
        "0 up anna\n1 extend anna 5",
        expect![[r#"
        0.0 up anna
        1.0 extend anna 5
          > reply 1 Err(NothingToExtend)
    "#]],
    );
}

#[test]
fn it_lasts_until_the_disposition_is_noted() {
    check_plot(
        with_disposition(),
        "0 up anna\n1 call 1 100\n2 answer 1\n10 caller-gone 1\n20 ready anna\n21 dispose anna nonsense\n22 dispose anna sale\n23 dispose anna sale",
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
        10.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 8.0 s
          · anna wrap_up
        15.0 (time)
        20.0 ready anna
          > reply 1 Err(DispositionMissing)
        21.0 dispose anna nonsense
          > reply 2 Err(UnknownDisposition)
        22.0 dispose anna sale
          > reply 3 Ok(())
          · anna notes sale of 1
          · anna wrapped up in 12.0 s
        23.0 dispose anna sale
          > reply 4 Err(NothingToDispose)
    "#]],
    );
}

#[test]
fn a_disposition_noted_in_time_does_not_end_it_before_its_time() {
    check_plot(
        with_disposition(),
        "0 up anna\n1 call 1 100\n2 answer 1\n10 caller-gone 1\n11 dispose anna sale\n20 tick",
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
        10.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 8.0 s
          · anna wrap_up
        11.0 dispose anna sale
          > reply 1 Ok(())
          · anna notes sale of 1
        15.0 (time)
          · anna wrapped up in 5.0 s
        20.0 tick
    "#]],
    );
}

#[test]
fn a_disposition_can_be_noted_after_it_until_the_next_call() {
    check_plot(
        wrapping_up(WrapUpRules::default()),
        "0 up anna\n1 call 1 100\n2 answer 1\n10 caller-gone 1\n20 dispose anna complaint\n30 call 2 100\n31 answer 2\n40 caller-gone 2\n50 call 3 100\n51 answer 3\n52 dispose anna sale",
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
        10.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 8.0 s
          · anna wrap_up
        15.0 (time)
          · anna wrapped up in 5.0 s
        20.0 dispose anna complaint
          > reply 1 Ok(())
          · anna notes complaint of 1
        30.0 call 2 100
          > offer 2: 2 (5552) to anna from sales
          · 2 queued in sales (1 waiting)
        31.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 1.0 s
          · 2 answered after 1.0 s, in time
          · anna talking
        40.0 caller-gone 2
          > hang up agent/2
          · 2 ended by caller, talked 9.0 s
          · anna wrap_up
        45.0 (time)
          · anna wrapped up in 5.0 s
        50.0 call 3 100
          > offer 3: 3 (5553) to anna from sales
          · 3 queued in sales (1 waiting)
        51.0 answer 3
          > bridge 3 with 3
          · offer 3 answered after 1.0 s
          · 3 answered after 1.0 s, in time
          · anna talking
        52.0 dispose anna sale
          > reply 2 Err(NothingToDispose)
    "#]],
    );
}

#[test]
fn a_disposition_still_due_holds_after_its_time_whatever_the_agent_tries() {
    check_plot(
        with_disposition(),
        "0 up anna\n1 call 1 100\n2 answer 1\n10 caller-gone 1\n12 pause anna break\n20 ready anna\n21 logout anna\n22 login anna\n23 dispose anna sale",
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
        10.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 8.0 s
          · anna wrap_up
        12.0 pause anna break
          > reply 1 Ok(())
          · anna paused (break)
        15.0 (time)
        20.0 ready anna
          > reply 2 Err(DispositionMissing)
        21.0 logout anna
          > reply 3 Ok(())
          · anna logged_out
        22.0 login anna
          > reply 4 Ok(())
          · anna wrap_up
        23.0 dispose anna sale
          > reply 5 Ok(())
          · anna notes sale of 1
          · anna wrapped up in 13.0 s
    "#]],
    );
}

#[test]
fn an_agents_own_rules_replace_the_queues_one_by_one() {
    let settings = centre(|settings| {
        settings.dispositions = vec!["sale".into()];
        settings.queues[0].wrap_up_rules =
            WrapUpRules { disposition_required: true, extension_max: secs(10), ..WrapUpRules::default() };
        settings.agents[0].wrap_up_rules = OwnWrapUp {
            mode: Some(WrapUpMode::Mandatory),
            extension_max: None,
            disposition_required: Some(false),
        };
    });
    let (_, story) = play(
        settings,
        "0 up anna\n1 call 1 100\n2 answer 1\n10 caller-gone 1\n11 ready anna\n12 extend anna 3\n19 tick",
    );
    let told: Vec<_> = story
        .lines()
        .map(str::trim)
        .filter(|line| line.contains("reply") || line.contains("wrapped"))
        .collect();
    assert_eq!(
        told,
        ["> reply 1 Err(WrapUpMandatory)", "> reply 2 Ok(())", "· anna wrapped up in 8.0 s"],
        "mandatory by his own rule, extended by the queue's, no disposition by his own"
    );
}
