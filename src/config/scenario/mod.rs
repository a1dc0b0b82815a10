//! Scenario files: a configuration as production has it, in the file or named by it, and who calls and who works
//! in it. It reads; `simulate` runs.

mod document;
mod people;

use super::problem::{Diagnostics, Problem, nearest};
use super::section::Section;
use super::{ConfigErrors, syntax_remedy};
use crate::simulate::Scenario;
use crate::simulate::law::{Law, PROFILE_STEP};
use crate::simulate::replay::Unknown;
use crate::simulate::scenario::{Faults, MONDAY};
use document::{Document, Patch};
use std::path::Path;
use std::time::Duration;
use toml::de::DeTable;

/// A world is simulated for no longer than this.
const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
const RUNS_MAX: usize = 10_000;

/// All that a scenario file says.
#[derive(Clone, Debug)]
pub struct ScenarioFile {
    /// The scenario as it stands, then each variant of it, by name. All meet the same callers.
    pub variants: Vec<(String, Scenario)>,
    /// How many runs of each.
    pub runs: u64,
    /// The seed of the first run; the others follow.
    pub seed: u64,
    /// What is drawn for replayed calls of which it is not known.
    pub unknown: Unknown,
    /// What looks wrong but can be simulated.
    pub warnings: Vec<Problem>,
}

impl ScenarioFile {
    /// Reads a file, and the configuration it names, seen from where the file lies.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = super::text_of(path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::read(&path.display().to_string(), &text, folder)
    }

    /// Reads a text; `name` is what errors call it, and `folder` where the configuration it names is looked for.
    pub fn read(name: &str, text: &str, folder: &Path) -> Result<Self, ConfigErrors> {
        let mut own = parsed(name, text)?;
        let base = match own.get("config").and_then(|value| value.get_ref().as_str()) {
            Some(config) => {
                let path = folder.join(config);
                // What is wrong in there is said with its own lines.
                super::Config::load_without_sounds(&path)?;
                Some(super::text_of(&path)?)
            }
            None => None,
        };
        let base = base.as_deref().map(|text| parsed(name, text)).transpose()?;
        own.remove("config");
        if let Some(base) = base {
            document::lay_under(&mut own, base, text.len());
        }
        let patches = document::take_patches(&mut own, &Diagnostics::new(name, text));
        let mut variants = Vec::new();
        let mut first = None;
        for patch in std::iter::once(Patch::nothing()).chain(patches) {
            let read = read_one(name, text, &own, &patch)?;
            variants.push((patch.name, read.scenario.clone()));
            first.get_or_insert(read);
        }
        let Some(first) = first else { return Err(ConfigErrors { problems: Vec::new() }) };
        Ok(Self {
            variants,
            runs: first.runs,
            seed: first.seed,
            unknown: first.unknown,
            warnings: first.warnings,
        })
    }
}

fn parsed<'t>(name: &str, text: &'t str) -> Result<DeTable<'t>, ConfigErrors> {
    let diagnostics = Diagnostics::new(name, text);
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        diagnostics.error(&error.span().unwrap_or(0..0), syntax_remedy(error.message()));
    }
    diagnostics.finish().map(|_| document.into_inner())
}

struct One {
    scenario: Scenario,
    runs: u64,
    seed: u64,
    unknown: Unknown,
    warnings: Vec<Problem>,
}

