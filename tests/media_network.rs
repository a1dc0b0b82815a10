//! Conversations over a bad network: a tenth of the packets is lost, some come twice, a tenth comes out of order, both
//! ways. Speech is still understood, and nothing piles up.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed assertion")]

mod media_support;
#[path = "support/wire.rs"]
#[allow(dead_code, reason = "captures are written elsewhere")]
#[allow(clippy::expect_used, clippy::panic, reason = "a panic here is a failed assertion")]
mod wire;

use holdfast::media::codec::decoder::{Decoder, SAMPLES_MAX};
use holdfast::media::codec::encoder::{Encoder, Frame};
use holdfast::media::{Codec, Direction, Handle, Library, Sessions, Stream};
use media_support::*;
use std::f32::consts::TAU;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use wire::{Bad, Wire};

const ONE_SAYS: [f32; 2] = [500.0, 700.0];
const OTHER_SAYS: [f32; 2] = [900.0, 1_300.0];
/// 15 seconds of talk.
const PACKETS: usize = 750;

/// A phone behind a bad network.
struct Talker {
    hertz: Arc<AtomicU32>,
    heard: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<(Instant, Heard)>>,
    codec: Codec,
    _wire: Wire,
}

impl Talker {
    fn new(handle: &mut Handle, leg: u64, near: Option<u64>, codec: Codec, hertz: f32) -> Talker {
        let sockets = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
        let wire = Wire::new(sockets, [leg * 2, leg * 2 + 1].map(|seed| Box::new(Bad::new(seed)) as _));
        let mut phone = Phone::connected(handle, caller(leg), near.map(caller), codec, 101);
        wire.attach(0, phone.rtp.local_addr().unwrap());
        wire.attach(1, phone.engine);
        // Each takes the wire for the other.
        let stream = phone.stream(Direction::SendRecv);
        handle.connect(caller(leg), Stream { remote: wire.faces[1], ..stream });
        phone.engine = wire.faces[0];
        let hertz = Arc::new(AtomicU32::new(hertz.to_bits()));
        let (heard, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (hertz, count, stop) = (hertz.clone(), heard.clone(), stop.clone());
            move || talk(phone, &hertz, &count, &stop)
        });
        Talker { hertz, heard, stop, thread, codec, _wire: wire }
    }

    fn says(&self, hertz: f32) {
        self.hertz.store(hertz.to_bits(), Ordering::Release);
    }

    /// Hangs up, and tells what was heard: put in order, what came twice taken once.
    fn heard(self) -> Vec<(Instant, Heard)> {
        self.stop.store(true, Ordering::Release);
        let mut heard = self.thread.join().unwrap();
        let first = heard[0].1.sequence;
        assert!(
            heard.iter().all(|(_, packet)| packet.ssrc == heard[0].1.ssrc),
            "one source for the whole call"
        );
        // Half a circle before and after the first.
        heard.sort_by_key(|(_, packet)| packet.sequence.wrapping_sub(first).wrapping_add(0x4000));
        heard.dedup_by_key(|(_, packet)| packet.sequence);
        heard
    }
}

fn talk(
    mut phone: Phone,
    hertz: &AtomicU32,
    count: &AtomicUsize,
    stop: &AtomicBool,
) -> Vec<(Instant, Heard)> {
    let mut encoder = Encoder::new(phone.codec);
    let mut heard = Vec::new();
    phone.rtp.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let (began, mut frames) = (Instant::now(), 0_u64);
    while !stop.load(Ordering::Acquire) {
        while began.elapsed() >= Duration::from_millis(20 * frames) {
            let hertz = f32::from_bits(hertz.load(Ordering::Acquire));
            phone.say(&mut encoder, &frame_of(hertz, frames));
            frames += 1;
        }
        heard.extend(phone.try_hear().map(|packet| (Instant::now(), packet)));
        count.store(heard.len(), Ordering::Release);
    }
    heard
}

fn frame_of(hertz: f32, number: u64) -> Frame {
    std::array::from_fn(|n| {
        let at = (number * 320 + n as u64) % 16_000;
        (0.25 * 32_767.0 * (TAU * hertz * at as f32 / 16_000.0).sin()) as i16
    })
}

