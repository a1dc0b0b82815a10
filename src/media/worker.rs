//! A media thread: it owns its legs, their sockets and its clock, and shares nothing. Reached by messages only.
//!
//! Every leg has one of twenty slots of a millisecond within the 20 ms, so that no burst forms. The schedule is absolute:
//! a late slot is caught up with, and one that is too late is skipped, never stretched.

mod intake;
mod lane;
mod legs;
mod outbox;
mod pace;
mod packets;
mod rooms;

use super::MediaEvent;
use super::board::Board;
use super::clock::Clock;
use super::codec::encoder::{Encoder, Frame};
use super::codec::{Codec, HOUSE_FRAME};
use super::counters::Counters;
use super::dtmf::Keypad;
use super::ear::Ear;
use super::player::{Player, Script};
use super::recorder::Tape;
use super::room::{Role, Room, SEATS_MAX};
use super::rtp::DATAGRAM_MAX;
use super::sdp::Stream;
use super::session::Session;
use super::tones::Tones;
use crate::engine::id::LegId;
use crate::engine::time::Monotonic;
use lane::Lane;
use mio::net::UdpSocket;
use mio::{Events, Poll, Token};
use outbox::Outbox;
use pace::Alarm;
use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;
use tokio::sync::mpsc::{Sender, error::TrySendError};

/// Slots of one millisecond in a frame of 20.
const SLOTS: u64 = 20;
const SLOT_US: u64 = 1_000;
/// Later than this, the schedule is taken up anew: three frames, which a phone's jitter buffer still bridges.
const CATCH_UP_US: u64 = 60_000;
/// Packets read from one socket before the others have their turn.
const READ_MAX: usize = 32;
/// Messages taken before the packets have their turn.
const MESSAGES_MAX: usize = 256;
/// A worker without legs wakes this often all the same.
const IDLE_MAX: Duration = Duration::from_secs(1);
/// Events that wait while the receiver is full.
const BACKLOG_MAX: usize = 4_096;
/// The token by which the worker is woken; sockets have their leg's index times two.
pub(super) const WAKE: Token = Token(usize::MAX);
/// The token of the alarm that wakes it for the next slot.
const ALARM: Token = Token(usize::MAX - 1);

/// How a worker's thread is scheduled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scheduling {
    /// Which of the workers it is.
    pub(super) number: usize,
    /// Whether it stays on one processor.
    pub(super) pin: bool,
    /// Whether it comes before ordinary threads.
    pub(super) hurry: bool,
}

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Message {
    Open(Box<Opening>),
    Connect(LegId, Box<Stream>),
    Play(LegId, Script),
    /// Caller and agent talk.
    Bridge(LegId, LegId),
    /// Takes part in the conversation in which the second leg is.
    Join(LegId, LegId, Role),
    /// A key that came with the signalling: the others of the conversation get it.
    Pressed(LegId, char),
    /// What is said in the leg's conversation is recorded from now on.
    Record(LegId, Box<Tape>),
    /// It is not, for a while; by whom and why.
    PauseTape(LegId, String, String),
    ResumeTape(LegId),
    StopTape(LegId),
    Close(LegId),
    Stop,
}

/// A leg with its sockets, already bound.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) leg: LegId,
    pub(super) session: Session,
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
}

/// What a worker goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// After so long without a sound a leg is told to be silent; `None`: never.
    pub(super) silence: Option<Duration>,
    /// Whether keys are looked for in the sound of those who cannot send them otherwise.
    pub(super) inband_keys: bool,
}

/// What a leg hears.
#[derive(Debug)]
enum Source {
    Nothing,
    Playing(Player),
    /// The others of the conversation in which it has its seat.
    Room,
}

/// A conversation on this worker.
#[derive(Debug)]
struct Talk {
    room: Room,
    slot: usize,
    /// The two whose packets pass as they are; else all are mixed.
    passing: Option<(usize, usize)>,
    tape: Option<Box<Tape>>,
    /// How many of it are counted as bridged.
    bridged: u64,
}

