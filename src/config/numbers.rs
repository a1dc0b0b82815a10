//! `[[number]]` and `[[feature_code]]`: what can be dialled, and where it leads.

use super::agents::queue_named;
use super::problem::unknown;
use super::queues::{language, requirement};
use super::scalar::is_dialable;
use super::section::Section;
use super::words::Words;
use crate::engine::id::QueueId;
use crate::engine::requirement::written;
use crate::engine::settings::{Agent, Feature, FeatureCode, Number, Queue};
use std::ops::Range;
use std::time::Duration;

const FEATURES: [(&str, Feature); 4] = [
    ("login", Feature::Login),
    ("logout", Feature::Logout),
    ("pause", Feature::Pause),
    ("ready", Feature::Ready),
];

/// The numbers, and where each stands.
pub(super) fn read(
    root: &Section<'_>,
    words: &Words,
    queues: &[Queue],
    agents: &[Agent],
) -> (Vec<Number>, Vec<Range<usize>>) {
    let (mut numbers, mut places): (Vec<Number>, Vec<Range<usize>>) = (Vec::new(), Vec::new());
    for section in root.tables("number") {
        if let Some((number, span)) = read_one(&section, words, queues) {
            if numbers.iter().any(|known| known.dialled == number.dialled) {
                section.error(&span, "this number is dialled to another queue already; remove one");
            }
            check_staffing(&section, &span, &number, words, queues, agents);
            numbers.push(number);
            places.push(span);
        }
        section.finish();
    }
    if numbers.is_empty() {
        root.warn(&(0..0), "there is no [[number]], so no caller can reach a queue");
    }
    (numbers, places)
}

fn dialled<'a>(section: &Section<'a>) -> Option<(String, Range<usize>)> {
    let text = section.required_text("dialled")?;
    if !is_dialable(text.value) {
        let wanted = "what stands before the @ when it is dialled: letters, digits and + * # - _ .";
        section.error(&text.span, format!("dialled: expected {wanted}, got {:?}", text.value));
    }
    Some((text.value.to_owned(), text.span))
}

fn read_one(section: &Section<'_>, words: &Words, queues: &[Queue]) -> Option<(Number, Range<usize>)> {
    let dialled = dialled(section);
    let requirement = requirement(section, words);
    let priority = section.duration("priority", Duration::ZERO..=Duration::from_secs(24 * 3600));
    let language = language(section);
    let text = section.required_text("queue")?;
    let Some(queue) = queue_named(queues, text.value) else {
        let names: Vec<_> = queues.iter().map(|queue| queue.name.as_str()).collect();
        section.error(&text.span, unknown("queue", text.value, &names));
        return None;
    };
    let (dialled, span) = dialled?;
    let priority = priority.unwrap_or_default();
    Some((Number { dialled, queue, priority, requirement, language, ..Number::default() }, span))
}

/// Warns when no agent could ever take a call to this number.
fn check_staffing(
    section: &Section<'_>,
    span: &Range<usize>,
    number: &Number,
    words: &Words,
    queues: &[Queue],
    agents: &[Agent],
) {
    let QueueId(at) = number.queue;
    let Some(queue) = queues.get(at as usize) else { return };
    let mut staff = agents.iter().filter(|agent| agent.queues.contains(&number.queue)).peekable();
    let whole = queue.requirement.clone().and(number.requirement.clone());
    // Where the queue alone cannot be served, the queue's own warning says so.
    let queue_is_served = agents
        .iter()
        .any(|agent| agent.queues.contains(&number.queue) && queue.requirement.is_met_by(&agent.skills));
    if staff.peek().is_some() && queue_is_served && !staff.any(|agent| whole.is_met_by(&agent.skills)) {
        let wanted = written(&whole, &words.skills);
        section.warn(span, format!("no agent of queue {:?} meets {wanted}", queue.name));
    }
}

pub(super) fn read_feature_codes(root: &Section<'_>, numbers: &[Number]) -> Vec<FeatureCode> {
    let mut codes: Vec<FeatureCode> = Vec::new();
    for section in root.tables("feature_code") {
        let dialled = dialled(&section);
        let feature = section.choice("does", &FEATURES);
        if !section.has("does") {
            section.error(&section.span, "does is missing (known: login, logout, pause, ready)");
        }
        if let (Some((dialled, span)), Some(feature)) = (dialled, feature) {
            let taken = numbers.iter().any(|number| number.dialled == dialled)
                || codes.iter().any(|code| code.dialled == dialled);
            if taken {
                section.error(&span, "this is dialled for something else already; remove one");
            }
            codes.push(FeatureCode { dialled, feature });
        }
        section.finish();
    }
    codes
}
