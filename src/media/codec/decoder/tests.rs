//! Every codec there and back: levels, noise, losses, and bytes that nobody encoded.

use super::*;
use crate::media::codec::encoder::Encoder;
use crate::media::rtp::PAYLOAD_MAX;

const RATE: f64 = 16_000.0;

fn tone(hertz: f64, n: usize) -> i16 {
    (8_000.0 * (std::f64::consts::TAU * hertz * n as f64 / RATE).sin()) as i16
}

/// Half a second of a tone, encoded and decoded.
fn there_and_back(codec: Codec, hertz: f64) -> Vec<i16> {
    let (mut encoder, mut decoder) = (Encoder::new(codec), Decoder::new(codec));
    let (mut payload, mut out, mut heard) = ([0; PAYLOAD_MAX], [0; SAMPLES_MAX], Vec::new());
    for frame in 0..25 {
        let length =
            encoder.encode(&std::array::from_fn(|n| tone(hertz, frame * HOUSE_FRAME + n)), &mut payload);
        let samples = decoder.decode(&payload[..length], &mut out);
        assert_eq!(samples, HOUSE_FRAME, "{codec}");
        heard.extend_from_slice(&out[..samples]);
    }
    heard.split_off(3_200)
}

/// The tone's amplitude, and how far everything else lies below it, in dB.
fn measured(samples: &[i16], hertz: f64) -> (f64, f64) {
    let turn = std::f64::consts::TAU * hertz / RATE;
    let (mut re, mut im, mut all) = (0.0, 0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let (sin, cos) = (turn * n as f64).sin_cos();
        re += f64::from(sample) * cos;
        im += f64::from(sample) * sin;
        all += f64::from(sample).powi(2);
    }
    let amplitude = 2.0 * re.hypot(im) / samples.len() as f64;
    let power = amplitude * amplitude / 2.0;
    let rest = (all / samples.len() as f64 - power).max(power * 1e-9);
    (amplitude, 10.0 * (power / rest).log10())
}

fn is_wide(codec: Codec) -> bool {
    codec.law().is_none()
}

#[test]
fn tones_keep_their_level_through_every_codec() {
    for codec in Codec::ALL {
        let tones: &[f64] =
            if is_wide(codec) { &[300.0, 1_000.0, 3_000.0, 6_000.0] } else { &[300.0, 1_000.0, 3_000.0] };
        for &hertz in tones {
            let (amplitude, _) = measured(&there_and_back(codec, hertz), hertz);
            let change_db = 20.0 * (amplitude / 8_000.0).log10();
            assert!(change_db.abs() < 1.0, "{codec} at {hertz} Hz: {change_db} dB");
        }
    }
}

#[test]
fn the_noise_of_every_codec_lies_as_low_as_it_should() {
    // G.712 allows 33 dB for G.711; G.722 and Opus are wideband and lossy; L16 loses nothing but rounding.
    let expected = [
        (Codec::Pcmu, 35.0),
        (Codec::Pcma, 35.0),
        (Codec::G722, 35.0),
        (Codec::Opus, 15.0),
        (Codec::L16, 70.0),
    ];
    for (codec, least_db) in expected {
        let (_, ratio_db) = measured(&there_and_back(codec, 1_000.0), 1_000.0);
        println!("{codec}: {ratio_db:.1} dB");
        assert!(ratio_db > least_db, "{codec}: {ratio_db} dB");
    }
}

#[test]
fn g711_of_a_wideband_tone_carries_no_alias() {
    for codec in [Codec::Pcmu, Codec::Pcma] {
        let heard = there_and_back(codec, 6_000.0);
        let (alias, _) = measured(&heard, 2_000.0);
        assert!(alias < 16.0, "{codec}: {alias}");
    }
}

/// Plays a tone through a codec, loses some frames of it, and gives what is heard from the loss on.
fn with_loss(codec: Codec, lost: std::ops::Range<usize>, frames: usize) -> Vec<[i16; HOUSE_FRAME]> {
    let (mut encoder, mut decoder) = (Encoder::new(codec), Decoder::new(codec));
    let (mut payload, mut out) = ([0; PAYLOAD_MAX], [0; SAMPLES_MAX]);
    let heard = (0..frames).map(|frame| {
        let length =
            encoder.encode(&std::array::from_fn(|n| tone(500.0, frame * HOUSE_FRAME + n)), &mut payload);
        let mut made = [0; HOUSE_FRAME];
        if lost.contains(&frame) {
            decoder.conceal(&mut made);
        } else {
            decoder.decode(&payload[..length], &mut out);
            made.copy_from_slice(&out[..HOUSE_FRAME]);
        }
        made
    });
    heard.collect()
}

fn level(frame: &[i16]) -> f64 {
    (frame.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / frame.len() as f64).sqrt()
}

#[test]
fn one_lost_frame_keeps_the_level_of_a_tone_and_leaves_no_trace() {
    for codec in Codec::ALL {
        let heard = with_loss(codec, 20..21, 30);
        let usual = level(&heard[18]);
        assert!(
            (0.7..1.3).contains(&(level(&heard[20]) / usual)),
            "{codec}: {} of {usual}",
            level(&heard[20])
        );
        assert!((0.9..1.1).contains(&(level(&heard[25]) / usual)), "{codec}: afterwards");
    }
}

