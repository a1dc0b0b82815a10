//! `[sounds]`, and whether every clip and prompt that is named is there.

use super::SoundsConfig;
use super::numbers::NumberPlaces;
use super::problem::{Diagnostics, unknown};
use super::queues::QueuePlaces;
use super::section::Section;
use crate::engine::settings::{Destination, Number, Queue};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Prompts that the engine may ask for whatever the file says.
const ALWAYS_WANTED: [&str; 5] =
    ["all-busy", "agent-loginok", "agent-loggedoff", "agent-ready", "agent-paused"];

pub(super) fn read(root: &Section<'_>) -> SoundsConfig {
    let section = root.table("sounds");
    let folder = |key: &'static str, default: &str| -> PathBuf {
        let text =
            section.parsed(key, "the path of a folder", |text| (!text.is_empty()).then(|| text.into()));
        text.unwrap_or_else(|| default.into())
    };
    let sounds = SoundsConfig { music: folder("music", "hold-music"), prompts: folder("prompts", "prompts") };
    section.finish();
    sounds
}

/// Looks for every clip that is named: music must be there, prompts in the language of the queue or in general.
pub(super) fn check(
    sounds: &SoundsConfig,
    queues: &[Queue],
    places: &[QueuePlaces],
    diagnostics: &Diagnostics<'_>,
) {
    let music = clips_in(&sounds.music);
    for (queue, place) in queues.iter().zip(places) {
        for (name, span) in queue.music.iter().zip(&place.music) {
            let found = music.as_ref().map(|clips| (clips, &sounds.music));
            report(diagnostics, span, &format!("queue {:?}: music", queue.name), name, found, &sounds.music);
        }
        let spoken = sounds.prompts.join(&queue.language);
        let mut prompts = clips_in(&spoken).unwrap_or_default();
        prompts.extend(clips_in(&sounds.prompts).unwrap_or_default());
        let found = sounds.prompts.is_dir().then_some((&prompts, &spoken));
        for (key, name, span) in spoken_in(queue, place) {
            let label = format!("queue {:?}: {key}", queue.name);
            report(diagnostics, span, &label, name, found, &sounds.prompts);
        }
    }
    let mut prompts = clips_in(&sounds.prompts).unwrap_or_default();
    for language in queues.iter().map(|queue| &queue.language).collect::<BTreeSet<_>>() {
        prompts.extend(clips_in(&sounds.prompts.join(language)).unwrap_or_default());
    }
    for wanted in ALWAYS_WANTED.iter().filter(|wanted| !prompts.contains(**wanted)) {
        let folder = sounds.prompts.display();
        diagnostics
            .warn(&(0..0), format!("the prompt {wanted:?} is missing in {folder}; silence is heard instead"));
    }
}

/// The prompts a queue names, and where.
fn spoken_in<'q>(
    queue: &'q Queue,
    place: &'q QueuePlaces,
) -> impl Iterator<Item = (&'static str, &'q String, &'q Range<usize>)> {
    let messages = queue.overflow.iter().zip(&place.overflow).filter_map(|(rule, span)| match &rule.to {
        Destination::Message(name) => Some(("overflow: message", name, span)),
        Destination::Queue(_) | Destination::Number(_) => None,
    });
    queue.welcome.iter().map(|name| ("welcome", name, &place.welcome)).chain(messages)
}

/// Warns of numbers in whose language nothing is spoken.
pub(super) fn check_languages(
    sounds: &SoundsConfig,
    numbers: &[Number],
    places: &[NumberPlaces],
    diagnostics: &Diagnostics<'_>,
) {
    for (number, place) in numbers.iter().zip(places) {
        let Some(language) = &number.language else { continue };
        let folder = sounds.prompts.join(language);
        if !folder.is_dir() {
            let (dialled, folder) = (&number.dialled, folder.display());
            diagnostics.warn(
                &place.number,
                format!("number {dialled:?}: there are no prompts in {language:?}: no folder {folder}"),
            );
        }
    }
}

fn report(
    diagnostics: &Diagnostics<'_>,
    span: &Range<usize>,
    label: &str,
    name: &str,
    found: Option<(&BTreeSet<String>, &PathBuf)>,
    folder: &Path,
) {
    match found {
        Some((clips, _)) if clips.contains(name) => {}
        Some((clips, folder)) => {
            let known: Vec<_> = clips.iter().map(String::as_str).collect();
            let message = unknown("clip", name, &known);
            diagnostics
                .error(span, format!("{label}: {message}; looked for {}/{name}.wav", folder.display()));
        }
        None => {
            let folder = folder.display();
            diagnostics.error(span, format!("{label}: the folder {folder} cannot be read; [sounds] names it, seen from the working directory"));
        }
    }
}

/// The names of the WAV files in a folder; `None` when it cannot be read.
fn clips_in(folder: &Path) -> Option<BTreeSet<String>> {
    let entries = std::fs::read_dir(folder).ok()?;
    let names = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let is_wav = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"));
        is_wav.then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
    });
    Some(names.collect())
}
