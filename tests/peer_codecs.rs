//! Phones that none of us wrote, in every codec they have, as callers and as agents: what each of them hears from the
//! welcome through music, conversation and hold to the end.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;
use support::baresip::Baresip;
use support::conversation::*;
use support::eventually;
use support::linphone::{self, Linphone};

/// baresip's names of the codecs.
const BARESIPS: [&str; 5] = ["opus/48000/2", "g722", "pcmu", "pcma", "L16/16000/1"];

#[test]
fn baresips_of_any_two_codecs_hear_each_other_and_the_music_before_and_between() {
    // Every pair once; who of the two calls alternates.
    let pairs: Vec<(&str, &str)> = (0..BARESIPS.len())
        .flat_map(|one| (one..BARESIPS.len()).map(move |other| (one, other)))
        .map(|(one, other)| if (one + other) % 2 == 0 { (one, other) } else { (other, one) })
        .map(|(caller, agent)| (BARESIPS[caller], BARESIPS[agent]))
        .collect();
    let engine = engine(pairs.len(), |_| String::new(), |config| config);
    let numbered = || pairs.iter().enumerate();
    let agents: Vec<Baresip> = numbered().map(|(at, (_, codec))| baresip_agent(&engine, at, codec)).collect();
    let mut callers = Vec::new();
    let dial =
        || callers = numbered().map(|(at, (codec, _))| baresip_caller(&engine, at, codec, None)).collect();
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
    let engine = engine(pairs.len(), |_| String::new(), |config| config);
    let linphone = |at: usize, codec, is_agent| {
        let name = format!("agent{at}");
        Linphone::start(&linphone::Plan {
            server: engine.sip,
            transport: "udp",
            account: if is_agent { Some((&name, "correct-horse-battery")) } else { None },
            hz: if is_agent { AGENTS_TONE_HZ } else { CALLERS_TONE_HZ },
            codec: Some(codec),
            srtp: false,
            port: None,
        })
    };
    let mut linphones: Vec<Linphone> =
        pairs.iter().enumerate().map(|(at, (codec, _, is_agent))| linphone(at, codec, *is_agent)).collect();
    let linphones = RefCell::new(&mut linphones);
    let mut baresips: BTreeMap<usize, Baresip> = BTreeMap::new();
    for (at, (_, codec, is_agent)) in pairs.iter().enumerate() {
        if !is_agent {
            baresips.insert(at, baresip_agent(&engine, at, codec));
        }
    }
    let baresips = RefCell::new(baresips);
    let dial = || {
        for (at, (_, codec, is_agent)) in pairs.iter().enumerate() {
            if *is_agent {
                baresips.borrow_mut().insert(at, baresip_caller(&engine, at, codec, None));
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
