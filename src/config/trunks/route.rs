//! How numbers outside are called through a trunk: its server, our account and our registration there.

use crate::config::section::Section;
use crate::config::shells::SILENCE;
use crate::secret::PLACEHOLDER;
use crate::sip::auth::Login;
use crate::sip::dialling::Dialable;
use crate::sip::flow::Transport;
use crate::sip::host::Host;
use crate::sip::settings::{RegistrationRules, Route, Shows};
use crate::sip::transport::Listen;
use crate::sip::uri::{Scheme, Uri};
use std::time::Duration;

/// How a trunk's server may be written.
const SERVER: &str = "a server such as \"sip.carrier.example\", \"192.0.2.10:5060\", \"sip:sip.carrier.example;transport=tcp\" or \"sips:sip.carrier.example\"";
/// What means nothing without a server.
const OF_THE_ROUTE: [&str; 13] = [
    "username",
    "password",
    "realm",
    "caller_id",
    "shows",
    "register",
    "register_every",
    "contact_user",
    "contact_host",
    "options_every",
    "answer_within",
    "priority",
    "weight",
];

/// What stands there of a server.
struct Server {
    host: Host,
    port: Option<u16>,
    transport: Option<Transport>,
}

/// How numbers outside are called through the trunk, if they are. `options_every` is what `[sip]` says.
pub(super) fn route(section: &Section<'_>, listen: &[Listen], options_every: Duration) -> Option<Route> {
    let (username, password) = (section.text("username"), section.secret("password"));
    let (realm, own_number) = (section.text("realm"), caller_id(section));
    let shows = section.choice("shows", &[("caller", Shows::Caller), ("caller-id", Shows::OwnNumber)]);
    let registration = registration(section);
    let contact_host =
        section.parsed("contact_host", "a name such as \"sbc.example.com\"", |text| Host::parse(text).ok());
    let every = section.duration("options_every", Duration::ZERO..=Duration::from_secs(3600));
    let answer_within = section.duration("answer_within", SILENCE);
    if !section.has("dial") {
        for key in OF_THE_ROUTE.into_iter().filter(|key| section.has(key)) {
            section.warn(&section.span, format!("{key} has no use without dial = \"…\""));
        }
        return None;
    }
    let Server { host, port, transport } = section.parsed("dial", SERVER, server)?;
    // What is not looked up goes by UDP (RFC 3263 §4.1).
    let by_udp = || (port.is_some() || host.ip().is_some()).then_some(Transport::Udp);
    match transport.or_else(by_udp) {
        Some(transport) if !listen.iter().any(|one| one.transport == transport) => {
            let message =
                format!("dial: nothing is listened for by {transport}, so nothing can be sent by it");
            section.error(&section.span, message);
        }
        Some(_) | None => {}
    }
    if shows == Some(Shows::OwnNumber) && own_number.is_none() {
        section.error(&section.span, "shows = \"caller-id\" needs caller_id = \"…\": our own number there");
    }
    if username.is_some() != password.is_some() {
        section.error(&section.span, "username and password belong together; one of them is missing");
    }
    if registration.is_some() && username.is_none() {
        section.error(&section.span, "register = true needs username and password: the account to register");
    }
    let login = username.zip(password).map(|(username, (password, place))| {
        if password.is_placeholder() {
            section.error(&place, format!("the password is still {PLACEHOLDER:?}; write the carrier's"));
        }
        let realm = realm.map_or_else(|| host.to_string(), |realm| realm.value.to_owned());
        Login { username: username.value.to_owned(), realm, password }
    });
    let probe_every = Some(every.unwrap_or(options_every)).filter(|every| !every.is_zero());
    let usual = Route::to(host);
    Some(Route {
        port,
        transport,
        login,
        own_number,
        shows: shows.unwrap_or_default(),
        registration,
        probe_every,
        contact_host,
        answer_within: answer_within.unwrap_or(usual.answer_within),
        ..usual
    })
}

fn registration(section: &Section<'_>) -> Option<RegistrationRules> {
    let register = section.flag("register").unwrap_or(false);
    let day = Duration::from_secs(24 * 3600);
    let every = section.duration("register_every", Duration::from_secs(30)..=day);
    let plain = |text: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
        (!text.is_empty() && text.len() <= 64 && text.chars().all(good)).then(|| text.to_owned())
    };
    let contact_user = section.parsed("contact_user", "a user name such as \"acme\" or \"+49301234\"", plain);
    if !register {
        for key in ["register_every", "contact_user"].into_iter().filter(|key| section.has(key)) {
            section.warn(&section.span, format!("{key} has no use without register = true"));
        }
        return None;
    }
    if !section.has("dial") {
        section.error(&section.span, "register = true needs dial = \"…\": the server to register at");
    }
    Some(RegistrationRules { every: every.unwrap_or(Duration::from_secs(600)), contact_user })
}

fn caller_id(section: &Section<'_>) -> Option<String> {
    let number = section.parsed("caller_id", "a number such as \"+49301234\"", Dialable::parse)?;
    Some(number.as_str().to_owned())
}

/// `sips:` is another way to write TLS: to be a promise it would have to hold for every hop behind the carrier.
fn server(text: &str) -> Option<Server> {
    let is_whole = text.starts_with("sip:") || text.starts_with("sips:");
    let whole = if is_whole { text.to_owned() } else { format!("sip:{text}") };
    let uri: Uri = whole.parse().ok()?;
    let carrying = uri.transport().filter(|transport| transport.leads_out())?;
    let is_said = uri.params.has("transport") || uri.scheme == Scheme::Sips;
    let plain = uri.user.is_none() && uri.headers.is_empty();
    let known = uri.params.iter().all(|(name, _)| name.eq_ignore_ascii_case("transport"));
    let transport = is_said.then_some(carrying);
    (plain && known).then_some(Server { host: uri.host, port: uri.port, transport })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_written_as_a_host_or_as_a_uri() {
        let read = |text| server(text).map(|it| (it.host.to_string(), it.port, it.transport));
        let (udp, tcp, tls) = (Some(Transport::Udp), Some(Transport::Tcp), Some(Transport::Tls));
        assert_eq!(read("gw.example.com"), Some(("gw.example.com".into(), None, None)));
        assert_eq!(read("192.0.2.1:5070"), Some(("192.0.2.1".into(), Some(5070), None)));
        assert_eq!(read("sip:gw.example.com;transport=udp"), Some(("gw.example.com".into(), None, udp)));
        assert_eq!(read("sip:gw.example.com;transport=tcp"), Some(("gw.example.com".into(), None, tcp)));
        assert_eq!(read("sip:gw.example.com;transport=tls"), Some(("gw.example.com".into(), None, tls)));
        assert_eq!(read("sips:gw.example.com:5063"), Some(("gw.example.com".into(), Some(5063), tls)));
        assert_eq!(read("sip:[2001:db8::1]:5060"), Some(("[2001:db8::1]".into(), Some(5060), None)));
        for text in
            ["", "sip:", "anna@gw.example.com", "sip:gw;transport=ws", "sip:gw;lr", "gw:0", "http://gw"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
