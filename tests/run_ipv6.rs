//! IPv6 end to end: callers, agents and their audio, over UDP and TCP; and beside IPv4, where each speaks as he can.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "here a panic is a verdict")]

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Call, Dial, Ended, Phone, PhoneSettings, Side, Sound};
use phones::{until, within};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use support::engine::Holdfast;
use support::peer::{Sipp, free_port};
use support::sipp_site;

const CALLER: f64 = 440.0;
const AGENT: f64 = 1_000.0;
const HERE: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
/// What SIPp is told to be found there.
const SIPP_HERE: [&str; 4] = ["-i", "[::1]", "-mi", "::1"];

const RULES: &str = r#"
[[queue]]
name = "sales"
music = ["morning-harbour"]
wrap_up = "0s"
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "anna"
password = "secret"
queues = ["sales"]
login = "automatic"
"#;

/// An engine that listens on both addresses, for signalling and for audio.
async fn engine(rules: String) -> Holdfast {
    let both = |config: String| {
        config
            .replace("\"tcp:127.0.0.1:0\"", "\"tcp:127.0.0.1:0\", \"udp:[::1]:0\", \"tcp:[::1]:0\"")
            .replacen("[media]\n", "[media]\nlisten6 = \"::1\"\n", 1)
            .replace("[\"127.0.0.0/8\"]", "[\"127.0.0.0/8\", \"::1/128\"]")
    };
    tokio::task::spawn_blocking(move || Holdfast::start_changed(&rules, both)).await.unwrap()
}

/// Where it listens there.
fn listens(engine: &Holdfast, transport: &str) -> SocketAddr {
    let log = engine.log();
    let (_, rest) = log.split_once(&format!("listening for SIP on {transport}:[::1]:")).expect("it listens");
    let port = rest.split_whitespace().next().and_then(|port| port.parse().ok()).expect("a port");
    SocketAddr::new(HERE, port)
}

async fn phone(server: SocketAddr, account: &str) -> Phone {
    let settings = PhoneSettings { bind: server.ip(), ..PhoneSettings::new(server, account, "secret") };
    Phone::bind(settings).await.unwrap()
}

async fn dial(trunk: &Phone) -> Call {
    let dial = Dial {
        target: "4001".into(),
        number: Some("+4930111".into()),
        display: None,
        sound: Sound::Tone(CALLER),
    };
    let call = trunk.dial(dial).await.unwrap();
    within(call.answered()).await.unwrap();
    call
}

/// A caller here and an agent there: music, conversation, hold, end.
async fn converse(callers: SocketAddr, agents: SocketAddr) {
    let (trunk, anna) = (phone(callers, "trunk").await, phone(agents, "anna").await);
    let caller = dial(&trunk).await;
    assert_eq!(caller.rtp_address().ip(), callers.ip());
    until("the caller hears music", || caller.heard().loudness() > 50.0).await;
    within(anna.register()).await.unwrap();
    let incoming = within(anna.incoming()).await.unwrap();
    assert_eq!(incoming.number(), "+4930111");
    let talking = incoming.answer();
    within(talking.answered()).await.unwrap();
    assert_eq!(talking.rtp_address().ip(), agents.ip());
    talking.say(Sound::Tone(AGENT));
    let both = || caller.heard().tone_share(AGENT) > 0.9 && talking.heard().tone_share(CALLER) > 0.9;
    until("they hear each other", both).await;
    talking.hold(true);
    until("the caller hears music again", || {
        caller.heard().loudness() > 50.0 && caller.heard().tone_share(AGENT) < 0.02
    })
    .await;
    talking.hold(false);
    until("they hear each other again", both).await;
    caller.hang_up();
    assert_eq!(within(talking.ended()).await, Ended { by: Side::There, status: None });
    within(anna.unregister()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caller_and_agent_talk_by_ipv6_and_with_those_who_have_ipv4_only() {
    let engine = engine(RULES.into()).await;
    let (six, four) = (listens(&engine, "udp"), engine.sip);
    assert!(four.is_ipv4());
    for (callers, agents) in [(six, six), (six, four), (four, six)] {
        converse(callers, agents).await;
    }
    let answered = r#"holdfast_queue_calls_ended_total{outcome="answered",queue="sales"}"#;
    until("three calls were served", || engine.metric(answered) == 3.0).await;
    until("nothing is left", || engine.metric("holdfast_media_sessions") == 0.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_talks_with_an_agent_who_is_reached_by_tcp_over_ipv6() {
    let port = free_port();
    let load = [&SIPP_HERE[..], &["-m", "1", "-t", "t1", "-rtp_echo"]].concat();
    let mut agent = Sipp::start("agent_holds.xml", port, None, &load);
    let engine = engine(sipp_site::rules(1, &format!("[::1]:{port};transport=tcp"), "answer")).await;
    let trunk = phone(listens(&engine, "udp"), "trunk").await;
    let caller = dial(&trunk).await;
    // SIPp sends back what it hears, before and after it holds him.
    let himself = || caller.heard().tone_share(CALLER) > 0.95;
    until("they talk", himself).await;
    until("the caller is on hold", || !himself()).await;
    until("they talk again", himself).await;
    assert_eq!(within(caller.ended()).await, Ended { by: Side::There, status: None });
    let ledger = tokio::task::spawn_blocking(move || agent.ledger(Duration::from_secs(30))).await.unwrap();
    assert_eq!(ledger, (1, 0), "SIPp: succeeded, failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_calls_come_and_go_by_tcp_over_ipv6_at_both_ends() {
    let port = free_port();
    let load = |more: &[&'static str]| [&SIPP_HERE[..], &["-m", "40", "-t", "t1"], more].concat();
    let mut agents = Sipp::start("agent.xml", port, None, &load(&["-rtp_echo"]));
    let engine = engine(sipp_site::rules(10, &format!("[::1]:{port};transport=tcp"), "answer")).await;
    let server = listens(&engine, "tcp");
    tokio::task::spawn_blocking(move || {
        sipp_site::ready(&engine, 10);
        let load = load(&["-s", "4001", "-r", "20", "-l", "40", "-rtp_echo"]);
        let mut callers = Sipp::start("caller.xml", free_port(), Some(server), &load);
        assert_eq!(callers.ledger(Duration::from_secs(60)), (40, 0), "callers: succeeded, failed");
        assert_eq!(agents.ledger(Duration::from_secs(30)), (40, 0), "agents: succeeded, failed");
        let records = sipp_site::records(&engine, 40);
        assert!(records.iter().all(|it| it["outcome"] == "answered" && it["ended_by"] == "agent"));
        // Who waits hears music, and sends it back.
        assert!(engine.metric("holdfast_rtp_packets_received_total") > 40.0);
        sipp_site::nothing_is_left(&engine);
    })
    .await
    .unwrap();
}
