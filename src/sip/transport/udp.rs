//! One UDP socket: datagrams in, one message each; who only asks where he is seen from is told here.

use super::inlet::Inlet;
use super::local::Locals;
use super::{TransportSettings, stun};
use crate::sip::flow::Flow;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;

/// A bound socket.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub socket: Arc<UdpSocket>,
    pub local: SocketAddr,
}

impl Endpoint {
    pub fn open(address: SocketAddr, settings: &TransportSettings) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            // Mapped IPv4 addresses would give one peer two names.
            socket.set_only_v6(true)?;
        }
        // The system gives as much as it allows; a refusal is no reason not to start.
        let _ = socket.set_recv_buffer_size(settings.udp_buffer_bytes);
        let _ = socket.set_send_buffer_size(settings.udp_buffer_bytes);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        let local = socket.local_addr()?;
        Ok(Self { socket: Arc::new(socket), local })
    }

    /// Receives until nobody listens any more.
    pub async fn receive(self, inlet: Inlet) {
        let (mut buffer, mut locals) = (vec![0; 65_536], Locals::default());
        loop {
            let received = tokio::select! {
                received = self.socket.recv_from(&mut buffer) => received,
                () = inlet.events.closed() => return,
            };
            match received {
                // Before anything of it is looked at.
                Ok((_, remote)) if inlet.is_shut_out(remote.ip()) => {}
                Ok((size, remote)) => {
                    if let Some(answer) = stun::answer(&buffer[..size], remote) {
                        // One that finds no room is lost like any datagram, and asked for again.
                        let _ = self.socket.try_send_to(&answer, remote);
                        continue;
                    }
                    if !inlet.has_room_for(&buffer[..size]) {
                        continue;
                    }
                    let flow = Flow::udp(locals.towards(self.local, remote.ip()), remote);
                    if let Some(received) = inlet.read(&buffer[..size], flow) {
                        inlet.offer(received);
                    }
                }
                Err(error) => {
                    tracing::warn!(local = %self.local, %error, "receiving a datagram failed");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }
}
