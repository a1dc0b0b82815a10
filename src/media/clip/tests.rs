//! Every WAV format there is, made with hound and heard again.

use super::*;
use crate::media::codec::decoder::{Decoder, SAMPLES_MAX};
use hound::{SampleFormat, WavSpec, WavWriter};
use std::io::Cursor;

fn wav(spec: WavSpec, seconds: f32, hertz: f32, level: f32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    for n in 0..(seconds * spec.sample_rate as f32) as usize {
        let value = level * (std::f32::consts::TAU * hertz * n as f32 / spec.sample_rate as f32).sin();
        for _ in 0..spec.channels {
            match spec.sample_format {
                SampleFormat::Float => writer.write_sample(value).unwrap(),
                SampleFormat::Int => {
                    let full = (1_i64 << (spec.bits_per_sample - 1)) as f32 - 1.0;
                    writer.write_sample((value * full) as i32).unwrap();
                }
            }
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

fn spec(sample_rate: u32, channels: u16, bits_per_sample: u16, sample_format: SampleFormat) -> WavSpec {
    WavSpec { channels, sample_rate, bits_per_sample, sample_format }
}

/// The amplitude of a tone that is as loud as every clip.
const LEVEL: f32 = 0.1;

fn codes(clip: &Clip, codec: Codec) -> impl Iterator<Item = u8> {
    (0..clip.frames()).flat_map(move |frame| clip.frame(codec, frame).unwrap()).copied()
}

fn press() -> Press {
    Press::new(&[Codec::Pcmu, Codec::Pcma])
}

fn decoded(clip: &Clip, codec: Codec) -> Vec<f32> {
    codes(clip, codec).map(|code| f32::from(codec.law().unwrap().decode(code)) / 32_768.0).collect()
}

/// The amplitude of one frequency in the middle of the signal.
fn amplitude(samples: &[f32], hertz: f32) -> f32 {
    let middle = &samples[800..samples.len() - 800];
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in middle.iter().enumerate() {
        let angle = std::f32::consts::TAU * hertz * n as f32 / 8_000.0;
        re += sample * angle.cos();
        im += sample * angle.sin();
    }
    2.0 * (re * re + im * im).sqrt() / middle.len() as f32
}

#[test]
fn every_rate_channel_count_and_sample_format_sounds_the_same() {
    let formats = [
        (8, SampleFormat::Int),
        (16, SampleFormat::Int),
        (24, SampleFormat::Int),
        (32, SampleFormat::Int),
        (32, SampleFormat::Float),
    ];
    for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
        for channels in [1, 2, 6] {
            for (bits, format) in formats {
                let spec = spec(rate, channels, bits, format);
                let clip = Clip::from_wav(Cursor::new(wav(spec, 1.0, 440.0, 0.5)), &press()).unwrap();
                assert_eq!(clip.frames(), 50, "{spec:?}");
                for codec in [Codec::Pcmu, Codec::Pcma] {
                    let level = amplitude(&decoded(&clip, codec), 440.0);
                    assert!((level - LEVEL).abs() < 0.006, "{spec:?} {codec}: {level}");
                }
            }
        }
    }
}

#[test]
fn what_lies_above_four_kilohertz_does_not_fold_back() {
    let clip =
        Clip::from_wav(Cursor::new(wav(spec(48_000, 1, 16, SampleFormat::Int), 1.0, 4_500.0, 0.5)), &press())
            .unwrap();
    let level = amplitude(&decoded(&clip, Codec::Pcmu), 3_500.0);
    // What is almost nothing is made up to 12 dB louder.
    assert!(level < 0.008, "alias at {level}");
}

#[test]
fn what_is_too_loud_is_brought_down_and_not_cut_off() {
    let clip =
        Clip::from_wav(Cursor::new(wav(spec(8_000, 1, 32, SampleFormat::Float), 1.0, 440.0, 3.0)), &press())
            .unwrap();
    let samples = decoded(&clip, Codec::Pcma);
    assert!((amplitude(&samples, 440.0) - LEVEL).abs() < 0.006);
    assert!(amplitude(&samples, 1_320.0) < 0.01, "a cut-off sine has a third harmonic");
}

#[test]
fn opposite_channels_do_not_make_noise_and_bad_floats_are_silence() {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec(8_000, 1, 32, SampleFormat::Float)).unwrap();
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0] {
        writer.write_sample(value).unwrap();
    }
    writer.finalize().unwrap();
    let clip = Clip::from_wav(Cursor::new(bytes.into_inner()), &press()).unwrap();
    assert!(codes(&clip, Codec::Pcmu).all(|code| code == Law::Mu.silence()));
}

