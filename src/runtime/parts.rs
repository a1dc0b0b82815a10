//! From the configuration to each part's own settings, and what may go wrong on the way.

use crate::config::{CodecName, Config, TokenRole, Transport as ListenTransport};
use crate::engine::id::CallId;
use crate::http::{HttpError, Role, Token, TokenFileError, Tokens, token_file};
use crate::media::library::Library;
use crate::media::{self, Codec, MediaError, MediaEvent, MediaSettings};
use crate::sip::core::SettingsError;
use crate::sip::flow::Transport;
use crate::sip::registrar::RegistrarRules;
use crate::sip::settings::{Account, Listener, SipSettings};
use crate::sip::transport::{Listen, TransportError};
use crate::store::{SqliteStore, StoreError};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long an RTP port rests: the last packets of a call must not reach the next one.
const PORT_REST: Duration = Duration::from_secs(30);

/// Why the engine cannot start. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Signalling.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A static contact of the configuration.
    #[error(transparent)]
    Sip(#[from] SettingsError),
    /// Audio.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// Call records.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The API's port.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The API's token.
    #[error(transparent)]
    Token(#[from] TokenFileError),
    /// Metrics: a mistake of ours.
    #[error("the metrics cannot be registered: {0}")]
    Metrics(#[from] crate::metrics::Error),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// A task ended by a panic: a mistake of ours.
    #[error("a part of the process died; its log tells where. Please report it")]
    Died,
}

/// A secret number for tags, branches and nonces.
pub(super) fn seed() -> Result<u64, StartError> {
    getrandom::u64().map_err(StartError::Random)
}

pub(super) async fn store(config: &Config) -> Result<SqliteStore, StartError> {
    Ok(SqliteStore::open(&config.store.path).await?)
}

/// The API's tokens; one is made up and kept in a file when none is configured.
pub(super) fn tokens(config: &Config) -> Result<(Tokens, Option<PathBuf>), StartError> {
    if config.http.tokens.is_empty() {
        let (token, path) = token_file(config.data_dir())?;
        tracing::info!(file = %path.display(), "no API token is configured: the one in this file is valid");
        return Ok((Tokens::new([Token::new("generated", &token, Role::Operator)]), Some(path)));
    }
    let tokens = config.http.tokens.iter().map(|token| {
        let role = match token.role {
            TokenRole::Read => Role::Read,
            TokenRole::Operator => Role::Operator,
        };
        Token::new(token.name.as_str(), token.token.expose(), role)
    });
    Ok((Tokens::new(tokens), None))
}

/// Reads all audio files and starts the media workers. A bad file is told and left out; the rest is used.
pub(super) async fn media(
    config: &Config,
    events: mpsc::Sender<MediaEvent>,
) -> Result<media::Handle, StartError> {
    let sounds = config.sounds.clone();
    let loaded = tokio::task::spawn_blocking(move || Library::load(&sounds.music, &sounds.prompts)).await;
    let (library, bad) = loaded.map_err(|_| StartError::Died)?;
    for file in bad {
        tracing::warn!("{file}; it is left out");
    }
    for queue in &config.settings.queues {
        if !queue.music.iter().any(|clip| library.music(clip).is_some()) {
            tracing::error!(
                queue = queue.name,
                "no music of this queue can be played: callers hear a soft tone instead"
            );
        }
    }
    let codecs = config.media.codecs.iter().map(|codec| match codec {
        CodecName::Pcmu => Codec::Pcmu,
        CodecName::Pcma => Codec::Pcma,
    });
    let settings = MediaSettings {
        listen: config.media.listen,
        advertise: config.media.advertise.or_else(|| outward(config.media.listen)),
        ports: config.media.ports.clone(),
        workers: config.media.workers.unwrap_or(0),
        codecs: codecs.collect(),
        quarantine: PORT_REST,
    };
    Ok(media::start(settings, Arc::new(library), events)?)
}

pub(super) fn listens(config: &Config) -> Vec<Listen> {
    let listen = |listen: &crate::config::Listen| Listen {
        transport: match listen.transport {
            ListenTransport::Udp => Transport::Udp,
            ListenTransport::Tcp => Transport::Tcp,
        },
        address: listen.address,
    };
    config.sip.listen.iter().map(listen).collect()
}

pub(super) fn sip_settings(config: &Config, bound: &[Listen], first_call: u64) -> SipSettings {
    let listener = |listen: &Listen| {
        let ip = config.sip.advertise.or_else(|| outward(listen.address.ip())).unwrap_or(listen.address.ip());
        Listener {
            transport: listen.transport,
            bound: listen.address,
            advertised: SocketAddr::new(ip, listen.address.port()),
        }
    };
    let accounts = config.sip.accounts.iter().map(|account| Account {
        name: account.name.clone(),
        password: account.password.clone(),
        agent: account.agent,
        contact: account.contact.clone(),
    });
    SipSettings {
        realm: config.sip.realm.clone(),
        listeners: bound.iter().map(listener).collect(),
        trunks: config.sip.trunks.iter().flat_map(|trunk| trunk.addresses.iter().copied()).collect(),
        accounts: accounts.collect(),
        first_call: CallId(first_call),
        registrar: RegistrarRules {
            probe_every: Some(config.sip.options_every).filter(|every| !every.is_zero()),
            ..RegistrarRules::default()
        },
        ..SipSettings::default()
    }
}

/// For a socket on all addresses: the one by which the system reaches others. Nothing is sent to find out.
fn outward(listen: IpAddr) -> Option<IpAddr> {
    if !listen.is_unspecified() {
        return None;
    }
    // Addresses for documentation (RFC 5737, RFC 3849): routed like any other, and nobody's.
    let elsewhere: SocketAddr = if listen.is_ipv4() {
        ([192, 0, 2, 1], 9).into()
    } else {
        ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 9).into()
    };
    let probe = UdpSocket::bind(SocketAddr::new(listen, 0)).ok()?;
    probe.connect(elsewhere).ok()?;
    let ip = probe.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}
