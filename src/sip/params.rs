//! The `;name=value` lists of URIs and headers, bounded and printed without surprises.

use super::message::split_outside_quotes;
use super::names::kept;
use super::uri::UriError;
use std::borrow::Cow;
use std::fmt;

/// More parameters than this are an attack, not a message.
pub const PARAMS_MAX: usize = 64;

/// The names that most parameters have, the most frequent first.
const USUAL: [&str; 10] =
    ["branch", "tag", "rport", "received", "lr", "transport", "expires", "user", "q", "reg-id"];

/// Parameters in the order of the wire. Names are compared without case (RFC 3261 §7.3.1), values are kept as they
/// were written, quotes and escapes included.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Params(Vec<(Cow<'static, str>, Option<String>)>);

impl Params {
    /// No parameter.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `a=1;b;c="x;y"`. Empty pieces are passed over, as most of the field does.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let mut params = Vec::new();
        for piece in split_outside_quotes(text, ';') {
            let (name, value) = match piece.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (piece, None),
            };
            if name.is_empty() || !name.bytes().all(is_param_name) {
                return Err(UriError::Parameter);
            }
            if value.is_some_and(|value| !is_param_value(value)) {
                return Err(UriError::Parameter);
            }
            if params.len() == PARAMS_MAX {
                return Err(UriError::TooLong);
            }
            params.push((kept(&USUAL, name), value.map(str::to_owned)));
        }
        Ok(Self(params))
    }

    /// The value of `name`; `None` when it is missing or a bare flag.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, value)| value)
    }

    /// Whether `name` is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))
    }

    /// Sets `name` to a value, at its old place or at the end.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self.0.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)) {
            Some(entry) => entry.1 = value,
            None => self.0.push((kept(&USUAL, name), value)),
        }
    }

    /// Removes `name`.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    /// Every parameter, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_deref()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.iter() {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

/// Tokens, and the few characters a `paramchar` adds (RFC 3261 §25.1).
fn is_param_name(byte: u8) -> bool {
    is_token(byte) || matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'$' | b'(' | b')')
}

fn is_param_value(value: &str) -> bool {
    if let Some(rest) = value.strip_prefix('"') {
        return closing_quote(rest).is_some_and(|end| end + 1 == rest.len());
    }
    !value.bytes().any(|byte| byte <= b' ' || matches!(byte, 0x7f | b'<' | b'>' | b'"'))
}

/// A character of an RFC 3261 token (§25.1).
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Where the quote closes a string whose opening quote has been taken off.
pub fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// `text` as a quoted-string (RFC 3261 §25.1); control characters become spaces.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// What a quoted-string says; text without quotes is returned as it is.
pub fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"') else { return text.to_owned() };
    let inner = closing_quote(inner).map_or(inner, |end| &inner[..end]);
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_keep_their_semicolons() {
        let params = Params::parse("a=1; B ;c=\"x;\\\"y\";;").unwrap();
        assert_eq!(params.len(), 3);
        assert_eq!(params.value("A"), Some("1"));
        assert!(params.has("b") && params.value("b").is_none());
        assert_eq!(params.value("c").map(unquote).as_deref(), Some("x;\"y"));
        assert_eq!(params.to_string(), ";a=1;B;c=\"x;\\\"y\"");
    }

    #[test]
    fn a_flood_of_parameters_is_refused() {
        assert_eq!(Params::parse(&"a;".repeat(PARAMS_MAX + 1)), Err(UriError::TooLong));
    }

    #[test]
    fn quoting_is_undone_by_unquoting() {
        for text in ["", "plain", "a\"b\\c", "Ünï"] {
            assert_eq!(unquote(&quote(text)), text);
        }
    }
}
