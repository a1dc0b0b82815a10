//! A leg that speaks a tone through bad networks, on fake time, the same at every run.

use super::*;
use crate::media::codec::encoder::Encoder;
use std::f32::consts::TAU;

const TONE_HZ: f32 = 1_000.0;

fn at(us: u64) -> Monotonic {
    Monotonic(5_000_000 + us)
}

/// A small generator of even numbers, so that a network is the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A packet on its way.
#[derive(Clone)]
struct Sent {
    arrives_us: u64,
    sequence: u16,
    timestamp: u32,
    payload: Vec<u8>,
}

/// `seconds` of a tone in packets of `ptime_ms`, by a sender whose clock is `drift_ppm` fast.
fn tone(codec: Codec, seconds: u64, ptime_ms: u64, drift_ppm: i64) -> Vec<Sent> {
    let mut encoder = Encoder::new(codec);
    let packets = seconds * 1_000 / ptime_ms;
    let mut sample = 0_u32;
    let mut sent = Vec::new();
    for n in 0..packets {
        let mut payload = Vec::new();
        for _ in 0..ptime_ms / 20 {
            let frame: Frame = std::array::from_fn(|i| {
                let time = (sample + i as u32) as f32 / HOUSE_HZ as f32;
                (8_000.0 * (TAU * TONE_HZ * time).sin()) as i16
            });
            sample = (sample + HOUSE_FRAME as u32) % HOUSE_HZ;
            let mut out = [0; PAYLOAD_MAX];
            let length = encoder.encode(&frame, &mut out);
            payload.extend(&out[..length]);
        }
        let nominal = (n * ptime_ms * 1_000) as i64;
        sent.push(Sent {
            arrives_us: (nominal - nominal * drift_ppm / 1_000_000) as u64,
            sequence: 65_000_u16.wrapping_add(n as u16),
            timestamp: (u32::MAX - 50_000)
                .wrapping_add(n as u32 * (ptime_ms / 20) as u32 * codec.frame_ticks()),
            payload,
        });
    }
    sent
}

/// What an ear hears until `until_ms`. The delay and the packets kept stay bounded all the time.
fn listen(ear: &mut Ear, codec: Codec, mut sent: Vec<Sent>, until_ms: u64) -> (Vec<i16>, Vec<Heard>) {
    sent.sort_by_key(|packet| packet.arrives_us);
    let mut sent = sent.into_iter().peekable();
    let (mut sound, mut heard) = (Vec::new(), Vec::new());
    for now_ms in (0..until_ms).step_by(20) {
        while let Some(packet) = sent.next_if(|packet| packet.arrives_us <= now_ms * 1_000) {
            let Sent { arrives_us, sequence, timestamp, payload } = &packet;
            let arrives_us = *arrives_us;
            let packet = Packet {
                payload_type: 0,
                marker: false,
                sequence: *sequence,
                timestamp: *timestamp,
                ssrc: 1,
                payload,
            };
            ear.hear(at(arrives_us), &packet, codec);
            assert!(ear.buffer.len() <= jitter::PACKETS_MAX);
        }
        let mut frame = [0; HOUSE_FRAME];
        heard.push(ear.frame(at(now_ms * 1_000), &mut frame));
        assert!(ear.figures().depth_ms <= 280, "{:?}", ear.figures());
        sound.extend(frame);
    }
    (sound, heard)
}

/// The share of the power that lies at the tone (Goertzel).
fn purity(sound: &[i16]) -> f32 {
    let step = 2.0 * (TAU * TONE_HZ / HOUSE_HZ as f32).cos();
    let (mut one, mut two, mut all) = (0.0_f32, 0.0_f32, 1.0_f32);
    for &sample in sound {
        let sample = f32::from(sample);
        (one, two) = (sample + step * one - two, one);
        all += sample * sample;
    }
    2.0 * (one * one + two * two - step * one * two) / (sound.len() as f32 * all)
}

/// The share of the 60 ms pieces in which the tone is recognised.
fn recognised(sound: &[i16]) -> f32 {
    let pieces = sound.chunks_exact(3 * HOUSE_FRAME);
    let count = pieces.len() as f32;
    pieces.filter(|piece| purity(piece) > 0.5).count() as f32 / count
}

