//! The value of From, To, Contact, Route and their like: a display name, a URI and parameters.

use super::params::{Params, closing_quote, quote, unquote};
use super::uri::{URI_LENGTH_MAX_BYTES, Uri, UriError};
use std::fmt;
use std::str::FromStr;

/// A `name-addr` or `addr-spec` with its header parameters (RFC 3261 §20.10).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NameAddr {
    /// The display name without quotes; `None` when there is none or it is empty.
    pub display: Option<String>,
    /// The address.
    pub uri: Uri,
    /// The header's parameters (`tag`, `expires`, `q`, …), not the URI's.
    pub params: Params,
}

impl NameAddr {
    /// An address without display name and parameters.
    pub fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::new() }
    }

    /// The `tag` parameter (RFC 3261 §19.3).
    pub fn tag(&self) -> Option<&str> {
        self.params.value("tag")
    }

    /// The same with another `tag`.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    /// The same with a display name.
    #[must_use]
    pub fn with_display(mut self, display: &str) -> Self {
        self.display = Some(display.to_owned()).filter(|display| !display.is_empty());
        self
    }

    /// The tag of an address as it is written. The rest is not read, so that it may be wrong.
    pub fn tag_in(text: &str) -> Option<String> {
        let params = Params::parse(Pieces::of(text).ok()?.params).ok()?;
        params.value("tag").map(str::to_owned)
    }
}

/// An address, cut where its parts end.
struct Pieces<'a> {
    /// As written: with its quotes, if it has any.
    display: &'a str,
    uri: &'a str,
    params: &'a str,
}

impl<'a> Pieces<'a> {
    fn of(text: &'a str) -> Result<Self, UriError> {
        let text = text.trim();
        if text.len() > 2 * URI_LENGTH_MAX_BYTES {
            return Err(UriError::TooLong);
        }
        if let Some(quoted) = text.strip_prefix('"') {
            let end = closing_quote(quoted).ok_or(UriError::Quotes)?;
            let rest = quoted[end + 1..].trim_start().strip_prefix('<').ok_or(UriError::Brackets)?;
            return Self::bracketed(&text[..end + 2], rest);
        }
        if let Some((display, rest)) = text.split_once('<') {
            if display.contains('"') {
                return Err(UriError::Quotes);
            }
            return Self::bracketed(display, rest);
        }
        // Without brackets all parameters are the header's, and a `?` is forbidden (RFC 3261 §20.10).
        let (uri, params) = text.split_once(';').unwrap_or((text, ""));
        if uri.contains('?') {
            return Err(UriError::Brackets);
        }
        Ok(Self { display: "", uri: uri.trim(), params })
    }

    fn bracketed(display: &'a str, rest: &'a str) -> Result<Self, UriError> {
        let (uri, params) = rest.split_once('>').ok_or(UriError::Brackets)?;
        let params = params.trim();
        if !params.is_empty() && !params.starts_with(';') {
            return Err(UriError::Brackets);
        }
        // White space inside the brackets is wrong and common (RFC 4475 §3.1.2.14 allows to accept it).
        Ok(Self { display, uri: uri.trim(), params })
    }

    /// The display name, without quotes; `None` when it is empty.
    fn display(&self) -> Option<String> {
        // Display names end up in logs and on screens, where control characters have no business.
        let display = unquote(self.display).replace(char::is_control, " ");
        Some(display.trim().to_owned()).filter(|display| !display.is_empty())
    }
}

impl FromStr for NameAddr {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let pieces = Pieces::of(text)?;
        let uri = pieces.uri.parse()?;
        Ok(Self { display: pieces.display(), uri, params: Params::parse(pieces.params)? })
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", quote(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_shape_is_read() {
        for (text, display, user, tag) in [
            ("sip:a@b;tag=1", None, "a", Some("1")),
            ("<sip:a@b;lr>;tag=1", None, "a", Some("1")),
            ("Anna Schmidt <sip:a@b>", Some("Anna Schmidt"), "a", None),
            ("caller<sip:caller@example.com>;tag=323", Some("caller"), "caller", Some("323")),
            ("\"A \\\"<x>\\\" B\"\t<sip:a@b>;TAG=q", Some("A \"<x>\" B"), "a", Some("q")),
            ("\"\" < sip:a@b >", None, "a", None),
        ] {
            let address: NameAddr = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(address.display.as_deref(), display, "{text}");
            assert_eq!(address.uri.user.as_deref(), Some(user), "{text}");
            assert_eq!(address.tag(), tag, "{text}");
            assert_eq!(NameAddr::tag_in(text).as_deref(), tag, "{text}");
            assert_eq!(address.to_string().parse::<NameAddr>().as_ref(), Ok(&address), "{text}");
        }
    }

    #[test]
    fn broken_addresses_are_refused() {
        for text in
            ["\"Mr. Watson <sip:a@b>", "<sip:a@b", "<sip:a@b> x", "a \"b <sip:a@b>", "<>", "", "sip:a@b?x=y"]
        {
            assert!(text.parse::<NameAddr>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn a_display_name_cannot_break_out_of_its_quotes() {
        let uri: Uri = "sip:a@b".parse().unwrap();
        let text = NameAddr::new(uri).with_display("x\" <sip:evil@e>\r\nVia: y").to_string();
        assert!(!text.contains(['\r', '\n']));
        assert_eq!(text.parse::<NameAddr>().unwrap().uri.user.as_deref(), Some("a"));
    }
}
