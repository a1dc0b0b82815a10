//! What recordings are called: a template of ours with fields of others. Whatever a caller calls himself, the file lies
//! beneath the folder.

use super::TapeInfo;
use std::path::PathBuf;

/// The most bytes a field gives: with four in a name, it fits into the 255 a file system allows.
const FIELD_MAX: usize = 48;
/// The longest name of one file or folder, in bytes, with room for `.part` and a number.
const PART_MAX: usize = 230;
/// How deep recordings may lie.
const DEPTH_MAX: usize = 6;

/// What is wrong with a template.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// A field nobody knows.
    #[error(
        "unknown field {{{0}}}; known are {{date}}, {{time}}, {{call}}, {{queue}}, {{agent}} and {{caller}}"
    )]
    Field(String),
    /// A character that has no business in a name.
    #[error("{0:?} may not stand in a name; letters, digits, '-', '_', '.' and '/' may")]
    Character(char),
    /// Not one of `.wav`.
    #[error("the name must end with \".wav\"")]
    Ending,
    /// Two calls could have one name.
    #[error("the name must contain {{call}}, or two calls could have the same")]
    NoCall,
    /// It would leave the folder, or be hidden.
    #[error(
        "no part of the name may be empty, begin with '.', or be too long; and at most {DEPTH_MAX} folders"
    )]
    Part,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Field {
    Date,
    Time,
    Call,
    Queue,
    Agent,
    Caller,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Text(String),
    Field(Field),
}

/// A parsed template, such as `{date}/{queue}/{time}-{call}.wav`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameTemplate(Vec<Piece>);

impl Default for NameTemplate {
    /// The call's identity alone.
    fn default() -> Self {
        Self(vec![Piece::Field(Field::Call), Piece::Text(".wav".into())])
    }
}

impl NameTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// See [`NameError`].
    pub fn parse(template: &str) -> Result<NameTemplate, NameError> {
        let mut pieces = Vec::new();
        let mut rest = template;
        while !rest.is_empty() {
            let (text, after) = rest.split_once('{').unwrap_or((rest, ""));
            if let Some(bad) = text.chars().find(|&c| !(c.is_ascii_alphanumeric() || "-_./".contains(c))) {
                return Err(NameError::Character(bad));
            }
            pieces.push(Piece::Text(text.into()));
            if text.len() == rest.len() {
                break;
            }
            let (name, after) = after.split_once('}').ok_or(NameError::Character('{'))?;
            pieces.push(Piece::Field(field(name)?));
            rest = after;
        }
        if !template.ends_with(".wav") {
            return Err(NameError::Ending);
        }
        if !pieces.contains(&Piece::Field(Field::Call)) {
            return Err(NameError::NoCall);
        }
        let longest: String = pieces.iter().map(|piece| piece.text(|_| "x".repeat(FIELD_MAX))).collect();
        let parts: Vec<&str> = longest.split('/').collect();
        let is_bad = |part: &&str| part.is_empty() || part.starts_with('.') || part.len() > PART_MAX;
        if parts.len() > DEPTH_MAX || parts.iter().any(is_bad) {
            return Err(NameError::Part);
        }
        Ok(NameTemplate(pieces))
    }

    /// The path of a call's recording beneath the folder.
    pub(super) fn path(&self, info: &TapeInfo, zone: &jiff::tz::TimeZone) -> PathBuf {
        let time =
            jiff::Timestamp::from_millisecond(info.started.0).unwrap_or_default().to_zoned(zone.clone());
        let value = |field: Field| match field {
            Field::Date => time.strftime("%Y-%m-%d").to_string(),
            Field::Time => time.strftime("%H-%M-%S").to_string(),
            Field::Call => info.call.to_string(),
            Field::Queue => plain(&info.queue),
            Field::Agent => plain(&info.agent),
            Field::Caller => plain(&info.caller),
        };
        self.0.iter().map(|piece| piece.text(value)).collect::<String>().into()
    }
}

impl Piece {
    fn text(&self, value: impl Fn(Field) -> String) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Field(field) => value(*field),
        }
    }
}

fn field(name: &str) -> Result<Field, NameError> {
    Ok(match name {
        "date" => Field::Date,
        "time" => Field::Time,
        "call" => Field::Call,
        "queue" => Field::Queue,
        "agent" => Field::Agent,
        "caller" => Field::Caller,
        _ => return Err(NameError::Field(name.chars().take(32).collect())),
    })
}

/// What of a value may stand in a name: no dot, so no `..`, and no separator of any system.
fn plain(value: &str) -> String {
    let allowed = |c: char| if c.is_alphanumeric() || "+-_".contains(c) { c } else { '_' };
    let mut plain = String::new();
    for c in value.chars().map(allowed) {
        if plain.len() + c.len_utf8() > FIELD_MAX {
            break;
        }
        plain.push(c);
    }
    if plain.is_empty() { "none".into() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::id::CallId;
    use crate::engine::time::Wall;
    use proptest::prelude::*;

    fn info(queue: &str, caller: &str) -> TapeInfo {
        TapeInfo {
            call: CallId(42),
            queue: queue.into(),
            agent: "anna".into(),
            caller: caller.into(),
            started: Wall(1_700_000_000_000),
        }
    }

    #[test]
    fn fields_are_filled_in() {
        let template = NameTemplate::parse("{date}/{queue}/{time}-{call}-{agent}-{caller}.wav").unwrap();
        let path = template.path(&info("support", "+49 30 1234"), &jiff::tz::TimeZone::UTC);
        assert_eq!(path.to_str(), Some("2023-11-14/support/22-13-20-42-anna-+49_30_1234.wav"));
    }

    #[test]
    fn templates_that_lead_anywhere_else_are_refused() {
        for (template, error) in [
            ("../{call}.wav", NameError::Part),
            ("/{call}.wav", NameError::Part),
            ("a//{call}.wav", NameError::Part),
            (".{call}.wav", NameError::Part),
            ("{call}.mp3", NameError::Ending),
            ("{date}.wav", NameError::NoCall),
            ("{call}{nonsense}.wav", NameError::Field("nonsense".into())),
            ("{call", NameError::Character('{')),
            ("a\\{call}.wav", NameError::Character('\\')),
            ("a/b/c/d/e/f/{call}.wav", NameError::Part),
            ("{queue}{queue}{queue}{queue}{call}.wav", NameError::Part),
        ] {
            assert_eq!(NameTemplate::parse(template), Err(error), "{template}");
        }
    }

    proptest! {
        #[test]
        fn no_value_leaves_the_folder(queue: String, caller in "[./\\\\a-z\\x00-\\x1f ]{0,80}", at: i64) {
            let template = NameTemplate::parse("{queue}/{caller}-{call}.wav").unwrap();
            let path = template.path(&TapeInfo { started: Wall(at), ..info(&queue, &caller) }, &jiff::tz::TimeZone::UTC);
            let parts: Vec<_> = path.components().collect();
            prop_assert_eq!(parts.len(), 2);
            prop_assert!(parts.iter().all(|part| matches!(part, std::path::Component::Normal(name) if name.len() < 240)));
        }

        #[test]
        fn no_template_makes_it_panic(template in "[{}a-z./\\PC]{0,60}") {
            let _ = NameTemplate::parse(&template);
        }
    }
}
