//! Requirement expressions: `spanish >= 3 and (billing or sales >= 2)`. It owns how they are read and written, wherever
//! they come from: the configuration, the API, a header of the carrier's. It never judges whether anybody meets one.
//!
//! `and` binds tighter than `or`; a skill alone asks for proficiency 1 or more; `anybody` asks for nothing.

use super::id::SkillId;
use super::skill::{PROFICIENCY_MAX, Proficiency, Requirement};
use std::ops::Range;

/// Brackets nested deeper than this are refused, so that no text can exhaust the stack.
const DEPTH_MAX: usize = 16;
/// The word that asks for nothing.
const ANYBODY: &str = "anybody";
/// Words that stand for something in an expression, and so can name no skill.
pub const RESERVED: [&str; 3] = ["and", "or", ANYBODY];
/// Longer texts, in bytes, are refused: some come from the network.
pub const TEXT_BYTES_MAX: usize = 2048;

/// What is wrong with an expression, and which bytes of it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ExpressionError {
    /// Something else should stand there.
    #[error("expected {wanted}, got {came}")]
    Unexpected {
        /// Where.
        at: Range<usize>,
        /// What could stand there.
        wanted: String,
        /// What does.
        came: String,
    },
    /// No skill is called so.
    #[error("unknown skill {name:?}")]
    UnknownSkill {
        /// Where.
        at: Range<usize>,
        /// What was written.
        name: String,
    },
    /// Brackets in brackets in brackets.
    #[error("brackets nest deeper than {DEPTH_MAX}")]
    TooDeep {
        /// The first that is too many.
        at: Range<usize>,
    },
    /// Nobody writes such a text.
    #[error("expected at most {TEXT_BYTES_MAX} bytes")]
    TooLong {
        /// What is too much.
        at: Range<usize>,
    },
}

