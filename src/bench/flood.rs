//! Genuine calls beside a flood of forged requests: how many of them succeed, and what memory it takes.

use super::BenchError;
use super::held_callers::shown;
use super::trial::{self, Trial};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Genuine calls last so long.
const HOLD: Duration = Duration::from_secs(1);
/// Memory before the flood is what it is after as many seconds of genuine calls.
const CALM: Duration = Duration::from_secs(3);

/// What to measure.
#[derive(Clone, Debug)]
pub struct FloodSettings {
    /// Forged requests per second.
    pub forged: u32,
    /// Genuine calls per second.
    pub rate: u32,
    /// How long the flood lasts.
    pub seconds: u64,
    /// One JSON object instead of a table.
    pub json: bool,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct FloodReport {
    /// Forged requests that were sent.
    pub forged: u64,
    /// Per second.
    pub forged_per_second: f64,
    /// What was answered to them.
    pub answers: u64,
    /// The answers' bytes by the requests'.
    pub amplification: f64,
    /// Genuine calls that were placed.
    pub attempted: u64,
    /// Of them, those that were answered, held, and ended with a BYE that was answered.
    pub succeeded: u64,
    /// Their share, 0 to 1.
    pub success_share: f64,
    /// From when a genuine INVITE was due to 200: median, in milliseconds.
    pub answer_ms_p50: Option<f64>,
    /// Of 99 in 100.
    pub answer_ms_p99: Option<f64>,
    /// Genuine requests sent again for want of a response.
    pub retransmitted: u64,
    /// Resident memory with genuine calls alone, in bytes.
    pub rss_before_bytes: u64,
    /// The most there was.
    pub rss_peak_bytes: u64,
    /// When all was over.
    pub rss_after_bytes: u64,
    /// CPU of the engine, in percent of one core.
    pub cpu_percent: Option<f64>,
    /// CPU of callers and forger, in percent of one core.
    pub load_cpu_percent: f64,
}

/// Measures, prints, and returns what it printed. Blocks its thread all the while.
///
/// # Errors
/// See [`BenchError`].
pub fn flood(settings: &FloodSettings) -> Result<FloodReport, BenchError> {
    let seconds = settings.seconds as f64 + CALM.as_secs_f64();
    let trial = Trial {
        forged: Some((f64::from(settings.forged), CALM)),
        silent: true,
        processes: 1,
        ..Trial::of(f64::from(settings.rate), seconds, HOLD)
    };
    let seen = trial::run(&trial)?;
    let (tally, forged) = (&seen.tally, &seen.forged);
    let calm = seen.resident.iter().filter(|(at, _)| *at < CALM).map(|(_, bytes)| *bytes).max();
    let report = FloodReport {
        forged: forged.sent,
        forged_per_second: forged.sent as f64 / settings.seconds.max(1) as f64,
        answers: forged.answers,
        amplification: forged.answers_bytes as f64 / forged.sent_bytes.max(1) as f64,
        attempted: tally.attempted,
        succeeded: tally.completed,
        success_share: tally.completed as f64 / tally.attempted.max(1) as f64,
        answer_ms_p50: tally.answer.quantile_ms(0.5),
        answer_ms_p99: tally.answer.quantile_ms(0.99),
        retransmitted: tally.retransmitted,
        rss_before_bytes: calm.unwrap_or(seen.resident_before),
        rss_peak_bytes: seen.resident_peak(),
        rss_after_bytes: seen.resident.last().map_or(0, |(_, bytes)| *bytes),
        cpu_percent: seen.engine_cores().map(|cores| cores * 100.0),
        load_cpu_percent: seen.load_cpu_percent(),
    };
    super::tell(&report, settings.json);
    Ok(report)
}

impl fmt::Display for FloodReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        writeln!(f, "Flood: {} forged requests, {:.0} a second", self.forged, self.forged_per_second)?;
        writeln!(
            f,
            "  answered            {} of them, with {:.2} times the bytes",
            self.answers, self.amplification
        )?;
        writeln!(
            f,
            "  genuine calls       {} of {} succeeded ({:.2} %); {} retransmissions",
            self.succeeded,
            self.attempted,
            self.success_share * 100.0,
            self.retransmitted
        )?;
        let (p50, p99) = (shown(self.answer_ms_p50, "ms"), shown(self.answer_ms_p99, "ms"));
        writeln!(f, "  INVITE to 200       p50 {p50}, p99 {p99}")?;
        writeln!(
            f,
            "  memory              {:.1} MB before, {:.1} MB at most, {:.1} MB after",
            megabytes(self.rss_before_bytes),
            megabytes(self.rss_peak_bytes),
            megabytes(self.rss_after_bytes)
        )?;
        writeln!(f, "  CPU of the engine   {}", shown(self.cpu_percent, "% of one core"))?;
        write!(f, "  CPU of the load     {:.1} % of one core", self.load_cpu_percent)
    }
}
