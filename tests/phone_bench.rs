//! The benchmark as a person runs it: it starts an engine of its own, loads it, prints one JSON object, leaves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)] // here a panic is a verdict

use std::process::{Command, Output};

fn bench(args: &[&str]) -> serde_json::Value {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_holdfast")).arg("bench").args(args).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}

#[test]
fn held_callers_hear_music_without_loss() {
    let report = bench(&["held-callers", "--callers", "40", "--seconds", "2", "--json"]);
    assert_eq!(
        (report["held_callers"].as_u64(), report["refused"].as_u64()),
        (Some(40), Some(0)),
        "{report}"
    );
    let rate = report["packets_per_second"].as_f64().unwrap();
    assert!((1_400.0..2_600.0).contains(&rate), "40 callers × 50 packets a second: {report}");
    for figure in [
        "loss_share",
        "jitter_ms_p50",
        "jitter_ms_p99",
        "jitter_ms_p999",
        "cpu_us_per_packet",
        "raw_us_per_packet",
        "raw_hot_us_per_packet",
        "load_cpu_percent",
        "ratio_to_raw",
        "rss_per_caller_bytes",
        "on_time_share",
    ] {
        assert!(report[figure].is_f64(), "{figure} is missing in {report}");
    }
}

#[test]
fn calls_at_a_rate_all_succeed_and_reach_the_agents() {
    let report = bench(&["call-rate", "--rate", "10", "--seconds", "2", "--agents", "20", "--json"]);
    assert_eq!(
        (report["attempted"].as_u64(), report["succeeded"].as_u64()),
        (Some(20), Some(20)),
        "{report}"
    );
    assert_eq!(report["failed"].as_object().map(|failed| failed.len()), Some(0), "{report}");
    assert_eq!(report["agents_answered"].as_u64(), Some(20), "{report}");
    assert!(report["offer_ms_p99"].is_f64() && report["cpu_ms_per_call"].is_f64(), "{report}");
}

#[test]
fn calls_are_bridged_and_heard_at_both_ends() {
    for (pair, delay_ms_max) in [("pcmu:pcmu", 100.0), ("pcma:g722", 500.0)] {
        let report = bench(&["bridged-calls", "--calls", "20", "--pair", pair, "--seconds", "3", "--json"]);
        assert_eq!(
            (report["bridged_calls"].as_u64(), report["pair"].as_str()),
            (Some(20), Some(pair)),
            "{report}"
        );
        let rate = report["packets_per_second"].as_f64().unwrap();
        assert!((1_600.0..2_400.0).contains(&rate), "20 calls × 2 × 50 packets a second: {report}");
        let delay = report["added_delay_ms_p50"].as_f64().expect("the loud frames are heard");
        assert!(delay > 0.0 && delay < delay_ms_max, "{report}");
    }
}

#[test]
fn prompts_cut_into_everybody_s_music_and_nothing_is_lost() {
    let report = bench(&["prompts", "--callers", "40", "--json"]);
    assert_eq!(
        (report["callers"].as_u64(), report["loss_share"].as_f64()),
        (Some(40), Some(0.0)),
        "{report}"
    );
    assert!(report["on_time_share"].is_f64() && report["on_time_share_before"].is_f64(), "{report}");
}

#[test]
fn a_start_with_much_music_is_timed() {
    let report = bench(&["start-up", "--files", "3", "--minutes", "1", "--json"]);
    assert_eq!((report["files"].as_u64(), report["minutes"].as_u64()), (Some(3), Some(1)), "{report}");
    assert!(report["ready_after_s"].as_f64().unwrap() > 0.0 && report["rss_bytes"].is_u64(), "{report}");
}
