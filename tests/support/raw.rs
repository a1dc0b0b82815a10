//! A SIP client that knows nothing but messages: by any transport it says what it is told to, and hears what comes.
#![allow(clippy::unwrap_used, reason = "here a panic is a verdict")]

use futures_util::{SinkExt, StreamExt};
use holdfast::sip::codec;
use holdfast::sip::flow::Transport;
use holdfast::sip::message::{Message, Request, Response};
use holdfast::sip::transport::framing::{Frame, Framer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message as WebFrame};
use tokio_tungstenite::{WebSocketStream, client_async};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// What a stream is, secured or not.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

enum Way {
    Datagrams(UdpSocket),
    Bytes(Box<dyn Duplex>, Framer),
    Web(Box<WebSocketStream<Box<dyn Duplex>>>),
}

/// Who says and hears messages.
pub struct Raw {
    way: Way,
    pub transport: Transport,
    /// What the server has shown, if it has.
    pub certificate: Option<CertificateDer<'static>>,
}

impl Raw {
    /// Goes to a listener of this transport; `authority` is whom to believe, and `origin` the page to come from.
    pub async fn open(
        transport: Transport,
        server: SocketAddr,
        authority: &Path,
        origin: Option<&str>,
    ) -> Result<Self, Error> {
        if transport == Transport::Udp {
            let socket = UdpSocket::bind(SocketAddr::new(server.ip(), 0)).await?;
            socket.connect(server).await?;
            return Ok(Self { way: Way::Datagrams(socket), transport, certificate: None });
        }
        let (mut stream, mut certificate): (Box<dyn Duplex>, _) =
            (Box::new(TcpStream::connect(server).await?), None);
        if transport.is_secure() {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
            let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
            let name = ServerName::IpAddress(server.ip().into());
            let secured = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
            certificate = secured.get_ref().1.peer_certificates().map(|all| all[0].clone().into_owned());
            stream = Box::new(secured);
        }
        let way = match transport {
            Transport::Ws | Transport::Wss => {
                let mut request = format!("ws://{server}/").into_client_request()?;
                request.headers_mut().insert("Sec-WebSocket-Protocol", "sip".parse().unwrap());
                if let Some(origin) = origin {
                    request.headers_mut().insert("Origin", origin.parse().unwrap());
                }
                Way::Web(Box::new(client_async(request, stream).await?.0))
            }
            Transport::Udp | Transport::Tcp | Transport::Tls => Way::Bytes(stream, Framer::new()),
        };
        Ok(Self { way, transport, certificate })
    }

    /// Is called by TLS, and shows this certificate.
    pub async fn accept(listener: &TcpListener, (certificate, key): &(PathBuf, PathBuf)) -> Self {
        let shown = vec![CertificateDer::from_pem_file(certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(shown, key).unwrap();
        let (stream, _) = timeout(DEADLINE, listener.accept()).await.expect("nobody called").unwrap();
        let secured = TlsAcceptor::from(Arc::new(config)).accept(stream);
        let secured = timeout(DEADLINE, secured).await.expect("no handshake in time").unwrap();
        Self {
            way: Way::Bytes(Box::new(secured), Framer::new()),
            transport: Transport::Tls,
            certificate: None,
        }
    }

    /// Says one message, as it is.
    pub async fn say(&mut self, bytes: &[u8]) {
        // A server may have closed its ear already; what comes back tells.
        let _ = match &mut self.way {
            Way::Datagrams(socket) => socket.send(bytes).await.map(drop).map_err(Error::from),
            Way::Bytes(stream, _) => stream.write_all(bytes).await.map_err(Error::from),
            Way::Web(web) => match std::str::from_utf8(bytes) {
                Ok(text) => web.send(WebFrame::text(text)).await,
                Err(_) => web.send(WebFrame::binary(bytes.to_vec())).await,
            },
        };
    }

    /// The bytes of what comes next; `None` when it is over.
    pub async fn hear_bytes(&mut self) -> Option<Vec<u8>> {
        timeout(DEADLINE, self.next()).await.expect("nothing came before the deadline")
    }

    async fn next(&mut self) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 65_536];
        match &mut self.way {
            Way::Datagrams(socket) => {
                let size = socket.recv(&mut buffer).await.ok()?;
                Some(buffer[..size].to_vec())
            }
            Way::Bytes(stream, framer) => loop {
                match framer.next_frame() {
                    Ok(Some(Frame::Message(bytes))) => return Some(bytes),
                    Ok(Some(Frame::Ping)) => continue,
                    Ok(None) => {}
                    Err(broken) => return Some(broken.head),
                }
                let size = stream.read(&mut buffer).await.ok().filter(|size| *size > 0)?;
                framer.push(&buffer[..size]);
            },
            Way::Web(web) => loop {
                match web.next().await?.ok()? {
                    WebFrame::Text(text) => return Some(text.as_bytes().to_vec()),
                    WebFrame::Binary(bytes) => return Some(bytes.to_vec()),
                    WebFrame::Ping(_) | WebFrame::Pong(_) | WebFrame::Close(_) | WebFrame::Frame(_) => {}
                }
            },
        }
    }

    /// Waits until the server has closed the connection.
    pub async fn closed(&mut self) {
        while self.hear_bytes().await.is_some() {}
    }

    /// The next final response.
    pub async fn answer(&mut self) -> Response {
        loop {
            let bytes = self.hear_bytes().await.expect("the connection is over");
            match codec::parse(&bytes).expect("a SIP message") {
                Message::Response(response) if !response.is_provisional() => return response,
                Message::Response(_) | Message::Request(_) => {}
            }
        }
    }

    /// The next request.
    pub async fn request(&mut self, method: &str) -> Request {
        loop {
            let bytes = self.hear_bytes().await.expect("the connection is over");
            match codec::parse(&bytes).expect("a SIP message") {
                Message::Request(request) if request.method.as_str() == method => return request,
                Message::Response(_) | Message::Request(_) => {}
            }
        }
    }

    /// A request of ours as text; browsers know no address of their own (RFC 7118 §5).
    pub fn request_text(&self, method: &str, uri: &str, call: &str, more: &str, body: &str) -> String {
        let via = self.transport.as_str();
        let number = if method == "ACK" { 1 } else { call.len() + method.len() };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{via} df7jal23ls0d.invalid;rport;branch=z9hG4bK{call}{number}\r\n\
             Max-Forwards: 70\r\nCall-ID: {call}\r\n\
             Contact: <sip:jane@df7jal23ls0d.invalid;transport=ws>\r\n{more}\
             Content-Length: {length}\r\n\r\n{body}",
            length = body.len(),
        )
    }
}

/// A description with one stream of G.711, which nobody listens to.
pub fn sdp() -> String {
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n".into()
}
