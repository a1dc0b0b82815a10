//! Calls side by side, each with a queue and an agent of its own, from the welcome through hold to the end; and what either
//! end must have heard of it.

use super::audio::Recording;
use super::baresip::{Baresip, Plan};
use super::engine::Holdfast;
use super::eventually;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// What callers say.
pub const CALLERS_TONE_HZ: f64 = 700.0;
/// What agents say.
pub const AGENTS_TONE_HZ: f64 = 1_100.0;
/// How long each part of a call is, at least.
const PART_SECS: f64 = 4.0;
/// The welcome, and a little more.
const WELCOME_SECS: f64 = 5.6;
/// From this likeness on it is the same sound. Another sound has less than 0.1; through Opus as it is for telephony, which
/// takes out the lowest part and shifts what is near it, the same one has about 0.7, through everything else 0.99.
const ALIKE: f64 = 0.5;

/// One queue, one number and one agent for each call; all calls have the same music and welcome.
/// `agent` adds lines to each agent, `change` changes the whole.
pub fn engine(calls: usize, agent: impl Fn(usize) -> String, change: impl Fn(String) -> String) -> Holdfast {
    let mut rules = "skills = [\"english\"]\npause_reasons = [\"break\"]\n".to_owned();
    for at in 0..calls {
        let _ = write!(
            rules,
            r#"
[[queue]]
name = "q{at}"
title = "Queue {at}"
music = ["slow-tide"]
welcome = "welcome"
requires = "english"
wrap_up = "0s"
[[number]]
dialled = "{number}"
queue = "q{at}"
[[agent]]
name = "agent{at}"
title = "Agent {at}"
password = "correct-horse-battery"
skills = {{ english = 5 }}
queues = ["q{at}"]
login = "automatic"
{agent}
"#,
            number = 4_000 + at,
            agent = agent(at),
        );
    }
    Holdfast::start_changed(&rules, |config| {
        let media = "[media]\ncodecs = [\"opus\", \"g722\", \"pcmu\", \"pcma\", \"l16\"]\n";
        change(config.replace("[media]\n", media))
    })
}

