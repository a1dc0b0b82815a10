//! Kamailio as others put it in front: a proxy that records its route and passes registrations on with its Path, or a
//! registrar of its own that knows where the phones are.

use super::eventually;
use super::peer::{Peer, free_port};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where registrations go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Registrations {
    /// On to the engine, with a Path.
    PassedOn,
    /// Nowhere: Kamailio keeps them itself.
    Kept,
}

/// A running Kamailio; killed when dropped.
pub struct Kamailio {
    _peer: Peer,
    folder: tempfile::TempDir,
    /// Where it listens.
    pub sip: SocketAddr,
}

impl Kamailio {
    /// Starts it in front of the engine at `engine`, on this port.
    pub fn start(port: u16, engine: SocketAddr, registrations: Registrations) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("kamailio.cfg");
        let sip = SocketAddr::from(([127, 0, 0, 1], port));
        std::fs::write(&config, configuration(sip, engine, registrations)).expect("written");
        Self::run(folder, &config, sip, "32", "4")
    }

    fn run(folder: tempfile::TempDir, config: &Path, sip: SocketAddr, shared: &str, private: &str) -> Self {
        let mut command = Command::new("kamailio");
        // Not into the background, little memory, one process for each socket.
        command.args(["-DD", "-E", "-n", "1", "-m", shared, "-M", private, "-f"]).arg(config);
        command.arg("-P").arg(folder.path().join("pid")).arg("-Y").arg(folder.path());
        let peer = Peer::start(&mut command, &folder.path().join("log"));
        let kamailio = Self { _peer: peer, folder, sip };
        eventually("kamailio answers", Duration::from_secs(30), || kamailio.answers().then_some(()));
        kamailio
    }

    /// Starts it as the edge of a carrier: it takes calls by UDP on this port and passes them on over TLS, where it looks at
    /// the engine's certificate and shows its own.
    pub fn start_as_edge(port: u16, engine: SocketAddr, own: &(PathBuf, PathBuf), authority: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("kamailio.cfg");
        let sip = SocketAddr::from(([127, 0, 0, 1], port));
        let (certificate, key) = (own.0.display(), own.1.display());
        let files =
            format!("certificate = {certificate}\nprivate_key = {key}\nca_list = {}\n", authority.display());
        let sides = ["server", "client"].map(|side| {
            format!("[{side}:default]\nmethod = TLSv1.2+\nverify_certificate = yes\nrequire_certificate = yes\n{files}")
        });
        std::fs::write(folder.path().join("tls.cfg"), sides.concat()).expect("written");
        std::fs::write(&config, edge(sip, engine, folder.path())).expect("written");
        Self::run(folder, &config, sip, "64", "8")
    }

    /// A port for it, before it starts: others must know it first.
    pub fn port() -> u16 {
        free_port()
    }

    /// What it has written.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn answers(&self) -> bool {
        let ping = |socket: &UdpSocket| {
            let local = socket.local_addr()?;
            let text = format!(
                "OPTIONS sip:ping@{sip} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bKping\r\n\
                 From: <sip:ping@{local}>;tag=1\r\nTo: <sip:ping@{sip}>\r\nCall-ID: ping-{port}\r\nCSeq: 1 OPTIONS\r\n\
                 Max-Forwards: 0\r\nContent-Length: 0\r\n\r\n",
                sip = self.sip,
                port = local.port(),
            );
            socket.set_read_timeout(Some(Duration::from_millis(200)))?;
            socket.send_to(text.as_bytes(), self.sip)?;
            socket.recv(&mut [0; 2048])
        };
        UdpSocket::bind("127.0.0.1:0").and_then(|socket| ping(&socket)).is_ok()
    }
}

fn configuration(sip: SocketAddr, engine: SocketAddr, registrations: Registrations) -> String {
    let register = match registrations {
        Registrations::PassedOn => {
            format!("add_path_received();\n    $du = \"sip:{engine}\";\n    t_relay();")
        }
        Registrations::Kept => "save(\"location\");".to_owned(),
    };
    let to_phones = match registrations {
        // The Route that came with the request has been taken off; what is left is where the phone is.
        Registrations::PassedOn => "",
        Registrations::Kept => {
            "if (!lookup(\"location\")) { sl_send_reply(\"404\", \"Not Found\"); exit; }\n"
        }
    };
    let modules: String =
        ["tm", "sl", "rr", "pv", "maxfwd", "textops", "siputils", "path", "usrloc", "registrar"]
            .map(|module| format!("loadmodule \"{module}.so\"\n"))
            .concat();
    format!(
        r#"#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
auto_aliases=no
mpath="{mpath}"
listen=udp:{sip}
{modules}
modparam("rr", "enable_full_lr", 1)
modparam("path", "use_received", 1)
modparam("usrloc", "db_mode", 0)
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
  if (has_totag()) {{
    if (loose_route()) {{ t_relay(); exit; }}
    if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
    sl_send_reply("404", "Not Here");
    exit;
  }}
  t_check_trans();
  if ($sp == {engine_port}) {{
    loose_route();
    if (is_method("INVITE")) record_route();
    {to_phones}
    t_relay();
    exit;
  }}
  if (is_method("REGISTER")) {{
    {register}
    exit;
  }}
  if (is_method("INVITE")) record_route();
  $du = "sip:{engine}";
  t_relay();
}}
"#,
        mpath = modules_folder().display(),
        engine_port = engine.port(),
    )
}

fn edge(sip: SocketAddr, engine: SocketAddr, here: &Path) -> String {
    let modules: String = ["tm", "sl", "rr", "pv", "maxfwd", "textops", "siputils", "tls"]
        .map(|module| format!("loadmodule \"{module}.so\"\n"))
        .concat();
    format!(
        r#"#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
tcp_children=1
enable_tls=yes
auto_aliases=no
mpath="{mpath}"
listen=udp:{sip}
listen=tls:127.0.0.1:{tls_port}
{modules}
modparam("rr", "enable_full_lr", 1)
modparam("tls", "config", "{here}/tls.cfg")
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
  if (has_totag()) {{
    if (loose_route()) {{ t_relay(); exit; }}
    if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
    sl_send_reply("404", "Not Here");
    exit;
  }}
  t_check_trans();
  record_route();
  $du = "sip:{engine};transport=tls";
  t_relay();
}}
"#,
        mpath = modules_folder().display(),
        here = here.display(),
        tls_port = sip.port() + 1,
    )
}

fn modules_folder() -> PathBuf {
    ["/usr/lib/x86_64-linux-gnu/kamailio/modules", "/usr/lib/aarch64-linux-gnu/kamailio/modules"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_dir())
        .expect("kamailio's modules; `tests/run` installs them")
}
