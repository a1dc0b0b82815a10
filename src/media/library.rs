//! All sounds by name: hold music and prompts, loaded once, before the first call. Nothing is opened while calls run,
//! so no name that arrives later can reach a file.

use super::clip::{Clip, ClipError, Press};
use super::codec::Codec;
use super::player::silence;
use std::collections::BTreeMap;
use std::f32::consts::TAU;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The language that is tried when a prompt exists neither in the one asked for nor without one.
pub const FALLBACK_LANGUAGE: &str = "en";
/// The most files of one folder that are loaded.
const FILES_MAX: usize = 10_000;
/// How deep folders may be nested: `prompts/en/digits/20.wav` lies at two.
const DEPTH_MAX: usize = 4;

/// A file that could not be loaded, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct BadFile {
    /// Which.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a file or folder.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The folder cannot be read.
    #[error("the folder cannot be read: {0}")]
    Folder(std::io::Error),
    /// It is a link to a place outside its folder.
    #[error("leads out of its folder; copy the file instead of linking to it")]
    LeadsOut,
    /// Its name is not plain.
    #[error("the name may have letters, digits, '-', '_' and '.' only")]
    Name,
    /// There are more than can sensibly be meant.
    #[error("more than {FILES_MAX} files, or folders nested deeper than {DEPTH_MAX}; the rest is left out")]
    TooMany,
    /// The sound itself.
    #[error(transparent)]
    Clip(#[from] ClipError),
}

/// All sounds there are.
#[derive(Debug)]
pub struct Library {
    music: BTreeMap<String, Arc<Clip>>,
    prompts: BTreeMap<String, Arc<Clip>>,
    missing_prompt: Arc<Clip>,
    missing_music: Arc<Clip>,
}

impl Library {
    /// Loads every WAV file beneath the two folders, on all cores, to be heard in these codecs. What cannot be loaded is
    /// listed; the rest is there.
    pub fn load(music: &Path, prompts: &Path, codecs: &[Codec]) -> (Library, Vec<BadFile>) {
        let press = Press::new(codecs);
        // Made here, so that no worker has to.
        codecs.iter().for_each(|&codec| _ = silence(codec));
        let (music, mut bad) = load_folder(music, &press);
        let (prompts, bad_prompts) = load_folder(prompts, &press);
        bad.extend(bad_prompts);
        (Library { music, prompts, ..Library::with_tones(&press) }, bad)
    }

    /// A library that has nothing but its fallback tones, in every codec.
    pub fn empty() -> Library {
        Self::with_tones(&Press::new(&Codec::ALL))
    }

    fn with_tones(press: &Press) -> Library {
        Library {
            music: BTreeMap::new(),
            prompts: BTreeMap::new(),
            missing_prompt: Arc::new(soft_tone(0.3, 0.7, press)),
            missing_music: Arc::new(soft_tone(0.5, 3.5, press)),
        }
    }

    /// A clip of the hold-music folder: its path within, without `.wav`.
    pub fn music(&self, name: &str) -> Option<&Arc<Clip>> {
        self.music.get(name)
    }

    /// A prompt: in the language, in its main language (`de` for `de-AT`), without a language, in English.
    pub fn prompt(&self, language: &str, name: &str) -> Option<&Arc<Clip>> {
        let main = language.split(['-', '_']).next().unwrap_or_default();
        let within = |language: &str| self.prompts.get(&format!("{language}/{name}"));
        within(language)
            .or_else(|| within(main))
            .or_else(|| self.prompts.get(name))
            .or_else(|| within(FALLBACK_LANGUAGE))
    }

    /// What is heard in place of a prompt that does not exist: one soft tone.
    pub fn missing_prompt(&self) -> &Arc<Clip> {
        &self.missing_prompt
    }

    /// What is heard in place of music that does not exist: a soft tone every few seconds, for the caller must know
    /// that the line is alive.
    pub fn missing_music(&self) -> &Arc<Clip> {
        &self.missing_music
    }

