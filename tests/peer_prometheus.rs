//! A real Prometheus scrapes a running engine: every panel of the wallboard shows something, and the service
//! level it computes is the one the records say.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use support::engine::Holdfast;
use support::eventually;
use support::peer::{Peer, Sipp, free_port};

/// A Prometheus that scrapes one engine every second.
struct Prometheus {
    _peer: Peer,
    address: String,
    _folder: tempfile::TempDir,
}

fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(path)
}

impl Prometheus {
    /// Starts it with the shipped configuration, but for the address it scrapes and how often.
    fn start(engine: &Holdfast) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let text =
            std::fs::read_to_string(shipped("prometheus/prometheus.yml")).expect("the shipped configuration");
        assert!(text.contains("127.0.0.1:8080"), "the shipped configuration scrapes the default address");
        let text = text.replace("127.0.0.1:8080", &engine.http.to_string());
        let text: String = text
            .lines()
            .map(|line| match line.split_once(':') {
                Some((key, _)) if key.trim() == "scrape_interval" => format!("{key}: 1s\n"),
                Some((key, _)) if key.trim() == "evaluation_interval" => format!("{key}: 1s\n"),
                Some((key, _)) if key.trim() == "scrape_timeout" => format!("{key}: 1s\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        std::fs::write(folder.path().join("prometheus.yml"), text).expect("written");
        std::fs::copy(shipped("prometheus/rules.yml"), folder.path().join("rules.yml"))
            .expect("the shipped rules");
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn");
        let peer = Peer::start(&mut command, &folder.path().join("log"));
        let prometheus = Self { _peer: peer, address, _folder: folder };
        eventually("Prometheus has scraped the engine", Duration::from_secs(30), || {
            let up = prometheus.query("up")?;
            (up.first()?["value"][1] == "1").then_some(())
        });
        prometheus
    }

    /// What an instant query returns: its series.
    fn query(&self, promql: &str) -> Option<Vec<Value>> {
        let mut response = ureq::get(format!("http://{}/api/v1/query", self.address))
            .query("query", promql)
            .config()
            .http_status_as_error(false)
            .build()
            .call()
            .ok()?;
        let body: Value = response.body_mut().read_json().ok()?;
        assert_eq!(body["status"], "success", "{promql}: {body}");
        let result = &body["data"]["result"];
        // A scalar is a pair, not a list of series.
        if body["data"]["resultType"] == "scalar" {
            return Some(vec![serde_json::json!({ "value": result })]);
        }
        result.as_array().cloned()
    }

    /// The one value of a query.
    fn value(&self, promql: &str) -> Option<f64> {
        self.query(promql)?.first()?["value"][1].as_str()?.parse().ok()
    }
}

/// Every expression of every panel, with the panel's title.
fn panels(dashboard: &Value, found: &mut Vec<(String, String)>) {
    for panel in dashboard["panels"].as_array().into_iter().flatten() {
        let title = panel["title"].as_str().unwrap_or("(untitled)").to_owned();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expr = target["expr"].as_str().expect("a target has an expression");
            found.push((title.clone(), expr.to_owned()));
        }
        panels(panel, found);
    }
}

fn centre(phones: u16) -> String {
    format!(
        r#"
skills = ["english"]
[[queue]]
name = "sales"
title = "Sales"
music = ["lantern-walk"]
requires = "english"
wrap_up = "1s"
service_level = {{ within = "2s", target = 0.8 }}
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "anna"
title = "Anna"
password = "secret of anna"
skills = {{ english = 5 }}
queues = ["sales"]
login = "automatic"
contact = "sip:anna@127.0.0.1:{phones}"
[[agent]]
name = "ben"
title = "Ben"
password = "secret of ben"
skills = {{ english = 5 }}
queues = ["sales"]
login = "automatic"
contact = "sip:ben@127.0.0.1:{phones}"
"#
    )
}

#[test]
fn every_panel_shows_something_and_the_service_level_is_that_of_the_records() {
    let phones = free_port();
    let _agents = Sipp::start("agent.xml", phones, None, &[]);
    let engine = Holdfast::start(&centre(phones));
    let prometheus = Prometheus::start(&engine);
    // Two agents and twelve callers at once: some are answered within two seconds, some are not.
    let load = ["-s", "4001", "-m", "12", "-r", "12", "-l", "12"];
    let mut callers = Sipp::start("caller.xml", free_port(), Some(engine.sip), &load);
    assert_eq!(callers.ledger(Duration::from_secs(60)), (12, 0), "callers: succeeded, failed");
    let records = eventually("twelve records", Duration::from_secs(20), || {
        let records = engine.api("/v1/records").as_array()?.clone();
        (records.len() == 12).then_some(records)
    });
    let in_time = records.iter().filter(|record| record["answered_in_threshold"] == true).count() as f64;
    assert!(in_time > 0.0 && in_time < 12.0, "{in_time} of 12 in time: the test must be able to tell");

    let level = r#"sum(holdfast_queue_calls_answered_in_threshold_total{queue="sales"})
                   / sum(holdfast_queue_calls_offered_total{queue="sales"})"#;
    eventually("Prometheus computes the records' service level", Duration::from_secs(20), || {
        prometheus.value(level).filter(|value| (value - in_time / 12.0).abs() < 1e-9)
    });

    let dashboard =
        std::fs::read_to_string(shipped("grafana/dashboards/wallboard.json")).expect("the wallboard");
    let mut expressions = Vec::new();
    panels(&serde_json::from_str(&dashboard).expect("JSON"), &mut expressions);
    assert!(expressions.len() >= 6, "a wallboard has more than {} expressions", expressions.len());
    for (panel, expression) in expressions {
        let promql =
            expression.replace("$queue", ".*").replace("$__rate_interval", "1m").replace("$__range", "1h");
        assert!(
            !promql.contains('$'),
            "panel {panel:?} uses a variable this test does not know: {expression}"
        );
        eventually(&format!("panel {panel:?} shows something: {promql}"), Duration::from_secs(20), || {
            let series = prometheus.query(&promql)?;
            series.iter().any(|series| series["value"][1] != "NaN").then_some(())
        });
    }
}

#[test]
fn shipped_rules_and_scrape_configuration_pass_promtool() {
    for (check, file) in [("config", "prometheus/prometheus.yml"), ("rules", "prometheus/rules.yml")] {
        let output = Command::new("promtool").args(["check", check]).arg(shipped(file)).output();
        let output = output.expect("promtool runs; `tests/run` installs it");
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
