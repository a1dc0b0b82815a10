//! The media plane from outside: starts the workers, gives out ports, knows which worker has which leg. It touches no
//! packet. Its calls never wait for the network; a lock guards the books, never the packets.

mod books;

use super::board::Board;
use super::clock::Clock;
use super::codec::Codec;
use super::counters::Counters;
use super::library::Library;
use super::player::{Playlist, Start};
use super::ports::Ports;
use super::quality::Quality;
use super::recorder::Tape;
use super::room::Role;
use super::sdp::{Prefer, Stream};
use super::worker::{Message, Rules, Scheduling, WAKE, Worker};
use super::{LocalMedia, MediaEvent, OpenError, Sessions, Wishes};
use crate::engine::command::Program;
use crate::engine::id::LegId;
use mio::{Poll, Waker};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// Messages that may wait for one worker.
const INBOX_MAX: usize = 8_192;
/// Ports that are tried before an opening fails: others on this machine may hold some of our range.
const BIND_ATTEMPTS: usize = 16;
/// Playlists that are remembered.
const PLAYLISTS_MAX: usize = 256;

/// How the media plane is set up.
#[derive(Clone, Debug)]
pub struct MediaSettings {
    /// The address the RTP sockets are bound to.
    pub listen: IpAddr,
    /// The address that goes into SDP, where it differs.
    pub advertise: Option<IpAddr>,
    /// Another address for the RTP sockets, of the other IP version, for phones that have only that.
    pub listen6: Option<IpAddr>,
    /// What goes into SDP for it, where it differs.
    pub advertise6: Option<IpAddr>,
    /// The ports for RTP and RTCP, two per leg.
    pub ports: RangeInclusive<u16>,
    /// Threads; 0: one per core.
    pub workers: usize,
    /// Whether each stays on a processor of its own.
    pub pin: bool,
    /// Whether they come before ordinary threads, where the system permits it.
    pub realtime: bool,
    /// What we can speak, the most preferred first.
    pub codecs: Vec<Codec>,
    /// Whose order of codecs decides.
    pub prefer: Prefer,
    /// How long a port rests before it is used again.
    pub quarantine: Duration,
    /// After so long without a packet a leg in a conversation is told to be silent; `None`: never.
    pub silence: Option<Duration>,
    /// Whether keys are looked for in the sound of those who cannot send them otherwise.
    pub inband_keys: bool,
}

impl MediaSettings {
    /// The addresses to listen on, each with the one that goes into SDP.
    fn addresses(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> {
        let second = self.listen6.map(|listen| (listen, self.advertise6.unwrap_or(listen)));
        [(self.listen, self.advertise.unwrap_or(self.listen))].into_iter().chain(second)
    }

    /// The address to listen on for a leg, with the one that goes into SDP: of the wanted IP version, else the first.
    fn address(&self, ipv6: bool) -> (IpAddr, IpAddr) {
        let fitting = self.addresses().find(|(_, advertised)| advertised.is_ipv6() == ipv6);
        fitting.unwrap_or((self.listen, self.advertise.unwrap_or(self.listen)))
    }
}

/// Why the media plane does not start.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// No codec is configured.
    #[error("no codec is configured; expected at least one of \"pcmu\", \"pcma\"")]
    NoCodec,
    /// The range has no even port with its odd neighbour.
    #[error("the port range {0}-{1} has no even port with the odd one above it")]
    NoPort(u16, u16),
    /// Bound to every address, so which one callers can reach is not known.
    #[error("{0} is no address callers can send to; set `advertise` to the one they can reach")]
    NoAddress(IpAddr),
    /// The system refused a thread or a poll.
    #[error("cannot start a media worker: {0}")]
    Worker(#[from] io::Error),
}

/// Why two legs are not bridged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BridgeError {
    /// A leg has no media, or has it no more.
    #[error("leg {0} has no media")]
    Unknown(LegId),
    /// The two live on different workers: the later one was not opened `near` the earlier.
    #[error("legs {0} and {1} live on different workers")]
    Apart(LegId, LegId),
}

/// The media plane. Clones are the same one; the last that is dropped stops it.
#[derive(Clone)]
pub struct Handle {
    control: Arc<Mutex<Control>>,
    counters: Arc<[Arc<Counters>]>,
}

