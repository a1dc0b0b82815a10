//! Whole calls over a bad network, from INVITE to BYE: hundreds of worlds, and every race among them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

use holdfast::cli::simulate::in_parallel;
use holdfast::simulate::signalling::{Run, Seen, Violation, run};
use std::collections::BTreeMap;

/// So many worlds: with fewer, the rarest races would not come about.
const WORLDS: u64 = 200;

/// How often each race and each feature must come about in them.
const LEAST: [(&str, u64); 0] = [];

#[test]
fn when_the_storm_is_over_nobody_is_left_in_a_call_and_every_call_has_one_record() {
    let seeds: Vec<u64> = (1..=WORLDS).collect();
    let (lived, broken): (Vec<_>, Vec<_>) =
        in_parallel(&seeds, |&seed| run(seed)).into_iter().partition(Result::is_ok);
    let broken: Vec<String> =
        broken.iter().filter_map(|it| it.as_ref().err()).map(Violation::to_string).collect();
    assert!(
        broken.is_empty(),
        "{} of {WORLDS} worlds:\n{}",
        broken.len(),
        broken[..broken.len().min(5)].join("\n")
    );
    let seen = lived.iter().flatten().fold(Seen::default(), |sum, run: &Run| sum + run.seen);
    // A storm in which nothing crossed would prove nothing.
    let least: BTreeMap<&str, u64> = LEAST.into_iter().collect();
    let mut rare = Vec::new();
    for (name, count, what) in seen.lines() {
        let Some(&least) = least.get(name) else {
            rare.push(format!("{name}: no least number is named, and {count} came about ({what})"));
            continue;
        };
        if count < least {
            rare.push(format!("{name}: {count}, expected {least} at least ({what})"));
        }
    }
    assert!(rare.is_empty(), "in {WORLDS} worlds:\n{}", rare.join("\n"));
}

#[test]
fn the_same_seed_sends_the_same_bytes_and_tells_the_same_facts() {
    let seeds: Vec<u64> = (1..=20).collect();
    let digests = || in_parallel(&seeds, |&seed| run(seed).unwrap());
    let (first, second) = (digests(), digests());
    assert_eq!(first, second);
    assert_ne!(first[0].digest, first[1].digest, "another seed is another world");
}
