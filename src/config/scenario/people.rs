//! `[callers]`, `[[arrivals]]`, `[workers]` and `[[group]]`: who calls, and how those who answer work.

use super::document::float;
use super::{law, number};
use crate::config::problem::{Diagnostics, unknown};
use crate::config::scalar;
use crate::config::section::Section;
use crate::engine::id::SkillId;
use crate::engine::settings::Settings;
use crate::simulate::law::{Law, Profile};
use crate::simulate::replay::Unknown;
use crate::simulate::scenario::{Source, Stretch, Worker};
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// More calls than this in an hour are a mistake.
const PER_HOUR_MAX: f64 = 1_000_000.0;
/// Unless the scenario says otherwise.
const PATIENCE: Law = Law::Exponential(Duration::from_secs(180));
const HANDLING: Law = Law::Lognormal { mean: Duration::from_secs(240), cv: 1.0 };
const AT_ONCE: Law = Law::Constant(Duration::ZERO);

/// All of it, before names are looked up.
pub(super) struct Read {
    pub(super) callers: Callers,
    pub(super) staff: Staff,
}

pub(super) struct Callers {
    /// How many different people call.
    pub(super) different: u64,
    patience: Law,
    handling: Law,
    arrivals: Vec<Arrivals>,
}

struct Arrivals {
    /// A number, or else a queue, and where it stands.
    number: Option<(String, Range<usize>)>,
    queue: Option<(String, Range<usize>)>,
    span: Range<usize>,
    profile: Profile,
    patience: Option<Law>,
    handling: Option<Law>,
}

pub(super) struct Staff {
    workers: Worker,
    groups: Vec<Group>,
}

struct Group {
    name: String,
    count: usize,
    speed: f64,
    spread: f64,
    factors: Vec<(String, f64, Range<usize>)>,
    worker: Worker,
}

/// Each table of `[[key]]` as it was written.
fn raw<'d, 't>(
    document: &'d DeTable<'t>,
    key: &str,
) -> impl Iterator<Item = Option<&'d DeTable<'t>>> + use<'d, 't> {
    let items = document.get(key).and_then(|value| value.get_ref().as_array());
    items.into_iter().flat_map(|items| items.iter()).map(|item| item.get_ref().as_table())
}

pub(super) fn callers(root: &Section<'_>, document: &DeTable<'_>) -> Callers {
    let section = root.table("callers");
    let own = document.get("callers").and_then(|value| value.get_ref().as_table());
    let patience = law(&section, own, "patience").unwrap_or(PATIENCE);
    let handling = law(&section, own, "handling").unwrap_or(HANDLING);
    let different = section.count("different", 0..=100_000_000).unwrap_or(0) as u64;
    section.finish();
    let sections = root.tables("arrivals");
    let arrivals = sections
        .into_iter()
        .zip(raw(document, "arrivals"))
        .map(|(section, raw)| {
            let place = |key| section.text(key).map(|text| (text.value.to_owned(), text.span));
            let read = Arrivals {
                number: place("number"),
                queue: place("queue"),
                span: section.span.clone(),
                profile: profile(&section, raw),
                patience: law(&section, raw, "patience"),
                handling: law(&section, raw, "handling"),
            };
            section.finish();
            read
        })
        .collect();
    Callers { different, patience, handling, arrivals }
}

/// `per_hour = 300`, or `half_hours = [20, 45, 60]`, the calls of each half-hour; both times `factor`.
fn profile(section: &Section<'_>, raw: Option<&DeTable<'_>>) -> Profile {
    let constant = number(section, raw, "per_hour", (0.0, PER_HOUR_MAX));
    let factor = number(section, raw, "factor", (0.0, 1000.0)).unwrap_or(1.0);
    let steps = if section.has("half_hours") { raw.and_then(|raw| raw.get("half_hours")) } else { None };
    let steps = steps.map(|value| half_hours(section, value));
    let profile = match (constant, steps) {
        (Some(per_hour), None) => Profile::constant(per_hour),
        (None, Some(steps)) => Profile::by_half_hour(steps),
        (None, None) | (Some(_), Some(_)) => {
            section
                .error(&section.span, "expected either per_hour or half_hours, the calls of each half-hour");
            Profile::constant(0.0)
        }
    };
    profile.scaled(factor)
}

