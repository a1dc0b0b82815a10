//! Callers who talk with agents: what a call costs when packets are relayed, and when they are transcoded, and how much
//! delay and jitter the engine adds. Both ends are the benchmark's.

use super::engine::{Engine, Wanted};
use super::held_callers::{own_cpu, shown, wait_for_all};
use super::load::{Load, Plan};
use super::message::Audio;
use super::phones::{Manner, Phones};
use super::sinks::Sinks;
use super::talkers::{Ears, Talk, Talkers};
use super::{BenchError, raw};
use crate::media::Codec;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// Sound flows this long before it counts: jitter buffers find their depth.
const WARM_UP: Duration = Duration::from_secs(4);
const RAW: Duration = Duration::from_secs(1);
const RAMP_PER_SECOND: u32 = 50;

/// What to measure.
#[derive(Clone, Debug)]
pub struct BridgedCallsSettings {
    /// Calls at once.
    pub calls: usize,
    /// What callers speak, and what agents speak.
    pub pair: (Codec, Codec),
    /// Whether they are recorded.
    pub recording: bool,
    /// Whether both sides encrypt (SRTP, AES_CM_128_HMAC_SHA1_80).
    pub srtp: bool,
    /// How long it is measured, once all talk.
    pub seconds: u64,
    /// One JSON object instead of a table.
    pub json: bool,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct BridgedCallsReport {
    /// Calls that stood all the while.
    pub bridged_calls: usize,
    /// What callers and agents speak.
    pub pair: String,
    /// Whether they were recorded.
    pub recording: bool,
    /// Whether both sides encrypted.
    pub srtp: bool,
    /// Seconds measured.
    pub seconds: f64,
    /// RTP packets that came out of the engine per second; 100 for each call.
    pub packets_per_second: f64,
    /// Packets missing by their sequence numbers, 0 to 1.
    pub loss_share: f64,
    /// CPU of the engine, in percent of one core.
    pub cpu_percent: f64,
    /// Calls by cores' worth of the engine's CPU time: what a core would carry if cost grew with the number of calls.
    pub calls_per_core_by_cpu: f64,
    /// CPU time of the engine for a packet received and one sent, in microseconds.
    pub cpu_us_per_packet: f64,
    /// CPU time of a plain `sendto`, from a socket per leg, in microseconds.
    pub raw_us_per_packet: f64,
    /// From one phone to the other, packets' own 20 ms and codecs included where sound is decoded: median, in milliseconds.
    pub added_delay_ms_p50: Option<f64>,
    /// Of 99 in 100.
    pub added_delay_ms_p99: Option<f64>,
    /// |gap − 20 ms| of neighbouring packets: median. That of the benchmark's own sending is contained in it where packets
    /// are relayed.
    pub jitter_ms_p50: Option<f64>,
    /// Of 99 in 100.
    pub jitter_ms_p99: Option<f64>,
    /// CPU of the benchmark, in percent of one core.
    pub load_cpu_percent: f64,
    /// Resident memory of the engine per call, in bytes.
    pub rss_per_call_bytes: f64,
}

/// Measures, prints, and returns what it printed. Blocks its thread all the while.
///
/// # Errors
/// See [`BenchError`].
pub fn bridged_calls(settings: &BridgedCallsSettings) -> Result<BridgedCallsReport, BenchError> {
    measure(settings).inspect(|report| super::tell(report, settings.json))
}

fn measure(settings: &BridgedCallsSettings) -> Result<BridgedCallsReport, BenchError> {
    let (calls, (caller_codec, agent_codec)) = (settings.calls.max(1), settings.pair);
    let ears = Arc::new(Ears::default());
    let sinks = Sinks::open_with(calls * 2, Some(ears.listener()))?;
    let talkers = Talkers::start(sinks.sockets.clone(), Arc::clone(&ears))?;
    let (agents_tell, agents) = channel();
    let (callers_tell, callers) = channel();
    let audio = |codec| Audio { codec, srtp: settings.srtp, ..Audio::PLAIN };
    let manner = Manner { answered: Some(agents_tell), ..Manner::default() };
    let phones = Phones::start(sinks.addresses.clone(), audio(agent_codec), manner)?;
    let engine = Engine::start(&Wanted {
        agents: Some((phones.address, calls)),
        codecs: Codec::ALL.to_vec(),
        recording: settings.recording,
        srtp: settings.srtp,
        ..Wanted::of(calls + 16)
    })?;
    let raw = raw::measure(calls * 2, &sinks.addresses, RAW)?;
    let rss_before = engine.resident_bytes()?;
    let sockets = sinks.addresses.len().max(1);
    let begin = talkers.begin.clone();
    let introducing = thread::Builder::new().name("introducing".into()).spawn({
        let begin = begin.clone();
        move || {
            for (caller, _, far) in agents {
                let _ = begin.send(Talk { caller, socket: caller % sockets, far, codec: agent_codec });
            }
        }
    })?;
    let introducing_callers = thread::Builder::new().name("introducing".into()).spawn(move || {
        for (caller, far) in callers {
            let _ = begin.send(Talk { caller, socket: caller % sockets, far, codec: caller_codec });
        }
    })?;
    let plan = Plan::of(engine.sip, calls, f64::from(RAMP_PER_SECOND), &sinks);
    let load = Load::start(Plan { audio: audio(caller_codec), answered: Some(callers_tell), ..plan })?;
    wait_for_all(&load, calls, RAMP_PER_SECOND);
    sleep(WARM_UP);

    let (cpu, own, held_before) = (engine.cpu()?, own_cpu()?, load.held());
    sinks.measure();
    ears.measure();
    let began = Instant::now();
    sleep(Duration::from_secs(settings.seconds));
    let (cpu, own) = (engine.cpu()?.saturating_sub(cpu), own_cpu()?.saturating_sub(own));
    let (span, held) = (began.elapsed(), load.held().min(held_before));
    let (received, delays, rss) = (sinks.pause()?, ears.delays(), engine.resident_bytes()?);

    drop(talkers);
    load.stop();
    let tally = load.finish()?;
    drop(engine);
    phones.finish()?;
    // Their channels have ended with those who tell.
    let _ = (introducing.join(), introducing_callers.join());
    if held == 0 {
        let refused = tally.refused.into_iter().collect();
        return Err(BenchError::TooFew { held, wanted: calls, refused });
    }
    let cores = cpu.as_secs_f64() / span.as_secs_f64();
    Ok(BridgedCallsReport {
        bridged_calls: held,
        pair: format!("{caller_codec}:{agent_codec}").to_lowercase(),
        recording: settings.recording,
        srtp: settings.srtp,
        seconds: span.as_secs_f64(),
        packets_per_second: received.packets as f64 / span.as_secs_f64(),
        loss_share: received.loss_share(),
        cpu_percent: cores * 100.0,
        calls_per_core_by_cpu: held as f64 / cores.max(1e-3),
        cpu_us_per_packet: cpu.as_secs_f64() * 1e6 / received.packets.max(1) as f64,
        raw_us_per_packet: raw.per_call_us,
        added_delay_ms_p50: delays.quantile_ms(0.5),
        added_delay_ms_p99: delays.quantile_ms(0.99),
        jitter_ms_p50: received.jitter.quantile_ms(0.5),
        jitter_ms_p99: received.jitter.quantile_ms(0.99),
        load_cpu_percent: own.as_secs_f64() / span.as_secs_f64() * 100.0,
        rss_per_call_bytes: rss.saturating_sub(rss_before) as f64 / held as f64,
    })
}

impl fmt::Display for BridgedCallsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recorded = if self.recording { ", recorded" } else { "" };
        let encrypted = if self.srtp { ", encrypted" } else { "" };
        writeln!(
            f,
            "Bridged calls: {} of {}{encrypted}{recorded}, for {:.0} s",
            self.bridged_calls, self.pair, self.seconds
        )?;
        writeln!(f, "  packets             {:.0} per second", self.packets_per_second)?;
        writeln!(f, "  lost                {:.4} %", self.loss_share * 100.0)?;
        let (p50, p99) = (self.added_delay_ms_p50, self.added_delay_ms_p99);
        writeln!(f, "  added delay         p50 {}, p99 {}", shown(p50, "ms"), shown(p99, "ms"))?;
        let (p50, p99) = (self.jitter_ms_p50, self.jitter_ms_p99);
        writeln!(f, "  jitter              p50 {}, p99 {}", shown(p50, "ms"), shown(p99, "ms"))?;
        writeln!(f, "  CPU per packet      {:.3} µs, in and out", self.cpu_us_per_packet)?;
        writeln!(f, "  plain sendto        {:.3} µs from a socket per leg", self.raw_us_per_packet)?;
        writeln!(f, "  CPU of the engine   {:.1} % of one core", self.cpu_percent)?;
        writeln!(f, "  calls per core      {:.0}, by CPU", self.calls_per_core_by_cpu)?;
        writeln!(f, "  CPU of the load     {:.1} % of one core", self.load_cpu_percent)?;
        write!(f, "  memory per call     {:.1} kB", self.rss_per_call_bytes / 1024.0)
    }
}
