//! `[media]`, and what trunks, agents and accounts say of their audio: codecs and encryption.

use super::scalar;
use super::section::Section;
use super::shells::{address, listed};
use crate::media::{Codec, MediaSettings, Policy, Prefer, Wishes};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The codecs, by their names in the file.
const CODECS: [(&str, Codec); 5] = [
    ("opus", Codec::Opus),
    ("g722", Codec::G722),
    ("pcmu", Codec::Pcmu),
    ("pcma", Codec::Pcma),
    ("l16", Codec::L16),
];
/// How long an RTP port rests: the last packets of a call must not reach the next one.
const PORT_REST: Duration = Duration::from_secs(30);
const PORT_REST_RANGE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(600);
/// How long an agent's phone may send nothing before the caller is given to somebody else.
const SILENCE: Duration = Duration::from_secs(30);

pub(super) fn media(root: &Section<'_>) -> MediaSettings {
    let section = root.table("media");
    let listen = section
        .parsed("listen", "an IP address such as \"127.0.0.1\", without a port", |text| text.parse().ok())
        .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let advertise = address(&section, "advertise");
    if listen.is_unspecified() && advertise.is_none() {
        section.error(
            &section.span,
            "listening on every address needs advertise = \"…\": the one that phones send audio to",
        );
    }
    let (listen6, advertise6) = second(&section, listen);
    let ports =
        section.parsed("ports", "a range of ports such as \"20000-29999\", above 1023", scalar::ports);
    let settings = MediaSettings {
        listen,
        advertise,
        listen6,
        advertise6,
        ports: ports.unwrap_or(20000..=29999),
        workers: section.count("workers", 0..=256).unwrap_or(0),
        pin: section.flag("pin").unwrap_or(false),
        realtime: section.flag("realtime").unwrap_or(true),
        codecs: listed(&section, "codecs", "codec", &CODECS).unwrap_or_else(|| Codec::USUAL.to_vec()),
        prefer: section.choice("prefer", &Prefer::TABLE).unwrap_or_default(),
        quarantine: section.duration("port_rest", PORT_REST_RANGE).unwrap_or(PORT_REST),
        inband_keys: section.flag("inband_keys").unwrap_or(false),
        silence: section
            .duration("silence", Duration::ZERO..=Duration::from_secs(3600))
            .map_or(Some(SILENCE), |silence| (!silence.is_zero()).then_some(silence)),
    };
    section.finish();
    settings
}

/// The second address, of the other IP version than the first.
fn second(section: &Section<'_>, first: IpAddr) -> (Option<IpAddr>, Option<IpAddr>) {
    let is_ipv6 = |text: &str| text.parse().ok().filter(IpAddr::is_ipv6);
    let listen6 = section.parsed("listen6", "an IPv6 address such as \"::1\", without a port", is_ipv6);
    let advertise6 = section.parsed("advertise6", "an IPv6 address such as \"2001:db8::5\"", |text| {
        is_ipv6(text).filter(|address| !address.is_unspecified())
    });
    if listen6.is_some() && first.is_ipv6() {
        section.error(&section.span, "listen6: listen has an IPv6 address already; give it the IPv4 one");
    }
    if listen6.is_some_and(|address| address.is_unspecified()) && advertise6.is_none() {
        let wanted = "listening on every address needs advertise6 = \"…\": the one that phones send audio to";
        section.error(&section.span, wanted);
    }
    if advertise6.is_some() && listen6.is_none() {
        section.warn(&section.span, "advertise6 has no use without listen6 = \"…\"");
    }
    (listen6, advertise6)
}

/// What a trunk, an agent or an account wants of its audio.
pub(super) fn wishes(section: &Section<'_>) -> Wishes {
    Wishes {
        codecs: listed(section, "codecs", "codec", &CODECS).map(Into::into),
        srtp: section.choice("srtp", &Policy::TABLE).unwrap_or_default(),
        ipv6: false,
    }
}