#[test]
fn the_last_frame_is_filled_with_silence() {
    let clip =
        Clip::from_wav(Cursor::new(wav(spec(8_000, 1, 16, SampleFormat::Int), 0.025, 440.0, 0.5)), &press())
            .unwrap();
    assert_eq!(clip.frames(), 2);
    assert_eq!(clip.frame(Codec::Pcmu, 1).unwrap()[159], Law::Mu.silence());
    assert_eq!(clip.frame(Codec::Pcma, 1).unwrap()[159], Law::A.silence());
    assert!(clip.frame(Codec::Pcmu, 2).is_none());
}

#[test]
fn what_is_no_sound_is_refused_with_the_reason() {
    let refused = |bytes: Vec<u8>| Clip::from_wav(Cursor::new(bytes), &press()).unwrap_err();
    assert!(matches!(refused(Vec::new()), ClipError::NotWav(_)));
    assert!(matches!(refused(b"RIFF but not really a sound".to_vec()), ClipError::NotWav(_)));
    assert!(matches!(refused(wav(spec(8_000, 1, 16, SampleFormat::Int), 0.0, 1.0, 0.0)), ClipError::Empty));
    assert!(matches!(
        refused(wav(spec(100, 1, 16, SampleFormat::Int), 1.0, 1.0, 0.0)),
        ClipError::Shape { .. }
    ));
    let mut cut = wav(spec(8_000, 1, 16, SampleFormat::Int), 1.0, 440.0, 0.5);
    cut.truncate(cut.len() / 2);
    assert!(matches!(refused(cut), ClipError::NotWav(_)));
}

#[test]
fn what_would_fill_the_memory_is_refused_before_it_is_read() {
    let mut bytes = wav(spec(1_000, 1, 8, SampleFormat::Int), 0.1, 1.0, 0.0);
    // The data chunk claims 4 GB.
    let data = bytes.windows(4).position(|window| window == b"data").unwrap();
    bytes[data + 4..data + 8].copy_from_slice(&0xFFFF_FF00_u32.to_le_bytes());
    assert!(matches!(Clip::from_wav(Cursor::new(bytes), &press()).unwrap_err(), ClipError::TooLong));
}

/// A second of noise and tones in every codec.
fn wide_clip(seconds: f32) -> Clip {
    let samples = (0..(seconds * 16_000.0) as usize)
        .map(|n| 0.2 * (n as f32 * 0.3).sin() + 0.1 * (n as f32 * 1.1).sin());
    Clip::from_samples(samples.collect(), &Press::new(&Codec::ALL))
}

/// What a decoder that was there from the start makes of a clip's frames.
fn heard(clip: &Clip, codec: Codec) -> Vec<i16> {
    let (mut decoder, mut out) = (Decoder::new(codec), [0; SAMPLES_MAX]);
    let frames = (0..clip.frames()).flat_map(|frame| {
        let length = decoder.decode(clip.frame(codec, frame).unwrap(), &mut out);
        out[..length].to_vec()
    });
    frames.collect()
}

