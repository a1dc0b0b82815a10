//! Phones that none of us wrote, in every codec they have, as callers and as agents: what each of them hears from the
//! welcome through music, conversation and hold to the end.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;
use support::audio::Recording;
use support::baresip::{self, Baresip};
use support::engine::Holdfast;
use support::eventually;
use support::linphone::{self, Linphone};

const CALLERS_TONE_HZ: f64 = 700.0;
const AGENTS_TONE_HZ: f64 = 1_100.0;
/// How long each part of a call is, at least.
const PART_SECS: f64 = 4.0;
/// The welcome, and a little more.
const WELCOME_SECS: f64 = 5.6;
/// From this likeness on it is the same sound. Another sound has less than 0.1; through Opus as it is for telephony, which
/// takes out the lowest part and shifts what is near it, the same one has about 0.7, through everything else 0.99.
const ALIKE: f64 = 0.5;
/// baresip's names of the codecs.
const BARESIPS: [&str; 5] = ["opus/48000/2", "g722", "pcmu", "pcma", "L16/16000/1"];

/// One queue, one number and one agent for each call; all calls have the same music and welcome.
fn engine(calls: usize, agents: &str) -> Holdfast {
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
{agents}
"#,
            number = 4_000 + at,
        );
    }
    Holdfast::start_changed(&rules, |config| {
        let media = "[media]\ncodecs = [\"opus\", \"g722\", \"pcmu\", \"pcma\", \"l16\"]\n";
        config.replace("[media]\n", media)
    })
}

