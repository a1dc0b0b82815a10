//! A thousand random worlds against the checkers, and the laws that only two runs of one seed can show.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

use holdfast::cli::simulate::in_parallel;
use holdfast::engine::Fact;
use holdfast::engine::id::QueueId;
use holdfast::metrics::Metrics;
use holdfast::simulate::{Watch, random, run};
use std::collections::BTreeMap;

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

#[test]
fn the_metrics_agree_with_a_recount_of_the_facts() {
    let seeds: Vec<u64> = (1..=30).collect();
    let compared: usize = in_parallel(&seeds, |&seed| metrics_against_facts(seed)).into_iter().sum();
    assert!(compared > 100, "{compared}");
}

/// How many counters were compared.
fn metrics_against_facts(seed: u64) -> usize {
    let scenario = random::scenario(seed);
    let metrics = Metrics::new(&scenario.settings).unwrap();
    let name = |queue: QueueId| scenario.settings.queue(queue).unwrap().name.clone();
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    run(&scenario, seed, Watch::Lightly, |stamped| {
        metrics.observe(stamped);
        let series = match &stamped.fact {
            Fact::CallQueued { queue, .. } => {
                format!("holdfast_queue_calls_offered_total{{queue=\"{}\"}}", name(*queue))
            }
            Fact::CallLeftQueue { queue, outcome, answered_in_threshold, .. } => {
                let queue = name(*queue);
                if *answered_in_threshold {
                    let within =
                        format!("holdfast_queue_calls_answered_in_threshold_total{{queue=\"{queue}\"}}");
                    *counted.entry(within).or_default() += 1;
                }
                let outcome = outcome.as_str();
                format!("holdfast_queue_calls_ended_total{{outcome=\"{outcome}\",queue=\"{queue}\"}}")
            }
            _ => return,
        };
        *counted.entry(series).or_default() += 1;
    })
    .unwrap();
    let text = metrics.render();
    for (series, count) in &counted {
        assert!(
            text.lines().any(|line| line == format!("{series} {count}")),
            "seed {seed}: {series} is not {count}"
        );
    }
    counted.len()
}