#[test]
fn a_good_network_is_heard_whole_in_every_codec_and_packet_length() {
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::L16] {
        for ptime_ms in [20, 40] {
            let mut ear = Ear::new(Codec::Pcmu);
            let (sound, heard) = listen(&mut ear, codec, tone(codec, 4, ptime_ms, 0), 3_900);
            let talking = &sound[4_000..];
            assert!(purity(&talking[..16_000]) > 0.9, "{codec} {ptime_ms}: {}", purity(&talking[..16_000]));
            assert!(heard[10..].iter().all(|&heard| heard == Heard::Speech));
            assert_eq!(ear.figures().concealed_ms, 0, "{codec} {ptime_ms}");
        }
    }
}

#[test]
fn a_tone_is_recognised_through_loss_duplication_reordering_and_jitter() {
    // SILK's own concealment of a pure tone is soft, and it takes a frame or two to be loud again: libopus's, too.
    for (codec, ptime_ms, least) in [
        (Codec::Pcmu, 20, 0.98),
        (Codec::Pcma, 20, 0.98),
        (Codec::G722, 20, 0.98),
        (Codec::Opus, 20, 0.65),
        (Codec::L16, 40, 0.95),
    ] {
        let mut dice = Dice(7);
        let mut sent = tone(codec, 30, ptime_ms, 0);
        sent.retain(|_| dice.below(100) >= 10);
        let again: Vec<Sent> = sent.iter().filter(|_| dice.below(100) < 10).cloned().collect();
        sent.extend(again);
        for packet in &mut sent {
            // Up to 40 ms, more than the distance of packets: many overtake others.
            packet.arrives_us += dice.below(40_000);
        }
        let mut ear = Ear::new(codec);
        let (sound, _) = listen(&mut ear, codec, sent, 29_900);
        let figures = ear.figures();
        let share = recognised(&sound[16_000..]);
        assert!(share > least, "{codec}: {share} {figures:?}");
        let expected = 30_000 / ptime_ms / 10;
        assert!(figures.packets.lost.abs_diff(expected) < expected / 2, "{figures:?}");
        assert!(figures.packets.late < 30_000 / ptime_ms / 20, "{figures:?}");
        assert!(figures.target_ms <= 60, "{figures:?}");
    }
}

#[test]
fn what_a_lost_packet_of_opus_said_is_heard_from_the_one_after_it() {
    // A voice that begins with frame 50: whoever loses that frame cannot guess it.
    let voice = |n: usize| {
        let time = n as f32 / HOUSE_HZ as f32;
        let harmonics = (1..8).map(|k| (TAU * 150.0 * k as f32 * time).sin()).sum::<f32>();
        if n < 50 * HOUSE_FRAME { 0 } else { (2_000.0 * harmonics) as i16 }
    };
    let mut encoder = Encoder::new(Codec::Opus);
    let mut sent = tone(Codec::Opus, 2, 20, 0);
    for (n, packet) in sent.iter_mut().enumerate() {
        let mut payload = [0; PAYLOAD_MAX];
        let frame = std::array::from_fn(|i| voice(n * HOUSE_FRAME + i));
        let length = encoder.encode(&frame, &mut payload);
        packet.payload = payload[..length].to_vec();
    }
    let levels = |lost: &[usize]| -> Vec<f32> {
        let came =
            sent.iter().enumerate().filter(|(n, _)| !lost.contains(n)).map(|(_, packet)| packet.clone());
        let (sound, _) = listen(&mut Ear::new(Codec::Opus), Codec::Opus, came.collect(), 1_900);
        let power = |frame: &[i16]| frame.iter().map(|&sample| f32::from(sample).powi(2)).sum::<f32>();
        sound.chunks_exact(HOUSE_FRAME).map(|frame| (power(frame) / HOUSE_FRAME as f32).sqrt()).collect()
    };
    let whole = levels(&[]);
    let begins = whole.iter().position(|&level| level > 1_000.0).unwrap();
    let (one, two) = (levels(&[50]), levels(&[50, 51]));
    assert!(one[begins] > 0.5 * whole[begins], "{} of {}", one[begins], whole[begins]);
    assert!(two[begins] < 0.1 * whole[begins], "{}: nobody told", two[begins]);
}

