//! Random worlds for the checkers: rules, people and faults, all from the seed. Odd combinations are the point.

use super::law::{Law, Profile};
use super::rng::{Purpose, Rng};
use super::scenario::{Faults, MONDAY, Network, Scenario, Source, Stretch, Worker};
use crate::engine::id::{QueueId, SkillId};
use crate::engine::settings::{Agent, AnswerMode, Limits, Login, Number, Queue, Relaxation, Settings};
use crate::engine::skill::{Requirement, SkillSet};
use crate::engine::strategy::StrategyName;
use std::time::Duration;

/// The world of a seed.
pub fn scenario(seed: u64) -> Scenario {
    let mut rng = Rng::stream(seed, Purpose::World, 0);
    let rng = &mut rng;
    let skills = rng.within(1, 4) as u32;
    let queues = rng.within(1, 4) as u32;
    let agents = rng.within(1, 12);
    let settings = Settings {
        skills: (0..skills).map(|skill| format!("skill-{skill}")).collect(),
        queues: (0..queues).map(|at| queue(rng, at, skills)).collect(),
        numbers: (0..queues + rng.below(4) as u32).map(|at| number(rng, at, queues, skills)).collect(),
        agents: (0..agents).map(|at| agent(rng, at, queues, skills)).collect(),
        pause_reasons: vec!["break".into()],
        limits: Limits { calls_max: rng.within(5, 400) as usize, ..Limits::default() },
        ..Settings::default()
    };
    let duration = seconds(rng, 600, 2400);
    let load = 0.3 + 1.2 * rng.share();
    let calls_per_hour = 3600.0 / 60.0 * agents as f64 * load;
    let sources = settings.numbers.iter().map(|number| {
        let per_hour = calls_per_hour / settings.numbers.len() as f64 * 2.0 * rng.share();
        source(rng, number.dialled.clone(), per_hour)
    });
    Scenario {
        sources: sources.collect(),
        recorded: Vec::new(),
        workers: (0..agents).map(|_| worker(rng, duration)).collect(),
        groups: vec!["all".into()],
        duration,
        warm_up: Duration::ZERO,
        callers: rng.within(0, 50),
        starts_at: MONDAY,
        faults: faults(rng),
        settings,
    }
}

/// A whole number of seconds between the two.
fn seconds(rng: &mut Rng, low: u64, high: u64) -> Duration {
    Duration::from_secs(rng.within(low, high))
}

/// A span, but sometimes none at all: zeroes find mistakes.
fn seconds_or_none(rng: &mut Rng, high: u64) -> Duration {
    if rng.happens(0.25) { Duration::ZERO } else { seconds(rng, 1, high) }
}

fn queue(rng: &mut Rng, at: u32, skills: u32) -> Queue {
    Queue {
        name: format!("queue-{at}"),
        title: format!("queue-{at}"),
        strategy: rng.choose(&StrategyName::TABLE).map(|&(_, strategy)| strategy).unwrap_or_default(),
        answer: if rng.happens(0.3) { AnswerMode::EarlyMedia } else { AnswerMode::Answer },
        welcome: rng.happens(0.3).then(|| "welcome".into()),
        requirement: requirement(rng, skills, 0.3),
        ring_timeout: seconds(rng, 1, 30),
        wrap_up: seconds_or_none(rng, 60),
        waiting_max: if rng.happens(0.3) { rng.below(6) as usize } else { 1000 },
        relaxation: relaxation(rng, skills, 0.2),
        secondary_after: seconds_or_none(rng, 30),
        weight: rng.within(50, 300) as u32,
        ring_step: seconds(rng, 1, 10),
        wait_max: rng.happens(0.3).then(|| seconds(rng, 1, 120)),
        short_abandon: seconds_or_none(rng, 10),
        service_level_threshold: seconds(rng, 1, 60),
        ..Queue::default()
    }
}

fn requirement(rng: &mut Rng, skills: u32, share: f64) -> Requirement {
    if !rng.happens(share) {
        return Requirement::ANYBODY;
    }
    let skill = |rng: &mut Rng| Requirement::Skill {
        skill: SkillId(rng.below(u64::from(skills)) as u32),
        min: rng.within(1, 4) as u8,
    };
    let (one, other) = (skill(rng), skill(rng));
    match rng.below(3) {
        0 => one,
        1 => one.and(other),
        _ => Requirement::Any(vec![one, other]),
    }
}

fn relaxation(rng: &mut Rng, skills: u32, share: f64) -> Vec<Relaxation> {
    if !rng.happens(share) {
        return Vec::new();
    }
    let steps = rng.within(1, 3);
    let mut after = Duration::ZERO;
    let step = |_| {
        after += seconds(rng, 1, 30);
        Relaxation { after, requirement: requirement(rng, skills, 0.8) }
    };
    (0..steps).map(step).collect()
}

