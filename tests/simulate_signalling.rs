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

/// How often each race and each feature must come about in them; 0: it may stay away.
const LEAST: [(&str, u64); 79] = [
    ("answered", 450),
    ("refused", 300),
    ("picked_up", 250),
    ("offerless", 40),
    ("early_to_callers", 150),
    ("early_from_phones", 250),
    ("cancelled_by_callers", 70),
    ("cancelled_by_us", 350),
    ("crossed_callers_cancel", 30),
    ("crossed_our_cancel", 100),
    ("forked", 50),
    ("late", 40),
    ("answered_twice", 70),
    ("ack_lost", 300),
    ("never_acked", 5),
    ("bye_before_ack", 60),
    ("bye_crossed", 5),
    ("held", 100),
    ("taken_back", 20),
    ("other_codec", 200),
    ("other_address", 100),
    ("other_contact", 5),
    ("offerless_changes", 50),
    ("changed_by_update", 100),
    ("mere_updates", 40),
    ("early_updates", 5),
    ("reinvites", 60),
    ("updates", 2),
    ("glare_to_them", 20),
    ("glare_to_us", 10),
    ("both_glared", 0),
    ("paused_as_owner", 1),
    ("paused_as_other", 4),
    ("reliable_to_callers", 50),
    ("reliable_from_phones", 350),
    ("reliable_required", 40),
    ("never_pracked", 3),
    ("refreshed_by_us", 60),
    ("refreshed_by_them", 300),
    ("too_brief_to_them", 100),
    ("too_brief_to_us", 1),
    ("session_expired", 5),
    ("expired_there", 0),
    ("update_unknown", 0),
    ("options", 90),
    ("info", 60),
    ("message_refused", 30),
    ("subscribe_refused", 30),
    ("method_unknown", 20),
    ("extension_unknown", 40),
    ("body_unknown", 40),
    ("scheme_unknown", 20),
    ("malformed", 30),
    ("no_codec", 50),
    ("no_dialog", 70),
    ("overtaken", 10),
    ("info_package", 20),
    ("hops_used_up", 10),
    ("went_round", 0),
    ("merged", 20),
    ("referred", 15),
    ("referred_attended", 5),
    ("passed_on", 5),
    ("passed_on_attended", 1),
    ("pass_failed", 5),
    ("pass_failed_attended", 3),
    ("came_back", 10),
    ("refer_refused", 30),
    ("replaces_refused", 5),
    ("challenged", 20),
    ("challenged_within", 70),
    ("challenged_bye", 70),
    ("stale", 15),
    ("proved", 5),
    ("proved_within", 50),
    ("not_proved", 2),
    ("phones_challenged", 60),
    ("lost", 150),
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
