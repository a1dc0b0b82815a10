//! The agents' phones of a benchmark: one socket and one thread for all of them. Whoever is called answers at once; the
//! same request gets the same answer, so that retransmissions need no memory. They note when each caller was offered, and
//! how long each agent had nothing to do between two calls.

use super::histogram::Histogram;
use super::load::CALLS_MAX;
use super::message::{Audio, Caller, Far, far, hang_up, respond};
use super::post::{self, Post};
use crate::sip::codec;
use crate::sip::message::{Message, Method, Request};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Between two looks at the socket.
const LOOK_EVERY: Duration = Duration::from_micros(500);

/// What the agents saw.
#[derive(Debug, Default)]
pub(super) struct Offers {
    /// When each caller was first offered, since 1970; known by the number in From.
    pub offered: HashMap<usize, Duration>,
    /// Calls answered and acknowledged.
    pub answered: u64,
    /// From the BYE that ended an agent's call to the INVITE of his next.
    pub idle: Histogram,
}

pub(super) struct Phones {
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Offers>,
}

/// How the agents behave.
#[derive(Clone, Debug, Default)]
pub(super) struct Manner {
    pub answered: Option<Answered>,
    /// After so long they hang up; `None`: that is left to the callers.
    pub talk: Option<Duration>,
    /// Idle time counts from then on, since 1970.
    pub idle_from: Duration,
}

/// Who is told of each answered call: the caller's index, the sink, and where the agent's sound goes.
pub(super) type Answered = Sender<(usize, SocketAddr, Far)>;

impl Phones {
    /// Phones whose calls send their sound to these sinks.
    pub fn start(sinks: Vec<SocketAddr>, audio: Audio, manner: Manner) -> io::Result<Phones> {
        let post = Post::open(Ipv4Addr::LOCALHOST)?;
        let address = post.address;
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let desk = Desk {
            post,
            sinks,
            audio,
            manner,
            talks: HashMap::new(),
            ends: BinaryHeap::new(),
            free_since: HashMap::new(),
            offers: Offers::default(),
        };
        let thread = thread::Builder::new().name("agents".into()).spawn(move || desk.serve(&seen))?;
        Ok(Phones { address, stop, thread })
    }

    pub fn finish(self) -> io::Result<Offers> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().map_err(|_| io::Error::other("the agents' thread has failed"))
    }
}

/// A call in progress, by its Call-ID.
struct Talk {
    agent: String,
    bye: Vec<u8>,
    to: SocketAddr,
    talks: bool,
}

struct Desk {
    post: Post,
    sinks: Vec<SocketAddr>,
    audio: Audio,
    manner: Manner,
    talks: HashMap<String, Talk>,
    ends: BinaryHeap<Reverse<(Duration, String)>>,
    free_since: HashMap<String, Duration>,
    offers: Offers,
}

impl Desk {
    fn serve(mut self, stop: &AtomicBool) -> Offers {
        let mut datagram = post::room();
        while !stop.load(Ordering::Acquire) {
            self.end_due();
            while let Some(arrived) = self.post.take(&mut datagram) {
                let bytes = datagram.get(..arrived.length).unwrap_or_default();
                if let Ok(Message::Request(request)) = codec::parse(bytes) {
                    self.asked(&request, arrived.from, arrived.at);
                }
            }
            thread::sleep(LOOK_EVERY);
        }
        self.offers
    }

    /// Agents who have talked long enough hang up.
    fn end_due(&mut self) {
        let now = post::now();
        while self.ends.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Some(Reverse((_, call_id))) = self.ends.pop() else { return };
            if let Some(talk) = self.talks.remove(&call_id) {
                self.free_since.insert(talk.agent, post::now());
                self.post.send(&talk.bye, talk.to);
            }
        }
    }

    fn asked(&mut self, request: &Request, from: SocketAddr, at: Duration) {
        let call_id = request.headers.first("Call-ID").unwrap_or_default();
        let caller = request.headers.first("From").and_then(Caller::index_in_from);
        let sink = self.sinks.get(caller.unwrap_or_default() % self.sinks.len().max(1)).copied();
        let media = (self.post.address, sink.unwrap_or(self.post.address), self.audio);
        match request.method {
            Method::Ack => {
                self.offers.answered += 1;
                if let (Some(talk), Some(length)) = (self.talks.get_mut(call_id), self.manner.talk)
                    && !std::mem::replace(&mut talk.talks, true)
                {
                    self.ends.push(Reverse((at + length, call_id.to_owned())));
                }
                return;
            }
            Method::Invite if request.to_tag().is_none() => self.invited(request, caller, media.1, from, at),
            Method::Bye => {
                if let Some(talk) = self.talks.remove(call_id) {
                    self.free_since.insert(talk.agent, at);
                }
            }
            _ => {}
        }
        let media = matches!(request.method, Method::Invite | Method::Update).then_some(media);
        self.post.send(&respond(request, "200 OK", "agent", media), from);
    }

    fn invited(
        &mut self,
        request: &Request,
        caller: Option<usize>,
        sink: SocketAddr,
        from: SocketAddr,
        at: Duration,
    ) {
        let call_id = request.headers.first("Call-ID").unwrap_or_default();
        if self.talks.contains_key(call_id) {
            return;
        }
        let agent = request.uri.split('@').next().unwrap_or_default().to_owned();
        if let Some(since) = self.free_since.remove(&agent).filter(|since| *since >= self.manner.idle_from) {
            self.offers.idle.add(at.saturating_sub(since));
        }
        if let Some(caller) = caller.filter(|_| self.offers.offered.len() < CALLS_MAX) {
            self.offers.offered.entry(caller).or_insert(at);
        }
        if let (Some(answered), Some(caller), Some(to)) = (&self.manner.answered, caller, far(&request.body))
        {
            let _ = answered.send((caller, sink, to));
        }
        let bye = hang_up(request, "agent", self.post.address);
        self.talks.insert(call_id.to_owned(), Talk { agent, bye, to: from, talks: false });
    }
}
