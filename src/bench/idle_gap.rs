//! How long an agent has nothing to do while callers wait: from the BYE that ends his call to the INVITE of his next.

use super::BenchError;
use super::held_callers::shown;
use super::trial::{self, Trial};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// More calls come than are served, so that somebody always waits …
const OVERBOOKED: f64 = 1.2;
/// … after a while.
const WARM_UP: Duration = Duration::from_secs(3);
/// Calls that are served per second, by any number of agents.
const SERVED_PER_SECOND: f64 = 100.0;
/// Nobody waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What to measure.
#[derive(Clone, Debug)]
pub struct IdleGapSettings {
    /// Numbers of agents.
    pub agents: Vec<u32>,
    /// For how long calls are placed, each time.
    pub seconds: u64,
    /// One JSON object instead of a table.
    pub json: bool,
}

impl Default for IdleGapSettings {
    /// 50 and 800 agents, for 15 s each.
    fn default() -> Self {
        Self { agents: vec![50, 800], seconds: 15, json: false }
    }
}

/// What was measured with one number of agents.
#[derive(Clone, Debug, Serialize)]
pub struct IdleGap {
    /// Agents.
    pub agents: u32,
    /// Calls of theirs that were followed by another.
    pub gaps: u64,
    /// From the BYE to the next INVITE at the same phone: median, in milliseconds.
    pub ms_p50: Option<f64>,
    /// Of 99 in 100.
    pub ms_p99: Option<f64>,
    /// The longest.
    pub ms_max: f64,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct IdleGapReport {
    /// A row for each number of agents.
    pub rows: Vec<IdleGap>,
}

/// Measures, prints, and returns what it printed. Blocks its thread all the while.
///
/// # Errors
/// See [`BenchError`].
pub fn idle_gap(settings: &IdleGapSettings) -> Result<IdleGapReport, BenchError> {
    let mut rows = Vec::new();
    for &agents in &settings.agents {
        let talk = Duration::from_secs_f64(f64::from(agents) / SERVED_PER_SECOND);
        let trial = Trial {
            agents: agents as usize,
            talk: Some(talk),
            // The first of them must have had time to serve one call, and to leave others waiting.
            idle_after: WARM_UP + talk,
            ..Trial::of(
                SERVED_PER_SECOND * OVERBOOKED,
                settings.seconds as f64 + talk.as_secs_f64(),
                PATIENCE,
            )
        };
        let idle = trial::run(&trial)?.offers.idle;
        rows.push(IdleGap {
            agents,
            gaps: idle.count(),
            ms_p50: idle.quantile_ms(0.5),
            ms_p99: idle.quantile_ms(0.99),
            ms_max: idle.longest().as_secs_f64() * 1e3,
        });
    }
    let report = IdleGapReport { rows };
    super::tell(&report, settings.json);
    Ok(report)
}

impl fmt::Display for IdleGapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| agents | gaps | idle p50 | p99 | longest |")?;
        write!(f, "|---|---|---|---|---|")?;
        for IdleGap { agents, gaps, ms_p50, ms_p99, ms_max } in &self.rows {
            let [p50, p99] = [ms_p50, ms_p99].map(|value| shown(*value, "ms"));
            write!(f, "\n| {agents} | {gaps} | {p50} | {p99} | {ms_max:.3} ms |")?;
        }
        Ok(())
    }
}
