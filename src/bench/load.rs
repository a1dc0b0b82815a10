//! Very many callers in one thread: a table of calls, a heap of timers, one socket. Places calls at a rate, answers what
//! the engine asks, retransmits as RFC 3261 §17.1 wants it, hangs up when told or when the time has come.

use super::engine::NUMBER;
use super::histogram::Histogram;
use super::message::{Audio, Caller, Far, far, respond};
use super::sinks::Sinks;
use crate::sip::codec;
use crate::sip::message::{Message, Method, Request, Response};
use crate::sip::uri::NameAddr;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// 64·T1: no answer by then is none at all (timers B and F).
const GIVE_UP: Duration = Duration::from_secs(32);
/// Between two BYEs when all hang up.
const FAREWELL: Duration = Duration::from_micros(500);
/// Calls of one run at most.
pub(super) const CALLS_MAX: usize = 2_000_000;

/// What the load does.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub server: SocketAddr,
    pub count: usize,
    pub per_second: f64,
    /// From the answer to the BYE; `None`: until told.
    pub hold: Option<Duration>,
    pub sinks: Vec<SocketAddr>,
    pub audio: Audio,
    /// Where each caller shall send his sound is told here, with his index.
    pub answered: Option<Sender<(usize, Far)>>,
}

impl Plan {
    /// Callers who speak µ-law and stay until told.
    pub fn of(server: SocketAddr, count: usize, per_second: f64, sinks: &Sinks) -> Plan {
        let sinks = sinks.addresses.clone();
        Plan { server, count, per_second, hold: None, sinks, audio: Audio::PLAIN, answered: None }
    }
}

/// What became of the calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub attempted: u64,
    pub answered: u64,
    /// Answered, and ended with a BYE that was answered.
    pub completed: u64,
    pub ended_by_engine: u64,
    pub bye_unanswered: u64,
    /// Not answered, by final status; 0: no response.
    pub refused: BTreeMap<u16, u64>,
    pub retransmitted: u64,
    /// INVITE to the first response of any kind.
    pub first_response: Histogram,
    /// INVITE to 200.
    pub answer: Histogram,
    /// From the first to the last INVITE.
    pub placing: Duration,
    /// When each call was placed.
    pub placed_at: Vec<Instant>,
}

/// What others see while it runs.
#[derive(Default)]
struct Progress {
    held: AtomicUsize,
    over: AtomicUsize,
    stop: AtomicBool,
}

pub(super) struct Load {
    progress: Arc<Progress>,
    thread: JoinHandle<Tally>,
}

impl Load {
    /// Begins to call.
    pub fn start(plan: Plan) -> io::Result<Load> {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?;
        // Not granted in full everywhere; what overflows is retransmitted.
        let _ = socket.set_recv_buffer_size(4 << 20);
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        socket.set_nonblocking(true)?;
        let mut socket = UdpSocket::from_std(socket.into());
        let poll = Poll::new()?;
        poll.registry().register(&mut socket, Token(0), Interest::READABLE)?;
        let progress = Arc::new(Progress::default());
        let worker = Worker::new(plan, socket, Arc::clone(&progress))?;
        let thread = thread::Builder::new().name("callers".into()).spawn(move || worker.run(poll))?;
        Ok(Load { progress, thread })
    }

    /// Calls answered and not over.
    pub fn held(&self) -> usize {
        self.progress.held.load(Ordering::Acquire)
    }

    /// Calls that are over, however they ended.
    pub fn over(&self) -> usize {
        self.progress.over.load(Ordering::Acquire)
    }

    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// No more calls; those that stand hang up.
    pub fn stop(&self) {
        self.progress.stop.store(true, Ordering::Release);
    }

    /// The tally, once all calls are over; at the latest 64·T1 after the last has begun to end.
    pub fn finish(self) -> io::Result<Tally> {
        self.thread.join().map_err(|_| io::Error::other("the calling thread has failed"))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    Inviting,
    Proceeding,
    Held,
    Leaving,
    Over,
}

struct Call {
    stage: Stage,
    began: Instant,
    pause: Duration,
    /// The timer that counts; earlier ones are void.
    timer: u32,
    to_tag: Box<str>,
    target: Box<str>,
}

struct Worker {
    plan: Plan,
    socket: UdpSocket,
    local: SocketAddr,
    run: u32,
    progress: Arc<Progress>,
    calls: Vec<Call>,
    placed: usize,
    timers: BinaryHeap<Reverse<(Instant, usize, u32)>>,
    began: Instant,
    stopping: bool,
    tally: Tally,
}

impl Worker {
    fn new(plan: Plan, socket: UdpSocket, progress: Arc<Progress>) -> io::Result<Self> {
        let now = Instant::now();
        let idle = || Call {
            stage: Stage::Idle,
            began: now,
            pause: T1,
            timer: 0,
            to_tag: "".into(),
            target: "".into(),
        };
        let calls = (0..plan.count.min(CALLS_MAX)).map(|_| idle()).collect();
        let (local, run) = (socket.local_addr()?, getrandom::u32().unwrap_or(1));
        let (timers, tally) = (BinaryHeap::new(), Tally::default());
        Ok(Self {
            plan,
            socket,
            local,
            run,
            progress,
            calls,
            placed: 0,
            timers,
            began: now,
            stopping: false,
            tally,
        })
    }