/// The books.
struct Control {
    settings: MediaSettings,
    library: Arc<Library>,
    clock: Clock,
    ports: Ports,
    workers: Vec<Remote>,
    legs: HashMap<LegId, Place>,
    playlists: HashMap<Start, HashMap<Vec<String>, Arc<Playlist>>>,
    /// Whether workers are woken later, for all messages at once.
    gathering: bool,
}

/// A worker, seen from outside.
struct Remote {
    inbox: SyncSender<Message>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
    legs: usize,
    board: Arc<Board>,
    /// Whether it has messages that it was not woken for.
    unwoken: bool,
}

/// Where a leg is.
#[derive(Clone, Copy)]
struct Place {
    worker: usize,
    port: u16,
}

/// Starts the workers.
///
/// # Errors
/// See [`MediaError`]; nothing runs then.
pub fn start(
    settings: MediaSettings,
    library: Arc<Library>,
    events: Sender<MediaEvent>,
) -> Result<Handle, MediaError> {
    if settings.codecs.is_empty() {
        return Err(MediaError::NoCodec);
    }
    for advertised in settings.addresses().map(|(_, advertised)| advertised) {
        if advertised.is_unspecified() || advertised.is_multicast() {
            return Err(MediaError::NoAddress(advertised));
        }
    }
    let clock = Clock::new();
    let seed = random()?;
    let mut ports = Ports::new(settings.ports.clone(), settings.quarantine, seed);
    if ports.free(clock.now()) == 0 {
        return Err(MediaError::NoPort(*settings.ports.start(), *settings.ports.end()));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let count = if settings.workers == 0 { cores } else { settings.workers };
    let counters: Arc<[Arc<Counters>]> = (0..count).map(|_| Arc::default()).collect();
    let (legs, playlists) = Default::default();
    let rules = Rules { silence: settings.silence, inband_keys: settings.inband_keys };
    let (workers, gathering) = (Vec::new(), false);
    let mut control = Control { settings, library, clock, ports, workers, legs, playlists, gathering };
    for (number, counters) in counters.iter().enumerate() {
        let scheduling = Scheduling { number, pin: control.settings.pin, hurry: control.settings.realtime };
        control.workers.push(spawn(scheduling, counters.clone(), events.clone(), clock, rules)?);
    }
    Ok(Handle { control: Arc::new(Mutex::new(control)), counters })
}

fn spawn(
    scheduling: Scheduling,
    counters: Arc<Counters>,
    events: Sender<MediaEvent>,
    clock: Clock,
    rules: Rules,
) -> io::Result<Remote> {
    let board = Arc::new(Board::default());
    let written = board.clone();
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKE)?;
    let (inbox, messages) = sync_channel(INBOX_MAX);
    let worker = Worker::new(poll, messages, events, counters, clock, rules, written)?;
    let thread = std::thread::Builder::new()
        .name(format!("media-{}", scheduling.number))
        .spawn(move || worker.run(scheduling))?;
    Ok(Remote { inbox, waker, thread: Some(thread), legs: 0, board, unwoken: false })
}

impl Handle {
    /// Whether this music was there at the start.
    pub fn has_music(&self, name: &str) -> bool {
        self.control().library.music(name).is_some()
    }

    /// Whether this prompt was there at the start, in this language or one that stands in for it.
    pub fn has_prompt(&self, language: &str, name: &str) -> bool {
        self.control().library.prompt(language, name).is_some()
    }

    /// Lets the leg hear the program instead of what it heard. A bridge it was in ends. Unknown legs are ignored: the
    /// leg may just have ended.
    pub fn play(&self, leg: LegId, program: &Program) {
        let mut control = self.control();
        if let Some(place) = control.legs.get(&leg).copied() {
            let script = control.script(program);
            control.send(place.worker, Message::Play(leg, script));
        }
    }

    /// Connects caller and agent, whatever they hear now; those who had joined the caller's conversation are in it again.
    ///
    /// # Errors
    /// See [`BridgeError`]; both go on hearing what they heard.
    pub fn bridge(&self, caller: LegId, agent: LegId) -> Result<(), BridgeError> {
        self.together(caller, agent, Message::Bridge(caller, agent))
    }

    fn together(&self, one: LegId, other: LegId, message: Message) -> Result<(), BridgeError> {
        let mut control = self.control();
        let place = |leg| control.legs.get(&leg).copied().ok_or(BridgeError::Unknown(leg));
        let (a, b) = (place(one)?, place(other)?);
        if a.worker != b.worker {
            return Err(BridgeError::Apart(one, other));
        }
        control.send(a.worker, message);
        Ok(())
    }