#[test]
fn a_clock_that_drifts_costs_a_frame_now_and_then_and_no_more() {
    for drift_ppm in [200, -200] {
        let mut ear = Ear::new(Codec::Pcmu);
        let (_, heard) = listen(&mut ear, Codec::Pcmu, tone(Codec::Pcmu, 600, 20, drift_ppm), 599_000);
        let figures = ear.figures();
        // 200 ppm of ten minutes are 120 ms: six frames.
        assert!(figures.depth_ms <= 80, "{figures:?}");
        assert!(figures.packets.late <= 7 && figures.packets.skipped == 0, "{drift_ppm} {figures:?}");
        assert!(figures.concealed_ms <= 200, "{drift_ppm} {figures:?}");
        assert!(heard[10..].iter().all(|&heard| heard == Heard::Speech));
    }
}

#[test]
fn leaving_out_a_frame_makes_no_click() {
    let mut ear = Ear::new(Codec::L16);
    let packets = tone(Codec::L16, 2, 20, 0);
    let payload = |n: usize| &packets[n].payload;
    let mut samples = Vec::<i16>::new();
    for n in 0..4 {
        let mut decoded = [0; SAMPLES_MAX];
        let count = ear.decoder.decode(payload(n), &mut decoded);
        // A piece that ends in another phase than the one after the next begins.
        let piece = &decoded[..count - n * 3];
        if n == 1 {
            ear.append_less(piece)
        } else {
            ear.append(piece)
        }
        samples.extend(&ear.waiting[..ear.filled]);
        ear.filled = 0;
    }
    let largest = samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max();
    // A tone of 1 kHz and this amplitude has steps of up to 3,142.
    assert!(largest < Some(4_500), "{largest:?}");
}

#[test]
fn a_stalled_sender_is_silence_and_its_burst_is_not_heard_late() {
    let mut sent = tone(Codec::Pcmu, 10, 20, 0);
    // From the third to the fifth second nothing gets through; then all of it at once.
    for packet in &mut sent {
        if (3_000_000..5_000_000).contains(&packet.arrives_us) {
            packet.arrives_us = 5_000_000;
        }
    }
    let mut ear = Ear::new(Codec::Pcmu);
    let (sound, heard) = listen(&mut ear, Codec::Pcmu, sent, 9_900);
    let second = |from: usize| &sound[from * 16_000..(from + 1) * 16_000];
    assert!(heard[160..245].iter().all(|&heard| heard == Heard::Silence));
    assert!(second(4).iter().all(|&sample| sample == 0));
    assert!(purity(&second(7)[..800]) > 0.9);
    let figures = ear.figures();
    assert!(figures.packets.skipped > 80, "{figures:?}");
    assert!(figures.concealed_ms <= 100, "{figures:?}");
}

#[test]
fn the_codec_may_change_in_mid_stream() {
    let mut sent = tone(Codec::Pcmu, 2, 20, 0);
    let mut ear = Ear::new(Codec::Pcmu);
    let rest = sent.split_off(50);
    let (first, _) = listen(&mut ear, Codec::Pcmu, sent, 1_000);
    assert!(recognised(&first[1_920..]) > 0.95);
    // The same stream goes on in A-law, and then in a codec of another clock.
    let mut sound = Vec::new();
    for (n, packet) in rest.iter().enumerate() {
        let now = at(1_000_000 + n as u64 * 20_000);
        let payload: Vec<u8> = packet
            .payload
            .iter()
            .map(|&code| crate::media::codec::g711::ULAW_TO_ALAW[usize::from(code)])
            .collect();
        let packet = Packet {
            payload_type: 8,
            marker: false,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            ssrc: 1,
            payload: &payload,
        };
        ear.hear(now, &packet, Codec::Pcma);
        let mut frame = [0; HOUSE_FRAME];
        assert_eq!(ear.frame(now, &mut frame), Heard::Speech);
        sound.extend(frame);
    }
    assert_eq!(recognised(&sound), 1.0);
    let (wide, _) = listen(&mut ear, Codec::L16, tone(Codec::L16, 2, 20, 0), 1_900);
    assert!(recognised(&wide[1_920..]) > 0.95);
}

