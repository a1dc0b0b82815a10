//! Every WAV format there is, made with hound and heard again.

use super::*;
use hound::{WavSpec, WavWriter};
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

fn decoded(clip: &Clip, codec: Codec) -> Vec<f32> {
    clip.encoded(codec).iter().map(|&code| f32::from(codec.law().unwrap().decode(code)) / 32_768.0).collect()
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
                let clip = Clip::from_wav(Cursor::new(wav(spec, 1.0, 440.0, 0.5))).unwrap();
                assert_eq!(clip.frames(), 50, "{spec:?}");
                for codec in [Codec::Pcmu, Codec::Pcma] {
                    let level = amplitude(&decoded(&clip, codec), 440.0);
                    assert!((level - 0.5).abs() < 0.03, "{spec:?} {codec}: {level}");
                }
            }
        }
    }
}

#[test]
fn what_lies_above_four_kilohertz_does_not_fold_back() {
    let clip =
        Clip::from_wav(Cursor::new(wav(spec(48_000, 1, 16, SampleFormat::Int), 1.0, 4_500.0, 0.5))).unwrap();
    let level = amplitude(&decoded(&clip, Codec::Pcmu), 3_500.0);
    assert!(level < 0.002, "alias at {level}");
}

#[test]
fn what_is_too_loud_is_brought_down_and_not_cut_off() {
    let clip =
        Clip::from_wav(Cursor::new(wav(spec(8_000, 1, 32, SampleFormat::Float), 1.0, 440.0, 3.0))).unwrap();
    let samples = decoded(&clip, Codec::Pcma);
    assert!((amplitude(&samples, 440.0) - PEAK_MAX).abs() < 0.03);
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
    let clip = Clip::from_wav(Cursor::new(bytes.into_inner())).unwrap();
    assert!(clip.encoded(Codec::Pcmu).iter().all(|&code| code == Law::Mu.silence()));
}

#[test]
fn the_last_frame_is_filled_with_silence() {
    let clip =
        Clip::from_wav(Cursor::new(wav(spec(8_000, 1, 16, SampleFormat::Int), 0.025, 440.0, 0.5))).unwrap();
    assert_eq!(clip.frames(), 2);
    assert_eq!(clip.frame(Codec::Pcmu, 1)[159], Law::Mu.silence());
    assert_eq!(clip.frame(Codec::Pcma, 1)[159], Law::A.silence());
    assert!(clip.frame(Codec::Pcmu, 2).is_empty());
}

#[test]
fn what_is_no_sound_is_refused_with_the_reason() {
    let refused = |bytes: Vec<u8>| Clip::from_wav(Cursor::new(bytes)).unwrap_err();
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
    assert!(matches!(Clip::from_wav(Cursor::new(bytes)).unwrap_err(), ClipError::TooLong));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(at in 0_usize..200, byte: u8, more in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
        let mut bytes = wav(spec(8_000, 2, 16, SampleFormat::Int), 0.02, 440.0, 0.5);
        let at = at.min(bytes.len() - 1);
        bytes[at] = byte;
        bytes.extend(more);
        let _ = Clip::from_wav(Cursor::new(bytes));
    }
}
