//! What is heard when, and that it clicks nowhere.

use super::*;
use crate::media::clip::Press;
use crate::media::codec::decoder::{Decoder, SAMPLES_MAX};

fn press() -> Press {
    Press::new(&Codec::ALL)
}

/// A clip whose frames can be told apart by the sample in their middle, in thousands.
fn clip(levels: &[i16]) -> Arc<Clip> {
    let samples = levels.iter().flat_map(|&level| [f32::from(level) / 32_767.0; HOUSE_FRAME]);
    Arc::new(Clip::from_samples(samples.collect(), &press()))
}

fn playlist(clips: Vec<Arc<Clip>>, start: Start) -> Arc<Playlist> {
    Arc::new(Playlist::new(clips, start).unwrap())
}

fn script(prompts: Vec<Arc<Clip>>, music: &Arc<Playlist>) -> Script {
    Script { prompts, then: Tail::Music(music.clone()), duck: false }
}

/// The end of each frame, in thousands: a fade is over there, and none has begun.
fn heard(player: &mut Player, codec: Codec, times: std::ops::Range<u64>) -> Vec<(i16, bool)> {
    times
        .map(|time| {
            let (frame, last) = player.next(codec, time);
            assert_eq!(frame.len(), FRAME_SAMPLES);
            (codec.law().unwrap().decode(frame[110]) / 1_000, last)
        })
        .collect()
}

fn levels(player: &mut Player, times: std::ops::Range<u64>) -> Vec<i16> {
    heard(player, Codec::Pcmu, times).into_iter().map(|(level, _)| level).collect()
}

#[test]
fn prompts_are_heard_once_then_music_where_everybody_hears_it() {
    let music = playlist(vec![clip(&[5_550, 6_550]), clip(&[7_550])], Start::Radio);
    let script = script(vec![clip(&[1_550, 2_550]), clip(&[3_550])], &music);
    let heard = heard(&mut Player::new(script), Codec::Pcmu, 100..110);
    let (levels, last): (Vec<_>, Vec<_>) = heard.into_iter().unzip();
    // 103 % 3 = 1: the second frame of the playlist, fading in.
    assert_eq!(levels[..3], [1, 2, 3]);
    assert!((4..=6).contains(&levels[3]), "{levels:?}");
    assert_eq!(levels[4..], [7, 5, 6, 7, 5, 6]);
    assert_eq!(last.iter().position(|&last| last), Some(2));
    assert_eq!(last.iter().filter(|&&last| last).count(), 1);
}

#[test]
fn a_pause_of_the_clock_skips_music_for_all_alike() {
    let music = playlist(vec![clip(&[1_550, 2_550, 3_550])], Start::Radio);
    let mut player = Player::new(script(Vec::new(), &music));
    assert_eq!(levels(&mut player, 0..2), [1, 2]);
    assert_eq!(levels(&mut player, 9..12)[1..], [2, 3], "the first fades in");
}

#[test]
fn music_from_the_beginning_begins_for_each_listener_and_waits_while_a_prompt_is_heard() {
    let music = playlist(vec![clip(&[1_550, 2_550, 3_550, 4_550, 5_550, 6_550])], Start::Beginning);
    let mut player = Player::new(script(Vec::new(), &music));
    assert_eq!(levels(&mut player, 1_000..1_002), [1, 2]);
    let mut player = Player::follow(script(vec![clip(&[9_550, 9_550])], &music), player);
    let heard = levels(&mut player, 1_002..1_007);
    assert_eq!(heard[1..2], [9]);
    assert_eq!(heard[3..], [4, 5], "after the prompt it goes on with the third frame, fading in");
}

#[test]
fn music_of_the_radio_goes_on_behind_a_prompt() {
    let music = playlist(vec![clip(&[1_550, 2_550, 3_550, 4_550, 5_550, 6_550])], Start::Radio);
    let player = Player::new(script(Vec::new(), &music));
    let mut player = Player::follow(script(vec![clip(&[9_550, 9_550])], &music), player);
    assert_eq!(levels(&mut player, 0..5)[3..], [4, 5]);
}

