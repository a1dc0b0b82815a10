//! Keypads in the sound: all keys, at the edges of what Q.24 allows; and sounds in which there is no key.

use super::*;
use crate::media::codec::HOUSE_HZ;
use crate::media::codec::g711::Law;
use std::f32::consts::TAU;
use std::path::{Path, PathBuf};

const ALL: &str = "123A456B789C*0#D";

/// A key as it is dialled.
#[derive(Clone, Copy)]
struct Dialled {
    /// The low tone, in dB of full scale.
    level_db: f32,
    /// The high tone above it.
    twist_db: f32,
    off: f32,
    tone_ms: usize,
    pause_ms: usize,
}

const USUAL: Dialled = Dialled { level_db: -13.0, twist_db: 0.0, off: 0.0, tone_ms: 80, pause_ms: 80 };

fn dial(keys: &str, how: Dialled) -> Vec<f32> {
    let mut sound = Vec::new();
    for key in keys.chars() {
        let at = ALL.find(key).unwrap();
        let (low, high) = (LOW_HZ[at / 4] * (1.0 + how.off), HIGH_HZ[at % 4] * (1.0 + how.off));
        // In no relation to the frames.
        let pause = how.pause_ms * 16 + if how.pause_ms > 40 { sound.len() % 113 } else { 0 };
        sound.extend(std::iter::repeat_n(0.0, pause));
        sound.extend((0..how.tone_ms * 16).map(|n| {
            let time = n as f32 / HOUSE_HZ as f32;
            let amplitude = |db: f32| 32_767.0 * 10_f32.powf(db / 20.0);
            amplitude(how.level_db) * (TAU * low * time).sin()
                + amplitude(how.level_db + how.twist_db) * (TAU * high * time + 1.0).sin()
        }));
    }
    sound.extend([0.0; 1_600]);
    sound
}

fn keys_in(sound: &[f32]) -> String {
    let mut tones = Tones::new();
    let frames = sound.chunks_exact(HOUSE_FRAME);
    frames
        .filter_map(|chunk| {
            let frame: Frame = std::array::from_fn(|n| chunk[n].clamp(-32_768.0, 32_767.0) as i16);
            tones.listen(&frame)
        })
        .collect()
}

/// Even noise in −1..1, the same at every run.
fn noise() -> impl Iterator<Item = f32> {
    let mut state = 1_u32;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    })
}

#[test]
fn every_key_is_heard_once_at_every_level() {
    for level_db in [-7.0, -13.0, -20.0, -30.0, -38.0] {
        assert_eq!(keys_in(&dial(ALL, Dialled { level_db, ..USUAL })), ALL, "{level_db} dB");
    }
}

#[test]
fn forty_milliseconds_are_enough_and_a_pause_of_forty_parts_two_presses() {
    for shift in 0..20 {
        let how = Dialled { tone_ms: 40, pause_ms: 40, ..USUAL };
        let sound = [vec![0.0; shift * 16], dial("1122AA##00DD", how)].concat();
        assert_eq!(keys_in(&sound), "1122AA##00DD", "shifted by {shift} ms");
    }
}

#[test]
fn a_key_that_is_held_is_one_press_even_with_a_dropout() {
    let mut sound = dial("5", Dialled { tone_ms: 3_000, ..USUAL });
    assert_eq!(keys_in(&sound), "5");
    sound[20_000..20_160].fill(0.0);
    assert_eq!(keys_in(&sound), "5");
}

#[test]
fn a_blip_is_no_key() {
    for shift in 0..20 {
        let sound = [vec![0.0; shift * 16], dial("159D", Dialled { tone_ms: 20, ..USUAL })].concat();
        assert_eq!(keys_in(&sound), "", "shifted by {shift} ms");
    }
}

#[test]
fn tones_a_little_beside_their_frequency_are_heard_and_others_are_not() {
    for off in [-0.015, 0.015] {
        assert_eq!(keys_in(&dial(ALL, Dialled { off, ..USUAL })), ALL, "{off}");
    }
    for off in [-0.035, 0.035] {
        assert_eq!(keys_in(&dial(ALL, Dialled { off, ..USUAL })), "", "{off}");
    }
}

#[test]
fn twist_is_taken_as_the_recommendation_says() {
    for (twist_db, off) in
        [(-8.0, 0.0), (4.0, 0.0), (-8.0, 0.015), (4.0, 0.015), (-8.0, -0.015), (4.0, -0.015)]
    {
        assert_eq!(keys_in(&dial(ALL, Dialled { twist_db, off, ..USUAL })), ALL, "{twist_db} dB, {off}");
    }
    for twist_db in [-12.0, 8.0] {
        assert_eq!(keys_in(&dial(ALL, Dialled { twist_db, ..USUAL })), "", "{twist_db} dB");
    }
}

