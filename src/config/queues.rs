//! `[[queue]]`: the rules of each queue, one by one. Whether they fit together is judged in `chains` and `staffing`.

use super::problem::unknown;
use super::relaxation::{self, Asked};
use super::section::{Section, Text};
use super::words::Words;
use super::{missed, overflow, presenting, recording, scalar};
use crate::engine::command::MusicManner;
use crate::engine::hours::Hours;
use crate::engine::id::QueueId;
use crate::engine::settings::{
    AnswerMode, ClosingPolicy, LastAgent, OwnWrapUp, Queue, QueueOrder, WrapUpMode,
};
use crate::engine::strategy::StrategyName;
use crate::sip::presenting::Presentation;
use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Bounds for everything that somebody waits for.
const SHORT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
const LONG: RangeInclusive<Duration> = Duration::from_secs(1)..=DAY;
const RING: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);
/// How far back somebody remembers whom he talked to.
const MEMORY: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(30 * 24 * 3600);

/// Where the parts of a queue stand in the file, for what is checked later.
pub(super) struct QueuePlaces {
    pub(super) queue: Range<usize>,
    pub(super) music: Vec<Range<usize>>,
    pub(super) welcome: Range<usize>,
    pub(super) requires: Range<usize>,
    pub(super) steps: Vec<Range<usize>>,
    pub(super) overflow: Vec<Range<usize>>,
    pub(super) borrow: Vec<Range<usize>>,
}

pub(super) fn read(
    root: &Section<'_>,
    words: &Words,
    hours: &[Hours],
    order: QueueOrder,
) -> (Vec<Queue>, Vec<QueuePlaces>, BTreeMap<String, Presentation>) {
    let (mut queues, mut places): (Vec<Queue>, Vec<QueuePlaces>) = (Vec::new(), Vec::new());
    let mut presented = BTreeMap::new();
    let sections = root.tables("queue");
    if sections.is_empty() {
        root.error(&root.span, "expected at least one [[queue]]");
    }
    // Names first: queues name each other.
    let named: Vec<_> = sections.iter().map(name).collect();
    let names: Vec<_> = named.iter().map(|(name, _)| name.as_str()).collect();
    for ((id, section), (name, span)) in (0u32..).map(QueueId).zip(sections).zip(&named) {
        if queues.iter().any(|known| known.name == *name) && !name.is_empty() {
            section.error(span, "another queue has this name already; give each its own");
        }
        let mut queue = Queue { name: name.clone(), title: name.clone(), ..Queue::default() };
        let place = read_one(&section, &mut queue, span, words, hours, &names, id);
        check_keys(&section, &queue, order);
        presented.insert(queue.name.clone(), presenting::queue(&section));
        queues.push(queue);
        places.push(place);
        section.finish();
    }
    (queues, places, presented)
}

fn read_one(
    section: &Section<'_>,
    queue: &mut Queue,
    name: &Range<usize>,
    words: &Words,
    hours: &[Hours],
    names: &[&str],
    id: QueueId,
) -> QueuePlaces {
    let (music, welcome) = what_is_heard(section, queue);
    how_it_is_judged(section, queue);
    who_is_asked(section, queue);
    after_calls(section, queue, words);
    queue.recording = recording::rules(section);
    when_it_is_open(section, queue, hours);
    let Asked { requirement, relaxation, place, steps } = relaxation::read(section, words);
    (queue.requirement, queue.relaxation) = (requirement, relaxation);
    let (chain, overflow) = overflow::chain(section, names, id).into_iter().unzip();
    let (lenders, borrow) = overflow::borrow(section, names, id).into_iter().unzip();
    (queue.overflow, queue.borrow) = (chain, lenders);
    QueuePlaces { queue: name.clone(), music, welcome, requires: place, steps, overflow, borrow }
}

fn what_is_heard(section: &Section<'_>, queue: &mut Queue) -> (Vec<Range<usize>>, Range<usize>) {
    let music = section.texts("music").unwrap_or_default();
    let welcome = section.text("welcome");
    if let Some(title) = section.text("title") {
        title.value.clone_into(&mut queue.title);
    }
    queue.music = clips(section, "music", &music);
    queue.music_manner = MusicManner {
        from_beginning: section
            .choice("music_starts", &[("radio", false), ("beginning", true)])
            .unwrap_or(false),
        beneath_prompts: section.flag("music_beneath_prompts").unwrap_or(false),
    };
    queue.welcome = welcome.as_ref().map(|text| clip(section, "welcome", text));
    queue.language = language(section).unwrap_or_else(|| queue.language.clone());
    let modes = [("answer", AnswerMode::Answer), ("early-media", AnswerMode::EarlyMedia)];
    queue.answer = section.choice("answer", &modes).unwrap_or_default();
    let music = music.into_iter().map(|text| text.span).collect();
    (music, welcome.map_or(section.span.clone(), |text| text.span))
}

