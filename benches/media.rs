//! The media plane's hot paths: what one packet and one call cost, without the system's share.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use holdfast::engine::time::Monotonic;
use holdfast::media::clip::{Clip, Press};
use holdfast::media::codec::decoder::{Decoder, SAMPLES_MAX};
use holdfast::media::codec::encoder::{Encoder, Frame};
use holdfast::media::player::{Player, Playlist, Script, Start, Tail};
use holdfast::media::rtp::PAYLOAD_MAX;
use holdfast::media::sdp::Ours;
use holdfast::media::session::{Inbound, Seed, Session};
use holdfast::media::{Codec, LocalMedia, Origin, Stream, rtp, sdp};
use std::f32::consts::TAU;
use std::hint::black_box;
use std::sync::Arc;

const OFFER: &str = "v=0\r\no=alice 2890844526 2890844526 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\n\
    t=0 0\r\nm=audio 4000 RTP/AVP 8 0 9 18 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:9 G722/8000\r\na=rtpmap:18 G729/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n\
    a=ptime:20\r\na=sendrecv\r\n";

fn session(codec: Codec) -> Session {
    let mut session = Session::new(Monotonic(0), Seed { ssrc: 1, sequence: 1, timestamp: 1 });
    session.connect(Stream::plain("198.51.100.7:4000".parse().unwrap(), codec));
    session
}

fn codec(c: &mut Criterion) {
    let samples: Vec<i16> = (0..160).map(|n| (n * 397 % 32_000 - 16_000) as i16).collect();
    let mut group = c.benchmark_group("g711");
    group.throughput(Throughput::Elements(160));
    for codec in [Codec::Pcmu, Codec::Pcma] {
        group.bench_function(format!("encode 20 ms {codec}"), |b| {
            b.iter(|| {
                samples
                    .iter()
                    .map(|&sample| codec.law().unwrap().encode(black_box(sample)))
                    .fold(0, u8::wrapping_add)
            });
        });
    }
    group.finish();
}

/// 20 ms of something like a voice, different in every frame.
fn voice(frame: usize) -> Frame {
    std::array::from_fn(|n| {
        let t = (frame * 320 + n) as f32 / 16_000.0;
        let harmonics = (1..12).map(|k| (TAU * 140.0 * k as f32 * t).sin() / k as f32).sum::<f32>();
        (harmonics * (6_000.0 + 3_000.0 * (TAU * 3.0 * t).sin())) as i16
    })
}

fn codecs(c: &mut Criterion) {
    let voices: Vec<Frame> = (0..100).map(voice).collect();
    for codec in Codec::ALL {
        let mut payload = [0; PAYLOAD_MAX];
        for (whose, mut encoder) in [("a voice", Encoder::new(codec)), ("a clip", Encoder::of_clips(codec))] {
            if codec != Codec::Opus && whose == "a clip" {
                continue;
            }
            let mut frame = 0;
            c.bench_function(&format!("codec: encode 20 ms of {whose} as {codec}"), |b| {
                b.iter(|| {
                    frame += 1;
                    encoder.encode(black_box(&voices[frame % 100]), &mut payload)
                });
            });
        }
        let mut encoder = Encoder::new(codec);
        let encoded = voices.iter().map(|frame| {
            let length = encoder.encode(frame, &mut payload);
            payload[..length].to_vec()
        });
        let encoded: Vec<_> = encoded.collect();
        let (mut decoder, mut out, mut frame) = (Decoder::new(codec), [0; SAMPLES_MAX], 0);
        c.bench_function(&format!("codec: decode 20 ms of {codec}"), |b| {
            b.iter(|| {
                frame += 1;
                decoder.decode(black_box(&encoded[frame % 100]), &mut out)
            });
        });
        let mut made = [0; 320];
        c.bench_function(&format!("codec: conceal the first lost frame of {codec}"), |b| {
            b.iter(|| {
                frame += 1;
                decoder.decode(&encoded[frame % 100], &mut out);
                decoder.conceal(&mut made);
            });
        });
    }
}

