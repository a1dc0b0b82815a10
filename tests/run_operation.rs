//! Operating the program: how it stops, and what it says when it cannot start or finds something broken.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Call, Ended, Phone, PhoneSettings, Side, Sound};
use phones::{until, within};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use support::engine::{Holdfast, preamble};
use support::eventually;

const RULES: &str = r#"
skills = ["english"]
[[queue]]
name = "sales"
title = "Sales"
music = ["morning-harbour"]
requires = "english"
wrap_up = "0s"
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "anna"
title = "Anna"
password = "anna's own"
skills = { english = 5 }
queues = ["sales"]
login = "automatic"
"#;

async fn start(rules: String) -> Holdfast {
    tokio::task::spawn_blocking(move || Holdfast::start(&rules)).await.unwrap()
}

async fn phone(engine: &Holdfast, account: &str) -> Phone {
    let settings = PhoneSettings::new(engine.sip, account, &format!("{account}'s own"));
    Phone::bind(settings).await.unwrap()
}

/// A caller and anna, talking.
async fn talking(engine: &Holdfast, caller: &Phone, anna: &Phone) -> (Call, Call) {
    within(anna.register()).await.unwrap();
    let calling = caller.call("4001").await.unwrap();
    let answering = within(anna.incoming()).await.unwrap().answer();
    within(answering.answered()).await.unwrap();
    answering.say(Sound::Tone(1_000.0));
    until("the caller hears the agent", || calling.heard().tone_share(1_000.0) > 0.9).await;
    assert_eq!(engine.metric(r#"holdfast_queue_calls_waiting{queue="sales"}"#), 0.0);
    (calling, answering)
}

fn holdfast(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_holdfast")).args(arguments).current_dir(folder).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_refuses_new_calls_and_lets_those_in_progress_end_by_themselves() {
    let mut engine = start(RULES.into()).await;
    let (trunk, anna) = (phone(&engine, "trunk").await, phone(&engine, "anna").await);
    let (calling, answering) = talking(&engine, &trunk, &anna).await;
    engine.terminate();
    eventually("it drains", Duration::from_secs(10), || engine.log().contains("stopping").then_some(()));
    let late = trunk.call("4001").await.unwrap();
    assert_eq!(within(late.answered()).await, Err(Ended { by: Side::There, status: Some(503) }));
    // Phones stay registered: the agent who talks must be found until the end.
    within(anna.register()).await.unwrap();
    let heard = calling.heard().packets;
    until("the two go on talking", || calling.heard().packets > heard + 50).await;
    answering.hang_up();
    assert_eq!(within(calling.ended()).await, Ended { by: Side::There, status: None });
    let (status, engine) = tokio::task::spawn_blocking(move || (engine.ended(), engine)).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", engine.log());
    assert_eq!(engine.stored(), [("answered".to_owned(), "agent".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_deadline_of_the_drain_calls_are_ended_and_recorded() {
    let at = RULES.find("[[queue]]").unwrap();
    let (keys, tables) = RULES.split_at(at);
    let mut engine = start(format!("{keys}\n[limits]\ndrain = \"1s\"\n{tables}")).await;
    let (trunk, anna) = (phone(&engine, "trunk").await, phone(&engine, "anna").await);
    let (calling, answering) = talking(&engine, &trunk, &anna).await;
    engine.terminate();
    assert_eq!(within(calling.ended()).await, Ended { by: Side::There, status: None });
    assert_eq!(within(answering.ended()).await, Ended { by: Side::There, status: None });
    let (status, engine) = tokio::task::spawn_blocking(move || (engine.ended(), engine)).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", engine.log());
    assert_eq!(engine.stored(), [("answered".to_owned(), "system".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_whatever_is_in_progress() {
    let mut engine = start(RULES.into()).await;
    let (trunk, anna) = (phone(&engine, "trunk").await, phone(&engine, "anna").await);
    let _call = talking(&engine, &trunk, &anna).await;
    engine.terminate();
    eventually("it drains", Duration::from_secs(10), || engine.log().contains("stopping").then_some(()));
    engine.terminate();
    let (_, engine) = tokio::task::spawn_blocking(move || (engine.ended(), engine)).await.unwrap();
    assert!(engine.log().contains("second signal"), "{}", engine.log());
}

/// Starts it with a preamble changed by `change`; it must not start.
fn does_not_start(change: impl Fn(&Path, String) -> String) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let at = RULES.find("[[queue]]").unwrap();
    let (keys, tables) = RULES.split_at(at);
    let config = format!("{keys}\n{}\n{tables}", change(folder.path(), preamble(folder.path())));
    std::fs::write(folder.path().join("site.toml"), config).unwrap();
    holdfast(&["run", "--config", "site.toml"], folder.path())
}

#[test]
fn a_port_in_use_is_named_with_its_protocol_and_the_key_that_changes_it() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let (udp_at, tcp_at) = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
    for (before, after, key) in [
        ("udp:127.0.0.1:0".to_owned(), format!("udp:{udp_at}"), "[sip]"),
        ("tcp:127.0.0.1:0".to_owned(), format!("tcp:{tcp_at}"), "[sip]"),
        ("listen = \"127.0.0.1:0\"".to_owned(), format!("listen = \"{tcp_at}\""), "[http]"),
    ] {
        let output = does_not_start(|_, preamble| preamble.replace(&before, &after));
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let address = after.split('"').find(|part| part.contains("127")).unwrap_or(&after);
        assert!(said.contains(address) && said.contains("in use") && said.contains(key), "{said}");
    }
}

#[test]
fn records_that_cannot_be_kept_stop_the_start_with_a_remedy() {
    let output = does_not_start(|folder, preamble| {
        std::fs::write(folder.join("a-file"), "").unwrap();
        preamble.replace("calls.sqlite", "a-file/calls.sqlite")
    });
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("a-file/calls.sqlite") && text.contains("[store]"), "{text}");

    let output = does_not_start(|folder, preamble| {
        std::fs::write(folder.join("calls.sqlite"), "no database at all, but text".repeat(99)).unwrap();
        preamble
    });
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("calls.sqlite") && text.contains("move it away"), "{text}");
}

#[test]
fn a_misspelt_key_ends_with_78_its_line_and_the_right_word() {
    let output = does_not_start(|_, preamble| preamble.replace("[media]", "[medai]"));
    let text = said(&output);
    assert_eq!(output.status.code(), Some(78), "{text}");
    assert!(text.contains("site.toml:") && text.contains("did you mean") && text.contains("media"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_music_is_told_at_the_start_and_callers_hear_the_rest_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("studio.wav"), folder.path().join("broken.wav"));
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 24,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&good, spec).unwrap();
    for at in 0..44_100 * 2 {
        let sample = (std::f64::consts::TAU * 600.0 * f64::from(at) / 44_100.0).sin() * 2_000_000.0;
        for _ in 0..2 {
            writer.write_sample(sample as i32).unwrap();
        }
    }
    writer.finalize().unwrap();
    std::fs::write(bad, "RIFF, it says, and is not").unwrap();
    let music = folder.path().display().to_string();
    let hold_music = format!("{}/hold-music", env!("CARGO_MANIFEST_DIR"));
    let rules = RULES.replace(r#"["morning-harbour"]"#, r#"["broken", "studio"]"#);
    let engine = tokio::task::spawn_blocking(move || {
        Holdfast::start_changed(&rules, |config| config.replace(&hold_music, &music))
    });
    let engine = engine.await.unwrap();
    assert!(engine.log().contains("broken.wav"), "{}", engine.log());
    let trunk = phone(&engine, "trunk").await;
    let call = trunk.call("4001").await.unwrap();
    within(call.answered()).await.unwrap();
    until("the other piece is heard", || call.heard().tone_share(600.0) > 0.9).await;
}

#[test]
fn the_demo_away_from_its_sounds_says_where_to_start_it() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("holdfast");
    std::fs::copy(env!("CARGO_BIN_EXE_holdfast"), &program).unwrap();
    let mut command = Command::new(&program);
    command.args(["demo", "--seconds", "1", "--sip-port", "0", "--http-port", "0"]);
    let output = command.current_dir(folder.path()).output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("hold-music") && text.contains("cargo run --release -- demo"), "{text}");
}

#[test]
fn the_demo_whose_port_is_taken_names_its_own_arguments() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = holdfast(&["demo", "--seconds", "1", "--sip-port", "0", "--http-port", &port], root);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&port) && text.contains("--http-port"), "{text}");
}

#[test]
fn a_second_ctrl_c_ends_the_demo_before_its_callers_have_said_goodbye() {
    let folder = tempfile::tempdir().unwrap();
    for sounds in ["hold-music", "prompts"] {
        let there = Path::new(env!("CARGO_MANIFEST_DIR")).join(sounds);
        std::os::unix::fs::symlink(there, folder.path().join(sounds)).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.args(["demo", "--sip-port", "0", "--http-port", "0", "--calls-per-minute", "600"]);
    let (out, err) = (folder.path().join("out"), folder.path().join("err"));
    command.current_dir(folder.path()).stdout(std::fs::File::create(&out).unwrap());
    let mut child = command.stderr(std::fs::File::create(&err).unwrap()).spawn().unwrap();
    let pid = child.id().to_string();
    let interrupt = || assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let said = |what: &str| {
        let text = std::fs::read_to_string(&out).unwrap();
        text.contains(what).then_some(())
    };
    eventually("it runs", Duration::from_secs(30), || said("until Ctrl-C"));
    interrupt();
    eventually("it ends in order", Duration::from_secs(10), || said("hanging up"));
    interrupt();
    let status = eventually("it has ended", Duration::from_secs(30), || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(1));
    assert!(std::fs::read_to_string(&err).unwrap().contains("second signal"));
}