/// Reads the scenario with one variant's changes made.
fn read_one(name: &str, text: &str, own: &DeTable<'_>, patch: &Patch<'_>) -> Result<One, ConfigErrors> {
    let diagnostics = Diagnostics::new(name, text);
    let mut table = own.clone();
    for change in &patch.changes {
        if let Err(message) = change.apply(&mut table) {
            diagnostics.error(&change.span, format!("variant {:?}: {message}", patch.name));
        }
    }
    let Document { scenario, production } = document::split(table, text.len());
    let root = Section::root(&scenario, &diagnostics);
    let simulate = root.table("simulate");
    let hour = Duration::from_secs(3600);
    let span = Duration::ZERO..=DURATION_MAX;
    let duration = simulate.duration("duration", PROFILE_STEP / 1800..=DURATION_MAX).unwrap_or(8 * hour);
    let warm_up = simulate.duration("warm_up", span.clone()).unwrap_or(hour / 2);
    let starts = simulate.duration("starts", span).unwrap_or_default();
    let runs = simulate.count("runs", 1..=RUNS_MAX).unwrap_or(20);
    let seed = simulate.count("seed", 0..=usize::MAX >> 1).unwrap_or(1);
    let callers = people::callers(&root, scenario.get_ref());
    let staff = people::staff(&root, scenario.get_ref());
    if warm_up >= duration {
        simulate.error(&simulate.span, "warm_up: expected to be shorter than duration");
    }
    simulate.finish();
    root.finish();
    let people = people::Read { callers, staff };
    // What people are said to do is checked against the rules, so only once these are sound.
    let config = super::read_document(&production, diagnostics, false).map_err(said_once)?;
    let diagnostics = Diagnostics::new(name, text);
    let settings = config.settings;
    let sources = people.sources(&settings, &diagnostics);
    let (workers, groups) = people.workers(&settings, &diagnostics);
    let unknown = people.unknown();
    diagnostics.finish()?;
    let starts_at = crate::engine::time::Wall(MONDAY.0 + i64::try_from(starts.as_millis()).unwrap_or(0));
    let scenario = Scenario {
        sources,
        recorded: Vec::new(),
        workers,
        groups,
        duration,
        warm_up,
        callers: people.callers.different,
        starts_at,
        faults: Faults::NONE,
        settings,
    };
    let (runs, seed) = (runs as u64, seed as u64);
    Ok(One { scenario, runs, seed, unknown, warnings: config.warnings })
}

/// What is wrong with a group is found in each of its agents; it is said of the first.
fn said_once(mut errors: ConfigErrors) -> ConfigErrors {
    let what = |problem: &Problem| problem.message.split_once(": ").map(|(_, what)| what.to_owned());
    errors.problems.dedup_by(|next, known| {
        next.place == known.place && what(next).is_some() && what(next) == what(known)
    });
    errors
}

/// The law of a span of time: `"3m"`, which is exponential, or `{ law = "lognormal", mean = "3m", cv = 1.2 }`.
fn law(section: &Section<'_>, raw: Option<&DeTable<'_>>, key: &'static str) -> Option<Law> {
    let value = raw?.get(key)?;
    let bounds = Duration::ZERO..=DURATION_MAX;
    let Some(table) = value.get_ref().as_table() else {
        if value.get_ref().as_str() == Some("never") {
            return section.has(key).then_some(Law::Never);
        }
        return section.duration(key, bounds).map(Law::Exponential);
    };
    let inner = section.table(key);
    let mean = inner.duration("mean", bounds.clone());
    let cv = number(&inner, Some(table), "cv", (0.0, 20.0)).unwrap_or(1.0);
    let least = inner.duration("min", bounds.clone());
    let most = inner.duration("max", bounds);
    const KNOWN: [&str; 6] = ["constant", "exponential", "lognormal", "gamma", "uniform", "never"];
    let name = inner.required_text("law");
    let law = name.and_then(|name| {
        let needed = |span: Option<Duration>, key: &str| {
            if span.is_none() {
                inner.error(&name.span, format!("law {:?} needs {key}", name.value));
            }
            span
        };
        match name.value {
            "constant" => Some(Law::Constant(needed(mean, "mean")?)),
            "exponential" => Some(Law::Exponential(needed(mean, "mean")?)),
            "lognormal" => Some(Law::Lognormal { mean: needed(mean, "mean")?, cv }),
            "gamma" => Some(Law::Gamma { mean: needed(mean, "mean")?, cv }),
            "uniform" => Some(Law::Uniform(needed(least, "min")?, needed(most, "max")?)),
            "never" => Some(Law::Never),
            other => {
                let hint = nearest(other, &KNOWN).map(|name| format!("; did you mean {name:?}?"));
                let message = format!(
                    "unknown law {other:?}{} (known: {})",
                    hint.unwrap_or_default(),
                    KNOWN.join(", ")
                );
                inner.error(&name.span, message);
                None
            }
        }
    });
    inner.finish();
    law
}

/// A number within bounds, with or without a decimal point.
fn number(
    section: &Section<'_>,
    raw: Option<&DeTable<'_>>,
    key: &'static str,
    (low, high): (f64, f64),
) -> Option<f64> {
    if !section.has(key) {
        return None;
    }
    let value = raw?.get(key)?;
    let found = document::float(value.get_ref()).filter(|number| (low..=high).contains(number));
    if found.is_none() {
        section.error(&value.span(), format!("{key}: expected a number from {low} to {high}"));
    }
    found
}