    /// Lets a leg take part in the conversation in which another one is, or take part in it in another role.
    ///
    /// # Errors
    /// See [`BridgeError`]; the leg goes on hearing what it heard.
    pub fn join(&self, leg: LegId, beside: LegId, role: Role) -> Result<(), BridgeError> {
        self.together(leg, beside, Message::Join(leg, beside, role))
    }

    /// Records the conversation in which the leg is, from now on. One that was recorded already ends.
    pub fn record(&self, leg: LegId, tape: Tape) {
        self.tell(leg, Message::Record(leg, Box::new(tape)));
    }

    /// Keeps nothing of what is said, until it is resumed; who wants that, and why, goes into the recording's papers.
    pub fn pause_recording(&self, leg: LegId, who: String, why: String) {
        self.tell(leg, Message::PauseTape(leg, who, why));
    }

    /// Goes on with a recording.
    pub fn resume_recording(&self, leg: LegId) {
        self.tell(leg, Message::ResumeTape(leg));
    }

    /// Ends a recording: what was kept is complete.
    pub fn stop_recording(&self, leg: LegId) {
        self.tell(leg, Message::StopTape(leg));
    }

    /// How well a leg is heard, or was when it ended a moment ago.
    pub fn quality(&self, leg: LegId) -> Option<Quality> {
        self.control().workers.iter().find_map(|remote| remote.board.read(leg))
    }

    fn tell(&self, leg: LegId, message: Message) {
        let mut control = self.control();
        if let Some(place) = control.legs.get(&leg).copied() {
            control.send(place.worker, message);
        }
    }

    /// From now on workers are not woken for each message: a call's beginning alone has three, and each waking interrupts
    /// whoever runs on the worker's core. They see to their messages at their next slot at the latest.
    pub fn gather(&self) {
        self.control().gathering = true;
    }

    /// Wakes those who have messages, and from now on each at once.
    pub fn deliver(&self) {
        self.control().deliver();
    }

    /// The counters, one set per worker.
    pub fn counters(&self) -> &Arc<[Arc<Counters>]> {
        &self.counters
    }

    /// How many more legs could be opened now.
    pub fn ports_free(&self) -> usize {
        let mut control = self.control();
        let now = control.clock.now();
        control.ports.free(now)
    }

    /// How many legs are open.
    pub fn legs_open(&self) -> usize {
        self.control().legs.len()
    }

    /// Whether a worker has ended by itself: its legs are silent, and nothing brings it back.
    pub fn has_lost_a_worker(&self) -> bool {
        let ended = |remote: &Remote| remote.thread.as_ref().is_some_and(JoinHandle::is_finished);
        self.control().workers.iter().any(ended)
    }

    /// Stops the workers and waits for them: every leg gets its RTCP goodbye, every socket is closed.
    pub fn shutdown(&self) {
        self.control().stop();
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        // The books are consistent between any two statements that can panic: there is none.
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions for Handle {
    fn open(&mut self, leg: LegId, near: Option<LegId>, wishes: &Wishes) -> Result<LocalMedia, OpenError> {
        self.control().open(leg, near, wishes, None)
    }

    fn reopen(
        &mut self,
        leg: LegId,
        near: Option<LegId>,
        wishes: &Wishes,
        port: u16,
    ) -> Result<LocalMedia, OpenError> {
        self.control().open(leg, near, wishes, Some(port))
    }

    fn connect(&mut self, leg: LegId, stream: Stream) {
        let mut control = self.control();
        if let Some(place) = control.legs.get(&leg).copied() {
            control.send(place.worker, Message::Connect(leg, Box::new(stream)));
        }
    }

    fn pressed(&mut self, leg: LegId, digit: char) {
        self.tell(leg, Message::Pressed(leg, digit));
    }

    fn close(&mut self, leg: LegId) {
        let mut control = self.control();
        if let Some(place) = control.legs.remove(&leg) {
            let now = control.clock.now();
            control.ports.give_back(now, place.port);
            control.workers[place.worker].legs -= 1;
            control.send(place.worker, Message::Close(leg));
        }
    }
}

fn random() -> io::Result<u64> {
    getrandom::u64().map_err(|error| io::Error::other(error.to_string()))
}
