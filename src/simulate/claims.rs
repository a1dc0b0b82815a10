//! What Holdfast claims of itself, each claim with its reference figure: the models of routing and waiting, run
//! through the production engine. It plans the runs and judges them; who runs them decides on how many cores.

use super::measure::{Figures, QueueFigures};
use super::models::{self, Rules};
use super::scenario::Scenario;
use super::summary::{self, Estimate, Measure, Part};
use crate::engine::strategy::StrategyName;
use crate::stats::{Counts, Variant};
use std::time::Duration;

/// One line of the table.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// What is claimed.
    pub claim: String,
    /// The figure it is held against, and how close it must come.
    pub reference: String,
    /// What was measured.
    pub measured: String,
    /// Whether it is so.
    pub pass: bool,
}

/// A model that is run, and what is expected of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The name; claims that compare two cases use it too.
    pub name: &'static str,
    /// The model.
    pub scenario: Scenario,
    /// How many independent runs.
    pub runs: u64,
    /// What is expected.
    expected: Vec<Expected>,
}

/// A figure that must come out.
#[derive(Clone, Debug)]
struct Expected {
    what: &'static str,
    of: fn(&Figures) -> Option<Part>,
    reference: f64,
    tolerance: f64,
    unit: Unit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    Percent,
    Seconds,
}

/// The service levels of the references were computed to about half a point; with our own noise this is allowed.
const POINTS: f64 = 0.015;

/// How long is simulated. Claims are about long-run means: shorter runs are faster and blur them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Effort(pub f64);

impl Effort {
    /// What the shipped figures were measured with.
    pub const FULL: Effort = Effort(1.0);

    fn runs(self, full: u64) -> u64 {
        ((full as f64 * self.0).round() as u64).max(2)
    }
}

const HOUR: Duration = Duration::from_secs(3600);
/// Runs of the models with patience: they forget their beginning within minutes.
const LONG: Duration = Duration::from_secs(200 * 3600);
/// Six types without abandonment forget slowly: the relaxation time of M/M/15 at 93 % is half a day.
const LONGER: Duration = Duration::from_secs(500 * 3600);
const LONGER_WARM_UP: Duration = Duration::from_secs(50 * 3600);

fn all(figures: &Figures) -> Option<Part> {
    summary::of_queue(&figures.all_queues(), Measure::ServiceLevel)
}

fn of_b(figures: &Figures) -> Option<Part> {
    summary::of_queue(figures.queues.get(1)?, Measure::ServiceLevel)
}

fn abandoned(figures: &Figures) -> Option<Part> {
    summary::of_queue(&figures.all_queues(), Measure::Abandonment)
}

/// The mean wait of all calls, as Erlang A gives it.
fn mean_wait(figures: &Figures) -> Option<Part> {
    let all = figures.all_queues();
    let sum: f64 = all.waits_ms.iter().map(|&wait| f64::from(wait) / 1000.0).sum();
    Some(Part { of: sum, over: all.waits_ms.len() as f64 })
}

fn occupancy_deviation(figures: &Figures) -> Option<Part> {
    Some(Part { of: figures.groups.first()?.occupancy_deviation()?, over: 1.0 })
}

fn lowest_occupancy(figures: &Figures) -> Option<Part> {
    Some(Part { of: figures.groups.first()?.occupancy_range()?.0, over: 1.0 })
}

fn highest_occupancy(figures: &Figures) -> Option<Part> {
    Some(Part { of: figures.groups.first()?.occupancy_range()?.1, over: 1.0 })
}

fn expect(what: &'static str, of: fn(&Figures) -> Option<Part>, reference: f64, tolerance: f64) -> Expected {
    Expected { what, of, reference, tolerance, unit: Unit::Percent }
}

fn level(reference: f64) -> Expected {
    expect("service level", all, reference, POINTS)
}

/// All models.
pub fn cases(effort: Effort) -> Vec<Case> {
    [x_cases(effort), n_cases(effort), pool_cases(effort), six_cases(effort), vec![erlang_case(effort)]]
        .concat()
}

