//! Erlang A (M/M/n+M): what callers meet who hang up when their patience, exponentially distributed, is over.
//!
//! The birth-and-death chain of C. Palm, with the exact distribution of the wait (Baccelli & Hebuterne 1981;
//! Mandelbaum & Zeltyn, "Service engineering in action: the Palm/Erlang-A queue", 2007).

use super::{Load, Performance};

/// Below e^−45 ≈ 3·10⁻²⁰ of the largest, a term no longer changes a sum of doubles.
const NEGLIGIBLE_LN: f64 = -45.0;

/// The chain: births λ, deaths nμ up to n = s, then sμ + (n−s)θ.
struct Chain {
    arrival: f64,
    service: f64,
    patience: f64,
    agents: u32,
}

/// Its stationary distribution, as far as it matters here.
struct Stationary {
    /// That some agent is free.
    some_free: f64,
    /// ln of the probability that all agents are busy and nobody waits.
    all_busy_ln: f64,
    /// The mean number of calls that wait.
    waiting: f64,
}

/// The offered wait V, seen by those who wait and are answered before `upto_s`.
struct Served {
    /// The probability that a call waits, and is answered by then.
    share: f64,
    /// The mean of the wait over these, times `share`, in seconds.
    wait_s: f64,
}

/// Erlang A: what callers meet whose patience lasts `patience_s` seconds on average. There is no instability: who
/// is not served goes. `threshold_s` is the wait, in seconds, within which an answer counts as in time.
pub fn with_patience(load: Load, patience_s: f64, agents: u32, threshold_s: f64) -> Performance {
    let chain = Chain {
        arrival: load.calls_per_s,
        service: 1.0 / load.handling_s,
        patience: 1.0 / patience_s,
        agents,
    };
    let stationary = chain.stationary();
    let abandonment = (chain.patience * stationary.waiting / chain.arrival).clamp(0.0, 1.0);
    let in_time = chain.served(&stationary, threshold_s);
    let served = chain.served(&stationary, f64::INFINITY);
    Performance {
        agents,
        service_level: (stationary.some_free + in_time.share).min(1.0),
        asa_s: served.wait_s / (stationary.some_free + served.share),
        occupancy: load.erlangs() * (1.0 - abandonment) / f64::from(agents),
        abandonment,
        mean_wait_s: stationary.waiting / chain.arrival,
    }
}

impl Chain {
    fn full(&self) -> f64 {
        f64::from(self.agents) * self.service
    }

    /// The rate at which the number of calls falls from `n`.
    fn death(&self, n: f64) -> f64 {
        let agents = f64::from(self.agents);
        n.min(agents) * self.service + (n - agents).max(0.0) * self.patience
    }

    /// The likeliest number of calls: the last one that more often grows than falls.
    fn mode(&self) -> f64 {
        if self.arrival < self.full() {
            (self.arrival / self.service).floor()
        } else {
            (f64::from(self.agents) + (self.arrival - self.full()) / self.patience).floor()
        }
    }

    /// Walks from the mode to both sides, so that the largest weight is 1 and nothing overflows; the distribution
    /// has one peak, so what is negligible stays so.
    fn stationary(&self) -> Stationary {
        let (agents, mode) = (f64::from(self.agents), self.mode());
        let negligible = NEGLIGIBLE_LN.exp();
        let (mut total, mut free, mut waiting) = (0.0, 0.0, 0.0);
        let mut count = |n: f64, weight: f64| {
            total += weight;
            free += if n < agents { weight } else { 0.0 };
            waiting += (n - agents).max(0.0) * weight;
        };
        count(mode, 1.0);
        let (mut n, mut weight) = (mode, 1.0);
        while n > 0.0 && weight > negligible {
            weight *= self.death(n) / self.arrival;
            n -= 1.0;
            count(n, weight);
        }
        (n, weight) = (mode, 1.0);
        loop {
            n += 1.0;
            let ratio = self.arrival / self.death(n);
            weight *= ratio;
            count(n, weight);
            // What follows is less than a geometric series.
            if ratio < 1.0 && weight * ratio / (1.0 - ratio) <= negligible {
                break;
            }
        }
        Stationary {
            some_free: free / total,
            all_busy_ln: self.weight_ln(mode) - total.ln(),
            waiting: waiting / total,
        }
    }

