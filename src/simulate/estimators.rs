//! The claims about the expected wait, measured: simulated callers meet the production engine, and every estimator is
//! judged by what they met. It decides nothing and is told to nobody.

mod contest;

pub use contest::{Contest, Errors, steady, varying_day};

use super::claims::Row;
use super::world::Violation;
use contest::UNIT;

/// One estimator's name, the table's figure for it, and where its errors are.
type TableEntry = (&'static str, f64, fn(&Contest) -> &Errors);

/// The published table's line with 100 agents, 140 erlang offered and patience as long as handling; mean squared errors
/// in squares of the mean handling time.
const OVERLOAD: [TableEntry; 3] = [
    ("QLm", 2.79e-3, |contest| &contest.qlm),
    ("HOL", 5.57e-3, |contest| &contest.hol),
    ("LES", 5.71e-3, |contest| &contest.les),
];

/// The claims about formulas of the expected wait. Every figure follows from the seed.
///
/// # Errors
/// When a checker of the simulated world finds a rule broken.
pub fn claims(seed: u64) -> Result<Vec<Row>, Violation> {
    let mut rows = vec![identity(seed)?];
    rows.extend(overload(seed)?);
    rows.extend(against_asterisk(seed)?);
    Ok(rows)
}

/// A mean squared error in squares of the mean handling time.
fn in_units(errors: &Errors) -> f64 {
    errors.mean_squared_s2() / UNIT.as_secs_f64().powi(2)
}

fn near(claim: String, reference: f64, measured: f64, tolerance: f64) -> Row {
    let off = measured / reference - 1.0;
    Row {
        claim,
        reference: format!("{reference:.3e} ±{:.0} %", tolerance * 100.0),
        measured: format!("{measured:.3e} ({:+.1} %)", off * 100.0),
        pass: off.abs() <= tolerance,
    }
}

fn identity(seed: u64) -> Result<Row, Violation> {
    let (agents, load) = (10, 0.7);
    let contest = steady(agents, load, None, 2_000_000.0, seed)?;
    let reference = 1.0 / ((agents * agents) as f64 * (1.0 - load));
    let claim = "QL, 10 agents, load 0.7: mean squared error / AHT² is 1/(s²(1−ρ))";
    Ok(near(claim.into(), reference, in_units(&contest.qlm), 0.03))
}

fn overload(seed: u64) -> Result<Vec<Row>, Violation> {
    let contest = steady(100, 1.4, Some(1.0), 1_000_000.0, seed)?;
    let row = |(name, reference, of): &TableEntry| {
        let claim = format!("{name}, 100 agents, load 1.4, θ=μ: mean squared error / AHT²");
        near(claim, *reference, in_units(of(&contest)), 0.05)
    };
    Ok(OVERLOAD.iter().map(row).collect())
}

fn against_asterisk(seed: u64) -> Result<Vec<Row>, Violation> {
    let contest = varying_day(20, seed)?;
    let better = |of: fn(&Errors) -> f64| 1.0 - of(&contest.ours) / of(&contest.asterisk);
    let (absolute, squared) = (better(Errors::mean_absolute_s), better(Errors::mean_squared_s2));
    let covered = contest.within_p90.0 / contest.within_p90.1;
    Ok(vec![
        Row {
            claim: "QLm, measured rates, day-varying load: mean absolute error below Asterisk's".into(),
            reference: "by at least 30 %".into(),
            measured: format!("{:.1} % (squared error: {:.1} %)", absolute * 100.0, squared * 100.0),
            pass: absolute >= 0.3 && squared >= 0.3,
        },
        Row {
            claim: "QLm, measured rates, day-varying load: waits within the P90 told".into(),
            reference: "90 % ±3".into(),
            measured: format!("{:.1} %", covered * 100.0),
            pass: (covered - 0.9).abs() <= 0.03,
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_rates_come_close_to_the_true_ones() {
        // An estimator that had the handling time or the patience wrong by a fifth would lose more than this.
        let contest = steady(100, 1.4, Some(1.0), 100_000.0, 2).unwrap();
        let lost = contest.ours.mean_squared_s2() / contest.qlm.mean_squared_s2() - 1.0;
        assert!(lost < 0.06, "{lost}");
    }

    #[test]
    fn the_same_seed_gives_the_same_contest() {
        let contest = |seed| steady(5, 0.8, None, 2_000.0, seed).unwrap();
        assert_eq!(contest(3), contest(3));
        assert_ne!(contest(3), contest(4));
    }
}
