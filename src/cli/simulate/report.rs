//! What a scenario's runs came to, for people, spreadsheets and programs. It computes nothing.

use crate::cli::csv::field;
use crate::simulate::Scenario;
use crate::simulate::measure::Figures;
use crate::simulate::summary::{self, Estimate, Measure, Part};
use serde::Serialize;
use std::fmt::Write as _;

/// One figure of one queue or group under one variant.
#[derive(Clone, Debug, Serialize)]
struct Figure {
    variant: String,
    /// `queue` or `group`.
    of: &'static str,
    /// Its name; `all` for all queues together.
    name: String,
    measure: &'static str,
    value: f64,
    /// Half the width of the 95 % confidence interval.
    half_width: Option<f64>,
    /// Against the scenario as it stands, over the same callers.
    difference: Option<f64>,
    difference_half_width: Option<f64>,
    #[serde(skip)]
    which: Measure,
}

/// All figures of all variants.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    runs: u64,
    confidence: f64,
    figures: Vec<Figure>,
}

impl Report {
    /// `measured` has the runs of each variant; the first variant is the one the others are compared with.
    pub(super) fn new(variants: &[(String, Scenario)], measured: &[Vec<Figures>], runs: u64) -> Self {
        let mut figures = Vec::new();
        let first = measured.first().map_or(&[][..], Vec::as_slice);
        for (at, ((name, scenario), runs)) in variants.iter().zip(measured).enumerate() {
            let before = (at > 0).then_some(first);
            figures.extend(of_queues(name, scenario, runs, before));
            figures.extend(of_groups(name, scenario, runs, before));
        }
        Self { runs, confidence: 0.95, figures }
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    pub(super) fn csv(&self) -> String {
        let mut out =
            String::from("variant,of,name,measure,value,half_width,difference,difference_half_width\n");
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        for figure in &self.figures {
            // Writing to a text cannot fail.
            let _ = writeln!(
                out,
                "{},{},{},{},{},{},{},{}",
                field(&figure.variant),
                figure.of,
                field(&figure.name),
                figure.measure,
                figure.value,
                number(figure.half_width),
                number(figure.difference),
                number(figure.difference_half_width)
            );
        }
        out
    }

    /// A line per queue and group; what changes against the scenario as it stands stands below.
    pub(super) fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{:<24} {:>12} {:>16} {:>16} {:>16} {:>16} {:>16}",
            "", "CALLS A RUN", "SERVICE LEVEL", "ASA", "P95 WAIT", "ABANDONED", "OCCUPANCY"
        );
        let mut variant = None;
        let mut at = 0;
        while let Some(first) = self.figures.get(at) {
            if variant != Some(&first.variant) {
                let _ = writeln!(out, "{}", first.variant);
                variant = Some(&first.variant);
            }
            let same = |figure: &&Figure| {
                figure.variant == first.variant && figure.of == first.of && figure.name == first.name
            };
            let line: Vec<&Figure> = self.figures.iter().skip(at).take_while(same).collect();
            at += line.len();
            let _ = writeln!(out, "{}", row(&format!("  {} {}", first.of, first.name), &line, absolute));
            if line.iter().any(|figure| figure.difference.is_some()) {
                let _ = writeln!(out, "{}", row("    difference", &line, relative));
            }
        }
        let _ = writeln!(
            out,
            "{} runs of each; ± is half the 95 % confidence interval; the difference is over the same callers",
            self.runs
        );
        out
    }
}

fn of_queues<'r>(
    variant: &'r str,
    scenario: &'r Scenario,
    runs: &'r [Figures],
    before: Option<&'r [Figures]>,
) -> impl Iterator<Item = Figure> + 'r {
    let names = scenario.settings.queues.iter().map(|queue| queue.name.as_str());
    let each = names.enumerate().map(|(at, name)| (Some(at), name));
    let all = (scenario.settings.queues.len() > 1).then_some((None, "all"));
    each.chain(all).flat_map(move |(queue, name)| {
        Measure::OF_QUEUES.into_iter().filter_map(move |which| {
            let parts = |runs: &[Figures]| summary::parts(runs, queue, which);
            figure((variant, "queue", name, which), &parts(runs), before.map(parts).as_deref())
        })
    })
}

fn of_groups<'r>(
    variant: &'r str,
    scenario: &'r Scenario,
    runs: &'r [Figures],
    before: Option<&'r [Figures]>,
) -> impl Iterator<Item = Figure> + 'r {
    scenario.groups.iter().enumerate().filter_map(move |(at, name)| {
        let parts = |runs: &[Figures]| summary::group_parts(runs, at);
        let which = Measure::Occupancy;
        figure((variant, "group", name, which), &parts(runs), before.map(parts).as_deref())
    })
}

fn figure(
    (variant, of, name, which): (&str, &'static str, &str, Measure),
    parts: &[Part],
    before: Option<&[Part]>,
) -> Option<Figure> {
    let Estimate { value, half_width } = summary::ratio(parts)?;
    let difference = before.and_then(|before| summary::difference(before, parts));
    Some(Figure {
        variant: variant.to_owned(),
        of,
        name: name.to_owned(),
        measure: which.as_str(),
        value,
        half_width,
        difference: difference.map(|difference| difference.value),
        difference_half_width: difference.and_then(|difference| difference.half_width),
        which,
    })
}

fn row(head: &str, line: &[&Figure], cell: fn(&Figure) -> String) -> String {
    let columns = [
        (Measure::Offered, 12),
        (Measure::ServiceLevel, 16),
        (Measure::SpeedOfAnswer, 16),
        (Measure::Wait95, 16),
        (Measure::Abandonment, 16),
        (Measure::Occupancy, 16),
    ];
    let mut out = format!("{head:<24}");
    for (which, width) in columns {
        let text = line.iter().find(|figure| figure.which == which).map(|figure| cell(figure));
        let _ = write!(out, " {:>width$}", text.unwrap_or_default());
    }
    out.trim_end().to_owned()
}

fn absolute(figure: &Figure) -> String {
    told(figure.which, figure.value, figure.half_width, false)
}

fn relative(figure: &Figure) -> String {
    match figure.difference {
        Some(value) if figure.which != Measure::Offered => {
            told(figure.which, value, figure.difference_half_width, true)
        }
        Some(_) | None => String::new(),
    }
}

fn told(which: Measure, value: f64, half_width: Option<f64>, signed: bool) -> String {
    let (scale, unit, places) = match which {
        Measure::Offered => (1.0, "", 0),
        Measure::SpeedOfAnswer | Measure::Wait95 => (1.0, " s", 1),
        Measure::ServiceLevel | Measure::Abandonment | Measure::Occupancy => (100.0, " %", 1),
    };
    let value = value * scale;
    let half = half_width.filter(|_| which != Measure::Offered);
    let half = half.map(|half| format!(" ±{:.places$}", half * scale)).unwrap_or_default();
    if signed { format!("{value:+.places$}{half}{unit}") } else { format!("{value:.places$}{half}{unit}") }
}