    fn run(mut self, mut poll: Poll) -> Tally {
        let mut events = Events::with_capacity(8);
        self.began = Instant::now();
        loop {
            let now = Instant::now();
            if self.progress.stop.load(Ordering::Acquire) && !self.stopping {
                self.leave_all(now);
            }
            self.place_due(now);
            self.fire_due(now);
            let placing = !self.stopping && self.placed < self.calls.len();
            if !placing && self.progress.over.load(Ordering::Relaxed) >= self.placed {
                return self.tally;
            }
            if poll.poll(&mut events, Some(self.pause(now))).is_ok() && !events.is_empty() {
                self.drain();
            }
        }
    }

    /// Until something is due, but never so long that a stop is not seen.
    fn pause(&self, now: Instant) -> Duration {
        let mut next = now + Duration::from_millis(20);
        if !self.stopping && self.placed < self.calls.len() {
            next = next.min(self.due(self.placed));
        }
        if let Some(Reverse((at, ..))) = self.timers.peek() {
            next = next.min(*at);
        }
        // The poll rounds up to milliseconds: better a little early and once more than late.
        let pause = next.saturating_duration_since(now);
        if pause < Duration::from_millis(1) { Duration::ZERO } else { pause }
    }

    fn due(&self, index: usize) -> Instant {
        self.began + Duration::from_secs_f64(index as f64 / self.plan.per_second.max(0.001))
    }

    fn place_due(&mut self, now: Instant) {
        while !self.stopping && self.placed < self.calls.len() && self.due(self.placed) <= now {
            let index = self.placed;
            self.placed += 1;
            self.tally.attempted += 1;
            self.tally.placing = now - self.began;
            self.tally.placed_at.push(now);
            if let Some(call) = self.calls.get_mut(index) {
                (call.stage, call.began, call.pause) = (Stage::Inviting, now, T1);
            }
            self.send(&self.caller(index).invite(NUMBER));
            self.set_timer(index, now + T1);
        }
    }

    fn caller(&self, index: usize) -> Caller {
        let sink = self.plan.sinks.get(index % self.plan.sinks.len().max(1)).copied().unwrap_or(self.local);
        Caller {
            index,
            run: self.run,
            local: self.local,
            server: self.plan.server,
            sink,
            audio: self.plan.audio,
        }
    }

    fn send(&self, bytes: &[u8]) {
        // A full buffer loses it, as the network might: it is sent again.
        let _ = self.socket.send_to(bytes, self.plan.server);
    }

    fn set_timer(&mut self, index: usize, at: Instant) {
        if let Some(call) = self.calls.get_mut(index) {
            call.timer = call.timer.wrapping_add(1);
            self.timers.push(Reverse((at, index, call.timer)));
        }
    }

    fn fire_due(&mut self, now: Instant) {
        while let Some(&Reverse((at, index, timer))) = self.timers.peek() {
            if at > now {
                return;
            }
            self.timers.pop();
            if self.calls.get(index).is_some_and(|call| call.timer == timer) {
                self.fire(index, now);
            }
        }
    }

    fn fire(&mut self, index: usize, now: Instant) {
        let Some(call) = self.calls.get_mut(index) else { return };
        let expired = now.saturating_duration_since(call.began) >= GIVE_UP;
        match call.stage {
            Stage::Idle | Stage::Over => {}
            Stage::Held => self.leave(index, now),
            Stage::Inviting if !expired => {
                call.pause *= 2;
                let next = now + call.pause;
                self.tally.retransmitted += 1;
                self.send(&self.caller(index).invite(NUMBER));
                self.set_timer(index, next);
            }
            Stage::Leaving if !expired => {
                call.pause = (call.pause * 2).min(T2);
                let next = now + call.pause;
                self.tally.retransmitted += 1;
                self.send_bye(index);
                self.set_timer(index, next);
            }
            Stage::Inviting | Stage::Proceeding => self.refused(index, 0),
            Stage::Leaving => {
                self.tally.bye_unanswered += 1;
                self.over(index);
            }
        }
    }

    fn refused(&mut self, index: usize, status: u16) {
        *self.tally.refused.entry(status).or_default() += 1;
        self.over(index);
    }

    fn over(&mut self, index: usize) {
        let Some(call) = self.calls.get_mut(index) else { return };
        if matches!(call.stage, Stage::Held | Stage::Leaving) {
            self.progress.held.fetch_sub(1, Ordering::AcqRel);
        }
        call.stage = Stage::Over;
        self.progress.over.fetch_add(1, Ordering::AcqRel);
    }

