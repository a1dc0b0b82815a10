//! The agents' phones of a benchmark: one socket and one thread for all of them, and no state at all. Whoever is called
//! answers at once; the same request gets the same answer, so that retransmissions need no memory.

use super::message::respond;
use crate::sip::codec;
use crate::sip::message::{Message, Method, Request};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub(super) struct Phones {
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Phones {
    /// Phones whose calls send their sound to these sinks.
    pub fn start(sinks: Vec<SocketAddr>) -> io::Result<Phones> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let address = socket.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let run = move || serve(&socket, address, &sinks, &seen);
        let thread = thread::Builder::new().name("agents".into()).spawn(run)?;
        Ok(Phones { address, stop, thread })
    }

    pub fn finish(self) -> io::Result<()> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().map_err(|_| io::Error::other("the agents' thread has failed"))
    }
}

fn serve(socket: &UdpSocket, address: SocketAddr, sinks: &[SocketAddr], stop: &AtomicBool) {
    let mut datagram = vec![0; codec::MESSAGE_SIZE_MAX_BYTES];
    let mut calls = 0;
    while !stop.load(Ordering::Acquire) {
        let Ok((length, from)) = socket.recv_from(&mut datagram) else { continue };
        let Ok(Message::Request(request)) = codec::parse(datagram.get(..length).unwrap_or_default()) else {
            continue;
        };
        calls += usize::from(request.method == Method::Invite);
        let sink = sinks.get(calls % sinks.len().max(1)).copied().unwrap_or(address);
        if let Some(answer) = answer(&request, address, sink) {
            let _ = socket.send_to(&answer, from);
        }
    }
}

fn answer(request: &Request, address: SocketAddr, sink: SocketAddr) -> Option<Vec<u8>> {
    match request.method {
        Method::Ack => None,
        Method::Invite | Method::Update => Some(respond(request, "200 OK", "agent", Some((address, sink)))),
        _ => Some(respond(request, "200 OK", "agent", None)),
    }
}
