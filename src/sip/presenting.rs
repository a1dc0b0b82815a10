//! What an agent's phone, and the software beside it, is told of a call besides who calls: headers by templates, and
//! user-to-user information (RFC 7433). Text in, text out: nothing that a caller brings can become a line of its own.

use super::params::{Params, closing_quote, is_token};
use super::presets::Tone;

/// No value grows longer, in characters.
const VALUE_LENGTH_MAX: usize = 256;
/// No name of a header is longer, in bytes.
const NAME_LENGTH_MAX: usize = 64;
/// What an ISDN carries of user-to-user information (RFC 7434 §3), in bytes.
const USER_TO_USER_MAX_BYTES: usize = 128;
/// A value of User-to-User longer than this is not passed on, in bytes.
const PASSED_ON_MAX_BYTES: usize = 512;
/// The protocol discriminator of text (ITU-T Q.931, table 4-26): the first octet of user-to-user information.
const IA5_TEXT: u8 = 4;

/// What a template may name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// The queue's name.
    Queue,
    /// The queue's title.
    Title,
    /// The call's identity, as the API and the records have it.
    Call,
    /// The caller's number.
    Caller,
    /// The caller's name.
    CallerName,
    /// What the caller dialled.
    Dialled,
    /// The number the caller called first, when somebody else sent him on to us.
    Diverted,
    /// The seconds since the call came in.
    Wait,
    /// The language the caller is spoken to in.
    Language,
    /// The agent's name.
    Agent,
}

impl Field {
    /// Every field with the name that stands in the braces.
    pub const TABLE: [(&'static str, Self); 10] = [
        ("queue", Self::Queue),
        ("title", Self::Title),
        ("call", Self::Call),
        ("caller", Self::Caller),
        ("caller_name", Self::CallerName),
        ("dialled", Self::Dialled),
        ("diverted", Self::Diverted),
        ("wait", Self::Wait),
        ("language", Self::Language),
        ("agent", Self::Agent),
    ];
}

/// Why a text is no template.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TemplateError {
    /// A brace that belongs to no other.
    #[error("a brace stands alone; names stand in braces, such as {{queue}}")]
    Brace,
    /// Nothing of that name.
    #[error("{0:?} stands for nothing")]
    Unknown(String),
    /// A control character, or too long.
    #[error("expected at most {VALUE_LENGTH_MAX} characters, none of them a line end")]
    Text,
}

/// A text with places for what is known of a call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Template(Vec<Piece>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Text(String),
    Field(Field),
}

impl Template {
    /// Reads `Queue {queue}, {wait} s`.
    ///
    /// # Errors
    /// When a brace stands alone, a name is unknown, or the text would not fit a header.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.chars().any(char::is_control) || text.chars().count() > VALUE_LENGTH_MAX {
            return Err(TemplateError::Text);
        }
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or(TemplateError::Brace)?;
            let known = Field::TABLE.iter().find(|(known, _)| *known == name);
            let (_, field) = known.ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
            pieces.extend([Piece::Text(before.to_owned()), Piece::Field(*field)]);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let alone = |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains('}'));
        if pieces.iter().any(alone) {
            return Err(TemplateError::Brace);
        }
        Ok(Self(pieces))
    }

    /// The text for a call: on one line, without control characters, and cut where it grows too long.
    pub fn fill(&self, known: impl Fn(Field) -> String) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(fixed) => text.push_str(fixed),
                Piece::Field(field) => text.push_str(&known(*field)),
            }
        }
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        plain.trim().chars().take(VALUE_LENGTH_MAX).collect()
    }
}

/// The name of a header that an operator may set: `X-…`, and none of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeaderName(String);