fn how_it_is_judged(section: &Section<'_>, queue: &mut Queue) {
    let level = section.table("service_level");
    queue.service_level_threshold = level.duration("within", LONG).unwrap_or(queue.service_level_threshold);
    queue.service_level_target = level.share("target").unwrap_or(queue.service_level_target);
    level.finish();
    queue.short_abandon = section.duration("short_abandon", SHORT).unwrap_or(queue.short_abandon);
}

fn who_is_asked(section: &Section<'_>, queue: &mut Queue) {
    queue.strategy = section.choice("strategy", &StrategyName::TABLE).unwrap_or_default();
    queue.ring_timeout = section.duration("ring_timeout", RING).unwrap_or(queue.ring_timeout);
    queue.ring_step = section.duration("ring_step", RING).unwrap_or(queue.ring_step);
    queue.secondary_after = section.duration("secondary_after", SHORT).unwrap_or(queue.secondary_after);
    queue.priority = section.duration("priority", Duration::ZERO..=DAY).unwrap_or(queue.priority);
    if let Some(weight) = section.number("weight", 0.01..=1000.0) {
        queue.weight = hundredths(weight);
    }
    queue.last_agent = section.optional_table("last_agent").map(|known| {
        let within = known.duration("within", MEMORY).unwrap_or(DAY);
        let wait = known.duration("wait", LONG).unwrap_or(Duration::from_secs(20));
        known.finish();
        LastAgent { within, wait }
    });
    queue.resume_within = section.duration("resume_within", LONG);
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 1 to 100,000
fn hundredths(number: f64) -> u32 {
    (number * 100.0).round() as u32
}

/// What a queue, or an agent for himself, says of after-call work besides its length.
pub(super) fn wrap_up_rules(section: &Section<'_>, words: &Words) -> OwnWrapUp {
    let modes = [("optional", WrapUpMode::Optional), ("mandatory", WrapUpMode::Mandatory)];
    let rules = OwnWrapUp {
        mode: section.choice("wrap_up_mode", &modes),
        extension_max: section.duration("wrap_up_extension_max", SHORT),
        disposition_required: section.flag("disposition_required"),
    };
    if rules.disposition_required == Some(true) && words.dispositions.is_empty() {
        let remedy = "list what calls may be about: dispositions = [\"sale\", \"complaint\"]";
        section
            .error(&section.span, format!("disposition_required: there is nothing to choose from; {remedy}"));
    }
    rules
}

fn after_calls(section: &Section<'_>, queue: &mut Queue, words: &Words) {
    queue.wrap_up = section.duration("wrap_up", SHORT).unwrap_or(queue.wrap_up);
    queue.wrap_up_rules = queue.wrap_up_rules.of(wrap_up_rules(section, words));
    queue.missed = missed::read(section, queue.missed);
}

fn when_it_is_open(section: &Section<'_>, queue: &mut Queue, hours: &[Hours]) {
    queue.waiting_max = section.count("waiting_max", 0..=100_000).unwrap_or(queue.waiting_max);
    queue.wait_max = section.duration("wait_max", LONG);
    queue.refuse_when_all = overflow::states(section, "refuse_when_all");
    queue.leave_when_all = overflow::states(section, "leave_when_all");
    let policies = [("serve", ClosingPolicy::Serve), ("leave", ClosingPolicy::Leave)];
    queue.closing = section.choice("at_closing", &policies).unwrap_or_default();
    let Some(text) = section.text("hours") else { return };
    queue.hours = hours.iter().find(|known| known.name == text.value).cloned();
    if queue.hours.is_none() {
        let known: Vec<_> = hours.iter().map(|hours| hours.name.as_str()).collect();
        section.error(&text.span, unknown("hours", text.value, &known));
    }
}

/// Keys that mean nothing beside others.
fn check_keys(section: &Section<'_>, queue: &Queue, order: QueueOrder) {
    let progressive = queue.strategy == StrategyName::RingProgressively;
    if section.has("ring_step") && !progressive {
        section.warn(&section.span, "ring_step counts only under strategy = \"ring-progressively\"");
    } else if progressive && queue.ring_step >= queue.ring_timeout {
        let message =
            "ring_step is not less than ring_timeout: never is a second agent rung beside the first";
        section.warn(&section.span, message);
    }
    if section.has("weight") && order != QueueOrder::WeightedWait {
        section.warn(&section.span, "weight counts only under order = \"weighted-wait\"");
    }
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

fn clips(section: &Section<'_>, key: &str, texts: &[Text<'_>]) -> Vec<String> {
    texts.iter().map(|text| clip(section, key, text)).collect()
}

/// Clips are named, never pathed: a name cannot lead out of its folder.
pub(super) fn clip(section: &Section<'_>, key: &str, text: &Text<'_>) -> String {
    if let Some(stem) = text.value.strip_suffix(".wav") {
        section.error(&text.span, format!("{key}: expected a name without \".wav\"; did you mean {stem:?}?"));
    } else if !scalar::is_plain_name(text.value) {
        let wanted = "the name of a file in the sounds folder, without folder and \".wav\"";
        section.error(&text.span, format!("{key}: expected {wanted}, got {:?}", text.value));
    }
    text.value.to_owned()
}
