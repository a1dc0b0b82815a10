//! The running program and its trunks: SIPp as registrar and as carriers, one dead, one overloaded, one good; and a name
//! server of our own that says where they are, and falls silent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::config::Config;
use holdfast::engine::settings::{Destination, Overflow, OverflowWhen};
use holdfast::phone::{Call, Dial, Ended, Phone, PhoneSettings, Side, Sound};
use holdfast::runtime;
use phones::{until, within};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use support::dns::{Dns, a, naptr, srv};
use support::engine::{Holdfast, preamble};
use support::eventually;
use support::peer::{Sipp, free_port};

const TONE_HZ: f64 = 700.0;
const RULES: &str = r#"
skills = ["english"]
[[queue]]
name = "sales"
title = "Sales"
music = ["slow-tide"]
requires = "english"
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "anna"
title = "Anna"
password = "anna's own"
skills = { english = 5 }
queues = ["sales"]
"#;

/// An engine in this process that passes whoever waits a second on to a number outside.
async fn passing_on(folder: &Path, sip: &str, trunks: &str) -> runtime::Running {
    let (keys, tables) = RULES.split_at(RULES.find("[[").unwrap());
    let preamble = preamble(folder).replace("[sip]\n", &format!("[sip]\n{sip}\n"));
    let text = format!("{keys}\n{preamble}\n{trunks}\n[dial]\nallow = [\"+49*\"]\n{tables}");
    let mut config = Config::from_str("test.toml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    config.settings.queues[0].overflow = vec![Overflow {
        when: OverflowWhen::Waited(Duration::from_secs(1)),
        to: Destination::Number("+49 89 555".into()),
    }];
    runtime::start(config).await.unwrap()
}

/// Somebody who calls the queue and says a tone.
async fn caller(sip: SocketAddr) -> (Phone, Call) {
    let phone = Phone::bind(PhoneSettings::new(sip, "trunk", "")).await.unwrap();
    let dial = Dial {
        target: "4001".into(),
        number: Some("+4930123".into()),
        display: None,
        sound: Sound::Tone(TONE_HZ),
    };
    let call = phone.dial(dial).await.unwrap();
    within(call.answered()).await.unwrap();
    (phone, call)
}

/// He is passed on to whoever sends back what he hears, and is hung up by him.
async fn is_passed_on(engine: &runtime::Running) {
    let (_line, caller) = caller(engine.sip[0].address).await;
    until("he hears himself come back from outside", || caller.heard().tone_share(TONE_HZ) > 0.95).await;
    assert_eq!(within(caller.ended()).await, Ended { by: Side::There, status: None });
}

async fn ledger(mut sipp: Sipp) -> (u64, u64) {
    tokio::task::spawn_blocking(move || sipp.ledger(Duration::from_secs(20))).await.unwrap()
}

fn trunk(name: &str, dial: &str, priority: u8) -> String {
    format!(
        "[[trunk]]\nname = \"{name}\"\naddresses = [\"127.0.0.1\"]\ndial = \"{dial}\"\npriority = {priority}\n"
    )
}

#[test]
fn a_trunk_is_registered_at_with_its_password_and_told_when_we_go() {
    let port = free_port();
    let mut registrar = Sipp::start("registrar.xml", port, None, &["-m", "1"]);
    let account =
        "register = true\nusername = \"acme\"\npassword = \"s3cret\"\nrealm = \"carrier.example\"\n";
    let trunk = format!("[[trunk]]\nname = \"acme\"\ndial = \"127.0.0.1:{port}\"\n{account}");
    let mut engine =
        Holdfast::start_changed(RULES, |config| config.replace("[[queue]]", &format!("{trunk}[[queue]]")));
    eventually("the trunk is registered at", Duration::from_secs(10), || {
        (engine.metric("holdfast_trunk_registered{trunk=\"acme\"}") == 1.0).then_some(())
    });
    assert_eq!(engine.metric("holdfast_trunk_up{trunk=\"acme\"}"), 1.0);
    engine.terminate();
    assert!(engine.ended().success());
    assert_eq!(
        registrar.ledger(Duration::from_secs(20)),
        (1, 0),
        "SIPp: registered, refreshed or left, failed"
    );
    assert!(!engine.log().contains("s3cret"), "{}", engine.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_finds_the_carrier_that_works_behind_one_that_is_dead_and_one_that_is_overloaded() {
    let folder = tempfile::tempdir().unwrap();
    let [dead, overloaded, good] = [free_port(), free_port(), free_port()];
    let busy = Sipp::start("carrier_overloaded.xml", overloaded, None, &["-m", "1"]);
    let outside = Sipp::start("outside_plain.xml", good, None, &["-m", "1", "-rtp_echo"]);
    let trunks = [
        trunk("good", &format!("127.0.0.1:{good}"), 3),
        trunk("dead", &format!("127.0.0.1:{dead}"), 1),
        trunk("overloaded", &format!("127.0.0.1:{overloaded}"), 2),
    ];
    let mut engine = passing_on(folder.path(), "", &trunks.concat()).await;
    is_passed_on(&engine).await;
    assert_eq!(ledger(busy).await, (1, 0), "SIPp: asked and refused, failed");
    assert_eq!(ledger(outside).await, (1, 0), "SIPp: succeeded, failed");
    engine.stop_now();
    engine.stopped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_followed_by_naptr_and_srv_to_the_server_that_lives_and_stays_known_when_dns_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let [dead, good] = [free_port(), free_port()];
    let outside = Sipp::start("outside_plain.xml", good, None, &["-m", "2", "-rtp_echo"]);
    let here = Ipv4Addr::LOCALHOST;
    let dns = Dns::start(vec![
        naptr("carrier.test", 10, "SIPS+D2T", "_sips._tcp.carrier.test"),
        naptr("carrier.test", 20, "SIP+D2U", "_sip._udp.elsewhere.test"),
        srv("_sip._udp.elsewhere.test", 10, dead, "one.elsewhere.test"),
        srv("_sip._udp.elsewhere.test", 20, good, "two.elsewhere.test"),
        a("one.elsewhere.test", here),
        a("two.elsewhere.test", here),
    ]);
    let servers = format!("name_servers = [\"{}\"]", dns.address);
    let mut engine = passing_on(folder.path(), &servers, &trunk("carrier", "carrier.test", 1)).await;
    is_passed_on(&engine).await;
    dns.fall_silent();
    let asked = dns.asked();
    until("the records have run out and are asked for in vain", || dns.asked() > asked).await;
    is_passed_on(&engine).await;
    assert_eq!(ledger(outside).await, (2, 0), "SIPp: succeeded, failed");
    engine.stop_now();
    engine.stopped().await.unwrap();
}
