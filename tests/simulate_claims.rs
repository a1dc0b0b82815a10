//! What Holdfast claims of itself, measured in shorter runs than `holdfast simulate --claims` takes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

use holdfast::cli::simulate::claim_rows;
use holdfast::simulate::claims::Effort;

#[test]
fn the_models_of_routing_come_out_as_their_references_say() {
    let rows = claim_rows(Effort(0.5)).unwrap_or_else(|violation| panic!("{violation}"));
    let failed: Vec<String> = rows
        .iter()
        .filter(|row| !row.pass)
        .map(|row| format!("{}: {} instead of {}", row.claim, row.measured, row.reference))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(rows.len() > 30, "{}", rows.len());
}
