//! Starts `holdfast run` as users do: a process of its own, with a configuration file, on free ports.

use super::eventually;
use holdfast::sip::flow::Transport;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The bearer token of the API in every test configuration.
pub const TOKEN: &str = "token-of-the-tests";

/// RTP port ranges, so that engines running side by side in one test binary never meet.
static NEXT_RANGE: AtomicU16 = AtomicU16::new(0);

/// A running engine. Dropping it kills the process.
pub struct Holdfast {
    child: Child,
    /// Where it listens for SIP over UDP.
    pub sip: SocketAddr,
    /// Where it listens for SIP over TCP.
    pub sip_tcp: SocketAddr,
    /// Where it listens for HTTP.
    pub http: SocketAddr,
    media_ports: RangeInclusive<u16>,
    /// Its folder: configuration and records.
    pub folder: tempfile::TempDir,
    log: Arc<Mutex<String>>,
}

/// Everything of a configuration but skills, queues, numbers and agents.
pub fn preamble(folder: &Path) -> String {
    // 400 calls at once, outside of the range the kernel gives to those who ask for any port.
    let first = 12_000 + NEXT_RANGE.fetch_add(1, Ordering::Relaxed) % 20 * 800;
    let root = env!("CARGO_MANIFEST_DIR");
    format!(
        r#"
[sip]
listen = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]
options_every = "0s" # SIPp's scenarios know no OPTIONS
[media]
listen = "127.0.0.1"
ports = "{first}-{last}"
[http]
listen = "127.0.0.1:0"
[[http.token]]
name = "tests"
token = "{TOKEN}"
role = "operator"
[store]
path = "{store}"
[sounds]
music = "{root}/hold-music"
prompts = "{root}/prompts"
[log]
filter = "info"
[[trunk]]
name = "loopback"
addresses = ["127.0.0.0/8"]
"#,
        last = first + 799,
        store = folder.join("calls.sqlite").display(),
    )
}

impl Holdfast {
    /// Starts it with these rules (`skills`, `[[queue]]`, `[[number]]`, `[[agent]]`, …) and waits until it listens.
    pub fn start(rules: &str) -> Self {
        Self::start_changed(rules, |config| config)
    }

    /// The same, with the whole configuration changed at the last moment.
    pub fn start_changed(rules: &str, change: impl Fn(String) -> String) -> Self {
        Self::start_in(rules, change, &[])
    }

    /// The same, with these variables in its environment.
    pub fn start_in(rules: &str, change: impl Fn(String) -> String, variables: &[(&str, &str)]) -> Self {
        Self::start_by(rules, change, |_| Vec::new(), variables)
    }

    /// The same, started by another program that becomes it: its command line, for the folder it will lie in.
    pub fn start_by(
        rules: &str,
        change: impl Fn(String) -> String,
        by: impl Fn(&Path) -> Vec<String>,
        variables: &[(&str, &str)],
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Top-level keys must come before the first table of the preamble.
        let (keys, tables) = rules.find("[[").map_or((rules, ""), |at| rules.split_at(at));
        let config = change(format!("{keys}\n{}\n{tables}", preamble(folder.path())));
        let path = folder.path().join("holdfast.toml");
        std::fs::write(&path, &config).expect("a written configuration");
        let ports =
            config.split("\nports = \"").nth(1).and_then(|rest| rest.split_once('"')?.0.split_once('-'));
        let (first, last) = ports.expect("the range of RTP ports");
        let media_ports = first.parse().expect("a port")..=last.parse().expect("a port");
        let Started { child, log, sip, sip_tcp, http } = start(&path, &by(folder.path()), variables);
        Self { child, sip, sip_tcp, http, media_ports, folder, log }
    }

