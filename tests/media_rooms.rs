//! Conversations over real sockets: who hears whom, in whatever codecs they speak.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed assertion")]

mod media_support;

use holdfast::engine::command::{MusicManner, Program, Then};
use holdfast::media::codec::decoder::{Decoder, SAMPLES_MAX};
use holdfast::media::codec::encoder::{Encoder, Frame};
use holdfast::media::{
    Codec, Direction, Handle, Library, MediaEvent, MediaSettings, Role, Sessions, Stream, Supervision,
};
use media_support::*;
use std::f32::consts::TAU;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const SUPERVISOR: Role = Role::Supervisor(Supervision::Listen);

/// A phone that says one tone for ever, 50 times a second, and keeps what it hears, both at 16 kHz.
struct Talker {
    stop: Arc<AtomicBool>,
    packets: Arc<AtomicUsize>,
    thread: JoinHandle<(Phone, Vec<Heard>)>,
}

impl Talker {
    fn new(mut phone: Phone, hertz: f32) -> Talker {
        let (stop, packets) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, count) = (stop.clone(), packets.clone());
        let thread = std::thread::spawn(move || {
            let mut encoder = Encoder::new(phone.codec);
            let mut heard = Vec::new();
            phone.rtp.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            let (began, mut frames) = (Instant::now(), 0_u64);
            while !stopped.load(Ordering::Acquire) {
                while began.elapsed() >= Duration::from_millis(20 * frames) {
                    phone.say(&mut encoder, &frame_of(hertz, frames));
                    frames += 1;
                }
                heard.extend(phone.try_hear());
                count.store(heard.len(), Ordering::Release);
            }
            (phone, heard)
        });
        Talker { stop, packets, thread }
    }

    /// Hangs up, and tells what was heard in the last 600 ms, decoded.
    fn heard(self) -> Vec<f32> {
        self.stop.store(true, Ordering::Release);
        let (phone, heard) = self.thread.join().unwrap();
        for pair in heard.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "no number is missing or doubled");
            assert_eq!(pair[1].ssrc, pair[0].ssrc, "one source for the whole call");
        }
        let mut decoder = Decoder::new(phone.codec);
        let mut sound = Vec::new();
        let mut out = [0; SAMPLES_MAX];
        for packet in &heard {
            let count = decoder.decode(&packet.payload, &mut out);
            sound.extend(out[..count].iter().map(|&sample| f32::from(sample) / 32_768.0));
        }
        sound.split_off(sound.len().saturating_sub(9_600))
    }
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

fn hears(sound: &[f32], hertz: f32) -> bool {
    assert!(sound.len() >= 4_800, "hardly anything was heard: {} samples", sound.len());
    level(hertz, sound) > 0.1
}

fn plane() -> Handle {
    engine(Library::empty()).0
}

/// Lets them talk until each has heard so much that the last of it was said after whatever happened before.
fn let_talk<'a>(talkers: impl IntoIterator<Item = &'a Talker>) {
    for talker in talkers {
        let enough = talker.packets.load(Ordering::Acquire) + 60;
        until("60 packets more", || talker.packets.load(Ordering::Acquire) >= enough);
    }
}

#[test]
fn whatever_two_codecs_meet_both_hear_each_other() {
    let mut handle = plane();
    let mut number = 0;
    for one_speaks in Codec::ALL {
        let mut talks = Vec::new();
        for other_speaks in Codec::ALL {
            let [a, b] = [0, 1].map(|n| caller(number + n));
            number += 2;
            let one = Phone::connected(&mut handle, a, None, one_speaks, 101);
            let other = Phone::connected(&mut handle, b, Some(a), other_speaks, 96);
            handle.bridge(a, b).unwrap();
            talks.push((other_speaks, Talker::new(one, 500.0), Talker::new(other, 900.0)));
        }
        let_talk(talks.iter().flat_map(|(_, one, other)| [one, other]));
        for (other_speaks, one, other) in talks {
            let (at_one, at_other) = (one.heard(), other.heard());
            assert!(hears(&at_one, 900.0), "{one_speaks} does not hear {other_speaks}");
            assert!(hears(&at_other, 500.0), "{other_speaks} does not hear {one_speaks}");
            assert!(!hears(&at_one, 500.0) && !hears(&at_other, 900.0), "nobody hears himself");
        }
    }
}

