//! How many calls can be set up: calls per second, set-up latency, CPU per call.

use super::engine::{Engine, Wanted};
use super::held_callers::shown;
use super::histogram::Histogram;
use super::load::{CALLS_MAX, Load, Plan, Tally};
use super::message::Audio;
use super::phones::{Offers, Phones};
use super::sinks::Sinks;
use super::{BenchError, Target, status_name};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// After the last call was placed: hold, BYE, and whatever is still on its way.
const LAST_CALL: Duration = Duration::from_secs(35);

/// What to measure.
#[derive(Clone, Debug)]
pub struct CallRateSettings {
    /// Calls per second.
    pub rate: u32,
    /// For how long calls are placed.
    pub seconds: u64,
    /// From the answer to the BYE.
    pub hold: Duration,
    /// Simulated agents who answer at once; 0: the callers hear music until they hang up.
    pub agents: usize,
    /// The engine.
    pub target: Target,
    /// One JSON object instead of a table.
    pub json: bool,
}

impl Default for CallRateSettings {
    /// 50 calls a second for 20 s, each of one second, without agents.
    fn default() -> Self {
        let hold = Duration::from_secs(1);
        Self { rate: 50, seconds: 20, hold, agents: 0, target: Target::OwnEngine, json: false }
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
    /// INVITE to the first response: median, in milliseconds.
    pub first_response_ms_p50: Option<f64>,
    /// Of 99 in 100.
    pub first_response_ms_p99: Option<f64>,
    /// Of 999 in 1000.
    pub first_response_ms_p999: Option<f64>,
    /// INVITE to 200: median, in milliseconds.
    pub answer_ms_p50: Option<f64>,
    /// Of 99 in 100.
    pub answer_ms_p99: Option<f64>,
    /// Of 999 in 1000.
    pub answer_ms_p999: Option<f64>,
    /// Calls that simulated agents answered.
    pub agents_answered: u64,
    /// The caller's INVITE to the INVITE at an agent's phone, waiting for a free one included: median, in milliseconds.
    pub offer_ms_p50: Option<f64>,
    /// Of 99 in 100.
    pub offer_ms_p99: Option<f64>,
    /// CPU time of the engine per call, in milliseconds, its music included.
    pub cpu_ms_per_call: Option<f64>,
    /// RTP packets received.
    pub packets: u64,
}

/// Measures, prints, and returns what it printed. Blocks its thread all the while.
///
/// # Errors
/// See [`BenchError`].
pub fn call_rate(settings: &CallRateSettings) -> Result<CallRateReport, BenchError> {
    measure(settings).inspect(|report| super::tell(report, settings.json))
}

fn measure(settings: &CallRateSettings) -> Result<CallRateReport, BenchError> {
    let at_once = (f64::from(settings.rate) * (settings.hold.as_secs_f64() + 2.0)) as usize;
    let sinks = Sinks::open(at_once * if settings.agents > 0 { 2 } else { 1 })?;
    let phones = Phones::start(sinks.addresses.clone(), Audio::PLAIN, None)?;
    let (engine, server) = match settings.target {
        Target::OwnEngine => {
            let agents = (settings.agents > 0).then_some((phones.address, settings.agents));
            let engine = Engine::start(&Wanted { agents, ..Wanted::of(at_once * 2 + 64) })?;
            let sip = engine.sip;
            (Some(engine), sip)
        }
        Target::Running(sip) => (None, sip),
    };
    let count = u64::from(settings.rate).saturating_mul(settings.seconds);
    let count = usize::try_from(count).unwrap_or(CALLS_MAX).min(CALLS_MAX);
    let before = engine.as_ref().map(Engine::cpu).transpose()?;
    sinks.measure();
    let per_second = f64::from(settings.rate.max(1));
    let hold = Some(settings.hold);
    let load = Load::start(Plan { hold, ..Plan::of(server, count, per_second, &sinks) })?;
    let deadline = Instant::now() + Duration::from_secs(settings.seconds) + settings.hold + LAST_CALL;
    while !load.is_finished() && Instant::now() < deadline {
        sleep(Duration::from_millis(20));
    }
    load.stop();
    let tally = load.finish()?;
    let after = engine.as_ref().map(Engine::cpu).transpose()?;
    let cpu = after.zip(before).map(|(after, before)| after.saturating_sub(before));
    let packets = sinks.pause()?.packets;
    drop(engine);
    let offers = phones.finish()?;
    Ok(report(settings.rate, &tally, &offers, cpu, packets))
}

/// From each caller's INVITE to that at an agent's phone.
fn offer_latency(tally: &Tally, offers: &Offers) -> Histogram {
    let mut latency = Histogram::default();
    for (caller, at) in &offers.offered {
        if let Some(placed) = tally.placed_at.get(*caller) {
            latency.add(at.saturating_duration_since(*placed));
        }
    }
    latency
}

fn report(rate: u32, tally: &Tally, offers: &Offers, cpu: Option<Duration>, packets: u64) -> CallRateReport {
    let (first, answer, offer) = (&tally.first_response, &tally.answer, offer_latency(tally, offers));
    let placing = tally.placing.as_secs_f64();
    CallRateReport {
        rate,
        attempted: tally.attempted,
        succeeded: tally.completed,
        failed: tally.refused.iter().map(|(status, count)| (status_name(*status), *count)).collect(),
        ended_by_engine: tally.ended_by_engine,
        bye_unanswered: tally.bye_unanswered,
        retransmitted: tally.retransmitted,
        // The last call ends no interval.
        calls_per_second: if placing > 0.0 {
            tally.attempted.saturating_sub(1) as f64 / placing
        } else {
            0.0
        },
        first_response_ms_p50: first.quantile_ms(0.5),
        first_response_ms_p99: first.quantile_ms(0.99),
        first_response_ms_p999: first.quantile_ms(0.999),
        answer_ms_p50: answer.quantile_ms(0.5),
        answer_ms_p99: answer.quantile_ms(0.99),
        answer_ms_p999: answer.quantile_ms(0.999),
        agents_answered: offers.answered,
        offer_ms_p50: offer.quantile_ms(0.5),
        offer_ms_p99: offer.quantile_ms(0.99),
        cpu_ms_per_call: cpu.map(|cpu| cpu.as_secs_f64() * 1e3 / tally.attempted.max(1) as f64),
        packets,
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
        if self.offer_ms_p50.is_some() {
            let (p50, p99) = (shown(self.offer_ms_p50, "ms"), shown(self.offer_ms_p99, "ms"));
            writeln!(
                f,
                "  INVITE to an agent  p50 {p50}, p99 {p99}; {} answered by agents",
                self.agents_answered
            )?;
        }
        writeln!(f, "  CPU per call        {}", shown(self.cpu_ms_per_call, "ms"))?;
        write!(f, "  RTP received        {} packets", self.packets)
    }
}
