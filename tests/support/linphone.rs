//! Linphone's console phone: it answers by itself, says a tone, and records what it hears.

use super::audio::Recording;
use super::eventually;
use super::peer::{Peer, free_port};
use std::fmt::Write;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// What linphone can speak, as its configuration names it: name, clock rate, channels.
const CODECS: [(&str, u32, u8); 8] = [
    ("opus", 48_000, 2),
    ("speex", 16_000, 1),
    ("speex", 8_000, 1),
    ("PCMU", 8_000, 1),
    ("PCMA", 8_000, 1),
    ("GSM", 8_000, 1),
    ("G722", 8_000, 1),
    ("G729", 8_000, 1),
];

/// What a linphone is to be.
pub struct Plan<'a> {
    /// The engine, and the transport to it: `udp`, `tcp` or `tls`.
    pub server: SocketAddr,
    pub transport: &'a str,
    /// Its account, registered with digest; without one it only calls.
    pub account: Option<(&'a str, &'a str)>,
    /// The tone it says, in hertz.
    pub hz: f64,
    /// The one codec it has; without, those it has by itself.
    pub codec: Option<&'a str>,
    /// Whether its audio must be encrypted, with keys in the SDP.
    pub srtp: bool,
    /// Where it listens for SIP; anywhere if nothing is said.
    pub port: Option<u16>,
}

/// A linphonec.
pub struct Linphone {
    peer: Peer,
    folder: tempfile::TempDir,
}

impl Linphone {
    /// Starts it in a folder of its own.
    pub fn start(plan: &Plan) -> Self {
        Self::start_with(plan, "")
    }

    /// The same, with more lines about SIP in its configuration.
    pub fn start_with(plan: &Plan, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = configuration(plan).replacen("[sip]\n", &format!("[sip]\n{more}"), 1);
        let write = std::fs::write(folder.path().join("config"), config);
        write.expect("a written configuration");
        // It keeps a database of its own beneath its home.
        std::fs::create_dir_all(folder.path().join(".local/share/linphone")).expect("a folder");
        let tone = folder.path().join("tone.wav");
        Recording::write_tone(&tone, plan.hz, 90, 8000);
        let mut command = Command::new("linphonec");
        command.args(["-a", "-c"]).arg(folder.path().join("config")).current_dir(folder.path());
        command.env("HOME", folder.path()).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
        let peer = Peer::start_listening(&mut command, &folder.path().join("log"));
        let mut phone = Self { peer, folder };
        phone.tell("soundcard use files");
        phone.tell(&format!("play {}", tone.display()));
        phone.record("heard.wav");
        phone
    }

    /// Gives it a command of its console.
    pub fn tell(&mut self, command: &str) {
        self.peer.tell(command);
    }

    /// What it hears from now on is recorded in this file of its folder.
    pub fn record(&mut self, name: &str) {
        let path = self.folder.path().join(name);
        self.tell(&format!("record {}", path.display()));
    }

    /// What it has written on its console.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A recording it has finished; the header tells of more samples than there are, so they are read as they stand.
    pub fn heard(&self, name: &str) -> Recording {
        let bytes = eventually("linphone has finished its recording", Duration::from_secs(10), || {
            // It writes the header last.
            std::fs::read(self.folder.path().join(name)).ok().filter(|bytes| bytes.starts_with(b"RIFF"))
        });
        let rate = u32::from_le_bytes(bytes[24..28].try_into().expect("four bytes"));
        assert_eq!((&bytes[20..24], &bytes[34..36]), (&[1, 0, 1, 0][..], &[16, 0][..]), "PCM, mono, 16 bits");
        let pairs = bytes[44..].chunks_exact(2);
        let samples = pairs.map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0);
        Recording { samples: samples.collect(), rate: rate as usize }
    }

    /// Makes it end in good order.
    pub fn quit(&mut self) {
        self.tell("quit");
        self.peer.ended(Duration::from_secs(20));
    }
}

fn configuration(plan: &Plan) -> String {
    let port = plan.port.unwrap_or_else(free_port);
    let of = |wanted: &str| if wanted == plan.transport { port } else { 0 };
    let name = plan.account.map_or("jane", |(name, _)| name);
    let mut config = format!(
        "[sip]\nsip_port={udp}\nsip_tcp_port={tcp}\nsip_tls_port={tls}\ndefault_proxy={proxy}\nguess_hostname=0\n\
         use_ipv6=0\nregister_only_when_network_is_up=0\ncontact=<sip:{name}@127.0.0.1>\n\
         media_encryption={encryption}\nmedia_encryption_mandatory={srtp}\n\
         [rtp]\naudio_rtp_port={rtp}\nbind_address=127.0.0.1\n[sound]\nec=0\n",
        udp = of("udp"),
        tcp = of("tcp"),
        tls = of("tls"),
        proxy = if plan.account.is_some() { 0 } else { -1 },
        encryption = if plan.srtp { "srtp" } else { "none" },
        srtp = u8::from(plan.srtp),
        rtp = free_port(),
    );
    if let Some((name, password)) = plan.account {
        let _ = write!(
            config,
            "[proxy_0]\nreg_proxy=<sip:{server};transport={transport}>\nreg_identity=sip:{name}@127.0.0.1\n\
             reg_expires=60\nreg_sendregister=1\npublish=0\n\
             [auth_info_0]\nusername={name}\npasswd={password}\nrealm=holdfast\n",
            server = plan.server,
            transport = plan.transport,
        );
    }
    for (at, (name, rate, channels)) in plan.codec.iter().flat_map(|_| CODECS).enumerate() {
        let is_on = u8::from(plan.codec.is_some_and(|codec| codec.eq_ignore_ascii_case(name)));
        let _ = write!(
            config,
            "[audio_codec_{at}]\nmime={name}\nrate={rate}\nchannels={channels}\nenabled={is_on}\n"
        );
    }
    config
}
