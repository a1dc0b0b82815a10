//! Paced packets between their making and their sending. A few dozen legs are prepared one after the other, then their
//! packets are handed to the system one after the other: so the memory of several legs is fetched at the same time, and
//! neither our code nor the system's pushes the other out of the caches at each packet. Decides nothing.
//!
//! Each leg has a socket of its own (its port is what was announced, RFC 4961), so that no system call takes packets of
//! several: `sendmmsg` is of one socket, and `io_uring` with registered sockets was measured and costs more.

use super::packets::send;
use super::{SLOT_US, Worker};
use crate::media::rtp::DATAGRAM_MAX;
use std::net::SocketAddr;
use std::time::Duration;

/// Packets that are made before they are sent. Their making takes some microseconds: nobody is late because of it.
const PACKETS_MAX: usize = 32;
/// Room for so many of G.711 with SRTP, and one of the longest.
const BYTES_MAX: usize = PACKETS_MAX * 256 + DATAGRAM_MAX;

/// One packet.
#[derive(Clone, Copy, Debug)]
struct Letter {
    /// Whose socket it leaves by.
    leg: usize,
    to: SocketAddr,
    start: usize,
    end: usize,
}

/// Packets that were made and not sent yet. Allocates once.
#[derive(Debug)]
pub(super) struct Outbox {
    letters: Vec<Letter>,
    bytes: Box<[u8]>,
    used: usize,
}

impl Outbox {
    pub(super) fn new() -> Outbox {
        Outbox { letters: Vec::with_capacity(PACKETS_MAX), bytes: vec![0; BYTES_MAX].into(), used: 0 }
    }

    /// Where the next packet is written; long enough for any, unless it is full.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.used..).unwrap_or_default()
    }

    /// Keeps what was written there.
    pub(super) fn keep(&mut self, leg: usize, to: SocketAddr, length: usize) {
        let (start, end) = (self.used, self.used + length);
        self.letters.push(Letter { leg, to, start, end });
        self.used = end;
    }

    pub(super) fn is_full(&self) -> bool {
        self.letters.len() == PACKETS_MAX || self.bytes.len() - self.used < DATAGRAM_MAX
    }
}

impl Worker {
    /// Sends what is in the outbox. One look at the clock serves all of it: each counts as sent when the last was.
    pub(super) fn send_all(&mut self, slot: u64) {
        let mut sent = 0;
        for &Letter { leg, to, start, end } in &self.outbox.letters {
            let (Some(Some(leg)), Some(packet)) = (self.legs.get(leg), self.outbox.bytes.get(start..end))
            else {
                continue;
            };
            sent += u64::from(match &leg.lane {
                Some(lane) if lane.leads_to(to) => lane.send(packet, &self.counters),
                Some(_) | None => send(&leg.rtp, Some(to), packet, &self.counters),
            });
        }
        self.outbox.letters.clear();
        self.outbox.used = 0;
        let lateness = self.clock.now().0.saturating_sub(slot * SLOT_US);
        self.counters.sent.add(sent);
        self.counters.late_by(Duration::from_micros(lateness), sent);
    }
}
