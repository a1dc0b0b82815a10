//! How soon a caller reaches a free agent: from the caller's INVITE to the INVITE at the agent's phone, for several numbers of
//! agents and rates of calls.

use super::BenchError;
use super::held_callers::shown;
use super::trial::{self, Seen, Trial};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// So many of the agents are busy, so that nobody waits for one.
const OCCUPANCY: f64 = 0.6;
const HOLD_MAX: Duration = Duration::from_secs(2);

/// What to measure.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// Numbers of agents.
    pub agents: Vec<u32>,
    /// Calls per second.
    pub rates: Vec<u32>,
    /// For how long calls are placed, each time.
    pub seconds: u64,
    /// One JSON object instead of a table.
    pub json: bool,
}

impl Default for DeliverySettings {
    /// 50 and 800 agents; 10 to 300 calls a second, for 10 s each.
    fn default() -> Self {
        Self { agents: vec![50, 800], rates: vec![10, 50, 100, 300], seconds: 10, json: false }
    }
}

/// What was measured with one number of agents at one rate.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    /// Agents.
    pub agents: u32,
    /// Calls per second.
    pub rate: u32,
    /// Calls placed.
    pub attempted: u64,
    /// Calls that reached an agent.
    pub delivered: u64,
    /// From when the caller's INVITE was due to the INVITE at an agent's phone: median, in milliseconds.
    pub ms_p50: Option<f64>,
    /// Of 99 in 100.
    pub ms_p99: Option<f64>,
    /// What the benchmark sent its INVITEs late by, of 99 in 100; contained in the latencies.
    pub late_ms_p99: Option<f64>,
    /// CPU time of the engine per call, both legs, in milliseconds.
    pub cpu_ms_per_call: Option<f64>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveryReport {
    /// A row for each number of agents and each rate.
    pub rows: Vec<Delivery>,
}

/// Measures, prints, and returns what it printed. Blocks its thread all the while.
///
/// # Errors
/// See [`BenchError`].
pub fn delivery(settings: &DeliverySettings) -> Result<DeliveryReport, BenchError> {
    let mut rows = Vec::new();
    for &agents in &settings.agents {
        for &rate in &settings.rates {
            let hold = Duration::from_secs_f64(f64::from(agents) * OCCUPANCY / f64::from(rate.max(1)));
            let trial = Trial {
                agents: agents as usize,
                ..Trial::of(f64::from(rate), settings.seconds as f64, hold.min(HOLD_MAX))
            };
            rows.push(row(agents, rate, &trial::run(&trial)?));
        }
    }
    let report = DeliveryReport { rows };
    super::tell(&report, settings.json);
    Ok(report)
}

fn row(agents: u32, rate: u32, seen: &Seen) -> Delivery {
    Delivery {
        agents,
        rate,
        attempted: seen.tally.attempted,
        delivered: seen.delivery.count(),
        ms_p50: seen.delivery.quantile_ms(0.5),
        ms_p99: seen.delivery.quantile_ms(0.99),
        late_ms_p99: seen.tally.late.quantile_ms(0.99),
        cpu_ms_per_call: seen.cpu_ms_per_call(),
    }
}

impl fmt::Display for DeliveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| agents | calls/s | delivered | INVITE to INVITE p50 | p99 | of that our own, p99 | CPU per call |"
        )?;
        write!(f, "|---|---|---|---|---|---|---|")?;
        for row in &self.rows {
            let [p50, p99, late, cpu] = [row.ms_p50, row.ms_p99, row.late_ms_p99, row.cpu_ms_per_call]
                .map(|value| shown(value, "ms"));
            let Delivery { agents, rate, attempted, delivered, .. } = row;
            write!(
                f,
                "\n| {agents} | {rate} | {delivered} of {attempted} | {p50} | {p99} | {late} | {cpu} |"
            )?;
        }
        Ok(())
    }
}
