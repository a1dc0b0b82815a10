//! What must hold of any such model. The table of staffings is a claim, and tested as one (`simulate/staffing_claims.rs`).

use super::*;
use proptest::prelude::*;

fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance
}

#[test]
fn erlang_a_gives_the_reference_point() {
    let load = Load { calls_per_s: 48.0 / 60.0, handling_s: 60.0 };
    let found = with_patience(load, 60.0, 50, 20.0);
    assert!(close(found.abandonment, 0.039_42, 0.000_005), "{found:?}");
    assert!(close(found.mean_wait_s, 2.365, 0.000_5), "{found:?}");
    assert!(close(found.service_level, 0.955_6, 0.000_05), "{found:?}");
}

#[test]
fn erlang_b_of_one_and_two_agents_is_what_is_calculated_by_hand() {
    assert!(close(erlang_b(1, 1.0), 0.5, 1e-15));
    assert!(close(erlang_b(2, 1.0), 0.2, 1e-15));
    assert!(close(erlang_b(0, 3.0), 1.0, 0.0), "without agents nobody gets through");
}

#[test]
fn agents_who_cannot_keep_up_have_no_erlang_c_figures() {
    let load = Load { calls_per_s: 1.0, handling_s: 10.0 };
    assert_eq!(without_abandonment(load, 10, 20.0), None);
    assert!(without_abandonment(load, 11, 20.0).is_some());
    assert!(close(erlang_c(10, 10.0), 1.0, 0.0));
}

#[test]
fn patience_without_end_is_erlang_c() {
    let load = Load { calls_per_s: 100.0 / 1800.0, handling_s: 180.0 };
    let (patient, endless) = (with_patience(load, 1e9, 14, 20.0), without_abandonment(load, 14, 20.0));
    let endless = endless.unwrap();
    assert!(close(patient.service_level, endless.service_level, 1e-6), "{patient:?} {endless:?}");
    assert!(close(patient.asa_s, endless.asa_s, 1e-4), "{patient:?} {endless:?}");
}

#[test]
fn hopeless_overload_gives_figures_and_no_overflow() {
    // A hundred times what the agents can do: nearly everybody goes, and all agents are always busy.
    let load = Load { calls_per_s: 1000.0, handling_s: 100.0 };
    let found = with_patience(load, 600.0, 1000, 20.0);
    assert!(close(found.abandonment, 0.99, 1e-9), "{found:?}");
    assert!(close(found.occupancy, 1.0, 1e-9), "{found:?}");
    assert!(close(found.service_level, 0.0, 1e-9), "{found:?}");
    // Who is served has waited until the fluid line of patient callers came to him: ln(100)·600 s.
    assert!(close(found.asa_s, 600.0 * 100.0_f64.ln(), 5.0), "{found:?}");
}

#[test]
fn hardly_any_load_gives_figures_and_no_underflow() {
    let load = Load { calls_per_s: 1e-6, handling_s: 1.0 };
    let found = with_patience(load, 60.0, 5000, 20.0);
    assert!(close(found.service_level, 1.0, 1e-12) && close(found.abandonment, 0.0, 1e-12), "{found:?}");
}

#[test]
fn with_all_the_time_in_the_world_who_does_not_give_up_is_answered_in_time() {
    let found = with_patience(Load { calls_per_s: 0.1, handling_s: 60.0 }, 60.0, 1, 1e9);
    assert!(close(found.service_level, 1.0 - found.abandonment, 1e-9), "{found:?}");
}

#[test]
fn a_goal_nobody_can_reach_is_told_so() {
    let goal = Goal { threshold_s: 20.0, service_level: 1.1, occupancy_max: None };
    let load = Load { calls_per_s: 0.01, handling_s: 10.0 };
    assert_eq!(fewest_agents(&goal, |agents| without_abandonment(load, agents, 20.0)), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Two derivations of one figure: who is answered at all, by the integral over waits and by the chain.
    #[test]
    fn answered_and_abandoned_are_all(
        calls_per_s in 0.001..5.0_f64, handling_s in 5.0..600.0_f64, patience_s in 5.0..3600.0_f64, agents in 1..400_u32,
    ) {
        let load = Load { calls_per_s, handling_s };
        let found = with_patience(load, patience_s, agents, f64::INFINITY);
        prop_assert!(close(found.service_level + found.abandonment, 1.0, 1e-8), "{found:?}");
    }

    #[test]
    fn one_more_agent_makes_nothing_worse(
        calls_per_s in 0.001..5.0_f64, handling_s in 5.0..600.0_f64, patience_s in 5.0..3600.0_f64, agents in 1..400_u32,
    ) {
        let load = Load { calls_per_s, handling_s };
        let few = with_patience(load, patience_s, agents, 20.0);
        let more = with_patience(load, patience_s, agents + 1, 20.0);
        prop_assert!(more.service_level >= few.service_level - 1e-10);
        prop_assert!(more.abandonment <= few.abandonment + 1e-10);
        prop_assert!(more.asa_s <= few.asa_s + 1e-8);
    }
}