#[test]
fn a_supervisor_listens_whispers_and_barges_in() {
    for what in [Supervision::Listen, Supervision::Whisper, Supervision::Barge] {
        let mut handle = plane();
        let [a, b, c] = [1, 2, 3].map(caller);
        let one = Phone::connected(&mut handle, a, None, Codec::Pcmu, 101);
        let agent = Phone::connected(&mut handle, b, Some(a), Codec::Pcma, 101);
        let supervisor = Phone::connected(&mut handle, c, Some(a), Codec::L16, 101);
        handle.bridge(a, b).unwrap();
        handle.join(c, a, SUPERVISOR).unwrap();
        handle.join(c, a, Role::Supervisor(what)).unwrap();
        let talkers = [Talker::new(one, 500.0), Talker::new(agent, 900.0), Talker::new(supervisor, 1_300.0)];
        let_talk(&talkers);
        let [at_caller, at_agent, at_supervisor] = talkers.map(Talker::heard);
        assert!(hears(&at_caller, 900.0) && hears(&at_agent, 500.0), "{what:?}: the call goes on");
        assert!(hears(&at_supervisor, 500.0) && hears(&at_supervisor, 900.0), "{what:?}: he hears both");
        assert_eq!(hears(&at_agent, 1_300.0), what != Supervision::Listen, "{what:?}: the agent");
        assert_eq!(hears(&at_caller, 1_300.0), what == Supervision::Barge, "{what:?}: the caller");
    }
}

#[test]
fn on_hold_the_caller_hears_music_while_agent_and_colleague_consult_and_all_three_talk_afterwards() {
    let mut handle = plane();
    let [a, b, c] = [1, 2, 3].map(caller);
    let one = Phone::connected(&mut handle, a, None, Codec::Pcmu, 101);
    let agent = Phone::connected(&mut handle, b, Some(a), Codec::Pcma, 101);
    let colleague = Phone::connected(&mut handle, c, Some(a), Codec::Pcmu, 101);
    handle.bridge(a, b).unwrap();
    handle.play(
        a,
        &Program {
            prompts: Vec::new(),
            language: "en".into(),
            then: Then::Silence,
            manner: MusicManner::default(),
        },
    );
    handle.join(c, b, Role::Third).unwrap();
    until("two are left", || handle.counters()[0].bridged.value() == 2);
    let held = Talker::new(one, 500.0);
    let consulting = [Talker::new(agent, 900.0), Talker::new(colleague, 1_300.0)];
    let_talk(&consulting);
    handle.bridge(a, b).unwrap();
    until("all three", || handle.counters()[0].bridged.value() == 3);
    let_talk(&consulting);
    let_talk([&held]);
    let at_caller = held.heard();
    let [at_agent, at_colleague] = consulting.map(Talker::heard);
    assert!(hears(&at_caller, 900.0) && hears(&at_caller, 1_300.0));
    assert!(hears(&at_agent, 500.0) && hears(&at_agent, 1_300.0));
    assert!(hears(&at_colleague, 500.0) && hears(&at_colleague, 900.0));
}

#[test]
fn when_the_supervisor_leaves_the_two_are_passed_through_again() {
    let mut handle = plane();
    let [a, b, c] = [1, 2, 3].map(caller);
    let mut one = Phone::connected(&mut handle, a, None, Codec::Pcmu, 101);
    let agent = Phone::connected(&mut handle, b, Some(a), Codec::Pcmu, 101);
    let _supervisor = Phone::connected(&mut handle, c, Some(a), Codec::Pcmu, 101);
    handle.bridge(a, b).unwrap();
    handle.join(c, a, SUPERVISOR).unwrap();
    until("mixed", || handle.counters()[0].mixed.value() > 3);
    handle.close(c);
    until("two", || handle.counters()[0].bridged.value() == 2);
    agent.drain();
    one.speak(&tone(500.0, 0.02).collect::<Vec<_>>());
    until("relayed", || handle.counters()[0].relayed.value() == 1);
}

/// The keys a phone is sent, each once, until there are so many.
fn keys_sent_to(phone: &Phone, wanted: usize) -> Vec<u8> {
    phone.rtp.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let mut ended: Vec<(u32, u8)> = Vec::new();
    until("the keys arrive", || {
        if let Some(heard) = phone.try_hear().filter(|heard| heard.payload_type == phone.dtmf)
            && heard.payload[1] & 0x80 != 0
        {
            // The end is said three times, under the timestamp of the beginning.
            ended.push((heard.timestamp, heard.payload[0]));
            ended.dedup();
        }
        ended.len() >= wanted
    });
    ended.into_iter().map(|(_, key)| key).collect()
}

