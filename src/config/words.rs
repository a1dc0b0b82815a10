//! The words a site chooses for itself: skills, pause reasons, dispositions.

use super::scalar::is_plain_name;
use super::section::{Section, Text};
use crate::engine::requirement::RESERVED;

/// More skills than this are a mistake.
const SKILLS_MAX: usize = 1000;

/// The site's own words, in the order of the file.
pub(super) struct Words {
    pub(super) skills: Vec<String>,
    pub(super) pause_reasons: Vec<String>,
    pub(super) dispositions: Vec<String>,
}

impl Words {
    pub(super) fn skills(&self) -> Vec<&str> {
        self.skills.iter().map(String::as_str).collect()
    }
}

pub(super) fn read(root: &Section<'_>) -> Words {
    let skills = distinct(root, "skills", root.texts("skills").unwrap_or_default());
    if skills.len() > SKILLS_MAX {
        root.error(&root.span, format!("skills: expected at most {SKILLS_MAX}, got {}", skills.len()));
    }
    let reasons = root.texts("pause_reasons");
    let pause_reasons = match reasons {
        Some(reasons) => distinct(root, "pause_reasons", reasons),
        None => vec!["break".into()],
    };
    if pause_reasons.is_empty() {
        root.error(&root.span, "pause_reasons: expected at least one; the first is that of the feature code");
    }
    let dispositions = distinct(root, "dispositions", root.texts("dispositions").unwrap_or_default());
    Words { skills, pause_reasons, dispositions }
}

fn distinct(root: &Section<'_>, key: &str, texts: Vec<Text<'_>>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        let reserved = RESERVED.contains(&text.value) || text.value.chars().all(|c| c.is_ascii_digit());
        if !is_plain_name(text.value) || reserved {
            let wanted =
                format!("letters, digits, '-', '_' and '.', and neither a number nor one of {RESERVED:?}");
            root.error(&text.span, format!("{key}: expected {wanted}, got {:?}", text.value));
        }
        if found.iter().any(|known| known == text.value) {
            root.error(&text.span, format!("{key}: {:?} is there twice; remove one", text.value));
        } else {
            found.push(text.value.to_owned());
        }
    }
    found
}
