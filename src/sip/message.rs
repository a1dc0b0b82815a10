//! SIP messages as the rest of `sip` sees them: plain owned data, whatever codec crate parsed it.
//!
//! Parsing and printing live in [`codec`](super::codec), the only file that names the codec crate.

use super::names::kept;
use std::borrow::Cow;
use std::fmt;

/// A request method (RFC 3261 §7.1). Methods are case-sensitive.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Method {
    /// RFC 3261 §13.
    Invite,
    /// RFC 3261 §13, §17.
    Ack,
    /// RFC 3261 §15.
    Bye,
    /// RFC 3261 §9.
    Cancel,
    /// RFC 3261 §11.
    Options,
    /// RFC 3261 §10.
    Register,
    /// RFC 6086.
    Info,
    /// RFC 3262.
    Prack,
    /// RFC 3311.
    Update,
    /// RFC 3428.
    Message,
    /// RFC 6665.
    Notify,
    /// RFC 6665.
    Subscribe,
    /// RFC 3515.
    Refer,
    /// RFC 3903.
    Publish,
    /// A token we have never heard of: answered with 405 or 501, never dropped at the parser.
    Other(Box<str>),
}

impl Method {
    /// The method a token names.
    pub fn from_token(token: &str) -> Self {
        match token {
            "INVITE" => Self::Invite,
            "ACK" => Self::Ack,
            "BYE" => Self::Bye,
            "CANCEL" => Self::Cancel,
            "OPTIONS" => Self::Options,
            "REGISTER" => Self::Register,
            "INFO" => Self::Info,
            "PRACK" => Self::Prack,
            "UPDATE" => Self::Update,
            "MESSAGE" => Self::Message,
            "NOTIFY" => Self::Notify,
            "SUBSCRIBE" => Self::Subscribe,
            "REFER" => Self::Refer,
            "PUBLISH" => Self::Publish,
            other => Self::Other(other.into()),
        }
    }

    /// The token, as it stands on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Options => "OPTIONS",
            Self::Register => "REGISTER",
            Self::Info => "INFO",
            Self::Prack => "PRACK",
            Self::Update => "UPDATE",
            Self::Message => "MESSAGE",
            Self::Notify => "NOTIFY",
            Self::Subscribe => "SUBSCRIBE",
            Self::Refer => "REFER",
            Self::Publish => "PUBLISH",
            Self::Other(token) => token,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Header fields in the order of the wire; names are kept in their long, canonical form
/// (`Via`, never `v` or `VIA`), values unfolded, trimmed and free of CR, LF and NUL.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Headers(Vec<(Cow<'static, str>, String)>);

impl Headers {
    /// No header, and room for as many as a message usually has.
    pub fn new() -> Self {
        Self(Vec::with_capacity(12))
    }

    /// The first value of `name` (compared without case).
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every value of `name`, one per header line, in order.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every value of a comma-separated header: all lines, split outside quotes and angle brackets
    /// (RFC 3261 §7.3.1).
    pub fn values<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.all(name).flat_map(split_commas)
    }

    /// Whether a comma-separated header of tokens (`Supported`, `Allow`) has this one.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.values(name).any(|value| value.eq_ignore_ascii_case(token))
    }

    /// Adds a header at the end.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((kept(&USUAL, name), clean(value.into())));
    }

    /// Adds a header in front: a new topmost Via.
    pub fn push_front(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(0, (kept(&USUAL, name), clean(value.into())));
    }

    /// Replaces all headers of that name by one, at the place of the first.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let at = self.0.iter().position(|(key, _)| key.eq_ignore_ascii_case(name));
        self.remove(name);
        let entry = (kept(&USUAL, name), clean(value.into()));
        match at {
            Some(at) => self.0.insert(at, entry),
            None => self.0.push(entry),
        }
    }

    /// Replaces the first header line of that name, and leaves the others; adds one at the end when there is none.
    pub fn replace_first(&mut self, name: &str, value: impl Into<String>) {
        match self.0.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)) {
            Some(entry) => entry.1 = clean(value.into()),
            None => self.push(name, value),
        }
    }

    /// Removes all headers of that name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    /// Name and value of each header line, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    /// How many header lines there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The names that nearly all headers have, the most frequent first.
const USUAL: [&str; 20] = [
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Max-Forwards",
    "Allow",
    "Supported",
    "Content-Type",
    "Server",
    "User-Agent",
    "Record-Route",
    "Route",
    "Accept",
    "Authorization",
    "WWW-Authenticate",
    "Expires",
    "Session-Expires",
    "P-Asserted-Identity",
];

/// Header smuggling stops here: nothing we were told can start a new line.
fn clean(value: String) -> String {
    if value.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        value.chars().map(|c| if matches!(c, '\r' | '\n' | '\0') { ' ' } else { c }).collect()
    } else {
        value
    }
}

/// Splits at commas outside of `"…"` and `<…>`; empty pieces are left out.
pub fn split_commas(value: &str) -> impl Iterator<Item = &str> {
    split_outside_quotes(value, ',')
}

/// Splits at `separator` outside of `"…"` and `<…>`; pieces are trimmed, empty ones left out.
pub fn split_outside_quotes(value: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    value
        .split(move |c: char| {
            if escaped {
                escaped = false;
                return false;
            }
            match c {
                '\\' if quoted => escaped = true,
                '"' if !angle => quoted = !quoted,
                '<' if !quoted => angle = true,
                '>' if !quoted => angle = false,
                _ => return c == separator && !quoted && !angle,
            }
            false
        })
        .map(str::trim)
        .filter(|piece| !piece.is_empty())
}

/// A SIP request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// The Request-URI, as on the wire.
    pub uri: String,
    /// The header fields.
    pub headers: Headers,
    /// The body; `Content-Length` is written by the codec.
    pub body: Vec<u8>,
}

/// A SIP response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// The header fields.
    pub headers: Headers,
    /// The body; `Content-Length` is written by the codec.
    pub body: Vec<u8>,
}

/// A SIP message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// Somebody asks.
    Request(Request),
    /// Somebody answers.
    Response(Response),
}

impl Message {
    /// The header fields.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }
}
