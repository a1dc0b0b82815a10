//! `[sip.strangers]` and `[sip.ban]`: how much patience there is with those who show no password, and with those who guess.

use super::section::Section;
use super::trunks::networks;
use crate::sip::bouncer::BouncerRules;
use std::time::Duration;

/// The longest span that makes sense of either.
const SPAN_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

pub(super) fn rules(sip: &Section<'_>) -> BouncerRules {
    let default = BouncerRules::default();
    let (strangers, ban) = (sip.table("strangers"), sip.table("ban"));
    let span = |key| ban.duration(key, Duration::from_secs(1)..=SPAN_MAX);
    let per_second = strangers.count("requests_per_second", 0..=1_000_000);
    let failures = ban.count("failures", 0..=1_000_000);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let rules = BouncerRules {
        strangers_per_second: per_second.map_or(default.strangers_per_second, number),
        failures: failures.map_or(default.failures, number),
        within: span("within").unwrap_or(default.within),
        length: span("for").unwrap_or(default.length),
        exempt: networks(&ban, "exempt", "this lets everybody guess passwords for ever"),
    };
    strangers.finish();
    ban.finish();
    rules
}
