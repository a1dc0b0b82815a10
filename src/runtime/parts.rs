//! From the configuration to each part's own settings, and what may go wrong on the way.

use super::tracer::TracerRules;
use crate::config::Config;
use crate::engine::id::CallId;
use crate::engine::settings::Settings;
use crate::engine::time::Wall;
use crate::http::{HttpError, Role, Token, TokenFileError, token_file};
use crate::media::library::Library;
use crate::media::{self, MediaError, MediaEvent, MediaSettings};
use crate::metrics::Metrics;
use crate::sip::core::SettingsError;
use crate::sip::overload::OverloadRules;
use crate::sip::registrar::RegistrarRules;
use crate::sip::settings::{Listener, SipSettings, Trunk};
use crate::sip::transport::{Listen, PeerRules, Tls, TlsError, TransportError};
use crate::stats::Entry;
use crate::store::writer::BACKLOG_MAX;
use crate::store::{Backlog, SqliteStore, StoreError};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Why the engine cannot start. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Signalling.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Certificates and keys.
    #[error("under [sip.tls]: {0}")]
    Tls(#[from] TlsError),
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

/// Where this run's identities begin: at the time in microseconds, and in any case behind every call that is recorded,
/// though the clock was put back. A record with an identity that is there already would be taken for a repetition.
pub(super) fn first_id(now: Wall, newest: Option<CallId>) -> u64 {
    let by_clock = u64::try_from(now.0).unwrap_or_default().saturating_mul(1000);
    newest.map_or(by_clock, |CallId(newest)| by_clock.max(newest.saturating_add(1)))
}

pub(super) async fn store(config: &Config) -> Result<SqliteStore, StartError> {
    Ok(SqliteStore::open(&config.store.path).await?)
}

/// The register of metrics, with what the operator wants besides the usual.
pub(super) fn metrics(config: &Config) -> Result<Metrics, StartError> {
    let mut metrics = Metrics::new(&config.settings)?;
    if config.metrics.agent_state {
        metrics.show_each_agent(&config.settings)?;
    }
    Ok(metrics)
}

/// The API's tokens; one is made up and kept in a file when none is configured.
pub(super) fn tokens(config: &Config) -> Result<(Vec<Token>, Option<PathBuf>), StartError> {
    if config.http.tokens.is_empty() {
        let (token, path) = token_file(config.data_dir())?;
        tracing::info!(file = %path.display(), "no API token is configured: the one in this file is valid");
        return Ok((vec![Token::new("generated", &token, Role::Operator)], Some(path)));
    }
    let tokens = &config.http.tokens;
    let tokens = tokens.iter().map(|one| Token::new(one.name.as_str(), one.token.expose(), one.role));
    Ok((tokens.collect(), None))
}

/// Reads all audio files and starts the media workers. A bad file is told and left out; the rest is used.
pub(super) async fn media(
    config: &Config,
    events: mpsc::Sender<MediaEvent>,
) -> Result<(media::Handle, BTreeSet<String>), StartError> {
    let sounds = config.sounds.clone();
    let codecs = config.codecs();
    let load = move || Library::load(&sounds.music, &sounds.prompts, &codecs);
    let loaded = tokio::task::spawn_blocking(load).await;
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
    let prompts = spoken(&library);
    let advertise = config.media.advertise.or_else(|| outward(config.media.listen));
    let advertise6 = config.media.advertise6.or_else(|| config.media.listen6.and_then(outward));
    let settings = MediaSettings { advertise, advertise6, ..config.media.clone() };
    Ok((media::start(settings, Arc::new(library), events)?, prompts))
}

/// What can be said to a caller: the names of prompts, with and without the folder of a language.
fn spoken(library: &Library) -> BTreeSet<String> {
    let names = library.prompt_names();
    let names = names.flat_map(|name| [Some(name), name.split_once('/').map(|(_, within)| within)]);
    names.flatten().map(str::to_owned).collect()
}

/// How many call records may wait. Beyond that, each call that goes on has a place for its record and one for a note; and
/// what the process before left comes at once.
pub(super) fn backlog(most: Option<usize>, settings: &Settings, left: &[Entry]) -> Backlog {
    let most = most.unwrap_or(BACKLOG_MAX);
    Backlog { most, reserve: settings.limits.calls_max.saturating_mul(2).saturating_add(left.len()) }
}

/// From when on calls are refused because of the load.
pub(super) fn overload(config: &Config) -> OverloadRules {
    OverloadRules { calls_max: config.settings.limits.calls_max, ..config.overload }
}

/// What is traced.
pub(super) fn tracer(config: &Config) -> TracerRules {
    TracerRules { keep: config.sip.trace, export: config.sip.hep.clone() }
}

pub(super) fn sip_settings(config: &Config, bound: &[Listen], first_call: u64) -> SipSettings {
    let listener = |listen: &Listen| {
        let own = listen.address.ip();
        let ip = config.sip.advertised(own).or_else(|| outward(own)).unwrap_or(own);
        let tls = config.sip.tls.as_ref().filter(|_| listen.transport.is_secure());
        Listener {
            transport: listen.transport,
            bound: listen.address,
            advertised: SocketAddr::new(ip, listen.address.port()),
            name: tls.and_then(|tls| tls.name.clone()),
        }
    };
    let rules = &config.settings;
    SipSettings {
        realm: config.sip.realm.clone(),
        digests: config.sip.digests.clone(),
        listeners: bound.iter().map(listener).collect(),
        trunks: config.sip.trunks.clone(),
        proxies: config.sip.proxies.clone(),
        presentation: config.sip.presentation.clone(),
        queues: config.sip.queues.clone(),
        dial: config.sip.dial.clone(),
        bouncer: config.sip.bouncer.clone(),
        accounts: config.sip.accounts.clone(),
        first_call: CallId(first_call),
        phone_silence: config.sip.phone_silence,
        // The engine refuses what is too much, and counts it; this only bounds what it cannot see.
        legs_max: rules.limits.calls_max.saturating_mul(2).saturating_add(rules.agents.len()),
        registrar: RegistrarRules {
            probe_every: Some(config.sip.options_every).filter(|every| !every.is_zero()),
            ..RegistrarRules::default()
        },
        ..SipSettings::default()
    }
}

/// What the transports ask of others, with the certificates as they lie on the disk now.
pub(super) fn peer_rules(config: &Config) -> Result<PeerRules, TlsError> {
    let name = |trunk: &Trunk| trunk.route.as_ref().map(|route| route.host.clone());
    Ok(PeerRules {
        tls: config.sip.tls.as_ref().map(Tls::load).transpose()?,
        origins: config.sip.origins.clone(),
        trunks: config.sip.trunks.iter().map(name).collect(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_go_on_behind_the_recorded_ones_even_when_the_clock_was_put_back() {
        let now = Wall(1_795_000_000_000);
        assert_eq!(first_id(now, None), 1_795_000_000_000_000);
        assert_eq!(first_id(now, Some(CallId(1_794_999_999_999_999))), 1_795_000_000_000_000);
        assert_eq!(first_id(now, Some(CallId(1_795_000_000_000_005))), 1_795_000_000_000_006);
        assert_eq!(first_id(Wall(-5), Some(CallId(7))), 8, "a clock that was never set");
    }
}
