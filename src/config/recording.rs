//! Which queues are recorded, what agents press for it, and where and how recordings are kept.

use super::queues::clip;
use super::section::Section;
use crate::engine::settings::{RecordingMode, RecordingRules, TalkKeys};
use crate::media::recorder::{Format, NameTemplate, Rate, RecorderSettings};
use jiff::tz::TimeZone;

/// Where recordings lie unless told otherwise: by day and queue.
const NAME: &str = "{date}/{queue}/{time}-{call}.wav";

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

/// What agents press in a call: for the recording under `[recording]`, all else under `[talk]`.
pub(super) fn keys(recording: &Section<'_>, talk: &Section<'_>) -> TalkKeys {
    let keys = TalkKeys {
        record: sequence(recording, "keys"),
        transfer: sequence(talk, "transfer"),
        consult: sequence(talk, "consult"),
        conference: sequence(talk, "conference"),
        complete: sequence(talk, "complete"),
        back: sequence(talk, "back"),
    };
    let all = [&keys.record, &keys.transfer, &keys.consult, &keys.conference, &keys.complete, &keys.back];
    let all: Vec<_> = all.into_iter().flatten().collect();
    for (at, one) in all.iter().enumerate() {
        // Whoever presses the longer one would have pressed the shorter before.
        let hidden = all.iter().enumerate().find(|(other, it)| *other != at && it.contains(one.as_str()));
        if let Some((_, other)) = hidden {
            talk.error(&talk.span, format!("{one:?} is part of {other:?}: no sequence may contain another"));
            break;
        }
    }
    keys
}

fn sequence(section: &Section<'_>, name: &'static str) -> Option<String> {
    section.parsed(name, "keys of a phone, such as \"*7\", 2 to 8 of them", |text| {
        let keys = text.chars().all(|key| key.is_ascii_digit() || key == '*' || key == '#');
        (keys && (2..=8).contains(&text.len())).then(|| text.to_owned())
    })
}

/// `[recording]`: where and how. `zone` is the clock of the dates in names.
pub(super) fn recorder(section: &Section<'_>, zone: TimeZone) -> RecorderSettings {
    let folder =
        section.parsed("folder", "the path of a folder", |text| (!text.is_empty()).then(|| text.into()));
    let formats = [("stereo", Format::Stereo), ("mixed", Format::Mixed)];
    let rates = [("8kHz", Rate::Narrow), ("16kHz", Rate::Wide)];
    let days = section.count("retention_days", 0..=36_500).and_then(|days| u32::try_from(days).ok());
    let megabytes = section.count("free_megabytes_min", 0..=1_000_000_000).unwrap_or(1_024);
    RecorderSettings {
        folder: folder.unwrap_or_else(|| "data/recordings".into()),
        format: section.choice("format", &formats).unwrap_or(Format::Stereo),
        rate: section.choice("rate", &rates).unwrap_or(Rate::Narrow),
        name: name(section),
        zone,
        retention_days: days.filter(|days| *days > 0),
        free_bytes_min: u64::try_from(megabytes).unwrap_or(u64::MAX).saturating_mul(1 << 20),
    }
}

fn name(section: &Section<'_>) -> NameTemplate {
    if let Some(text) = section.text("name") {
        match NameTemplate::parse(text.value) {
            Ok(name) => return name,
            Err(error) => section.error(&text.span, format!("name: {error}")),
        }
    }
    NameTemplate::parse(NAME).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_name_is_one() {
        assert!(NameTemplate::parse(NAME).is_ok());
    }
}