fn number(rng: &mut Rng, at: u32, queues: u32, skills: u32) -> Number {
    Number {
        dialled: format!("{}", 100 + at),
        // Every queue has a number of its own; the others lead anywhere.
        queue: QueueId(if at < queues { at } else { rng.below(u64::from(queues)) as u32 }),
        priority: if rng.happens(0.3) { seconds(rng, 1, 300) } else { Duration::ZERO },
        requirement: requirement(rng, skills, 0.4),
        relaxation: relaxation(rng, skills, 0.2),
        ..Number::default()
    }
}

fn agent(rng: &mut Rng, at: u64, queues: u32, skills: u32) -> Agent {
    let own: Vec<_> = (0..skills)
        .filter(|_| rng.happens(0.7))
        .map(SkillId)
        .collect::<Vec<_>>()
        .into_iter()
        .map(|skill| (skill, rng.within(1, 5) as u8))
        .collect();
    let mut served: Vec<_> = (0..queues).filter(|_| rng.happens(0.6)).map(QueueId).collect();
    if served.is_empty() {
        served.push(QueueId(rng.below(u64::from(queues)) as u32));
    }
    Agent {
        name: format!("agent-{at}"),
        title: format!("agent-{at}"),
        skills: SkillSet::new(own),
        queues: served,
        wrap_up: rng.happens(0.2).then(|| seconds_or_none(rng, 30)),
        login: if rng.happens(0.5) { Login::Automatic } else { Login::Manual },
        ..Agent::default()
    }
}

fn source(rng: &mut Rng, dialled: String, per_hour: f64) -> Source {
    let mean = seconds(rng, 10, 120);
    let patience = match rng.below(5) {
        0 => Law::Never,
        1 => Law::Lognormal { mean: seconds(rng, 20, 300), cv: 1.5 },
        2 => Law::Uniform(Duration::ZERO, seconds(rng, 1, 60)),
        _ => Law::Exponential(seconds(rng, 5, 300)),
    };
    let handling = match rng.below(4) {
        0 => Law::Constant(mean),
        1 => Law::Lognormal { mean, cv: 1.2 },
        _ => Law::Exponential(mean),
    };
    let profile = if rng.happens(0.3) {
        Profile::by_half_hour(vec![per_hour * 2.0, 0.0, per_hour])
    } else {
        Profile::constant(per_hour)
    };
    Source { dialled, profile, patience, handling }
}

fn worker(rng: &mut Rng, duration: Duration) -> Worker {
    let sometimes = |rng: &mut Rng, share: f64, at_most: f64| {
        if rng.happens(share) { at_most * rng.share() } else { 0.0 }
    };
    let mut worker = Worker {
        speed: 0.7 + 0.6 * rng.share(),
        answers_after: match rng.below(3) {
            0 => Law::Constant(Duration::ZERO),
            1 => Law::Uniform(Duration::from_millis(500), seconds(rng, 1, 20)),
            _ => Law::Exponential(seconds(rng, 1, 10)),
        },
        declines: sometimes(rng, 0.3, 0.4),
        ignores: sometimes(rng, 0.3, 0.4),
        busy: sometimes(rng, 0.2, 0.3),
        holds: sometimes(rng, 0.3, 0.5),
        ..Worker::ideal(0)
    };
    if rng.happens(0.3) {
        let from = duration.mul_f64(0.4 * rng.share());
        let to = from + duration.mul_f64(0.1 + 0.5 * rng.share());
        worker.shifts = vec![Stretch { from, to }];
        if rng.happens(0.5) {
            let rest = from + (to - from) / 3;
            worker.breaks = vec![Stretch { from: rest, to: rest + (to - from) / 6 }];
        }
    }
    worker
}

/// Every third world has none.
fn faults(rng: &mut Rng) -> Faults {
    if rng.happens(0.33) {
        return Faults::NONE;
    }
    let law = |rng: &mut Rng, share: f64, low: u64, high: u64| {
        if rng.happens(share) { Law::Exponential(seconds(rng, low, high)) } else { Law::Never }
    };
    Faults {
        network: Network {
            latency: match rng.below(3) {
                0 => Law::Constant(Duration::ZERO),
                1 => Law::Constant(Duration::from_millis(50)),
                _ => Law::Exponential(Duration::from_millis(rng.within(1, 1500))),
            },
            lost: if rng.happens(0.5) { 0.3 * rng.share() } else { 0.0 },
            twice: if rng.happens(0.5) { 0.3 * rng.share() } else { 0.0 },
        },
        phone_lives: law(rng, 0.5, 60, 1800),
        phone_dead: Law::Exponential(seconds(rng, 1, 300)),
        clock_jumps: law(rng, 0.5, 30, 900),
        store_stalls: law(rng, 0.5, 10, 300),
        requests: law(rng, 0.6, 2, 60),
        late_ticks: if rng.happens(0.5) {
            Law::Uniform(Duration::ZERO, Duration::from_millis(rng.within(1, 500)))
        } else {
            Law::Constant(Duration::ZERO)
        },
    }
}