#[test]
fn a_loss_of_200_ms_ends_in_silence() {
    for codec in Codec::ALL {
        let heard = with_loss(codec, 20..30, 40);
        assert!(level(&heard[29]) < 0.03 * level(&heard[18]), "{codec}: {}", level(&heard[29]));
        assert!(level(&heard[35]) > 0.9 * level(&heard[18]), "{codec}: it comes back");
    }
}

#[test]
fn opus_finds_a_lost_frame_in_the_packet_that_follows_it() {
    // A voice that begins with frame 20: whoever loses that frame cannot guess it.
    let voice = |n: usize| match n / HOUSE_FRAME {
        0..20 => 0,
        _ => (1..8).map(|k| tone(150.0 * f64::from(k) + n as f64 / 2_000.0, n) / 4).sum::<i16>(),
    };
    let mut encoder = Encoder::new(Codec::Opus);
    let packets: Vec<Vec<u8>> = (0..30)
        .map(|frame| {
            let mut payload = [0; PAYLOAD_MAX];
            let samples = std::array::from_fn(|n| voice(frame * HOUSE_FRAME + n));
            let length = encoder.encode(&samples, &mut payload);
            payload[..length].to_vec()
        })
        .collect();
    let made_up = |next: &[u8]| {
        let (mut decoder, mut out) = (Decoder::new(Codec::Opus), [0; SAMPLES_MAX]);
        packets[..20].iter().for_each(|packet| _ = decoder.decode(packet, &mut out));
        let mut made = [0; HOUSE_FRAME];
        decoder.recover(next, &mut made);
        assert_eq!(decoder.decode(&packets[21], &mut out), HOUSE_FRAME);
        level(&made)
    };
    let (guessed, recovered) = (made_up(&[]), made_up(&packets[21]));
    assert!(recovered > 500.0 && guessed < recovered / 10.0, "{guessed} guessed, {recovered} recovered");
}

#[test]
fn packets_of_other_lengths_than_20_ms_are_decoded_whole() {
    let mut out = [0; SAMPLES_MAX];
    assert_eq!(Decoder::new(Codec::Pcmu).decode(&[0xFF; 80], &mut out), 160);
    assert_eq!(Decoder::new(Codec::G722).decode(&[0; 240], &mut out), 480);
    assert_eq!(Decoder::new(Codec::L16).decode(&[0; 1_280], &mut out), 640);
    // 60 ms of SILK in one packet, and "nothing is sent" (RFC 6716 table 2).
    assert_eq!(Decoder::new(Codec::Opus).decode(&[11 << 3], &mut out), 960);
}

#[test]
fn what_is_no_payload_is_concealed() {
    for codec in Codec::ALL {
        let mut out = [1; SAMPLES_MAX];
        assert_eq!(Decoder::new(codec).decode(&[], &mut out), HOUSE_FRAME, "{codec}");
        assert!(out[..HOUSE_FRAME].iter().all(|sample| sample.abs() < 10), "{codec}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic_or_overflow(
        codec in 0..Codec::ALL.len(),
        payloads in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..1_500), 1..8),
    ) {
        let mut decoder = Decoder::new(Codec::ALL[codec]);
        let (mut out, mut made) = ([0; SAMPLES_MAX], [0; HOUSE_FRAME]);
        for payload in payloads {
            decoder.recover(&payload, &mut made);
            proptest::prop_assert!((1..=SAMPLES_MAX).contains(&decoder.decode(&payload, &mut out)));
            decoder.conceal(&mut made);
        }
    }

    /// Noise is refused early; what was a packet once gets deep into a decoder.
    #[test]
    fn no_damaged_packet_of_opus_makes_the_decoder_panic(
        of_clips: bool,
        damages in proptest::collection::vec((0..5_usize, 0..200_usize, proptest::num::u8::ANY, 0..200_usize), 1..30),
    ) {
        let mut encoder = if of_clips { Encoder::of_clips(Codec::Opus) } else { Encoder::new(Codec::Opus) };
        let mut decoder = Decoder::new(Codec::Opus);
        let (mut payload, mut out, mut made) = ([0; PAYLOAD_MAX], [0; SAMPLES_MAX], [0; HOUSE_FRAME]);
        for (frame, (what, at, byte, length)) in damages.into_iter().enumerate() {
            let samples = std::array::from_fn(|n| tone(440.0, frame * HOUSE_FRAME + n));
            let whole = encoder.encode(&samples, &mut payload);
            let packet = &mut payload[..whole];
            match what {
                0 => packet[0] = byte,
                1 | 2 => packet[at % whole] = byte,
                _ => {}
            }
            let packet = if what == 3 { &packet[..length.min(whole)] } else { packet };
            decoder.recover(packet, &mut made);
            proptest::prop_assert!((1..=SAMPLES_MAX).contains(&decoder.decode(packet, &mut out)));
        }
    }

    #[test]
    fn no_samples_make_an_encoder_panic_or_exceed_a_packet(
        codec in 0..Codec::ALL.len(),
        seed in proptest::num::u32::ANY,
        frames in 1..20,
    ) {
        let mut encoder = Encoder::new(Codec::ALL[codec]);
        let mut noise = seed;
        for _ in 0..frames {
            let frame = std::array::from_fn(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 16) as i16
            });
            let mut payload = [0; PAYLOAD_MAX];
            proptest::prop_assert!((1..=PAYLOAD_MAX).contains(&encoder.encode(&frame, &mut payload)));
        }
    }
}
