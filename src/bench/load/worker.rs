//! The calling thread: a table of calls, a heap of timers, one socket. Places calls when they are due, answers what the
//! engine asks, repeats what is not answered, hangs up when told or when the time has come.

use super::caller::{Call, Due, GIVE_UP, Stage, T1};
use super::{CALLS_MAX, GOOD_WITHIN, Plan, Progress, Tally, due_after};
use crate::bench::engine::NUMBER;
use crate::bench::message::{Answer, Caller, far, respond};
use crate::bench::post::{self, Post};
use crate::sip::codec;
use crate::sip::message::{Message, Method, Request};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// Between two looks at the socket: while something goes on, and while nothing does.
const LOOK_EVERY: Duration = Duration::from_micros(500);
const LOOK_IDLY_EVERY: Duration = Duration::from_millis(5);
/// Between two BYEs when all hang up.
const FAREWELL: Duration = Duration::from_micros(500);
/// A call that stays until told.
const LONG: Duration = Duration::from_secs(86_400);

pub(super) struct Worker {
    plan: Plan,
    post: Post,
    run: u32,
    progress: Arc<Progress>,
    calls: Vec<Call>,
    placed: usize,
    timers: BinaryHeap<Reverse<(Duration, usize, u32)>>,
    begin: Duration,
    stopping: bool,
    tally: Tally,
}

impl Worker {
    pub fn new(plan: Plan, progress: Arc<Progress>) -> io::Result<Self> {
        let calls = (0..plan.count.min(CALLS_MAX)).map(|_| Call::idle()).collect();
        Ok(Self {
            post: Post::open(Ipv4Addr::LOCALHOST)?,
            run: getrandom::u32().unwrap_or(1),
            progress,
            calls,
            placed: 0,
            timers: BinaryHeap::new(),
            begin: plan.begin.unwrap_or_else(post::now),
            plan,
            stopping: false,
            tally: Tally::default(),
        })
    }

    pub fn run(mut self) -> Tally {
        let mut datagram = post::room();
        loop {
            let now = post::now();
            if self.progress.stop.load(Ordering::Acquire) && !self.stopping {
                self.leave_all(now);
            }
            self.place_due();
            self.fire_due(now);
            let placing = !self.stopping && self.placed < self.calls.len();
            if !placing && self.progress.over.load(Ordering::Relaxed) >= self.placed {
                return self.tally;
            }
            let look = if self.drain(&mut datagram) > 0 { LOOK_EVERY } else { LOOK_IDLY_EVERY };
            thread::sleep(self.next_due().saturating_sub(post::now()).min(look));
        }
    }

    /// When the next call or timer is due.
    fn next_due(&self) -> Duration {
        let placing = !self.stopping && self.placed < self.calls.len();
        let call = if placing { self.due(self.placed) } else { Duration::MAX };
        self.timers.peek().map_or(call, |Reverse((at, ..))| call.min(*at))
    }

    fn due(&self, index: usize) -> Duration {
        self.begin + due_after(self.number(index), self.plan.per_second)
    }

    /// The number among all callers of the run.
    fn number(&self, index: usize) -> usize {
        self.plan.number + index * self.plan.of
    }

    fn place_due(&mut self) {
        while !self.stopping && self.placed < self.calls.len() {
            let (index, now) = (self.placed, post::now());
            let due = self.due(index);
            if due > now {
                return;
            }
            self.placed += 1;
            self.tally.attempted += 1;
            self.tally.placing = now.saturating_sub(self.begin);
            self.tally.late.add(now - due);
            if let Some(call) = self.calls.get_mut(index) {
                *call = Call { stage: Stage::Inviting, due, began: now, ..Call::idle() };
            }
            self.send(&self.caller(index).invite(NUMBER));
            self.set_timer(index, now + T1);
        }
    }

    fn caller(&self, index: usize) -> Caller {
        let number = self.number(index);
        let sinks = &self.plan.sinks;
        Caller {
            index: number,
            run: self.run,
            local: self.post.address,
            server: self.plan.server,
            sink: sinks.get(number % sinks.len().max(1)).copied().unwrap_or(self.post.address),
            audio: self.plan.audio,
        }
    }

    fn send(&self, bytes: &[u8]) {
        self.post.send(bytes, self.plan.server);
    }

    fn set_timer(&mut self, index: usize, at: Duration) {
        if let Some(call) = self.calls.get_mut(index) {
            call.timer = call.timer.wrapping_add(1);
            self.timers.push(Reverse((at, index, call.timer)));
        }
    }

