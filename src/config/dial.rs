//! `[dial]`: which numbers outside may be called.

use super::section::{Section, Text};
use crate::sip::dialling::{DialPolicy, Pattern};

/// How numbers are written where one or many are meant.
const NUMBERS: &str = "a number, or the beginning of one and a \"*\", such as \"+49*\" or \"0800*\"";

/// `[dial]`: nothing may be called that is not allowed here.
pub(super) fn policy(root: &Section<'_>) -> DialPolicy {
    let section = root.table("dial");
    let allow = section.texts("allow").unwrap_or_default();
    if let Some(all) = allow.iter().find(|text| text.value == "*") {
        section.warn(&all.span, "this lets every number of the world be called, the dearest too");
    }
    let deny = section.texts("deny").unwrap_or_default();
    let policy =
        DialPolicy { allow: patterns(&section, "allow", allow), deny: patterns(&section, "deny", deny) };
    section.finish();
    policy
}

/// A list of numbers, or of what they begin with.
pub(super) fn patterns(section: &Section<'_>, key: &'static str, texts: Vec<Text<'_>>) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for text in texts {
        match Pattern::parse(text.value) {
            Some(pattern) => patterns.push(pattern),
            None => section.error(&text.span, format!("{key}: expected {NUMBERS}, got {:?}", text.value)),
        }
    }
    patterns
}
