//! `[sip]`: where SIP is listened for and by what transports, with which certificates, for which web pages.

use super::SipConfig;
use super::section::Section;
use crate::sip::flow::Transport;
use crate::sip::host::Host;
use crate::sip::transport::{CertificateFiles, Listen, Origins, Tls, TlsFiles, TransportSettings};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Listening on every address needs one to tell phones.
pub(super) fn check_advertised(section: &Section<'_>, config: &SipConfig) {
    let mut everywhere = config.listen.iter().map(|one| one.address.ip()).filter(IpAddr::is_unspecified);
    if let Some(ip) = everywhere.find(|ip| config.advertised(*ip).is_none()) {
        let key = if ip.is_ipv4() { "advertise" } else { "advertise6" };
        let message = format!(
            "listening on every address needs {key} = \"…\": the one that phones reach this machine at"
        );
        section.error(&section.span, message);
    }
}

pub(super) fn advertise6(section: &Section<'_>) -> Option<IpAddr> {
    section.parsed("advertise6", "an IPv6 address such as \"2001:db8::5\"", |text| {
        text.parse().ok().filter(|address: &IpAddr| address.is_ipv6() && !address.is_unspecified())
    })
}

/// Never empty.
pub(super) fn listeners(section: &Section<'_>) -> Vec<Listen> {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 5060));
    let Some(texts) = section.texts("listen") else {
        return [Transport::Udp, Transport::Tcp]
            .map(|transport| Listen { transport, address: loopback })
            .to_vec();
    };
    if texts.is_empty() {
        section.error(&section.span, "listen: expected at least one, such as \"udp:127.0.0.1:5060\"");
    }
    let mut listeners: Vec<Listen> = Vec::new();
    for text in texts {
        match text.value.parse() {
            Ok(one) if listeners.contains(&one) && one.address.port() != 0 => {
                section.error(&text.span, format!("listen: {:?} is there twice; remove one", text.value));
            }
            Ok(one) => listeners.push(one),
            Err(_) => {
                let wanted = "\"udp:ADDRESS:PORT\", \"tcp:ADDRESS:PORT\", or the same with tls, ws or wss, such as \"udp:127.0.0.1:5060\"";
                section.error(&text.span, format!("listen: expected {wanted}, got {:?}", text.value));
            }
        }
    }
    listeners
}

/// Always there where a listener needs it, unless that is an error.
pub(super) fn tls(section: &Section<'_>, listen: &[Listen], look_for_files: bool) -> Option<TlsFiles> {
    let Some(tls) = section.optional_table("tls") else {
        if let Some(bare) = listen.iter().find(|one| one.transport.is_secure()) {
            let message = format!(
                "listen: {bare} needs a certificate: [sip.tls] with certificate = \"…\" and key = \"…\""
            );
            section.error(&section.span, message);
        }
        return None;
    };
    let mut certificates: Vec<_> = pair(&tls).into_iter().collect();
    for more in tls.rules("more", "{ certificate = \"other.pem\", key = \"other.key\" }") {
        certificates.extend(pair(&more));
        more.finish();
    }
    let files = TlsFiles {
        certificates,
        client_authorities: file(&tls, "client_authorities"),
        trust: file(&tls, "trust"),
        name: tls.parsed("name", "the name in the certificate, such as \"sip.example.com\"", |text| {
            Host::parse(text).ok().filter(|host| host.ip().is_none())
        }),
    };
    if look_for_files
        && !files.certificates.is_empty()
        && let Err(error) = Tls::load(&files)
    {
        tls.error(&tls.span, error.to_string());
    }
    tls.finish();
    Some(files)
}

fn pair(section: &Section<'_>) -> Option<CertificateFiles> {
    section.require("certificate");
    section.require("key");
    let (certificate, key) = (file(section, "certificate"), file(section, "key"));
    Some(CertificateFiles { certificate: certificate?, key: key? })
}

fn file(section: &Section<'_>, key: &'static str) -> Option<PathBuf> {
    section.parsed(key, "the path of a PEM file", |text| (!text.is_empty()).then(|| text.into()))
}

pub(super) fn origins(section: &Section<'_>) -> Origins {
    let Some(texts) = section.texts("origins") else { return Origins::SameHost };
    let mut listed = Vec::new();
    for text in texts {
        let page = ["https://", "http://"].iter().find_map(|scheme| text.value.strip_prefix(scheme));
        if page.is_some_and(|page| !page.is_empty() && !page.contains(['/', '*', ' '])) {
            listed.push(text.value.to_owned());
        } else {
            let wanted = "the beginning of a page's address, such as \"https://desk.example.com\"";
            section.error(&text.span, format!("origins: expected {wanted}, got {:?}", text.value));
        }
    }
    Origins::Listed(listed)
}

pub(super) fn limits(section: &Section<'_>) -> TransportSettings {
    let default = TransportSettings::default();
    TransportSettings {
        connections_max: section.count("connections_max", 1..=100_000).unwrap_or(default.connections_max),
        connections_per_source_max: section
            .count("connections_per_source_max", 1..=100_000)
            .unwrap_or(default.connections_per_source_max),
        ..default
    }
}
