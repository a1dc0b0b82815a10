//! How many calls can be set up: calls per second, set-up latency, CPU per call, memory per call.

use super::held_callers::shown;
use super::trial::{self, Seen, Trial};
use super::{BenchError, Target, status_name};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A rate is good while 99 of 100 are answered within this time …
pub(super) const SET_UP_WITHIN: Duration = Duration::from_millis(50);
/// … and so many of all calls succeed.
const SUCCEED: f64 = 0.999;
/// A search goes on by this factor, then by the finer one from the last good rate.
const STEPS: [f64; 2] = [1.5, 1.1];
/// Nobody's engine is that fast.
const RATE_MAX: f64 = 100_000.0;
/// For so long finished transactions are remembered (RFC 3261 §17.2.2, timer J).
const REMEMBERED_SECS: f64 = 32.0;

/// What to measure.
#[derive(Clone, Debug)]
pub struct CallRateSettings {
    /// Calls per second.
    pub rate: u32,
    /// More and more, until 99 of 100 are not answered within 50 ms or calls fail; the last good rate counts.
    pub search: bool,
    /// For how long calls are placed.
    pub seconds: u64,
    /// From the answer to the BYE.
    pub hold: Duration,
    /// Simulated agents who answer at once; 0: the callers hear music until they hang up.
    pub agents: usize,
    /// Callers want to hear nothing: signalling without sound.
    pub silent: bool,
    /// Processes that call; 0: a thread of this one.
    pub processes: usize,
    /// The engine is given one core, the callers the others.
    pub one_core: bool,
    /// The engine.
    pub target: Target,
    /// One JSON object instead of a table.
    pub json: bool,
}