pub fn ready(engine: &Holdfast, calls: usize) {
    eventually("all agents have registered with digest", Duration::from_secs(30), || {
        let metrics = engine.metrics();
        let is_ready = |at| metrics.get(&format!(r#"holdfast_queue_agents{{queue="q{at}",state="ready"}}"#));
        (0..calls).all(|at| is_ready(at) == Some(&1.0)).then_some(())
    });
}

pub fn stage(engine: &Holdfast, calls: usize, stage: &str) {
    eventually(&format!("all are {stage}"), Duration::from_secs(30), || {
        let all = engine.api("/v1/calls");
        let all = all.as_array().expect("a list");
        (all.len() == calls && all.iter().all(|call| call["stage"] == stage)).then_some(())
    });
}

/// Lets so much of every call pass; the packets sent to each are the clock.
pub fn part(engine: &Holdfast, streams: usize, secs: f64) {
    let sent = || engine.metric("holdfast_rtp_packets_sent_total");
    let until = sent() + secs * 50.0 * streams as f64;
    eventually("a part of each call has passed", Duration::from_secs(30), || (sent() >= until).then_some(()));
}

/// The calls from the first ring to the last word: `dial` makes them, agents `hold` their callers and come back.
pub fn calls(engine: &Holdfast, calls: usize, dial: impl FnOnce(), mut hold: impl FnMut(bool)) {
    ready(engine, calls);
    for at in 0..calls {
        engine.post(&format!("/v1/agents/agent{at}/pause"), serde_json::json!({ "reason": "break" }));
    }
    dial();
    stage(engine, calls, "waiting");
    part(engine, calls, WELCOME_SECS + PART_SECS);
    for at in 0..calls {
        engine.post(&format!("/v1/agents/agent{at}/ready"), serde_json::json!({}));
    }
    stage(engine, calls, "talking");
    part(engine, 2 * calls, PART_SECS);
    hold(true);
    part(engine, calls, PART_SECS + 1.0);
    hold(false);
    part(engine, 2 * calls, PART_SECS);
    for call in engine.api("/v1/calls").as_array().expect("a list") {
        let call = call["id"].as_str().expect("an identity");
        engine.post(&format!("/v1/calls/{call}/hangup"), serde_json::json!({}));
    }
}

/// Stretches of a recording in half seconds: those that are the tone, and those that have nothing of it.
fn stretches(shares: &[f64]) -> Vec<(bool, std::ops::Range<usize>)> {
    let mut all: Vec<(bool, std::ops::Range<usize>)> = Vec::new();
    for (at, share) in shares.iter().enumerate() {
        let is_tone = match share {
            share if *share > 0.9 => true,
            share if *share < 0.2 => false,
            // The change falls into this half second.
            _ => continue,
        };
        match all.last_mut() {
            Some((before, range)) if *before == is_tone => range.end = at + 1,
            _ => all.push((is_tone, at..at + 1)),
        }
    }
    all
}

/// The caller heard the welcome, music, the agent alone, music again, the agent again.
pub fn check_caller(who: &str, recording: &Recording) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let music = Recording::read(&root.join("hold-music/slow-tide.wav"));
    let welcome = Recording::read(&root.join("prompts/en/welcome.wav"));
    let shares = recording.tone_shares(AGENTS_TONE_HZ);
    let all = stretches(&shares);
    let order: Vec<bool> = all.iter().map(|(is_tone, _)| *is_tone).collect();
    assert_eq!(order, [false, true, false, true], "{who} hears music, agent, music, agent: {shares:.2?}");
    assert!(all.iter().all(|(_, range)| range.len() >= 5), "{who} hears each for a while: {all:?}");
    let welcome = recording.likeness_to_loop(1.0, 4.0, &welcome);
    assert!(welcome > ALIKE, "{who} hears the welcome first (likeness {welcome:.3})");
    let seconds = |at: usize| at as f64 / 2.0;
    let waiting = seconds(all[0].1.end);
    let held = &all[2].1;
    for (from, to) in [(waiting - 3.0, waiting - 0.5), (seconds(held.start) + 0.5, seconds(held.end) - 0.5)] {
        // The jitter buffer of a phone on a busy machine may leave out a frame: a piece without such a place is enough.
        let pieces = (0..).map(|piece| from + f64::from(piece) * 0.5).take_while(|piece| piece + 1.5 <= to);
        let mut likeness = pieces.map(|piece| recording.likeness_to_loop(piece, piece + 1.5, &music));
        let is_heard = likeness.any(|likeness| likeness > ALIKE);
        assert!(is_heard, "{who} hears the music from {from} s to {to} s");
    }
}

/// The agent heard the caller, clearly, before the hold and after it, and nothing else but silence.
pub fn check_agent(who: &str, recordings: &[Recording]) {
    check_agent_heard(who, recordings, 12);
}

/// The agent heard the caller, clearly, for so many half seconds, and nothing else but silence.
pub fn check_agent_heard(who: &str, recordings: &[Recording], half_seconds: usize) {
    let shares: Vec<f64> =
        recordings.iter().flat_map(|recording| recording.tone_shares(CALLERS_TONE_HZ)).collect();
    let spoken: usize =
        stretches(&shares).iter().filter(|(is_tone, _)| *is_tone).map(|(_, range)| range.len()).sum();
    assert!(spoken >= half_seconds, "{who} hears the caller: {shares:.2?}");
    for recording in recordings {
        let loud = |window: &[f64]| window.iter().any(|sample| sample.abs() > 0.05);
        let else_heard = recording
            .windows()
            .zip(recording.tone_shares(CALLERS_TONE_HZ))
            .filter(|(window, share)| loud(window) && *share < 0.5)
            .count();
        assert!(else_heard <= 1, "{who} hears nothing else: {shares:.2?}");
    }
}

/// An agent's baresip, which registers.
pub fn baresip_agent(engine: &Holdfast, at: usize, codec: &str) -> Baresip {
    let account = format!(
        "<sip:agent{at}@{}>;auth_user=agent{at};auth_pass=correct-horse-battery;regint=60;answermode=auto",
        engine.sip
    );
    Baresip::start(&Plan {
        account: &account,
        hz: AGENTS_TONE_HZ,
        codecs: codec,
        srtp: None,
        port: None,
        dial: None,
    })
}

/// A caller's baresip.
pub fn baresip_caller(engine: &Holdfast, at: usize, codec: &str, srtp: Option<&str>) -> Baresip {
    baresip_dials(&format!("sip:{}@{}", 4_000 + at, engine.sip), codec, srtp)
}

/// A caller's baresip that dials this address.
pub fn baresip_dials(address: &str, codec: &str, srtp: Option<&str>) -> Baresip {
    Baresip::start(&Plan {
        account: "<sip:jane@127.0.0.1>;regint=0",
        hz: CALLERS_TONE_HZ,
        codecs: codec,
        srtp,
        port: None,
        dial: Some(address),
    })
}
