//! The engine as a process of its own: a temporary configuration, a start, a look at `/proc`, an end.

use crate::media::Codec;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const READY_WITHIN: Duration = Duration::from_secs(30);
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// Below the ports the system hands out by itself (32768 and up), so that nobody is in the way.
const MEDIA_PORTS: &str = "10000-32767";
/// What the callers of the benchmark dial.
pub(super) const NUMBER: &str = "4001";

/// Why there is no engine to measure.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The temporary folder, the configuration or the process.
    #[error("the engine cannot be started: {0}")]
    Start(#[from] io::Error),
    /// The hold music of the benchmark can't be written.
    #[error("the benchmark's music cannot be written: {0}")]
    Music(String),
    /// It ended by itself.
    #[error("the engine ended before it was ready ({status}):\n{log}")]
    Ended {
        /// Its exit status.
        status: String,
        /// The end of what it wrote.
        log: String,
    },
    /// Not ready in time.
    #[error("the engine was not ready within {} s:\n{log}", READY_WITHIN.as_secs())]
    NotReady {
        /// The end of what it wrote.
        log: String,
    },
}

/// What the engine of a benchmark has to carry.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub calls_max: usize,
    /// Where the simulated agents' phones listen, and how many agents share that address.
    pub agents: Option<(SocketAddr, usize)>,
    /// What it can speak.
    pub codecs: Vec<Codec>,
    pub srtp: bool,
    /// Whether conversations are recorded.
    pub recording: bool,
    /// After so long callers go to another queue, whose welcome cuts into the music.
    pub prompt_after: Option<Duration>,
    /// Files of music, and how many seconds each has.
    pub music: (usize, u32),
    /// It has one core of this machine for itself, and whoever starts it the others.
    pub one_core: bool,
}

impl Wanted {
    /// G.711, half a minute of music, nothing else.
    pub fn of(calls_max: usize) -> Wanted {
        let codecs = vec![Codec::Pcmu, Codec::Pcma];
        Wanted {
            calls_max,
            agents: None,
            codecs,
            srtp: false,
            recording: false,
            prompt_after: None,
            music: (1, 30),
            one_core: false,
        }
    }
}

/// The running engine. Ended when dropped.
pub(super) struct Engine {
    child: Child,
    pub sip: SocketAddr,
    /// From the start of the process until it was ready.
    pub started_in: Duration,
    folder: PathBuf,
    /// The cores this thread may use again once the engine is gone.
    cores: Option<CpuSet>,
}

impl Engine {
    /// Starts `current_exe() run` with a configuration of its own, and waits until it is ready.
    pub fn start(wanted: &Wanted) -> Result<Engine, EngineError> {
        let folder = temporary_folder()?;
        let (sip, http) = (free_udp_port()?, free_tcp_port()?);
        write_sounds(&folder, wanted)?;
        let config = folder.join("bench.toml");
        fs::write(&config, configuration(&folder, sip, http, wanted))?;
        let log = fs::File::create(folder.join("engine.log"))?;
        let began = Instant::now();
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("run").arg("--config").arg(&config);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let cores = wanted.one_core.then(|| sched_getaffinity(Pid::from_raw(0))).transpose();
        let cores = cores.map_err(io::Error::from)?;
        let child = if wanted.one_core { on_one_core(&mut command)? } else { command.spawn()? };
        let mut engine = Engine { child, sip, started_in: Duration::ZERO, folder, cores };
        engine.wait_until_ready(http)?;
        engine.started_in = began.elapsed();
        Ok(engine)
    }

    fn wait_until_ready(&mut self, http: SocketAddr) -> Result<(), EngineError> {
        let began = Instant::now();
        while began.elapsed() < READY_WITHIN {
            if let Some(status) = self.child.try_wait()? {
                return Err(EngineError::Ended { status: status.to_string(), log: self.log() });
            }
            if is_ready(http).unwrap_or(false) {
                return Ok(());
            }
            sleep(Duration::from_millis(10));
        }
        Err(EngineError::NotReady { log: self.log() })
    }

    fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.join("engine.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// CPU time so far, user and system, of all threads (proc(5), `/proc/PID/stat`).
    pub fn cpu(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        cpu_of(&stat, ticks_per_second()).ok_or_else(|| io::Error::other("/proc/PID/stat is not as expected"))
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.map(|kilobytes| kilobytes * 1024).ok_or_else(|| io::Error::other("no VmRSS"))
    }

    /// SIGTERM, and SIGKILL to whoever does not listen.
    fn stop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().map(Pid::from_raw);
        if let (Ok(None), Some(pid)) = (self.child.try_wait(), pid) {
            let _ = kill(pid, Signal::SIGTERM);
            let began = Instant::now();
            while began.elapsed() < GONE_WITHIN {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                sleep(Duration::from_millis(20));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
        if let Some(cores) = &self.cores {
            let _ = sched_setaffinity(Pid::from_raw(0), cores);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Starts a process on the last core this thread may use, and takes that core from this thread and all that it starts.
fn on_one_core(command: &mut Command) -> io::Result<Child> {
    let this = Pid::from_raw(0);
    let before = sched_getaffinity(this)?;
    let mut cores = (0..CpuSet::count()).filter(|&core| before.is_set(core).unwrap_or(false));
    let (Some(core), true) = (cores.next_back(), cores.next().is_some()) else {
        // There is but one: they share it.
        return command.spawn();
    };
    let (mut its, mut ours) = (CpuSet::new(), before);
    its.set(core)?;
    ours.unset(core)?;
    sched_setaffinity(this, &its)?;
    let child = command.spawn();
    sched_setaffinity(this, &ours)?;
    child
}

fn temporary_folder() -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("holdfast-bench-{}", std::process::id()));
    fs::create_dir_all(folder.join("music"))?;
    fs::create_dir_all(folder.join("prompts").join("en"))?;
    fs::create_dir_all(folder.join("data"))?;
    Ok(folder)
}

fn free_udp_port() -> io::Result<SocketAddr> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn free_tcp_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Music and a prompt, so that the benchmark needs no file but itself.
fn write_sounds(folder: &Path, wanted: &Wanted) -> Result<(), EngineError> {
    let sample = |n: u32| {
        let seconds = f64::from(n) / 8_000.0;
        let tone = |hz: f64| (std::f64::consts::TAU * hz * seconds).sin();
        ((tone(220.0) + tone(277.2) + tone(329.6)) * 4_000.0 * (0.6 + 0.4 * tone(0.5))) as i16
    };
    let write = |path: PathBuf, seconds: u32| {
        let samples: Vec<i16> = (0..8_000 * seconds).map(sample).collect();
        crate::phone::write_wav(&path, &samples).map_err(|error| EngineError::Music(error.to_string()))
    };
    let (files, seconds) = wanted.music;
    let first = folder.join("music").join(music_name(0));
    write(first.clone(), seconds)?;
    for file in 1..files {
        fs::copy(&first, folder.join("music").join(music_name(file)))?;
    }
    write(folder.join("prompts").join("en").join("bench.wav"), 3)
}

fn music_name(file: usize) -> String {
    if file == 0 { "bench.wav".to_owned() } else { format!("bench-{file}.wav") }
}

fn configuration(folder: &Path, sip: SocketAddr, http: SocketAddr, wanted: &Wanted) -> String {
    let path = |name: &str| toml_text(&folder.join(name).display().to_string());
    let calls_max = wanted.calls_max;
    let codecs = wanted
        .codecs
        .iter()
        .map(|codec| format!("\"{codec}\"").to_lowercase())
        .collect::<Vec<_>>()
        .join(", ");
    let srtp = if wanted.srtp { "srtp = \"optional\"\n" } else { "" };
    let recording = if wanted.recording { "recording = \"always\"\n" } else { "" };
    let overflow = wanted.prompt_after.map_or(String::new(), |after| {
        format!("overflow = [{{ after = \"{}s\", queue = \"prompted\" }}]\n", after.as_secs())
    });
    let mut text = format!(
        "skills = []\npause_reasons = [\"break\"]\n\
         [sip]\nlisten = [\"udp:{sip}\"]\nrealm = \"bench\"\n\
         [media]\nlisten = \"127.0.0.1\"\nports = \"{MEDIA_PORTS}\"\nport_rest = \"1s\"\nworkers = 1\ncodecs = [{codecs}]\n\
         [http]\nlisten = \"{http}\"\n\
         [store]\npath = {}\n[sounds]\nmusic = {}\nprompts = {}\n\
         [limits]\ncalls_max = {calls_max}\ndrain = \"1s\"\n[log]\nfilter = \"warn\"\n\
         [[trunk]]\nname = \"bench\"\naddresses = [\"127.0.0.1\"]\n{srtp}\
         [[queue]]\nname = \"bench\"\ntitle = \"Bench\"\nstrategy = \"longest-idle\"\nmusic = [\"bench\"]\n\
         waiting_max = {calls_max}\nring_timeout = \"10s\"\nwrap_up = \"0s\"\nrest_after_miss = \"1s\"\n{recording}{overflow}\
         [[number]]\ndialled = \"{NUMBER}\"\nqueue = \"bench\"\n",
        path("data/bench.sqlite"),
        path("music"),
        path("prompts"),
    );
    if wanted.prompt_after.is_some() {
        let _ = write!(
            text,
            "[[queue]]\nname = \"prompted\"\ntitle = \"Prompted\"\nstrategy = \"longest-idle\"\nmusic = [\"bench\"]\n\
             waiting_max = {calls_max}\nwelcome = \"bench\"\n"
        );
    }
    if let Some((phones, count)) = wanted.agents {
        let srtp = if wanted.srtp { "srtp = \"required\"\n" } else { "" };
        for agent in 1..=count {
            let _ = write!(
                text,
                "[[agent]]\nname = \"agent{agent}\"\ntitle = \"Agent {agent}\"\npassword = \"bench-{agent}\"\n\
                 skills = {{}}\nqueues = [\"bench\"]\nlogin = \"automatic\"\ncontact = \"sip:agent{agent}@{phones}\"\n{srtp}"
            );
        }
    }
    text
}

fn toml_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn is_ready(http: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&http, Duration::from_millis(200))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(
        format!("GET /health/ready HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(answer == *b"HTTP/1.1 200")
}

fn ticks_per_second() -> u64 {
    let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten();
    ticks.and_then(|ticks| u64::try_from(ticks).ok()).unwrap_or(100)
}

/// utime and stime are the 14th and 15th field; the second may hold blanks and ends with the last parenthesis.
fn cpu_of(stat: &str, ticks_per_second: u64) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1_000 / ticks_per_second.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_toml_and_names_what_it_must() {
        let any: SocketAddr = "127.0.0.1:5060".parse().unwrap();
        let wanted = Wanted { agents: Some((any, 3)), srtp: true, recording: true, ..Wanted::of(70) };
        let text = configuration(Path::new("/tmp/a \"b\""), any, any, &wanted);
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["agent"].as_array().unwrap().len(), 3);
        assert_eq!(table["sounds"]["music"].as_str(), Some("/tmp/a \"b\"/music"));
        assert_eq!(table["limits"]["calls_max"].as_integer(), Some(70));
        let read = crate::config::Config::from_str("bench.toml", &text).unwrap();
        assert!(read.warnings.is_empty(), "{:?}", read.warnings);
        assert_eq!((read.settings.agents.len(), read.settings.limits.calls_max), (3, 70));
        // In the queue of the prompts everybody waits: that nobody serves it is meant.
        let prompted = Wanted { agents: None, prompt_after: Some(Duration::from_secs(9)), ..wanted };
        let text = configuration(Path::new("/tmp/a \"b\""), any, any, &prompted);
        assert_eq!(crate::config::Config::from_str("bench.toml", &text).unwrap().settings.queues.len(), 2);
    }

    #[test]
    fn cpu_time_is_read_behind_a_strange_process_name() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(cpu_of(stat, 100), Some(Duration::from_secs(3)));
        assert_eq!(cpu_of("rubbish", 100), None);
    }
}
