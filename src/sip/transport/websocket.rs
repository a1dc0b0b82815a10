//! SIP over WebSocket (RFC 7118), for browsers: the handshake, and one message in each frame. We only answer: nobody can
//! call a browser that has not come.

use super::TransportSettings;
use super::origin::Origins;
use super::stream::{Incoming, Outgoing, Piece};
use crate::sip::codec::MESSAGE_SIZE_MAX_BYTES;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

/// What both sides must say they speak (RFC 7118 §4.1).
const SUBPROTOCOL: &str = "sip";
const PROTOCOL_HEADER: &str = "Sec-WebSocket-Protocol";
/// What is read at once.
const BUFFER_BYTES: usize = 8192;

/// The handshake of a browser.
///
/// # Errors
/// When it is none, comes from a page that may not, or does not want SIP; the browser has been told.
pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    origins: &Origins,
) -> io::Result<WebSocketStream<S>> {
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_SIZE_MAX_BYTES))
        .max_frame_size(Some(MESSAGE_SIZE_MAX_BYTES));
    accept_hdr_async_with_config(stream, Doorkeeper(origins), Some(config)).await.map_err(failure)
}

/// Looks at the request before it is answered.
struct Doorkeeper<'a>(&'a Origins);

impl Callback for Doorkeeper<'_> {
    fn on_request(self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        // An origin that cannot be read is one that is not known.
        let origin = request.headers().get("Origin").map(|value| value.to_str().unwrap_or("null"));
        if !self.0.admit(origin, header("Host")) {
            tracing::debug!(origin, "a page that may not open a WebSocket");
            return Err(refusal(StatusCode::FORBIDDEN, "this page may not: see origins under [sip]\n"));
        }
        let mut offered = request.headers().get_all(PROTOCOL_HEADER).iter();
        let offers = |value: &HeaderValue| {
            let text = value.to_str().unwrap_or_default();
            text.split(',').any(|name| name.trim().eq_ignore_ascii_case(SUBPROTOCOL))
        };
        if !offered.any(offers) {
            return Err(refusal(StatusCode::BAD_REQUEST, "the subprotocol must be sip (RFC 7118)\n"));
        }
        response.headers_mut().insert(PROTOCOL_HEADER, HeaderValue::from_static(SUBPROTOCOL));
        Ok(response)
    }
}

fn refusal(status: StatusCode, why: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(why.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert("Content-Length", HeaderValue::from(why.len()));
    response.headers_mut().insert("Connection", HeaderValue::from_static("close"));
    response
}

fn failure(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

/// Both directions of a WebSocket.
pub(super) fn halves<S: AsyncRead + AsyncWrite + Send + Unpin>(
    web: WebSocketStream<S>,
    settings: &TransportSettings,
) -> (Reader<S>, Writer<S>) {
    let (sink, stream) = web.split();
    let first_by = Instant::now() + settings.patience;
    (Reader { stream, idle: settings.idle, first_by: Some(first_by) }, Writer(sink))
}

/// Takes messages out of frames.
pub(super) struct Reader<S> {
    stream: SplitStream<WebSocketStream<S>>,
    idle: Duration,
    /// When the first message must have come, until it has: pings do not count.
    first_by: Option<Instant>,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Incoming for Reader<S> {
    async fn next(&mut self) -> Option<Piece> {
        loop {
            let deadline = self.first_by.unwrap_or_else(|| Instant::now() + self.idle);
            let bytes = match timeout_at(deadline, self.stream.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => Vec::from(text.as_bytes()),
                Ok(Some(Ok(Message::Binary(bytes)))) => bytes.to_vec(),
                // A ping has been answered already, and a goodbye is when nothing more comes.
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)))) => {
                    continue;
                }
                Ok(Some(Err(_)) | None) | Err(_) => return None,
            };
            // Clients in JavaScript can send no ping of the WebSocket's own: RFC 5626's are theirs (RFC 7118 §6).
            if bytes == b"\r\n\r\n" {
                return Some(Piece::Ping);
            }
            self.first_by = None;
            return Some(Piece::Message(bytes));
        }
    }
}

/// Puts messages into frames.
pub(super) struct Writer<S>(SplitSink<WebSocketStream<S>, Message>);

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Outgoing for Writer<S> {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // As text wherever it is one: not every client in JavaScript takes the other kind.
        let message = match std::str::from_utf8(bytes) {
            Ok(text) => Message::text(text),
            Err(_) => Message::binary(bytes.to_vec()),
        };
        self.0.send(message).await.map_err(failure)
    }

    async fn keep_alive(&mut self) -> io::Result<()> {
        self.0.send(Message::Ping(Vec::new().into())).await.map_err(failure)
    }

    async fn close(&mut self) {
        // Who is gone already need not hear it.
        let _ = self.0.close().await;
    }
}
