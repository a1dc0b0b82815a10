//! Real SIP phones: they register, call, answer, talk and listen, over sockets only. The demo, the bench and the tests
//! use them to meet the engine from outside, so they share its message parser and its G.711 and none of its logic.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use holdfast::phone::{Phone, PhoneSettings, Sound};
//!
//! let phone = Phone::bind(PhoneSettings::new("127.0.0.1:5060".parse()?, "guest", "secret")).await?;
//! phone.register().await?;
//! let call = phone.call("4001").await?;
//! call.say(Sound::Tone(440.0));
//! let ended = call.ended().await;
//! # Ok(()) }
//! ```

mod call;
mod dialog;
mod digest;
mod ear;
mod incoming;
mod leg;
mod line;
mod media;
mod register;
mod sdp;
mod sound;

pub use call::{Call, CallState, Ended, Side};
pub use ear::{Heard, write_wav};
pub use incoming::IncomingCall;
pub use register::RegisterError;
pub use sdp::Flow;
pub use sound::{ClipError, Sound, tone_share};

use crate::media::codec::g711::Law;
use crate::secret::Secret;
use crate::sip::uri::{Host, NameAddr, Uri};
use dialog::{Dialog, address_of};
use line::Line;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Incoming calls nobody has looked at yet; the next one is declined.
const INCOMING_MAX: usize = 64;

/// How a phone is set up.
#[derive(Clone, Debug)]
pub struct PhoneSettings {
    /// The server it registers with and calls through.
    pub server: SocketAddr,
    /// The local address of its sockets; the ports are free ones.
    pub bind: IpAddr,
    /// The account: the user part of its address.
    pub account: String,
    /// The password, for digest challenges.
    pub password: Secret,
    /// The display name of its calls.
    pub display: String,
    /// The host part of its address; the server's IP address when there is none.
    pub domain: Option<String>,
    /// What it can speak, the most preferred first.
    pub codecs: Vec<Law>,
    /// The expiry asked for when it registers.
    pub expires: Duration,
    /// Calls at once; further ones get 486, or [`CallError::Overloaded`].
    pub calls_max: usize,
    /// How much of each call's sound is recorded; what comes later is heard but not kept.
    pub record_max: Duration,
    /// RFC 3261's T1: 500 ms.
    pub t1: Duration,
}

impl PhoneSettings {
    /// A phone on the loopback with both G.711 codecs, 60 s of recording, ten calls.
    pub fn new(server: SocketAddr, account: &str, password: &str) -> Self {
        Self {
            server,
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            account: account.to_owned(),
            password: Secret::new(password),
            display: String::new(),
            domain: None,
            codecs: Law::ALL.to_vec(),
            expires: Duration::from_secs(300),
            calls_max: 10,
            record_max: Duration::from_secs(60),
            t1: Duration::from_millis(500),
        }
    }
}

/// Why a phone can't be used or a request not be made.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No socket.
    #[error("cannot open a socket: {0}")]
    Socket(#[from] io::Error),
    /// The target is no number and no SIP URI with an address.
    #[error("cannot call {0:?}: expected a number or a sip: URI with an IP address")]
    Target(String),
    /// As many calls as the settings allow.
    #[error("this phone has as many calls as it may")]
    Overloaded,
    /// No response within 64·T1.
    #[error("no response")]
    NoReply,
    /// The phone is closed.
    #[error("the phone is closed")]
    Closed,
}

/// Who is said to call whom.
#[derive(Clone, Debug, Default)]
pub struct Dial {
    /// A number at the server, or a whole `sip:` URI.
    pub target: String,
    /// The calling number instead of the account, as a trunk would send it.
    pub number: Option<String>,
    /// The display name instead of the phone's.
    pub display: Option<String>,
    /// What is said from the start.
    pub sound: Sound,
}

/// A phone. Dropped, its calls end without a word, as if the cable were pulled.
pub struct Phone {
    line: Arc<Line>,
    incoming: tokio::sync::Mutex<mpsc::Receiver<IncomingCall>>,
    registration: register::Registration,
    listener: JoinHandle<()>,
}

impl Phone {
    /// Opens the phone's socket and listens.
    ///
    /// # Errors
    /// [`CallError::Socket`].
    pub async fn bind(settings: PhoneSettings) -> Result<Phone, CallError> {
        let socket = UdpSocket::bind((settings.bind, 0)).await?;
        let local = socket.local_addr()?;
        let (sender, incoming) = mpsc::channel(INCOMING_MAX);
        let line = Line::new(settings, socket, local, sender);
        let listener = tokio::spawn(Arc::clone(&line).listen());
        let registration = register::Registration::default();
        Ok(Phone { line, incoming: tokio::sync::Mutex::new(incoming), registration, listener })
    }

    /// Where it listens for SIP.
    pub fn address(&self) -> SocketAddr {
        self.line.local
    }

    /// Registers, answering the challenge, and keeps the registration fresh. Returns the expiry granted.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn register(&self) -> Result<Duration, RegisterError> {
        self.registration.register(&self.line).await
    }

    /// Takes the registration back.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn unregister(&self) -> Result<(), RegisterError> {
        self.registration.unregister(&self.line).await
    }

    /// Calls a number at the server, or a `sip:` URI. Returns at once; the call's state tells how it goes on.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(&self, target: &str) -> Result<Call, CallError> {
        self.dial(Dial { target: target.to_owned(), ..Dial::default() }).await
    }

    /// Calls, with a number and a name of its own.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn dial(&self, dial: Dial) -> Result<Call, CallError> {
        let (target, destination) = self.locate(&dial.target)?;
        let settings = &self.line.settings;
        let user = dial.number.as_deref().unwrap_or(&settings.account);
        let from = NameAddr::new(Uri::sip(Some(user), self.domain()?, None))
            .with_display(dial.display.as_deref().unwrap_or(&settings.display))
            .with_tag(&token());
        let dialog = Dialog::calling(target, &from, destination);
        leg::place(&self.line, dialog, dial.sound).await
    }

    /// The next call that comes in; `None` once the phone is closed.
    pub async fn incoming(&self) -> Option<IncomingCall> {
        self.incoming.lock().await.recv().await
    }

    fn domain(&self) -> Result<Host, CallError> {
        let settings = &self.line.settings;
        match &settings.domain {
            Some(domain) => Host::parse(domain).map_err(|_| CallError::Target(domain.clone())),
            None => Ok(Host::from(settings.server.ip())),
        }
    }

    fn locate(&self, target: &str) -> Result<(Uri, SocketAddr), CallError> {
        let server = self.line.settings.server;
        let nowhere = || CallError::Target(target.chars().take(64).collect());
        if target.is_empty() {
            return Err(nowhere());
        }
        if !target.starts_with("sip:") {
            return Ok((Uri::sip(Some(target), Host::from(server.ip()), Some(server.port())), server));
        }
        let uri: Uri = target.parse().map_err(|_| nowhere())?;
        let address = address_of(&uri).ok_or_else(nowhere)?;
        Ok((uri, address))
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.registration.stop();
        self.listener.abort();
        self.line.close_all_calls();
    }
}

/// Locks what no thread of ours can have left half-done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 64 random bits for tags, branches and Call-IDs.
fn token() -> String {
    format!("{:016x}", getrandom::u64().unwrap_or_else(|_| fallback()))
}

fn token_u32() -> u32 {
    getrandom::u32().unwrap_or_else(|_| fallback() as u32)
}

/// Without a source of chance at least never the same twice.
fn fallback() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(1);
    COUNT.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed)
}
