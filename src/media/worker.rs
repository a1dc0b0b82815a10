//! A media thread: it owns its legs, their sockets and its clock, and shares nothing. Reached by messages only.
//!
//! Every leg has one of twenty slots of a millisecond within the 20 ms, so that no burst forms. The schedule is absolute:
//! a late slot is caught up with, and one that is too late is skipped, never stretched.

use super::MediaEvent;
use super::clock::Clock;
use super::counters::{Counters, DropCause};
use super::player::{Player, Script};
use super::rtcp::REPORT_MAX;
use super::rtp::{self, DATAGRAM_MAX};
use super::sdp::Stream;
use super::session::{Inbound, Session};
use crate::engine::id::LegId;
use crate::engine::time::Monotonic;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use std::collections::{HashMap, VecDeque};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
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
/// Events that wait while the receiver is full.
const BACKLOG_MAX: usize = 4_096;
/// The token by which the worker is woken; sockets have their leg's index times two.
pub(super) const WAKE: Token = Token(usize::MAX);

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Message {
    Open(Box<Opening>),
    Connect(LegId, Stream),
    Play(LegId, Script),
    Bridge(LegId, LegId),
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

/// What a leg hears.
#[derive(Debug)]
enum Source {
    Nothing,
    Playing(Player),
    Bridged(usize),
}

#[derive(Debug)]
struct Leg {
    id: LegId,
    session: Session,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    source: Source,
    slot: usize,
}

/// The thread's state.
pub(super) struct Worker {
    poll: Poll,
    inbox: Receiver<Message>,
    events: Sender<MediaEvent>,
    counters: Arc<Counters>,
    clock: Clock,
    legs: Vec<Option<Leg>>,
    vacant: Vec<usize>,
    index: HashMap<LegId, usize>,
    slots: [Vec<usize>; SLOTS as usize],
    /// The next slot to run, in milliseconds of the clock.
    next_slot: u64,
    /// Sockets that had more to read than their turn allowed.
    unread: VecDeque<Token>,
    backlog: VecDeque<MediaEvent>,
    inbound: Box<[u8; DATAGRAM_MAX + 1]>,
    outbound: Box<[u8; DATAGRAM_MAX]>,
    stopping: bool,
}

impl Worker {
    pub(super) fn new(
        poll: Poll,
        inbox: Receiver<Message>,
        events: Sender<MediaEvent>,
        counters: Arc<Counters>,
        clock: Clock,
    ) -> Worker {
        Worker {
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
            unread: VecDeque::new(),
            backlog: VecDeque::new(),
            inbound: Box::new([0; DATAGRAM_MAX + 1]),
            outbound: Box::new([0; DATAGRAM_MAX]),
            stopping: false,
        }
    }

    /// Runs until told to stop.
    pub(super) fn run(mut self) {
        let mut ready = Events::with_capacity(1_024);
        loop {
            self.run_due_slots();
            self.take_messages();
            if self.stopping {
                break;
            }
            self.deliver_backlog();
            self.wait(&mut ready);
            for event in &ready {
                if event.token() != WAKE {
                    self.read(event.token());
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

    // ---- time ----

    /// Waits for packets, messages or the next slot. The system's wait counts in milliseconds and rounds up, so the
    /// last fraction is slept through.
    fn wait(&mut self, ready: &mut Events) {
        let busy = !self.unread.is_empty() || !self.backlog.is_empty();
        let until = self.next_busy_slot().map(|slot| slot * SLOT_US);
        let remaining_us = until.map(|until| until.saturating_sub(self.clock.now().0));
        let timeout = match remaining_us {
            _ if busy => Some(Duration::ZERO),
            Some(us) => Some(Duration::from_millis(us / 1_000)),
            None => None,
        };
        if let Err(error) = self.poll.poll(ready, timeout)
            && error.kind() != ErrorKind::Interrupted
        {
            tracing::error!(%error, "the media worker cannot wait for packets");
            std::thread::sleep(Duration::from_millis(1));
        }
        if !busy && ready.is_empty() && remaining_us.is_some_and(|us| us < 1_000) {
            let rest = until.unwrap_or_default().saturating_sub(self.clock.now().0);
            std::thread::sleep(Duration::from_micros(rest));
        }
    }

    /// The next slot in which there is a leg.
    fn next_busy_slot(&self) -> Option<u64> {
        (self.next_slot..self.next_slot + SLOTS).find(|slot| !self.slots[(slot % SLOTS) as usize].is_empty())
    }

    fn run_due_slots(&mut self) {
        let now = self.clock.now().0;
        if now > self.next_slot * SLOT_US + CATCH_UP_US && !self.index.is_empty() {
            let current = now / SLOT_US;
            self.counters.skipped_ms.add(current - self.next_slot);
            self.next_slot = current;
        }
        while self.next_slot * SLOT_US <= self.clock.now().0 {
            // Slots without legs cost nothing: jump to the next that has one, or to now.
            let current = self.clock.now().0 / SLOT_US;
            let slot = self.next_busy_slot().unwrap_or(current).min(current);
            self.run_slot(slot);
            self.next_slot = slot + 1;
        }
    }

    fn run_slot(&mut self, slot: u64) {
        let place = (slot % SLOTS) as usize;
        for at in 0..self.slots[place].len() {
            let leg = self.slots[place][at];
            self.play(leg, slot);
            self.report(leg);
        }
    }

    fn play(&mut self, at: usize, slot: u64) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        let (Source::Playing(player), Some(codec)) = (&mut leg.source, leg.session.codec()) else { return };
        let now = self.clock.now();
        let (payload, prompts_over) = player.next(codec, slot / SLOTS);
        if let Some(length) = leg.session.frame(now, slot / SLOTS, payload, &mut self.outbound[..]) {
            let sent = send(&leg.rtp, leg.session.destination(), &self.outbound[..length], &self.counters);
            if sent {
                self.counters.sent.add(1);
                self.counters.late_by(Duration::from_micros(now.0.saturating_sub(slot * SLOT_US)));
            }
        }
        if prompts_over {
            let leg = leg.id;
            self.tell(MediaEvent::PromptFinished { leg });
        }
    }

    fn report(&mut self, at: usize) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        let now = self.clock.now();
        if leg.session.is_report_due(now) {
            send_report(leg, now, false, &self.counters);
        }
    }

    // ---- packets ----

    fn read(&mut self, token: Token) {
        for _ in 0..READ_MAX {
            let Some(leg) = self.legs.get_mut(token.0 / 2).and_then(Option::as_mut) else { return };
            let socket = if token.0.is_multiple_of(2) { &leg.rtp } else { &leg.rtcp };
            match socket.recv_from(&mut self.inbound[..]) {
                Ok((length, from)) => self.take(token, length, from),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // An ICMP error about something we sent: it says nothing about what can be read.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    self.counters.drop_packet(DropCause::Refused);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
        self.unread.push_back(token);
    }

    fn take(&mut self, token: Token, length: usize, from: SocketAddr) {
        let now = self.clock.now();
        let datagram = &self.inbound[..length];
        let Some(leg) = self.legs.get_mut(token.0 / 2).and_then(Option::as_mut) else { return };
        let shared = token.0.is_multiple_of(2);
        if !shared || rtp::is_rtcp(datagram) {
            match leg.session.receive_report(now, from, shared, datagram) {
                Ok(_) => self.counters.reports_received.add(1),
                Err(cause) => self.counters.drop_packet(cause),
            }
            return;
        }
        let inbound = leg.session.receive(now, from, datagram);
        let (id, peer) = match leg.source {
            Source::Bridged(peer) => (leg.id, Some(peer)),
            Source::Nothing | Source::Playing(_) => (leg.id, None),
        };
        if let Inbound::Dropped(cause) = inbound {
            return self.counters.drop_packet(cause);
        }
        self.counters.received.add(1);
        if let Some(peer) = peer.and_then(|peer| self.legs.get_mut(peer)).and_then(Option::as_mut) {
            relay(peer, now, &inbound, &mut self.outbound[..], &self.counters);
        }
        if let Inbound::Event { digit: Some(digit), .. } = inbound {
            self.counters.digits.add(1);
            self.tell(MediaEvent::DigitPressed { leg: id, digit });
        }
    }

    // ---- messages and events ----

    fn take_messages(&mut self) {
        for _ in 0..MESSAGES_MAX {
            match self.inbox.try_recv() {
                Ok(Message::Open(opening)) => self.open(*opening),
                Ok(Message::Connect(leg, stream)) => self.with(leg, |leg| leg.session.connect(stream)),
                Ok(Message::Play(leg, script)) => {
                    if let Some(at) = self.index.get(&leg).copied() {
                        self.change(at, Source::Playing(Player::new(script)));
                    }
                }
                Ok(Message::Bridge(one, other)) => self.bridge(one, other),
                Ok(Message::Close(leg)) => self.close(leg),
                Ok(Message::Stop) | Err(TryRecvError::Disconnected) => {
                    self.stopping = true;
                    return;
                }
                Err(TryRecvError::Empty) => return,
            }
        }
        // More may wait: come back at once, packets first.
        self.unread.push_back(WAKE);
    }

    fn with(&mut self, leg: LegId, change: impl FnOnce(&mut Leg)) {
        let at = self.index.get(&leg).copied();
        if let Some(leg) = at.and_then(|at| self.legs.get_mut(at)).and_then(Option::as_mut) {
            change(leg);
        }
    }

    fn open(&mut self, opening: Opening) {
        let Opening { leg: id, session, mut rtp, mut rtcp } = opening;
        let at = self.vacant.pop().unwrap_or(self.legs.len());
        let registry = self.poll.registry();
        let registered = registry
            .register(&mut rtp, Token(at * 2), Interest::READABLE)
            .and_then(|()| registry.register(&mut rtcp, Token(at * 2 + 1), Interest::READABLE));
        if let Err(error) = registered {
            tracing::error!(leg = %id, %error, "the leg's packets cannot be waited for: it will hear, not be heard");
        }
        let slot = (0..self.slots.len()).min_by_key(|&slot| self.slots[slot].len()).unwrap_or_default();
        if self.index.is_empty() {
            // The schedule slept; it starts anew.
            self.next_slot = self.clock.now().0 / SLOT_US + 1;
        }
        let leg = Leg { id, session, rtp, rtcp, source: Source::Nothing, slot };
        if at == self.legs.len() {
            self.legs.push(Some(leg));
        } else if let Some(place) = self.legs.get_mut(at) {
            *place = Some(leg);
        }
        self.slots[slot].push(at);
        self.index.insert(id, at);
        self.counters.legs.set(self.index.len() as u64);
    }

    fn bridge(&mut self, one: LegId, other: LegId) {
        let (Some(&a), Some(&b)) = (self.index.get(&one), self.index.get(&other)) else { return };
        if a != b {
            self.change(a, Source::Bridged(b));
            self.change(b, Source::Bridged(a));
        }
    }

    /// Gives a leg something else to hear. Whoever was bridged to it hears silence, unless it is the very same bridge.
    fn change(&mut self, at: usize, source: Source) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        let playing_on = matches!((&leg.source, &source), (Source::Playing(_), Source::Playing(_)));
        if !playing_on {
            leg.session.change_source();
        }
        let to = if let Source::Bridged(peer) = source { Some(peer) } else { None };
        let before = std::mem::replace(&mut leg.source, source);
        self.counters.bridged.set(self.bridged_after(&before, to));
        if let Source::Bridged(peer) = before
            && Some(peer) != to
        {
            self.release(peer, at);
        }
    }

    /// The peer of a bridge that is no more.
    fn release(&mut self, peer: usize, from: usize) {
        let Some(leg) = self.legs.get_mut(peer).and_then(Option::as_mut) else { return };
        if matches!(leg.source, Source::Bridged(at) if at == from) {
            leg.source = Source::Playing(Player::new(Script::silence()));
            leg.session.change_source();
            self.counters.bridged.set(self.counters.bridged.value().saturating_sub(1));
        }
    }

    fn bridged_after(&self, before: &Source, to: Option<usize>) -> u64 {
        let was = u64::from(matches!(before, Source::Bridged(_)));
        (self.counters.bridged.value() + u64::from(to.is_some())).saturating_sub(was)
    }

    fn close(&mut self, id: LegId) {
        let Some(at) = self.index.remove(&id) else { return };
        self.change(at, Source::Nothing);
        let Some(mut leg) = self.legs.get_mut(at).and_then(Option::take) else { return };
        self.slots[leg.slot].retain(|&other| other != at);
        self.vacant.push(at);
        self.counters.legs.set(self.index.len() as u64);
        send_report(&mut leg, self.clock.now(), true, &self.counters);
        let registry = self.poll.registry();
        // Closing the sockets deregisters them too; an error here changes nothing.
        let _ = registry.deregister(&mut leg.rtp).and_then(|()| registry.deregister(&mut leg.rtcp));
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

fn relay(peer: &mut Leg, now: Monotonic, inbound: &Inbound<'_>, out: &mut [u8], counters: &Counters) {
    let length = match inbound {
        Inbound::Voice { packet, codec } => peer.session.relay(now, packet, *codec, out),
        Inbound::Event { packet, .. } => peer.session.relay_event(now, packet, out),
        Inbound::Noise { packet } => {
            peer.session.pass_over(now, packet);
            None
        }
        Inbound::Dropped(_) => None,
    };
    if let Some(length) = length
        && send(&peer.rtp, peer.session.destination(), &out[..length], counters)
    {
        counters.relayed.add(1);
    }
}

fn send_report(leg: &mut Leg, now: Monotonic, last: bool, counters: &Counters) {
    let mut out = [0; REPORT_MAX];
    if let Some((length, to, shared)) = leg.session.report(now, Clock::ntp(), last, &mut out) {
        let socket = if shared { &leg.rtp } else { &leg.rtcp };
        if send(socket, Some(to), &out[..length], counters) {
            counters.reports_sent.add(1);
        }
    }
}

/// Sends, or counts why not. Never blocks: what the system does not take now is too late in a moment.
fn send(socket: &UdpSocket, to: Option<SocketAddr>, packet: &[u8], counters: &Counters) -> bool {
    let Some(to) = to else { return false };
    let cause = match socket.send_to(packet, to) {
        Ok(_) => return true,
        Err(error) if error.kind() == ErrorKind::WouldBlock => DropCause::SendBufferFull,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => DropCause::Refused,
        Err(_) => DropCause::SendFailed,
    };
    counters.drop_packet(cause);
    false
}
