//! SIPVicious, the scanner of those who look for telephones to abuse, against a running registrar: it finds no account, cracks no
//! password, and is banned.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

mod support;

use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use support::engine::{Holdfast, TOKEN};
use support::eventually;

/// The scanner's address; the trunk has another, for who calls by a trunk is no stranger.
const SCANNER: &str = "127.0.0.1";

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
name = "100"
title = "Anna"
password = "1015"
skills = { english = 5 }
queues = ["sales"]
"#;

fn engine(ban: &str) -> Holdfast {
    Holdfast::start_changed(RULES, |config| {
        let config = config.replace("127.0.0.0/8", "127.0.0.3/32");
        config.replace("[media]\n", &format!("[sip.ban]\n{ban}\n[media]\n"))
    })
}

/// Runs one of its tools to the end; all it said.
fn run(tool: &str, engine: &Holdfast, arguments: &[&str]) -> String {
    let program: PathBuf = [env!("CARGO_MANIFEST_DIR"), "target/sipvicious/bin", tool].iter().collect();
    let port = engine.sip.port().to_string();
    let output = Command::new(&program)
        .args(["-x", SCANNER, "-p", &port])
        .args(arguments)
        .arg("127.0.0.1")
        .current_dir(engine.folder.path())
        .output()
        .unwrap_or_else(|error| {
            panic!("{} does not start ({error}); `tests/run` installs it", program.display())
        });
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn crack(engine: &Holdfast) -> String {
    run("sipvicious_svcrack", engine, &["-u", "100", "-r", "1000-1020", "--maximumtime=2"])
}

fn bans(engine: &Holdfast) -> Vec<Value> {
    engine.api("/v1/bans").as_array().expect("a list").clone()
}

#[test]
fn the_scanner_finds_no_account_cracks_no_password_and_is_banned() {
    let engine = engine("failures = 10");
    for method in ["REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE"] {
        let told =
            run("sipvicious_svwar", &engine, &["-e", "98-103", "--force", "-m", method, "--maximumtime=2"]);
        assert!(told.contains("found nothing"), "{method}: {told}");
    }
    assert_eq!(bans(&engine), Vec::<Value>::new(), "whoever shows no password may be somebody else");
    let told = crack(&engine);
    assert!(told.contains("found nothing") && !told.contains("| 1015"), "{told}");
    let banned = bans(&engine);
    assert_eq!(banned.len(), 1, "{banned:?}");
    assert_eq!((&banned[0]["address"], &banned[0]["shuts_out"]), (&Value::from(SCANNER), &Value::from(true)));
    // Now it is not even told that anybody is here.
    let told = run("sipvicious_svmap", &engine, &[]);
    assert!(told.contains("found nothing"), "{told}");
    eventually("what it sends is counted as dropped", Duration::from_secs(10), || {
        (engine.metric("holdfast_sip_refused_total{cause=\"ban\"}") > 0.0).then_some(())
    });
    assert_eq!(engine.metric("holdfast_sip_bans"), 1.0);
    let lift = format!("http://{}/v1/bans/{SCANNER}", engine.http);
    ureq::delete(lift).header("Authorization", &format!("Bearer {TOKEN}")).call().expect("lifted");
    let told = run("sipvicious_svmap", &engine, &[]);
    assert!(told.contains("| unknown "), "it is let in again, and learns no program's name: {told}");
}

/// Without this the test above might pass because the scanner is broken.
#[test]
fn the_scanner_would_crack_the_password_if_nobody_were_banned() {
    let engine = engine("failures = 0");
    let told = crack(&engine);
    assert!(told.contains("1015"), "{told}");
}
