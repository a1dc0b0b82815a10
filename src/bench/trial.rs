//! One run of calls: an engine, agents' phones, callers in processes of their own; and what was seen of them. What it means is
//! for others to say.

use super::engine::{Engine, Wanted};
use super::forger::{self, Flood, Forged};
use super::generators::Generators;
use super::held_callers::own_cpu;
use super::histogram::Histogram;
use super::load::{CALLS_MAX, Plan, Tally, due_after};
use super::message::Audio;
use super::phones::{Manner, Offers, Phones};
use super::process::Process;
use super::sinks::Sinks;
use super::{BenchError, Target, post};
use std::time::Duration;

/// RTP of so many callers is read; the others' goes to the same sockets.
const STREAMS_MAX: usize = 8_192;

/// What is to be run.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    /// Calls per second.
    pub rate: f64,
    pub seconds: f64,
    /// From the answer to the caller's BYE.
    pub hold: Duration,
    /// Agents who answer at once; 0: callers wait until they hang up.
    pub agents: usize,
    /// After so long an agent hangs up; `None`: callers do.
    pub talk: Option<Duration>,
    /// Idle time of agents counts so long after the first call.
    pub idle_after: Duration,
    /// Callers who want to hear nothing.
    pub silent: bool,
    /// Processes that call; 0: a thread of this one.
    pub processes: usize,
    /// The engine has one core, the callers have the others.
    pub one_core: bool,
    /// Forged requests per second beside the calls, and how long after the first call they begin.
    pub forged: Option<(f64, Duration)>,
    pub target: Target,
}

impl Trial {
    /// Callers without agents, who hear music.
    pub fn of(rate: f64, seconds: f64, hold: Duration) -> Trial {
        Trial {
            rate,
            seconds,
            hold,
            agents: 0,
            talk: None,
            idle_after: Duration::ZERO,
            silent: false,
            processes: 2,
            one_core: false,
            forged: None,
            target: Target::OwnEngine,
        }
    }
}

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub tally: Tally,
    pub offers: Offers,
    /// From when each caller's INVITE was due to the INVITE at an agent's phone.
    pub delivery: Histogram,
    /// CPU time of the engine, from before the first call until all were over.
    pub engine_cpu: Option<Duration>,
    /// CPU time of this process and those that called.
    pub load_cpu: Duration,
    /// From the first call to the end of the last.
    pub span: Duration,
    /// Resident memory of the engine: before the first call, and from time to time after, since then.
    pub resident_before: u64,
    pub resident: Vec<(Duration, u64)>,
    /// RTP packets received.
    pub packets: u64,
    pub forged: Forged,
}

impl Seen {
    /// Cores' worth of CPU time that the engine used.
    pub fn engine_cores(&self) -> Option<f64> {
        self.engine_cpu.map(|cpu| cpu.as_secs_f64() / self.span.as_secs_f64().max(1e-3))
    }

    /// CPU time of the engine per call, in milliseconds.
    pub fn cpu_ms_per_call(&self) -> Option<f64> {
        self.engine_cpu.map(|cpu| cpu.as_secs_f64() * 1e3 / self.tally.attempted.max(1) as f64)
    }

    /// The load's CPU time, in percent of one core.
    pub fn load_cpu_percent(&self) -> f64 {
        self.load_cpu.as_secs_f64() * 100.0 / self.span.as_secs_f64().max(1e-3)
    }

    /// The most resident memory that was seen.
    pub fn resident_peak(&self) -> u64 {
        self.resident.iter().map(|(_, bytes)| *bytes).max().unwrap_or(self.resident_before)
    }
}

/// Runs it.
pub(super) fn run(trial: &Trial) -> Result<Seen, BenchError> {
    let count = ((trial.rate * trial.seconds) as usize).clamp(1, CALLS_MAX);
    let at_once = (trial.rate * (trial.hold.as_secs_f64() + 2.0)) as usize;
    let sinks = Sinks::open(if trial.silent { 1 } else { (at_once * 2).min(STREAMS_MAX) })?;
    let idle_from = post::now() + trial.idle_after;
    let manner = Manner { talk: trial.talk, idle_from, ..Manner::default() };
    let phones = Phones::start(sinks.addresses.clone(), Audio::PLAIN, manner)?;
    let (engine, server) = match trial.target {
        Target::OwnEngine => {
            let agents = (trial.agents > 0).then_some((phones.address, trial.agents));
            let wanted = Wanted { agents, one_core: trial.one_core, ..Wanted::of(at_once * 2 + 64) };
            let engine = Engine::start(&wanted)?;
            let sip = engine.sip;
            (Some(engine), sip)
        }
        Target::Running(sip) => (None, sip),
    };
    let resident_before = engine.as_ref().map(Engine::resident_bytes).transpose()?.unwrap_or_default();
    let (cpu_before, own_before) = (engine.as_ref().map(Engine::cpu).transpose()?, own_cpu()?);
    sinks.measure();
    let audio = Audio { deaf: trial.silent, ..Audio::PLAIN };
    let plan = Plan { hold: Some(trial.hold), audio, ..Plan::of(server, count, trial.rate, &sinks) };
    let generators = Generators::start(plan, trial.processes)?;
    let begin = generators.begin;
    let flood = trial.forged.map(|(per_second, calm)| {
        let count = per_second * (trial.seconds - calm.as_secs_f64()).max(0.0);
        let flood = Flood { server, per_second, count: count as usize, begin: begin + calm };
        Process::start(forger::NAME, &flood)
    });
    let flood = flood.transpose()?;
    let mut resident = Vec::new();
    let tally = generators.finish(|now| {
        if let Some(bytes) = engine.as_ref().and_then(|engine| engine.resident_bytes().ok()) {
            resident.push((now.saturating_sub(begin), bytes));
        }
    })?;
    let span = post::now().saturating_sub(begin);
    let cpu_after = engine.as_ref().map(Engine::cpu).transpose()?;
    let forged: Forged = flood.map(Process::finish).transpose()?.unwrap_or_default();
    let load_cpu = own_cpu()?.saturating_sub(own_before) + tally.cpu + forged.cpu;
    let packets = sinks.pause()?.packets;
    drop(engine);
    let offers = phones.finish()?;
    let mut delivery = Histogram::default();
    for (caller, at) in &offers.offered {
        delivery.add(at.saturating_sub(begin + due_after(*caller, trial.rate)));
    }
    let engine_cpu = cpu_after.zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
    Ok(Seen {
        tally,
        offers,
        delivery,
        engine_cpu,
        load_cpu,
        span,
        resident_before,
        resident,
        packets,
        forged,
    })
}
