//! Linphone's console phone as an agent: it registers with digest, answers, talks, and either side ends the call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Dial, Ended, Phone, PhoneSettings, Side, Sound};
use phones::{until, within};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::audio::Recording;
use support::engine::Holdfast;
use support::eventually;
use support::peer::{Peer, free_port};

const CALLERS_TONE_HZ: f64 = 700.0;
const AGENTS_TONE_HZ: f64 = 1100.0;

const RULES: &str = r#"
skills = ["english"]
[[queue]]
name = "sales"
title = "Sales"
music = ["slow-tide"]
requires = "english"
wrap_up = "0s"
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "ben"
title = "Ben"
password = "correct-horse-battery"
skills = { english = 5 }
queues = ["sales"]
login = "automatic"
"#;

/// A linphonec that answers by itself, says a tone and records what it hears.
fn linphone(engine: &Holdfast, folder: &Path, transport: &str) -> Peer {
    let server = if transport == "tcp" { engine.sip_tcp } else { engine.sip };
    let port = free_port();
    let of = |wanted: &str| if wanted == transport { port } else { 0 };
    let config = format!(
        "[sip]\nsip_port={udp}\nsip_tcp_port={tcp}\nsip_tls_port=0\ndefault_proxy=0\nguess_hostname=0\n\
         use_ipv6=0\nregister_only_when_network_is_up=0\ncontact=<sip:ben@127.0.0.1>\n\
         [rtp]\naudio_rtp_port={rtp}\n\
         [proxy_0]\nreg_proxy=<sip:{server};transport={transport}>\nreg_identity=sip:ben@127.0.0.1\n\
         reg_expires=60\nreg_sendregister=1\npublish=0\n\
         [auth_info_0]\nusername=ben\npasswd=correct-horse-battery\nrealm=holdfast\n\
         [sound]\nec=0\n",
        udp = of("udp"),
        tcp = of("tcp"),
        rtp = free_port(),
    );
    std::fs::write(folder.join("config"), config).unwrap();
    // It keeps a database of its own beneath its home.
    std::fs::create_dir_all(folder.join(".local/share/linphone")).unwrap();
    let tone = folder.join("tone.wav");
    Recording::write_tone(&tone, AGENTS_TONE_HZ, 60, 8000);
    let mut command = Command::new("linphonec");
    command.args(["-a", "-c"]).arg(folder.join("config")).current_dir(folder);
    command.env("HOME", folder).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
    let mut phone = Peer::start_listening(&mut command, &folder.join("log"));
    phone.tell("soundcard use files");
    phone.tell(&format!("play {}", tone.display()));
    phone.tell(&format!("record {}", folder.join("heard.wav").display()));
    phone
}

/// Its recording; the header tells of more samples than there are, so the samples are read as they stand.
fn heard(folder: &Path) -> Recording {
    let bytes = eventually("linphone has finished its recording", Duration::from_secs(10), || {
        // It writes the header last.
        std::fs::read(folder.join("heard.wav")).ok().filter(|bytes| bytes.starts_with(b"RIFF"))
    });
    let rate = u32::from_le_bytes(bytes[24..28].try_into().unwrap());
    assert_eq!((&bytes[20..24], &bytes[34..36]), (&[1, 0, 1, 0][..], &[16, 0][..]), "PCM, mono, 16 bits");
    let samples =
        bytes[44..].chunks_exact(2).map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0);
    Recording { samples: samples.collect(), rate: rate as usize }
}

async fn a_call_ended_by_the_agent_and_one_by_the_caller(transport: &'static str) {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut ben = linphone(&engine, folder.path(), transport);
    let ready = r#"holdfast_queue_agents{queue="sales",state="ready"}"#;
    eventually("linphone has registered with digest", Duration::from_secs(30), || {
        (engine.metric(ready) == 1.0).then_some(())
    });
    let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    let trunk = Phone::bind(PhoneSettings::new(engine.sip, "trunk", "")).await.unwrap();
    let dial = || Dial {
        target: "4001".into(),
        number: Some("+4930123".into()),
        display: Some("Grete Weiser".into()),
        sound: Sound::Tone(CALLERS_TONE_HZ),
    };

    let first = trunk.dial(dial()).await.unwrap();
    within(first.answered()).await.unwrap();
    until("the caller hears the agent alone", || first.heard().tone_share(AGENTS_TONE_HZ) > 0.95).await;
    let packets = first.heard().packets;
    until("they talk for three seconds", || first.heard().packets > packets + 150).await;
    assert!(log().contains("Sales: Grete Weiser"), "its display shows queue and caller");
    ben.tell("terminate");
    assert_eq!(within(first.ended()).await, Ended { by: Side::There, status: None });
    let by_agent = heard(folder.path()).tone_shares(CALLERS_TONE_HZ);
    let clear = by_agent.iter().filter(|share| **share > 0.95).count();
    assert!(clear >= 4, "the agent heard the caller: {by_agent:.2?}");

    let second = trunk.dial(dial()).await.unwrap();
    within(second.answered()).await.unwrap();
    until("the caller hears the agent again", || second.heard().tone_share(AGENTS_TONE_HZ) > 0.95).await;
    second.hang_up();
    within(second.ended()).await;
    eventually("linphone says that both calls are over", Duration::from_secs(10), || {
        (log().matches("ended (").count() >= 2).then_some(())
    });
    let records = eventually("both have their records", Duration::from_secs(10), || {
        let records = engine.api("/v1/records");
        (records.as_array().map(Vec::len) == Some(2)).then_some(records)
    });
    // The newest is first.
    assert_eq!((&records[0]["ended_by"], &records[1]["ended_by"]), (&"caller".into(), &"agent".into()));
    ben.tell("quit");
    ben.ended(Duration::from_secs(20));
    eventually("it has taken its registration back", Duration::from_secs(10), || {
        (engine.metric(ready) == 0.0).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linphone_over_udp_takes_calls_and_either_side_ends_them() {
    a_call_ended_by_the_agent_and_one_by_the_caller("udp").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linphone_over_tcp_takes_calls_and_either_side_ends_them() {
    a_call_ended_by_the_agent_and_one_by_the_caller("tcp").await;
}