    /// Kills it (SIGKILL): it has no moment left for anything.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child of ours");
    }

    /// Starts it again after its end, with the same configuration and on the ports it had.
    pub fn start_again(&mut self) {
        let path = self.folder.path().join("holdfast.toml");
        let config = std::fs::read_to_string(&path).expect("the configuration");
        let config = config.replace("udp:127.0.0.1:0", &format!("udp:{}", self.sip));
        let config = config.replace("tcp:127.0.0.1:0", &format!("tcp:{}", self.sip_tcp));
        let config = config.replace("listen = \"127.0.0.1:0\"", &format!("listen = \"{}\"", self.http));
        std::fs::write(&path, config).expect("a written configuration");
        let Started { child, log, sip, sip_tcp, http } = start(&path, &[], &[]);
        (self.child, self.log, self.sip, self.sip_tcp, self.http) = (child, log, sip, sip_tcp, http);
    }

    /// Where it listens by this transport.
    pub fn listens(&self, transport: Transport) -> SocketAddr {
        let what = format!("listening for SIP on {}:", transport.as_str().to_lowercase());
        let log = self.log();
        let (_, rest) = log.split_once(&what).expect("it listens by this transport");
        rest.split_whitespace().next().and_then(|text| text.parse().ok()).expect("an address")
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("not poisoned").clone()
    }

    /// Its RTP ports, used or not.
    pub fn media_ports(&self) -> RangeInclusive<u16> {
        self.media_ports.clone()
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its configuration's file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("holdfast.toml")
    }

    /// The records' file.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("calls.sqlite")
    }

    /// The records as `holdfast calls` shows them, whether or not it runs: outcome and who ended the call.
    pub fn stored(&self) -> Vec<(String, String)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        command.args(["calls", "--json", "--limit", "10000", "--store"]).arg(self.store());
        let output = command.output().expect("holdfast runs");
        assert!(output.status.success(), "{output:?}");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let lines = String::from_utf8(output.stdout).expect("text");
        let records = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        records.map(|record| (text(&record["outcome"]), text(&record["ended_by"]))).collect()
    }

    /// A GET without credentials.
    pub fn get(&self, path: &str) -> String {
        let mut response = ureq::get(format!("http://{}{path}", self.http)).call().expect("an answer");
        response.body_mut().read_to_string().expect("text")
    }

    /// A GET of the API.
    pub fn api(&self, path: &str) -> Value {
        let mut response = ureq::get(format!("http://{}{path}", self.http))
            .header("Authorization", &format!("Bearer {TOKEN}"))
            .call()
            .expect("an answer");
        response.body_mut().read_json().expect("JSON")
    }

    /// A POST to the API.
    pub fn post(&self, path: &str, body: Value) {
        ureq::post(format!("http://{}{path}", self.http))
            .header("Authorization", &format!("Bearer {TOKEN}"))
            .send_json(body)
            .expect("done");
    }

    /// Every sample of `/metrics`, by its name with labels.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let text = self.get("/metrics");
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples
            .filter_map(|line| {
                let (name, value) = line.rsplit_once(' ')?;
                Some((name.to_owned(), value.parse().ok()?))
            })
            .collect()
    }

    /// One sample; panics with what there is when it is missing.
    #[track_caller]
    pub fn metric(&self, name: &str) -> f64 {
        let all = self.metrics();
        *all.get(name).unwrap_or_else(|| panic!("no sample {name} among {:#?}", all.keys()))
    }

    /// Sends SIGTERM, as an operator or systemd does.
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for the process to end by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the process ends", Duration::from_secs(30), || child.try_wait().expect("a child of ours"))
    }
}

/// A process that listens.
struct Started {
    child: Child,
    log: Arc<Mutex<String>>,
    sip: SocketAddr,
    sip_tcp: SocketAddr,
    http: SocketAddr,
}

fn start(config: &Path, by: &[String], variables: &[(&str, &str)]) -> Started {
    let mut words = by.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_holdfast"), "run", "--config"]);
    let mut child = Command::new(words.next().expect("at least the program"))
        .args(words)
        .arg(config)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("holdfast starts");
    let log = Arc::new(Mutex::new(String::new()));
    let stderr = child.stderr.take().expect("piped");
    let sink = Arc::clone(&log);
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut log = sink.lock().expect("not poisoned");
            log.push_str(&line);
            log.push('\n');
        }
    });
    let find = |what: &str| {
        let log = log.lock().expect("not poisoned");
        let at = log.find(what)? + what.len();
        log[at..].split_whitespace().next()?.parse::<SocketAddr>().ok()
    };
    let mut listening = |what: &str| {
        eventually(what, Duration::from_secs(30), || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("holdfast ended with {status}:\n{}", log.lock().expect("not poisoned"));
            }
            find(what)
        })
    };
    let sip = listening("listening for SIP on udp:");
    let sip_tcp = listening("listening for SIP on tcp:");
    let http = listening("listening for HTTP on ");
    Started { child, log, sip, sip_tcp, http }
}

impl Drop for Holdfast {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- holdfast's log ---\n{}", self.log());
        }
    }
}