fn x_cases(effort: Effort) -> Vec<Case> {
    let runs = effort.runs(16);
    let x = |name, load, rules, reference| Case {
        name,
        scenario: models::x(load, rules, LONG, HOUR),
        runs,
        expected: vec![level(reference)],
    };
    let silos = |name, load, reference| Case {
        name,
        scenario: models::x_silos(load, LONG, HOUR),
        runs,
        expected: vec![level(reference)],
    };
    vec![
        x("X, longest idle and first come, first served", 1.0, Rules::NAIVE, 0.766),
        silos("X, silos", 1.0, 0.843),
        x("X, primary first", 1.0, Rules::PRIMARY, 0.894),
        x("X, primary first, delay 10 s", 1.0, Rules::delayed(10), 0.906),
        x("X, primary first, delay 20 s", 1.0, Rules::delayed(20), 0.906),
        x("X +20 %, longest idle and first come, first served", 1.2, Rules::NAIVE, 0.370),
        silos("X +20 %, silos", 1.2, 0.592),
        x("X +20 %, primary first", 1.2, Rules::PRIMARY, 0.583),
        x("X +20 %, primary first, delay 20 s", 1.2, Rules::delayed(20), 0.614),
    ]
}

fn n_cases(effort: Effort) -> Vec<Case> {
    let n = |name, strategy, b_first, delay_s, b, both: Option<f64>| Case {
        name,
        scenario: models::n(strategy, b_first, Duration::from_secs(delay_s), LONG, HOUR),
        runs: effort.runs(24),
        expected: std::iter::once(expect("service level of the scarce class", of_b, b, POINTS))
            .chain(both.map(level))
            .collect(),
    };
    vec![
        n(
            "N, longest idle and first come, first served",
            StrategyName::LongestIdle,
            false,
            0,
            0.670,
            Some(0.818),
        ),
        n("N, least skilled first", StrategyName::LeastSkilled, false, 0, 0.715, None),
        n("N, least skilled first, priority to B", StrategyName::LeastSkilled, true, 0, 0.763, None),
        n(
            "N, least skilled first, priority to B, delay 15 s",
            StrategyName::LeastSkilled,
            true,
            15,
            0.813,
            Some(0.831),
        ),
    ]
}

fn pool_cases(effort: Effort) -> Vec<Case> {
    let pool = |name, strategy, expected| Case {
        name,
        scenario: models::one_pool(strategy, LONG, HOUR),
        runs: effort.runs(16),
        expected,
    };
    let deviation = |reference, tolerance| {
        expect("deviation of the agents' occupancies", occupancy_deviation, reference, tolerance)
    };
    vec![
        pool(
            "one pool, speeds ±30 %, longest idle",
            StrategyName::LongestIdle,
            vec![level(0.874), deviation(0.024, 0.006)],
        ),
        pool(
            "one pool, speeds ±30 %, equal occupancy",
            StrategyName::EqualOccupancy,
            vec![level(0.879), deviation(0.0, 0.006)],
        ),
        pool(
            "one pool, speeds ±30 %, fewest calls",
            StrategyName::FewestCalls,
            vec![
                level(0.865),
                expect("lowest occupancy of an agent", lowest_occupancy, 0.60, 0.03),
                expect("highest occupancy of an agent", highest_occupancy, 0.97, 0.03),
            ],
        ),
    ]
}

fn six_cases(effort: Effort) -> Vec<Case> {
    let six = |name, skills, reference| Case {
        name,
        scenario: models::six_types(skills, LONGER, LONGER_WARM_UP),
        runs: effort.runs(32),
        expected: vec![level(reference)],
    };
    vec![
        six("six types, one skill each (Erlang C)", 1, 0.3129),
        six("six types, two skills each", 2, 0.644),
        six("six types, three skills each", 3, 0.682),
        six("six types, six skills each (Erlang C)", 6, 0.6948),
    ]
}

fn erlang_case(effort: Effort) -> Case {
    let seconds = Expected { unit: Unit::Seconds, ..expect("mean wait", mean_wait, 2.365, 0.1) };
    Case {
        name: "Erlang A: 48 calls a minute of 60 s, 50 agents, patience 60 s",
        scenario: models::erlang_a(Duration::from_secs(60 * 3600), HOUR),
        runs: effort.runs(24),
        expected: vec![
            expect("abandonment", abandoned, 0.03942, 0.0015),
            seconds,
            expect("service level", all, 0.9556, 0.002),
        ],
    }
}