/// What it takes to mix a leg in: much memory, so only those who need it have it.
#[derive(Debug)]
struct Voice {
    ear: Ear,
    encoder: Encoder,
    keypad: Keypad,
}

#[derive(Debug)]
struct Leg {
    id: LegId,
    session: Session,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    source: Source,
    /// Whether its RTP wakes the worker; else it is fetched in its turn.
    wakes: bool,
    slot: usize,
    /// The conversation in which he has a seat, even while he hears something else.
    seat: Option<usize>,
    /// The codec in which he speaks: not always that in which he wants to hear.
    speaks: Option<Codec>,
    voice: Option<Box<Voice>>,
    /// Its keys come by the signalling or are heard in its sound: they can only be passed on by whoever mixes.
    presses_apart: bool,
    /// Looks for keys in its sound.
    tones: Option<Box<Tones>>,
    /// When it was heard last, or when it was first expected to be.
    heard: Monotonic,
    /// Whether it was told that nothing is heard of it.
    is_silent: bool,
    /// When its figures are written next.
    measure_due: Monotonic,
    /// The short way for its packets while it hears music.
    lane: Option<Lane>,
    /// Where it was sent music to at the last look.
    was_at: Option<SocketAddr>,
}

/// The thread's state.
pub(super) struct Worker {
    poll: Poll,
    alarm: Alarm,
    inbox: Receiver<Message>,
    events: Sender<MediaEvent>,
    counters: Arc<Counters>,
    clock: Clock,
    legs: Vec<Option<Leg>>,
    vacant: Vec<usize>,
    index: HashMap<LegId, usize>,
    slots: [Vec<usize>; SLOTS as usize],
    talks: Vec<Option<Talk>>,
    vacant_talks: Vec<usize>,
    /// Conversations that are mixed or recorded, by slot.
    mixed: [Vec<usize>; SLOTS as usize],
    /// What those of one conversation say in one frame.
    voices: Box<[Frame; SEATS_MAX]>,
    /// The next slot to run, in milliseconds of the clock.
    next_slot: u64,
    /// Sockets that had more to read than their turn allowed.
    unread: VecDeque<Token>,
    backlog: VecDeque<MediaEvent>,
    rules: Rules,
    /// When anybody at all was heard last: while nobody is, the fault is ours.
    last_heard: Monotonic,
    board: Arc<Board>,
    /// Taken out while a packet in it is looked at.
    inbound: Vec<u8>,
    outbound: Box<[u8; DATAGRAM_MAX]>,
    outbox: Outbox,
    stopping: bool,
}

impl Worker {
    pub(super) fn new(
        poll: Poll,
        inbox: Receiver<Message>,
        events: Sender<MediaEvent>,
        counters: Arc<Counters>,
        clock: Clock,
        rules: Rules,
        board: Arc<Board>,
    ) -> io::Result<Worker> {
        Ok(Worker {
            alarm: Alarm::new(poll.registry(), ALARM)?,
            poll,
            inbox,
            events,
            counters,
            next_slot: clock.now().0 / SLOT_US + 1,
            clock,
            legs: Vec::new(),
            vacant: Vec::new(),
            index: HashMap::new(),
            slots: std::array::from_fn(|_| Vec::new()),
            talks: Vec::new(),
            vacant_talks: Vec::new(),
            mixed: std::array::from_fn(|_| Vec::new()),
            voices: Box::new([[0; HOUSE_FRAME]; SEATS_MAX]),
            unread: VecDeque::new(),
            backlog: VecDeque::new(),
            rules,
            last_heard: clock.now(),
            board,
            inbound: vec![0; DATAGRAM_MAX + 1],
            outbound: Box::new([0; DATAGRAM_MAX]),
            outbox: Outbox::new(),
            stopping: false,
        })
    }

