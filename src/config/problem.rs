//! What is wrong with a configuration, where, and what to do about it. Decides nothing.

use std::fmt;
use std::ops::Range;
use std::path::Path;

/// More problems than this in one file are not worth listing.
const PROBLEMS_MAX: usize = 100;
/// More known names than this are not listed after a misspelt one.
const KNOWN_SHOWN_MAX: usize = 16;

/// One thing that is wrong, or looks wrong, and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The file as it was named.
    pub file: String,
    /// Line and column, both from 1; `None` when the problem is with the file as a whole.
    pub place: Option<(usize, usize)>,
    /// What was expected, what came, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// Everything that is wrong with a configuration: one line each, in the order of the file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct ConfigErrors {
    /// The problems; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl ConfigErrors {
    /// The file could not even be read.
    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let remedy = match error.kind() {
            std::io::ErrorKind::NotFound => "; is the path right, seen from the working directory?",
            std::io::ErrorKind::PermissionDenied => "; the user Holdfast runs as needs to read it",
            _ => "",
        };
        let message = format!("cannot be read: {error}{remedy}");
        Self { problems: vec![Problem { file: path.display().to_string(), place: None, message }] }
    }
}

/// Collects problems while a file is read, and turns byte offsets into lines.
pub(super) struct Diagnostics<'a> {
    file: &'a str,
    text: &'a str,
    errors: std::cell::RefCell<Vec<(usize, String)>>,
    warnings: std::cell::RefCell<Vec<(usize, String)>>,
}

impl<'a> Diagnostics<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, errors: Default::default(), warnings: Default::default() }
    }

    /// The configuration cannot be used.
    pub(super) fn error(&self, span: &Range<usize>, message: impl Into<String>) {
        push(&mut self.errors.borrow_mut(), span, message.into());
    }

    /// The configuration can be used, but probably not as meant.
    pub(super) fn warn(&self, span: &Range<usize>, message: impl Into<String>) {
        push(&mut self.warnings.borrow_mut(), span, message.into());
    }

    /// The warnings, if there was no error.
    pub(super) fn finish(self) -> Result<Vec<Problem>, ConfigErrors> {
        let (file, text) = (self.file, self.text);
        let problems = |mut found: Vec<(usize, String)>| -> Vec<Problem> {
            found.sort_by_key(|(offset, _)| *offset);
            let located = found.into_iter().map(|(offset, message)| Problem {
                file: file.into(),
                place: Some(line_and_column(text, offset)),
                message,
            });
            located.collect()
        };
        let errors = problems(self.errors.into_inner());
        if errors.is_empty() {
            Ok(problems(self.warnings.into_inner()))
        } else {
            Err(ConfigErrors { problems: errors })
        }
    }
}

fn push(list: &mut Vec<(usize, String)>, span: &Range<usize>, message: String) {
    if list.len() < PROBLEMS_MAX {
        list.push((span.start, message));
    }
}

/// Line and column, from 1, of a byte offset; columns count characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = text.get(..offset).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

/// The known name that `given` was probably meant to be.
pub(super) fn nearest<'k>(given: &str, known: &[&'k str]) -> Option<&'k str> {
    let distance = |name: &str| strsim::damerau_levenshtein(&given.to_lowercase(), &name.to_lowercase());
    let allowed = (given.chars().count() / 3).max(1);
    known
        .iter()
        .map(|name| (distance(name), *name))
        .filter(|(far, _)| *far <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// `unknown strategy "longest-idel"; did you mean "longest-idle"? (known: …)`.
pub(super) fn unknown(what: &str, given: &str, known: &[&str]) -> String {
    let mut message = format!("unknown {what} {given:?}");
    if let Some(name) = nearest(given, known) {
        message.push_str(&format!("; did you mean {name:?}?"));
    }
    let shown: Vec<_> = known.iter().take(KNOWN_SHOWN_MAX).copied().collect();
    let more = if known.len() > shown.len() { ", …" } else { "" };
    match shown.is_empty() {
        true => message.push_str(" (none is configured)"),
        false => message.push_str(&format!(" (known: {}{more})", shown.join(", "))),
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest_known_one() {
        assert_eq!(
            unknown("strategy", "longest-idel", &["longest-idle", "ring-all"]),
            "unknown strategy \"longest-idel\"; did you mean \"longest-idle\"? (known: longest-idle, ring-all)"
        );
        assert_eq!(unknown("skill", "cobol", &["english"]), "unknown skill \"cobol\" (known: english)");
        assert_eq!(nearest("de", &["en"]), None, "two letters of two are no misspelling");
    }

    #[test]
    fn offsets_become_lines_and_columns_of_characters() {
        let text = "a\nüb = 1\n";
        assert_eq!(line_and_column(text, 0), (1, 1));
        assert_eq!(line_and_column(text, 4), (2, 2));
        assert_eq!(line_and_column(text, 3), (2, 1), "inside a character counts as its start");
        assert_eq!(line_and_column(text, 999), (3, 1));
    }
}
