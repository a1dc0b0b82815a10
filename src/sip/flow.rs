//! Where a SIP message came from, and where it is sent: a plain address, never a socket.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;

/// What carries the messages of a flow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Transport {
    /// Datagrams: may be lost, doubled and reordered, so the transaction layer retransmits.
    Udp,
    /// One stream per peer: nothing is retransmitted above it (RFC 3261 §17.1.1.2).
    Tcp,
}

impl Transport {
    /// Whether the transport itself delivers or tells (RFC 3261 §17: no retransmission timers).
    pub fn is_reliable(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp => true,
        }
    }

    /// The token of a Via header: `UDP` or `TCP` (RFC 3261 §20.42).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// The transport a Via or a `transport=` parameter names, compared without case.
    pub fn from_token(token: &str) -> Option<Self> {
        if token.eq_ignore_ascii_case("udp") {
            Some(Self::Udp)
        } else if token.eq_ignore_ascii_case("tcp") {
            Some(Self::Tcp)
        } else {
            None
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One connection of a stream transport, never reused while the process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// A path between us and one peer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Flow {
    /// What carries it.
    pub transport: Transport,
    /// Our end: the address of the listener the message came in by, or is to leave by.
    pub local: SocketAddr,
    /// The peer's end, as the socket saw it; never what a header claims.
    pub remote: SocketAddr,
    /// The stream a message came in by. `None` for datagrams, and for a stream still to be found or opened.
    pub connection: Option<ConnectionId>,
}

impl Flow {
    /// A flow of datagrams.
    pub fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { transport: Transport::Udp, local, remote, connection: None }
    }

    /// A stream towards `remote`: an open one if there is one, else a new one.
    pub fn tcp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { transport: Transport::Tcp, local, remote, connection: None }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} <-> {}", self.transport, self.local, self.remote)
    }
}