fn players(c: &mut Criterion) {
    let press = Press::new(&Codec::ALL);
    let samples =
        |hertz: f32| (0..960_000).map(|n| 0.2 * (TAU * hertz * n as f32 / 16_000.0).sin()).collect();
    let music = Arc::new(Clip::from_samples(samples(440.0), &press));
    let prompt = Arc::new(Clip::from_samples(samples(300.0), &press));
    let playlist = Arc::new(Playlist::new(vec![music.clone()], Start::Radio).unwrap());
    for codec in Codec::ALL {
        music.encode_all(codec);
        prompt.encode_all(codec);
        let script = |prompts, duck| Script { prompts, then: Tail::Music(playlist.clone()), duck };
        let mut player = Player::new(script(Vec::new(), false));
        let mut time = 0;
        c.bench_function(&format!("player: a frame of music in {codec}"), |b| {
            b.iter(|| {
                time += 1;
                player.next(codec, black_box(time)).0.len()
            });
        });
        c.bench_function(&format!("player: a prompt cuts in, its first 10 frames in {codec}"), |b| {
            b.iter(|| {
                let mut player =
                    Player::follow(script(vec![prompt.clone()], false), Player::new(Script::silence()));
                (0..10).map(|time| player.next(codec, black_box(time)).0.len()).sum::<usize>()
            });
        });
        let mut player = Player::new(script(vec![prompt.clone(); 10_000], true));
        c.bench_function(&format!("player: a frame of prompt above music in {codec}"), |b| {
            b.iter(|| {
                time += 1;
                player.next(codec, black_box(time)).0.len()
            });
        });
    }
}

fn packets(c: &mut Criterion) {
    let mut out = [0; 1_500];
    let mut music = session(Codec::Pcmu);
    let mut frame = 0;
    c.bench_function("session: write one frame of music", |b| {
        b.iter(|| {
            frame += 1;
            music.frame(Monotonic(frame * 20_000), frame, black_box(&[0xFF; 160]), &mut out)
        });
    });
    for to in [Codec::Pcmu, Codec::Pcma] {
        let (mut from_leg, mut to_leg) = (session(Codec::Pcmu), session(to));
        let mut packet = [0x55; 172];
        let mut n = 0_u64;
        c.bench_function(&format!("session: receive PCMU and relay as {to}"), |b| {
            b.iter(|| {
                n += 1;
                let header = rtp::Header {
                    payload_type: 0,
                    marker: false,
                    sequence: n as u16,
                    timestamp: n as u32 * 160,
                    ssrc: 9,
                };
                rtp::write(header, &[0x55; 160], &mut packet);
                let now = Monotonic(n * 20_000);
                match from_leg.receive(now, "198.51.100.7:4000".parse().unwrap(), black_box(&mut packet)) {
                    Inbound::Voice { packet, codec } => to_leg.relay(now, &packet, codec, &mut out),
                    Inbound::Event { .. } | Inbound::Noise { .. } | Inbound::Dropped(_) => None,
                }
            });
        });
    }
}

fn descriptions(c: &mut Criterion) {
    let local = LocalMedia::plain("192.0.2.10:20000".parse().unwrap(), vec![Codec::Pcmu, Codec::Pcma]);
    let ours = Ours { local: &local, origin: Origin { id: 1, version: 1 }, before: None };
    c.bench_function("sdp: parse", |b| b.iter(|| sdp::parse(black_box(OFFER.as_bytes()))));
    c.bench_function("sdp: parse and answer", |b| {
        b.iter(|| {
            let offer = sdp::parse(black_box(OFFER.as_bytes())).unwrap();
            sdp::answer(&offer, &ours).is_ok()
        });
    });
}

criterion_group!(benches, codec, codecs, players, packets, descriptions);
criterion_main!(benches);
