//! baresip, headless: it says a tone, records what it hears, and is told over a socket what to do.

use super::audio::Recording;
use super::eventually;
use super::peer::{Peer, free_port};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What a baresip is to be.
pub struct Plan<'a> {
    /// Its account line, without codecs and encryption.
    pub account: &'a str,
    /// The tone it says, in hertz.
    pub hz: f64,
    /// Its codecs, as its account line names them: `pcma`, `opus/48000/2`, `L16/16000/1`.
    pub codecs: &'a str,
    /// The encryption of its audio: `srtp-mand` for SDES or nothing.
    pub srtp: Option<&'a str>,
    /// Where it listens for SIP; anywhere if nothing is said.
    pub port: Option<u16>,
    /// Whom it calls.
    pub dial: Option<&'a str>,
}

/// A baresip that says a tone and records everything it hears.
pub struct Baresip {
    peer: Peer,
    folder: tempfile::TempDir,
    control: u16,
}

impl Baresip {
    /// Starts it in a folder of its own.
    pub fn start(plan: &Plan) -> Self {
        Self::start_with(plan, "")
    }

    /// The same, with more lines in its configuration.
    pub fn start_with(plan: &Plan, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let control = free_port();
        let tone = folder.path().join("tone.wav");
        Recording::write_tone(&tone, plan.hz, 90, 8000);
        let rtp = free_port();
        let mut config = format!(
            "poll_method epoll\nsip_listen 127.0.0.1:{port}\nnet_interface 127.0.0.1\ncall_local_timeout 120\n\
             audio_source aufile,{tone}\naudio_player nil,nil\nausrc_srate 8000\nauplay_srate 8000\n\
             ausrc_channels 1\nauplay_channels 1\nrtp_ports {rtp}-{rtp_last}\nctrl_tcp_listen 127.0.0.1:{control}\n\
             module_path {modules}\nsnd_path {here}\nmodule_tmp account.so\nmodule_app menu.so\n\
             module_app ctrl_tcp.so\n",
            port = plan.port.unwrap_or_else(free_port),
            tone = tone.display(),
            // Both ports and those behind them are ours: see `free_port`.
            rtp_last = rtp + 3,
            modules = modules().display(),
            here = folder.path().display(),
        );
        for module in ["g711", "g722", "opus", "l16", "srtp", "aufile", "sndfile"] {
            let _ = writeln!(config, "module {module}.so");
        }
        config.push_str(more);
        let encryption = plan.srtp.map(|srtp| format!(";mediaenc={srtp}")).unwrap_or_default();
        let account = format!("{};audio_codecs={}{encryption}\n", plan.account, plan.codecs);
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        write("config", &config);
        write("accounts", &account);
        write("contacts", "");
        let mut command = Command::new("baresip");
        command.arg("-f").arg(folder.path()).args(["-s", "-t", "120"]);
        if let Some(uri) = plan.dial {
            command.args(["-e", &format!("/dial {uri}")]);
        }
        let peer = Peer::start(&mut command, &folder.path().join("log"));
        Self { peer, folder, control }
    }

    /// Gives it a command (`hold`, `resume`, `hangup`, …), as a netstring with JSON inside.
    pub fn tell(&self, command: &str) {
        self.tell_with(command, "");
    }

    /// The same, of a command that needs to know more: `transfer` and whom to.
    pub fn tell_with(&self, command: &str, more: &str) {
        let json = format!(r#"{{"command":"{command}","params":"{more}","token":"tests"}}"#);
        let mut stream = eventually("baresip's control port is open", Duration::from_secs(10), || {
            TcpStream::connect(("127.0.0.1", self.control)).ok()
        });
        write!(stream, "{}:{json},", json.len()).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a deadline");
        // Events may come before the answer, which alone repeats our token.
        let (mut said, mut piece) = (String::new(), [0; 1024]);
        while !said.contains("\"token\":\"tests\"") {
            let length = std::io::Read::read(&mut stream, &mut piece).expect("an answer");
            assert!(length > 0, "baresip on {command} falls silent: {said}");
            said.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
        assert!(said.contains("\"ok\":true"), "baresip on {command}: {said}");
    }

    /// What it has written on its screen, all SIP messages included.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Makes it end in good order, hanging up if need be.
    pub fn end(&mut self) {
        self.peer.terminate();
        self.peer.ended(Duration::from_secs(10));
    }

    /// Waits for the end of its call, ends it, and gives what it heard.
    pub fn heard(mut self) -> Vec<Recording> {
        eventually("baresip says that the call is over", Duration::from_secs(10), || {
            self.log().contains("terminated").then_some(())
        });
        self.end();
        self.recordings()
    }

    /// What it heard, once it has ended: one recording after each change of the audio that was agreed.
    pub fn recordings(&self) -> Vec<Recording> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder");
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.to_string_lossy().ends_with("-dec.wav"))
            .collect();
        // Their names have the time.
        paths.sort();
        assert!(!paths.is_empty(), "a recording of what was heard");
        paths.iter().map(|path| Recording::read(path)).collect()
    }
}

fn modules() -> PathBuf {
    [
        "/usr/lib/baresip/modules",
        "/usr/lib/x86_64-linux-gnu/baresip/modules",
        "/usr/lib/aarch64-linux-gnu/baresip/modules",
    ]
    .into_iter()
    .map(Path::new)
    .find(|path| path.is_dir())
    .expect("baresip's modules; `tests/run` installs them")
    .to_owned()
}
