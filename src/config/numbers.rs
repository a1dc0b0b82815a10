//! `[[number]]` and `[[feature_code]]`: what can be dialled, and where it leads.

use super::agents::queue_named;
use super::problem::unknown;
use super::queues::language;
use super::relaxation::{self, Asked};
use super::scalar::is_dialable;
use super::section::Section;
use super::words::Words;
use crate::engine::id::AgentId;
use crate::engine::settings::{Agent, Direct, Feature, FeatureCode, Number, Queue};
use std::ops::Range;
use std::time::Duration;

const FEATURES: [(&str, Feature); 4] = [
    ("login", Feature::Login),
    ("logout", Feature::Logout),
    ("pause", Feature::Pause),
    ("ready", Feature::Ready),
];

/// Where a number and its steps of relaxation stand in the file.
pub(super) struct NumberPlaces {
    pub(super) number: Range<usize>,
    pub(super) steps: Vec<Range<usize>>,
}

/// The numbers, and where each stands.
pub(super) fn read(
    root: &Section<'_>,
    words: &Words,
    queues: &[Queue],
    agents: &[Agent],
) -> (Vec<Number>, Vec<NumberPlaces>) {
    let (mut numbers, mut places): (Vec<Number>, Vec<NumberPlaces>) = (Vec::new(), Vec::new());
    for section in root.tables("number") {
        if let Some((number, place)) = read_one(&section, words, queues, agents) {
            if numbers.iter().any(|known| known.dialled == number.dialled) {
                section.error(&place.number, "this number is dialled to another queue already; remove one");
            }
            numbers.push(number);
            places.push(place);
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

fn read_one(
    section: &Section<'_>,
    words: &Words,
    queues: &[Queue],
    agents: &[Agent],
) -> Option<(Number, NumberPlaces)> {
    let dialled = dialled(section);
    let Asked { requirement, relaxation, place: _, steps } = relaxation::read(section, words);
    let direct = direct(section, agents);
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
    let number = Number { dialled, queue, priority, requirement, relaxation, language, direct };
    Some((number, NumberPlaces { number: span, steps }))
}

/// Whose own number it is.
fn direct(section: &Section<'_>, agents: &[Agent]) -> Option<Direct> {
    let direct = section.optional_table("direct")?;
    let name = direct.required_text("agent");
    let wait = direct.duration("wait", Duration::from_secs(1)..=Duration::from_secs(3600));
    let found = name.and_then(|name| {
        let at = agents.iter().position(|agent| agent.name == name.value);
        if at.is_none() {
            let known: Vec<_> = agents.iter().map(|agent| agent.name.as_str()).collect();
            direct.error(&name.span, unknown("agent", name.value, &known));
        }
        at.and_then(|at| u32::try_from(at).ok()).map(AgentId)
    });
    direct.finish();
    Some(Direct { agent: found?, wait: wait.unwrap_or(Duration::from_secs(20)) })
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
