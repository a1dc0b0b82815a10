//! Conversations passed on by phones that none of us wrote: blindly, to a colleague who is not there, and after a
//! colleague was asked; and what caller and agents hear of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

mod support;

use serde_json::Value;
use std::time::Duration;
use support::audio::Recording;
use support::baresip::{Baresip, Plan};
use support::conversation::{
    AGENTS_TONE_HZ, CALLERS_TONE_HZ, baresip_agent, baresip_caller, engine, part, ready, stage,
};
use support::engine::Holdfast;
use support::eventually;
use support::linphone::{self, Linphone};
use support::peer::{Sipp, free_port};
use support::sipp_site::{nothing_is_left, ready as sipp_ready, rules};

/// What the colleague says.
const COLLEAGUES_TONE_HZ: f64 = 1_500.0;

fn uri(engine: &Holdfast, user: &str) -> String {
    format!("sip:{user}@{}", engine.sip)
}

fn phone(engine: &Holdfast, name: &str, hz: f64) -> Linphone {
    Linphone::start(&linphone::Plan {
        server: engine.sip,
        transport: "udp",
        account: Some((name, "correct-horse-battery")),
        hz,
        codec: Some("PCMA"),
        srtp: false,
        port: None,
    })
}

/// The colleague's baresip, which answers by itself or not (`auto`, `manual`).
fn colleague(engine: &Holdfast, answers: &str) -> Baresip {
    let account = format!(
        "<sip:agent1@{}>;auth_user=agent1;auth_pass=correct-horse-battery;regint=60;answermode={answers}",
        engine.sip
    );
    Baresip::start(&Plan {
        account: &account,
        hz: COLLEAGUES_TONE_HZ,
        codecs: "pcma",
        srtp: None,
        port: None,
        dial: None,
    })
}

/// Waits until the caller is with this agent alone.
fn with(engine: &Holdfast, agent: &str) {
    eventually(&format!("the caller is with {agent}"), Duration::from_secs(30), || {
        let calls = engine.api("/v1/calls");
        let call = calls.as_array()?.first()?.clone();
        (call["stage"] == "talking" && call["agents"] == serde_json::json!([agent])).then_some(())
    });
}

/// Ends the one call.
fn hang_up(engine: &Holdfast) {
    let calls = engine.api("/v1/calls");
    let call = calls[0]["id"].as_str().expect("an identity");
    engine.post(&format!("/v1/calls/{call}/hangup"), serde_json::json!({}));
}

/// The one record, once the call has ended.
fn record(engine: &Holdfast) -> Value {
    eventually("the record is written", Duration::from_secs(15), || {
        engine.api("/v1/records").as_array()?.first().cloned()
    })
}

fn passed(record: &Value) -> Vec<(String, String, bool)> {
    let word = |it: &Value| it.as_str().unwrap().to_owned();
    let transfers = record["transfers"].as_array().unwrap().iter();
    transfers.map(|it| (word(&it["by"]), word(&it["to"]), it["done"] == true)).collect()
}

/// How many half seconds of a recording are this tone.
fn half_seconds(recording: &Recording, hz: f64) -> usize {
    recording.tone_shares(hz).into_iter().filter(|share| *share > 0.9).count()
}

#[test]
fn a_caller_is_passed_on_blindly_and_hears_the_colleague() {
    let engine = engine(2, |_| String::new(), |config| config);
    let agent = baresip_agent(&engine, 0, "pcma");
    let mut colleague = phone(&engine, "agent1", COLLEAGUES_TONE_HZ);
    ready(&engine, 2);
    let caller = baresip_caller(&engine, 0, "pcmu", None);
    stage(&engine, 1, "talking");
    part(&engine, 2, 4.0);
    agent.tell_with("transfer", &uri(&engine, "agent1"));
    with(&engine, "agent1");
    let by_agent = agent.heard();
    part(&engine, 2, 5.0);
    colleague.tell("terminate");
    let by_caller = caller.heard();
    let heard = |hz| half_seconds(&by_caller[0], hz);
    assert!(heard(AGENTS_TONE_HZ) >= 5, "first the agent");
    assert!(heard(COLLEAGUES_TONE_HZ) >= 6, "then the colleague");
    assert!(half_seconds(&by_agent[0], CALLERS_TONE_HZ) >= 5);
    let record = record(&engine);
    assert_eq!(passed(&record), [("agent0".into(), "agent agent1".into(), true)]);
    assert_eq!((record["agent"].as_str(), record["ended_by"].as_str()), (Some("agent0"), Some("agent")));
    colleague.quit();
}