fn half_hours(section: &Section<'_>, value: &Spanned<DeValue<'_>>) -> Vec<f64> {
    let steps: Option<Vec<f64>> = value.get_ref().as_array().and_then(|items| {
        items
            .iter()
            .map(|item| float(item.get_ref()).filter(|calls| (0.0..=PER_HOUR_MAX).contains(calls)))
            .collect()
    });
    if steps.is_none() {
        section.error(&value.span(), "half_hours: expected a list of numbers such as [20, 45, 60]");
    }
    steps.unwrap_or_default().into_iter().map(|calls| calls * 2.0).collect()
}

pub(super) fn staff(root: &Section<'_>, document: &DeTable<'_>) -> Staff {
    let section = root.table("workers");
    let own = document.get("workers").and_then(|value| value.get_ref().as_table());
    let workers = habits(&section, own, &Worker { answers_after: AT_ONCE, ..Worker::ideal(0) });
    section.finish();
    let sections = root.tables("group");
    let groups = sections.into_iter().zip(raw(document, "group")).map(|(section, raw)| {
        let name = section.required_text("name").map_or_else(String::new, |name| name.value.to_owned());
        // Its other keys are an agent's, and read as those of agents are.
        Group {
            name,
            count: section.count("count", 0..=10_000).unwrap_or(1),
            speed: number(&section, raw, "speed", (0.01, 100.0)).unwrap_or(1.0),
            spread: number(&section, raw, "handling_spread", (0.0, 0.99)).unwrap_or(0.0),
            factors: factors(&section, raw),
            worker: habits(&section, raw, &workers),
        }
    });
    let groups = groups.collect();
    Staff { workers, groups }
}

fn factors(section: &Section<'_>, raw: Option<&DeTable<'_>>) -> Vec<(String, f64, Range<usize>)> {
    let Some(value) = raw.and_then(|raw| raw.get("factors")) else { return Vec::new() };
    let mut factors = Vec::new();
    for (skill, factor) in value.get_ref().as_table().into_iter().flat_map(|table| table.iter()) {
        match float(factor.get_ref()).filter(|factor| (0.01..=100.0).contains(factor)) {
            Some(factor) => factors.push((skill.get_ref().to_string(), factor, skill.span())),
            None => section.error(&factor.span(), "factors: expected a number from 0.01 to 100"),
        }
    }
    if value.get_ref().as_table().is_none() {
        section.error(&value.span(), "factors: expected a table such as { spanish = 1.25 }");
    }
    factors
}

fn habits(section: &Section<'_>, raw: Option<&DeTable<'_>>, default: &Worker) -> Worker {
    let share = |key, default| section.share(key).unwrap_or(default);
    let (declines, ignores) = (share("declines", default.declines), share("ignores", default.ignores));
    let (busy, holds) = (share("busy", default.busy), share("holds", default.holds));
    if declines + ignores > 1.0 {
        section.error(&section.span, "declines and ignores: expected no more than 1 together");
    }
    Worker {
        answers_after: law(section, raw, "answer_after").unwrap_or(default.answers_after),
        declines,
        ignores,
        busy,
        holds,
        shifts: stretches(section, "shifts").unwrap_or_else(|| default.shifts.clone()),
        breaks: stretches(section, "breaks").unwrap_or_else(|| default.breaks.clone()),
        ..default.clone()
    }
}

/// `["0h-4h", "4h30m-8h"]`, counted from the beginning.
fn stretches(section: &Section<'_>, key: &'static str) -> Option<Vec<Stretch>> {
    let stretch = |text: &str| {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (scalar::duration(from)?, scalar::duration(to)?);
        (from < to).then_some(Stretch { from, to })
    };
    let texts = section.texts(key)?;
    let read = texts.into_iter().filter_map(|text| {
        let read = stretch(text.value);
        if read.is_none() {
            let wanted = "a stretch of time from the beginning, such as \"1h-8h30m\"";
            section.error(&text.span, format!("{key}: expected {wanted}, got {:?}", text.value));
        }
        read
    });
    Some(read.collect())
}

