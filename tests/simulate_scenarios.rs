//! Scenario files: what is shipped can be run, what is wrong is said with its line, and variants meet the same callers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

use holdfast::config::ScenarioFile;
use holdfast::simulate::{Watch, models, run};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/scenarios").join(name)
}

const RULES: &str = r#"
skills = ["a"]
[[queue]]
name = "sales"
requires = "a"
[[number]]
dialled = "100"
queue = "sales"
"#;

fn problems(rest: &str) -> String {
    let text = format!("{RULES}{rest}");
    ScenarioFile::read("s.toml", &text, Path::new("."))
        .map(|_| String::new())
        .unwrap_or_else(|errors| errors.to_string())
}

fn read(rest: &str) -> ScenarioFile {
    ScenarioFile::read("s.toml", &format!("{RULES}{rest}"), Path::new(".")).unwrap()
}

const STAFF: &str = "[[arrivals]]\nqueue = \"sales\"\nper_hour = 60\n[[group]]\nname = \"g\"\ncount = 3\nskills = { a = 5 }\nqueues = [\"sales\"]\n";

#[test]
fn every_shipped_scenario_is_read_without_a_warning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/scenarios");
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = ScenarioFile::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(file.variants.len() >= 3, "{}: something to compare", path.display());
        assert!(file.warnings.is_empty(), "{}: {:?}", path.display(), file.warnings);
        found += 1;
    }
    assert_eq!(found, 5);
}

#[test]
fn the_shipped_x_is_the_model_of_the_claims() {
    let file = ScenarioFile::load(&shipped("x.toml")).unwrap();
    let hour = Duration::from_secs(3600);
    let tell = |scenario: &holdfast::simulate::Scenario| {
        let mut short = scenario.clone();
        short.duration = 5 * hour;
        let figures = run(&short, 3, Watch::Lightly, |_| {}).unwrap().figures;
        figures.queues.iter().map(|queue| (queue.counts, queue.wait_answered)).collect::<Vec<_>>()
    };
    let models = [
        models::x(1.0, models::Rules::NAIVE, hour, hour),
        models::x_silos(1.0, hour, hour),
        models::x(1.0, models::Rules::PRIMARY, hour, hour),
        models::x(1.0, models::Rules::delayed(10), hour, hour),
    ];
    for ((name, scenario), model) in file.variants.iter().zip(&models) {
        assert_eq!(tell(scenario), tell(model), "{name}");
    }
}

#[test]
fn a_group_becomes_agents_and_a_variant_changes_what_it_names() {
    let file = read(&format!("{STAFF}[[variant]]\nname = \"two more\"\nset = {{ \"group.g.count\" = 5 }}\n"));
    let counts: Vec<_> = file
        .variants
        .iter()
        .map(|(name, scenario)| (name.as_str(), scenario.settings.agents.len()))
        .collect();
    assert_eq!(counts, [("as it stands", 3), ("two more", 5)]);
    let (_, scenario) = &file.variants[1];
    assert_eq!(scenario.workers.len(), 5, "each agent works");
    assert_eq!(scenario.settings.agents[4].name, "g-5");
}

#[test]
fn variants_meet_the_same_callers() {
    let file = read(&format!("{STAFF}[[variant]]\nname = \"more\"\nset = {{ \"group.g.count\" = 9 }}\n"));
    let arrivals = |at: usize| {
        let mut times = Vec::new();
        let (_, scenario) = &file.variants[at];
        run(scenario, 5, Watch::Lightly, |stamped| {
            if let holdfast::engine::Fact::CallQueued { call, .. } = stamped.fact {
                times.push((call, stamped.at.mono));
            }
        })
        .unwrap();
        times
    };
    let first = arrivals(0);
    assert!(first.len() > 300, "{}", first.len());
    assert_eq!(first, arrivals(1));
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_a_remedy() {
    for (text, wanted) in [
        (
            "[[arrivals]]\nqueue = \"slaes\"\nper_hour = 5\n",
            "s.toml:10:9: [[arrivals]]: unknown queue \"slaes\"; did you mean \"sales\"?",
        ),
        ("[[arrivals]]\nqueue = \"sales\"\n", "expected either per_hour or half_hours"),
        (
            "[[arrivals]]\nqueue = \"sales\"\nper_hour = -1\n",
            "s.toml:11:12: [[arrivals]]: per_hour: expected a number from 0",
        ),
        (
            "[callers]\npatience = { law = \"gausian\", mean = \"3m\" }\n",
            "unknown law \"gausian\" (known: constant",
        ),
        ("[callers]\npatience = { law = \"lognormal\" }\n", "law \"lognormal\" needs mean"),
        (
            "[simulate]\nduration = \"1h\"\nwarm_up = \"2h\"\n",
            "warm_up: expected to be shorter than duration",
        ),
        ("[simulate]\nrnus = 3\n", "unknown key \"rnus\"; did you mean runs?"),
        ("[[group]]\nname = \"g\"\ncuont = 3\nqueues = [\"sales\"]\n", "unknown key \"cuont\""),
        (
            "[[group]]\nname = \"g\"\nskills = { a = 5 }\nqueues = [\"sales\"]\nfactors = { b = 2 }\n",
            "group \"g\": factors: unknown skill \"b\"",
        ),
        (
            "[[group]]\nname = \"g\"\nskills = { a = 5 }\nqueues = [\"sales\"]\nshifts = [\"8h-2h\"]\n",
            "expected a stretch of time from the beginning",
        ),
        (
            "[[variant]]\nname = \"v\"\nset = { \"group.h.count\" = 5 }\n",
            "variant \"v\": there is nothing to change at \"group.h.count\"",
        ),
        ("config = 5\n", "config"),
    ] {
        let said = problems(text);
        assert!(said.contains(wanted), "{text}\n{said}");
    }
}

#[test]
fn what_is_wrong_with_a_group_is_said_once() {
    let said = problems("[[group]]\nname = \"g\"\ncount = 20\nskills = { b = 5 }\nqueues = [\"sales\"]\n");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_configuration_can_be_named_and_its_agents_work() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "{RULES}[[agent]]\nname = \"anna\"\npassword = \"geheim-123\"\nskills = {{ a = 5 }}\nqueues = [\"sales\"]\n"
    );
    std::fs::write(folder.path().join("centre.toml"), config).unwrap();
    let text = "config = \"centre.toml\"\n[workers]\ndeclines = 0.1\n[[arrivals]]\nnumber = \"100\"\nper_hour = 60\n\
        [[group]]\nname = \"more\"\ncount = 2\nskills = { a = 5 }\nqueues = [\"sales\"]\n";
    let file = ScenarioFile::read("s.toml", text, folder.path()).unwrap();
    let (_, scenario) = &file.variants[0];
    let names: Vec<_> = scenario.settings.agents.iter().map(|agent| agent.name.as_str()).collect();
    assert_eq!(names, ["anna", "more-1", "more-2"]);
    assert_eq!(scenario.groups, ["agents", "more"]);
    assert_eq!(scenario.workers.iter().map(|worker| worker.declines).collect::<Vec<_>>(), [0.1, 0.1, 0.1]);
}