impl Default for CallRateSettings {
    /// 50 calls a second for 20 s, each of one second, without agents.
    fn default() -> Self {
        Self {
            rate: 50,
            search: false,
            seconds: 20,
            hold: Duration::from_secs(1),
            agents: 0,
            silent: false,
            processes: 2,
            one_core: false,
            target: Target::OwnEngine,
            json: false,
        }
    }
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct CallRateReport {
    /// Calls per second asked for.
    pub rate: u32,
    /// Calls placed.
    pub attempted: u64,
    /// Answered, held, and ended with a BYE that was answered.
    pub succeeded: u64,
    /// Not answered, by final status; "no response" among them.
    pub failed: BTreeMap<String, u64>,
    /// Answered, but ended by the engine before we hung up.
    pub ended_by_engine: u64,
    /// BYEs without an answer.
    pub bye_unanswered: u64,
    /// Requests sent again for want of a response.
    pub retransmitted: u64,
    /// Calls placed per second, as it came out.
    pub calls_per_second: f64,
    /// The same by the cores' worth of CPU time that the engine used if that was more than one. Not known when calls failed or
    /// 99 of 100 were not answered within 50 ms.
    pub calls_per_second_per_core: Option<f64>,
    /// From when the INVITE was due to the first response: median, in milliseconds.
    pub first_response_ms_p50: Option<f64>,
    /// Of 99 in 100.
    pub first_response_ms_p99: Option<f64>,
    /// Of 999 in 1000.
    pub first_response_ms_p999: Option<f64>,
    /// From when the INVITE was due to 200: median, in milliseconds.
    pub answer_ms_p50: Option<f64>,
    /// Of 99 in 100.
    pub answer_ms_p99: Option<f64>,
    /// Of 999 in 1000.
    pub answer_ms_p999: Option<f64>,
    /// What the benchmark itself sent its INVITEs late by, of 99 in 100; contained in the latencies.
    pub late_ms_p99: Option<f64>,
    /// Calls that simulated agents answered.
    pub agents_answered: u64,
    /// From when the caller's INVITE was due to the INVITE at an agent's phone, waiting for a free one included: median, in
    /// milliseconds.
    pub offer_ms_p50: Option<f64>,
    /// Of 99 in 100.
    pub offer_ms_p99: Option<f64>,
    /// CPU time of the engine per call, in milliseconds, its music included.
    pub cpu_ms_per_call: Option<f64>,
    /// CPU of the engine, in percent of one core.
    pub cpu_percent: Option<f64>,
    /// CPU of the callers' and agents' processes, in percent of one core.
    pub load_cpu_percent: f64,
    /// What the engine's resident memory grew by for each call in progress or remembered, in bytes.
    pub rss_per_call_bytes: Option<f64>,
    /// RTP packets received.
    pub packets: u64,
}

/// Measures, prints, and returns what it printed. Blocks its thread all the while.
///
/// # Errors
/// See [`BenchError`].
pub fn call_rate(settings: &CallRateSettings) -> Result<CallRateReport, BenchError> {
    let report = if settings.search { search(settings)? } else { measure(settings, settings.rate)? };
    super::tell(&report, settings.json);
    Ok(report)
}

fn measure(settings: &CallRateSettings, rate: u32) -> Result<CallRateReport, BenchError> {
    let trial = Trial {
        agents: settings.agents,
        silent: settings.silent,
        processes: settings.processes,
        one_core: settings.one_core,
        target: settings.target,
        ..Trial::of(f64::from(rate), settings.seconds as f64, settings.hold)
    };
    Ok(report(rate, settings.hold, &trial::run(&trial)?))
}

/// The highest rate that is good. A step that fails is tried once more: the machine may have been disturbed.
pub(super) fn search(settings: &CallRateSettings) -> Result<CallRateReport, BenchError> {
    let mut best: Option<CallRateReport> = None;
    for factor in STEPS {
        let mut rate = best.as_ref().map_or(f64::from(settings.rate), |best| f64::from(best.rate) * factor);
        while rate <= RATE_MAX {
            let mut report = measure(settings, rate as u32)?;
            if !report.is_good() {
                report = measure(settings, rate as u32)?;
            }
            if !report.is_good() {
                // Too fast to begin with: that is a result too.
                best = best.or(Some(report));
                break;
            }
            rate *= factor;
            best = Some(report);
        }
    }
    best.ok_or(BenchError::Process)
}

fn report(rate: u32, hold: Duration, seen: &Seen) -> CallRateReport {
    let tally = &seen.tally;
    let (first, answer, offer) = (&tally.first_response, &tally.answer, &seen.delivery);
    let placing = tally.placing.as_secs_f64();
    let cores = seen.engine_cores();
    // The last call ends no interval.
    let per_second = if placing > 0.0 { tally.attempted.saturating_sub(1) as f64 / placing } else { 0.0 };
    let remembered = per_second * placing.min(REMEMBERED_SECS + hold.as_secs_f64());
    let grown = seen.resident_peak().saturating_sub(seen.resident_before) as f64;
    let mut report = CallRateReport {
        rate,
        attempted: tally.attempted,
        succeeded: tally.completed,
        failed: tally.refused.iter().map(|(status, count)| (status_name(*status), *count)).collect(),
        ended_by_engine: tally.ended_by_engine,
        bye_unanswered: tally.bye_unanswered,
        retransmitted: tally.retransmitted,
        calls_per_second: per_second,
        calls_per_second_per_core: None,
        first_response_ms_p50: first.quantile_ms(0.5),
        first_response_ms_p99: first.quantile_ms(0.99),
        first_response_ms_p999: first.quantile_ms(0.999),
        answer_ms_p50: answer.quantile_ms(0.5),
        answer_ms_p99: answer.quantile_ms(0.99),
        answer_ms_p999: answer.quantile_ms(0.999),
        late_ms_p99: tally.late.quantile_ms(0.99),
        agents_answered: seen.offers.answered,
        offer_ms_p50: offer.quantile_ms(0.5),
        offer_ms_p99: offer.quantile_ms(0.99),
        cpu_ms_per_call: seen.cpu_ms_per_call(),
        cpu_percent: cores.map(|cores| cores * 100.0),
        load_cpu_percent: seen.load_cpu_percent(),
        rss_per_call_bytes: cores.map(|_| grown / remembered.max(1.0)),
        packets: seen.packets,
    };
    report.calls_per_second_per_core =
        cores.filter(|_| report.is_good()).map(|cores| per_second / cores.max(1.0));
    report
}

impl CallRateReport {
    fn is_good(&self) -> bool {
        let in_time = self.answer_ms_p99.is_some_and(|ms| ms <= SET_UP_WITHIN.as_secs_f64() * 1e3);
        in_time && self.succeeded as f64 >= self.attempted as f64 * SUCCEED
    }
}

impl fmt::Display for CallRateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Call rate: {} calls per second asked for, {:.1} placed",
            self.rate, self.calls_per_second
        )?;
        writeln!(f, "  attempted           {}", self.attempted)?;
        writeln!(f, "  succeeded           {}", self.succeeded)?;
        for (status, count) in &self.failed {
            writeln!(f, "  failed              {count} with {status}")?;
        }
        if self.ended_by_engine + self.bye_unanswered + self.retransmitted > 0 {
            writeln!(
                f,
                "  besides             {} ended by the engine, {} BYEs unanswered, {} retransmissions",
                self.ended_by_engine, self.bye_unanswered, self.retransmitted
            )?;
        }
        let three = |p50, p99, p999| {
            format!("p50 {}, p99 {}, p99.9 {}", shown(p50, "ms"), shown(p99, "ms"), shown(p999, "ms"))
        };
        let first =
            three(self.first_response_ms_p50, self.first_response_ms_p99, self.first_response_ms_p999);
        writeln!(f, "  INVITE to response  {first}")?;
        let answer = three(self.answer_ms_p50, self.answer_ms_p99, self.answer_ms_p999);
        writeln!(f, "  INVITE to 200       {answer}")?;
        writeln!(f, "  of that our own     p99 {}", shown(self.late_ms_p99, "ms"))?;
        if self.offer_ms_p50.is_some() {
            let (p50, p99) = (shown(self.offer_ms_p50, "ms"), shown(self.offer_ms_p99, "ms"));
            writeln!(
                f,
                "  INVITE to an agent  p50 {p50}, p99 {p99}; {} answered by agents",
                self.agents_answered
            )?;
        }
        let per_core = self.calls_per_second_per_core.map_or_else(
            || "not known: calls failed, or p99 is above 50 ms".to_owned(),
            |rate| format!("{rate:.0} per second"),
        );
        writeln!(f, "  calls per core      {per_core}")?;
        writeln!(f, "  CPU per call        {}", shown(self.cpu_ms_per_call, "ms"))?;
        writeln!(f, "  CPU of the engine   {}", shown(self.cpu_percent, "% of one core"))?;
        writeln!(f, "  CPU of the load     {:.1} % of one core", self.load_cpu_percent)?;
        let kilobytes = self.rss_per_call_bytes.map(|bytes| bytes / 1024.0);
        writeln!(f, "  memory per call     {}", shown(kilobytes, "kB"))?;
        write!(f, "  RTP received        {} packets", self.packets)
    }
}
