//! One connection, whatever carries it: messages are read and handed on, messages that wait are written, until either ends.

use super::connections::{Admitted, Connections};
use super::framing::Broken;
use super::inlet::Inlet;
use super::settings::{TransportSettings, count};
use crate::sip::codec;
use crate::sip::fault::Malformed;
use crate::sip::flow::Flow;
use crate::sip::message::Message;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long a connection that brings no more stays open for the answers.
const LINGER: Duration = Duration::from_secs(2);
/// How long its end may take.
const FAREWELL_MAX: Duration = Duration::from_secs(1);
/// The answer to a ping (RFC 5626 §4.4.1; over a WebSocket RFC 7118 §6).
const PONG: &[u8] = b"\r\n";

/// Something to write.
#[derive(Debug)]
pub(super) enum Job {
    /// A message, and the flow it was given with.
    Send { to: Flow, bytes: Arc<[u8]> },
    /// The answer to a ping.
    Pong,
}

/// What a connection brings.
pub(super) enum Piece {
    /// The bytes of one message.
    Message(Vec<u8>),
    /// The peer asks whether we are there.
    Ping,
    /// Nothing more can be read.
    Broken(Broken),
}

/// The direction in which a peer talks to us.
pub(super) trait Incoming: Send {
    /// What comes next; `None` when it is over, or nothing has come in due time.
    fn next(&mut self) -> impl Future<Output = Option<Piece>> + Send;
}

/// The direction in which we talk.
pub(super) trait Outgoing: Send {
    /// Writes one message.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> + Send;
    /// Nothing was to be written for a while.
    fn keep_alive(&mut self) -> impl Future<Output = io::Result<()>> + Send;
    /// Says goodbye.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}

/// Reads and writes until either ends.
pub(super) async fn serve(
    connections: Arc<Connections>,
    mut admitted: Admitted,
    (incoming, mut outgoing): (impl Incoming, impl Outgoing),
    flow: Flow,
) {
    let (inlet, settings) = (&connections.inlet, &connections.settings);
    let mut writing = None;
    let reading = async {
        read(incoming, flow, &admitted.queue, inlet).await;
        // A peer may close its direction only, and still want its answers.
        connections.retire(admitted.id);
        tokio::time::sleep(LINGER).await;
    };
    tokio::select! {
        () = reading => {}
        () = write(&mut outgoing, &mut admitted.jobs, &mut writing, inlet, settings) => {}
        () = inlet.events.closed() => {}
    }
    connections.forget(admitted.id);
    if let Some(to) = writing {
        inlet.failed(to);
    }
    fail_all(&mut admitted.jobs, inlet);
    // Whoever can be reached by it alone must not be counted on (RFC 5626 §4.2.2).
    inlet.lost(flow);
    if writing.is_none() {
        let _ = timeout(FAREWELL_MAX, outgoing.close()).await;
    }
}

/// Tells that nothing of what waits can be sent.
pub(super) fn fail_all(jobs: &mut mpsc::Receiver<Job>, inlet: &Inlet) {
    jobs.close();
    while let Ok(job) = jobs.try_recv() {
        if let Job::Send { to, .. } = job {
            inlet.failed(to);
        }
    }
}

async fn read(mut incoming: impl Incoming, flow: Flow, queue: &mpsc::Sender<Job>, inlet: &Inlet) {
    while let Some(piece) = incoming.next().await {
        match piece {
            // A peer that pings faster than it reads gets no pong.
            Piece::Ping => drop(queue.try_send(Job::Pong)),
            Piece::Message(bytes) => {
                if let Some(received) = inlet.read(&bytes, flow) {
                    // Waiting leaves the bytes in the socket, which slows the peer down.
                    inlet.events.send(received).await;
                }
            }
            Piece::Broken(broken) => return tell_broken(broken, flow, inlet).await,
        }
    }
}

/// A broken stream cannot be read on, but its last request can be refused.
async fn tell_broken(broken: Broken, flow: Flow, inlet: &Inlet) {
    let request = match codec::parse(&broken.head) {
        Ok(Message::Request(request)) => Some(Box::new(request)),
        Ok(Message::Response(_)) => None,
        Err(malformed) => malformed.request,
    };
    if let Some(received) = inlet.malformed(Malformed { fault: broken.fault, request }, flow) {
        inlet.events.send(received).await;
    }
}

/// Writes what is queued; `writing` is the flow of a message that is not wholly written.
async fn write(
    outgoing: &mut impl Outgoing,
    jobs: &mut mpsc::Receiver<Job>,
    writing: &mut Option<Flow>,
    inlet: &Inlet,
    settings: &TransportSettings,
) {
    loop {
        let written = match timeout(settings.keep_alive, jobs.recv()).await {
            Ok(Some(Job::Send { to, bytes })) => {
                *writing = Some(to);
                timeout(settings.patience, outgoing.write(&bytes)).await
            }
            Ok(Some(Job::Pong)) => timeout(settings.patience, outgoing.write(PONG)).await,
            Ok(None) => return,
            Err(_) => timeout(settings.patience, outgoing.keep_alive()).await,
        };
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
        if writing.take().is_some() {
            count(&inlet.counts.sent);
        }
    }
}
