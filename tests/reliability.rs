//! `tests/reliability.md` names tests that exist, and every row has one or says openly that it has none.
#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed assertion")]

use std::fs;
use std::path::Path;

/// The rows of the three tables.
const ROWS: usize = 25 + 14 + 18;

/// First and second column of each row of each table.
fn rows(text: &str) -> Vec<(&str, &str)> {
    let lines = text.lines().filter(|line| line.starts_with("| ") && line.ends_with(" |"));
    let split = lines.filter_map(|line| line.trim_matches('|').trim().split_once(" | "));
    split.filter(|(_, shown)| *shown != "shown by").collect()
}

/// What stands between backticks.
fn named(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Why a name is no test, if it is none.
fn fault(root: &Path, name: &str) -> Option<String> {
    let Some((file, test)) = name.split_once("::") else { return Some(format!("{name}: not file::test")) };
    let Ok(source) = fs::read_to_string(root.join(file)) else {
        return Some(format!("{name}: no such file"));
    };
    let Some(at) = source.find(&format!("fn {test}(")) else { return Some(format!("{name}: no such test")) };
    let before = source[..at].trim_end_matches("async ").trim_end();
    // Attributes may stand between.
    let last = before.lines().rev().take_while(|line| line.trim_start().starts_with('#'));
    let is_test = last.into_iter().any(|line| line.contains("test"));
    (!is_test).then(|| format!("{name}: no test"))
}

#[test]
fn every_row_names_tests_that_exist_or_says_that_it_is_open() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("tests/reliability.md")).unwrap();
    let rows = rows(&text);
    assert_eq!(rows.len(), ROWS, "a row is missing, or cannot be read");
    let mut faults = Vec::new();
    for (what, shown) in rows {
        let names = named(shown);
        if names.is_empty() && !shown.starts_with("open: ") {
            faults.push(format!("{what}: names no test, and does not say that it is open"));
        }
        faults.extend(names.into_iter().filter_map(|name| fault(root, name)));
    }
    assert!(faults.is_empty(), "tests/reliability.md:\n{}", faults.join("\n"));
}