#[test]
fn every_codec_has_the_same_sound_in_the_same_frames() {
    let clip = wide_clip(1.0);
    for codec in Codec::ALL {
        clip.encode_all(codec);
        let heard = heard(&clip, codec);
        assert_eq!(heard.len(), 16_000, "{codec}");
        let rms = (heard[4_000..12_000].iter().map(|&s| f32::from(s).powi(2)).sum::<f32>() / 8_000.0).sqrt();
        assert!((rms / 5_181.0 - 1.0).abs() < 0.1, "{codec}: {rms}");
    }
}

#[test]
fn a_piece_is_not_there_at_first_and_comes_because_it_was_asked_for() {
    let clip = wide_clip(1.0);
    for codec in [Codec::G722, Codec::Opus] {
        assert!(clip.frame(codec, 3).is_none(), "{codec}");
        // The thread has been told; this only waits for it.
        while clip.frame(codec, 3).is_none() {
            std::thread::yield_now();
        }
        assert!(clip.frame(codec, clip.frames()).is_none(), "{codec}: beyond the end");
    }
}

#[test]
fn the_next_piece_is_encoded_when_a_listener_has_passed_the_middle_of_this_one() {
    let clip = wide_clip(15.0);
    clip.frame(Codec::G722, 249);
    while clip.frame(Codec::G722, 249).is_none() {
        std::thread::yield_now();
    }
    let before = clip.memory_bytes();
    assert!(clip.frame(Codec::G722, 250).is_some());
    while clip.memory_bytes() == before {
        std::thread::yield_now();
    }
    assert!(clip.frame(Codec::G722, 500).is_some(), "it is there when it is reached");
}

#[test]
fn pieces_join_without_a_click() {
    let clip = wide_clip(11.0);
    for codec in [Codec::G722, Codec::Opus] {
        clip.encode_all(codec);
        let heard = heard(&clip, codec);
        let step = |range: std::ops::Range<usize>| {
            heard[range].windows(2).map(|p| (i32::from(p[1]) - i32::from(p[0])).abs()).max()
        };
        let (usual, joint) = (step(80_000..90_000).unwrap(), step(159_500..161_500).unwrap());
        assert!(joint <= usual * 11 / 10, "{codec}: {joint} where {usual} is usual");
    }
}

#[test]
fn only_what_is_configured_is_kept() {
    let samples: Vec<f32> = (0..16_000).map(|n| (n as f32 * 0.2).sin() * 0.1).collect();
    let narrow = Clip::from_samples(samples.clone(), &Press::new(&[Codec::Pcma]));
    assert!(narrow.frame(Codec::Pcma, 0).is_some() && narrow.frame(Codec::Pcmu, 0).is_none());
    assert!(narrow.frame(Codec::L16, 0).is_none() && narrow.frame(Codec::Opus, 0).is_none());
    assert_eq!(narrow.memory_bytes(), 16_000);
    let wide = Clip::from_samples(samples, &Press::new(&[Codec::L16]));
    assert_eq!(wide.memory_bytes(), 32_000);
    assert!(wide.frame(Codec::L16, 49).is_some() && wide.frame(Codec::Pcmu, 0).is_none());
}

#[test]
fn clips_begin_and_end_softly() {
    for codecs in [&[Codec::Pcmu][..], &Codec::ALL] {
        let clip = Clip::from_samples(vec![0.5; 16_000], &Press::new(codecs));
        let samples: Vec<i16> = codes(&clip, Codec::Pcmu).map(|code| Law::Mu.decode(code)).collect();
        assert!(samples[0].abs() < 300 && samples[samples.len() - 1].abs() < 300);
        assert!(samples.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 1_200));
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(at in 0_usize..200, byte: u8, more in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
        let mut bytes = wav(spec(8_000, 2, 16, SampleFormat::Int), 0.02, 440.0, 0.5);
        let at = at.min(bytes.len() - 1);
        bytes[at] = byte;
        bytes.extend(more);
        let _ = Clip::from_wav(Cursor::new(bytes), &press());
    }
}
