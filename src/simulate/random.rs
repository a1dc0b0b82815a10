//! Random worlds for the checkers: rules, people and faults, all from the seed. Odd combinations are the point; some
//! are odder than any configuration that would pass its checks.

use super::law::{Law, Profile};
use super::rng::{Purpose, Rng};
use super::scenario::{Faults, MONDAY, Network, Scenario, Source, Stretch, Worker};
use crate::engine::fact::AgentState;
use crate::engine::id::{AgentId, QueueId, SkillId};
use crate::engine::settings::{
    Agent, AnswerMode, Borrow, Destination, Direct, Fatigue, LastAgent, Limits, Login, MissedRules, Number,
    Overflow, OverflowWhen, Queue, QueueOrder, Relaxation, Settings, WrapUpMode, WrapUpRules,
};
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
        queues: (0..queues).map(|at| queue(rng, at, queues, skills)).collect(),
        numbers: (0..queues + rng.below(4) as u32).map(|at| number(rng, at, queues, skills)).collect(),
        agents: (0..agents).map(|at| agent(rng, at, queues, skills)).collect(),
        pause_reasons: vec!["break".into()],
        dispositions: vec!["order".into(), "complaint".into()],
        order: rng.choose(&QueueOrder::TABLE).map(|&(_, order)| order).unwrap_or_default(),
        primary_first: seconds_or_none(rng, 1200),
        fatigue: rng.happens(0.2).then(|| Fatigue {
            occupancy_max: 0.5 + 0.4 * rng.share(),
            over: seconds(rng, 60, 1200),
            rest: seconds(rng, 5, 60),
        }),
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

fn queue(rng: &mut Rng, at: u32, queues: u32, skills: u32) -> Queue {
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
        priority: if rng.happens(0.2) { seconds(rng, 1, 120) } else { Duration::ZERO },
        borrow: borrow(rng, at, queues),
        overflow: overflow(rng, at, queues),
        refuse_when_all: when_all(rng),
        leave_when_all: when_all(rng),
        last_agent: rng
            .happens(0.2)
            .then(|| LastAgent { within: seconds(rng, 60, 3600), wait: seconds_or_none(rng, 30) }),
        resume_within: rng.happens(0.3).then(|| seconds(rng, 5, 600)),
        wrap_up_rules: wrap_up_rules(rng),
        missed: missed(rng),
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

fn borrow(rng: &mut Rng, at: u32, queues: u32) -> Vec<Borrow> {
    let from = rng.below(u64::from(queues)) as u32;
    if from == at || !rng.happens(0.3) {
        return Vec::new();
    }
    vec![Borrow {
        from: QueueId(from),
        after: seconds_or_none(rng, 30),
        lender_wait_max: rng.happens(0.5).then(|| seconds_or_none(rng, 30)),
        lender_service_level_min: rng.happens(0.3).then(|| rng.share()),
    }]
}

/// Chains may lead in circles: the engine must bear it.
fn overflow(rng: &mut Rng, at: u32, queues: u32) -> Vec<Overflow> {
    let rules = if rng.happens(0.4) { rng.within(1, 3) } else { 0 };
    let rule = |_| Overflow {
        when: match rng.below(5) {
            0 => OverflowWhen::Full,
            1 => OverflowWhen::NoAgents,
            2 => OverflowWhen::Closed,
            _ => OverflowWhen::Waited(seconds(rng, 1, 90)),
        },
        to: match rng.below(5) {
            0 => Destination::Number("+493012345".into()),
            1 => Destination::Message("all-busy".into()),
            _ => {
                // Never to itself, which the configuration refuses.
                let other = rng.below(u64::from(queues)) as u32;
                Destination::Queue(QueueId(if other == at { (at + 1) % queues } else { other }))
            }
        },
    };
    let rules: Vec<Overflow> = (0..rules).map(rule).collect();
    rules.into_iter().filter(|rule| rule.to != Destination::Queue(QueueId(at))).collect()
}

fn when_all(rng: &mut Rng) -> Vec<AgentState> {
    match rng.below(6) {
        0 => vec![AgentState::LoggedOut],
        1 => vec![AgentState::LoggedOut, AgentState::Unreachable, AgentState::Paused],
        _ => Vec::new(),
    }
}

fn wrap_up_rules(rng: &mut Rng) -> WrapUpRules {
    WrapUpRules {
        mode: if rng.happens(0.3) { WrapUpMode::Mandatory } else { WrapUpMode::Optional },
        extension_max: seconds_or_none(rng, 60),
        disposition_required: rng.happens(0.2),
    }
}

fn missed(rng: &mut Rng) -> MissedRules {
    MissedRules {
        declined: seconds_or_none(rng, 20),
        busy: seconds_or_none(rng, 20),
        no_answer: seconds_or_none(rng, 20),
        unreachable: seconds_or_none(rng, 60),
        rest_max: seconds_or_none(rng, 120),
        pause_after: rng.happens(0.3).then(|| rng.within(1, 5) as u32),
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
        direct: rng
            .happens(0.1)
            .then(|| Direct { agent: AgentId(rng.below(12) as u32), wait: seconds_or_none(rng, 30) }),
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
        secondary: (0..skills).filter(|_| rng.happens(0.2)).map(SkillId).collect(),
        capacity: if rng.happens(0.15) { 2 } else { 1 },
        weight: rng.within(1, 5) as u8,
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
