//! Whether memory grows with the number of calls that are over: very many short calls, and the slope of the engine's resident
//! memory once it remembers as many transactions as it ever will.

use super::held_callers::shown;
use super::trial::{self, Trial};
use super::{BenchError, status_name};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// By then transactions are forgotten as fast as they come (RFC 3261 §17: 32 s), and allocators have their size.
const SETTLED: Duration = Duration::from_secs(45);

/// What to measure.
#[derive(Clone, Debug)]
pub struct SoakSettings {
    /// Calls per second.
    pub rate: u32,
    /// For how long calls are placed.
    pub seconds: u64,
    /// Simulated agents who answer at once; 0: callers hear nothing and hang up.
    pub agents: usize,
    /// One JSON object instead of a table.
    pub json: bool,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct SoakReport {
    /// Calls placed.
    pub attempted: u64,
    /// Of them, those that went as they should.
    pub succeeded: u64,
    /// Not answered, by final status; "no response" among them.
    pub failed: BTreeMap<String, u64>,
    /// Resident memory before the first call, in bytes.
    pub rss_before_bytes: u64,
    /// The most there was.
    pub rss_peak_bytes: u64,
    /// How it grows from 45 s on, by the least squares, in bytes per 100,000 calls. Not known of a shorter run.
    pub slope_bytes_per_100k_calls: Option<f64>,
}

/// Measures, prints, and returns what it printed. Blocks its thread all the while.
///
/// # Errors
/// See [`BenchError`].
pub fn soak(settings: &SoakSettings) -> Result<SoakReport, BenchError> {
    let rate = f64::from(settings.rate);
    let trial = Trial {
        silent: true,
        agents: settings.agents,
        ..Trial::of(rate, settings.seconds as f64, Duration::from_millis(100))
    };
    let seen = trial::run(&trial)?;
    let end = Duration::from_secs(settings.seconds);
    let settled = seen.resident.iter().filter(|(at, _)| (SETTLED..end).contains(at));
    let points: Vec<(f64, f64)> = settled.map(|(at, bytes)| (at.as_secs_f64(), *bytes as f64)).collect();
    let report = SoakReport {
        attempted: seen.tally.attempted,
        succeeded: seen.tally.completed,
        failed: seen.tally.refused.iter().map(|(status, count)| (status_name(*status), *count)).collect(),
        rss_before_bytes: seen.resident_before,
        rss_peak_bytes: seen.resident_peak(),
        slope_bytes_per_100k_calls: slope(&points).map(|per_second| per_second / rate * 1e5),
    };
    super::tell(&report, settings.json);
    Ok(report)
}

/// By the least squares.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), point| {
        let away = point.0 - x;
        (over + away * (point.1 - y), under + away * away)
    });
    (under > 0.0).then(|| over / under)
}

impl fmt::Display for SoakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        writeln!(f, "Soak: {} short calls, {} of them succeeded", self.attempted, self.succeeded)?;
        for (status, count) in &self.failed {
            writeln!(f, "  failed              {count} with {status}")?;
        }
        writeln!(f, "  memory before       {:.1} MB", megabytes(self.rss_before_bytes))?;
        writeln!(f, "  memory at most      {:.1} MB", megabytes(self.rss_peak_bytes))?;
        let slope = self.slope_bytes_per_100k_calls.map(|bytes| bytes / 1e6);
        write!(f, "  slope               {}", shown(slope, "MB per 100,000 calls"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_line_through_the_points() {
        assert_eq!(slope(&[(1.0, 5.0), (2.0, 7.0), (3.0, 9.0)]), Some(2.0));
        assert_eq!(slope(&[]), None);
        assert_eq!(slope(&[(1.0, 5.0)]), None);
    }
}
