//! How many callers can be held on music: packets per second, loss, jitter, CPU per packet, memory per caller.

use super::engine::{Engine, Wanted};
use super::histogram::Histogram;
use super::load::{Load, Plan, Tally};
use super::message::Audio;
use super::raw::{self, Raw};
use super::sinks::{Received, Sinks};
use super::{BenchError, Target};
use nix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::fmt;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Sound flows this long before it counts: streams find their grid, the engine's memory its size.
const WARM_UP: Duration = Duration::from_secs(2);
/// The plain `sendto` is measured for so long.
const RAW: Duration = Duration::from_secs(1);
/// The share of packets that must be on time, within 2 ms.
const ON_TIME_WANTED: f64 = 0.999;
/// A search goes on by so many callers, up to so many: two descriptors for each.
const STEP: usize = 500;
const CALLERS_MAX: usize = 9_500;
/// How long callers may take to be answered after the last was placed.
const LAST_ANSWER: Duration = Duration::from_secs(10);

/// What to measure.
#[derive(Clone, Debug)]
pub struct HeldCallersSettings {
    /// Callers at once.
    pub callers: usize,
    /// How long it is measured, once all wait.
    pub seconds: u64,
    /// How many callers a second arrive until all are there.
    pub ramp_per_second: u32,
    /// More and more callers, until fewer than 999 of 1000 packets are on time; begins with `callers`.
    pub search: bool,
    /// SRTP.
    pub srtp: bool,
    /// The engine.
    pub target: Target,
    /// One JSON object instead of a table.
    pub json: bool,
}

impl Default for HeldCallersSettings {
    /// 500 callers for 20 s, 100 a second.
    fn default() -> Self {
        let (search, srtp, target) = (false, false, Target::OwnEngine);
        Self { callers: 500, seconds: 20, ramp_per_second: 100, search, srtp, target, json: false }
    }
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct HeldCallersReport {
    /// Callers who waited all the while.
    pub held_callers: usize,
    /// How many a core of the engine carries, 999 of 1000 packets on time: `held_callers`, by the cores' worth of CPU
    /// time that the whole engine used if that was more than one (it has one media worker). Not known when they were not
    /// on time.
    pub held_callers_per_core: Option<f64>,
    /// Seconds measured.
    pub seconds: f64,
    /// RTP packets received per second, all callers together.
    pub packets_per_second: f64,
    /// Packets missing by their sequence numbers, 0 to 1.
    pub loss_share: f64,
    /// Packets the benchmark's own sockets had no room for; contained in the loss.
    pub dropped_by_bench: u64,
    /// |gap − 20 ms| of neighbouring packets, by the kernel's time of arrival: median.
    pub jitter_ms_p50: Option<f64>,
    /// Of 99 in 100.
    pub jitter_ms_p99: Option<f64>,
    /// Of 999 in 1000.
    pub jitter_ms_p999: Option<f64>,
    /// The worst.
    pub jitter_ms_max: f64,
    /// The share of packets no later than 2 ms after their time on their stream's 20 ms grid, 0 to 1.
    pub on_time_share: Option<f64>,
    /// CPU time of the engine per packet sent, in microseconds; everything else it did meanwhile included.
    pub cpu_us_per_packet: Option<f64>,
    /// CPU time of a plain `sendto` of such a packet on this machine, from a socket of its own for each caller, a packet
    /// every 20 ms from each, in microseconds.
    pub raw_us_per_packet: f64,
    /// The same from one socket, as fast as it goes.
    pub raw_hot_us_per_packet: f64,
    /// The former by the latter.
    pub ratio_to_raw: Option<f64>,
    /// How many of one core's hundred percent the engine used.
    pub cpu_percent: Option<f64>,
    /// The same of the benchmark itself, which shares the machine with it.
    pub load_cpu_percent: f64,
    /// Resident memory per caller, in bytes.
    pub rss_per_caller_bytes: Option<f64>,
    /// Resident memory of the engine with all callers, in bytes.
    pub rss_bytes: Option<u64>,
    /// INVITE to 200 while they arrived: median, in milliseconds.
    pub setup_ms_p50: Option<f64>,
    /// Of 99 in 100.
    pub setup_ms_p99: Option<f64>,
    /// Calls that were not answered.
    pub refused: u64,
}

/// Measures, prints, and returns what it printed. Blocks its thread all the while.
///
/// # Errors
/// See [`BenchError`].
pub fn held_callers(settings: &HeldCallersSettings) -> Result<HeldCallersReport, BenchError> {
    measure(settings).inspect(|report| super::tell(report, settings.json))
}

fn measure(settings: &HeldCallersSettings) -> Result<HeldCallersReport, BenchError> {
    let most = if settings.search { CALLERS_MAX.max(settings.callers) } else { settings.callers };
    let sinks = Sinks::open(most)?;
    let (engine, server) = match settings.target {
        Target::OwnEngine => {
            let engine = Engine::start(&Wanted { srtp: settings.srtp, ..Wanted::of(most + 16) })?;
            let sip = engine.sip;
            (Some(engine), sip)
        }
        Target::Running(sip) => (None, sip),
    };
    let rss_before = engine.as_ref().map(Engine::resident_bytes).transpose()?;
    let mut run = Run { settings, sinks, engine, server, rss_before, loads: Vec::new() };
    // While the engine is up and idle: the same machine in the same minute.
    let raw = raw::measure(settings.callers, &run.sinks.addresses, RAW)?;
    run.call(settings.callers)?;
    let mut best = run.measure(raw)?;
    while settings.search && best.is_on_time() && best.held_callers + STEP <= most {
        run.call(STEP)?;
        // A disturbance from elsewhere is not the engine's limit: one more chance.
        let more = match run.measure(raw)? {
            late if !late.is_on_time() => run.measure(raw)?,
            more => more,
        };
        if !more.is_on_time() {
            break;
        }
        best = more;
    }
    let mut setup = Histogram::default();
    run.hang_up()?.iter().for_each(|tally| setup.merge(&tally.answer));
    (best.setup_ms_p50, best.setup_ms_p99) = (setup.quantile_ms(0.5), setup.quantile_ms(0.99));
    Ok(best)
}

/// An engine, and callers who wait.
struct Run<'a> {
    settings: &'a HeldCallersSettings,
    sinks: Sinks,
    engine: Option<Engine>,
    server: SocketAddr,
    rss_before: Option<u64>,
    loads: Vec<Load>,
}

