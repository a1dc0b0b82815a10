//! Phones that none of us wrote, over TLS and with encrypted audio: they come to us and look at our certificate, and we go to
//! one and look at his.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

mod support;

use holdfast::sip::flow::Transport;
use std::time::Duration;
use support::baresip::{self, Baresip};
use support::certificates::Authority;
use support::conversation::{AGENTS_TONE_HZ, CALLERS_TONE_HZ, engine, part, ready, stage};
use support::eventually;
use support::kamailio::Kamailio;
use support::linphone::{self, Linphone};
use support::peer::free_port;

/// The calls are told apart by the agent's phone: a baresip that registers, a linphone that does, and a baresip that is
/// called at a fixed address, where it shows a certificate of its own.
const CALLS: usize = 3;
const CALLED: usize = 2;

#[test]
fn phones_that_check_our_certificate_and_one_whose_we_check_talk_over_tls_with_srtp() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue("own", &["127.0.0.1"]);
    let (phone, phone_key) = authority.issue("phone", &["127.0.0.1"]);
    let whole = [phone, phone_key].map(|file| std::fs::read_to_string(file).expect("a file")).concat();
    let both = authority.path("phone-whole.pem");
    std::fs::write(&both, whole).expect("written");
    // baresip speaks TLS at the port above.
    let port = free_port();
    let agent = |at: usize| {
        let contact = format!("contact = \"sip:agent{at}@127.0.0.1:{};transport=tls\"\n", port + 1);
        format!("srtp = \"required\"\n{}", if at == CALLED { contact } else { String::new() })
    };
    let engine = engine(CALLS, agent, |config| {
        let tls = format!(
            "[sip.tls]\ncertificate = {certificate:?}\nkey = {key:?}\ntrust = {:?}\n",
            authority.file()
        );
        config
            .replace("\"tcp:127.0.0.1:0\"", "\"tcp:127.0.0.1:0\", \"tls:127.0.0.1:0\"")
            .replace("[media]\n", &format!("{tls}[media]\n"))
            .replace("name = \"loopback\"", "name = \"loopback\"\nsrtp = \"optional\"")
    });
    let tls = engine.listens(Transport::Tls);
    let trust = format!("sip_cafile {}\nsip_verify_server yes\n", authority.file().display());
    let baresip = |account: &str, hz, port, dial: Option<&str>, more: &str| {
        let srtp = Some("srtp-mand");
        let plan = baresip::Plan { account, hz, codecs: "pcmu", srtp, port, dial };
        Baresip::start_with(&plan, &format!("{trust}{more}"))
    };
    let registers = format!(
        "<sip:agent0@{tls};transport=tls>;auth_user=agent0;auth_pass=correct-horse-battery;regint=60;answermode=auto"
    );
    let first = baresip(&registers, AGENTS_TONE_HZ, None, None, "");
    let plan = linphone::Plan {
        server: tls,
        transport: "tls",
        account: Some(("agent1", "correct-horse-battery")),
        hz: AGENTS_TONE_HZ,
        codec: Some("PCMU"),
        srtp: true,
        port: None,
    };
    // Of names in a certificate it knows no addresses.
    let trusting =
        format!("root_ca={}\nverify_server_certs=1\nverify_server_cn=0\n", authority.file().display());
    let linphone = Linphone::start_with(&plan, &trusting);
    let own = format!("sip_certificate {}\n", both.display());
    let called = format!("<sip:agent{CALLED}@127.0.0.1;transport=tls>;regint=0;answermode=auto");
    let last = baresip(&called, AGENTS_TONE_HZ, Some(port), None, &own);
    ready(&engine, CALLS);
    let callers: Vec<_> = (0..CALLS)
        .map(|at| {
            let dial = format!("sip:{}@{tls};transport=tls", 4_000 + at);
            baresip("<sip:jane@127.0.0.1>;regint=0", CALLERS_TONE_HZ, None, Some(&dial), "")
        })
        .collect();
    stage(&engine, CALLS, "talking");
    part(&engine, 2 * CALLS, 4.0);
    for call in engine.api("/v1/calls").as_array().expect("a list") {
        let call = call["id"].as_str().expect("an identity");
        engine.post(&format!("/v1/calls/{call}/hangup"), serde_json::json!({}));
    }
    let clear = |shares: &[f64]| shares.iter().filter(|share| **share > 0.9).count();
    for (at, caller) in callers.into_iter().enumerate() {
        assert!(caller.log().contains("SIP/2.0/TLS"), "the caller of call {at} came by TLS");
        let heard = clear(&caller.heard()[0].tone_shares(AGENTS_TONE_HZ));
        assert!(heard >= 4, "the caller of call {at} hears the agent: {heard} half seconds");
    }
    for (name, phone) in [("who registers", first), ("who is called", last)] {
        assert!(phone.log().contains("SIP/2.0/TLS"), "{name} speaks TLS");
        let heard = clear(&phone.heard()[0].tone_shares(CALLERS_TONE_HZ));
        assert!(heard >= 4, "{name} hears the caller: {heard} half seconds");
    }
    eventually("linphone says that the call is over", Duration::from_secs(10), || {
        linphone.log().contains("ended (").then_some(())
    });
    let heard = clear(&linphone.heard("heard.wav").tone_shares(CALLERS_TONE_HZ));
    assert!(heard >= 4, "linphone hears the caller: {heard} half seconds");
}

