//! What is left of the service when more calls come than can be served: good calls per second at once, twice and four times
//! the rated load.

use super::BenchError;
use super::call_rate::{CallRateSettings, search};
use super::held_callers::shown;
use super::trial::{self, Trial};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

const TIMES: [f64; 3] = [1.0, 2.0, 4.0];
/// Where a search for the rated load begins.
const SEARCH_FROM: u32 = 500;
const SEARCH_SECONDS: u64 = 5;

/// What to measure.
#[derive(Clone, Debug)]
pub struct OverloadSettings {
    /// The rated load, in calls per second; `None`: it is searched for.
    pub rated: Option<u32>,
    /// For how long calls are placed, each time.
    pub seconds: u64,
    /// From the answer to the BYE.
    pub hold: Duration,
    /// Processes that call.
    pub processes: usize,
    /// One JSON object instead of a table.
    pub json: bool,
}

/// What was measured at one load.
#[derive(Clone, Debug, Serialize)]
pub struct Overload {
    /// Times the rated load.
    pub times: f64,
    /// Calls per second, as they were placed.
    pub placed_per_second: f64,
    /// Calls per second that were answered within a second, held, and ended with a BYE that was answered.
    pub good_per_second: f64,
    /// The same by that of the rated load.
    pub good_by_rated: f64,
    /// From when the INVITE was due to 200, of those that were answered: 99 in 100, in milliseconds.
    pub answer_ms_p99: Option<f64>,
    /// Refused with a final response.
    pub refused: u64,
    /// Without any.
    pub unanswered: u64,
    /// CPU of the engine, in percent of one core.
    pub cpu_percent: Option<f64>,
    /// CPU of the callers, in percent of one core.
    pub load_cpu_percent: f64,
    /// What they sent their INVITEs late by, of 99 in 100, in milliseconds.
    pub late_ms_p99: Option<f64>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct OverloadReport {
    /// The rated load, in calls per second.
    pub rated: u32,
    /// A row for each load.
    pub rows: Vec<Overload>,
}

/// Measures, prints, and returns what it printed. Blocks its thread all the while.
///
/// # Errors
/// See [`BenchError`].
pub fn overload(settings: &OverloadSettings) -> Result<OverloadReport, BenchError> {
    let rated = match settings.rated {
        Some(rated) => rated,
        None => {
            let (hold, processes) = (settings.hold, settings.processes);
            let common =
                CallRateSettings { hold, processes, silent: true, one_core: true, ..Default::default() };
            search(&CallRateSettings { rate: SEARCH_FROM, seconds: SEARCH_SECONDS, ..common })?.rate
        }
    };
    let mut rows: Vec<Overload> = Vec::new();
    for times in TIMES {
        let trial = Trial {
            silent: true,
            one_core: true,
            processes: settings.processes,
            ..Trial::of(f64::from(rated) * times, settings.seconds as f64, settings.hold)
        };
        let row = row(times, &trial::run(&trial)?);
        let base = rows.first().map_or(row.good_per_second, |first| first.good_per_second);
        rows.push(Overload { good_by_rated: row.good_per_second / base.max(1e-3), ..row });
    }
    let report = OverloadReport { rated, rows };
    super::tell(&report, settings.json);
    Ok(report)
}

fn row(times: f64, seen: &trial::Seen) -> Overload {
    let tally = &seen.tally;
    let placing = tally.placing.as_secs_f64().max(1e-3);
    let unanswered = tally.refused.get(&0).copied().unwrap_or_default();
    Overload {
        times,
        placed_per_second: tally.attempted as f64 / placing,
        good_per_second: tally.good as f64 / placing,
        good_by_rated: 1.0,
        answer_ms_p99: tally.answer.quantile_ms(0.99),
        refused: tally.refused.values().sum::<u64>() - unanswered,
        unanswered,
        cpu_percent: seen.engine_cores().map(|cores| cores * 100.0),
        load_cpu_percent: seen.load_cpu_percent(),
        late_ms_p99: tally.late.quantile_ms(0.99),
    }
}

impl fmt::Display for OverloadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Rated load: {} calls per second\n", self.rated)?;
        writeln!(
            f,
            "| load | placed/s | good/s | by rated | answered p99 | refused | no answer | engine's CPU | callers' CPU | \
             callers late p99 |"
        )?;
        write!(f, "|---|---|---|---|---|---|---|---|---|---|")?;
        for row in &self.rows {
            let [p99, late] = [row.answer_ms_p99, row.late_ms_p99].map(|value| shown(value, "ms"));
            let Overload { times, placed_per_second, good_per_second, refused, unanswered, .. } = row;
            write!(
                f,
                "\n| {times}× | {placed_per_second:.0} | {good_per_second:.0} | {:.0} % | {p99} | {refused} | \
                 {unanswered} | {:.0} % | {:.0} % | {late} |",
                row.good_by_rated * 100.0,
                row.cpu_percent.unwrap_or_default(),
                row.load_cpu_percent
            )?;
        }
        Ok(())
    }
}
