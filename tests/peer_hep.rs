//! sngrep, which none of us wrote, reads what we tell a server by HEP: the same messages, between the same ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Phone, PhoneSettings};
use phones::{until, within};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::engine::Holdfast;
use support::eventually;
use support::peer::free_port;

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
"#;

/// sngrep as a server, writing what it is told into a capture.
struct Sngrep(Child);

impl Sngrep {
    fn listening(port: u16, capture: &Path) -> Self {
        let listen = format!("udp:127.0.0.1:{port}");
        let mut command = Command::new("sngrep");
        command.args(["-F", "-N", "-q", "-L", &listen, "-O"]).arg(capture);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let sngrep = Self(child.expect("sngrep starts; `tests/run` installs it"));
        eventually("sngrep listens", Duration::from_secs(20), || {
            std::net::UdpSocket::bind(("127.0.0.1", port)).is_err().then_some(())
        });
        sngrep
    }
}

impl Drop for Sngrep {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What tshark finds in the capture: ends, method or status, Call-ID.
fn seen(capture: &Path) -> String {
    let fields = ["udp.srcport", "udp.dstport", "sip.Method", "sip.Status-Code", "sip.Call-ID"];
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(capture).args(["-Y", "sip", "-T", "fields"]);
    let output = command.args(fields.iter().flat_map(|field| ["-e", field])).output();
    String::from_utf8_lossy(&output.expect("tshark starts; `tests/run` installs it").stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_exported_is_what_was_said() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let capture = folder.path().join("told.pcap");
    let _sngrep = Sngrep::listening(port, &capture);
    let hep = format!("[sip.hep]\nserver = \"udp:127.0.0.1:{port}\"\n[media]");
    let engine = tokio::task::spawn_blocking(move || {
        Holdfast::start_changed(RULES, |config| config.replace("[media]", &hep))
    });
    let engine = engine.await.unwrap();
    let trunk = Phone::bind(PhoneSettings::new(engine.sip, "trunk", "none")).await.unwrap();
    let caller = trunk.call("4001").await.unwrap();
    within(caller.answered()).await.unwrap();
    caller.hang_up();
    let call = |engine: &Holdfast| engine.api("/v1/traces")[0].as_str().map(str::to_owned);
    until("the call is traced", || call(&engine).is_some()).await;
    let trace = engine.api(&format!("/v1/calls/{}/trace", call(&engine).unwrap()));
    let call_id = trace["peers"][0]["sip_call_id"].as_str().unwrap();
    let (ours, theirs) = (engine.sip.port(), trunk.address().port());
    let expected = [
        format!("{theirs}\t{ours}\tINVITE\t\t{call_id}"),
        format!("{ours}\t{theirs}\t\t200\t{call_id}"),
        format!("{theirs}\t{ours}\tACK\t\t{call_id}"),
        format!("{theirs}\t{ours}\tBYE\t\t{call_id}"),
    ];
    until("all of it is there", || {
        let seen = seen(&capture);
        expected.iter().all(|line| seen.contains(line.as_str()))
    })
    .await;
}
