//! SIPp plays captures at a call: a tone, which the agent's phone must hear, and keys (RFC 4733), which its
//! phone must be told of; and an agent's keys, by which he pauses the recording.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::media::Codec;
use holdfast::phone::{Phone, PhoneSettings};
use phones::{until, within};
use std::f64::consts::PI;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use support::engine::Holdfast;
use support::peer::{Sipp, free_port};
use support::wire::{Seen, write_pcap};

const TONE_HZ: f64 = 700.0;
/// Four seconds.
const TONE_PACKETS: u32 = 200;
/// What the caller presses: the event and the key.
const KEYS: [(u8, char); 5] = [(10, '*'), (7, '7'), (5, '5'), (0, '0'), (11, '#')];

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
name = "anna"
title = "Anna"
password = "anna's own"
skills = { english = 5 }
queues = ["sales"]
login = "automatic"
"#;

fn packet(index: u32, payload_type: u8, timestamp: u32, payload: &[u8]) -> Seen {
    let mut bytes = vec![0x80, payload_type];
    bytes.extend((index as u16).to_be_bytes());
    bytes.extend(timestamp.to_be_bytes());
    bytes.extend(0x5EED_u32.to_be_bytes());
    bytes.extend(payload);
    let [from, to] = [4_000, 4_002].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    // SIPp sends at the intervals of the capture.
    Seen { at: Duration::from_secs(1_000) + Duration::from_millis(20) * index, from, to, bytes }
}

/// A tone in µ-law.
fn tone() -> Vec<Seen> {
    let law = Codec::Pcmu.law().unwrap();
    let sample = |at: u32| (0.3 * 32_767.0 * (2.0 * PI * TONE_HZ * f64::from(at) / 8_000.0).sin()) as i16;
    let payload = |packet: u32| (0..160).map(|n| law.encode(sample(packet * 160 + n))).collect::<Vec<_>>();
    (0..TONE_PACKETS).map(|index| packet(index, 0, index * 160, &payload(index))).collect()
}

/// Keys as RFC 4733 §2.5.1 has them: one timestamp for each, growing durations, the end told three times.
fn keys(pressed: &[(u8, char)]) -> Vec<Seen> {
    let mut all = Vec::new();
    for (which, &(event, _)) in (0_u32..).zip(pressed) {
        for step in 0..10_u32 {
            let duration = ((step + 1).min(8) * 160) as u16;
            let [high, low] = duration.to_be_bytes();
            let is_end = step >= 7;
            let marked = if step == 0 { 101 | 0x80 } else { 101 };
            // Behind the tone, and with a pause after each.
            let index = TONE_PACKETS + which * 10 + step;
            let at = (TONE_PACKETS + which * 20) * 160;
            let mut seen = packet(index, marked, at, &[event, if is_end { 0x8A } else { 0x0A }, high, low]);
            seen.at += Duration::from_millis(200) * which;
            all.push(seen);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tone_and_keys_that_sipp_plays_reach_the_agents_phone() {
    let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
    let anna = Phone::bind(PhoneSettings::new(engine.sip, "anna", "anna's own")).await.unwrap();
    within(anna.register()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let captures = |folder: &Path| {
        write_pcap(&folder.join("tone.pcap"), &tone());
        write_pcap(&folder.join("keys.pcap"), &keys(&KEYS));
    };
    captures(folder.path());
    let mut caller = Sipp::start_in(
        folder,
        "caller_speaks.xml",
        free_port(),
        Some(engine.sip),
        &["-s", "4001", "-m", "1"],
    );
    let talking = within(anna.incoming()).await.unwrap().answer();
    within(talking.answered()).await.unwrap();
    until("the agent hears the tone alone", || talking.heard().tone_share(TONE_HZ) > 0.95).await;
    let pressed: String = KEYS.iter().map(|(_, key)| key).collect();
    until("the agent's phone is told of the last key", || talking.heard().digits.ends_with('#')).await;
    assert_eq!(talking.heard().digits, pressed, "each once, in order");
    assert_eq!(talking.heard().sources, 0, "all in one stream");
    talking.hang_up();
    let ledger = tokio::task::spawn_blocking(move || caller.ledger(Duration::from_secs(20))).await.unwrap();
    assert_eq!(ledger, (1, 0), "SIPp: succeeded, failed");
}

#[test]
fn keys_that_an_agents_sipp_plays_pause_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    // Key by key what pauses the recording: see `[recording] keys`.
    write_pcap(&folder.path().join("keys.pcap"), &keys(&[KEYS[0], KEYS[1]]));
    let recordings = tempfile::tempdir().unwrap();
    let port = free_port();
    let rules = RULES
        .replace("wrap_up = \"0s\"\n", "wrap_up = \"0s\"\nrecording = \"always\"\n")
        .replace("password = \"anna's own\"\n", &format!("contact = \"sip:anna@127.0.0.1:{port}\"\n"));
    let recording = format!(
        "[recording]\nfolder = \"{}\"\nkeys = \"*7\"\nfree_megabytes_min = 1\n[media]\n",
        recordings.path().display()
    );
    let engine = Holdfast::start_changed(&rules, |config| config.replacen("[media]\n", &recording, 1));
    let mut agent = Sipp::start_in(folder, "agent_presses.xml", port, None, &["-m", "1"]);
    let caller = ["-s", "4001", "-m", "1"];
    let mut caller = Sipp::start("caller.xml", free_port(), Some(engine.sip), &caller);
    let patience = Duration::from_secs(40);
    assert_eq!(
        (caller.ledger(patience), agent.ledger(patience)),
        ((1, 0), (1, 0)),
        "SIPp: succeeded, failed"
    );
    let papers = support::eventually("the recording's papers are there", Duration::from_secs(15), || {
        papers_in(recordings.path())
    });
    assert_eq!(papers["pauses"].as_array().map(Vec::len), Some(1), "{papers}");
    assert_eq!(papers["pauses"][0]["who"], "anna", "{papers}");
}

/// What lies beside the one recording somewhere in this folder.
fn papers_in(folder: &Path) -> Option<serde_json::Value> {
    std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).find_map(|path| {
        if path.is_dir() {
            return papers_in(&path);
        }
        let text = path.extension().is_some_and(|it| it == "json").then(|| std::fs::read_to_string(path));
        serde_json::from_str(&text?.ok()?).ok()
    })
}
