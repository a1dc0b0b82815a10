//! The demo, joined by a stranger: baresip calls in with the account the banner prints, and what it records is
//! hold music and then an agent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // here a panic is a verdict

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::audio::Recording;
use support::baresip::{Baresip, Plan};
use support::eventually;

const CALLERS_TONE_HZ: f64 = 700.0;

/// A running demo without simulated callers, in a folder of its own.
struct Demo {
    child: Child,
    said: Arc<Mutex<String>>,
    _folder: tempfile::TempDir,
}

impl Demo {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for sounds in ["hold-music", "prompts"] {
            let there = Path::new(env!("CARGO_MANIFEST_DIR")).join(sounds);
            std::os::unix::fs::symlink(there, folder.path().join(sounds)).unwrap();
        }
        let arguments = ["demo", "--sip-port", "0", "--http-port", "0", "--calls-per-minute", "0"];
        let mut child = Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (sink, stdout) = (Arc::clone(&said), child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                *sink.lock().unwrap() += &(line + "\n");
            }
        });
        let demo = Self { child, said, _folder: folder };
        eventually("the banner is there", Duration::from_secs(30), || {
            demo.said().contains("until Ctrl-C").then_some(())
        });
        demo
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// The word that follows these in the banner.
    fn word_after(&self, what: &str) -> String {
        let said = self.said();
        let at = said.find(what).unwrap_or_else(|| panic!("no {what:?} in {said}")) + what.len();
        let rest = said[at..].trim_start();
        rest.split([' ', ',', '/', '\'', ')', ';', '\n']).next().unwrap().to_owned()
    }

    fn request(&self, path: &str) -> String {
        format!("http://{}{path}", self.word_after("http://"))
    }

    fn api(&self, path: &str) -> serde_json::Value {
        let bearer = format!("Bearer {}", self.word_after("Bearer"));
        let mut response = ureq::get(self.request(path)).header("Authorization", bearer).call().unwrap();
        response.body_mut().read_json().unwrap()
    }

    fn post(&self, path: &str, body: serde_json::Value) {
        let bearer = format!("Bearer {}", self.word_after("Bearer"));
        ureq::post(self.request(path)).header("Authorization", bearer).send_json(body).unwrap();
    }

    fn packets_sent(&self) -> f64 {
        let mut response = ureq::get(self.request("/metrics")).call().unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        let line = text.lines().find(|line| line.starts_with("holdfast_rtp_packets_sent_total")).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the demo's output ---\n{}", self.said());
        }
    }
}

#[test]
fn a_stranger_s_phone_dials_a_number_of_the_banner_and_records_music_and_then_an_agent() {
    let mut demo = Demo::start();
    let agents = demo.api("/v1/agents");
    let simulated: Vec<_> =
        agents.as_array().unwrap().iter().filter_map(|agent| agent["name"].as_str()).collect();
    let simulated: Vec<_> = simulated.into_iter().filter(|name| *name != "you").collect();
    assert_eq!(simulated.len(), 10);
    // They are kept from the call until enough music was heard to be recognised.
    for name in &simulated {
        demo.post(&format!("/v1/agents/{name}/pause"), serde_json::json!({ "reason": "break" }));
    }
    let (sip, password) = (demo.word_after("UDP at"), demo.word_after("account guest, password"));
    let account = format!("<sip:guest@{sip}>;auth_user=guest;auth_pass={password};regint=60");
    let number = format!("sip:4004@{sip}");
    let mut caller = Baresip::start(&Plan {
        account: &account,
        hz: CALLERS_TONE_HZ,
        codecs: "pcmu",
        srtp: None,
        port: None,
        dial: Some(&number),
    });
    eventually("the caller has heard the welcome and some music", Duration::from_secs(60), || {
        (demo.packets_sent() >= 650.0).then_some(())
    });
    for name in &simulated {
        demo.post(&format!("/v1/agents/{name}/ready"), serde_json::json!({}));
    }
    let bridged = eventually("an agent answers", Duration::from_secs(60), || {
        let calls = demo.api("/v1/calls");
        (calls[0]["stage"] == "talking").then(|| demo.packets_sent())
    });
    // To the caller and to the agent.
    eventually("they have talked for two seconds", Duration::from_secs(30), || {
        (demo.packets_sent() >= bridged + 200.0).then_some(())
    });
    caller.end();
    let record = eventually("the call has its record", Duration::from_secs(20), || {
        let records = demo.api("/v1/records");
        records.as_array().filter(|records| records.len() == 1).map(|records| records[0].clone())
    });
    assert_eq!((&record["outcome"], &record["caller_number"]), (&"answered".into(), &"guest".into()));

    let recording = caller.recordings().remove(0);
    let bridge_secs = bridged / 50.0;
    let music = ["slow-tide", "lantern-walk"].map(|name| {
        Recording::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("hold-music/{name}.wav")))
    });
    let likeness = |from: f64, to: f64| {
        music.iter().map(|music| recording.likeness_to_loop(from, to, music)).fold(0.0, f64::max)
    };
    let waiting = likeness(7.0, bridge_secs - 1.0);
    assert!(
        waiting > 0.9,
        "until {bridge_secs:.1} s the caller heard the hold music (likeness {waiting:.3})"
    );
    let end = recording.samples.len() as f64 / recording.rate as f64;
    assert!(end > bridge_secs + 1.5, "the recording of {end:.1} s holds the agent");
    let talking = likeness(bridge_secs + 0.5, end);
    assert!(talking < 0.5, "after {bridge_secs:.1} s no music is left (likeness {talking:.3})");
    let power =
        |window: &[f64]| window.iter().map(|sample| sample * sample).sum::<f64>() / window.len() as f64;
    let after = ((bridge_secs + 0.5) * 2.0).ceil() as usize;
    let loudest = recording.windows().skip(after).map(power).fold(0.0, f64::max).sqrt();
    assert!(loudest > 0.01, "somebody talks (loudness {loudest:.4})");

    let stopped = Command::new("kill").args(["-TERM", &demo.child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let status = eventually("the demo ends", Duration::from_secs(30), || demo.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
    eventually("the last word", Duration::from_secs(5), || {
        let said = demo.said();
        (said.contains("nothing failed") && said.contains("counted 1 more")).then_some(())
    });
}
