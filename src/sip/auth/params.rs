//! The parameters of a `Digest` challenge or answer (RFC 7616 §3.3, §3.4). Parses only.

use super::super::message::split_commas;

/// More parameters than this belong to no honest header.
const PARAMS_MAX: usize = 32;

/// The parameters of one `Digest` header value.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Parses `Digest name=value, name="value"…`; `None` for another scheme, for nonsense and for a
    /// parameter given twice: two parsers that pick different ones are a way round authentication.
    pub fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(char::is_whitespace)?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut params = Self::default();
        for piece in split_commas(rest) {
            let (name, value) = piece.split_once('=')?;
            let name = name.trim().to_ascii_lowercase();
            if params.value(&name).is_some() || params.0.len() == PARAMS_MAX {
                return None;
            }
            params.0.push((name, unquoted(value.trim())));
        }
        Some(params)
    }

    /// The value of a parameter, unquoted; names in lower case.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut text = String::with_capacity(inner.len());
    let mut escaped = false;
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            text.push(c);
            escaped = false;
        }
    }
    text
}

/// A quoted string (RFC 3261 §25.1).
pub(super) fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_escapes_inside_quotes_are_part_of_the_value() {
        let params = Params::parse(r#"Digest username="a\"b,c", QOP=auth ,nc=00000001"#).unwrap();
        assert_eq!(params.value("username"), Some("a\"b,c"));
        assert_eq!(params.value("qop"), Some("auth"));
        assert_eq!(params.value("nc"), Some("00000001"));
    }

    #[test]
    fn a_parameter_given_twice_voids_the_header() {
        assert!(Params::parse(r#"Digest username="anna", username="bert""#).is_none());
        assert!(Params::parse("Basic QWxhZGRpbg==").is_none());
        assert!(Params::parse("Digest username").is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_and_no_parameter_is_found_twice(
            text in "(Digest )?([a-z]{1,3} ?= ?(\"[^\"]{0,6}\\\\?\"?|[^,]{0,6}),? ?){0,40}",
        ) {
            let Some(params) = Params::parse(&text) else { return Ok(()) };
            proptest::prop_assert!(params.0.len() <= PARAMS_MAX);
            for (at, (name, _)) in params.0.iter().enumerate() {
                proptest::prop_assert!(params.0[..at].iter().all(|(other, _)| other != name));
            }
        }

        #[test]
        fn what_is_quoted_is_read_again(value in "[^\\x00-\\x1f]{0,20}") {
            let header = format!("Digest a={}, b=c", quoted(&value));
            let params = Params::parse(&header).unwrap();
            proptest::prop_assert_eq!((params.value("a"), params.value("b")), (Some(value.as_str()), Some("c")));
        }
    }
}