impl HeaderName {
    /// Reads a name. `None` when it is not his to set.
    pub fn parse(text: &str) -> Option<Self> {
        let begins = |start: &str| text.get(..start.len()).is_some_and(|it| it.eq_ignore_ascii_case(start));
        let good = begins("X-") && text.len() > 2 && !begins("X-Holdfast-");
        (good && text.len() <= NAME_LENGTH_MAX && text.bytes().all(is_token)).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How calls are presented: those of a queue, or of all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Presentation {
    /// The tone phones ring with that know several.
    pub tone: Option<Tone>,
    /// Headers and what they say, each name once. One that comes out empty is left out.
    pub headers: Vec<(HeaderName, Template)>,
    /// What is said as user-to-user information, where the caller brought none.
    pub user_to_user: Option<Template>,
}

impl Presentation {
    /// The headers for a call of a queue presented like this, where all others are presented like `usual`.
    pub fn headers<'a>(&'a self, usual: &'a Self) -> impl Iterator<Item = (&'a HeaderName, &'a Template)> {
        let replaced = |name: &HeaderName| self.headers.iter().any(|(own, _)| own.is(name));
        let usual = usual.headers.iter().filter(move |(name, _)| !replaced(name));
        usual.chain(&self.headers).map(|(name, template)| (name, template))
    }
}

impl HeaderName {
    fn is(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

/// Text as user-to-user information of an ISDN (RFC 7434 §9): what is no ASCII becomes a question mark. `None` when there
/// is nothing to say.
pub fn user_to_user(text: &str) -> Option<String> {
    let ia5 = text.chars().map(|c| if c.is_ascii() { c } else { '?' }).take(USER_TO_USER_MAX_BYTES);
    let octets: Vec<u8> = std::iter::once(IA5_TEXT).chain(ia5.map(|c| c as u8)).collect();
    (!text.is_empty())
        .then(|| format!("{};purpose=isdn-uui;encoding=hex;content=isdn-uui", hex::encode(octets)))
}

/// Whether a value of User-to-User may be passed on (RFC 7433 §4.1): a token or a quoted text, then parameters.
pub fn is_user_to_user(value: &str) -> bool {
    let data = match value.strip_prefix('"') {
        Some(rest) => closing_quote(rest).map(|end| end + 2),
        None => Some(value.find(';').unwrap_or(value.len())),
    };
    let Some((data, params)) = data.and_then(|end| value.split_at_checked(end)) else { return false };
    let sound = data.starts_with('"') || (!data.is_empty() && data.trim_end().bytes().all(is_token));
    let params = params.trim_start();
    let ended = params.is_empty() || params.starts_with(';');
    value.len() <= PASSED_ON_MAX_BYTES && sound && ended && Params::parse(params).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &str) -> String {
        Template::parse(template).unwrap().fill(|field| match field {
            Field::Queue => "sales".into(),
            Field::CallerName => "Jane\r\nVia: evil\u{7f}".into(),
            Field::Wait => "17".into(),
            _ => String::new(),
        })
    }

    #[test]
    fn a_template_is_filled_on_one_line() {
        assert_eq!(fill("{queue}/{wait}s"), "sales/17s");
        assert_eq!(fill("{caller_name}"), "Jane  Via: evil");
        assert_eq!(fill("{language}"), "");
        assert_eq!(fill(&"{queue}".repeat(36)).len(), 36 * 5);
        assert_eq!(fill(&format!("{}{{wait}}", "x".repeat(250))).len(), 252);
    }

    #[test]
    fn a_template_that_means_nothing_is_refused() {
        assert_eq!(Template::parse("{que}"), Err(TemplateError::Unknown("que".into())));
        for bad in ["{queue", "queue}", "{queue}}", "{"] {
            assert_eq!(Template::parse(bad), Err(TemplateError::Brace), "{bad}");
        }
        assert_eq!(Template::parse("a\r\nb"), Err(TemplateError::Text));
        assert_eq!(Template::parse(&"x".repeat(257)), Err(TemplateError::Text));
    }

    #[test]
    fn only_headers_that_nobody_else_reads_may_be_set() {
        assert!(HeaderName::parse("X-Queue").is_some() && HeaderName::parse("x-q").is_some());
        for bad in ["Via", "X-", "X-Holdfast-Queue", "x-holdfast-agent", "X-A B", "X-A:", "X-A\r\n", ""] {
            assert_eq!(HeaderName::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_queue_says_more_or_something_else_than_the_site() {
        let say = |pairs: &[(&str, &str)]| Presentation {
            headers: pairs
                .iter()
                .map(|(name, text)| (HeaderName::parse(name).unwrap(), Template::parse(text).unwrap()))
                .collect(),
            ..Presentation::default()
        };
        let (site, queue) = (say(&[("X-A", "1"), ("X-B", "1")]), say(&[("x-b", "2"), ("X-C", "2")]));
        let all = queue
            .headers(&site)
            .map(|(name, text)| format!("{}={}", name.as_str(), text.fill(|_| String::new())));
        assert_eq!(all.collect::<Vec<_>>(), ["X-A=1", "x-b=2", "X-C=2"]);
    }

    #[test]
    fn text_is_said_as_an_isdn_says_it() {
        let value = user_to_user("sälé").unwrap();
        assert_eq!(value, "04733f6c3f;purpose=isdn-uui;encoding=hex;content=isdn-uui");
        assert!(is_user_to_user(&value));
        assert_eq!(user_to_user(""), None);
        assert_eq!(user_to_user(&"a".repeat(300)).unwrap().split(';').next().map(str::len), Some(2 * 129));
    }

    #[test]
    fn what_is_no_user_to_user_information_is_not_passed_on() {
        for good in ["00FA08", "56a390f3;encoding=hex", "\"a; b\";purpose=x", "ab ;content=c"] {
            assert!(is_user_to_user(good), "{good}");
        }
        for bad in ["", ";encoding=hex", "a b", "\"a", "\"a\"b", "a;=", "a,b", &"f".repeat(513)] {
            assert!(!is_user_to_user(bad), "{bad}");
        }
    }
}
