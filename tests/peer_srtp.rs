//! Phones that none of us wrote with encrypted audio (SRTP, keys in the SDP): they are heard and hear, and on the wire
//! nobody else hears anything.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

mod support;

use holdfast::media::Codec;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;
use support::audio::Recording;
use support::baresip::{self, Baresip};
use support::conversation::*;
use support::eventually;
use support::linphone::{self, Linphone};
use support::peer::free_port;
use support::tap::Tap;
use support::wire::Seen;

/// The calls are told apart by the agent's phone. A baresip that must encrypt, called by one who does not:
const PLAIN_TO_BARESIP: usize = 0;
/// and by one who must as well.
const SECRET_TO_BARESIP: usize = 1;
/// A linphone that must.
const TO_LINPHONE: usize = 2;
/// And, to know that the ears at the wire are good, a baresip that does not.
const IN_CLEAR: usize = 3;

#[test]
fn with_srtp_both_hear_each_other_and_who_listens_at_the_wire_hears_nothing() {
    let ports: Vec<u16> = (0..4).map(|_| free_port()).collect();
    let taps: Vec<Tap> =
        ports.iter().map(|port| Tap::new(Some(SocketAddr::from(([127, 0, 0, 1], *port))))).collect();
    let agent = |at: usize| {
        let srtp = if at == IN_CLEAR { "off" } else { "required" };
        format!("contact = \"sip:agent{at}@{}\"\nsrtp = \"{srtp}\"\n", taps[at].sip)
    };
    let optional =
        |config: String| config.replace("name = \"loopback\"", "name = \"loopback\"\nsrtp = \"optional\"");
    let engine = engine(taps.len(), agent, optional);
    taps.iter().for_each(|tap| tap.lead_to(engine.sip));
    let baresip = |at: usize| {
        Baresip::start(&baresip::Plan {
            account: &format!("<sip:agent{at}@127.0.0.1>;regint=0;answermode=auto"),
            hz: AGENTS_TONE_HZ,
            codecs: "pcmu",
            srtp: (at != IN_CLEAR).then_some("srtp-mand"),
            port: Some(ports[at]),
            dial: None,
        })
    };
    let baresips = [PLAIN_TO_BARESIP, SECRET_TO_BARESIP, IN_CLEAR].map(|at| (at, baresip(at)));
    let linphone = RefCell::new(Linphone::start(&linphone::Plan {
        server: engine.sip,
        transport: "udp",
        account: None,
        hz: AGENTS_TONE_HZ,
        codec: Some("PCMU"),
        srtp: true,
        port: Some(ports[TO_LINPHONE]),
    }));
    let mut callers = Vec::new();
    let dial = || {
        let secret = |at: usize| (at == SECRET_TO_BARESIP).then_some("srtp-mand");
        callers.extend((0..4).map(|at| baresip_caller(&engine, at, "pcma", secret(at))));
    };
    calls(&engine, 4, dial, |held| {
        baresips.iter().for_each(|(_, agent)| agent.tell(if held { "hold" } else { "resume" }));
        let mut linphone = linphone.borrow_mut();
        if !held {
            linphone.record("after.wav");
        }
        linphone.tell(if held { "pause" } else { "resume" });
    });
    for (at, caller) in callers.into_iter().enumerate() {
        check_caller(&format!("the caller of call {at}"), &caller.heard()[0]);
    }
    for (at, agent) in baresips {
        // With a tap between, baresip records nothing after a hold, encrypted or not; what comes to it is counted below.
        check_agent_heard(&format!("the agent of call {at}"), &agent.heard(), 6);
    }
    let linphone = linphone.into_inner();
    eventually("linphone says that the call is over", Duration::from_secs(10), || {
        linphone.log().contains("ended (").then_some(())
    });
    check_agent("linphone", &["heard.wav", "after.wav"].map(|name| linphone.heard(name)));
    for (at, tap) in taps.iter().enumerate() {
        for (from, hz) in [(None, AGENTS_TONE_HZ), (Some(()), CALLERS_TONE_HZ)] {
            let is_ports = |seen: &Seen| engine.media_ports().contains(&seen.from.port()) == from.is_some();
            let shares = overheard(tap.seen().into_iter().filter(is_ports)).tone_shares(hz);
            let clear = shares.iter().filter(|share| **share > 0.1).count();
            assert!(
                shares.len() >= 14,
                "call {at}: {} half seconds, before the hold and after it",
                shares.len()
            );
            assert_eq!(clear > 2, at == IN_CLEAR, "call {at}, on the wire: {shares:.2?}");
        }
    }
}

/// What the payloads are as G.711, whatever is behind them.
fn overheard(packets: impl Iterator<Item = Seen>) -> Recording {
    let law = Codec::Pcmu.law().expect("G.711 has a law");
    let payloads = packets.filter_map(|seen| seen.bytes.get(12..172).map(<[u8]>::to_vec));
    let samples = payloads.flatten().map(|code| f64::from(law.decode(code)) / 32_768.0).collect();
    Recording { samples, rate: 8_000 }
}
