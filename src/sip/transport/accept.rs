//! A listening socket: connections of others are admitted, shake hands where their transport wants it, and are served.

use super::connections::{Admitted, Connections};
use super::listen::Listen;
use super::settings::count;
use super::{bytes, stream, tls, websocket};
use crate::sip::flow::{Flow, Transport};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

/// A listening socket.
pub(super) struct Listener {
    listener: TcpListener,
    transport: Transport,
    local: SocketAddr,
}

impl Listener {
    pub fn open(transport: Transport, address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(1024)?;
        let local = listener.local_addr()?;
        Ok(Self { listener, transport, local })
    }

    /// What it listens for, with the port the system chose.
    pub fn listen(&self) -> Listen {
        Listen { transport: self.transport, address: self.local }
    }

    /// Accepts until nobody listens any more.
    pub async fn accept(self, connections: Arc<Connections>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = connections.inlet.events.closed() => return,
            };
            match accepted {
                Ok((stream, remote)) => {
                    let local = stream.local_addr().unwrap_or(self.local);
                    let flow = Flow::new(self.transport, local, remote);
                    // Too many: the stream is dropped, which closes it.
                    let Some(admitted) = connections.admit(&flow, true) else { continue };
                    let flow = Flow { connection: Some(admitted.id), ..flow };
                    tokio::spawn(welcome(connections.clone(), admitted, stream, flow));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: they come back when connections end.
                    tracing::warn!(local = %self.local, %error, "accepting a connection failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

/// Shakes hands and serves. The rules are those of this moment: who came before they changed keeps the old ones.
async fn welcome(connections: Arc<Connections>, admitted: Admitted, socket: TcpStream, flow: Flow) {
    // Small messages that must not wait for each other.
    let _ = socket.set_nodelay(true);
    let (rules, settings) = (Arc::clone(&connections.rules.borrow()), connections.settings);
    let (all, id) = (Arc::clone(&connections), admitted.id);
    match flow.transport {
        Transport::Udp | Transport::Tcp => {
            stream::serve(all, admitted, bytes::halves(socket, &settings, settings.patience), flow).await;
        }
        Transport::Tls => {
            let secured = tls::accept(rules.tls.as_ref(), socket);
            if let Some(secured) = shake(&connections, &flow, secured).await {
                stream::serve(all, admitted, bytes::halves(secured, &settings, settings.patience), flow)
                    .await;
            }
        }
        Transport::Ws => {
            let opened = websocket::accept(socket, &rules.origins);
            if let Some(web) = shake(&connections, &flow, opened).await {
                stream::serve(all, admitted, websocket::halves(web, &settings), flow).await;
            }
        }
        Transport::Wss => {
            let opened = async {
                let secured = tls::accept_browser(rules.tls.as_ref(), socket).await?;
                websocket::accept(secured, &rules.origins).await
            };
            if let Some(web) = shake(&connections, &flow, opened).await {
                stream::serve(all, admitted, websocket::halves(web, &settings), flow).await;
            }
        }
    }
    connections.forget(id);
}

/// One handshake, in due time, if there are not too many. Nothing is answered to one that fails: it is no peer of ours.
async fn shake<T>(
    connections: &Connections,
    flow: &Flow,
    handshake: impl Future<Output = io::Result<T>>,
) -> Option<T> {
    let Ok(_place) = connections.handshakes.try_acquire() else {
        count(&connections.inlet.counts.refused);
        return None;
    };
    let failed = match timeout(connections.settings.handshake, handshake).await {
        Ok(Ok(shaken)) => return Some(shaken),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it took too long".into(),
    };
    count(&connections.inlet.counts.handshakes_failed);
    tracing::debug!(%flow, failed, "no handshake");
    None
}
