//! Prompts that cut into the music of very many callers in the same second: are the packets on time while they do?

use super::engine::{Engine, Wanted};
use super::held_callers::{shown, wait_for_all};
use super::load::{Load, Plan};
use super::sinks::Sinks;
use super::{BenchError, raw};
use serde::Serialize;
use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Callers are moved to a queue with a welcome when they have waited so long. They came within a second, so they all hear
/// it within a second.
const PROMPT_AFTER: Duration = Duration::from_secs(12);
/// Before the prompts, as a yardstick.
const BEFORE: Duration = Duration::from_secs(4);

/// What to measure.
#[derive(Clone, Debug)]
pub struct PromptsSettings {
    /// Callers who hear a prompt in the same second.
    pub callers: usize,
    /// One JSON object instead of a table.
    pub json: bool,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct PromptsReport {
    /// Callers who waited.
    pub callers: usize,
    /// Within so many seconds they came, and heard their prompts.
    pub within_s: f64,
    /// Packets no later than 2 ms while they heard music only, 0 to 1.
    pub on_time_share_before: Option<f64>,
    /// The same in the seconds in which the prompts cut in.
    pub on_time_share: Option<f64>,
    /// Packets missing then, 0 to 1.
    pub loss_share: f64,
    /// |gap − 20 ms| then: of 99 in 100.
    pub jitter_ms_p99: Option<f64>,
    /// The worst.
    pub jitter_ms_max: f64,
    /// CPU of the engine then, moving the callers included, in percent of a core.
    pub cpu_percent: f64,
    /// CPU time of a plain `sendto`, from a socket per caller, in microseconds.
    pub raw_us_per_packet: f64,
}

/// Measures, prints, and returns what it printed. Blocks its thread all the while.
///
/// # Errors
/// See [`BenchError`].
pub fn prompts(settings: &PromptsSettings) -> Result<PromptsReport, BenchError> {
    measure(settings).inspect(|report| super::tell(report, settings.json))
}

fn measure(settings: &PromptsSettings) -> Result<PromptsReport, BenchError> {
    let callers = settings.callers.max(1);
    let sinks = Sinks::open(callers)?;
    let wanted = Wanted { prompt_after: Some(PROMPT_AFTER), ..Wanted::of(callers + 16) };
    let engine = Engine::start(&wanted)?;
    let raw = raw::measure(callers, &sinks.addresses, Duration::from_secs(1))?;
    let began = Instant::now();
    let load = Load::start(Plan::of(engine.sip, callers, callers as f64, &sinks))?;
    wait_for_all(&load, callers, u32::try_from(callers).unwrap_or(u32::MAX));
    let (within, held) = (began.elapsed(), load.held());
    if held == 0 {
        load.stop();
        let refused = load.finish()?.refused.into_iter().collect();
        return Err(BenchError::TooFew { held, wanted: callers, refused });
    }
    // Until shortly before the first of them has waited long enough.
    let first_prompt = began + PROMPT_AFTER;
    sleep((first_prompt - BEFORE).saturating_duration_since(Instant::now()));
    sinks.measure();
    sleep((first_prompt - Duration::from_millis(200)).saturating_duration_since(Instant::now()));
    let before = sinks.pause()?;
    sinks.measure();
    let (cpu, from) = (engine.cpu()?, Instant::now());
    sleep((first_prompt + within + Duration::from_millis(500)).saturating_duration_since(Instant::now()));
    let (cpu, span) = (engine.cpu()?.saturating_sub(cpu), from.elapsed());
    let during = sinks.pause()?;
    load.stop();
    load.finish()?;
    Ok(PromptsReport {
        callers: held,
        within_s: within.as_secs_f64(),
        on_time_share_before: before.on_time_share(),
        on_time_share: during.on_time_share(),
        loss_share: during.loss_share(),
        jitter_ms_p99: during.jitter.quantile_ms(0.99),
        jitter_ms_max: during.jitter.longest().as_secs_f64() * 1e3,
        cpu_percent: cpu.as_secs_f64() / span.as_secs_f64() * 100.0,
        raw_us_per_packet: raw.per_call_us,
    })
}

impl fmt::Display for PromptsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: Option<f64>| shown(share.map(|share| share * 100.0), "%");
        writeln!(f, "Prompts: {} callers hear one within {:.2} s", self.callers, self.within_s)?;
        writeln!(f, "  on time before      {}", percent(self.on_time_share_before))?;
        writeln!(f, "  on time meanwhile   {}", percent(self.on_time_share))?;
        writeln!(f, "  lost                {:.4} %", self.loss_share * 100.0)?;
        let p99 = shown(self.jitter_ms_p99, "ms");
        writeln!(f, "  jitter              p99 {p99}, max {:.3} ms", self.jitter_ms_max)?;
        write!(f, "  CPU of the engine   {:.1} % of one core", self.cpu_percent)
    }
}
