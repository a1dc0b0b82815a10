//! What a simulated world is made of: the production settings, who calls, who works, and what goes wrong.
//! Plain data; it says nothing about how it is run.

use super::law::{Law, Profile};
use crate::engine::id::SkillId;
use crate::engine::settings::Settings;
use crate::engine::skill::Requirement;
use crate::engine::time::Wall;
use std::time::Duration;

/// 2026-03-02 00:00 UTC, a Monday: when simulated worlds begin unless they say otherwise.
pub const MONDAY: Wall = Wall(1_772_409_600_000);

/// A world to be run.
#[derive(Clone, PartialEq, Debug)]
pub struct Scenario {
    /// The rules, as production has them.
    pub settings: Settings,
    /// Streams of calls.
    pub sources: Vec<Source>,
    /// Calls as they were, in the order of time.
    pub recorded: Vec<Recorded>,
    /// How each agent of the settings works, in their order.
    pub workers: Vec<Worker>,
    /// The names of the groups that workers are reported by.
    pub groups: Vec<String>,
    /// For how long calls come.
    pub duration: Duration,
    /// Calls that come sooner are not measured.
    pub warm_up: Duration,
    /// How many different people call; 0: nobody shows a number.
    pub callers: u64,
    /// What the clock on the wall says at the beginning.
    pub starts_at: Wall,
    /// What goes wrong.
    pub faults: Faults,
}

/// Calls that come by chance.
#[derive(Clone, PartialEq, Debug)]
pub struct Source {
    /// What they dial.
    pub dialled: String,
    /// When they come.
    pub profile: Profile,
    /// How long they wait.
    pub patience: Law,
    /// How long they talk to an agent of speed 1.
    pub handling: Law,
}

/// A call that really came.
#[derive(Clone, PartialEq, Debug)]
pub struct Recorded {
    /// When, from the beginning.
    pub at: Duration,
    /// What was dialled.
    pub dialled: String,
    /// How long it would have waited; `None`: by chance, as `patience` says.
    pub patience: Option<Duration>,
    /// How long it talked; `None`: by chance, as `handling` says.
    pub handling: Option<Duration>,
    /// The law of a patience that is not known.
    pub patience_law: Law,
    /// The law of a conversation that is not known.
    pub handling_law: Law,
}

/// How an agent works.
#[derive(Clone, PartialEq, Debug)]
pub struct Worker {
    /// His group in [`Scenario::groups`].
    pub group: usize,
    /// Conversations are shorter by this factor; 1 is usual.
    pub speed: f64,
    /// By which factor a conversation is longer when its call requires this skill.
    pub factors: Vec<(SkillId, f64)>,
    /// How long he lets it ring.
    pub answers_after: Law,
    /// The share of offers he declines.
    pub declines: f64,
    /// The share of offers he lets ring.
    pub ignores: f64,
    /// The share of offers that find his phone busy.
    pub busy: f64,
    /// The share of conversations in which he puts the caller on hold for a while.
    pub holds: f64,
    /// When he is at work; empty: always.
    pub shifts: Vec<Stretch>,
    /// His breaks.
    pub breaks: Vec<Stretch>,
}

/// A stretch of time, from the beginning of the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// From.
    pub from: Duration,
    /// To.
    pub to: Duration,
}

/// What goes wrong. [`Faults::NONE`] is the ideal of the models.
#[derive(Clone, PartialEq, Debug)]
pub struct Faults {
    /// Between the engine and the phones.
    pub network: Network,
    /// How long a phone lives; `Never` dies.
    pub phone_lives: Law,
    /// How long it is dead.
    pub phone_dead: Law,
    /// How often the wall clock is changed.
    pub clock_jumps: Law,
    /// How often the store stalls.
    pub store_stalls: Law,
    /// How often somebody pauses, logs out, hangs a call up … through the API.
    pub requests: Law,
    /// By how much a deadline is noticed late.
    pub late_ticks: Law,
}

/// The way between the engine and the phones.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Network {
    /// How long a message takes.
    pub latency: Law,
    /// The share of datagrams lost: what they say comes by a retransmission, late.
    pub lost: f64,
    /// The share of messages told twice.
    pub twice: f64,
}

impl Faults {
    /// Nothing.
    pub const NONE: Faults = Faults {
        network: Network::PERFECT,
        phone_lives: Law::Never,
        phone_dead: Law::Constant(Duration::ZERO),
        clock_jumps: Law::Never,
        store_stalls: Law::Never,
        requests: Law::Never,
        late_ticks: Law::Constant(Duration::ZERO),
    };
}

impl Network {
    /// At once, always, in order.
    pub const PERFECT: Network = Network { latency: Law::Constant(Duration::ZERO), lost: 0.0, twice: 0.0 };
}

impl Worker {
    /// Somebody who answers at once, always.
    pub fn ideal(group: usize) -> Self {
        Self {
            group,
            speed: 1.0,
            factors: Vec::new(),
            answers_after: Law::Constant(Duration::ZERO),
            declines: 0.0,
            ignores: 0.0,
            busy: 0.0,
            holds: 0.0,
            shifts: Vec::new(),
            breaks: Vec::new(),
        }
    }

    /// By which factor conversations that need `requirement` are longer with him than with an agent of speed 1.
    pub(super) fn handling_factor(&self, requirement: &Requirement) -> f64 {
        let slowest = self
            .factors
            .iter()
            .filter(|(skill, _)| names(requirement, *skill))
            .map(|&(_, factor)| factor)
            .reduce(f64::max);
        slowest.unwrap_or(1.0) / self.speed
    }
}

/// Whether a requirement speaks of a skill.
fn names(requirement: &Requirement, wanted: SkillId) -> bool {
    match requirement {
        Requirement::Skill { skill, .. } => *skill == wanted,
        Requirement::All(parts) | Requirement::Any(parts) => parts.iter().any(|part| names(part, wanted)),
    }
}

/// What a call to this number requires of an agent at first: what its queue and its number ask for.
pub(super) fn requirement_of(settings: &Settings, number: usize) -> Requirement {
    let Some(number) = settings.numbers.get(number) else { return Requirement::ANYBODY };
    let queue = settings.queue(number.queue).map(|queue| queue.requirement.clone()).unwrap_or_default();
    queue.and(number.requirement.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_longer_by_the_factor_of_the_skill_it_needs_and_shorter_by_speed() {
        let worker =
            Worker { factors: vec![(SkillId(1), 1.25), (SkillId(2), 2.0)], speed: 2.0, ..Worker::ideal(0) };
        let needs = |skill| Requirement::Skill { skill: SkillId(skill), min: 1 };
        assert_eq!(worker.handling_factor(&needs(0)), 0.5);
        assert_eq!(worker.handling_factor(&needs(1)), 0.625);
        assert_eq!(worker.handling_factor(&Requirement::Any(vec![needs(0), needs(2)])), 1.0);
    }
}