/// Judges what the cases' runs came to; `measured` has the figures of each case, in the order of `cases`.
pub fn judge(cases: &[Case], measured: &[Vec<Figures>]) -> Vec<Row> {
    let mut rows: Vec<Row> = cases
        .iter()
        .zip(measured)
        .flat_map(|(case, runs)| case.expected.iter().map(move |expected| row(case, expected, runs)))
        .collect();
    rows.extend(better_than_silos(cases, measured));
    rows.extend(variants());
    rows.extend(super::staffing_claims::rows());
    rows
}

fn row(case: &Case, expected: &Expected, runs: &[Figures]) -> Row {
    let parts: Vec<Part> = runs.iter().filter_map(expected.of).collect();
    let estimate = summary::ratio(&parts);
    let Expected { what, reference, tolerance, unit, .. } = *expected;
    let (reference_text, tolerance_text) = match unit {
        Unit::Percent => (format!("{:.2} %", reference * 100.0), format!("{:.2}", tolerance * 100.0)),
        Unit::Seconds => (format!("{reference:.3} s"), format!("{tolerance:.2}")),
    };
    // A measurement that is itself blurred beyond the tolerance proves nothing.
    let pass = estimate.is_some_and(|estimate| {
        (estimate.value - reference).abs() <= tolerance
            && estimate.half_width.is_some_and(|half_width| half_width <= tolerance)
    });
    Row {
        claim: format!("{}: {what}", case.name),
        reference: format!("{reference_text} ±{tolerance_text}"),
        measured: told(estimate, unit),
        pass,
    }
}

fn told(estimate: Option<Estimate>, unit: Unit) -> String {
    let Some(Estimate { value, half_width }) = estimate else { return "nothing".into() };
    let half_width = half_width.unwrap_or(f64::INFINITY);
    match unit {
        Unit::Percent => format!("{:.2} % ±{:.2}", value * 100.0, half_width * 100.0),
        Unit::Seconds => format!("{value:.3} s ±{half_width:.3}"),
    }
}

/// No rule that Holdfast offers for sharing may be worse than not sharing at all; and a better service level counts
/// only if P95 and abandonment do not get worse, or it is gaming.
fn better_than_silos(cases: &[Case], measured: &[Vec<Figures>]) -> Vec<Row> {
    let of = |name: &str| cases.iter().position(|case| case.name == name).and_then(|at| measured.get(at));
    let (Some(silos), Some(shared)) = (of("X, silos"), of("X, primary first, delay 10 s")) else {
        return Vec::new();
    };
    let compared = [
        ("service level", Measure::ServiceLevel, 1.0, Unit::Percent),
        ("P95 of the wait", Measure::Wait95, -1.0, Unit::Seconds),
        ("abandonment", Measure::Abandonment, -1.0, Unit::Percent),
    ];
    let one = |(what, measure, better, unit): (&str, Measure, f64, Unit)| {
        let parts = |runs: &[Figures]| summary::parts(runs, None, measure);
        let gain = summary::difference(&parts(silos), &parts(shared));
        Row {
            claim: format!("X: primary first with a delay of 10 s against silos, {what}"),
            reference: if better > 0.0 { "not below 0".into() } else { "not above 0".into() },
            measured: told(gain, unit),
            pass: gain.is_some_and(|gain| {
                gain.value * better >= 0.0 && gain.half_width.is_some_and(|half| half <= gain.value.abs())
            }),
        }
    };
    compared.into_iter().map(one).collect()
}

/// The five published variants of the service level, from the facts of one set of 1,060 calls.
fn variants() -> Vec<Row> {
    let figures = QueueFigures {
        counts: Counts {
            answered: 1000,
            answered_in_threshold: 860,
            abandoned: 60,
            abandoned_in_threshold: 20,
            short_abandons: 10,
        },
        ..QueueFigures::default()
    };
    Variant::ALL
        .into_iter()
        .zip([83.0, 86.0, 81.1, 82.7, 82.1])
        .map(|(variant, reference)| {
            let percent = figures.counts.service_level(variant).unwrap_or_default() * 100.0;
            Row {
                claim: format!("service level, {variant:?}, of one set of calls"),
                reference: format!("{reference:.1} %"),
                measured: format!("{percent:.1} %"),
                pass: format!("{percent:.1}") == format!("{reference:.1}"),
            }
        })
        .collect()
}