impl Run<'_> {
    /// So many callers more, and time for them to find their place.
    fn call(&mut self, count: usize) -> Result<(), BenchError> {
        let audio = Audio { srtp: self.settings.srtp, ..Audio::PLAIN };
        let per_second = f64::from(self.settings.ramp_per_second.max(1));
        let load = Load::start(Plan { audio, ..Plan::of(self.server, count, per_second, &self.sinks) })?;
        wait_for_all(&load, count, self.settings.ramp_per_second);
        self.loads.push(load);
        sleep(WARM_UP);
        Ok(())
    }

    fn held(&self) -> usize {
        self.loads.iter().map(Load::held).sum()
    }

    fn measure(&mut self, raw: Raw) -> Result<HeldCallersReport, BenchError> {
        let engine = self.engine.as_ref();
        let before = engine.map(Engine::cpu).transpose()?;
        let (held_before, own_before) = (self.held(), own_cpu()?);
        self.sinks.measure();
        let began = Instant::now();
        sleep(Duration::from_secs(self.settings.seconds));
        let held = self.held().min(held_before);
        let span = began.elapsed();
        let after = engine.map(Engine::cpu).transpose()?;
        let own = own_cpu()?.saturating_sub(own_before);
        let received = self.sinks.pause()?;
        let rss = engine.map(Engine::resident_bytes).transpose()?;
        let wanted = self.settings.callers;
        if held == 0 {
            let tallies = self.hang_up()?;
            let refused = tallies.into_iter().flat_map(|tally| tally.refused).collect();
            return Err(BenchError::TooFew { held, wanted, refused });
        }
        let cpu = after.zip(before).map(|(after, before)| after.saturating_sub(before));
        let memory = rss.zip(self.rss_before);
        let refused = self.loads.iter().map(Load::over).sum::<usize>() as u64;
        let mut report = report(held, span, &received, cpu, memory, raw);
        report.refused = refused;
        report.load_cpu_percent = own.as_secs_f64() / span.as_secs_f64() * 100.0;
        Ok(report)
    }

    fn hang_up(&mut self) -> Result<Vec<Tally>, BenchError> {
        self.loads.iter().for_each(Load::stop);
        let tallies = self.loads.drain(..).map(Load::finish).collect::<Result<_, _>>()?;
        Ok(tallies)
    }
}

/// CPU time of this process so far.
pub(super) fn own_cpu() -> Result<Duration, BenchError> {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_err(std::io::Error::from)?;
    Ok(time.into())
}

/// Until all are answered or refused, or the last has had time enough.
pub(super) fn wait_for_all(load: &Load, callers: usize, ramp_per_second: u32) {
    let ramp = Duration::from_secs_f64(callers as f64 / f64::from(ramp_per_second.max(1)));
    let deadline = Instant::now() + ramp + LAST_ANSWER;
    while load.held() + load.over() < callers && Instant::now() < deadline && !load.is_finished() {
        sleep(Duration::from_millis(20));
    }
}

