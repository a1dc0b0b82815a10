//! `holdfast staff` as a planner and a script meet it: the table, the JSON, the exit codes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

use serde_json::Value;
use std::process::{Command, Output};

fn staff(line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_holdfast")).arg("staff").args(line.split(' ')).output().unwrap()
}

fn json(line: &str) -> Value {
    let output = staff(&format!("{line} --json"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn close(found: &Value, expected: f64, tolerance: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

#[test]
fn the_json_has_the_figures_of_erlang_c() {
    let answer = json("--calls 100 --per 30m --aht 180 --target 80/20 --max-occupancy 85");
    assert_eq!((&answer["model"], &answer["agents"]), (&"erlang_c".into(), &14.into()));
    close(&answer["service_level"], 0.8884, 0.000_05);
    close(&answer["asa_seconds"], 7.84, 0.005);
    close(&answer["occupancy"], 0.714, 0.000_5);
    assert_eq!((&answer["erlang_a"], answer.get("abandonment")), (&Value::Null, None));
}

#[test]
fn with_patience_the_answer_is_erlang_a_s_and_erlang_c_s_stands_beside_it() {
    let answer = json("--calls 100 --per 30m --aht 3m --target 80/20 --max-occupancy 85 --patience 120");
    assert_eq!((&answer["model"], &answer["agents"]), (&"erlang_a".into(), &12.into()));
    assert_eq!((&answer["erlang_a"]["agents"], &answer["erlang_c"]["agents"]), (&12.into(), &14.into()));
    assert!(answer["abandonment"].as_f64().is_some_and(|share| share > 0.0 && share < 0.1), "{answer}");
    assert!(answer["service_level"].as_f64().unwrap() >= 0.8);
}

#[test]
fn a_planner_sees_what_one_agent_fewer_or_more_brings() {
    let output = staff("--calls 100 --per 30m --aht 180 --target 80/20");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "100 calls in 30 min, 3 min each: 10.0 erlang. Target: 80 % answered within 20 s.");
    let agents: Vec<&str> = lines[4..]
        .iter()
        .map(|line| line.trim_start_matches([' ', '>']).split_whitespace().next().unwrap())
        .collect();
    assert_eq!(agents, ["12", "13", "14", "15", "16", "17"], "{text}");
    assert!(lines[6].starts_with("  >     14         88.8 %      7.8 s     71.4 %"), "{text}");
}

#[test]
fn agents_who_cannot_keep_up_are_told_so_instead_of_a_figure() {
    let text = String::from_utf8(staff("--calls 20 --per 60m --aht 180 --target 1/600").stdout).unwrap();
    assert!(text.contains("too few: the line grows without end"), "{text}");
}

#[test]
fn what_is_no_load_is_a_usage_error_that_says_what_was_expected() {
    for (line, expected) in [
        ("--calls 0 --aht 180", "above 0"),
        ("--calls 100 --aht soon", "3m or 1h30m"),
        ("--calls 100 --aht 180 --target 80", "80 % within 20 s"),
        ("--calls 100 --aht 180 --max-occupancy 120", "up to 100"),
        ("--aht 180", "--calls"),
    ] {
        let output = staff(line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(expected), "{line}: {said}");
    }
}

#[test]
fn what_nobody_can_reach_ends_with_1() {
    let output = staff("--calls 100 --per 30m --aht 180 --target 80/20 --max-occupancy 0.0001");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("not even a million"), "{output:?}");
}
