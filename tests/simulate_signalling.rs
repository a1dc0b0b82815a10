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
const LEAST: [(&str, u64); 79] = [
    ("answered", 750),
    ("refused", 550),
    ("picked_up", 450),
    ("offerless", 60),
    ("early_to_callers", 250),
    ("early_from_phones", 450),
    ("cancelled_by_callers", 100),
    ("cancelled_by_us", 600),
    ("crossed_callers_cancel", 60),
    ("crossed_our_cancel", 150),
    ("forked", 80),
    ("late", 60),
    ("answered_twice", 100),
    ("ack_lost", 500),
    ("never_acked", 10),
    ("bye_before_ack", 100),
    ("bye_crossed", 10),
    ("held", 150),
    ("taken_back", 40),
    ("other_codec", 350),
    ("other_address", 200),
    ("other_contact", 10),
    ("offerless_changes", 90),
    ("changed_by_update", 150),
    ("mere_updates", 70),
    ("early_updates", 10),
    ("reinvites", 15),
    ("updates", 4),
    ("glare_to_them", 10),
    ("glare_to_us", 1),
    ("both_glared", 1),
    ("paused_as_owner", 0),
    ("paused_as_other", 1),
    ("reliable_to_callers", 90),
    ("reliable_from_phones", 550),
    ("reliable_required", 60),
    ("never_pracked", 5),
    ("refreshed_by_us", 20),
    ("refreshed_by_them", 500),
    ("too_brief_to_them", 150),
    ("too_brief_to_us", 2),
    ("session_expired", 10),
    ("expired_there", 0),
    ("update_unknown", 1),
    ("options", 150),
    ("info", 100),
    ("message_refused", 50),
    ("subscribe_refused", 60),
    ("method_unknown", 30),
    ("extension_unknown", 70),
    ("body_unknown", 60),
    ("scheme_unknown", 40),
    ("malformed", 40),
    ("no_codec", 80),
    ("no_dialog", 100),
    ("overtaken", 20),
    ("info_package", 30),
    ("hops_used_up", 15),
    ("went_round", 0),
    ("merged", 30),
    ("referred", 30),
    ("referred_attended", 5),
    ("passed_on", 10),
    ("passed_on_attended", 2),
    ("pass_failed", 10),
    ("pass_failed_attended", 5),
    ("came_back", 15),
    ("refer_refused", 60),
    ("replaces_refused", 10),
    ("challenged", 30),
    ("challenged_within", 100),
    ("challenged_bye", 100),
    ("stale", 20),
    ("proved", 10),
    ("proved_within", 90),
    ("not_proved", 4),
    ("phones_challenged", 100),
    ("lost", 250),
    ("unacknowledged", 0),
];

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