#[test]
fn a_caller_whom_the_colleague_does_not_take_is_back_with_his_agent() {
    let impatient = "wrap_up = \"0s\"\nring_timeout = \"3s\"";
    let engine = engine(2, |_| String::new(), |config| config.replace("wrap_up = \"0s\"", impatient));
    let mut agent = phone(&engine, "agent0", AGENTS_TONE_HZ);
    let colleague = colleague(&engine, "manual");
    ready(&engine, 2);
    let caller = baresip_caller(&engine, 0, "pcmu", None);
    stage(&engine, 1, "talking");
    part(&engine, 2, 3.0);
    agent.tell(&format!("transfer {}", uri(&engine, "agent1")));
    eventually("the colleague has let it ring", Duration::from_secs(20), || {
        colleague.log().contains("CANCEL sip:").then_some(())
    });
    with(&engine, "agent0");
    part(&engine, 2, 4.0);
    hang_up(&engine);
    let by_caller = caller.heard();
    assert!(half_seconds(&by_caller[0], AGENTS_TONE_HZ) >= 8, "before and after");
    assert_eq!(passed(&record(&engine)), [("agent0".into(), "agent agent1".into(), false)]);
    agent.quit();
}

#[test]
fn a_caller_is_passed_on_after_the_colleague_was_asked() {
    let engine = engine(2, |_| String::new(), |config| config);
    let mut agent = phone(&engine, "agent0", AGENTS_TONE_HZ);
    let colleague = colleague(&engine, "auto");
    ready(&engine, 2);
    let caller = baresip_caller(&engine, 0, "pcmu", None);
    stage(&engine, 1, "talking");
    part(&engine, 2, 4.0);
    agent.tell("pause");
    eventually("the caller is on hold", Duration::from_secs(15), || {
        let held = engine.metrics().get(r#"holdfast_queue_agents{queue="q0",state="on_hold"}"#) == Some(&1.0);
        held.then_some(())
    });
    agent.tell(&format!("call {}", uri(&engine, "agent1")));
    eventually("both calls stand", Duration::from_secs(20), || {
        (colleague.log().matches("Call established").count() == 1).then_some(())
    });
    part(&engine, 3, 3.0);
    agent.tell("transfer 1 --to-call 2");
    with(&engine, "agent1");
    part(&engine, 2, 5.0);
    hang_up(&engine);
    let by_caller = caller.heard();
    assert!(half_seconds(&by_caller[0], COLLEAGUES_TONE_HZ) >= 6, "the caller hears the colleague");
    let mut colleague = colleague;
    colleague.end();
    let by_colleague: usize = colleague.recordings().iter().map(|it| half_seconds(it, CALLERS_TONE_HZ)).sum();
    assert!(by_colleague >= 6, "the colleague hears the caller: {by_colleague}");
    let record = record(&engine);
    assert_eq!(passed(&record), [("agent0".into(), "agent agent1".into(), true)]);
    agent.quit();
}

#[test]
fn sipp_registers_as_an_agent_and_passes_its_caller_on_by_refer_and_is_told_how_it_goes() {
    let [phone, busy, free] = [0; 3].map(|_| free_port());
    // The first agent's phone registers; the others may be asked whether they are logged in or not.
    let mut rules = rules(3, "nowhere", "answer").replace("contact = \"sip:agent0@nowhere\"\n", "");
    for (at, port) in [(1, busy), (2, free)] {
        let colleague = format!("contact = \"sip:agent{at}@127.0.0.1:{port}\"");
        rules = rules.replace(
            &format!("login = \"automatic\"\ncontact = \"sip:agent{at}@nowhere\""),
            &format!("login = \"manual\"\n{colleague}"),
        );
    }
    let engine = Holdfast::start(&rules);
    let within = Duration::from_secs(30);
    let mut registers = Sipp::start("agent_registers.xml", phone, Some(engine.sip), &["-m", "1"]);
    assert_eq!(registers.ledger(within), (1, 0), "REGISTER with a password");
    sipp_ready(&engine, 1);

    let mut refuser = Sipp::start("agent_refuses.xml", busy, None, &["-m", "1"]);
    let mut answerer = Sipp::start("agent.xml", free, None, &["-m", "1"]);
    let [one, other] = ["agent1", "agent2"].map(|user| uri(&engine, user));
    let keys = ["-m", "1", "-key", "busy", &one, "-key", "free", &other];
    let mut agent = Sipp::start("agent_refers.xml", phone, None, &keys);
    let mut caller = Sipp::start("caller.xml", free_port(), Some(engine.sip), &["-s", "4001", "-m", "1"]);
    for (who, sipp) in [
        ("the caller", &mut caller),
        ("the agent who refers", &mut agent),
        ("the colleague who is busy", &mut refuser),
        ("the colleague who answers", &mut answerer),
    ] {
        assert_eq!(sipp.ledger(within), (1, 0), "{who}");
    }
    let record = record(&engine);
    let by = |to: &str, done| ("agent0".to_owned(), format!("agent {to}"), done);
    assert_eq!(passed(&record), [by("agent1", false), by("agent2", true)]);
    nothing_is_left(&engine);
}
