//! `[sip]`, `[http]`, `[store]`, `[limits]`, `[log]`: what the shells are told.

use super::agents::PlacedAccount;
use super::problem::unknown;
use super::queues::name;
use super::section::Section;
use super::{
    ApiToken, HttpConfig, LogConfig, MetricsConfig, SipConfig, StoreConfig, dial, presenting, strangers,
    trace, transports, trunks,
};
use crate::engine::settings::Limits;
use crate::http::Role;
use crate::media::MediaSettings;
use crate::secret::PLACEHOLDER;
use crate::sip::auth::Algorithm;
use crate::sip::overload::OverloadRules;
use crate::sip::presenting::Presentation;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The hashes of digest authentication, by their names in the file.
const DIGESTS: [(&str, Algorithm); 2] = [("md5", Algorithm::Md5), ("sha-256", Algorithm::Sha256)];

/// How long somebody who is called may give no sign: not less than one lost datagram takes to be sent again, not more
/// than the timer B of RFC 3261 §17.1.1.2.
pub(super) const SILENCE: RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(32);

pub(super) fn sip(
    root: &Section<'_>,
    accounts: &[PlacedAccount],
    queues: BTreeMap<String, Presentation>,
    look_for_files: bool,
) -> SipConfig {
    let section = root.table("sip");
    let listen = transports::listeners(&section);
    let exposed = listen.iter().find(|one| !one.address.ip().is_loopback());
    if let Some(exposed) = exposed {
        for account in accounts.iter().filter(|account| account.has_placeholder()) {
            let (name, address) = (&account.account.name, exposed.address);
            let message = format!(
                "{name:?}: the password is still {PLACEHOLDER:?} while SIP is listened for on {address}; choose another one"
            );
            root.error(&account.password_span, message);
        }
    }
    let every = Duration::ZERO..=Duration::from_secs(3600);
    let options_every = section.duration("options_every", every).unwrap_or(Duration::from_secs(30));
    let config = SipConfig {
        advertise: address(&section, "advertise"),
        advertise6: transports::advertise6(&section),
        tls: transports::tls(&section, &listen, look_for_files),
        origins: transports::origins(&section),
        limits: transports::limits(&section),
        realm: section.text("realm").map_or_else(|| "holdfast".into(), |realm| realm.value.to_owned()),
        digests: listed(&section, "digest", "hash", &DIGESTS).unwrap_or_else(|| vec![Algorithm::Md5]),
        options_every,
        phone_silence: section.duration("phone_silence", SILENCE).unwrap_or(Duration::from_secs(6)),
        name_servers: name_servers(&section),
        trunks: trunks::trunks(root, &listen, options_every),
        proxies: trunks::networks(
            &section,
            "proxies",
            "this lets every phone lead its calls through any address",
        ),
        presentation: presenting::site(&section),
        queues,
        dial: dial::policy(root),
        trace: trace::trace(&section),
        hep: trace::hep(&section),
        bouncer: strangers::rules(&section),
        accounts: accounts.iter().map(|placed| placed.account.clone()).collect(),
        listen,
    };
    transports::check_advertised(&section, &config);
    if config.realm.is_empty()
        || !config.realm.chars().all(|c| (c.is_ascii_graphic() || c == ' ') && c != '"' && c != '\\')
    {
        section.error(&section.span, "realm: expected printable ASCII without quotation marks");
    }
    section.finish();
    config
}

/// Who is asked where trunks are, instead of whom the system asks.
fn name_servers(section: &Section<'_>) -> Vec<SocketAddr> {
    let mut servers = Vec::new();
    for text in section.texts("name_servers").unwrap_or_default() {
        let address = text.value.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
        match address.or_else(|_| text.value.parse()) {
            Ok(server) => servers.push(server),
            Err(_) => {
                let wanted = "addresses such as \"192.0.2.53\" or \"127.0.0.1:5353\"";
                section.error(&text.span, format!("name_servers: expected {wanted}, got {:?}", text.value));
            }
        }
    }
    servers
}

pub(super) fn address(section: &Section<'_>, key: &'static str) -> Option<IpAddr> {
    section.parsed(key, "an IP address such as \"203.0.113.5\"", |text| {
        text.parse().ok().filter(|address: &IpAddr| !address.is_unspecified())
    })
}

