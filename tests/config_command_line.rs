//! The commands that need no engine, as functions with an exit code.
#![allow(clippy::unwrap_used)] // a panic here is a failed assertion

use clap::Parser;
use holdfast::cli::{Cli, Command, calls, check_config, exit, simulate, staff};

fn exit_code(line: &[&str]) -> u8 {
    match Cli::try_parse_from(line).unwrap().command {
        Command::CheckConfig(args) => check_config(&args),
        Command::Calls(args) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(calls(&args))
        }
        Command::Staff(args) => staff(&args),
        Command::Simulate(args) => simulate::simulate(&args),
        Command::Run(_) | Command::Demo(_) | Command::Bench(_) | Command::Trace(_) => unreachable!(),
    }
}

#[test]
fn a_wrong_configuration_ends_with_78() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.toml");
    std::fs::write(&path, "[[queu]]\n").unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(exit_code(&["holdfast", "check-config", path]), 78);
    assert_eq!(exit_code(&["holdfast", "check-config", "no/such/file.toml"]), 78);
    assert_eq!(exit_code(&["holdfast", "calls", "--config", path]), 78);
}

#[test]
fn a_right_configuration_ends_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.toml");
    std::fs::write(&path, "[[queue]]\nname = \"sales\"\n").unwrap();
    assert_eq!(exit_code(&["holdfast", "check-config", path.to_str().unwrap()]), exit::OK);
}

#[test]
fn call_records_are_shown_from_a_file_and_a_missing_file_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.sqlite");
    assert_eq!(exit_code(&["holdfast", "calls", "--store", path.to_str().unwrap()]), exit::RUNTIME);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { holdfast::store::SqliteStore::open(&path).await.unwrap().close().await });
    assert_eq!(exit_code(&["holdfast", "calls", "--json", "--store", path.to_str().unwrap()]), exit::OK);
}
