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
fn callers_in_processes_of_their_own_are_all_counted_whether_they_hear_music_or_nothing() {
    for (more, packets_min, packets_max) in [(None, 100, 10_000), (Some("--silent"), 0, 0)] {
        let run = ["call-rate", "--rate", "20", "--seconds", "1", "--processes", "3", "--one-core", "--json"];
        let report = bench(&run.into_iter().chain(more).collect::<Vec<_>>());
        let counts = (report["attempted"].as_u64(), report["succeeded"].as_u64());
        assert_eq!(counts, (Some(20), Some(20)), "{report}");
        let packets = report["packets"].as_u64().unwrap();
        assert!((packets_min..=packets_max).contains(&packets), "{report}");
        assert!(report["load_cpu_percent"].is_f64() && report["late_ms_p99"].is_f64(), "{report}");
    }
}

#[test]
fn every_caller_reaches_an_agent_and_busy_agents_are_given_the_next_one() {
    let report = bench(&["delivery", "--agents", "20", "--rates", "10,20", "--seconds", "1", "--json"]);
    let rows = report["rows"].as_array().unwrap();
    let delivered: Vec<_> = rows.iter().map(|row| row["delivered"].as_u64().unwrap()).collect();
    assert_eq!(delivered, [10, 20], "{report}");
    assert!(rows.iter().all(|row| row["ms_p99"].is_f64()), "{report}");
    let report = bench(&["idle-gap", "--agents", "20", "--seconds", "6", "--json"]);
    assert!(report["rows"][0]["gaps"].as_u64() > Some(50), "{report}");
    assert!(report["rows"][0]["ms_p50"].is_f64(), "{report}");
}

#[test]
fn forged_requests_are_answered_with_few_bytes_and_genuine_calls_go_on() {
    let report = bench(&["flood", "--forged", "300", "--rate", "10", "--seconds", "1", "--json"]);
    assert_eq!(
        (report["forged"].as_u64(), report["success_share"].as_f64()),
        (Some(300), Some(1.0)),
        "{report}"
    );
    assert!(report["answers"].as_u64() > Some(0), "nobody noticed the flood: {report}");
    assert!(report["amplification"].as_f64() < Some(1.5), "{report}");
}

#[test]
fn what_is_more_than_the_rated_load_is_measured_beside_it_and_memory_with_the_calls() {
    let report = bench(&["overload", "--rated", "20", "--hold-ms", "50", "--seconds", "1", "--json"]);
    let good: Vec<_> =
        report["rows"].as_array().unwrap().iter().map(|row| row["good_by_rated"].as_f64()).collect();
    assert_eq!((good.len(), good[0]), (3, Some(1.0)), "{report}");
    assert!(good[2] > Some(2.0), "twenty calls a second are no load: {report}");
    let report = bench(&["soak", "--rate", "20", "--seconds", "1", "--json"]);
    assert_eq!(report["succeeded"].as_u64(), Some(20), "{report}");
    assert!(report["slope_bytes_per_100k_calls"].is_null(), "too short for a slope: {report}");
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