fn holdfast(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_holdfast")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn an_operator_gets_a_table_a_csv_and_json_with_confidence() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("s.toml");
    let variant = "[[variant]]\nname = \"two more, please\"\nset = { \"group.g.count\" = 5 }\n";
    std::fs::write(&scenario, format!("{RULES}[simulate]\nduration = \"2h\"\nruns = 4\n{STAFF}{variant}"))
        .unwrap();
    let (scenario, csv) = (scenario.to_str().unwrap(), folder.path().join("out.csv"));
    let (code, table, _) = holdfast(&["simulate", scenario, "--csv", csv.to_str().unwrap()]);
    assert_eq!(code, 0);
    assert!(table.contains("SERVICE LEVEL") && table.contains("group g") && table.contains('±'), "{table}");
    let written = std::fs::read_to_string(csv).unwrap();
    assert!(
        written.starts_with("variant,of,name,measure,value,half_width,difference,difference_half_width\n")
    );
    assert!(written.contains("\"two more, please\",queue,sales,service_level,"), "{written}");
    let (code, json, _) = holdfast(&["simulate", scenario, "--json", "--runs", "3"]);
    assert_eq!(code, 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["runs"], 3);
    let levels: Vec<f64> = json["figures"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|figure| figure["measure"] == "service_level")
        .map(|figure| figure["value"].as_f64().unwrap())
        .collect();
    assert!(levels.len() == 2 && levels[1] >= levels[0], "more agents answer sooner: {levels:?}");
}

#[test]
fn yesterday_can_be_replayed_from_a_file_of_calls() {
    let folder = tempfile::tempdir().unwrap();
    let (scenario, calls) = (folder.path().join("s.toml"), folder.path().join("calls.csv"));
    std::fs::write(&scenario, format!("{RULES}{STAFF}")).unwrap();
    let lines: String = (0..50).map(|at| format!("{},sales,{},{}\n", at * 30, 60, 45)).collect();
    std::fs::write(&calls, format!("arrived_at,queue,patience_s,handle_s\n{lines}")).unwrap();
    let (scenario, calls) = (scenario.to_str().unwrap(), calls.to_str().unwrap());
    let (code, json, problems) =
        holdfast(&["simulate", scenario, "--replay", calls, "--json", "--runs", "1"]);
    assert_eq!(code, 0, "{problems}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let figure = |measure: &str| {
        json["figures"].as_array().unwrap().iter()
        .find(|figure| figure["measure"] == measure).unwrap()["value"].as_f64().unwrap()
    };
    assert_eq!(
        (figure("offered"), figure("service_level")),
        (50.0, 1.0),
        "1.5 erlang for 3 agents, evenly spaced"
    );
}

#[test]
fn the_command_a_violation_prints_replays_its_world() {
    let (code, said, _) = holdfast(&["simulate", "--seed", "17", "--seeds", "1"]);
    assert_eq!(code, 0);
    assert!(said.starts_with("1 worlds, ") && said.contains("no rule broken"), "{said}");
    assert_eq!(
        said.split(" in ").next(),
        holdfast(&["simulate", "--seed", "17", "--seeds", "1"]).1.split(" in ").next()
    );
}

#[test]
fn the_journal_holds_every_fact_of_each_variant() {
    let folder = tempfile::tempdir().unwrap();
    let (scenario, journal) = (folder.path().join("s.toml"), folder.path().join("out.jsonl"));
    let variant = "[[variant]]\nname = \"two more\"\nset = { \"group.g.count\" = 5 }\n";
    std::fs::write(&scenario, format!("{RULES}[simulate]\nduration = \"1h\"\nruns = 2\n{STAFF}{variant}"))
        .unwrap();
    let (code, _, told) =
        holdfast(&["simulate", scenario.to_str().unwrap(), "--journal", journal.to_str().unwrap()]);
    assert_eq!((code, told.as_str()), (0, ""));
    let text = std::fs::read_to_string(journal).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |fact: &str| lines.iter().filter(|line| line["fact"].get(fact).is_some()).count();
    assert!(count("CallQueued") > 40, "an hour of 60 calls, twice");
    assert_eq!(count("CallQueued"), count("CallLeftQueue"));
    assert!(lines.iter().any(|line| line["variant"] == "two more"));
}
