//! Sockets that carry SIP: bytes in are parsed and handed on, bytes out are sent. Decides nothing.
//!
//! Every queue is bounded. What comes in faster than it is taken is dropped and counted (UDP) or left in the socket
//! (streams and WebSockets); what goes out never waits.

mod accept;
mod bytes;
mod connect;
mod connections;
pub mod framing;
mod inlet;
mod lanes;
mod listen;
mod local;
mod origin;
mod settings;
mod shut_out;
mod stream;
mod stun;
mod tls;
mod udp;
mod websocket;

#[cfg(test)]
mod tests;

pub use inlet::Received;
pub use lanes::{Arrived, Inbox, Lanes, lanes};
pub use listen::{Listen, ListenError, TransportError};
pub use origin::Origins;
pub use settings::{PeerRules, TransportCounts, TransportSettings};
pub use tls::{CertificateFiles, Tls, TlsError, TlsFiles};

use super::flow::{Flow, Transport};
use super::source::Source;
use accept::Listener;
use connections::Connections;
use inlet::Inlet;
use settings::count;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::watch;

/// Opens all listeners, or none. Must be called within a tokio runtime; what comes in is taken from the receiver, and
/// when that is dropped all tasks end. The rules may be exchanged at any time: connections made from then on go by the
/// new ones.
///
/// # Errors
/// When an address cannot be listened on, or TLS is to be spoken without a certificate.
pub async fn bind(
    listens: &[Listen],
    settings: TransportSettings,
    rules: watch::Receiver<Arc<PeerRules>>,
) -> Result<(TransportSender, Inbox), TransportError> {
    if listens.is_empty() {
        return Err(TransportError::Nothing);
    }
    let has_certificate = rules.borrow().tls.is_some();
    if let Some(bare) = listens.iter().find(|one| one.transport.is_secure() && !has_certificate) {
        return Err(TransportError::NoCertificate(*bare));
    }
    let (events, receiver) = lanes(settings.received_max);
    let (counts, shut_out) = (Arc::default(), Arc::default());
    let inlet = Inlet { events, counts, keep_bytes: settings.keep_bytes, shut_out };
    let connections = Arc::new(Connections::new(settings, rules, inlet.clone()));
    let (mut udp, mut streams) = (Vec::new(), Vec::new());
    for listen in listens {
        let error = |error| TransportError::new(*listen, error);
        match listen.transport {
            Transport::Udp => udp.push(udp::Endpoint::open(listen.address, &settings).map_err(error)?),
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                streams.push(Listener::open(listen.transport, listen.address).map_err(error)?);
            }
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
    for listener in streams {
        bound.push(listener.listen());
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
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                self.0.connections.send(to, bytes, &self.0.runtime);
            }
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
        Some(Flow::new(transport, local, remote))
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
