//! A waiting caller's own lane: a second socket on his port, connected to where he is. Sends and is read; decides nothing.
//!
//! The system looks up the way of each packet that leaves an unconnected socket, and checks it; a connected one knows it.
//! It cannot take the first one's place: it hears only the one address it is connected to, and a phone whose NAT moved it
//! comes back from another. So both lie on the port: the system gives what comes from that address to the connected one,
//! and all else to the first.

use super::packets::account;
use super::{SLOTS, Source, Worker};
use crate::media::counters::Counters;
use crate::media::sockets;
use mio::net::UdpSocket;
use rustix::net::{SendFlags, send};
use std::io;
use std::net::SocketAddr;

/// The first socket's packets, of which there are hardly any then, are fetched in every so many of the leg's frames.
const FRAMES_BETWEEN: u64 = 48;

/// The second socket.
#[derive(Debug)]
pub(super) struct Lane {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Lane {
    /// Beside the leg's first socket.
    fn open(first: &UdpSocket, to: SocketAddr) -> io::Result<Lane> {
        Ok(Lane { socket: sockets::beside(first, to)?, to })
    }

    /// Sends, or counts why not.
    pub(super) fn send(&self, packet: &[u8], counters: &Counters) -> bool {
        account(send(&self.socket, packet, SendFlags::DONTWAIT), counters)
    }

    /// The socket, to be read.
    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Whether it leads there.
    pub(super) fn leads_to(&self, to: SocketAddr) -> bool {
        self.to == to
    }
}

impl Worker {
    /// Gives a leg that hears music a lane, once it has been at the same address from one look to the next: short calls
    /// need none. Looked at once a second.
    pub(super) fn keep_lane(&mut self, at: usize) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        let to = leg.session.destination().filter(|_| matches!(leg.source, Source::Playing(_)));
        let stayed = std::mem::replace(&mut leg.was_at, to) == to;
        let fits = match (&leg.lane, to) {
            (Some(lane), Some(to)) => lane.leads_to(to),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if fits {
            return;
        }
        self.leave_lane(at);
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        if let Some(to) = to.filter(|_| stayed) {
            // Without one it goes on as before; where descriptors are short, calls need them more.
            leg.lane = Lane::open(&leg.rtp, to).ok();
        }
    }

    /// The leg has its first socket alone again. What its lane still holds is not lost.
    pub(super) fn leave_lane(&mut self, at: usize) {
        self.read_lane(at);
        if let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) {
            leg.lane = None;
        }
    }

    /// Whether the first socket of a leg with a lane is looked at in this frame too.
    pub(super) fn looks_beside(at: usize, slot: u64) -> bool {
        (slot / SLOTS + at as u64).is_multiple_of(FRAMES_BETWEEN)
    }
}