    /// Runs until told to stop.
    pub(super) fn run(mut self, scheduling: Scheduling) {
        if scheduling.pin {
            pace::pin(scheduling.number);
        }
        if scheduling.hurry {
            pace::hurry();
        }
        let mut ready = Events::with_capacity(1_024);
        loop {
            self.counters.turns.add(1);
            self.run_due_slots();
            self.take_messages();
            if self.stopping {
                break;
            }
            self.deliver_backlog();
            self.wait(&mut ready);
            for event in &ready {
                match event.token() {
                    WAKE => {}
                    ALARM => self.alarm.rang(),
                    socket => self.read(socket),
                }
            }
            for _ in 0..self.unread.len() {
                if let Some(token) = self.unread.pop_front() {
                    self.read(token);
                }
            }
        }
        let open: Vec<LegId> = self.index.keys().copied().collect();
        open.into_iter().for_each(|leg| self.close(leg));
    }

    /// Waits for packets, messages or the next slot.
    fn wait(&mut self, ready: &mut Events) {
        // Events that wait for somebody else are offered again a thousand times a second: no more is of use.
        // And who has nothing to do shows now and then that he lives.
        let mut timeout = Some(if self.backlog.is_empty() { IDLE_MAX } else { Duration::from_millis(1) });
        if !self.unread.is_empty() {
            timeout = Some(Duration::ZERO);
        } else if let Some(slot) = self.next_busy_slot() {
            let (due, now) = (slot * SLOT_US, self.clock.now().0);
            if due <= now {
                timeout = Some(Duration::ZERO);
            } else if let Err(error) = self.alarm.set(due, now) {
                tracing::error!(%error, "the media worker has no timer");
                timeout = Some(Duration::from_millis(1));
            }
        }
        if let Err(error) = self.poll.poll(ready, timeout)
            && error.kind() != ErrorKind::Interrupted
        {
            tracing::error!(%error, "the media worker cannot wait for packets");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The next slot in which there is a leg.
    fn next_busy_slot(&self) -> Option<u64> {
        (self.next_slot..self.next_slot + SLOTS).find(|slot| {
            let place = (slot % SLOTS) as usize;
            !self.slots[place].is_empty() || !self.mixed[place].is_empty()
        })
    }

    /// Runs what is due, a frame's worth of slots at most: a worker that cannot keep up must still hear of the calls
    /// that end.
    fn run_due_slots(&mut self) {
        for _ in 0..SLOTS {
            let now = self.clock.now();
            if now.0 < self.next_slot * SLOT_US {
                return;
            }
            let current = now.0 / SLOT_US;
            if now.0 > self.next_slot * SLOT_US + CATCH_UP_US && !self.index.is_empty() {
                self.counters.skipped_ms.add(current - self.next_slot);
                self.next_slot = current;
            }
            // Slots without legs cost nothing: jump to the next that has one, or to now.
            let slot = self.next_busy_slot().unwrap_or(current).min(current);
            self.run_slot(slot);
            self.next_slot = slot + 1;
        }
    }

    fn run_slot(&mut self, slot: u64) {
        let place = (slot % SLOTS) as usize;
        let mut now = self.clock.now();
        for at in 0..self.slots[place].len() {
            let leg = self.slots[place][at];
            self.play(leg, slot, now);
            self.report(leg, now);
            self.listen_for(leg, now);
            self.measure(leg, now);
            if self.outbox.is_full() {
                self.send_all(slot);
                now = self.clock.now();
            }
        }
        self.send_all(slot);
        for at in 0..self.mixed[place].len() {
            let seat = self.mixed[place][at];
            self.mix(seat, slot);
        }
        // What goes out has gone out by now.
        for at in 0..self.slots[place].len() {
            self.fetch(self.slots[place][at], slot);
        }
    }

    /// Reports an event; while the receiver is full it waits, in order.
    fn tell(&mut self, event: MediaEvent) {
        if self.backlog.len() >= BACKLOG_MAX {
            return self.counters.events_lost.add(1);
        }
        self.backlog.push_back(event);
        self.deliver_backlog();
    }

    fn deliver_backlog(&mut self) {
        while let Some(&event) = self.backlog.front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => return self.counters.events_delayed.add(1),
                Err(TrySendError::Closed(_)) => self.counters.events_lost.add(1),
            }
            self.backlog.pop_front();
        }
    }
}
