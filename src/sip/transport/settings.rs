//! The limits of the transports, what they ask of those at the other end, and their figures. It does nothing.

use super::origin::Origins;
use super::tls::Tls;
use crate::sip::flow::TrunkId;
use crate::sip::host::Host;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The limits of the transports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransportSettings {
    /// How many received messages may wait to be taken: of those that belong to something that stands, and of others.
    pub received_max: usize,
    /// Whether the bytes of received messages are passed on with them.
    pub keep_bytes: bool,
    /// How many messages may wait to be written to one connection.
    pub queued_per_connection_max: usize,
    /// The most connections, in and out.
    pub connections_max: usize,
    /// The most connections that one source may open to us: an address, or of IPv6 the /64 it is in.
    pub connections_per_source_max: usize,
    /// The most handshakes of TLS and WebSocket at once.
    pub handshakes_max: usize,
    /// A connection that brings nothing for so long is closed.
    pub idle: Duration,
    /// A message must be whole so long after its first byte, and a write done; and whoever opens a connection must have
    /// sent a first one so long after it was made.
    pub patience: Duration,
    /// How long a connection of ours may take to be made, its handshake included.
    pub connect: Duration,
    /// How long the handshakes of somebody else's may take.
    pub handshake: Duration,
    /// A WebSocket by which we have sent nothing for so long gets a ping (RFC 7118 §6): what lies between forgets those
    /// that are silent.
    pub keep_alive: Duration,
    /// The socket buffers asked for, in bytes; the system may give less.
    pub udp_buffer_bytes: usize,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            received_max: 8_192,
            keep_bytes: false,
            queued_per_connection_max: 256,
            connections_max: 4_096,
            connections_per_source_max: 256,
            handshakes_max: 1_024,
            idle: Duration::from_secs(900),
            patience: Duration::from_secs(20),
            connect: Duration::from_secs(4),
            handshake: Duration::from_secs(5),
            keep_alive: Duration::from_secs(30),
            udp_buffer_bytes: 8 << 20,
        }
    }
}

/// What is asked of those at the other end, and shown to them. It may be exchanged as a whole while connections are open:
/// those keep what they were made with.
#[derive(Clone, Debug, Default)]
pub struct PeerRules {
    /// Our certificates, and whom we trust; without them there is no TLS.
    pub tls: Option<Tls>,
    /// Which web pages may open a WebSocket.
    pub origins: Origins,
    /// The names of the trunks' servers, by [`TrunkId`].
    pub trunks: Vec<Option<Host>>,
}

impl PeerRules {
    /// The name a trunk's certificate must have.
    pub fn name_of(&self, trunk: TrunkId) -> Option<&Host> {
        self.trunks.get(trunk.0)?.as_ref()
    }
}

/// Figures for the metrics, all counted from the start.
#[derive(Debug, Default)]
pub struct TransportCounts {
    /// Messages received.
    pub received: AtomicU64,
    /// Messages dropped because nobody took them in time.
    pub dropped: AtomicU64,
    /// Datagrams and stream pieces that are no SIP message.
    pub malformed: AtomicU64,
    /// Messages given to a socket.
    pub sent: AtomicU64,
    /// Messages that could not be sent.
    pub unsent: AtomicU64,
    /// Connections turned away because there were too many.
    pub refused: AtomicU64,
    /// Messages and connections of those who are shut out: dropped unread.
    pub shut_out: AtomicU64,
    /// Connections given up because their handshake failed or took too long.
    pub handshakes_failed: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
