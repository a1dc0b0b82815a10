//! What happens when a queue cannot keep or take its calls: `overflow`, `borrow`, `refuse_when_all`, `leave_when_all`.

use super::problem::unknown;
use super::scalar::{is_dialable, is_plain_name};
use super::section::Section;
use crate::engine::fact::AgentState;
use crate::engine::id::QueueId;
use crate::engine::settings::{Borrow, Destination, Overflow, OverflowWhen};
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
const WAITED: RangeInclusive<Duration> = Duration::from_secs(1)..=DAY;
/// More rules of a kind than this are a mistake.
const RULES_MAX: usize = 16;

const WHEN: [(&str, OverflowWhen); 3] =
    [("full", OverflowWhen::Full), ("no-agents", OverflowWhen::NoAgents), ("closed", OverflowWhen::Closed)];

/// The name of an overflow's moment in the file.
pub(super) fn when_text(when: OverflowWhen) -> &'static str {
    WHEN.iter().find(|(_, known)| *known == when).map_or("after", |(name, _)| name)
}

/// The chain, and where each rule stands. `own` is the queue whose rules these are.
pub(super) fn chain(section: &Section<'_>, queues: &[&str], own: QueueId) -> Vec<(Overflow, Range<usize>)> {
    let rules = section.rules("overflow", "{ after = \"60s\", queue = \"support\" }");
    limit(section, "overflow", rules.len());
    let mut chain = Vec::new();
    for rule in rules {
        let span = rule.span.clone();
        if let (Some(when), Some(to)) = (when(&rule), destination(&rule, queues, own)) {
            chain.push((Overflow { when, to }, span));
        }
        rule.finish();
    }
    chain
}

fn limit(section: &Section<'_>, key: &str, count: usize) {
    if count > RULES_MAX {
        section.error(&section.span, format!("{key}: expected at most {RULES_MAX} rules, got {count}"));
    }
}

fn when(rule: &Section<'_>) -> Option<OverflowWhen> {
    let (waited, word) = (rule.duration("after", WAITED), rule.choice("when", &WHEN));
    if rule.has("after") == rule.has("when") {
        let known = WHEN.map(|(name, _)| name).join(", ");
        rule.error(&rule.span, format!("expected either after = \"60s\" or when = \"…\" (known: {known})"));
    }
    waited.map(OverflowWhen::Waited).or(word)
}

fn destination(rule: &Section<'_>, queues: &[&str], own: QueueId) -> Option<Destination> {
    let queue = queue(rule, "queue", queues, own, "its calls are there already");
    let number = rule.parsed("number", "what is dialled outside, such as \"+4930123456\"", |text| {
        is_dialable(text).then(|| text.to_owned())
    });
    let message = rule.parsed("message", "the name of a prompt, without folder and \".wav\"", |text| {
        (is_plain_name(text) && !text.ends_with(".wav")).then(|| text.to_owned())
    });
    let given = ["queue", "number", "message"].into_iter().filter(|key| rule.has(key)).count();
    if given != 1 {
        rule.error(
            &rule.span,
            "expected one place to go to: queue = \"…\", number = \"…\" or message = \"…\"",
        );
        return None;
    }
    queue.map(Destination::Queue).or(number.map(Destination::Number)).or(message.map(Destination::Message))
}

/// Another queue by its name.
fn queue(
    rule: &Section<'_>,
    key: &'static str,
    queues: &[&str],
    own: QueueId,
    why_not: &str,
) -> Option<QueueId> {
    let text = rule.text(key)?;
    let found = queues.iter().position(|name| *name == text.value);
    match found.and_then(|at| u32::try_from(at).ok()).map(QueueId) {
        Some(queue) if queue == own => {
            rule.error(&text.span, format!("{key}: this is the queue itself; {why_not}"));
            None
        }
        Some(queue) => Some(queue),
        None => {
            rule.error(&text.span, format!("{key}: {}", unknown("queue", text.value, queues)));
            None
        }
    }
}

/// Whose agents help out, and where each rule stands.
pub(super) fn borrow(section: &Section<'_>, queues: &[&str], own: QueueId) -> Vec<(Borrow, Range<usize>)> {
    let rules = section.rules("borrow", "{ from = \"support\", after = \"15s\" }");
    limit(section, "borrow", rules.len());
    let mut all: Vec<(Borrow, Range<usize>)> = Vec::new();
    for rule in rules {
        rule.require("from");
        let from = queue(&rule, "from", queues, own, "its agents serve it already");
        let after = rule.duration("after", Duration::ZERO..=DAY).unwrap_or_default();
        let lender_wait_max = rule.duration("while_wait_below", Duration::ZERO..=DAY);
        let lender_service_level_min = rule.share("while_service_level_above");
        if let Some(from) = from {
            if all.iter().any(|(known, _)| known.from == from) {
                rule.error(&rule.span, "from: this queue lends its agents already; remove one");
            }
            let borrow = Borrow { from, after, lender_wait_max, lender_service_level_min };
            all.push((borrow, rule.span.clone()));
        }
        rule.finish();
    }
    all
}

/// A list of agents' states. Ready is none of them: who is ready takes the call.
pub(super) fn states(section: &Section<'_>, key: &'static str) -> Vec<AgentState> {
    let names = AgentState::ALL.map(AgentState::as_str);
    let mut states = Vec::new();
    for text in section.texts(key).unwrap_or_default() {
        match AgentState::ALL.into_iter().find(|state| state.as_str() == text.value) {
            Some(AgentState::Ready) => {
                let why = "an agent who is ready takes the call, so nobody would ever be served";
                section.error(&text.span, format!("{key}: \"ready\" cannot be one of them: {why}"));
            }
            Some(state) if states.contains(&state) => {
                section.error(&text.span, format!("{key}: {:?} is there twice; remove one", text.value));
            }
            Some(state) => states.push(state),
            None => {
                section.error(&text.span, format!("{key}: {}", unknown("state", text.value, &names)));
            }
        }
    }
    states
}
