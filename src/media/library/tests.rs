//! Folders as operators have them, and as they should not be.

use super::*;
use crate::media::codec::Codec;
use hound::{SampleFormat, WavSpec, WavWriter};

/// A file of so many frames: its length tells which one was found.
fn sound(folder: &Path, name: &str, frames: usize) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec =
        WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(path, spec).unwrap();
    for n in 0..frames * 160 {
        writer.write_sample((n % 50) as i16 * 100).unwrap();
    }
    writer.finalize().unwrap();
}

#[test]
fn prompts_are_found_by_language_then_without_then_in_english() {
    let folder = tempfile::tempdir().unwrap();
    let (music, prompts) = (folder.path().join("music"), folder.path().join("prompts"));
    sound(&music, "tide.wav", 9);
    sound(&prompts, "de/welcome.wav", 1);
    sound(&prompts, "en/welcome.wav", 2);
    sound(&prompts, "en/goodbye.wav", 3);
    sound(&prompts, "beep.WAV", 4);
    sound(&prompts, "de/digits/20.wav", 5);
    let (library, bad) = Library::load(&music, &prompts, &Codec::ALL);
    assert!(bad.is_empty(), "{bad:?}");
    let frames = |language, name| library.prompt(language, name).map(|clip| clip.frames());
    assert_eq!(frames("de", "welcome"), Some(1));
    assert_eq!(frames("de-AT", "welcome"), Some(1));
    assert_eq!(frames("fr", "welcome"), Some(2));
    assert_eq!(frames("de", "goodbye"), Some(3));
    assert_eq!(frames("de", "beep"), Some(4));
    assert_eq!(frames("de", "digits/20"), Some(5));
    assert_eq!(frames("de", "missing"), None);
    assert_eq!(library.music("tide").map(|clip| clip.frames()), Some(9));
    assert_eq!(library.music_names().collect::<Vec<_>>(), ["tide"]);
}

#[test]
fn names_that_lead_elsewhere_find_nothing() {
    let folder = tempfile::tempdir().unwrap();
    sound(folder.path(), "secret.wav", 1);
    let prompts = folder.path().join("prompts");
    sound(&prompts, "en/welcome.wav", 1);
    let (library, _) = Library::load(&prompts, &prompts, &Codec::ALL);
    let absolute = folder.path().join("secret");
    for name in ["../secret", "../../secret", "en/../welcome", "./welcome", "", absolute.to_str().unwrap()] {
        assert!(library.prompt("en", name).is_none(), "{name}");
        assert!(library.prompt("..", name).is_none(), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    sound(folder.path(), "secret.wav", 1);
    let music = folder.path().join("music");
    sound(&music, "tide.wav", 1);
    std::os::unix::fs::symlink(folder.path().join("secret.wav"), music.join("innocent.wav")).unwrap();
    std::os::unix::fs::symlink(folder.path(), music.join("upwards")).unwrap();
    let (library, bad) = Library::load(&music, &music, &Codec::ALL);
    assert!(library.music("innocent").is_none() && library.music("upwards/secret").is_none());
    assert!(library.music("tide").is_some());
    assert_eq!(bad.iter().filter(|bad| matches!(bad.fault, Fault::LeadsOut)).count(), 4, "two in each role");
}

#[test]
fn every_bad_file_is_named_with_its_reason_and_the_rest_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let (music, prompts) = (folder.path().join("music"), folder.path().join("prompts"));
    sound(&music, "tide.wav", 1);
    std::fs::write(music.join("broken.wav"), b"not a sound").unwrap();
    std::fs::write(music.join("README.md"), b"not meant as a sound").unwrap();
    sound(&music, "empty.wav", 0);
    let (library, bad) = Library::load(&music, &prompts, &Codec::ALL);
    assert!(library.music("tide").is_some());
    let texts: Vec<_> = bad.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("prompts") && text.contains("folder cannot be read")));
    assert!(
        texts.iter().any(|text| text.contains("broken.wav") && text.contains("cannot be read as a WAV file"))
    );
    assert!(texts.iter().any(|text| text.contains("empty.wav") && text.contains("holds no sound")));
}

#[test]
fn fallback_tones_can_be_heard() {
    let library = Library::empty();
    for clip in [library.missing_prompt(), library.missing_music()] {
        let codes = (0..clip.frames()).filter_map(|frame| clip.frame(Codec::Pcmu, frame)).flatten();
        let loudest = codes.map(|&code| Codec::Pcmu.law().unwrap().decode(code)).max().unwrap();
        assert!((500..5_000).contains(&loudest), "{loudest}");
    }
}

#[test]
fn the_sounds_of_this_repository_load() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (library, bad) = Library::load(&root.join("hold-music"), &root.join("hold-music"), &Codec::ALL);
    assert!(bad.is_empty(), "{bad:?}");
    assert!(library.music("morning-harbour").is_some_and(|clip| clip.frames() > 1_000));
}
