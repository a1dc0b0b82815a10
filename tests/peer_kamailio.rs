//! Kamailio in front of the engine: as a proxy that records its route and passes registrations on, and as the registrar
//! that alone knows the phones. Calls, hold and transfers go through it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

mod support;

use std::time::Duration;
use support::audio::Recording;
use support::baresip::{Baresip, Plan};
use support::conversation::{AGENTS_TONE_HZ, CALLERS_TONE_HZ, engine, part, ready, stage};
use support::engine::Holdfast;
use support::eventually;
use support::kamailio::{Kamailio, Registrations};

/// An agent's baresip behind the proxy.
fn agent(proxy: &Kamailio, domain: &str, at: usize, hz: f64) -> Baresip {
    let account = format!(
        "<sip:agent{at}@{domain}>;auth_user=agent{at};auth_pass=correct-horse-battery;regint=60;\
         answermode=auto;outbound=\"sip:{};lr\"",
        proxy.sip
    );
    Baresip::start(&Plan { account: &account, hz, codecs: "pcma", srtp: None, port: None, dial: None })
}

/// A caller's baresip, who calls through the proxy.
fn caller(proxy: &Kamailio) -> Baresip {
    Baresip::start(&Plan {
        account: "<sip:jane@127.0.0.1>;regint=0",
        hz: CALLERS_TONE_HZ,
        codecs: "pcmu",
        srtp: None,
        port: None,
        dial: Some(&format!("sip:4000@{}", proxy.sip)),
    })
}

fn heard(recordings: &[Recording], hz: f64) -> usize {
    let shares = recordings.iter().flat_map(|recording| recording.tone_shares(hz));
    shares.filter(|share| *share > 0.9).count()
}

/// A call through the proxy: held, taken back, passed on to the colleague, ended by the caller.
fn conversation(engine: &Holdfast, proxy: &Kamailio, agent: Baresip, colleague: &Baresip) {
    let caller = caller(proxy);
    stage(engine, 1, "talking");
    part(engine, 2, 4.0);
    agent.tell("hold");
    part(engine, 1, 2.0);
    agent.tell("resume");
    part(engine, 2, 2.0);
    agent.tell_with("transfer", &format!("sip:agent1@{}", engine.sip));
    eventually("the caller is with the colleague", Duration::from_secs(30), || {
        (engine.api("/v1/calls")[0]["agents"] == serde_json::json!(["agent1"])).then_some(())
    });
    part(engine, 2, 4.0);
    colleague.tell_with("hangup", "");
    let by_caller = caller.heard();
    assert!(heard(&by_caller, AGENTS_TONE_HZ) >= 5, "the caller hears the agent");
    assert!(heard(&by_caller, 1_500.0) >= 4, "and the colleague");
    assert!(heard(&agent.heard(), CALLERS_TONE_HZ) >= 5, "the agent hears the caller");
    let record = eventually("the record is written", Duration::from_secs(15), || {
        engine.api("/v1/records").as_array()?.first().cloned()
    });
    assert_eq!(record["transfers"][0]["to"], "agent agent1");
    assert_eq!(record["ended_by"], "agent");
}

#[test]
fn a_proxy_that_records_its_route_passes_registrations_calls_holds_and_transfers() {
    let port = Kamailio::port();
    let engine = engine(
        2,
        |_| String::new(),
        |config| config.replacen("[sip]\n", "[sip]\nproxies = [\"127.0.0.0/8\"]\n", 1),
    );
    let proxy = Kamailio::start(port, engine.sip, Registrations::PassedOn);
    let domain = engine.sip.to_string();
    let (one, two) = (agent(&proxy, &domain, 0, AGENTS_TONE_HZ), agent(&proxy, &domain, 1, 1_500.0));
    ready(&engine, 2);
    conversation(&engine, &proxy, one, &two);
}

#[test]
fn a_registrar_in_front_finds_the_phones_the_engine_does_not_know() {
    let port = Kamailio::port();
    let contact = |at: usize| format!("contact = \"sip:agent{at}@127.0.0.1:{port}\"");
    let engine = engine(2, contact, |config| config.replace("password = \"correct-horse-battery\"\n", ""));
    let proxy = Kamailio::start(port, engine.sip, Registrations::Kept);
    let domain = proxy.sip.to_string();
    let (one, two) = (agent(&proxy, &domain, 0, AGENTS_TONE_HZ), agent(&proxy, &domain, 1, 1_500.0));
    for phone in [&one, &two] {
        eventually("the phone has registered with the proxy", Duration::from_secs(30), || {
            phone.log().contains("200 OK").then_some(())
        });
    }
    ready(&engine, 2);
    conversation(&engine, &proxy, one, &two);
}