    /// ln of the weight of "all busy, nobody waits" relative to the mode's.
    fn weight_ln(&self, mode: f64) -> f64 {
        let agents = f64::from(self.agents);
        let (from, to) = (mode.min(agents), mode.max(agents));
        let (mut ln, mut n) = (0.0, from);
        while n < to {
            n += 1.0;
            ln += (self.arrival / self.death(n)).ln();
        }
        if agents >= mode { ln } else { -ln }
    }

    /// Those who wait and are answered within `upto_s`.
    ///
    /// Whoever finds j before him in line is served after j+1 independent exponential times with the rates
    /// sμ, sμ+θ, …, sμ+jθ, whose sum has the density Π(sμ+iθ)/(θʲj!) · e^(−sμt)(1−e^(−θt))ʲ; he is still there with
    /// probability e^(−θt). Weighted with the chain's probability of j, the sum over j is one exponential series:
    /// π(s)·sμ·∫ exp(−(sμ+θ)t + (λ/θ)(1−e^(−θt))) dt.
    fn served(&self, stationary: &Stationary, upto_s: f64) -> Served {
        let (full, theta) = (self.full(), self.patience);
        // exp_m1, for a long patience makes 1−e^(−θt) a difference of nearly equal numbers.
        let exponent = |t: f64| -(full + theta) * t - self.arrival / theta * (-theta * t).exp_m1();
        let slope = |t: f64| self.arrival * (-theta * t).exp() - full - theta;
        let peak_s = ((self.arrival / (full + theta)).ln() / theta).clamp(0.0, upto_s);
        let highest = exponent(peak_s);
        // The exponent is concave: where it counts is one interval, and it is steepest at that interval's ends.
        let counts = |t: f64| exponent(t) - highest > NEGLIGIBLE_LN;
        let from_s = if counts(0.0) { 0.0 } else { edge(peak_s, 0.0, counts) };
        let mut beyond_s = peak_s + 1.0 / (full + theta);
        while counts(beyond_s) && beyond_s < upto_s {
            beyond_s = peak_s + 2.0 * (beyond_s - peak_s);
        }
        let to_s = if beyond_s >= upto_s && counts(upto_s) { upto_s } else { edge(peak_s, beyond_s, counts) };
        // Within one panel it changes by less than 1, where five points are exact to 12 digits.
        let panels = ((to_s - from_s) * slope(from_s).abs().max(slope(to_s).abs())).ceil().max(1.0);
        let half_s = (to_s - from_s) / panels / 2.0;
        let (mut share, mut wait_s, mut panel) = (0.0, 0.0, 0.0);
        while panel < panels {
            let middle_s = from_s + half_s * (2.0 * panel + 1.0);
            for (node, weight) in GAUSS_LEGENDRE {
                let t = middle_s + half_s * node;
                let density = weight * half_s * (exponent(t) - highest).exp();
                share += density;
                wait_s += t * density;
            }
            panel += 1.0;
        }
        let scale = (stationary.all_busy_ln + full.ln() + highest).exp();
        Served { share: scale * share, wait_s: scale * wait_s }
    }
}

/// Where between `inside` and `outside` something ends, by bisection.
fn edge(mut inside: f64, mut outside: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..50 {
        let middle = f64::midpoint(inside, outside);
        if holds(middle) { inside = middle } else { outside = middle }
    }
    inside
}

/// Nodes and weights of the five-point rule on [−1, 1] (Abramowitz & Stegun, table 25.4).
const GAUSS_LEGENDRE: [(f64, f64); 5] = [
    (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
    (-0.538_469_310_105_683, 0.478_628_670_499_366_5),
    (0.0, 0.568_888_888_888_888_9),
    (0.538_469_310_105_683, 0.478_628_670_499_366_5),
    (0.906_179_845_938_664, 0.236_926_885_056_189_1),
];
