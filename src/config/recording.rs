//! Which queues are recorded, and what agents press for it.

use super::queues::clip;
use super::section::Section;
use crate::engine::settings::{RecordingMode, RecordingRules, TalkKeys};

/// A queue's rules.
pub(super) fn rules(section: &Section<'_>) -> RecordingRules {
    let default = RecordingRules::default();
    let rules = RecordingRules {
        mode: section.choice("recording", &RecordingMode::TABLE).unwrap_or(default.mode),
        consent: section.text("recording_consent").map(|text| clip(section, "recording_consent", &text)),
        pause_on_hold: section.flag("recording_pause_on_hold").unwrap_or(default.pause_on_hold),
    };
    if rules.mode == RecordingMode::Off && section.has("recording_consent") {
        section.warn(&section.span, "recording_consent is not heard: this queue's calls are not recorded");
    }
    rules
}

/// What agents press in a call.
pub(super) fn keys(section: &Section<'_>) -> TalkKeys {
    let expected = "keys of a phone, such as \"*7\", 2 to 8 of them";
    let record = section.parsed("keys", expected, |text| {
        let keys = text.chars().all(|key| key.is_ascii_digit() || key == '*' || key == '#');
        (keys && (2..=8).contains(&text.len())).then(|| text.to_owned())
    });
    TalkKeys { record }
}
