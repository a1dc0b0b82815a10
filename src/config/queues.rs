//! `[[queue]]`: the rules of each queue, and whether anybody can serve it.

use super::problem::{Diagnostics, unknown};
use super::scalar;
use super::section::{Section, Text};
use super::words::Words;
use crate::engine::id::QueueId;
use crate::engine::requirement::{self, ExpressionError, written};
use crate::engine::settings::{Agent, AnswerMode, MissedRules, Queue};
use crate::engine::skill::Requirement;
use crate::engine::strategy::StrategyName;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

/// Bounds for everything that somebody waits for.
const SHORT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
const LONG: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);
const RING: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);

/// Where the parts of a queue stand in the file, for what is checked later.
pub(super) struct QueuePlaces {
    pub(super) queue: Range<usize>,
    pub(super) music: Vec<Range<usize>>,
    pub(super) welcome: Range<usize>,
}

pub(super) fn read(root: &Section<'_>, words: &Words) -> (Vec<Queue>, Vec<QueuePlaces>) {
    let (mut queues, mut places): (Vec<Queue>, Vec<QueuePlaces>) = (Vec::new(), Vec::new());
    let sections = root.tables("queue");
    if sections.is_empty() {
        root.error(&root.span, "expected at least one [[queue]]");
    }
    for section in sections {
        let (queue, place) = read_one(&section, words);
        if queues.iter().any(|known| known.name == queue.name) && !queue.name.is_empty() {
            section.error(&place.queue, "another queue has this name already; give each its own");
        }
        queues.push(queue);
        places.push(place);
        section.finish();
    }
    (queues, places)
}

fn read_one(section: &Section<'_>, words: &Words) -> (Queue, QueuePlaces) {
    let default = Queue::default();
    let (name, name_span) = name(section);
    let title = section.text("title").map_or_else(|| name.clone(), |title| title.value.to_owned());
    let music = section.texts("music").unwrap_or_default();
    let welcome = section.text("welcome");
    let level = section.table("service_level");
    let threshold = level.duration("within", LONG);
    let target = level.share("target");
    level.finish();
    let queue = Queue {
        title,
        strategy: section.choice("strategy", &StrategyName::TABLE).unwrap_or_default(),
        answer: section
            .choice("answer", &[("answer", AnswerMode::Answer), ("early-media", AnswerMode::EarlyMedia)])
            .unwrap_or_default(),
        requirement: requirement(section, words),
        ring_timeout: section.duration("ring_timeout", RING).unwrap_or(default.ring_timeout),
        wrap_up: section.duration("wrap_up", SHORT).unwrap_or(default.wrap_up),
        waiting_max: section.count("waiting_max", 0..=100_000).unwrap_or(default.waiting_max),
        wait_max: section.duration("wait_max", LONG),
        short_abandon: section.duration("short_abandon", SHORT).unwrap_or(default.short_abandon),
        service_level_threshold: threshold.unwrap_or(default.service_level_threshold),
        service_level_target: target.unwrap_or(default.service_level_target),
        language: language(section).unwrap_or(default.language),
        missed: section.duration("rest_after_miss", SHORT).map_or(default.missed, MissedRules::same),
        music: clips(section, "music", &music),
        welcome: welcome.as_ref().map(|text| clip(section, "welcome", text)),
        name,
        ..default
    };
    let places = QueuePlaces {
        queue: name_span,
        music: music.into_iter().map(|text| text.span).collect(),
        welcome: welcome.map_or(section.span.clone(), |text| text.span),
    };
    (queue, places)
}

/// The name of a queue, agent, trunk or account, and where it stands.
pub(super) fn name(section: &Section<'_>) -> (String, Range<usize>) {
    let Some(name) = section.required_text("name") else { return (String::new(), section.span.clone()) };
    if !scalar::is_plain_name(name.value) {
        section.error(
            &name.span,
            "name: expected 1 to 64 letters, digits, '-', '_' and '.', a letter or digit first",
        );
    }
    (name.value.to_owned(), name.span)
}

/// The language of prompts, if one is named.
pub(super) fn language(section: &Section<'_>) -> Option<String> {
    section.parsed("language", "a language such as \"en\" or \"pt-BR\"", |text| {
        scalar::is_language(text).then(|| text.to_owned())
    })
}

/// The expression under `requires`; nothing there asks for nothing.
pub(super) fn requirement(section: &Section<'_>, words: &Words) -> Requirement {
    let Some(text) = section.text("requires") else { return Requirement::ANYBODY };
    requirement::parse(text.value, &words.skills).unwrap_or_else(|error| {
        // One for the opening quotation mark.
        let place = text.span.start + 1 + error.at().start;
        let message = match &error {
            ExpressionError::UnknownSkill { name, .. } => unknown("skill", name, &words.skills()),
            ExpressionError::Unexpected { .. }
            | ExpressionError::TooDeep { .. }
            | ExpressionError::TooLong { .. } => error.to_string(),
        };
        section.error(&(place..place), format!("requires: {message}"));
        Requirement::ANYBODY
    })
}

fn clips(section: &Section<'_>, key: &str, texts: &[Text<'_>]) -> Vec<String> {
    texts.iter().map(|text| clip(section, key, text)).collect()
}

/// Clips are named, never pathed: a name cannot lead out of its folder.
fn clip(section: &Section<'_>, key: &str, text: &Text<'_>) -> String {
    if let Some(stem) = text.value.strip_suffix(".wav") {
        section.error(&text.span, format!("{key}: expected a name without \".wav\"; did you mean {stem:?}?"));
    } else if !scalar::is_plain_name(text.value) {
        let wanted = "the name of a file in the sounds folder, without folder and \".wav\"";
        section.error(&text.span, format!("{key}: expected {wanted}, got {:?}", text.value));
    }
    text.value.to_owned()
}

/// Warns of queues that nobody serves, or nobody who meets what they require.
pub(super) fn check_staffing(
    queues: &[Queue],
    places: &[QueuePlaces],
    agents: &[Agent],
    words: &Words,
    diagnostics: &Diagnostics<'_>,
) {
    for ((id, queue), place) in (0u32..).map(QueueId).zip(queues).zip(places) {
        let staff: Vec<_> = agents.iter().filter(|agent| agent.queues.contains(&id)).collect();
        if staff.is_empty() {
            diagnostics.warn(&place.queue, format!("queue {:?}: no agent serves it", queue.name));
        } else if !staff.iter().any(|agent| queue.requirement.is_met_by(&agent.skills)) {
            let wanted = written(&queue.requirement, &words.skills);
            let message =
                format!("queue {:?}: none of its {} agents meets {wanted}", queue.name, staff.len());
            diagnostics.warn(&place.queue, message);
        }
    }
}
