//! SIP and tel URIs as owned data: parsed with bounds from hostile text, printed with proper escapes.
//!
//! Never resolves a name and never judges whether a URI may be called.

pub use super::cseq::CSeq;
use super::flow::Transport;
pub use super::host::Host;
pub use super::name_addr::NameAddr;
pub use super::params::{Params, quote, unquote};
pub use super::via::Via;
use std::fmt;
use std::str::FromStr;

/// Longer URIs and addresses are refused.
pub const URI_LENGTH_MAX_BYTES: usize = 8192;

/// What is wrong with a URI, an address or another structured header value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum UriError {
    /// Too long, or too many parameters.
    #[error("too long")]
    TooLong,
    /// No `scheme:` in front.
    #[error("no URI scheme")]
    Scheme,
    /// The user part has an unescaped or badly escaped character.
    #[error("bad user part")]
    User,
    /// The host is neither a name nor an address.
    #[error("bad host")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("bad port")]
    Port,
    /// A parameter has a bad name or value.
    #[error("bad parameter")]
    Parameter,
    /// A quoted string is not closed.
    #[error("unbalanced quotes")]
    Quotes,
    /// Angle brackets do not match, or something stands outside them.
    #[error("bad angle brackets")]
    Brackets,
    /// A Via value is not `SIP/2.0/TRANSPORT host`.
    #[error("bad Via")]
    Via,
    /// A CSeq value is not a number below 2^31 and a method.
    #[error("bad CSeq")]
    CSeq,
}

/// A URI scheme.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    /// RFC 3261 §19.1.
    Sip,
    /// RFC 3261 §19.1, over TLS.
    Sips,
    /// RFC 3966.
    Tel,
    /// Anything else, lower case: answered with 416, never dropped at the parser.
    Other(Box<str>),
}

/// A URI (RFC 3261 §19.1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Uri {
    /// `sip`, `sips`, `tel`, or one we do not speak.
    pub scheme: Scheme,
    /// The user part without escapes and without a password, which nobody should write there (RFC 3261 §19.1.1); of a `tel` URI the number; of a scheme we do not speak all that follows it.
    pub user: Option<String>,
    /// The host; empty in a `tel` URI and in schemes we do not speak.
    pub host: Host,
    /// The port, if one is written.
    pub port: Option<u16>,
    /// The URI's own parameters (`transport`, `lr`, `user`, …).
    pub params: Params,
    /// What follows the `?`, as written; empty when there is none (RFC 3261 §19.1.1).
    pub headers: String,
}

impl Uri {
    /// `sip:user@host:port`.
    pub fn sip(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        Self {
            scheme: Scheme::Sip,
            user: user.map(str::to_owned),
            host,
            port,
            params: Params::new(),
            headers: String::new(),
        }
    }

    /// Whether it is a `sip` or `sips` URI.
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// What a request to it is carried by: that of its `transport` parameter, else UDP, and TLS for `sips`, which no
    /// plain transport serves (RFC 3261 §19.1.2, §26.2.2). `None` for what we do not know.
    pub fn transport(&self) -> Option<Transport> {
        let named = self.params.value("transport").map(Transport::from_token);
        match (&self.scheme, named) {
            (Scheme::Tel | Scheme::Other(_), _) | (_, Some(None)) => None,
            (Scheme::Sip, named) => Some(named.flatten().unwrap_or(Transport::Udp)),
            (Scheme::Sips, None | Some(Some(Transport::Tcp | Transport::Tls))) => Some(Transport::Tls),
            (Scheme::Sips, Some(Some(Transport::Ws | Transport::Wss))) => Some(Transport::Wss),
            (Scheme::Sips, Some(Some(Transport::Udp))) => None,
        }
    }

    /// Whether it is a `tel` URI.
    pub fn is_tel(&self) -> bool {
        matches!(self.scheme, Scheme::Tel)
    }

    /// A header field that a request to it is to have (RFC 3261 §19.1.1), without escapes; `None` when there is none,
    /// or it is wrongly written.
    pub fn header(&self, name: &str) -> Option<String> {
        let mut fields = self.headers.split('&').filter_map(|field| field.split_once('='));
        let (_, value) = fields.find(|(field, _)| field.eq_ignore_ascii_case(name))?;
        unescape(value)
    }