#[test]
fn the_same_music_asked_for_again_goes_on_untouched() {
    let music = playlist(vec![clip(&[1_550, 2_550, 3_550, 4_550])], Start::Beginning);
    let mut player = Player::new(script(Vec::new(), &music));
    levels(&mut player, 0..2);
    let mut player = Player::follow(script(Vec::new(), &music), player);
    let (frame, _) = player.next(Codec::Pcmu, 2);
    assert_eq!(Some(frame), music.clips[0].frame(Codec::Pcmu, 2), "the clip's own bytes, no fade");
}

#[test]
fn music_lies_fifteen_decibels_lower_beneath_a_prompt_and_comes_up_again() {
    let music = playlist(vec![clip(&[10_000; 20])], Start::Radio);
    let prompt = clip(&[0; 4]);
    for codec in [Codec::Pcmu, Codec::Pcma] {
        let mut player = Player::new(Script { duck: true, ..script(vec![prompt.clone()], &music) });
        let level = |player: &mut Player, time| codec.law().unwrap().decode(player.next(codec, time).0[80]);
        level(&mut player, 1);
        assert!((i32::from(level(&mut player, 2)) - 1_778).abs() < 80);
        level(&mut player, 3);
        level(&mut player, 4);
        level(&mut player, 5);
        assert!((i32::from(level(&mut player, 6)) - 10_000).abs() < 300);
    }
}

#[test]
fn silence_goes_on_for_ever_in_every_codec() {
    for codec in Codec::ALL {
        let mut player = Player::new(Script::silence());
        let (mut decoder, mut out) = (Decoder::new(codec), [0; SAMPLES_MAX]);
        for time in 0..20 {
            let (frame, over) = player.next(codec, time);
            assert!(!over && !frame.is_empty(), "{codec}");
            let length = decoder.decode(frame, &mut out);
            assert_eq!(length, HOUSE_FRAME, "{codec}");
            assert!(out[..length].iter().all(|sample| sample.abs() < 20), "{codec}");
        }
    }
    assert!(Playlist::new(Vec::new(), Start::Radio).is_none());
}

/// A chord with a slow beat: nothing in it lies above 2 kHz, so that what does is a click.
fn tune(seconds: f32, pitch: f32) -> Arc<Clip> {
    let tone = |n: usize, hertz: f32| (std::f32::consts::TAU * hertz * n as f32 / 16_000.0).sin();
    let chord = |n| 0.12 * (tone(n, pitch) + tone(n, pitch * 1.26) + tone(n, pitch * 1.5 + 3.0));
    Arc::new(Clip::from_samples((0..(seconds * 16_000.0) as usize).map(chord).collect(), &press()))
}

/// What one listener hears through all that can happen: joins in the middle, a prompt cuts in, the music comes
/// back, a track ends, another list begins, a prompt with music beneath it, silence.
fn through_every_change(codec: Codec) -> (Vec<i16>, Vec<usize>) {
    let (low, high, other) = (tune(3.0, 300.0), tune(2.0, 500.0), tune(4.0, 400.0));
    let prompt = tune(1.0, 440.0);
    for clip in [&low, &high, &other, &prompt] {
        clip.encode_all(codec);
    }
    let radio = playlist(vec![low, high], Start::Radio);
    let own = playlist(vec![other], Start::Beginning);
    let ducked = Script { duck: true, ..script(vec![prompt.clone()], &own) };
    let acts = [
        (0, script(Vec::new(), &radio)),
        (60, script(vec![prompt.clone()], &radio)),
        (260, script(Vec::new(), &own)),
        (317, ducked),
        (423, script(vec![prompt], &own)),
        (450, script(Vec::new(), &radio)),
        (483, Script::silence()),
    ];
    let mut player = Player::new(Script::silence());
    let (mut decoder, mut out, mut all) = (Decoder::new(codec), [0; SAMPLES_MAX], Vec::new());
    for time in 0..520_u64 {
        if let Some((_, script)) = acts.iter().find(|(at, _)| *at == time) {
            player = Player::follow(script.clone(), player);
        }
        let (payload, _) = player.next(codec, 37 + time);
        let length = decoder.decode(payload, &mut out);
        all.extend_from_slice(&out[..length]);
    }
    // 60 + 50: the prompt is over; 37 + time = 150: the track ends; 250: the list begins again.
    (all, vec![0, 60, 110, 113, 213, 260, 317, 367, 423, 450, 483])
}

