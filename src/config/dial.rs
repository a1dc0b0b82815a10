//! `[[trunk]]` and `[dial]`: who calls in without a password, and which numbers outside may be called, through whom.

use super::audio;
use super::queues::name;
use super::section::Section;
use crate::cidr::Cidr;
use crate::secret::PLACEHOLDER;
use crate::sip::auth::Login;
use crate::sip::dialling::{DialPolicy, Dialable, Pattern};
use crate::sip::flow::Transport;
use crate::sip::host::Host;
use crate::sip::settings::{Route, Shows, Trunk};
use crate::sip::transport::Listen;
use crate::sip::uri::Uri;

/// How a trunk's server may be written.
const SERVER: &str = "a server such as \"sip.carrier.example\", \"192.0.2.10:5060\" or \"sip:sip.carrier.example;transport=tcp\"";

pub(super) fn trunks(root: &Section<'_>, listen: &[Listen]) -> Vec<Trunk> {
    let mut trunks: Vec<Trunk> = Vec::new();
    for section in root.tables("trunk") {
        let (name, span) = name(&section);
        if trunks.iter().any(|known| known.name == name) && !name.is_empty() {
            section.error(&span, "another trunk has this name already; give each its own");
        }
        trunks.push(Trunk {
            addresses: addresses(&section),
            trusted_headers: section.flag("trusted_headers").unwrap_or(false),
            route: route(&section, listen),
            media: audio::wishes(&section),
            name,
        });
        section.finish();
    }
    trunks
}

fn addresses(section: &Section<'_>) -> Vec<Cidr> {
    if section.texts("addresses").unwrap_or_default().is_empty() {
        section.error(&section.span, "addresses: expected at least one network, such as \"192.0.2.0/24\"");
    }
    networks(section, "addresses", "this admits calls from every address without a password")
}

/// Networks, with a warning for one that holds every address.
pub(super) fn networks(section: &Section<'_>, key: &'static str, of_everything: &str) -> Vec<Cidr> {
    let mut networks = Vec::new();
    for text in section.texts(key).unwrap_or_default() {
        match text.value.parse::<Cidr>() {
            Ok(network) => {
                if network.is_everything() {
                    section.warn(&text.span, of_everything);
                }
                networks.push(network);
            }
            Err(error) => section.error(&text.span, format!("{key}: {error}, got {:?}", text.value)),
        }
    }
    networks
}

/// How numbers outside are called through the trunk, if they are.
fn route(section: &Section<'_>, listen: &[Listen]) -> Option<Route> {
    let (username, password) = (section.text("username"), section.secret("password"));
    let (realm, caller_id) = (section.text("realm"), caller_id(section));
    let shows = section.choice("shows", &[("caller", Shows::Caller), ("caller-id", Shows::OwnNumber)]);
    if !section.has("dial") {
        for key in ["username", "password", "realm", "caller_id", "shows"] {
            if section.has(key) {
                section.warn(&section.span, format!("{key} has no use without dial = \"…\""));
            }
        }
        return None;
    }
    let (host, port, transport) = section.parsed("dial", SERVER, server)?;
    if !listen.iter().any(|one| one.transport == transport) {
        let message = format!("dial: nothing is listened for by {transport}, so nothing can be sent by it");
        section.error(&section.span, message);
    }
    if shows == Some(Shows::OwnNumber) && caller_id.is_none() {
        section.error(&section.span, "shows = \"caller-id\" needs caller_id = \"…\": our own number there");
    }
    if username.is_some() != password.is_some() {
        section.error(&section.span, "username and password belong together; one of them is missing");
    }
    let login = username.zip(password).map(|(username, (password, place))| {
        if password.is_placeholder() {
            section.error(&place, format!("the password is still {PLACEHOLDER:?}; write the carrier's"));
        }
        let realm = realm.map_or_else(|| host.to_string(), |realm| realm.value.to_owned());
        Login { username: username.value.to_owned(), realm, password }
    });
    Some(Route { host, port, transport, login, own_number: caller_id, shows: shows.unwrap_or_default() })
}

fn caller_id(section: &Section<'_>) -> Option<String> {
    let number = section.parsed("caller_id", "a number such as \"+49301234\"", Dialable::parse)?;
    Some(number.as_str().to_owned())
}

fn server(text: &str) -> Option<(Host, Option<u16>, Transport)> {
    let whole = if text.starts_with("sip:") { text.to_owned() } else { format!("sip:{text}") };
    let uri: Uri = whole.parse().ok()?;
    let transport = match uri.params.value("transport") {
        Some(token) => Transport::from_token(token)?,
        None => Transport::Udp,
    };
    let plain = uri.user.is_none() && uri.headers.is_empty();
    let known = uri.params.iter().all(|(name, _)| name.eq_ignore_ascii_case("transport"));
    (plain && known).then_some((uri.host, uri.port, transport))
}

/// `[dial]`: nothing may be called that is not allowed here.
pub(super) fn policy(root: &Section<'_>) -> DialPolicy {
    let section = root.table("dial");
    let patterns = |key: &'static str| {
        let wanted = "a number, or the beginning of one and a \"*\", such as \"+49*\" or \"0800*\"";
        let mut patterns = Vec::new();
        for text in section.texts(key).unwrap_or_default() {
            match Pattern::parse(text.value) {
                Some(pattern) => patterns.push(pattern),
                None => section.error(&text.span, format!("{key}: expected {wanted}, got {:?}", text.value)),
            }
            if text.value == "*" && key == "allow" {
                section.warn(&text.span, "this lets every number of the world be called, the dearest too");
            }
        }
        patterns
    };
    let policy = DialPolicy { allow: patterns("allow"), deny: patterns("deny") };
    section.finish();
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_written_as_a_host_or_as_a_uri() {
        let read = |text| server(text).map(|(host, port, transport)| (host.to_string(), port, transport));
        let (udp, tcp) = (Transport::Udp, Transport::Tcp);
        assert_eq!(read("gw.example.com"), Some(("gw.example.com".into(), None, udp)));
        assert_eq!(read("192.0.2.1:5070"), Some(("192.0.2.1".into(), Some(5070), udp)));
        assert_eq!(read("sip:gw.example.com;transport=tcp"), Some(("gw.example.com".into(), None, tcp)));
        assert_eq!(read("sip:[2001:db8::1]:5060"), Some(("[2001:db8::1]".into(), Some(5060), udp)));
        for text in
            ["", "sip:", "anna@gw.example.com", "sip:gw;transport=tls", "sip:gw;lr", "gw:0", "http://gw"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