#[test]
fn a_carrier_s_proxy_shows_its_certificate_and_nobody_without_one_gets_in() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue("own", &["127.0.0.1"]);
    let engine = engine(
        1,
        |_| String::new(),
        |config| {
            let authority = authority.file();
            let tls = format!(
                "[sip.tls]\ncertificate = {certificate:?}\nkey = {key:?}\nclient_authorities = {authority:?}\n"
            );
            config
                .replace("\"tcp:127.0.0.1:0\"", "\"tcp:127.0.0.1:0\", \"tls:127.0.0.1:0\"")
                .replace("[media]\n", &format!("{tls}[media]\n"))
        },
    );
    let tls = engine.listens(Transport::Tls);
    let own = authority.issue("edge", &["edge.carrier.example"]);
    let edge = Kamailio::start_as_edge(Kamailio::port(), tls, &own, &authority.file());
    let account = format!(
        "<sip:agent0@{}>;auth_user=agent0;auth_pass=correct-horse-battery;regint=60;answermode=auto",
        engine.sip
    );
    let plain = |account: &str, hz, dial: Option<&str>| {
        Baresip::start(&baresip::Plan { account, hz, codecs: "pcmu", srtp: None, port: None, dial })
    };
    let agent = plain(&account, AGENTS_TONE_HZ, None);
    ready(&engine, 1);
    let caller =
        plain("<sip:jane@127.0.0.1>;regint=0", CALLERS_TONE_HZ, Some(&format!("sip:4000@{}", edge.sip)));
    // Without a certificate: this one rings nobody.
    let stranger = Baresip::start_with(
        &baresip::Plan {
            account: "<sip:eve@127.0.0.1>;regint=0",
            hz: CALLERS_TONE_HZ,
            codecs: "pcmu",
            srtp: None,
            port: None,
            dial: Some(&format!("sip:4000@{tls};transport=tls")),
        },
        &format!("sip_cafile {}\n", authority.file().display()),
    );
    stage(&engine, 1, "talking");
    part(&engine, 2, 4.0);
    let call = engine.api("/v1/calls")[0]["id"].as_str().expect("one call").to_owned();
    engine.post(&format!("/v1/calls/{call}/hangup"), serde_json::json!({}));
    let heard = |phone: Baresip, hz| {
        let shares = phone.heard()[0].tone_shares(hz);
        shares.iter().filter(|share| **share > 0.9).count()
    };
    assert!(heard(caller, AGENTS_TONE_HZ) >= 4, "the caller hears the agent, by way of the proxy");
    assert!(heard(agent, CALLERS_TONE_HZ) >= 4, "and the agent him");
    assert!(!stranger.log().contains("SIP/2.0 200"), "{}", stranger.log());
    assert!(edge.log().is_empty() || !edge.log().contains("ERROR: tls"), "{}", edge.log());
}