/// The energy of what a high-pass lets through, in each 5 ms: the fourth difference takes 300 Hz down by 74 dB and
/// leaves a click as it is.
fn clicks(samples: &[i16]) -> Vec<f64> {
    let fourth = |w: &[i16]| {
        let s = |n: usize| f64::from(w[n]);
        s(0) - 4.0 * s(1) + 6.0 * s(2) - 4.0 * s(3) + s(4)
    };
    let high: Vec<f64> = samples.windows(5).map(fourth).collect();
    high.chunks(80).map(|part| (part.iter().map(|v| v * v).sum::<f64>() / part.len() as f64).sqrt()).collect()
}

#[test]
fn no_change_clicks_in_any_codec() {
    for codec in Codec::ALL {
        let (heard, changes) = through_every_change(codec);
        let clicks = clicks(&heard);
        let is_near = |part: usize| changes.iter().any(|&at| (at * 4..at * 4 + 40).contains(&part));
        let loudest = |near| {
            let parts = clicks.iter().enumerate().filter(|(part, _)| is_near(*part) == near);
            parts.map(|(part, &click)| (click as i64, part / 4)).max().unwrap()
        };
        let (usual, change) = (loudest(false), loudest(true));
        let step = |near| {
            let pairs = heard.windows(2).enumerate().filter(|(at, _)| is_near(at / 80) == near);
            pairs.map(|(at, pair)| ((i32::from(pair[1]) - i32::from(pair[0])).abs(), at / 320)).max().unwrap()
        };
        // What is less than 60 steps of 65,536 high is no click: G.722's own noise lies there.
        let allowed = (usual.0 as f64 * 1.1).max(60.0 * 16.0);
        assert!(change.0 as f64 <= allowed, "{codec}: {change:?} where {usual:?} is usual");
        // A prompt's first milliseconds sound together with the last ones of the music.
        assert!(f64::from(step(true).0) <= f64::from(step(false).0) * 1.3, "{codec}: {:?}", step(true));
    }
}

#[test]
fn between_changes_the_frames_are_those_that_all_share() {
    for codec in Codec::ALL {
        let tune = tune(4.0, 300.0);
        tune.encode_all(codec);
        let music = playlist(vec![tune.clone()], Start::Radio);
        let mut player = Player::new(script(Vec::new(), &music));
        let shared = (50..150_usize)
            .filter(|&time| Some(player.next(codec, time as u64).0) == tune.frame(codec, time))
            .count();
        assert!(shared >= 90, "{codec}: {shared} of 100");
    }
}

#[test]
fn a_listener_does_not_wait_for_a_piece_that_is_not_encoded_yet() {
    for codec in [Codec::G722, Codec::Opus] {
        let music = playlist(vec![tune(12.0, 300.0)], Start::Radio);
        let mut player = Player::new(script(Vec::new(), &music));
        let (mut decoder, mut out) = (Decoder::new(codec), [0; SAMPLES_MAX]);
        for time in 100..120 {
            decoder.decode(player.next(codec, time).0, &mut out);
        }
        assert!(out[..HOUSE_FRAME].iter().any(|sample| sample.abs() > 3_000), "{codec}");
    }
}

#[test]
fn another_codec_in_the_middle_of_the_music_is_taken_up_at_once() {
    let music = playlist(vec![tune(4.0, 300.0)], Start::Radio);
    let mut player = Player::new(script(Vec::new(), &music));
    for time in 0..60 {
        let codec = Codec::ALL[time as usize / 12 % 5];
        let (payload, _) = player.next(codec, time);
        let mut out = [0; SAMPLES_MAX];
        assert_eq!(Decoder::new(codec).decode(payload, &mut out), HOUSE_FRAME, "{codec}");
    }
}
