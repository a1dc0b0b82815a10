//! Connections of our own: made when something is to be sent and no open one leads there.

use super::connections::{Admitted, Connections};
use super::{bytes, stream, tls};
use crate::sip::flow::{Flow, Transport};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Makes a connection for what already waits in its queue.
pub(super) async fn connect(connections: Arc<Connections>, admitted: Admitted, to: Flow) {
    match to.transport {
        // Nobody comes here for a WebSocket: a browser opens its own.
        Transport::Udp | Transport::Tcp | Transport::Ws | Transport::Wss => {
            serve(connections, admitted, to, dial(to)).await;
        }
        Transport::Tls => {
            let rules = Arc::clone(&connections.rules.borrow());
            let secured = async move {
                let socket = dial(to).await?;
                tls::connect(&rules, &to, socket).await
            };
            serve(connections, admitted, to, secured).await;
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Send>(
    connections: Arc<Connections>,
    mut admitted: Admitted,
    to: Flow,
    dialled: impl Future<Output = io::Result<S>>,
) {
    let settings = connections.settings;
    let failed = match timeout(settings.connect, dialled).await {
        Ok(Ok(made)) => {
            let flow = Flow { connection: Some(admitted.id), ..to };
            stream::serve(connections.clone(), admitted, bytes::halves(made, &settings, settings.idle), flow)
                .await;
            // What waits for an answer by it was sent to a flow without a connection.
            return connections.inlet.lost(to);
        }
        Ok(Err(error)) => Some(error),
        Err(_) => None,
    };
    match failed {
        // Somebody is there who cannot prove who he is, or whom we do not please: nobody else will mend that.
        Some(error) if error.kind() == io::ErrorKind::InvalidData => {
            tracing::warn!(flow = %to, %error, "no TLS connection");
        }
        Some(error) => tracing::debug!(flow = %to, %error, "no connection"),
        None => tracing::debug!(flow = %to, "no connection in due time"),
    }
    connections.forget(admitted.id);
    stream::fail_all(&mut admitted.jobs, &connections.inlet);
}

async fn dial(to: Flow) -> io::Result<TcpStream> {
    let socket = if to.remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if to.local.is_ipv4() == to.remote.is_ipv4() {
        socket.bind(SocketAddr::new(to.local.ip(), 0))?;
    }
    let stream = socket.connect(to.remote).await?;
    // Small messages that must not wait for each other.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}
