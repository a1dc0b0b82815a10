//! `holdfast simulate --signalling`: whole calls over a bad network against the checkers.

use super::{exit, in_parallel};
use crate::simulate::signalling::{Run, Seen, ladder, run};
use std::time::{Duration, Instant};

/// More violations than this are not printed.
const PRINTED_MAX: usize = 20;

/// Worlds of this many seeds. Returns the exit code.
pub(super) fn check(first: u64, count: u64, limit: Option<Duration>) -> u8 {
    let began = Instant::now();
    let seeds: Vec<u64> = (first..first.saturating_add(count)).collect();
    let results = in_parallel(&seeds, |&seed| {
        let is_late = limit.is_some_and(|limit| began.elapsed() > limit);
        (!is_late).then(|| run(seed))
    });
    let (mut ran, mut broken, mut messages) = (0_u64, 0_usize, 0_u64);
    let mut seen = Seen::default();
    for result in results.into_iter().flatten() {
        ran += 1;
        match result {
            Ok(Run { seen: more, messages: carried, .. }) => {
                seen = seen + more;
                messages += carried;
            }
            Err(violation) => {
                broken += 1;
                if broken <= PRINTED_MAX {
                    println!("{violation}");
                    if count == 1 {
                        println!("{}", ladder(&violation).join("\n"));
                    }
                }
            }
        }
    }
    println!("{}", story(&seen));
    println!(
        "{ran} worlds, {messages} datagrams in {:.1} s: {}",
        began.elapsed().as_secs_f64(),
        if broken == 0 { "no rule broken".into() } else { format!("{broken} broke a rule") }
    );
    if broken == 0 { exit::OK } else { exit::RUNTIME }
}

/// How often each race and each feature came about.
fn story(seen: &Seen) -> String {
    let lines: Vec<String> = seen.lines().map(|(_, count, what)| format!("{count:>9} {what}")).collect();
    lines.join("\n")
}