    /// Whether both name the same resource: the parts of RFC 3261 §19.1.4 that tell users apart. Parameters count
    /// only when both have them, but for `user`, `ttl`, `method`, `maddr` and `transport`, which always count.
    pub fn is_equivalent(&self, other: &Uri) -> bool {
        let same = |name: &str| match (self.params.value(name), other.params.value(name)) {
            (Some(one), Some(two)) => one.eq_ignore_ascii_case(two),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        self.scheme == other.scheme
            && self.user == other.user
            && self.host == other.host
            && self.port == other.port
            && ["user", "ttl", "method", "maddr", "transport"].iter().all(|name| same(name))
            && self.params.iter().all(|(name, _)| !other.params.has(name) || same(name))
            && self.headers == other.headers
    }

    fn parse_sip(scheme: Scheme, rest: &str) -> Result<Self, UriError> {
        // `;` and `?` may stand in the user part, so the `@` is looked for first (RFC 3261 §25.1).
        let (user, rest) = match rest.split_once('@') {
            Some((user, rest)) => (Some(parse_user(user)?), rest),
            None => (None, rest),
        };
        let (rest, headers) = rest.split_once('?').unwrap_or((rest, ""));
        let (host_port, params) = rest.split_once(';').unwrap_or((rest, ""));
        let (host, port) = Host::parse_with_port(host_port)?;
        if headers.bytes().any(is_never_in_a_uri) || headers.contains('@') {
            return Err(UriError::Parameter);
        }
        Ok(Self { scheme, user, host, port, params: Params::parse(params)?, headers: headers.to_owned() })
    }

    fn parse_opaque(scheme: Scheme, rest: &str) -> Result<Self, UriError> {
        let (user, params) = match &scheme {
            Scheme::Tel => rest.split_once(';').unwrap_or((rest, "")),
            Scheme::Sip | Scheme::Sips | Scheme::Other(_) => (rest, ""),
        };
        if user.is_empty() || user.bytes().any(is_never_in_a_uri) {
            return Err(UriError::User);
        }
        let (user, params) = (Some(user.to_owned()), Params::parse(params)?);
        Ok(Self { scheme, user, host: Host::nowhere(), port: None, params, headers: String::new() })
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        if text.len() > URI_LENGTH_MAX_BYTES {
            return Err(UriError::TooLong);
        }
        let (scheme, rest) = text.split_once(':').ok_or(UriError::Scheme)?;
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(good) {
            return Err(UriError::Scheme);
        }
        match scheme.to_ascii_lowercase().as_str() {
            "sip" => Self::parse_sip(Scheme::Sip, rest),
            "sips" => Self::parse_sip(Scheme::Sips, rest),
            "tel" => Self::parse_opaque(Scheme::Tel, rest),
            other => Self::parse_opaque(Scheme::Other(other.into()), rest),
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_deref().unwrap_or_default();
        let scheme = match &self.scheme {
            Scheme::Tel => return write!(f, "tel:{user}{}", self.params),
            Scheme::Other(scheme) => return write!(f, "{scheme}:{user}"),
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
        };
        write!(f, "{scheme}:")?;
        if self.user.is_some() {
            write!(f, "{}@", Escaped(user))?;
        }
        write!(f, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)?;
        if !self.headers.is_empty() {
            write!(f, "?{}", self.headers)?;
        }
        Ok(())
    }
}

fn is_never_in_a_uri(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'<' | b'>' | b'"' | 0x7f)
}

/// Drops a password and undoes `%XX`; what is not UTF-8 afterwards is refused, for nothing of ours could print it again.
fn parse_user(text: &str) -> Result<String, UriError> {
    if text.bytes().any(is_never_in_a_uri) {
        return Err(UriError::User);
    }
    let user = text.split(':').next().unwrap_or_default();
    unescape(user).filter(|user| !user.is_empty()).ok_or(UriError::User)
}

/// Undoes `%XX` (RFC 3261 §19.1.2). `None` when it is wrongly written, or what comes out is not UTF-8.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit()?, digit()?);
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Prints a user part, escaping all but `unreserved` and `user-unreserved` (RFC 3261 §25.1).
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for byte in self.0.bytes() {
            match byte {
                b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => {
                    f.write_char(char::from(byte))?
                }
                b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/' => f.write_char(char::from(byte))?,
                byte if byte.is_ascii_alphanumeric() => f.write_char(char::from(byte))?,
                byte => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn the_parts_of_a_sip_uri_are_told_apart() {
        let uri = uri("SIP:anna@Example.com:5070;transport=tcp;lr?Subject=x");
        assert_eq!(uri.user.as_deref(), Some("anna"));
        assert_eq!((uri.host.to_string().as_str(), uri.port), ("example.com", Some(5070)));
        assert_eq!(uri.params.value("transport"), Some("tcp"));
        assert!(uri.params.has("lr"));
        assert_eq!(uri.to_string(), "sip:anna@example.com:5070;transport=tcp;lr?Subject=x");
    }

    #[test]
    fn escapes_are_undone_and_done_again() {
        let text = "sip:sips%3Auser%40example.com@example.net";
        assert_eq!(uri(text).user.as_deref(), Some("sips:user@example.com"));
        assert_eq!(uri(text).to_string(), text);
        assert_eq!(uri("sip:null-%00-null@example.com").to_string(), "sip:null-%00-null@example.com");
        assert_eq!(uri("sip:user;par=u%40x@example.com").user.as_deref(), Some("user;par=u@x"));
    }

    #[test]
    fn ipv6_and_tel_and_strange_schemes_are_understood() {
        assert_eq!(uri("sip:[2001:db8::10]:5070").to_string(), "sip:[2001:db8::10]:5070");
        assert_eq!(uri("tel:+49-30-1;phone-context=x").user.as_deref(), Some("+49-30-1"));
        assert_eq!(uri("soap.beep://192.0.2.1:3002").scheme, Scheme::Other("soap.beep".into()));
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        for text in ["", "anna", "sip:", "sip:@host", "sip:a@", "sip:a b@host", "sip:a@ho st", "sip:a@host:0"]
        {
            assert!(text.parse::<Uri>().is_err(), "{text:?} was taken");
        }
        for text in [
            "sip:a@host:99999",
            "sip:a@b@host",
            "sip:%zz@host",
            "sip:a:b\u{7f}@host",
            "sip:%ff@host",
            "sip:[::1",
            "<sip:a@host>",
        ] {
            assert!(text.parse::<Uri>().is_err(), "{text:?} was taken");
        }
        let long = format!("sip:{}@host", "a".repeat(URI_LENGTH_MAX_BYTES));
        assert_eq!(long.parse::<Uri>(), Err(UriError::TooLong));
    }

    #[test]
    fn the_scheme_and_the_parameter_say_what_carries_a_request() {
        for (text, transport) in [
            ("sip:a@host", Some(Transport::Udp)),
            ("sip:a@host;transport=TCP", Some(Transport::Tcp)),
            ("sip:a@host;transport=tls", Some(Transport::Tls)),
            ("sip:a@host;transport=ws", Some(Transport::Ws)),
            ("sips:a@host", Some(Transport::Tls)),
            ("sips:a@host;transport=tcp", Some(Transport::Tls)),
            ("sips:a@host;transport=ws", Some(Transport::Wss)),
            ("sips:a@host;transport=udp", None),
            ("sip:a@host;transport=sctp", None),
            ("tel:+4930", None),
        ] {
            assert_eq!(uri(text).transport(), transport, "{text}");
        }
    }

    #[test]
    fn equivalence_ignores_case_of_the_host_and_optional_parameters() {
        assert!(uri("sip:a@HOST;lr").is_equivalent(&uri("sip:a@host")));
        assert!(!uri("sip:A@host").is_equivalent(&uri("sip:a@host")));
        assert!(!uri("sip:a@host;transport=tcp").is_equivalent(&uri("sip:a@host")));
        assert!(!uri("sip:a@host").is_equivalent(&uri("sip:a@host:5060")));
    }
}
