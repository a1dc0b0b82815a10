//! The agents' phones of a benchmark: one socket and one thread for all of them. Whoever is called answers at once; the
//! same request gets the same answer, so that retransmissions need no memory. They note when each caller was offered.

use super::load::CALLS_MAX;
use super::message::{Audio, Caller, Far, far, respond};
use crate::sip::codec;
use crate::sip::message::{Message, Method, Request};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What the agents saw.
#[derive(Debug, Default)]
pub(super) struct Offers {
    /// Which caller was offered, and when; known by the number in From.
    pub offered: Vec<(usize, Instant)>,
    /// Calls answered and acknowledged.
    pub answered: u64,
}

pub(super) struct Phones {
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Offers>,
}

impl Phones {
    /// Phones whose calls send their sound to these sinks.
    pub fn start(sinks: Vec<SocketAddr>, audio: Audio, answered: Option<Answered>) -> io::Result<Phones> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let address = socket.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let run = move || serve(&socket, address, &sinks, &Speech { audio, answered }, &seen);
        let thread = thread::Builder::new().name("agents".into()).spawn(run)?;
        Ok(Phones { address, stop, thread })
    }

    pub fn finish(self) -> io::Result<Offers> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().map_err(|_| io::Error::other("the agents' thread has failed"))
    }
}

/// Who is told of each answered call: the caller's index, the sink, and where the agent's sound goes.
pub(super) type Answered = Sender<(usize, SocketAddr, Far)>;

struct Speech {
    audio: Audio,
    answered: Option<Answered>,
}

fn serve(
    socket: &UdpSocket,
    address: SocketAddr,
    sinks: &[SocketAddr],
    speech: &Speech,
    stop: &AtomicBool,
) -> Offers {
    let mut datagram = vec![0; codec::MESSAGE_SIZE_MAX_BYTES];
    let mut calls = 0;
    let mut offers = Offers::default();
    while !stop.load(Ordering::Acquire) {
        let Ok((length, from)) = socket.recv_from(&mut datagram) else { continue };
        let Ok(Message::Request(request)) = codec::parse(datagram.get(..length).unwrap_or_default()) else {
            continue;
        };
        offers.answered += u64::from(request.method == Method::Ack);
        if request.method == Method::Invite {
            calls += 1;
            let caller = request.headers.first("From").and_then(Caller::index_in_from);
            offers
                .offered
                .extend(caller.filter(|_| calls <= CALLS_MAX).map(|caller| (caller, Instant::now())));
        }
        let caller = request.headers.first("From").and_then(Caller::index_in_from);
        let sink = sinks.get(caller.unwrap_or(calls) % sinks.len().max(1)).copied().unwrap_or(address);
        if request.method == Method::Invite
            && let (Some(answered), Some(caller), Some(to)) = (&speech.answered, caller, far(&request.body))
        {
            let _ = answered.send((caller, sink, to));
        }
        if let Some(answer) = answer(&request, address, sink, speech.audio) {
            let _ = socket.send_to(&answer, from);
        }
    }
    offers
}

fn answer(request: &Request, address: SocketAddr, sink: SocketAddr, audio: Audio) -> Option<Vec<u8>> {
    match request.method {
        Method::Ack => None,
        Method::Invite | Method::Update => {
            Some(respond(request, "200 OK", "agent", Some((address, sink, audio))))
        }
        _ => Some(respond(request, "200 OK", "agent", None)),
    }
}