/// Some of the things of a table, in an order that means something: at least one, none twice. `None` when not given.
pub(super) fn listed<T: Copy + PartialEq>(
    section: &Section<'_>,
    key: &'static str,
    what: &'static str,
    table: &[(&str, T)],
) -> Option<Vec<T>> {
    let texts = section.texts(key)?;
    let names: Vec<_> = table.iter().map(|(name, _)| *name).collect();
    let mut listed = Vec::new();
    for text in &texts {
        match table.iter().find(|(name, _)| *name == text.value) {
            Some((_, one)) if !listed.contains(one) => listed.push(*one),
            Some(_) => {
                section.error(&text.span, format!("{key}: {:?} is there twice; remove one", text.value));
            }
            None => section.error(&text.span, unknown(what, text.value, &names)),
        }
    }
    if texts.is_empty() {
        section.error(&section.span, format!("{key}: expected at least one of {}", names.join(", ")));
    }
    Some(listed)
}

pub(super) fn http(root: &Section<'_>) -> HttpConfig {
    let section = root.table("http");
    let listen = section
        .parsed("listen", "an address and a port such as \"127.0.0.1:8080\"", |text| text.parse().ok())
        .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
    let mut tokens = Vec::new();
    for one in section.tables("token") {
        let (name, span) = name(&one);
        let role = one.choice("role", &[("read", Role::Read), ("operator", Role::Operator)]);
        if !one.has("role") {
            one.error(&span, "role is missing (known: read, operator)");
        }
        match one.secret("token") {
            Some((token, place)) => {
                if token.is_placeholder() && !listen.ip().is_loopback() {
                    one.error(&place, format!("the token is still {PLACEHOLDER:?} while HTTP is listened for on {listen}; choose another one"));
                }
                tokens.extend(role.map(|role| ApiToken { name, token, role }));
            }
            None if !one.has("token") => one.error(&span, "token is missing"),
            None => {}
        }
        one.finish();
    }
    section.finish();
    HttpConfig { listen, tokens }
}

pub(super) fn store(root: &Section<'_>) -> StoreConfig {
    let section = root.table("store");
    let path = section.parsed("path", "the path of a file", |text| (!text.is_empty()).then(|| text.into()));
    let journal = section.flag("journal").unwrap_or(true);
    let backlog_max = section.count("backlog_max", 10..=1_000_000);
    section.finish();
    StoreConfig { path: path.unwrap_or_else(|| "data/holdfast.sqlite".into()), journal, backlog_max }
}

pub(super) fn metrics(root: &Section<'_>) -> MetricsConfig {
    let section = root.table("metrics");
    let agent_state = section.flag("agent_state");
    section.finish();
    MetricsConfig { agent_state: agent_state.unwrap_or(false) }
}

pub(super) fn limits(root: &Section<'_>, media: &MediaSettings) -> (Limits, OverloadRules) {
    let section = root.table("limits");
    let default = Limits::default();
    let limits = Limits {
        calls_max: section.count("calls_max", 1..=1_000_000).unwrap_or(default.calls_max),
        drain: section
            .duration("drain", Duration::ZERO..=Duration::from_secs(24 * 3600))
            .unwrap_or(default.drain),
    };
    let usual = OverloadRules::default();
    let delay_max = section.duration("delay_max", Duration::ZERO..=Duration::from_secs(10));
    let overload = OverloadRules {
        delay_max: delay_max.map_or(usual.delay_max, |most| Some(most).filter(|most| !most.is_zero())),
        late_audio_max: section.share("late_audio_max").unwrap_or(usual.late_audio_max),
        calls_max: limits.calls_max,
    };
    // A leg takes two ports, a call with an agent two legs.
    let room = media.ports.clone().count() / 4;
    if section.has("calls_max") && room < limits.calls_max {
        let message = format!(
            "calls_max is {}, but the ports under [media] carry only {room} calls with an agent each",
            limits.calls_max
        );
        section.warn(&section.span, message);
    }
    section.finish();
    (limits, overload)
}

pub(super) fn log(root: &Section<'_>) -> LogConfig {
    let section = root.table("log");
    let filter =
        section.parsed("filter", "a log filter such as \"info\" or \"info,holdfast::sip=debug\"", |text| {
            text.parse::<tracing_subscriber::filter::Targets>().ok().map(|_| text.to_owned())
        });
    section.finish();
    LogConfig { filter: filter.unwrap_or_else(|| "info".into()) }
}
