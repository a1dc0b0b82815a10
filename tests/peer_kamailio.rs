//! Kamailio in front of the engine: as a proxy that records its route and passes registrations on, by UDP and by TLS, and as
//! the registrar that alone knows the phones. Calls, hold and transfers go through it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

mod support;

use holdfast::sip::flow::Transport;
use std::net::SocketAddr;
use std::time::Duration;
use support::audio::Recording;
use support::baresip::{Baresip, Plan};
use support::certificates::Authority;
use support::conversation::{AGENTS_TONE_HZ, CALLERS_TONE_HZ, engine, part, ready, stage};
use support::engine::Holdfast;
use support::eventually;
use support::kamailio::{Kamailio, Registrations};

/// How phones reach the proxy.
struct Way {
    proxy: SocketAddr,
    /// What addresses say of it.
    transport: &'static str,
    /// What a phone is told of whom to believe.
    trust: String,
}

impl Way {
    fn plain(proxy: &Kamailio) -> Self {
        Self { proxy: proxy.sip, transport: "", trust: String::new() }
    }
}

/// An agent's baresip behind the proxy.
fn agent(way: &Way, domain: &str, at: usize, hz: f64) -> Baresip {
    let Way { proxy, transport, trust } = way;
    let account = format!(
        "<sip:agent{at}@{domain}{transport}>;auth_user=agent{at};auth_pass=correct-horse-battery;regint=60;\
         answermode=auto;outbound=\"sip:{proxy}{transport};lr\"",
    );
    let plan = Plan { account: &account, hz, codecs: "pcma", srtp: None, port: None, dial: None };
    Baresip::start_with(&plan, trust)
}

/// A caller's baresip, who calls through the proxy.
fn caller(way: &Way) -> Baresip {
    let plan = Plan {
        account: "<sip:jane@127.0.0.1>;regint=0",
        hz: CALLERS_TONE_HZ,
        codecs: "pcmu",
        srtp: None,
        port: None,
        dial: Some(&format!("sip:4000@{}{}", way.proxy, way.transport)),
    };
    Baresip::start_with(&plan, &way.trust)
}

fn heard(recordings: &[Recording], hz: f64) -> usize {
    let shares = recordings.iter().flat_map(|recording| recording.tone_shares(hz));
    shares.filter(|share| *share > 0.9).count()
}

/// A call through the proxy: held, taken back, passed on to the colleague, ended by the caller.
fn conversation(engine: &Holdfast, way: &Way, agent: Baresip, colleague: &Baresip) {
    let caller = caller(way);
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
    let (way, domain) = (Way::plain(&proxy), engine.sip.to_string());
    let (one, two) = (agent(&way, &domain, 0, AGENTS_TONE_HZ), agent(&way, &domain, 1, 1_500.0));
    ready(&engine, 2);
    conversation(&engine, &way, one, &two);
}

#[test]
fn a_proxy_passes_registrations_calls_holds_and_transfers_over_tls_to_both_sides() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue("own", &["127.0.0.1"]);
    let proxys = authority.issue("proxy", &["127.0.0.1"]);
    let engine = engine(
        2,
        |_| String::new(),
        |config| {
            let tls = format!(
                "[sip.tls]\ncertificate = {certificate:?}\nkey = {key:?}\ntrust = {:?}\n",
                authority.file()
            );
            config
                .replacen("[sip]\n", "[sip]\nproxies = [\"127.0.0.0/8\"]\n", 1)
                .replace("\"tcp:127.0.0.1:0\"", "\"tcp:127.0.0.1:0\", \"tls:127.0.0.1:0\"")
                .replace("[media]\n", &format!("{tls}[media]\n"))
        },
    );
    let tls = engine.listens(Transport::Tls);
    let proxy = Kamailio::start_secured(Kamailio::port(), tls, &proxys, &authority.file());
    let trust = format!("sip_cafile {}\nsip_verify_server yes\n", authority.file().display());
    let way = Way { proxy: proxy.tls(), transport: ";transport=tls", trust };
    let domain = tls.to_string();
    let (one, two) = (agent(&way, &domain, 0, AGENTS_TONE_HZ), agent(&way, &domain, 1, 1_500.0));
    ready(&engine, 2);
    conversation(&engine, &way, one, &two);
    assert!(two.log().contains("SIP/2.0/TLS") && !two.log().contains("SIP/2.0/UDP"), "{}", two.log());
}

#[test]
fn a_registrar_in_front_finds_the_phones_the_engine_does_not_know() {
    let port = Kamailio::port();
    let contact = |at: usize| format!("contact = \"sip:agent{at}@127.0.0.1:{port}\"");
    let engine = engine(2, contact, |config| config.replace("password = \"correct-horse-battery\"\n", ""));
    let proxy = Kamailio::start(port, engine.sip, Registrations::Kept);
    let (way, domain) = (Way::plain(&proxy), proxy.sip.to_string());
    let (one, two) = (agent(&way, &domain, 0, AGENTS_TONE_HZ), agent(&way, &domain, 1, 1_500.0));
    for phone in [&one, &two] {
        eventually("the phone has registered with the proxy", Duration::from_secs(30), || {
            phone.log().contains("200 OK").then_some(())
        });
    }
    ready(&engine, 2);
    conversation(&engine, &way, one, &two);
}
