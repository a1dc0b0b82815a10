//! TCP: accepting, connecting, reading messages out of the stream and writing them into it.

use super::connections::{Admitted, Connections};
use super::framing::{Broken, Frame, Framer};
use super::{Inlet, TransportSettings, count};
use crate::sip::codec;
use crate::sip::fault::Malformed;
use crate::sip::flow::{Flow, Transport};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

/// How long a stream that brings no more stays open for the answers.
const LINGER: Duration = Duration::from_secs(2);

/// Something to write.
#[derive(Debug)]
pub(super) enum Job {
    /// A message, and the flow it was given with.
    Send { to: Flow, bytes: Arc<[u8]> },
    /// The answer to a ping (RFC 5626 §4.4.1).
    Pong,
}

/// A listening socket.
pub(super) struct Listener {
    listener: TcpListener,
    pub local: SocketAddr,
}

impl Listener {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(1024)?;
        let local = listener.local_addr()?;
        Ok(Self { listener, local })
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
                    // Too many: the stream is dropped, which closes it.
                    let Some(admitted) = connections.admit(remote, true) else { continue };
                    let local = stream.local_addr().unwrap_or(self.local);
                    let flow = Flow { connection: Some(admitted.id), ..Flow::tcp(local, remote) };
                    tokio::spawn(serve(connections.clone(), admitted, stream, flow));
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

/// Makes a connection for what already waits in its queue.
pub(super) async fn connect(connections: Arc<Connections>, mut admitted: Admitted, to: Flow) {
    match timeout(connections.settings.connect, dial(&to)).await {
        Ok(Ok(stream)) => {
            let flow = Flow { transport: Transport::Tcp, connection: Some(admitted.id), ..to };
            serve(connections.clone(), admitted, stream, flow).await;
            // What waits for an answer by it was sent to a flow without a connection.
            connections.inlet.lost(to);
        }
        Ok(Err(_)) | Err(_) => {
            tracing::debug!(flow = %to, "no connection");
            connections.forget(admitted.id);
            fail_all(&mut admitted.jobs, &connections.inlet);
        }
    }
}

async fn dial(to: &Flow) -> io::Result<TcpStream> {
    let socket = if to.remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if to.local.is_ipv4() == to.remote.is_ipv4() {
        socket.bind(SocketAddr::new(to.local.ip(), 0))?;
    }
    socket.connect(to.remote).await
}

/// Reads and writes until either ends.
async fn serve(connections: Arc<Connections>, mut admitted: Admitted, stream: TcpStream, flow: Flow) {
    // Small messages that must not wait for each other.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let (inlet, settings) = (&connections.inlet, &connections.settings);
    let mut writing = None;
    let reading = async {
        read(reader, flow, &admitted.queue, inlet, settings).await;
        // A peer may close its direction only, and still want its answers.
        connections.retire(admitted.id);
        tokio::time::sleep(LINGER).await;
    };
    tokio::select! {
        () = reading => {}
        () = write(writer, &mut admitted.jobs, &mut writing, inlet, settings) => {}
        () = inlet.events.closed() => {}
    }
    connections.forget(admitted.id);
    if let Some(to) = writing {
        inlet.failed(to);
    }
    fail_all(&mut admitted.jobs, inlet);
    // Whoever can be reached by it alone must not be counted on (RFC 5626 §4.2.2).
    inlet.lost(flow);
}

fn fail_all(jobs: &mut mpsc::Receiver<Job>, inlet: &Inlet) {
    jobs.close();
    while let Ok(job) = jobs.try_recv() {
        if let Job::Send { to, .. } = job {
            inlet.failed(to);
        }
    }
}

async fn read(
    mut reader: OwnedReadHalf,
    flow: Flow,
    queue: &mpsc::Sender<Job>,
    inlet: &Inlet,
    settings: &TransportSettings,
) {
    let (mut framer, mut buffer) = (Framer::new(), vec![0; 8192]);
    let mut deadline = Instant::now() + settings.idle;
    loop {
        let size = match timeout_at(deadline, reader.read(&mut buffer)).await {
            Ok(Ok(0)) | Ok(Err(_)) | Err(_) => return,
            Ok(Ok(size)) => size,
        };
        let was_inside = framer.is_inside_a_message();
        framer.push(&buffer[..size]);
        let found_any = match take_frames(&mut framer, flow, queue, inlet).await {
            Ok(found_any) => found_any,
            Err(broken) => return tell_broken(broken, flow, inlet).await,
        };
        // One deadline per message, not per byte: a peer that trickles is a peer that stalls.
        if !framer.is_inside_a_message() {
            deadline = Instant::now() + settings.idle;
        } else if !was_inside || found_any {
            deadline = Instant::now() + settings.patience;
        }
    }
}

async fn take_frames(
    framer: &mut Framer,
    flow: Flow,
    queue: &mpsc::Sender<Job>,
    inlet: &Inlet,
) -> Result<bool, Broken> {
    let mut found_any = false;
    while let Some(frame) = framer.next_frame()? {
        found_any = true;
        match frame {
            // A peer that pings faster than it reads gets no pong.
            Frame::Ping => drop(queue.try_send(Job::Pong)),
            Frame::Message(bytes) => {
                if let Some(received) = inlet.read(&bytes, flow) {
                    // Waiting leaves the bytes in the socket, which slows the peer down.
                    let _ = inlet.events.send(received).await;
                }
            }
        }
    }
    Ok(found_any)
}

/// A broken stream cannot be read on, but its last request can be refused.
async fn tell_broken(broken: Broken, flow: Flow, inlet: &Inlet) {
    let request = match codec::parse(&broken.head) {
        Ok(crate::sip::message::Message::Request(request)) => Some(Box::new(request)),
        Ok(crate::sip::message::Message::Response(_)) => None,
        Err(malformed) => malformed.request,
    };
    if let Some(received) = inlet.malformed(Malformed { fault: broken.fault, request }, flow) {
        let _ = inlet.events.send(received).await;
    }
}

/// Writes what is queued; `writing` is the flow of a message that is not wholly written.
async fn write(
    mut writer: OwnedWriteHalf,
    jobs: &mut mpsc::Receiver<Job>,
    writing: &mut Option<Flow>,
    inlet: &Inlet,
    settings: &TransportSettings,
) {
    while let Some(job) = jobs.recv().await {
        let bytes: &[u8] = match &job {
            Job::Send { to, bytes } => {
                *writing = Some(*to);
                bytes
            }
            Job::Pong => b"\r\n",
        };
        if !matches!(timeout(settings.patience, writer.write_all(bytes)).await, Ok(Ok(()))) {
            return;
        }
        *writing = None;
        count(&inlet.counts.sent);
    }
}
