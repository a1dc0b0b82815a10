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
    /// A stream that nobody else reads (RFC 3261 §26.2.1).
    Tls,
    /// A WebSocket, which a browser has opened to us (RFC 7118).
    Ws,
    /// The same over TLS.
    Wss,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    /// Whether the transport itself delivers or tells (RFC 3261 §17: no retransmission timers).
    pub fn is_reliable(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp | Self::Tls | Self::Ws | Self::Wss => true,
        }
    }

    /// Whether what it carries is encrypted.
    pub fn is_secure(self) -> bool {
        match self {
            Self::Udp | Self::Tcp | Self::Ws => false,
            Self::Tls | Self::Wss => true,
        }
    }

    /// Whether we can open a way by it ourselves: nobody can call a browser, which opens its WebSocket to us.
    pub fn leads_out(self) -> bool {
        match self {
            Self::Udp | Self::Tcp | Self::Tls => true,
            Self::Ws | Self::Wss => false,
        }
    }

    /// The token of a Via header: `UDP` or `TCP` (RFC 3261 §20.42), `WS` or `WSS` (RFC 7118 §5.2).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The `transport` parameter of a URI that is reached by it; UDP needs none. Both WebSockets have the same
    /// (RFC 7118 §5.3).
    pub fn uri_param(self) -> Option<&'static str> {
        match self {
            Self::Udp => None,
            Self::Tcp => Some("tcp"),
            Self::Tls => Some("tls"),
            Self::Ws | Self::Wss => Some("ws"),
        }
    }

    /// The port where none is written (RFC 3261 §18.1.1, RFC 7118 §5.3: that of HTTP).
    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    /// The transport a Via or a `transport=` parameter names, compared without case.
    pub fn from_token(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| token.eq_ignore_ascii_case(it.as_str()))
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

impl ConnectionId {
    /// One of a process before this one, which is over: real ones count up from one.
    pub const BEFORE: Self = Self(0);
}

/// A trunk, by its place in [`SipSettings::trunks`](super::settings::SipSettings::trunks).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TrunkId(pub usize);

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
    /// The trunk it leads to, where a certificate must prove that it does (RFC 5922 §7.3); without one, the certificate
    /// must bear the address.
    pub trunk: Option<TrunkId>,
}

impl Flow {
    /// The way from `local` to `remote`: by an open stream if there is one, else by a new one.
    pub fn new(transport: Transport, local: SocketAddr, remote: SocketAddr) -> Self {
        Self { transport, local, remote, connection: None, trunk: None }
    }

    /// A flow of datagrams.
    pub fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self::new(Transport::Udp, local, remote)
    }

    /// A stream towards `remote`: an open one if there is one, else a new one.
    pub fn tcp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self::new(Transport::Tcp, local, remote)
    }

    /// The same way towards a trunk, whose name is then to be proven where the transport can.
    pub fn to_trunk(self, trunk: TrunkId) -> Self {
        Self { trunk: self.transport.is_secure().then_some(trunk), ..self }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} <-> {}", self.transport, self.local, self.remote)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_is_read_back_as_it_is_written() {
        for transport in Transport::ALL {
            assert_eq!(Transport::from_token(transport.as_str()), Some(transport));
            assert_eq!(Transport::from_token(&transport.as_str().to_lowercase()), Some(transport));
        }
        assert_eq!(["", "sctp", "tls-sctp"].map(Transport::from_token), [None; 3]);
    }
}
