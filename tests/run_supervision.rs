//! What systemd is told, by a socket of the test's own; and what happens when descriptors run out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Ended, Phone, PhoneSettings, Side, Sound};
use phones::{until, within};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;
use support::engine::Holdfast;

const RULES: &str = r#"
skills = ["english"]
[[queue]]
name = "sales"
title = "Sales"
music = ["morning-harbour"]
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
login = "automatic"
"#;

#[test]
fn systemd_is_told_of_the_start_of_life_of_reloads_and_of_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "400000")];
    let mut engine = Holdfast::start_in(RULES, |config| config, &variables);
    let mut buffer = [0; 4_096];
    let mut told = |what: &str| loop {
        let size = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("waiting for {what}: {error}"));
        let text = String::from_utf8_lossy(&buffer[..size]).into_owned();
        if text.contains(what) {
            return text;
        }
    };
    assert_eq!(told("READY"), "READY=1\n");
    for _ in 0..3 {
        assert_eq!(told("WATCHDOG"), "WATCHDOG=1\n");
    }
    let pid = engine.pid().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    assert!(told("RELOADING").contains("MONOTONIC_USEC="), "Type=notify-reload wants the time");
    assert_eq!(told("READY"), "READY=1\n");
    engine.terminate();
    assert_eq!(told("STOPPING"), "STOPPING=1\n");
    assert!(engine.ended().success());
}

#[test]
fn the_unit_of_systemd_is_one() {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/config/systemd/holdfast.service");
    let text = std::fs::read_to_string(unit).unwrap();
    // The program is there in an installation, and not here.
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().join("holdfast.service");
    let program = env!("CARGO_BIN_EXE_holdfast");
    std::fs::write(&here, text.replace("/usr/local/bin/holdfast", program)).unwrap();
    let output = Command::new("systemd-analyze").arg("verify").arg(&here).output();
    let output = output.expect("systemd-analyze starts; `tests/run` installs it");
    let said = String::from_utf8_lossy(&output.stderr);
    let about_us: Vec<_> = said.lines().filter(|line| line.contains("holdfast")).collect();
    assert!(output.status.success() && about_us.is_empty(), "{said}");
}

/// Lowers, or raises again, how many descriptors the process may have.
fn descriptors_max(engine: &Holdfast, most: usize) {
    let (pid, limit) = (engine.pid().to_string(), format!("--nofile={most}:4096"));
    assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_descriptors_new_calls_are_refused_and_those_who_talk_talk_on() {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    let phone = async |account: &str| {
        Phone::bind(PhoneSettings::new(engine.sip, account, &format!("{account}'s own"))).await.unwrap()
    };
    let (trunk, anna) = (phone("trunk").await, phone("anna").await);
    within(anna.register()).await.unwrap();
    let caller = trunk.call("4001").await.unwrap();
    let talking = within(anna.incoming()).await.unwrap().answer();
    within(talking.answered()).await.unwrap();
    talking.say(Sound::Tone(1_000.0));
    until("the caller hears the agent", || caller.heard().tone_share(1_000.0) > 0.9).await;

    // Below what is open already: not one more can be had.
    descriptors_max(&engine, 8);
    for _ in 0..3 {
        let late = trunk.call("4001").await.unwrap();
        assert_eq!(within(late.answered()).await, Err(Ended { by: Side::There, status: Some(503) }));
    }
    within(anna.register()).await.unwrap();
    let heard = caller.heard().packets;
    until("the two talk on", || caller.heard().packets > heard + 50).await;

    descriptors_max(&engine, 4_096);
    let again = trunk.call("4001").await.unwrap();
    within(again.answered()).await.unwrap();
    caller.hang_up();
    within(talking.ended()).await;
}
