//! tshark, which none of us wrote, on what a caller's phone is sent: welcome, music, an agent, music on hold, the agent
//! again are one stream without loss, disorder or jump.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

mod support;

use std::path::Path;
use std::process::Command;
use support::audio::Recording;
use support::baresip::Baresip;
use support::conversation::*;
use support::tap::Tap;
use support::wire::{Seen, write_pcap};

/// The caller's codec by baresip's name, the agent's, and the clock of the caller's timestamps in hertz.
const PAIRS: [(&str, &str, f64); 4] = [
    ("pcmu", "pcmu", 8_000.0),
    ("pcma", "g722", 8_000.0),
    ("g722", "pcmu", 8_000.0),
    ("opus/48000/2", "pcma", 48_000.0),
];
/// The machine may be busy, on either side of the wire.
const LATE_SECS_MAX: f64 = 0.3;

/// tshark on a capture in which everything on these ports is RTP.
fn tshark(capture: &Path, ports: [u16; 2], arguments: &[&str]) -> String {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(capture);
    for port in ports {
        command.args(["-d", &format!("udp.port=={port},rtp")]);
    }
    let output = command.args(arguments).output().expect("tshark starts; `tests/run` installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn what_a_caller_is_sent_from_the_welcome_to_the_end_is_one_stream_without_a_gap() {
    let engine = engine(PAIRS.len(), |_| String::new(), |config| config);
    let taps: Vec<Tap> = PAIRS.iter().map(|_| Tap::new(None)).collect();
    taps.iter().for_each(|tap| tap.lead_to(engine.sip));
    let agents: Vec<Baresip> =
        PAIRS.iter().enumerate().map(|(at, (_, agent, _))| baresip_agent(&engine, at, agent)).collect();
    let mut callers = Vec::new();
    let dial = || {
        for (at, (caller, ..)) in PAIRS.iter().enumerate() {
            callers.push(baresip_dials(&format!("sip:{}@{}", 4_000 + at, taps[at].sip), caller, None));
        }
    };
    calls(&engine, PAIRS.len(), dial, |held| {
        agents.iter().for_each(|agent| agent.tell(if held { "hold" } else { "resume" }));
    });
    for ((codec, agent, clock_hz), (caller, tap)) in PAIRS.iter().zip(callers.into_iter().zip(&taps)) {
        check_caller(&format!("the caller with {codec}, to {agent},"), &caller.heard()[0]);
        check(&format!("{codec} to {agent}"), &tap.seen(), *clock_hz, |port| {
            engine.media_ports().contains(&port)
        });
    }
}

#[test]
fn a_prompt_that_cuts_into_the_music_and_the_music_behind_it_are_one_stream_too() {
    let elsewhere = "overflow = [{ after = \"10s\", queue = \"q1\" }]\n[[number]]\ndialled = \"4000\"";
    let engine = engine(
        2,
        |_| String::new(),
        |config| config.replacen("[[number]]\ndialled = \"4000\"", elsewhere, 1),
    );
    let tap = Tap::new(None);
    tap.lead_to(engine.sip);
    let caller = baresip_dials(&format!("sip:4000@{}", tap.sip), "pcmu", None);
    stage(&engine, 1, "waiting");
    part(&engine, 1, 22.0);
    let calls = engine.api("/v1/calls");
    let call = calls[0]["id"].as_str().expect("an identity");
    engine.post(&format!("/v1/calls/{call}/hangup"), serde_json::json!({}));
    let heard = &caller.heard()[0];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let welcome = Recording::read(&root.join("prompts/en/welcome.wav"));
    let music = Recording::read(&root.join("hold-music/slow-tide.wav"));
    // The welcome has 5.4 seconds; the second queue's begins after ten.
    for (from, what) in [(1.0, &welcome), (7.0, &music), (11.5, &welcome), (17.5, &music)] {
        let mut pieces = (0..4).map(|piece| from + f64::from(piece) * 0.5);
        let is_heard = pieces.any(|from| heard.likeness_to_loop(from, from + 1.5, what) > 0.5);
        assert!(is_heard, "what is heard from {from} s on");
    }
    check("the prompt in the music", &tap.seen(), 8_000.0, |port| engine.media_ports().contains(&port));
}

fn check(what: &str, packets: &[Seen], clock_hz: f64, is_engines: impl Fn(u16) -> bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let capture = folder.path().join("call.pcap");
    write_pcap(&capture, packets);
    let sent = packets.iter().find(|packet| is_engines(packet.from.port())).expect("something was sent");
    let ports = [sent.from.port(), sent.to.port()];
    let table = tshark(&capture, ports, &["-q", "-z", "rtp,streams"]);
    // Start and end, source and its port, destination and its port, SSRC, codec, packets, lost and its share, …; at the
    // end of the line an X where tshark sees a problem.
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    let streams: Vec<_> =
        rows.iter().filter(|row| row.get(3) == Some(&ports[0].to_string().as_str())).collect();
    let [stream] = streams[..] else { panic!("{what}: one stream is sent:\n{table}") };
    let lost = stream.iter().find(|word| word.starts_with('(')).expect("the share that was lost");
    assert_eq!(*lost, "(0.0%)", "{what}:\n{table}");
    assert_ne!(stream.last(), Some(&"X"), "{what}: a problem\n{table}");

    let wanted = ["frame.time_epoch", "rtp.seq", "rtp.timestamp", "rtp.ssrc"];
    let source = format!("udp.srcport=={} && rtp", ports[0]);
    let mut arguments = vec!["-Y", &source, "-T", "fields"];
    wanted.iter().for_each(|name| arguments.extend(["-e", name]));
    let fields = tshark(&capture, ports, &arguments);
    let number = |text: &str| text.parse::<f64>().expect("a number");
    let rows: Vec<Vec<&str>> = fields.lines().map(|line| line.split('\t').collect()).collect();
    assert!(rows.len() > 1_000, "{what}: {} packets in more than 20 seconds", rows.len());
    assert!(rows.iter().all(|row| row[3] == rows[0][3]), "{what}: one source");
    let media_secs = |row: &[&str], before: &[&str]| {
        // Timestamps go round.
        let ticks = (number(row[2]) - number(before[2])).rem_euclid(4_294_967_296.0);
        (if ticks > 2_147_483_648.0 { ticks - 4_294_967_296.0 } else { ticks }) / clock_hz
    };
    for (at, pair) in rows.windows(2).enumerate() {
        let step = (number(pair[1][1]) - number(pair[0][1])).rem_euclid(65_536.0);
        assert_eq!(step, 1.0, "{what}: sequence after packet {at}");
        for before in [&pair[0], &rows[0]] {
            let arrival = number(pair[1][0]) - number(before[0]);
            let jump = media_secs(&pair[1], before) - arrival;
            assert!(jump.abs() < LATE_SECS_MAX, "{what}: a jump of {jump:.3} s after packet {at}");
        }
    }
}