/// How loud one frequency is in 16 kHz sound, full scale being 1.
fn level(hertz: f32, sound: &[f32]) -> f32 {
    let (mut re, mut im) = (0.0_f32, 0.0_f32);
    for (n, &sample) in sound.iter().enumerate() {
        let angle = TAU * hertz * (n % 16_000) as f32 / 16_000.0;
        (re, im) = (re + sample * angle.cos(), im + sample * angle.sin());
    }
    2.0 * (re * re + im * im).sqrt() / sound.len().max(1) as f32
}

/// What was heard, each packet decoded at its place, 16 kHz; where one is missing there is silence.
fn sound(codec: Codec, heard: &[(Instant, Heard)]) -> Vec<f32> {
    let mut decoder = Decoder::new(codec);
    let mut out = [0; SAMPLES_MAX];
    let mut sound = Vec::new();
    let first = heard[0].1.sequence;
    for (_, packet) in heard {
        let place = usize::from(packet.sequence.wrapping_sub(first)) * 320;
        let count = decoder.decode(&packet.payload, &mut out);
        sound.resize(sound.len().max(place), 0.0);
        sound.extend(out[..count].iter().map(|&sample| f32::from(sample) / 32_768.0));
    }
    sound
}

/// Two phones talk; after two thirds of it both say something else, and it must be heard soon: what piles up on the way
/// comes late.
fn check(one_speaks: Codec, other_speaks: Codec) {
    let mut handle = engine(Library::empty()).0;
    let one = Talker::new(&mut handle, 1, None, one_speaks, ONE_SAYS[0]);
    let other = Talker::new(&mut handle, 2, Some(1), other_speaks, OTHER_SAYS[0]);
    handle.bridge(caller(1), caller(2)).unwrap();
    let heard_by = |talker: &Talker| talker.heard.load(Ordering::Acquire);
    until("most of it is said", || heard_by(&one).min(heard_by(&other)) > PACKETS * 2 / 3);
    let changed = Instant::now();
    one.says(ONE_SAYS[1]);
    other.says(OTHER_SAYS[1]);
    until("all is said", || heard_by(&one).min(heard_by(&other)) > PACKETS);
    let is_mixed = handle.counters()[0].mixed.value() > 0;
    assert_eq!(is_mixed, one_speaks != other_speaks, "only what must be is decoded");
    for (listener, says) in [(one, OTHER_SAYS), (other, ONE_SAYS)] {
        let (codec, who) = (listener.codec, format!("{} of {one_speaks} and {other_speaks}", listener.codec));
        let heard = listener.heard();
        let before = heard.iter().position(|(at, _)| *at >= changed).unwrap();
        let sound = sound(codec, &heard);
        // Half a second each, but for the beginning, when neither the engine nor the ear has enough to go by.
        let levels: Vec<_> =
            sound.chunks_exact(8_000).skip(2).map(|part| says.map(|hertz| level(hertz, part))).collect();
        let clear = levels.iter().filter(|level| level[0].max(level[1]) > 0.1).count();
        assert!(clear + 1 >= levels.len(), "{who} understands nearly all of it: {levels:.2?}");
        let last = levels.last().unwrap();
        assert!(last[1] > 5.0 * last[0], "{who} hears the last that is said: {last:.2?}");
        // In packets, of which a tenth is lost on the way to him.
        let place = |packet: &Heard| usize::from(packet.sequence.wrapping_sub(heard[0].1.sequence));
        let change = place(&heard[before].1);
        let late = sound
            .chunks_exact(320)
            .skip(change)
            .position(|part| level(says[1], part) > level(says[0], part).max(0.05));
        let late = late.unwrap();
        assert!(late <= 25, "{who} hears what is said with a delay of {late} packets");
    }
}

#[test]
fn what_is_passed_through_is_understood_over_a_bad_network() {
    check(Codec::Pcmu, Codec::Pcmu);
}

#[test]
fn what_is_decoded_is_understood_over_a_bad_network_from_narrow_to_wide() {
    check(Codec::Pcmu, Codec::Opus);
}

#[test]
fn what_is_decoded_is_understood_over_a_bad_network_between_wide_ones() {
    check(Codec::G722, Codec::Opus);
}
