//! The claims about the expected wait, each with its figure: callers of seeded worlds against the production engine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

use holdfast::simulate::{estimators, rollout};

#[test]
fn every_claim_about_formulas_of_the_expected_wait_holds() {
    let rows = estimators::claims(1).unwrap();
    assert_eq!(rows.len(), 6);
    let broken: Vec<_> = rows.iter().filter(|row| !row.pass).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn rolling_the_engine_forward_beats_asterisk_in_every_class_and_knows_its_own_range() {
    // Fewer hours than `--claims` runs, and so more left to chance.
    let rows = rollout::claims(250, 5.0, 1);
    assert_eq!(rows.len(), 6);
    let broken: Vec<_> = rows.iter().filter(|row| !row.pass).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
