//! The agent's one state machine: login, pause, reachability, wrap-up.

use super::*;
use expect_test::expect;

#[test]
fn agent_logs_in_by_feature_code_hears_it_confirmed_and_is_offered_a_call() {
    let settings = centre(|rules| rules.agents[0].login = Login::Manual);
    check(
        settings,
        "0 up anna\n1 call 1 100\n2 call 2 *11 anna\n5 heard 2",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          · 1 queued in sales (1 waiting)
        2.0 call 2 *11 anna
          > offer 1: 1 (5551) to anna from sales
          > answer 2
          > play caller/2 ["agent-loginok"] en Silence
          · anna ready
          · anna offered
        5.0 heard 2
          > hang up caller/2
    "#]],
    );
}

#[test]
fn feature_code_dialled_by_a_caller_is_refused() {
    check(
        small_centre(),
        "0 call 1 *11",
        expect![[r#"
        0.0 call 1 *11
          > refuse 1 403
          · 1 refused NotAnAgent
    "#]],
    );
}

#[test]
fn pause_before_login_is_refused_by_voice() {
    let settings = centre(|rules| rules.agents[0].login = Login::Manual);
    check(
        settings,
        "0 up anna\n2 call 2 *13 anna\n3 caller-gone 2",
        expect![[r#"
        0.0 up anna
        2.0 call 2 *13 anna
          > answer 2
          > play caller/2 ["agent-incorrect"] en Silence
        3.0 caller-gone 2
    "#]],
    );
}

#[test]
fn paused_agent_is_offered_nothing_until_he_is_ready_again() {
    check(
        small_centre(),
        "0 up anna\n1 pause anna lunch\n2 call 1 100\n9 ready anna",
        expect![[r#"
        0.0 up anna
          · anna ready
        1.0 pause anna lunch
          > reply 1 Ok(())
          · anna paused (lunch)
        2.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          · 1 queued in sales (1 waiting)
        9.0 ready anna
          > offer 1: 1 (5551) to anna from sales
          > reply 2 Ok(())
          · anna ready
          · anna offered
    "#]],
    );
}

#[test]
fn another_pause_reason_is_told_with_how_long_the_first_one_lasted() {
    let (engine, story) =
        play(small_centre(), "0 up anna\n1 pause anna break\n61 pause anna lunch\n62 pause anna lunch");
    assert_eq!(story.matches("anna paused (lunch)").count(), 1, "{story}");
    let anna = &engine.snapshot(now(Monotonic(71_000_000))).agents[0];
    assert_eq!((anna.reason.as_deref(), anna.lasted), (Some("lunch"), Duration::from_secs(10)));
}

#[test]
fn pause_needs_a_configured_reason() {
    check(
        small_centre(),
        "0 up anna\n1 pause anna siesta",
        expect![[r#"
        0.0 up anna
          · anna ready
        1.0 pause anna siesta
          > reply 1 Err(UnknownReason)
    "#]],
    );
}

#[test]
fn pausing_during_a_call_takes_effect_when_it_is_over() {
    check(
        small_centre(),
        "0 up anna\n0 call 1 100\n1 answer 1\n2 pause anna break\n9 caller-gone 1\n20 tick\n21 ready anna",
        expect![[r#"
            0.0 up anna
              · anna ready
            0.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              > offer 1: 1 (5551) to anna from sales
              · 1 queued in sales (1 waiting)
              · anna offered
            1.0 answer 1
              > bridge 1 with 1
              · offer 1 answered after 1.0 s
              · 1 answered after 1.0 s, in time
              · anna talking
            2.0 pause anna break
              > reply 1 Ok(())
            9.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 8.0 s
              · anna paused (break)
            14.0 (time)
              · anna wrapped up in 5.0 s
            20.0 tick
            21.0 ready anna
              > reply 2 Ok(())
              · anna ready
        "#]],
    );
}

#[test]
fn logging_out_during_a_call_lets_it_finish() {
    check(
        small_centre(),
        "0 up anna\n0 call 1 100\n1 answer 1\n2 logout anna\n9 caller-gone 1\n20 tick",
        expect![[r#"
            0.0 up anna
              · anna ready
            0.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              > offer 1: 1 (5551) to anna from sales
              · 1 queued in sales (1 waiting)
              · anna offered
            1.0 answer 1
              > bridge 1 with 1
              · offer 1 answered after 1.0 s
              · 1 answered after 1.0 s, in time
              · anna talking
            2.0 logout anna
              > reply 1 Ok(())
            9.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 8.0 s
              · anna logged_out
            14.0 (time)
              · anna wrapped up in 5.0 s
            20.0 tick
        "#]],
    );
}

#[test]
fn agent_whose_phone_is_lost_is_offered_nothing_until_it_is_back() {
    check(
        small_centre(),
        "0 up anna\n1 down anna\n2 call 1 100\n3 up anna",
        expect![[r#"
        0.0 up anna
          · anna ready
        1.0 down anna
          · anna unreachable
        2.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          · 1 queued in sales (1 waiting)
        3.0 up anna
          > offer 1: 1 (5551) to anna from sales
          · anna ready
          · anna offered
    "#]],
    );
}

#[test]
fn agent_may_cut_his_wrap_up_short() {
    check(
        small_centre(),
        "0 up anna\n0 call 1 100\n1 answer 1\n2 caller-gone 1\n3 ready anna",
        expect![[r#"
            0.0 up anna
              · anna ready
            0.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              > offer 1: 1 (5551) to anna from sales
              · 1 queued in sales (1 waiting)
              · anna offered
            1.0 answer 1
              > bridge 1 with 1
              · offer 1 answered after 1.0 s
              · 1 answered after 1.0 s, in time
              · anna talking
            2.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 1.0 s
              · anna wrap_up
            3.0 ready anna
              > reply 1 Ok(())
              · anna wrapped up in 1.0 s
              · anna ready
        "#]],
    );
}

#[test]
fn agents_own_wrap_up_overrides_the_queues() {
    let settings = centre(|rules| rules.agents[0].wrap_up = Some(Duration::ZERO));
    check(
        settings,
        "0 up anna\n0 call 1 100\n1 answer 1\n2 caller-gone 1",
        expect![[r#"
        0.0 up anna
          · anna ready
        0.0 call 1 100
          > answer 1
          > play caller/1 ["welcome"] en Music(["tide"])
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
          · anna offered
        1.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        2.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 1.0 s
          · anna wrapped up in 0.0 s
          · anna ready
    "#]],
    );
}

#[test]
fn ready_without_login_is_refused() {
    let settings = centre(|rules| rules.agents[0].login = Login::Manual);
    check(
        settings,
        "0 up anna\n1 ready anna",
        expect![[r#"
        0.0 up anna
        1.0 ready anna
          > reply 1 Err(NotLoggedIn)
    "#]],
    );
}
