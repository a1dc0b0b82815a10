//! How many agents a load needs: Erlang B and C here, Erlang A in `patience`, the search in `staffing`.
//! Formulas only; it measures nothing and knows no queue.

mod patience;
mod staffing;

pub use patience::with_patience;
pub use staffing::{Goal, fewest_agents};

/// What comes in, and how long it keeps an agent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Load {
    /// Calls per second.
    pub calls_per_s: f64,
    /// AHT: talk, hold and wrap-up of one call, in seconds.
    pub handling_s: f64,
}

impl Load {
    /// The offered load: how many agents would be busy if all calls were answered.
    pub fn erlangs(&self) -> f64 {
        self.calls_per_s * self.handling_s
    }
}

/// What a caller meets with so many agents, in the long run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Performance {
    /// The agents.
    pub agents: u32,
    /// Answered within the threshold out of all calls, 0 to 1.
    pub service_level: f64,
    /// ASA: the mean wait of answered calls, in seconds.
    pub asa_s: f64,
    /// The part of an agent's time that calls take, 0 to 1.
    pub occupancy: f64,
    /// Given up out of all calls, 0 to 1; 0 where callers never give up.
    pub abandonment: f64,
    /// The mean wait of all calls, those given up included, in seconds.
    pub mean_wait_s: f64,
}

/// Erlang B: the probability that all `agents` are busy when nobody waits. `erlangs` is the offered load.
///
/// By the recursion B₀ = 1, Bₙ = A·Bₙ₋₁ / (n + A·Bₙ₋₁), which only ever adds and divides positive numbers.
pub fn erlang_b(agents: u32, erlangs: f64) -> f64 {
    (1..=agents).fold(1.0, |blocked, n| {
        let grown = erlangs * blocked;
        grown / (f64::from(n) + grown)
    })
}

/// Erlang C: the probability that a call waits, when callers wait for ever. 1 when the agents cannot keep up.
pub fn erlang_c(agents: u32, erlangs: f64) -> f64 {
    let occupancy = erlangs / f64::from(agents);
    if occupancy >= 1.0 {
        return 1.0;
    }
    let blocked = erlang_b(agents, erlangs);
    blocked / (1.0 - occupancy * (1.0 - blocked))
}

/// Erlang C (M/M/n): what callers who wait for ever meet; `None` when the agents cannot keep up and the line grows
/// without end. `threshold_s` is the wait, in seconds, within which an answer counts as in time.
///
/// SL = 1 − C·e^(−(n−A)·T/AHT), ASA = C·AHT/(n−A).
pub fn without_abandonment(load: Load, agents: u32, threshold_s: f64) -> Option<Performance> {
    let spare = f64::from(agents) - load.erlangs();
    if spare <= 0.0 {
        return None;
    }
    let waits = erlang_c(agents, load.erlangs());
    let asa_s = waits * load.handling_s / spare;
    Some(Performance {
        agents,
        service_level: 1.0 - waits * (-spare * threshold_s / load.handling_s).exp(),
        asa_s,
        occupancy: load.erlangs() / f64::from(agents),
        abandonment: 0.0,
        mean_wait_s: asa_s,
    })
}

#[cfg(test)]
mod tests;