    /// All clips, for measurements.
    pub fn clips(&self) -> impl Iterator<Item = &Arc<Clip>> {
        self.music.values().chain(self.prompts.values()).chain([&self.missing_prompt, &self.missing_music])
    }

    /// The names of the music, for suggestions.
    pub fn music_names(&self) -> impl Iterator<Item = &str> {
        self.music.keys().map(String::as_str)
    }

    /// The names of the prompts, language included, for suggestions.
    pub fn prompt_names(&self) -> impl Iterator<Item = &str> {
        self.prompts.keys().map(String::as_str)
    }
}

/// A 425 Hz tone at −26 dB that swells and fades, then a pause; lengths in seconds.
fn soft_tone(tone: f32, pause: f32, press: &Press) -> Clip {
    let rate = press.rate_hz() as f32;
    let length = (tone * rate) as usize;
    let sounding = (0..length).map(move |n| {
        let envelope = (std::f32::consts::PI * n as f32 / length as f32).sin();
        0.05 * envelope * (TAU * 425.0 * n as f32 / rate).sin()
    });
    Clip::from_samples(sounding.chain(std::iter::repeat_n(0.0, (pause * rate) as usize)).collect(), press)
}

fn load_folder(root: &Path, press: &Press) -> (BTreeMap<String, Arc<Clip>>, Vec<BadFile>) {
    let mut found = Found { files: Vec::new(), bad: Vec::new() };
    match root.canonicalize() {
        Ok(canonical) => found.collect(root, &canonical, "", 0),
        Err(error) => found.bad.push(BadFile { path: root.into(), fault: Fault::Folder(error) }),
    }
    let (files, mut bad) = (found.files, found.bad);
    let mut clips = BTreeMap::new();
    for ((name, path), clip) in files.iter().zip(read_all(&files, press)) {
        match clip {
            Ok(clip) => {
                clips.insert(name.clone(), Arc::new(clip));
            }
            Err(error) => bad.push(BadFile { path: path.clone(), fault: error.into() }),
        }
    }
    (clips, bad)
}

/// Reads the files on all cores, results in the files' order.
fn read_all(files: &[(String, PathBuf)], press: &Press) -> Vec<Result<Clip, ClipError>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(files.len()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(files.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, (_, path))) = Some(next.fetch_add(1, Ordering::Relaxed))
                    .and_then(|index| Some((index, files.get(index)?)))
                {
                    let clip = Clip::read(path, press);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((index, clip));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, clip)| clip).collect()
}

/// What a walk through one folder found: names with their files, and what is wrong.
struct Found {
    files: Vec<(String, PathBuf)>,
    bad: Vec<BadFile>,
}

impl Found {
    fn collect(&mut self, folder: &Path, root: &Path, prefix: &str, depth: usize) {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.refuse(folder, Fault::Folder(error)),
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for path in paths {
            let is_folder = path.is_dir();
            let is_wav = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"));
            if !is_folder && !is_wav {
                continue;
            }
            if self.files.len() >= FILES_MAX || (is_folder && depth >= DEPTH_MAX) {
                return self.refuse(folder, Fault::TooMany);
            }
            if !path.canonicalize().is_ok_and(|real| real.starts_with(root)) {
                self.refuse(&path, Fault::LeadsOut);
                continue;
            }
            let last = if is_folder { path.file_name() } else { path.file_stem() };
            match last.and_then(|name| name.to_str()).filter(|name| is_plain(name)) {
                Some(name) if is_folder => self.collect(&path, root, &format!("{prefix}{name}/"), depth + 1),
                Some(name) => self.files.push((format!("{prefix}{name}"), path)),
                None => self.refuse(&path, Fault::Name),
            }
        }
    }

    fn refuse(&mut self, path: &Path, fault: Fault) {
        self.bad.push(BadFile { path: path.into(), fault });
    }
}

/// Whether a name can stand in a configuration without quoting, and hides nothing.
fn is_plain(name: &str) -> bool {
    !name.starts_with('.') && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests;
