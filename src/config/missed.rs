//! `rest_after_miss` and `missed`: how long an agent is left alone after a call he did not take.

use super::section::Section;
use crate::engine::settings::MissedRules;
use std::time::Duration;

const REST: std::ops::RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);

/// The short form is one rest for all causes; the long form says more, cause by cause.
pub(super) fn read(section: &Section<'_>, default: MissedRules) -> MissedRules {
    let same = section.duration("rest_after_miss", REST).map_or(default, MissedRules::same);
    let Some(table) = section.optional_table("missed") else { return same };
    let rest = |key, otherwise| table.duration(key, REST).unwrap_or(otherwise);
    let rules = MissedRules {
        declined: rest("declined", same.declined),
        busy: rest("busy", same.busy),
        no_answer: rest("no_answer", same.no_answer),
        unreachable: rest("unreachable", same.unreachable),
        rest_max: rest("rest_max", same.rest_max),
        pause_after: table.count("pause_after", 1..=100).and_then(|times| u32::try_from(times).ok()),
    };
    let longest = [rules.declined, rules.busy, rules.no_answer, rules.unreachable].into_iter().max();
    if table.has("rest_max") && longest.is_some_and(|longest| rules.rest_max < longest) {
        table.warn(&table.span, "rest_max is less than one of the rests: that one will not grow");
    }
    table.finish();
    rules
}
