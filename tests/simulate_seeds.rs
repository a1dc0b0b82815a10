//! A thousand random worlds against the checkers, and the laws that only two runs of one seed can show.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

use holdfast::cli::simulate::in_parallel;
use holdfast::simulate::{Watch, random, run};

#[test]
fn a_thousand_random_worlds_break_no_rule() {
    let seeds: Vec<u64> = (1..=1000).collect();
    let violations: Vec<String> = in_parallel(&seeds, |&seed| {
        run(&random::scenario(seed), seed, Watch::Closely, |_| {}).err().map(|broken| broken.to_string())
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(
        violations.is_empty(),
        "{} worlds of 1000:\n{}",
        violations.len(),
        violations[..violations.len().min(10)].join("\n")
    );
}

#[test]
fn the_same_seed_tells_the_same_facts_byte_for_byte() {
    let digests = |seed| {
        let run = run(&random::scenario(seed), seed, Watch::Closely, |_| {}).unwrap();
        (run.digest, run.facts, run.events)
    };
    let seeds: Vec<u64> = (1..=40).collect();
    let (first, second) =
        (in_parallel(&seeds, |&seed| digests(seed)), in_parallel(&seeds, |&seed| digests(seed)));
    assert_eq!(first, second);
    assert_ne!(first[0], first[1], "another seed is another world");
}