impl ExpressionError {
    /// Which bytes of the text are meant.
    pub fn at(&self) -> Range<usize> {
        match self {
            Self::Unexpected { at, .. }
            | Self::UnknownSkill { at, .. }
            | Self::TooDeep { at }
            | Self::TooLong { at } => at.clone(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Token<'a> {
    Word(&'a str),
    Number(&'a str),
    AtLeast,
    Open,
    Close,
    Other(char),
    End,
}

/// Reads an expression over the skills named, in their order.
///
/// # Errors
/// When it is none, or names a skill that is not among them.
pub fn parse(text: &str, skills: &[String]) -> Result<Requirement, ExpressionError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ExpressionError::TooLong { at: TEXT_BYTES_MAX..text.len() });
    }
    let mut parser = Parser { text, at: 0, skills };
    let requirement = parser.alternatives(0)?;
    match parser.next() {
        (Token::End, _) => Ok(requirement),
        (token, at) => Err(expected("\"and\", \"or\" or the end", token, at)),
    }
}

/// A requirement as it would be written; `anybody` when it asks for nothing.
pub fn written(requirement: &Requirement, skills: &[String]) -> String {
    let join = |parts: &[Requirement], word: &str| {
        let parts: Vec<_> = parts
            .iter()
            .map(|part| match part {
                Requirement::Any(_) => format!("({})", written(part, skills)),
                Requirement::Skill { .. } | Requirement::All(_) => written(part, skills),
            })
            .collect();
        parts.join(word)
    };
    match requirement {
        Requirement::Skill { skill, min } => {
            let name = skills.get(skill.0 as usize).map_or("?", String::as_str);
            if *min == 1 { name.to_owned() } else { format!("{name} >= {min}") }
        }
        Requirement::All(parts) if parts.is_empty() => ANYBODY.into(),
        Requirement::Any(parts) if parts.is_empty() => "nobody".into(),
        Requirement::All(parts) => join(parts, " and "),
        Requirement::Any(parts) => join(parts, " or "),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    skills: &'a [String],
}

impl<'a> Parser<'a> {
    fn alternatives(&mut self, depth: usize) -> Result<Requirement, ExpressionError> {
        let mut parts = vec![self.conjunction(depth)?];
        while self.accept(Token::Word("or")) {
            parts.push(self.conjunction(depth)?);
        }
        Ok(match <[Requirement; 1]>::try_from(parts) {
            Ok([only]) => only,
            Err(mut parts) => {
                parts.sort();
                parts.dedup();
                Requirement::Any(parts)
            }
        })
    }

    fn conjunction(&mut self, depth: usize) -> Result<Requirement, ExpressionError> {
        let mut whole = self.atom(depth)?;
        while self.accept(Token::Word("and")) {
            whole = whole.and(self.atom(depth)?);
        }
        Ok(whole)
    }

    fn atom(&mut self, depth: usize) -> Result<Requirement, ExpressionError> {
        match self.next() {
            (Token::Open, at) if depth == DEPTH_MAX => Err(ExpressionError::TooDeep { at }),
            (Token::Open, _) => {
                let inner = self.alternatives(depth + 1)?;
                match self.next() {
                    (Token::Close, _) => Ok(inner),
                    (token, at) => Err(expected("\")\"", token, at)),
                }
            }
            (Token::Word(ANYBODY), _) => Ok(Requirement::ANYBODY),
            (Token::Word(name), at) if name != "and" && name != "or" => {
                let skill = self.skill(name, at)?;
                let min = if self.accept(Token::AtLeast) { self.proficiency()? } else { 1 };
                Ok(Requirement::Skill { skill, min })
            }
            (token, at) => Err(expected("a skill or \"(\"", token, at)),
        }
    }

    fn skill(&self, name: &str, at: Range<usize>) -> Result<SkillId, ExpressionError> {
        let index = self.skills.iter().position(|skill| skill == name);
        let id = index.and_then(|index| u32::try_from(index).ok()).map(SkillId);
        id.ok_or_else(|| ExpressionError::UnknownSkill { at, name: name.to_owned() })
    }

    fn proficiency(&mut self) -> Result<Proficiency, ExpressionError> {
        let what = format!("a proficiency from 1 to {PROFICIENCY_MAX}");
        match self.next() {
            (Token::Number(digits), at) => digits
                .parse()
                .ok()
                .filter(|min| (1..=PROFICIENCY_MAX).contains(min))
                .ok_or_else(|| expected(&what, Token::Number(digits), at)),
            (token, at) => Err(expected(&what, token, at)),
        }
    }

    fn accept(&mut self, wanted: Token<'_>) -> bool {
        let before = self.at;
        let found = self.next().0 == wanted;
        if !found {
            self.at = before;
        }
        found
    }

    fn next(&mut self) -> (Token<'a>, Range<usize>) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        let start = self.at + (rest.len() - trimmed.len());
        let Some(first) = trimmed.chars().next() else {
            self.at = self.text.len();
            return (Token::End, start..start);
        };
        let (token, length) = if trimmed.starts_with(">=") {
            (Token::AtLeast, 2)
        } else if is_word(first) {
            let end = trimmed.find(|c| !is_word(c)).unwrap_or(trimmed.len());
            let word = trimmed.get(..end).unwrap_or_default();
            let is_number = word.chars().all(|c| c.is_ascii_digit());
            (if is_number { Token::Number(word) } else { Token::Word(word) }, end)
        } else {
            match first {
                '(' => (Token::Open, 1),
                ')' => (Token::Close, 1),
                other => (Token::Other(other), other.len_utf8()),
            }
        };
        self.at = start + length;
        (token, start..self.at)
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn expected(what: &str, came: Token<'_>, at: Range<usize>) -> ExpressionError {
    let came = match came {
        Token::Word(text) | Token::Number(text) => format!("{text:?}"),
        Token::AtLeast => "\">=\"".into(),
        Token::Open => "\"(\"".into(),
        Token::Close => "\")\"".into(),
        Token::Other(c @ ('>' | '<' | '=')) => format!("{c:?}; only \">=\" compares"),
        Token::Other(c @ ('&' | '|' | ',')) => format!("{c:?}; write \"and\" or \"or\""),
        Token::Other(c) => format!("{c:?}"),
        Token::End => "the end".into(),
    };
    ExpressionError::Unexpected { at, wanted: what.to_owned(), came }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::skill::SkillSet;
    use proptest::prelude::*;

    fn skills() -> Vec<String> {
        ["spanish", "billing", "sales"].map(String::from).to_vec()
    }

    fn met(text: &str, has: [u8; 3]) -> bool {
        let pairs = (0u32..).map(SkillId).zip(has).filter(|(_, level)| *level > 0);
        parse(text, &skills()).unwrap().is_met_by(&SkillSet::new(pairs))
    }

    fn message(text: &str) -> String {
        parse(text, &skills()).unwrap_err().to_string()
    }

    #[test]
    fn and_binds_tighter_than_or_and_brackets_bind_tightest() {
        assert!(met("spanish >= 3 and (billing or sales >= 2)", [3, 0, 2]));
        assert!(!met("spanish >= 3 and (billing or sales >= 2)", [2, 9, 9]));
        assert!(met("spanish and billing or sales", [0, 0, 1]));
        assert!(!met("spanish and (billing or sales)", [0, 0, 1]));
    }

    #[test]
    fn a_skill_alone_asks_for_any_proficiency() {
        assert!(met("spanish", [1, 0, 0]));
        assert!(!met("spanish", [0, 9, 9]));
        assert_eq!(parse("sales>=1", &skills()), parse(" sales ", &skills()));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let misspelt = parse("billing and spansih >= 3", &skills()).unwrap_err();
        assert_eq!(misspelt, ExpressionError::UnknownSkill { at: 12..19, name: "spansih".into() });
        assert_eq!(message("sales >= 11"), "expected a proficiency from 1 to 10, got \"11\"");
        assert_eq!(
            message("sales > 2"),
            "expected \"and\", \"or\" or the end, got '>'; only \">=\" compares"
        );
        assert_eq!(message(""), "expected a skill or \"(\", got the end");
        assert_eq!(message("(sales"), "expected \")\", got the end");
        assert_eq!(
            message("sales && billing"),
            "expected \"and\", \"or\" or the end, got '&'; write \"and\" or \"or\""
        );
    }

    #[test]
    fn endless_brackets_are_refused() {
        assert!(message(&"(".repeat(1000)).contains("nest deeper"));
    }

    #[test]
    fn texts_that_nobody_writes_are_refused() {
        assert!(message(&"sales or ".repeat(1000)).contains("at most 2048 bytes"));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for text in ["spanish >= 3 and (billing or sales >= 2)", "billing or sales", "spanish", "anybody"] {
            let requirement = parse(text, &skills()).unwrap();
            let again = parse(&written(&requirement, &skills()), &skills());
            assert_eq!(again, Ok(requirement), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[a-z>=() 0-9é]{0,60}") {
            let _ = parse(&text, &skills());
        }
    }
}
