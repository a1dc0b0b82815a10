//! Several runs of one scenario as estimates with their confidence, and two scenarios against each other.

use super::measure::{Figures, GroupFigures, QueueFigures};
use std::time::Duration;

/// What a queue or a group is judged by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Measure {
    /// Calls a run offers.
    Offered,
    /// Answered within the threshold ÷ offered.
    ServiceLevel,
    /// Mean wait of answered calls, in seconds.
    SpeedOfAnswer,
    /// The wait that 95 % of all calls do not exceed, answered or given up, in seconds.
    Wait95,
    /// Abandoned ÷ offered.
    Abandonment,
    /// Of agents: (talk + hold + wrap-up) ÷ (that + ready).
    Occupancy,
}

impl Measure {
    /// Those of a queue.
    pub const OF_QUEUES: [Measure; 5] =
        [Self::Offered, Self::ServiceLevel, Self::SpeedOfAnswer, Self::Wait95, Self::Abandonment];

    /// The word used in CSV and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::ServiceLevel => "service_level",
            Self::SpeedOfAnswer => "asa_seconds",
            Self::Wait95 => "p95_wait_seconds",
            Self::Abandonment => "abandonment",
            Self::Occupancy => "occupancy",
        }
    }
}

/// An estimate from several independent runs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Half the width of its 95 % confidence interval; `None` when one run gives none.
    pub half_width: Option<f64>,
}

/// One run's share in a ratio: what is above the line and what is below.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Part {
    /// Above.
    pub of: f64,
    /// Below.
    pub over: f64,
}

impl Part {
    /// A figure of which the plain mean over runs is meant.
    fn plain(of: f64) -> Self {
        Self { of, over: 1.0 }
    }
}

/// Σ above ÷ Σ below with its confidence interval.
///
/// By linearisation, as for the ratio estimator of survey sampling (Cochran, Sampling Techniques, 3rd ed. 1977,
/// §6.3) with Student's t: long and short runs weigh as they should.
pub fn ratio(parts: &[Part]) -> Option<Estimate> {
    let (value, residuals) = linearised(parts)?;
    Some(Estimate { value, half_width: half_width(&residuals) })
}

/// `after` less `before`, run by run: with common random numbers the interval is far narrower than either's own.
pub fn difference(before: &[Part], after: &[Part]) -> Option<Estimate> {
    let ((before, from), (after, to)) = (linearised(before)?, linearised(after)?);
    let residuals: Vec<f64> = from.iter().zip(&to).map(|(from, to)| to - from).collect();
    Some(Estimate { value: after - before, half_width: half_width(&residuals) })
}

fn linearised(parts: &[Part]) -> Option<(f64, Vec<f64>)> {
    let (of, over) = parts.iter().fold((0.0, 0.0), |(of, over), part| (of + part.of, over + part.over));
    if over <= 0.0 {
        return None;
    }
    let (value, mean) = (of / over, over / parts.len() as f64);
    Some((value, parts.iter().map(|part| (part.of - value * part.over) / mean).collect()))
}

fn half_width(residuals: &[f64]) -> Option<f64> {
    let n = residuals.len();
    if n < 2 {
        return None;
    }
    let mean = residuals.iter().sum::<f64>() / n as f64;
    let squares: f64 = residuals.iter().map(|one| (one - mean).powi(2)).sum();
    Some(student_975(n - 1) * (squares / (n - 1) as f64 / n as f64).sqrt())
}

/// The 97.5 % quantile of Student's t: from the tables up to four degrees of freedom, else by the expansion of
/// Cornish and Fisher (Abramowitz & Stegun 26.7.5), which is right to three digits from five on.
fn student_975(freedom: usize) -> f64 {
    let z: f64 = 1.959_963_985;
    let n = freedom as f64;
    match freedom {
        0 => f64::INFINITY,
        1 => 12.706_205,
        2 => 4.302_653,
        3 => 3.182_446,
        4 => 2.776_445,
        _ => {
            let g1 = (z.powi(3) + z) / 4.0;
            let g2 = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
            let g3 = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
            let g4 =
                (79.0 * z.powi(9) + 776.0 * z.powi(7) + 1482.0 * z.powi(5) - 1920.0 * z.powi(3) - 945.0 * z)
                    / 92_160.0;
            z + g1 / n + g2 / n.powi(2) + g3 / n.powi(3) + g4 / n.powi(4)
        }
    }
}