#[test]
fn keys_are_heard_through_both_laws() {
    for law in Law::ALL {
        for level_db in [-7.0, -20.0, -35.0] {
            let sound = dial(ALL, Dialled { level_db, ..USUAL });
            // At 8 kHz and back, as a gateway sends it.
            let coded: Vec<f32> = sound
                .chunks_exact(2)
                .flat_map(|pair| {
                    let sample = f32::from(law.decode(law.encode((0.5 * (pair[0] + pair[1])) as i16)));
                    [sample, sample]
                })
                .collect();
            assert_eq!(keys_in(&coded), ALL, "{law:?} {level_db} dB");
        }
    }
}

#[test]
fn keys_are_heard_in_noise_of_15_db() {
    for level_db in [-10.0, -25.0] {
        let mut sound = dial(ALL, Dialled { level_db, ..USUAL });
        // The pair's power is twice that of one tone, which is half its amplitude's square; even noise has a third.
        let peak = 32_767.0 * 10_f32.powf((level_db - 15.0) / 20.0) * 3_f32.sqrt();
        sound.iter_mut().zip(noise()).for_each(|(sample, noise)| *sample += peak * noise);
        assert_eq!(keys_in(&sound), ALL, "{level_db} dB");
    }
}

#[test]
fn noise_and_voices_made_of_harmonics_hold_no_key() {
    let white: Vec<f32> = noise().take(16_000 * 60).map(|noise| 12_000.0 * noise).collect();
    assert_eq!(keys_in(&white), "");
    // Voices: gliding fundamentals with twelve harmonics under two formants that wander.
    let mut phase = 0.0_f32;
    let voice: Vec<f32> = (0..16_000 * 120)
        .map(|n| {
            let time = n as f32 / HOUSE_HZ as f32;
            let pitch = 170.0 + 60.0 * (TAU * 0.7 * time).sin() + 25.0 * (TAU * 2.3 * time).sin();
            phase = (phase + TAU * pitch / HOUSE_HZ as f32) % TAU;
            let formants =
                [500.0 + 300.0 * (TAU * 1.1 * time).sin(), 1_500.0 + 500.0 * (TAU * 0.8 * time).cos()];
            (1..=12)
                .map(|harmonic| {
                    let hz = pitch * harmonic as f32;
                    let gain: f32 =
                        formants.iter().map(|formant| (-((hz - formant) / 150.0).powi(2)).exp()).sum();
                    4_000.0 * gain * (phase * harmonic as f32).sin()
                })
                .sum()
        })
        .collect();
    assert_eq!(keys_in(&voice), "");
}

#[test]
fn chords_of_music_hold_no_key() {
    // Every pair of notes of two octaves, as pure tones: the worst that music has.
    let note = |n: u32| 523.25 * 2_f32.powf(n as f32 / 12.0);
    for low in 0..13 {
        for high in low + 1..25 {
            let sound: Vec<f32> = (0..3_200)
                .map(|n| {
                    let time = n as f32 / HOUSE_HZ as f32;
                    // With the octaves that every instrument sounds along.
                    [note(low), note(high), 2.0 * note(low), 2.0 * note(high)]
                        .iter()
                        .zip([5_000.0, 5_000.0, 2_500.0, 2_500.0])
                        .map(|(hz, amplitude)| amplitude * (TAU * hz * time).sin())
                        .sum()
                })
                .collect();
            assert_eq!(keys_in(&sound), "", "{} Hz and {} Hz", note(low), note(high));
        }
    }
}

#[test]
fn the_sounds_of_this_repository_hold_no_key() {
    let root = Path::new(option_env!("HOLDFAST_SOUNDS").unwrap_or(env!("CARGO_MANIFEST_DIR")));
    let mut files = 0;
    for folder in ["hold-music", "prompts/en", "prompts/de", "prompts/es"] {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|ext| ext == "wav")) {
            let mut reader = hound::WavReader::open(path).unwrap();
            assert_eq!((reader.spec().sample_rate, reader.spec().channels), (HOUSE_HZ, 1));
            let sound: Vec<f32> = reader.samples::<i16>().map(|sample| f32::from(sample.unwrap())).collect();
            assert_eq!(keys_in(&sound), "", "{}", path.display());
            files += 1;
        }
    }
    // Where the mini build has no sounds there is nothing to hear; in the house there are.
    assert!(files > 10 || !root.join("hold-music").is_dir());
}
