//! Real peers as child processes: programs that none of us wrote.

use super::eventually;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// Where to look next for a free port: above the range from which the kernel serves those who ask for any, and above
/// everybody's RTP ports, so that nobody takes it between this look and its use.
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// What tells other test binaries on this machine which ports are taken, for they look where we do: a port on an
/// address of its own for each, held to the end.
static CLAIMS: Mutex<Vec<TcpListener>> = Mutex::new(Vec::new());

/// An even port that nobody uses for UDP or TCP, nor the three above it: RTP and RTCP of SIPp's audio and video.
pub fn free_port() -> u16 {
    let start = (std::process::id() % 100) as u16 * 44;
    (0..1_100)
        .map(|_| 61_000 + (start + NEXT_PORT.fetch_add(4, Ordering::Relaxed)) % 4_400)
        .find(|port| is_claimed_by_us(*port) && is_free(*port))
        .expect("a free port")
}

/// On every address: some peers bind them all.
fn is_free(port: u16) -> bool {
    (port..port + 4).all(|port| {
        UdpSocket::bind(("0.0.0.0", port)).is_ok() && TcpListener::bind(("0.0.0.0", port)).is_ok()
    })
}

fn is_claimed_by_us(port: u16) -> bool {
    let claim = TcpListener::bind(("127.77.0.1", 12_000 + (port - 61_000) / 4)).ok();
    let is_ours = claim.is_some();
    CLAIMS.lock().expect("not poisoned").extend(claim);
    is_ours
}

/// A running peer; killed when dropped.
pub struct Peer {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Peer {
    /// Starts a program with its output in `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        Self::start_with(command, log, Stdio::null())
    }

    /// The same for a program that is told what to do, line by line.
    pub fn start_listening(command: &mut Command, log: &Path) -> Self {
        Self::start_with(command, log, Stdio::piped())
    }

    /// Tells it a line.
    pub fn tell(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("started to listen");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("it listens");
    }

    fn start_with(command: &mut Command, log: &Path, input: Stdio) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let out = std::fs::File::create(log).expect("a log file");
        let err = out.try_clone().expect("a log file");
        let child = command
            .stdin(input)
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start ({error}); `tests/run` installs it"));
        Self { name, child, log: log.to_owned() }
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
    }

    /// Waits for it to end by itself.
    #[track_caller]
    pub fn ended(&mut self, within: Duration) -> ExitStatus {
        let child = &mut self.child;
        eventually(&format!("{} ends", self.name), within, || child.try_wait().expect("a child of ours"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read(&self.log).unwrap_or_default();
            // baresip draws its counters over and over on one line.
            let text = String::from_utf8_lossy(&log).replace("audio=0/0 (bit/s)", "");
            eprintln!("--- {}'s output ---\n{text}", self.name);
        }
    }
}

/// One run of SIPp with a scenario of `tests/sip/`.
pub struct Sipp {
    peer: Peer,
    folder: tempfile::TempDir,
}

impl Sipp {
    /// Starts SIPp on `port` against `remote`; `more` are further arguments.
    pub fn start(scenario: &str, port: u16, remote: Option<SocketAddr>, more: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary folder"), scenario, port, remote, more)
    }

    /// The same in a folder with what the scenario plays.
    pub fn start_in(
        folder: tempfile::TempDir,
        scenario: &str,
        port: u16,
        remote: Option<SocketAddr>,
        more: &[&str],
    ) -> Self {
        let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sip").join(scenario);
        let mut command = Command::new("sipp");
        if let Some(remote) = remote {
            command.arg(remote.to_string());
        }
        command.arg("-sf").arg(scenario).args(["-i", "127.0.0.1", "-p", &port.to_string()]);
        command.args(["-mp", &free_port().to_string(), "-nostdin", "-trace_err", "-error_file"]);
        command.arg(folder.path().join("errors"));
        command.args(["-trace_stat", "-fd", "1", "-stf"]).arg(folder.path().join("ledger.csv")).args(more);
        command.current_dir(folder.path());
        let peer = Peer::start(&mut command, &folder.path().join("screen"));
        Self { peer, folder }
    }

    /// Waits for its last call and gives its ledger: calls that succeeded and calls that failed.
    #[track_caller]
    pub fn ledger(&mut self, within: Duration) -> (u64, u64) {
        let status = self.peer.ended(within);
        let csv = std::fs::read_to_string(self.folder.path().join("ledger.csv")).expect("SIPp's ledger");
        let mut lines = csv.lines();
        let names: Vec<_> = lines.next().expect("a head line").split(';').collect();
        let last: Vec<_> = lines.last().expect("at least one line").split(';').collect();
        let column = |name: &str| {
            let at = names.iter().position(|column| *column == name).expect("a known column");
            last[at].parse().expect("a number")
        };
        let (succeeded, failed) = (column("SuccessfulCall(C)"), column("FailedCall(C)"));
        if failed > 0 {
            eprintln!("SIPp ended with {status}; its errors:\n{}", self.errors());
        }
        (succeeded, failed)
    }

    fn errors(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("errors")).unwrap_or_default()
    }
}