fn ready(engine: &Holdfast, calls: usize) {
    eventually("all agents have registered with digest", Duration::from_secs(30), || {
        let metrics = engine.metrics();
        let is_ready = |at| metrics.get(&format!(r#"holdfast_queue_agents{{queue="q{at}",state="ready"}}"#));
        (0..calls).all(|at| is_ready(at) == Some(&1.0)).then_some(())
    });
}

fn stage(engine: &Holdfast, calls: usize, stage: &str) {
    eventually(&format!("all are {stage}"), Duration::from_secs(30), || {
        let all = engine.api("/v1/calls");
        let all = all.as_array().expect("a list");
        (all.len() == calls && all.iter().all(|call| call["stage"] == stage)).then_some(())
    });
}

/// Lets so much of every call pass; the packets sent to each are the clock.
fn part(engine: &Holdfast, streams: usize, secs: f64) {
    let sent = || engine.metric("holdfast_rtp_packets_sent_total");
    let until = sent() + secs * 50.0 * streams as f64;
    eventually("a part of each call has passed", Duration::from_secs(30), || (sent() >= until).then_some(()));
}

/// The calls from the first ring to the last word: `dial` makes them, agents `hold` their callers and come back.
fn calls(engine: &Holdfast, calls: usize, dial: impl FnOnce(), mut hold: impl FnMut(bool)) {
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
fn check_caller(who: &str, recording: &Recording) {
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
        let likeness = recording.likeness_to_loop(from, to, &music);
        assert!(likeness > ALIKE, "{who} hears the music from {from} s to {to} s (likeness {likeness:.3})");
    }
}

/// The agent heard the caller, clearly, before the hold and after it, and nothing else but silence.
fn check_agent(who: &str, recordings: &[Recording]) {
    let shares: Vec<f64> =
        recordings.iter().flat_map(|recording| recording.tone_shares(CALLERS_TONE_HZ)).collect();
    let spoken: usize =
        stretches(&shares).iter().filter(|(is_tone, _)| *is_tone).map(|(_, range)| range.len()).sum();
    assert!(spoken >= 12, "{who} hears the caller before the hold and after it: {shares:.2?}");
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

fn baresip_agent(engine: &Holdfast, at: usize, codec: &str, srtp: Option<&str>) -> Baresip {
    let account = format!(
        "<sip:agent{at}@{}>;auth_user=agent{at};auth_pass=correct-horse-battery;regint=60;answermode=auto",
        engine.sip
    );
    Baresip::start(&baresip::Plan { account: &account, hz: AGENTS_TONE_HZ, codecs: codec, srtp, dial: None })
}

fn baresip_caller(engine: &Holdfast, at: usize, codec: &str) -> Baresip {
    let number = format!("sip:{}@{}", 4_000 + at, engine.sip);
    Baresip::start(&baresip::Plan {
        account: "<sip:jane@127.0.0.1>;regint=0",
        hz: CALLERS_TONE_HZ,
        codecs: codec,
        srtp: None,
        dial: Some(&number),
    })
}

#[test]
fn baresips_of_any_two_codecs_hear_each_other_and_the_music_before_and_between() {
    // Every pair once; who of the two calls alternates.
    let pairs: Vec<(&str, &str)> = (0..BARESIPS.len())
        .flat_map(|one| (one..BARESIPS.len()).map(move |other| (one, other)))
        .map(|(one, other)| if (one + other) % 2 == 0 { (one, other) } else { (other, one) })
        .map(|(caller, agent)| (BARESIPS[caller], BARESIPS[agent]))
        .collect();
    let engine = engine(pairs.len(), "");
    let numbered = || pairs.iter().enumerate();
    let agents: Vec<Baresip> =
        numbered().map(|(at, (_, codec))| baresip_agent(&engine, at, codec, None)).collect();
    let mut callers = Vec::new();
    let dial = || callers = numbered().map(|(at, (codec, _))| baresip_caller(&engine, at, codec)).collect();
    calls(&engine, pairs.len(), dial, |held| {
        agents.iter().for_each(|agent| agent.tell(if held { "hold" } else { "resume" }));
    });
    for ((caller, agent), (by_caller, by_agent)) in pairs.iter().zip(callers.into_iter().zip(agents)) {
        let recordings = by_caller.heard();
        assert_eq!(recordings.len(), 1, "nothing is agreed anew with the caller");
        check_caller(&format!("the caller with {caller}, to {agent},"), &recordings[0]);
        check_agent(&format!("the agent with {agent}, from {caller},"), &by_agent.heard());
    }
}

#[test]
fn linphone_and_baresip_hear_each_other_in_whatever_either_speaks() {
    // Linphone's codec, baresip's, and whether linphone is the agent.
    let pairs = [
        ("opus", "pcmu", true),
        ("G722", "opus/48000/2", true),
        ("PCMU", "pcmu", true),
        ("PCMA", "g722", true),
        ("opus", "opus/48000/2", false),
        ("G722", "pcma", false),
        ("PCMU", "L16/16000/1", false),
        ("PCMA", "opus/48000/2", false),
    ];
    let engine = engine(pairs.len(), "");
    let linphone = |at: usize, codec, is_agent| {
        let name = format!("agent{at}");
        Linphone::start(&linphone::Plan {
            server: engine.sip,
            transport: "udp",
            account: if is_agent { Some((&name, "correct-horse-battery")) } else { None },
            hz: if is_agent { AGENTS_TONE_HZ } else { CALLERS_TONE_HZ },
            codec: Some(codec),
            srtp: false,
        })
    };
    let mut linphones: Vec<Linphone> =
        pairs.iter().enumerate().map(|(at, (codec, _, is_agent))| linphone(at, codec, *is_agent)).collect();
    let linphones = RefCell::new(&mut linphones);
    let mut baresips: BTreeMap<usize, Baresip> = BTreeMap::new();
    for (at, (_, codec, is_agent)) in pairs.iter().enumerate() {
        if !is_agent {
            baresips.insert(at, baresip_agent(&engine, at, codec, None));
        }
    }
    let baresips = RefCell::new(baresips);
    let dial = || {
        for (at, (_, codec, is_agent)) in pairs.iter().enumerate() {
            if *is_agent {
                baresips.borrow_mut().insert(at, baresip_caller(&engine, at, codec));
            } else {
                let number = format!("call sip:{}@{}", 4_000 + at, engine.sip);
                linphones.borrow_mut()[at].tell(&number);
            }
        }
    };
    calls(&engine, pairs.len(), dial, |held| {
        for (at, (_, _, is_agent)) in pairs.iter().enumerate() {
            let linphone = &mut linphones.borrow_mut()[at];
            match (is_agent, held) {
                (true, true) => linphone.tell("pause"),
                (true, false) => {
                    // It would write over the first part.
                    linphone.record("after.wav");
                    linphone.tell("resume");
                }
                (false, true) => baresips.borrow()[&at].tell("hold"),
                (false, false) => baresips.borrow()[&at].tell("resume"),
            }
        }
    });
    for (at, baresip) in baresips.into_inner() {
        let (one, other, is_agent) = pairs[at];
        let linphone = &linphones.borrow()[at];
        eventually("linphone says that the call is over", Duration::from_secs(10), || {
            linphone.log().contains("ended (").then_some(())
        });
        let by_baresip = baresip.heard();
        if is_agent {
            check_caller(&format!("baresip with {other}, calling linphone with {one},"), &by_baresip[0]);
            let by_agent = ["heard.wav", "after.wav"].map(|name| linphone.heard(name));
            check_agent(&format!("linphone with {one}, called by baresip with {other},"), &by_agent);
        } else {
            let by_caller = linphone.heard("heard.wav");
            check_caller(&format!("linphone with {one}, calling baresip with {other},"), &by_caller);
            check_agent(&format!("baresip with {other}, called by linphone with {one},"), &by_baresip);
        }
    }
}