#[test]
fn comfort_noise_is_soft_and_lasts_until_there_is_voice_again() {
    let mut ear = Ear::new(Codec::Pcmu);
    let voice = tone(Codec::Pcmu, 1, 20, 0);
    listen(&mut ear, Codec::Pcmu, voice.clone(), 1_000);
    let last = voice.last().unwrap();
    let sequence = last.sequence.wrapping_add(1);
    let noise = Packet {
        payload_type: 13,
        marker: false,
        sequence,
        timestamp: last.timestamp.wrapping_add(160),
        ssrc: 1,
        payload: &[50],
    };
    let level_at = |ear: &mut Ear, ms: u64| {
        let mut frame = [0; HOUSE_FRAME];
        let heard = ear.frame(at(ms * 1_000), &mut frame);
        let power: f32 = frame.iter().map(|&sample| f32::from(sample).powi(2)).sum();
        (heard, 20.0 * ((power / 320.0).sqrt().max(1.0) / 32_768.0).log10())
    };
    ear.hear_noise(at(1_000_000), &noise);
    (1_000..1_200).step_by(20).for_each(|ms| {
        level_at(&mut ear, ms);
    });
    for ms in (1_200..3_000).step_by(20) {
        let (heard, level) = level_at(&mut ear, ms);
        assert_eq!(heard, Heard::Silence);
        assert!((-52.0..-48.0).contains(&level), "{level} dB at {ms} ms");
    }
    assert_eq!(ear.figures().concealed_ms, 0, "a pause that was told of is no loss");
    // Somebody who asks for deafening noise does not get it.
    let loud = Packet {
        sequence: sequence.wrapping_add(1),
        timestamp: noise.timestamp + 16_000,
        payload: &[0],
        ..noise
    };
    ear.hear_noise(at(3_000_000), &loud);
    let loudest = (3_000..3_400).step_by(20).map(|ms| level_at(&mut ear, ms).1).fold(f32::MIN, f32::max);
    assert!(loudest < -38.0, "{loudest}");
}

#[test]
fn another_source_is_heard_after_its_own_numbers() {
    let mut ear = Ear::new(Codec::Pcmu);
    listen(&mut ear, Codec::Pcmu, tone(Codec::Pcmu, 1, 20, 0), 1_000);
    let mut heard = Vec::new();
    for n in 0..30_u16 {
        let payload = [0xFF - 20; 160];
        let packet = Packet {
            payload_type: 0,
            marker: n == 0,
            sequence: 3 + n,
            timestamp: 77 + u32::from(n) * 160,
            ssrc: 2,
            payload: &payload,
        };
        let now = at(1_000_000 + u64::from(n) * 20_000);
        ear.hear(now, &packet, Codec::Pcmu);
        heard.push(ear.frame(now, &mut [0; HOUSE_FRAME]));
    }
    assert!(heard[5..].iter().all(|&heard| heard == Heard::Speech), "{heard:?}");
    assert_eq!(ear.figures().packets.restarts, 1);
}

#[test]
fn payloads_without_sound_do_not_hold_the_worker() {
    let mut ear = Ear::new(Codec::L16);
    for n in 0..60_u16 {
        // One byte is no sample of L16.
        let packet = Packet {
            payload_type: 97,
            marker: false,
            sequence: n,
            timestamp: 1 + u32::from(n),
            ssrc: 1,
            payload: &[1],
        };
        ear.hear(at(0), &packet, Codec::L16);
    }
    (0..20).for_each(|n| {
        ear.frame(at(n * 20_000), &mut [0; HOUSE_FRAME]);
    });
}

proptest::proptest! {
    #[test]
    fn no_packets_make_it_panic(
        packets in proptest::collection::vec((0_u16..80, 0_u32..4_000, 0_usize..5, proptest::collection::vec(0_u8.., 1..200)), 1..200),
    ) {
        let mut ear = Ear::new(Codec::Pcmu);
        for (n, (sequence, timestamp, what, payload)) in packets.into_iter().enumerate() {
            let now = at(n as u64 * 7_000);
            let packet = Packet { payload_type: 0, marker: false, sequence, timestamp, ssrc: u32::from(sequence == 7), payload: &payload };
            match what {
                0 => ear.hear_noise(now, &packet),
                1 => ear.pass_over(&packet),
                _ => ear.hear(now, &packet, if timestamp == 9 { Codec::L16 } else { Codec::Pcma }),
            }
            ear.frame(now, &mut [0; HOUSE_FRAME]);
        }
    }
}