#[test]
fn keys_reach_whoever_hears_them_whatever_the_codecs() {
    let (mut handle, mut events) = engine(Library::empty());
    let [a, b] = [1, 2].map(caller);
    let mut one = Phone::connected(&mut handle, a, None, Codec::Pcmu, 101);
    let other = Phone::connected(&mut handle, b, Some(a), Codec::L16, 96);
    handle.bridge(a, b).unwrap();
    until("both are mixed", || handle.counters()[0].mixed.value() > 2);
    one.press(5);
    one.press(11);
    assert_eq!(keys_sent_to(&other, 2), [5, 11]);
    let pressed = |digit| MediaEvent::DigitPressed { leg: a, digit };
    assert_eq!([next_event(&mut events), next_event(&mut events)], ['5', '#'].map(pressed));
}

#[test]
fn a_key_that_came_with_the_signalling_reaches_the_other_though_their_packets_only_passed() {
    let mut handle = plane();
    let [a, b] = [1, 2].map(caller);
    let mut one = Phone::connected(&mut handle, a, None, Codec::Pcmu, 101);
    let other = Phone::connected(&mut handle, b, Some(a), Codec::Pcmu, 96);
    handle.bridge(a, b).unwrap();
    one.speak(&tone(500.0, 0.02).collect::<Vec<_>>());
    until("passed on", || handle.counters()[0].relayed.value() == 1);
    handle.pressed(a, '7');
    assert_eq!(keys_sent_to(&other, 1), [7]);
}

#[test]
fn keys_in_the_sound_are_found_where_that_is_wanted_and_the_phone_can_do_no_other() {
    let (mut handle, mut events) =
        engine_with(MediaSettings { inband_keys: true, ..settings() }, Library::empty());
    let mut phone = Phone::connected(&mut handle, caller(1), None, Codec::Pcmu, 101);
    handle.connect(phone.leg, Stream { dtmf: None, ..phone.stream(Direction::SendRecv) });
    // 852 and 1336 Hz are an 8 (ITU-T Q.23): 100 ms of it between silences.
    let key = |n: usize| {
        let at = n as f32 / 8_000.0;
        if (800..1_600).contains(&n) {
            0.3 * ((TAU * 852.0 * at).sin() + (TAU * 1_336.0 * at).sin())
        } else {
            0.0
        }
    };
    let sound: Vec<f32> = (0..4_000).map(key).collect();
    let began = Instant::now();
    for (n, frame) in sound.chunks(160).enumerate() {
        until("its time", || began.elapsed() >= Duration::from_millis(20 * n as u64));
        phone.speak(frame);
    }
    assert_eq!(next_event(&mut events), MediaEvent::DigitPressed { leg: phone.leg, digit: '8' });
}

#[test]
fn a_leg_that_falls_silent_in_a_conversation_is_told_and_heard_again() {
    let silence = Some(Duration::from_millis(300));
    let (mut handle, mut events) = engine_with(MediaSettings { silence, ..settings() }, Library::empty());
    let [a, b] = [1, 2].map(caller);
    let mut one = Phone::connected(&mut handle, a, None, Codec::Pcmu, 101);
    let _waits = Phone::connected(&mut handle, caller(3), None, Codec::Pcmu, 101);
    let other = Phone::connected(&mut handle, b, Some(a), Codec::Pcmu, 96);
    handle.bridge(a, b).unwrap();
    let talker = Talker::new(other, 900.0);
    assert_eq!(next_event(&mut events), MediaEvent::AudioStopped { leg: a }, "who waits may be silent");
    handle.bridge(a, b).unwrap();
    assert_eq!(next_event(&mut events), MediaEvent::AudioStopped { leg: a }, "once more after a hold");
    one.speak(&tone(500.0, 0.02).collect::<Vec<_>>());
    assert_eq!(next_event(&mut events), MediaEvent::AudioResumed { leg: a });
    drop(talker.heard());
}

#[test]
fn what_is_measured_of_a_leg_can_be_read_while_it_talks_and_when_it_is_over() {
    let mut handle = plane();
    let [a, b] = [1, 2].map(caller);
    let one = Phone::connected(&mut handle, a, None, Codec::Pcmu, 101);
    let other = Phone::connected(&mut handle, b, Some(a), Codec::Pcma, 96);
    handle.bridge(a, b).unwrap();
    let talkers = [Talker::new(one, 500.0), Talker::new(other, 900.0)];
    let_talk(&talkers);
    until("measured", || handle.quality(a).is_some_and(|quality| quality.measured.packets > 40));
    talkers.into_iter().for_each(|talker| drop(talker.heard()));
    handle.close(a);
    until("closed", || handle.counters()[0].legs.value() == 1);
    let quality = handle.quality(a).unwrap();
    assert!(quality.measured.lost_share == 0.0 && quality.mos > 4.0, "{quality:?}");
}
