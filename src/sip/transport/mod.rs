//! Sockets that carry SIP: bytes in are parsed and handed on, bytes out are sent. Decides nothing.
//!
//! Every queue is bounded. What comes in faster than it is taken is dropped and counted (UDP) or left in the socket (TCP);
//! what goes out never waits.

mod connections;
pub mod framing;
mod listen;
mod local;
mod shut_out;
mod tcp;
mod udp;

#[cfg(test)]
mod tests;

pub use listen::{Listen, ListenError, TransportError};

use super::codec;
use super::fault::{Fault, Malformed};
use super::flow::{Flow, Transport};
use super::message::Message;
use super::source::Source;
use connections::Connections;
use shut_out::ShutOut;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// The limits of the transports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransportSettings {
    /// How many received messages may wait to be taken.
    pub received_max: usize,
    /// How many messages may wait to be written to one connection.
    pub queued_per_connection_max: usize,
    /// The most connections, in and out.
    pub connections_max: usize,
    /// The most connections that one address may open to us.
    pub connections_per_source_max: usize,
    /// A connection that brings nothing for so long is closed.
    pub idle: Duration,
    /// A message must be whole so long after its first byte, and a write done.
    pub patience: Duration,
    /// How long a connection may take to be made.
    pub connect: Duration,
    /// The socket buffers asked for, in bytes; the system may give less.
    pub udp_buffer_bytes: usize,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            received_max: 8_192,
            queued_per_connection_max: 256,
            connections_max: 4_096,
            connections_per_source_max: 256,
            idle: Duration::from_secs(900),
            patience: Duration::from_secs(20),
            connect: Duration::from_secs(4),
            udp_buffer_bytes: 8 << 20,
        }
    }
}

/// What the transports tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Received {
    /// A message came.
    Message {
        /// The message.
        message: Message,
        /// The way it came.
        flow: Flow,
    },
    /// Something came that is no message, but can be answered ([`Malformed::reply`]).
    Malformed {
        /// What is wrong with it.
        malformed: Malformed,
        /// The way it came.
        flow: Flow,
    },
    /// A message could not be sent, and the flow is the one it was given with; or a connection is over.
    Failed {
        /// Where it should have gone.
        flow: Flow,
    },
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
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Opens all listeners, or none. Must be called within a tokio runtime; what comes in is taken from the receiver, and
/// when that is dropped all tasks end.
pub async fn bind(
    listens: &[Listen],
    settings: TransportSettings,
) -> Result<(TransportSender, mpsc::Receiver<Received>), TransportError> {
    if listens.is_empty() {
        return Err(TransportError::Nothing);
    }
    let (events, receiver) = mpsc::channel(settings.received_max.max(1));
    let inlet = Inlet { events, counts: Arc::default(), shut_out: Arc::default() };
    let connections = Arc::new(Connections::new(settings, inlet.clone()));
    let (mut udp, mut tcp) = (Vec::new(), Vec::new());
    for listen in listens {
        let error = |error| TransportError::new(*listen, error);
        match listen.transport {
            Transport::Udp => udp.push(udp::Endpoint::open(listen.address, &settings).map_err(error)?),
            Transport::Tcp => tcp.push(tcp::Listener::open(listen.address).map_err(error)?),
        }
    }
    let mut bound: Vec<Listen> = Vec::new();
    for endpoint in &udp {
        // Only now does tokio know that it can be written to; before, `try_send_to` would find it full.
        let listen = Listen { transport: Transport::Udp, address: endpoint.local };
        endpoint.socket.writable().await.map_err(|error| TransportError::new(listen, error))?;
        bound.push(listen);
        tokio::spawn(endpoint.clone().receive(inlet.clone()));
    }
    for listener in tcp {
        bound.push(Listen { transport: Transport::Tcp, address: listener.local });
        tokio::spawn(listener.accept(connections.clone()));
    }
    let runtime = tokio::runtime::Handle::current();
    Ok((TransportSender(Arc::new(Inner { udp, connections, bound, inlet, runtime })), receiver))
}

/// Sends without waiting. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TransportSender(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    udp: Vec<udp::Endpoint>,
    connections: Arc<Connections>,
    bound: Vec<Listen>,
    inlet: Inlet,
    runtime: tokio::runtime::Handle,
}

