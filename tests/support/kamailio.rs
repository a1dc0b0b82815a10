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
        std::fs::write(&config, configuration(sip, engine, registrations, None)).expect("written");
        Self::run(folder, &config, sip, "32", "4")
    }

    /// The same, passing registrations on, with TLS to both sides: phones look at its certificate, and it at the engine's.
    pub fn start_secured(port: u16, engine: SocketAddr, own: &(PathBuf, PathBuf), authority: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("kamailio.cfg");
        let sip = SocketAddr::from(([127, 0, 0, 1], port));
        write_tls(folder.path(), own, authority, ("no", "no"));
        let text = configuration(sip, engine, Registrations::PassedOn, Some(folder.path()));
        std::fs::write(&config, text).expect("written");
        Self::run(folder, &config, sip, "64", "8")
    }

    /// Where it listens for TLS, if it does.
    pub fn tls(&self) -> SocketAddr {
        beside(self.sip)
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
        write_tls(folder.path(), own, authority, ("yes", "yes"));
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

/// Its port for TLS is the one above that for UDP.
fn beside(sip: SocketAddr) -> SocketAddr {
    SocketAddr::new(sip.ip(), sip.port() + 1)
}

/// What it shows by TLS and whom it believes; `looks` is whether it looks at the certificates of those who come to it, and
/// wants them to have one. It looks at the certificates of those it goes to in any case.
fn write_tls(here: &Path, own: &(PathBuf, PathBuf), authority: &Path, looks: (&str, &str)) {
    let (certificate, key, authority) = (own.0.display(), own.1.display(), authority.display());
    let side = |side: &str, (verify, require): (&str, &str)| {
        format!(
            "[{side}:default]\nmethod = TLSv1.2+\nverify_certificate = {verify}\nrequire_certificate = {require}\n\
             certificate = {certificate}\nprivate_key = {key}\nca_list = {authority}\n"
        )
    };
    let text = side("server", looks) + &side("client", ("yes", "yes"));
    std::fs::write(here.join("tls.cfg"), text).expect("written");
}

/// `secured` is the folder of its configuration of TLS, where that is spoken to phones and engine.
fn configuration(
    sip: SocketAddr,
    engine: SocketAddr,
    registrations: Registrations,
    secured: Option<&Path>,
) -> String {
    let (transports, to_engine, tls_files) = match secured {
        None => ("disable_tcp=yes".to_owned(), format!("sip:{engine}"), String::new()),
        Some(here) => (
            format!("enable_tls=yes\ntcp_children=1\nlisten=tls:{}", beside(sip)),
            format!("sip:{engine};transport=tls"),
            format!(
                "loadmodule \"tls.so\"\nloadmodule \"nathelper.so\"\nmodparam(\"tls\", \"config\", \"{}/tls.cfg\")",
                here.display()
            ),
        ),
    };
    // Phones do not listen for TLS: the way to them is the connection they have opened, noted in their Contact.
    let (alias, answers_alias, by_alias) = if secured.is_some() {
        let alias = format!("if ($sp != {} && !is_method(\"REGISTER\")) add_contact_alias();", engine.port());
        (alias.clone(), format!("onreply_route {{ {alias} }}"), "handle_ruri_alias();")
    } else {
        (String::new(), String::new(), "")
    };
    let register = match registrations {
        Registrations::PassedOn => {
            format!("add_path_received();\n    $du = \"{to_engine}\";\n    t_relay();")
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
{transports}
auto_aliases=no
mpath="{mpath}"
listen=udp:{sip}
{modules}
{tls_files}
modparam("rr", "enable_full_lr", 1)
modparam("path", "use_received", 1)
modparam("usrloc", "db_mode", 0)
{answers_alias}
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
  {alias}
  if (has_totag()) {{
    if (loose_route()) {{ {by_alias} t_relay(); exit; }}
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
  $du = "{to_engine}";
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
        tls_port = beside(sip).port(),
    )
}

fn modules_folder() -> PathBuf {
    ["/usr/lib/x86_64-linux-gnu/kamailio/modules", "/usr/lib/aarch64-linux-gnu/kamailio/modules"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_dir())
        .expect("kamailio's modules; `tests/run` installs them")
}
