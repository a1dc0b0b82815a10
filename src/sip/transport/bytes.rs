//! SIP in a stream of bytes, TCP's or TLS's: messages are cut out by their length. It knows of no socket.

use super::TransportSettings;
use super::framing::{Frame, Framer};
use super::stream::{Incoming, Outgoing, Piece};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, timeout_at};

/// What is read at once.
const BUFFER_BYTES: usize = 8192;

/// Both directions of a stream. Whoever opened it to us has to say what for (`first_within`).
pub(super) fn halves<S: AsyncRead + AsyncWrite + Send>(
    stream: S,
    settings: &TransportSettings,
    first_within: Duration,
) -> (Reader<ReadHalf<S>>, Writer<WriteHalf<S>>) {
    let (reader, writer) = tokio::io::split(stream);
    (Reader::new(reader, *settings, first_within), Writer(writer))
}

/// Cuts messages out of what comes.
pub(super) struct Reader<R> {
    reader: R,
    framer: Framer,
    buffer: Vec<u8>,
    settings: TransportSettings,
    deadline: Instant,
    /// Whether a whole message has come yet: neither pings nor half of one keep a connection that has said nothing.
    has_spoken: bool,
    /// Whether a message had begun before the last bytes came, and whether they brought a whole one.
    was_inside: bool,
    has_found: bool,
}

impl<R> Reader<R> {
    fn new(reader: R, settings: TransportSettings, first_within: Duration) -> Self {
        let deadline = Instant::now() + first_within;
        let buffer = vec![0; BUFFER_BYTES];
        Self {
            reader,
            framer: Framer::new(),
            buffer,
            settings,
            deadline,
            has_spoken: false,
            was_inside: false,
            has_found: false,
        }
    }

    /// One deadline per message, not per byte: a peer that trickles is a peer that stalls.
    fn renew_deadline(&mut self) {
        let is_inside = self.framer.is_inside_a_message();
        // Of one that has said nothing yet the first deadline stands.
        if self.has_spoken && !is_inside {
            self.deadline = Instant::now() + self.settings.idle;
        } else if self.has_spoken && (!self.was_inside || self.has_found) {
            self.deadline = Instant::now() + self.settings.patience;
        }
        (self.was_inside, self.has_found) = (is_inside, false);
    }
}

impl<R: AsyncRead + Send + Unpin> Incoming for Reader<R> {
    async fn next(&mut self) -> Option<Piece> {
        loop {
            match self.framer.next_frame() {
                Ok(Some(frame)) => {
                    self.has_found = true;
                    return Some(match frame {
                        Frame::Message(bytes) => {
                            self.has_spoken = true;
                            Piece::Message(bytes)
                        }
                        Frame::Ping => Piece::Ping,
                    });
                }
                Ok(None) => {}
                Err(broken) => return Some(Piece::Broken(broken)),
            }
            self.renew_deadline();
            match timeout_at(self.deadline, self.reader.read(&mut self.buffer)).await {
                Ok(Ok(0)) | Ok(Err(_)) | Err(_) => return None,
                Ok(Ok(size)) => self.framer.push(&self.buffer[..size]),
            }
        }
    }
}

/// Writes messages one behind the other.
pub(super) struct Writer<W>(W);

impl<W: AsyncWrite + Send + Unpin> Outgoing for Writer<W> {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        // TLS keeps what the socket would not take.
        self.0.flush().await
    }

    /// Whoever opened the stream keeps it alive (RFC 5626 §4.4).
    async fn keep_alive(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn close(&mut self) {
        // TLS says goodbye, so that nobody takes a cut for an end. Who is gone already need not hear it.
        let _ = self.0.shutdown().await;
    }
}