impl Read {
    /// The streams of calls.
    pub(super) fn sources(&self, settings: &Settings, diagnostics: &Diagnostics<'_>) -> Vec<Source> {
        let dialled = |arrivals: &Arrivals| arrivals.dialled(settings, diagnostics);
        let source = |arrivals: &Arrivals| {
            Some(Source {
                dialled: dialled(arrivals)?,
                profile: arrivals.profile.clone(),
                patience: arrivals.patience.unwrap_or(self.callers.patience),
                handling: arrivals.handling.unwrap_or(self.callers.handling),
            })
        };
        self.callers.arrivals.iter().filter_map(source).collect()
    }

    /// How each agent works, in the order of the settings, and the names of the groups. Those of the configuration
    /// are one group.
    pub(super) fn workers(
        &self,
        settings: &Settings,
        diagnostics: &Diagnostics<'_>,
    ) -> (Vec<Worker>, Vec<String>) {
        let in_groups: usize = self.staff.groups.iter().map(|group| group.count).sum();
        let configured = settings.agents.len().saturating_sub(in_groups);
        let mut names: Vec<String> = Vec::new();
        if configured > 0 {
            names.push("agents".into());
        }
        let mut workers = vec![self.staff.workers.clone(); configured];
        for group in &self.staff.groups {
            let at = names.len();
            names.push(group.name.clone());
            let factors = group.factors(settings, diagnostics);
            workers.extend((0..group.count).map(|number| Worker {
                group: at,
                speed: group.speed_of(number),
                factors: factors.clone(),
                ..group.worker.clone()
            }));
        }
        (workers, names)
    }

    /// What is drawn for replayed calls.
    pub(super) fn unknown(&self) -> Unknown {
        Unknown { patience: self.callers.patience, handling: self.callers.handling }
    }
}

impl Group {
    /// Conversations take evenly from 1 − spread to 1 + spread times as long as the group's.
    fn speed_of(&self, number: usize) -> f64 {
        let share = if self.count > 1 { number as f64 / (self.count - 1) as f64 } else { 0.5 };
        self.speed / (1.0 + self.spread * (2.0 * share - 1.0))
    }

    fn factors(&self, settings: &Settings, diagnostics: &Diagnostics<'_>) -> Vec<(SkillId, f64)> {
        let known: Vec<&str> = settings.skills.iter().map(String::as_str).collect();
        let mut factors = Vec::new();
        for (skill, factor, span) in &self.factors {
            let at = known.iter().position(|name| name == skill).and_then(|at| u32::try_from(at).ok());
            match at {
                Some(at) => factors.push((SkillId(at), *factor)),
                None => {
                    let message = unknown("skill", skill, &known);
                    diagnostics.error(span, format!("group {:?}: factors: {message}", self.name));
                }
            }
        }
        factors
    }
}

impl Arrivals {
    fn dialled(&self, settings: &Settings, diagnostics: &Diagnostics<'_>) -> Option<String> {
        if let Some((number, span)) = &self.number {
            if !settings.numbers.iter().any(|known| known.dialled == *number) {
                let known: Vec<&str> =
                    settings.numbers.iter().map(|number| number.dialled.as_str()).collect();
                diagnostics.error(span, format!("[[arrivals]]: {}", unknown("number", number, &known)));
            }
            return Some(number.clone());
        }
        let Some((name, span)) = &self.queue else {
            diagnostics.error(&self.span, "[[arrivals]]: expected number or queue: where do they call?");
            return None;
        };
        let queue = settings.queue_named(name);
        let number = settings.numbers.iter().find(|number| Some(number.queue) == queue);
        if number.is_none() {
            let known: Vec<&str> = settings.queues.iter().map(|queue| queue.name.as_str()).collect();
            let message = match queue {
                Some(_) => format!("no [[number]] leads to queue {name:?}"),
                None => unknown("queue", name, &known),
            };
            diagnostics.error(span, format!("[[arrivals]]: {message}"));
        }
        number.map(|number| number.dialled.clone())
    }
}