/// One run's share in a queue's measure; nothing where it says nothing.
pub fn of_queue(figures: &QueueFigures, measure: Measure) -> Option<Part> {
    let counts = figures.counts;
    let share = |of: u64, over: u64| Some(Part { of: of as f64, over: over as f64 });
    match measure {
        Measure::Offered => Some(Part::plain(counts.offered() as f64)),
        Measure::ServiceLevel => share(counts.answered_in_threshold, counts.offered()),
        Measure::SpeedOfAnswer => {
            Some(Part { of: figures.wait_answered.as_secs_f64(), over: counts.answered as f64 })
        }
        Measure::Wait95 => figures.wait_quantile(0.95).as_ref().map(Duration::as_secs_f64).map(Part::plain),
        Measure::Abandonment => share(counts.abandoned, counts.offered()),
        Measure::Occupancy => None,
    }
}

/// One run's share in a group's occupancy.
pub fn of_group(figures: &GroupFigures) -> Part {
    let busy: Duration = figures.agents.iter().map(|worked| worked.busy).sum();
    let ready: Duration = figures.agents.iter().map(|worked| worked.ready).sum();
    Part { of: busy.as_secs_f64(), over: (busy + ready).as_secs_f64() }
}

/// Each run's share in the measure of the queue at this place; `None` means all queues together.
pub fn parts(runs: &[Figures], queue: Option<usize>, measure: Measure) -> Vec<Part> {
    let one = |figures: &Figures| match queue {
        Some(at) => figures.queues.get(at).and_then(|queue| of_queue(queue, measure)),
        None => of_queue(&figures.all_queues(), measure),
    };
    runs.iter().filter_map(one).collect()
}

/// Each run's share in the occupancy of the group at this place.
pub fn group_parts(runs: &[Figures], group: usize) -> Vec<Part> {
    runs.iter().filter_map(|figures| figures.groups.get(group)).map(of_group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::rng::Rng;

    #[test]
    fn student_s_quantiles_are_the_published_ones() {
        for (freedom, quantile) in
            [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (19, 2.093), (100, 1.984)]
        {
            assert!((student_975(freedom) - quantile).abs() < 2e-3, "{freedom}: {}", student_975(freedom));
        }
    }

    #[test]
    fn about_95_of_100_intervals_hold_the_truth() {
        let mut rng = Rng::new(4);
        let mut held = 0;
        for _ in 0..2000 {
            let runs: Vec<Part> = (0..10)
                .map(|_| {
                    let over = 50.0 + 100.0 * rng.share();
                    Part { of: 0.8 * over + 5.0 * rng.normal(), over }
                })
                .collect();
            let estimate = ratio(&runs).unwrap();
            held += u32::from((estimate.value - 0.8).abs() <= estimate.half_width.unwrap());
        }
        assert!((1870..1930).contains(&held), "{held} of 2000");
    }

    #[test]
    fn what_two_runs_have_in_common_does_not_blur_their_difference() {
        let mut rng = Rng::new(5);
        let before: Vec<Part> = (0..10).map(|_| Part::plain(50.0 + 20.0 * rng.normal())).collect();
        let after: Vec<Part> = before.iter().map(|part| Part::plain(part.of + 3.0)).collect();
        let gain = difference(&before, &after).unwrap();
        assert!((gain.value - 3.0).abs() < 1e-9 && gain.half_width.unwrap() < 1e-9, "{gain:?}");
        assert!(ratio(&before).unwrap().half_width.unwrap() > 5.0);
    }

    #[test]
    fn one_run_gives_an_estimate_without_confidence_and_none_gives_none() {
        let one = ratio(&[Part { of: 4.0, over: 5.0 }]).unwrap();
        assert_eq!((one.value, one.half_width), (0.8, None));
        assert_eq!(ratio(&[]), None);
        assert_eq!(ratio(&[Part { of: 0.0, over: 0.0 }]), None);
    }
}
