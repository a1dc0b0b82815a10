//! Dashboards and rules name only metrics that exist, and promtool accepts them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // a panic here is a failed assertion

use holdfast::config::Config;
use holdfast::metrics::Metrics;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn config_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

fn dashboards() -> Vec<(String, Value)> {
    let folder = config_dir().join("grafana/dashboards");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let dashboards: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.display().to_string(), serde_json::from_str(&text).unwrap())
        })
        .collect();
    assert!(!dashboards.is_empty());
    dashboards
}

/// Every query of every panel, with the panel's title.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().unwrap();
        targets.iter().map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
    });
    targets.collect()
}

/// The series a fresh engine exposes, by name.
fn exposed() -> BTreeSet<String> {
    let metrics = Metrics::new(&Config::demo().unwrap().settings).unwrap();
    // The loop shows trunks by its first picture.
    metrics.trunks.show("carrier", Some(true), Some(true));
    let text = metrics.render();
    let series = text.lines().filter(|line| !line.starts_with('#'));
    series.map(|line| line.split(['{', ' ']).next().unwrap().to_owned()).collect()
}

fn named(text: &str) -> impl Iterator<Item = &str> {
    // A recording rule of ours has a colon before the word, and is no metric of the engine's.
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .filter(|word| word.starts_with("holdfast_"))
}

#[test]
fn every_metric_of_a_panel_is_exposed_before_the_first_call() {
    let exposed = exposed();
    for (file, dashboard) in dashboards() {
        for (title, query) in queries(&dashboard) {
            assert!(named(&query).next().is_some(), "{file}: {title}: {query}");
            for metric in named(&query) {
                assert!(exposed.contains(metric), "{file}: {title}: {metric} does not exist");
            }
        }
    }
}

#[test]
fn panels_use_no_variables_but_those_the_tests_can_fill_in() {
    for (file, dashboard) in dashboards() {
        for (title, query) in queries(&dashboard) {
            let rest = query.replace("$queue", "").replace("$__rate_interval", "");
            assert!(!rest.contains('$'), "{file}: {title}: {query}");
        }
    }
}

#[test]
fn every_metric_of_a_rule_is_exposed() {
    let exposed = exposed();
    let rules = std::fs::read_to_string(config_dir().join("prometheus/rules.yml")).unwrap();
    let expressions = rules.lines().filter(|line| !line.trim_start().starts_with('#'));
    for metric in expressions.flat_map(named) {
        assert!(exposed.contains(metric), "{metric} does not exist");
    }
}

fn promtool(arguments: &[&str]) {
    let done = Command::new("promtool").args(arguments).current_dir(config_dir().join("prometheus")).output();
    let output = done.unwrap_or_else(|error| panic!("promtool: {error}; install the package prometheus"));
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
}

#[test]
fn promtool_accepts_the_configuration_and_the_rules() {
    promtool(&["check", "config", "prometheus.yml"]);
}

#[test]
fn the_alerts_fire_when_they_should_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let rules = config_dir().join("prometheus/rules.yml");
    let path = folder.path().join("rules_test.yml");
    std::fs::write(&path, ALERTS.replace("RULES", rules.to_str().unwrap())).unwrap();
    promtool(&["test", "rules", path.to_str().unwrap()]);
}

/// Two queues with 12 calls a minute: `bad` answers one of four in time, `good` nine of ten. The target is 80 %,
/// so the budget burns 3.75 times as fast as it may, and half as fast.
const ALERTS: &str = r#"
rule_files: [RULES]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'holdfast_queue_service_level_target_ratio{queue="bad"}'
        values: '0.8x200'
      - series: 'holdfast_queue_service_level_target_ratio{queue="good"}'
        values: '0.8x200'
      - series: 'holdfast_queue_calls_offered_total{queue="bad"}'
        values: '0+12x200'
      - series: 'holdfast_queue_calls_offered_total{queue="good"}'
        values: '0+12x200'
      - series: 'holdfast_queue_calls_ended_total{queue="bad", outcome="answered"}'
        values: '0+8x200'
      - series: 'holdfast_queue_calls_ended_total{queue="bad", outcome="abandoned"}'
        values: '0+4x200'
      - series: 'holdfast_queue_calls_ended_total{queue="good", outcome="answered"}'
        values: '0+10x200'
      - series: 'holdfast_queue_calls_ended_total{queue="good", outcome="short_abandon"}'
        values: '0+2x200'
      - series: 'holdfast_queue_calls_answered_in_threshold_total{queue="bad"}'
        values: '0+3x200'
      - series: 'holdfast_queue_calls_answered_in_threshold_total{queue="good"}'
        values: '0+9x200'
      - series: 'holdfast_queue_calls_turned_away_total{queue="bad", because="full"}'
        values: '0+1x200'
      - series: 'holdfast_queue_calls_turned_away_total{queue="good", because="closed"}'
        values: '0+9x200'
      # The only agent of `bad` keeps a caller on hold: he serves it all the same.
      - series: 'holdfast_queue_calls_waiting{queue="bad"}'
        values: '3x200'
      - series: 'holdfast_queue_agents{queue="bad", state="on_hold"}'
        values: '1x200'
      - series: 'holdfast_queue_calls_waiting{queue="good"}'
        values: '3x200'
      - series: 'holdfast_queue_agents{queue="good", state="on_hold"}'
        values: '0x200'
    promql_expr_test:
      - expr: round(queue:holdfast_service_level_burn:rate30m, 0.01)
        eval_time: 60m
        exp_samples:
          - labels: '{queue="bad"}'
            value: 3.75
          - labels: '{queue="good"}'
            value: 0.5
    alert_rule_test:
      - eval_time: 60m
        alertname: HoldfastTurnsCallersAway
        exp_alerts:
          - exp_labels: { queue: bad, severity: ticket }
            exp_annotations:
              summary: "Callers of bad cannot join it"
              description: "The queue is full, or nobody is at work in it, and callers are sent elsewhere."
      - eval_time: 60m
        alertname: HoldfastNobodyServesQueue
        exp_alerts:
          - exp_labels: { queue: good, severity: page }
            exp_annotations:
              summary: "Callers wait in good and no agent is there"
              description: "Every agent of the queue is logged out, paused or unreachable."
      - eval_time: 60m
        alertname: HoldfastServiceLevelBurnsFast
        exp_alerts:
          - exp_labels: { queue: bad, severity: page }
            exp_annotations:
              summary: "Queue bad misses its service level badly"
              description: "Calls wait too long right now: the error budget burns 3.75 times as fast as it may. Are enough agents ready?"
"#;