fn report(
    held: usize,
    span: Duration,
    received: &Received,
    cpu: Option<Duration>,
    memory: Option<(u64, u64)>,
    raw: Raw,
) -> HeldCallersReport {
    // What our own sockets had no room for was sent all the same.
    let sent = (received.packets + received.dropped_here).max(1) as f64;
    let cores = cpu.map(|cpu| cpu.as_secs_f64() / span.as_secs_f64());
    let on_time = received.on_time_share().is_some_and(|share| share >= ON_TIME_WANTED);
    let cpu_us_per_packet = cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / sent);
    HeldCallersReport {
        held_callers: held,
        held_callers_per_core: cores.filter(|_| on_time).map(|cores| held as f64 / cores.max(1.0)),
        seconds: span.as_secs_f64(),
        packets_per_second: received.packets as f64 / span.as_secs_f64(),
        loss_share: received.loss_share(),
        dropped_by_bench: received.dropped_here,
        jitter_ms_p50: received.jitter.quantile_ms(0.5),
        jitter_ms_p99: received.jitter.quantile_ms(0.99),
        jitter_ms_p999: received.jitter.quantile_ms(0.999),
        jitter_ms_max: received.jitter.longest().as_secs_f64() * 1e3,
        on_time_share: received.on_time_share(),
        cpu_us_per_packet,
        raw_us_per_packet: raw.per_call_us,
        raw_hot_us_per_packet: raw.hot_us,
        ratio_to_raw: cpu_us_per_packet.map(|cpu| cpu / raw.per_call_us),
        cpu_percent: cores.map(|cores| cores * 100.0),
        load_cpu_percent: 0.0,
        rss_per_caller_bytes: memory.map(|(with, without)| with.saturating_sub(without) as f64 / held as f64),
        rss_bytes: memory.map(|(with, _)| with),
        setup_ms_p50: None,
        setup_ms_p99: None,
        refused: 0,
    }
}

/// A figure, or that there is none.
pub(super) fn shown(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(|| "not known".to_owned(), |value| format!("{value:.3} {unit}"))
}

impl HeldCallersReport {
    fn is_on_time(&self) -> bool {
        self.on_time_share.is_some_and(|share| share >= ON_TIME_WANTED)
    }
}

impl fmt::Display for HeldCallersReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Held callers: {} on hold music, measured for {:.0} s", self.held_callers, self.seconds)?;
        writeln!(f, "  packets             {:.0} per second", self.packets_per_second)?;
        write!(f, "  lost                {:.4} %", self.loss_share * 100.0)?;
        match self.dropped_by_bench {
            0 => writeln!(f)?,
            dropped => writeln!(f, " ({dropped} of them dropped by the benchmark's own sockets)")?,
        }
        writeln!(
            f,
            "  jitter              p50 {}, p99 {}, p99.9 {}, max {:.3} ms",
            shown(self.jitter_ms_p50, "ms"),
            shown(self.jitter_ms_p99, "ms"),
            shown(self.jitter_ms_p999, "ms"),
            self.jitter_ms_max
        )?;
        let on_time = self.on_time_share.map(|share| share * 100.0);
        writeln!(f, "  on time (2 ms)      {}", shown(on_time, "%"))?;
        writeln!(f, "  CPU per packet      {}", shown(self.cpu_us_per_packet, "µs"))?;
        writeln!(
            f,
            "  plain sendto        {:.3} µs from a socket per caller, {:.3} µs from one socket",
            self.raw_us_per_packet, self.raw_hot_us_per_packet
        )?;
        writeln!(f, "  ratio               {}", shown(self.ratio_to_raw, "times the plain sendto"))?;
        writeln!(f, "  CPU of the engine   {}", shown(self.cpu_percent, "% of one core"))?;
        writeln!(f, "  CPU of the load     {:.3} % of one core", self.load_cpu_percent)?;
        let per_core =
            self.held_callers_per_core.map_or("not known: not on time".to_owned(), |n| format!("{n:.0}"));
        writeln!(f, "  callers per core    {per_core}")?;
        let kilobytes = self.rss_per_caller_bytes.map(|bytes| bytes / 1024.0);
        writeln!(f, "  memory per caller   {}", shown(kilobytes, "kB"))?;
        write!(
            f,
            "  set-up              p50 {}, p99 {}; {} refused",
            shown(self.setup_ms_p50, "ms"),
            shown(self.setup_ms_p99, "ms"),
            self.refused
        )
    }
}