impl TransportSender {
    /// Sends one message. Never waits; what cannot be sent is told as [`Received::Failed`], but for a full UDP socket,
    /// which is one more lost datagram.
    pub fn send(&self, to: Flow, bytes: Arc<[u8]>) {
        match to.transport {
            Transport::Udp => self.send_datagram(to, &bytes),
            Transport::Tcp => self.0.connections.send(to, bytes, &self.0.runtime),
        }
    }

    fn send_datagram(&self, to: Flow, bytes: &[u8]) {
        let Some(endpoint) = pick(&self.0.udp, to.local, to.remote.ip(), |endpoint| endpoint.local) else {
            return self.0.inlet.failed(to);
        };
        match endpoint.socket.try_send_to(bytes, to.remote) {
            Ok(_) => count(&self.0.inlet.counts.sent),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                count(&self.0.inlet.counts.unsent)
            }
            Err(_) => self.0.inlet.failed(to),
        }
    }

    /// The way from us to `remote`; `None` when nothing listens with this transport and address family. A listener on
    /// all addresses gives the one the system would send from.
    pub fn flow_to(&self, transport: Transport, remote: SocketAddr) -> Option<Flow> {
        let listens: Vec<Listen> =
            self.0.bound.iter().copied().filter(|listen| listen.transport == transport).collect();
        let anywhere = SocketAddr::new(IpAddr::from([0, 0, 0, 0]), 0);
        let listen = pick(&listens, anywhere, remote.ip(), |listen| listen.address)?;
        let local = local::towards(listen.address, remote.ip());
        Some(Flow { transport, local, remote, connection: None })
    }

    /// The addresses listened on, with the ports the system chose.
    pub fn bound(&self) -> &[Listen] {
        &self.0.bound
    }

    /// Figures for the metrics.
    pub fn counts(&self) -> &TransportCounts {
        &self.0.inlet.counts
    }

    /// Takes nothing from these from now on, and from all others again.
    pub fn shut_out(&self, sources: Vec<Source>) {
        self.0.inlet.shut_out.replace(sources);
    }

    /// How many connections there are now.
    pub fn connections(&self) -> usize {
        self.0.connections.len()
    }
}

/// The listener a flow leaves by: that of its local address, else one on all addresses of the same port, else any of the
/// peer's address family.
fn pick<T>(all: &[T], local: SocketAddr, remote: IpAddr, address: impl Fn(&T) -> SocketAddr) -> Option<&T> {
    let same_family = |it: &&T| address(it).is_ipv4() == remote.is_ipv4();
    let wild = |it: &&T| address(it).ip().is_unspecified() && address(it).port() == local.port();
    let exact = all.iter().find(|it| address(it) == local);
    exact.or_else(|| all.iter().filter(same_family).find(wild)).or_else(|| all.iter().find(same_family))
}

/// Where received messages go.
#[derive(Clone, Debug)]
struct Inlet {
    events: mpsc::Sender<Received>,
    counts: Arc<TransportCounts>,
    shut_out: Arc<ShutOut>,
}

impl Inlet {
    /// Whether nothing is taken from this address; counted, if so.
    fn is_shut_out(&self, address: IpAddr) -> bool {
        let is_shut_out = self.shut_out.holds(address);
        if is_shut_out {
            count(&self.counts.shut_out);
        }
        is_shut_out
    }

    /// What bytes mean; `None` when nobody needs to know.
    fn read(&self, bytes: &[u8], flow: Flow) -> Option<Received> {
        if self.is_shut_out(flow.remote.ip()) {
            return None;
        }
        match codec::parse(bytes) {
            Ok(message) => {
                count(&self.counts.received);
                Some(Received::Message { message, flow })
            }
            Err(Malformed { fault: Fault::Empty, .. }) => None,
            Err(malformed) => self.malformed(malformed, flow),
        }
    }

    fn malformed(&self, malformed: Malformed, flow: Flow) -> Option<Received> {
        count(&self.counts.malformed);
        tracing::debug!(%flow, fault = %malformed.fault, "not a SIP message");
        malformed.request.is_some().then_some(Received::Malformed { malformed, flow })
    }

    /// Hands on, or drops when there is no room: a datagram may always be lost.
    fn offer(&self, received: Received) {
        if self.events.try_send(received).is_err() {
            count(&self.counts.dropped);
        }
    }

    fn failed(&self, flow: Flow) {
        count(&self.counts.unsent);
        self.lost(flow);
    }

    /// A flow is over, whether or not something was to be sent by it.
    fn lost(&self, flow: Flow) {
        self.offer(Received::Failed { flow });
    }
}
