//! The laws by which spans of time are drawn, and the stream of arrivals. They say how, never when: the
//! generator is passed in.

use super::rng::Rng;
use std::time::Duration;

/// Nobody in a simulation waits, talks or rests for longer: a year.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// The length of one step of an arrival profile.
pub const PROFILE_STEP: Duration = Duration::from_secs(1800);

/// How a span of time is distributed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Law {
    /// Always this long.
    Constant(Duration),
    /// Memoryless, with this mean.
    Exponential(Duration),
    /// As handling times are found to be (Brown et al., Statistical Analysis of a Telephone Call Center,
    /// JASA 2005); `cv` is the deviation as a share of the mean.
    Lognormal {
        /// The mean.
        mean: Duration,
        /// Deviation ÷ mean.
        cv: f64,
    },
    /// The gamma law with that mean and deviation ÷ mean.
    Gamma {
        /// The mean.
        mean: Duration,
        /// Deviation ÷ mean.
        cv: f64,
    },
    /// Evenly between the two.
    Uniform(Duration, Duration),
    /// No end: the caller who never gives up.
    Never,
}

/// Seconds as a span; what is no number or below zero is zero, and a year is the longest.
pub fn span(seconds: f64) -> Duration {
    let seconds = if seconds.is_nan() { 0.0 } else { seconds.clamp(0.0, LONGEST.as_secs_f64()) };
    Duration::from_secs_f64(seconds)
}

impl Law {
    /// One draw; `None` when it never ends.
    pub fn draw(self, rng: &mut Rng) -> Option<Duration> {
        Some(match self {
            Self::Constant(always) => always,
            Self::Exponential(mean) => span(mean.as_secs_f64() * rng.exponential()),
            Self::Lognormal { mean, cv } => {
                // With variance s² of the logarithm, cv² = e^(s²) − 1 and mean = e^(m + s²/2).
                let variance = (cv * cv).ln_1p();
                span(mean.as_secs_f64() * (variance.sqrt() * rng.normal() - variance / 2.0).exp())
            }
            Self::Gamma { mean, cv } if cv <= 0.0 => mean,
            Self::Gamma { mean, cv } => {
                let shape = 1.0 / (cv * cv);
                span(mean.as_secs_f64() * rng.gamma(shape) / shape)
            }
            Self::Uniform(low, high) => low + span(high.saturating_sub(low).as_secs_f64() * rng.share()),
            Self::Never => return None,
        })
    }

    /// The mean; `None` when it never ends.
    pub fn mean(self) -> Option<Duration> {
        match self {
            Self::Constant(mean) | Self::Exponential(mean) => Some(mean),
            Self::Lognormal { mean, .. } | Self::Gamma { mean, .. } => Some(mean),
            Self::Uniform(low, high) => Some((low + high) / 2),
            Self::Never => None,
        }
    }
}

/// The rate of a Poisson process by the half-hour; after its last step it begins again.
#[derive(Clone, PartialEq, Debug)]
pub struct Profile {
    per_hour: Vec<f64>,
}

impl Profile {
    /// The same rate always, in calls per hour.
    pub fn constant(per_hour: f64) -> Self {
        Self { per_hour: vec![per_hour] }
    }

    /// One rate per half-hour, in calls per hour.
    pub fn by_half_hour(per_hour: Vec<f64>) -> Self {
        Self { per_hour }
    }

    /// Every rate multiplied.
    pub fn scaled(&self, factor: f64) -> Self {
        Self { per_hour: self.per_hour.iter().map(|rate| rate * factor).collect() }
    }

    /// The mean rate in calls per hour.
    pub fn mean_per_hour(&self) -> f64 {
        self.per_hour.iter().sum::<f64>() / self.per_hour.len().max(1) as f64
    }

    /// When the next call comes after `from`; `None` when none ever will.
    ///
    /// By change of time: in the clock that runs with the rate, arrivals are a Poisson process of rate 1
    /// (Çinlar, Introduction to Stochastic Processes, 1975, §4.7).
    pub fn next(&self, from: Duration, rng: &mut Rng) -> Option<Duration> {
        if !self.per_hour.iter().any(|&rate| rate > 0.0) {
            return None;
        }
        let mut due = rng.exponential();
        let mut at = from.as_secs_f64();
        loop {
            let step = (at / PROFILE_STEP.as_secs_f64()).floor();
            let per_second = self.per_hour.get(step as usize % self.per_hour.len())?.max(0.0) / 3600.0;
            let left = if self.per_hour.len() == 1 {
                f64::INFINITY
            } else {
                (step + 1.0) * PROFILE_STEP.as_secs_f64() - at
            };
            if due <= per_second * left {
                return Some(span(at + due / per_second));
            }
            due -= per_second * left;
            at = (step + 1.0) * PROFILE_STEP.as_secs_f64();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn moments(law: Law) -> (f64, f64) {
        let mut rng = Rng::new(3);
        let draws: Vec<f64> = (0..100_000).map(|_| law.draw(&mut rng).unwrap().as_secs_f64()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        (mean, variance.sqrt() / mean)
    }

    #[test]
    fn each_law_has_the_mean_and_the_spread_it_names() {
        for (law, cv) in [
            (Law::Constant(MINUTE), 0.0),
            (Law::Exponential(MINUTE), 1.0),
            (Law::Lognormal { mean: MINUTE, cv: 1.2 }, 1.2),
            (Law::Gamma { mean: MINUTE, cv: 0.7 }, 0.7),
            (Law::Gamma { mean: MINUTE, cv: 0.0 }, 0.0),
            (Law::Uniform(MINUTE / 2, 3 * MINUTE / 2), 1.0 / 12_f64.sqrt()),
        ] {
            let (mean, spread) = moments(law);
            assert!((mean - 60.0).abs() < 1.0 && (spread - cv).abs() < 0.05, "{law:?}: {mean}, {spread}");
            assert_eq!(law.mean(), Some(MINUTE));
        }
        assert_eq!(Law::Never.draw(&mut Rng::new(1)), None);
    }

    #[test]
    fn arrivals_follow_their_profile_half_hour_by_half_hour() {
        let profile = Profile::by_half_hour(vec![0.0, 600.0, 60.0]);
        let mut counts = [0_u32; 3];
        let mut rng = Rng::new(8);
        let mut at = Duration::ZERO;
        let days = 100;
        while let Some(next) = profile.next(at, &mut rng) {
            assert!(next >= at, "time runs forward");
            at = next;
            if at >= PROFILE_STEP * 3 * days {
                break;
            }
            counts[(at.as_secs() / 1800 % 3) as usize] += 1;
        }
        assert_eq!(counts[0], 0, "nobody calls while nobody should");
        assert!((29_000..31_000).contains(&counts[1]) && (2_800..3_200).contains(&counts[2]), "{counts:?}");
        assert_eq!(profile.mean_per_hour(), 220.0);
    }

    #[test]
    fn without_a_rate_nobody_ever_calls() {
        assert_eq!(Profile::constant(0.0).next(Duration::ZERO, &mut Rng::new(1)), None);
        assert_eq!(Profile::by_half_hour(Vec::new()).next(Duration::ZERO, &mut Rng::new(1)), None);
    }

    #[test]
    fn what_is_no_span_is_none() {
        assert_eq!((span(f64::NAN), span(-1.0)), (Duration::ZERO, Duration::ZERO));
        assert_eq!(span(f64::INFINITY), LONGEST);
    }
}
