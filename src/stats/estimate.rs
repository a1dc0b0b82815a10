//! Expected wait: formulas from what waits and how fast it is served. `Estimator` measures the rates from facts;
//! `rivals` are what other systems say, for comparison. Where there is no ground, nothing is said.

mod fold;
mod foresight;
mod rates;
pub mod rivals;

pub use fold::{Estimator, Judged};
pub use foresight::{Expected, Foresight};
pub use rates::{Measured, Pace};

use serde::Serialize;
use std::time::Duration;

/// How fast a line moves.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rates {
    /// Calls per second that all agents of the line together finish while all are busy: sμ.
    pub service_per_s: f64,
    /// How often one waiting caller gives up, per second of waiting: θ.
    pub patience_per_s: f64,
}

/// Mean and variance of a wait.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Spread {
    /// In seconds.
    pub mean_s: f64,
    /// In seconds squared.
    pub variance_s2: f64,
}

/// How an expected wait was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// From the place in line and the measured rates: QLm.
    Formula,
    /// By rolling the live state forward.
    Rollout,
}

impl Basis {
    /// Both.
    pub const ALL: [Basis; 2] = [Self::Formula, Self::Rollout];

    /// The word used in labels and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Formula => "formula",
            Self::Rollout => "rollout",
        }
    }
}

/// What can be told of a wait: never a bare number, always a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Estimate {
    /// The expectation; of a rollout the median, for its longest futures are cut off.
    pub mean: Duration,
    /// Half of such calls wait less.
    pub p50: Duration,
    /// Nine in ten such calls wait less.
    pub p90: Duration,
    /// How it was found.
    pub by: Basis,
}

impl Estimate {
    /// What is left of it after so much more waiting.
    pub fn after(self, waited: Duration) -> Estimate {
        let left = |wait: Duration| wait.saturating_sub(waited);
        Estimate { mean: left(self.mean), p50: left(self.p50), p90: left(self.p90), by: self.by }
    }
}

/// The standard normal quantiles of 50 % and 90 %.
const Z50: f64 = 0.0;
const Z90: f64 = 1.281_551_565_544_6;

/// So many terms are added one by one; the rest by the Euler–Maclaurin formula, so that a line of a hundred thousand
/// costs no more than one of a hundred.
const TERMS_ADDED: u32 = 64;

/// QL: the wait behind `ahead` calls when nobody gives up: (n+1)/(sμ).
pub fn ql(ahead: usize, service_per_s: f64) -> Spread {
    qlm(ahead, Rates { service_per_s, patience_per_s: 0.0 })
}

/// QLm: the wait behind `ahead` calls whose callers give up at rate θ each (R. Ibrahim & W. Whitt, "Real-time delay
/// estimation in overloaded multiserver queues with abandonments", Management Science 55(10), 2009):
/// E = Σᵢ₌₀ⁿ 1/(sμ+iθ), Var = Σᵢ₌₀ⁿ 1/(sμ+iθ)².
pub fn qlm(ahead: usize, rates: Rates) -> Spread {
    let Rates { service_per_s, patience_per_s } = rates;
    let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
    let rate = |i: f64| service_per_s + i * patience_per_s;
    let added = ahead.min(TERMS_ADDED);
    let mut spread = Spread::default();
    for i in 0..=added {
        let stage_s = rate(f64::from(i)).recip();
        spread.mean_s += stage_s;
        spread.variance_s2 += stage_s * stage_s;
    }
    if ahead > added {
        // Σ over a<i≤n of f(i) = ∫f + (f(n)−f(a))/2 + (f′(n)−f′(a))/12 − …
        let (a, n) = (rate(f64::from(added)), rate(f64::from(ahead)));
        let terms = f64::from(ahead - added);
        let theta = patience_per_s;
        let mean_integral =
            if theta > 0.0 { (terms * theta / a).ln_1p() / theta } else { terms / service_per_s };
        let powers = |power: i32| (n.powi(-power), a.powi(-power));
        let ((n1, a1), (n2, a2), (n3, a3)) = (powers(1), powers(2), powers(3));
        spread.mean_s += mean_integral + (n1 - a1) / 2.0 - theta * (n2 - a2) / 12.0;
        spread.variance_s2 += terms * n1 * a1 + (n2 - a2) / 2.0 - theta * (n3 - a3) / 6.0;
    }
    spread
}

impl Spread {
    /// The wait for one thing after the other, when they do not depend on each other.
    pub fn then(self, next: Spread) -> Spread {
        Spread { mean_s: self.mean_s + next.mean_s, variance_s2: self.variance_s2 + next.variance_s2 }
    }

    /// The quantile, in seconds, of the gamma distribution with this mean and variance; `z` is the quantile of the
    /// standard normal distribution.
    ///
    /// By the cube of a normal (Wilson & Hilferty 1931): within 1.5 % for one exponential stage, within 0.1 % from ten
    /// stages on; far less than what the measured rates leave open.
    pub fn quantile_s(self, z: f64) -> f64 {
        if self.mean_s <= 0.0 || self.variance_s2 <= 0.0 {
            return self.mean_s.max(0.0);
        }
        let ninth = self.variance_s2 / (self.mean_s * self.mean_s) / 9.0;
        self.mean_s * (1.0 - ninth + z * ninth.sqrt()).max(0.0).powi(3)
    }

    /// As it is told.
    pub fn estimate(self) -> Estimate {
        let told = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let (p50, p90) = (told(self.quantile_s(Z50)), told(self.quantile_s(Z90)));
        Estimate { mean: told(self.mean_s), p50, p90, by: Basis::Formula }
    }
}

#[cfg(test)]
mod tests;
