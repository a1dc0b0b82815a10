//! The claims about staffing: the formulas of Erlang against a table computed outside this code, to its last digit.

use super::claims::Row;
use crate::stats::erlang::{Goal, Load, fewest_agents, with_patience, without_abandonment};

/// One line: calls per 30 min, AHT in seconds, target, threshold in seconds, occupancy at most; agents, service level,
/// ASA in seconds, occupancy; agents by Erlang A with a patience of 120 s.
struct Line {
    asked: (f64, f64, f64, f64, Option<f64>),
    told: (u32, f64, f64, f64),
    with_patience: u32,
}

const TABLE: [Line; 6] = [
    Line {
        asked: (100.0, 180.0, 0.80, 20.0, Some(0.85)),
        told: (14, 0.8884, 7.84, 0.714),
        with_patience: 12,
    },
    Line { asked: (20.0, 240.0, 0.80, 20.0, None), told: (5, 0.8669, 16.63, 0.533), with_patience: 5 },
    Line { asked: (50.0, 300.0, 0.80, 20.0, None), told: (12, 0.8622, 14.40, 0.694), with_patience: 11 },
    Line { asked: (200.0, 240.0, 0.90, 15.0, None), told: (34, 0.9230, 3.98, 0.784), with_patience: 32 },
    Line { asked: (600.0, 360.0, 0.80, 30.0, None), told: (128, 0.8126, 16.42, 0.938), with_patience: 112 },
    Line { asked: (250.0, 300.0, 0.95, 180.0, None), told: (46, 0.9697, 28.20, 0.906), with_patience: 44 },
];

/// A row for each line of the table.
pub(super) fn rows() -> Vec<Row> {
    TABLE.iter().map(row).collect()
}

fn row(line: &Line) -> Row {
    let (calls, handling_s, service_level, threshold_s, occupancy_max) = line.asked;
    let (agents, level, asa_s, occupancy) = line.told;
    let load = Load { calls_per_s: calls / 1800.0, handling_s };
    let goal = Goal { threshold_s, service_level, occupancy_max };
    let found = fewest_agents(&goal, |agents| without_abandonment(load, agents, threshold_s));
    let patient = fewest_agents(&goal, |agents| Some(with_patience(load, 120.0, agents, threshold_s)));
    let patient = patient.map_or(0, |found| found.agents);
    let told = |agents: u32, level: f64, asa_s: f64, occupancy: f64, patient: u32| {
        format!("{agents}, {level:.4}, {asa_s:.2} s, {occupancy:.3}, {patient}")
    };
    let reference = told(agents, level, asa_s, occupancy, line.with_patience);
    let measured = found.map_or_else(
        || "no staffing reaches it".to_owned(),
        |found| told(found.agents, found.service_level, found.asa_s, found.occupancy, patient),
    );
    Row {
        claim: format!(
            "Erlang C, {calls} calls of {handling_s} s in 30 min, {:.0}/{threshold_s}: agents, service level, ASA, occupancy; agents by Erlang A",
            service_level * 100.0
        ),
        pass: measured == reference,
        reference,
        measured,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_comes_out_to_its_last_digit() {
        for row in rows() {
            assert!(row.pass, "{}: {} instead of {}", row.claim, row.measured, row.reference);
        }
    }
}