    fn leave_all(&mut self, now: Instant) {
        self.stopping = true;
        let mut at = now;
        for index in 0..self.placed {
            match self.calls.get(index).map(|call| call.stage) {
                Some(Stage::Held) => {
                    at += FAREWELL;
                    self.set_timer(index, at);
                }
                // Whoever has no answer yet is not waited for.
                Some(Stage::Inviting | Stage::Proceeding) => self.refused(index, 0),
                Some(Stage::Idle | Stage::Leaving | Stage::Over) | None => {}
            }
        }
    }

    fn leave(&mut self, index: usize, now: Instant) {
        if let Some(call) = self.calls.get_mut(index) {
            (call.stage, call.began, call.pause) = (Stage::Leaving, now, T1);
        }
        self.send_bye(index);
        self.set_timer(index, now + T1);
    }

    fn send_bye(&self, index: usize) {
        if let Some(call) = self.calls.get(index) {
            self.send(&self.caller(index).bye(NUMBER, &call.to_tag, &call.target));
        }
    }

    fn drain(&mut self) {
        let mut datagram = vec![0; codec::MESSAGE_SIZE_MAX_BYTES];
        loop {
            match self.socket.recv_from(&mut datagram) {
                Ok((length, from)) => match codec::parse(datagram.get(..length).unwrap_or_default()) {
                    Ok(Message::Response(response)) => self.on_response(&response),
                    Ok(Message::Request(request)) => self.on_request(&request, from),
                    Err(_) => {}
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // An ICMP error of an earlier packet.
                Err(_) => {}
            }
        }
    }

    fn index_of(&self, call_id: Option<&str>) -> Option<usize> {
        Caller::index_of(call_id?, self.run).filter(|index| *index < self.placed)
    }

    fn on_response(&mut self, response: &Response) {
        let Some(index) = self.index_of(response.headers.first("Call-ID")) else { return };
        let cseq = response.headers.first("CSeq").unwrap_or_default();
        if cseq.ends_with("INVITE") {
            self.on_invite_response(index, response);
        } else if cseq.ends_with("BYE")
            && response.status >= 200
            && self.calls.get(index).is_some_and(|call| call.stage == Stage::Leaving)
        {
            self.tally.completed += u64::from(response.status < 300);
            self.over(index);
        }
    }

    fn on_invite_response(&mut self, index: usize, response: &Response) {
        let now = Instant::now();
        let Some(call) = self.calls.get_mut(index) else { return };
        let waited = now.saturating_duration_since(call.began);
        if call.stage == Stage::Inviting {
            self.tally.first_response.add(waited);
        }
        let pending = matches!(call.stage, Stage::Inviting | Stage::Proceeding);
        match response.status {
            ..200 if pending => {
                call.stage = Stage::Proceeding;
                let give_up = call.began + GIVE_UP;
                self.set_timer(index, give_up);
            }
            ..200 => {}
            200..300 if pending => {
                call.stage = Stage::Held;
                call.to_tag = response.to_tag().unwrap_or_default().into();
                call.target = contact(response).unwrap_or_else(|| format!("sip:{}", self.plan.server)).into();
                self.tally.answered += 1;
                self.tally.answer.add(waited);
                self.progress.held.fetch_add(1, Ordering::AcqRel);
                if let (Some(answered), Some(to)) = (&self.plan.answered, far(&response.body)) {
                    let _ = answered.send((index, to));
                }
                self.acknowledge(index);
                let end = self.plan.hold.map_or(now + Duration::from_secs(86_400), |hold| now + hold);
                self.set_timer(index, end);
            }
            // Its ACK was lost.
            200..300 => self.acknowledge(index),
            status => {
                let tag = response.to_tag().unwrap_or_default();
                self.send(&self.caller(index).ack(NUMBER, &tag, None));
                if pending {
                    self.refused(index, status);
                }
            }
        }
    }

    fn acknowledge(&self, index: usize) {
        if let Some(call) = self.calls.get(index) {
            self.send(&self.caller(index).ack(NUMBER, &call.to_tag, Some(&call.target)));
        }
    }

    fn on_request(&mut self, request: &Request, from: SocketAddr) {
        let index = self.index_of(request.headers.first("Call-ID"));
        let answer = match (&request.method, index) {
            (Method::Ack, _) => return,
            (_, None) => respond(request, "481 Call/Transaction Does Not Exist", "x", None),
            (Method::Bye, Some(index)) => {
                if self.calls.get(index).is_some_and(|call| call.stage == Stage::Held) {
                    self.tally.ended_by_engine += 1;
                    self.over(index);
                }
                respond(request, "200 OK", "x", None)
            }
            (Method::Invite | Method::Update, Some(index)) => {
                let media = (self.local, self.caller(index).sink, self.plan.audio);
                respond(request, "200 OK", "x", Some(media))
            }
            (_, Some(_)) => respond(request, "200 OK", "x", None),
        };
        let _ = self.socket.send_to(&answer, from);
    }
}

fn contact(response: &Response) -> Option<String> {
    let contact = response.headers.values("Contact").next()?;
    Some(contact.parse::<NameAddr>().ok()?.uri.to_string())
}