    fn fire_due(&mut self, now: Duration) {
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

    fn fire(&mut self, index: usize, now: Duration) {
        let due = self.calls.get_mut(index).map_or(Due::Nothing, |call| call.fire(now));
        match due {
            Due::Nothing => {}
            Due::HangUp => self.leave(index, now),
            Due::InviteAgain(pause) => {
                self.tally.retransmitted += 1;
                self.send(&self.caller(index).invite(NUMBER));
                self.set_timer(index, now + pause);
            }
            Due::ByeAgain(pause) => {
                self.tally.retransmitted += 1;
                self.send_bye(index);
                self.set_timer(index, now + pause);
            }
            Due::NoAnswer => self.refused(index, 0),
            Due::NoAnswerToBye => {
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
        if call.is_up() {
            self.progress.held.fetch_sub(1, Ordering::AcqRel);
        }
        // Its timers are void, and what they would be about is forgotten.
        *call = Call { stage: Stage::Over, timer: call.timer.wrapping_add(1), ..Call::idle() };
        self.progress.over.fetch_add(1, Ordering::AcqRel);
    }

    fn leave_all(&mut self, now: Duration) {
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

    fn leave(&mut self, index: usize, now: Duration) {
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

    /// Reads what is there, and says how much it was.
    fn drain(&mut self, datagram: &mut [u8]) -> usize {
        let mut count = 0;
        while let Some(arrived) = self.post.take(datagram) {
            count += 1;
            let bytes = datagram.get(..arrived.length).unwrap_or_default();
            if let Some(answer) = Answer::read(bytes) {
                self.on_answer(&answer, arrived.at);
            } else if let Ok(Message::Request(request)) = codec::parse(bytes) {
                self.on_request(&request, arrived.from);
            }
        }
        count
    }

    fn index_of(&self, call_id: &str) -> Option<usize> {
        let number = Caller::index_of(call_id, self.run)?.checked_sub(self.plan.number)?;
        let index = number / self.plan.of.max(1);
        (number.is_multiple_of(self.plan.of.max(1)) && index < self.placed).then_some(index)
    }

    fn on_answer(&mut self, answer: &Answer<'_>, at: Duration) {
        let Some(index) = self.index_of(answer.call_id) else { return };
        if answer.method == "INVITE" {
            self.on_invite_answer(index, answer, at);
        } else if answer.method == "BYE"
            && answer.status >= 200
            && self.calls.get(index).is_some_and(|call| call.stage == Stage::Leaving)
        {
            let well = answer.status < 300;
            self.tally.completed += u64::from(well);
            self.tally.good += u64::from(well && self.calls.get(index).is_some_and(|call| call.good));
            self.over(index);
        }
    }

    fn on_invite_answer(&mut self, index: usize, answer: &Answer<'_>, at: Duration) {
        let Some(call) = self.calls.get_mut(index) else { return };
        let waited = at.saturating_sub(call.due);
        if call.stage == Stage::Inviting {
            self.tally.first_response.add(waited);
        }
        let pending = call.is_pending();
        match answer.status {
            ..200 if pending => {
                call.stage = Stage::Proceeding;
                let give_up = call.began + GIVE_UP;
                self.set_timer(index, give_up);
            }
            ..200 => {}
            200..300 if pending => {
                call.stage = Stage::Held;
                call.to_tag = answer.to_tag.into();
                call.target = answer.contact.into();
                call.good = waited <= GOOD_WITHIN;
                self.tally.answered += 1;
                self.tally.answer.add(waited);
                self.progress.held.fetch_add(1, Ordering::AcqRel);
                if let (Some(answered), Some(to)) = (&self.plan.answered, far(answer.body)) {
                    let _ = answered.send((self.number(index), to));
                }
                self.acknowledge(index);
                self.set_timer(index, at + self.plan.hold.unwrap_or(LONG));
            }
            200..300 => self.on_late_answer(index, answer),
            status => {
                self.send(&self.caller(index).ack(NUMBER, answer.to_tag, None));
                if pending {
                    self.refused(index, status);
                }
            }
        }
    }

    /// Its ACK was lost, or it comes to one who has given up: he hangs up at once (RFC 3261 §13.2.2.4).
    fn on_late_answer(&mut self, index: usize, answer: &Answer<'_>) {
        let (caller, target) = (self.caller(index), answer.contact);
        self.send(&caller.ack(NUMBER, answer.to_tag, Some(target)));
        if self.calls.get(index).is_some_and(|call| call.stage == Stage::Over) {
            self.send(&caller.bye(NUMBER, answer.to_tag, target));
        }
    }

    fn acknowledge(&self, index: usize) {
        if let Some(call) = self.calls.get(index) {
            self.send(&self.caller(index).ack(NUMBER, &call.to_tag, Some(&call.target)));
        }
    }

    fn on_request(&mut self, request: &Request, from: SocketAddr) {
        let index = self.index_of(request.headers.first("Call-ID").unwrap_or_default());
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
                let media = (self.post.address, self.caller(index).sink, self.plan.audio);
                respond(request, "200 OK", "x", Some(media))
            }
            (_, Some(_)) => respond(request, "200 OK", "x", None),
        };
        self.post.send(&answer, from);
    }
}
