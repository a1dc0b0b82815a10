//! What the media plane costs with thousands of listeners. Not run by default, for it measures the machine:
//! `cargo test --release --test media_load -- --ignored --nocapture`.

mod media_support;

use holdfast::engine::command::{Program, Then};
use holdfast::media::counters::LATENESS_EDGES_US;
use holdfast::media::{Codec, Direction, DropCause, Library, MediaSettings, Sessions, Stream};
use media_support::*;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// CPU time of the media threads, in seconds, from the system's books.
fn cpu_seconds() -> f64 {
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        if let Some((head, tail)) = stat.rsplit_once(')')
            && head.contains("(media-")
        {
            let fields: Vec<u64> = tail.split_whitespace().skip(1).flat_map(str::parse).collect();
            // utime and stime are the 14th and 15th fields, the name being the second.
            ticks += fields[10] + fields[11];
        }
    }
    ticks as f64 / 100.0
}

#[test]
#[ignore = "measures the machine"]
fn two_thousand_listeners() {
    let listeners: u64 = std::env::var("LISTENERS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let folder = tempfile::tempdir().unwrap();
    write_wav(&folder.path().join("tune.wav"), tone(700.0, 5.0));
    let (library, _) = Library::load(folder.path(), folder.path());
    let (mut handle, _events) =
        engine_with(MediaSettings { ports: 20_000..=60_000, workers: 1, ..settings() }, library);
    let sink = UdpSocket::bind("127.0.0.1:0").unwrap();
    let remote = sink.local_addr().unwrap();
    let program =
        Program { prompts: Vec::new(), language: "en".into(), then: Then::Music(vec!["tune".into()]) };
    for n in 0..listeners {
        handle.open(caller(n), None).unwrap();
        let direction = Direction::SendRecv;
        let stream = Stream {
            remote,
            rtcp: remote,
            codec: Codec::Pcmu,
            payload_type: 0,
            dtmf: None,
            ptime_ms: 20,
            direction,
        };
        handle.connect(caller(n), stream);
        handle.play(caller(n), &program);
    }
    std::thread::sleep(Duration::from_secs(1));
    let counters = handle.counters()[0].clone();
    let (cpu, sent, late, skipped) =
        (cpu_seconds(), counters.sent.value(), counters.lateness(), counters.skipped_ms.value());
    let start = Instant::now();
    std::thread::sleep(Duration::from_secs(10));
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let sent = counters.sent.value() - sent;
    let rate = sent as f64 / seconds;
    println!("{listeners} listeners: {rate:.0} packets/s, {:.1} % of a core", 100.0 * cpu / seconds);
    println!(
        "{:.2} µs CPU per packet; {:.0} listeners per core",
        1e6 * cpu / sent as f64,
        seconds * listeners as f64 / cpu
    );
    let mut within = 0;
    for (bucket, (after, before)) in counters.lateness().iter().zip(late).enumerate() {
        within += after - before;
        let edge = LATENESS_EDGES_US.get(bucket).map_or("∞".into(), u64::to_string);
        println!("late by ≤ {edge} µs: {:.3} %", 100.0 * within as f64 / sent as f64);
    }
    println!(
        "skipped {} ms; dropped {:?}",
        counters.skipped_ms.value() - skipped,
        DropCause::ALL.map(|cause| counters.dropped(cause))
    );
    assert!(sent > 0);
}
