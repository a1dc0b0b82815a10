//! The models of the literature that the engine is held against: X, N, one pool, six types, and M/M/n+M. They
//! are ideals: nobody rings, nobody wraps up, nothing goes wrong.

use super::law::{Law, Profile};
use super::scenario::{Faults, MONDAY, Scenario, Source, Worker};
use crate::engine::id::{QueueId, SkillId};
use crate::engine::settings::{Agent, Limits, Login, Number, Queue, Settings};
use crate::engine::skill::{Requirement, SkillSet};
use crate::engine::strategy::StrategyName;
use std::time::Duration;

/// Priority that is as good as strict, and yet starves nobody for ever.
const STRICT: Duration = Duration::from_secs(3600);

/// One class of calls: a queue with a number and a skill of its own.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Class {
    /// The name of queue and skill.
    pub name: &'static str,
    /// Offered load at speed 1, in erlang.
    pub erlangs: f64,
    /// Mean handling time, exponential.
    pub handling: Duration,
    /// How long callers wait.
    pub patience: Law,
    /// The wait within which an answer counts.
    pub threshold: Duration,
}

/// Several agents who are alike.
#[derive(Clone, PartialEq, Debug)]
pub struct Pool {
    /// The name.
    pub name: &'static str,
    /// How many.
    pub count: u32,
    /// The classes they serve, by their places.
    pub serves: Vec<u32>,
    /// Those of them that are secondary: their calls take longer by [`Pool::slower`].
    pub slow: Vec<u32>,
    /// The factor of a slow conversation.
    pub slower: f64,
    /// Their conversations take evenly from 1 − this to 1 + this times as long.
    pub spread: f64,
}

impl Pool {
    /// Agents of speed 1 who do all they do equally well.
    pub fn new(name: &'static str, count: u32, serves: &[u32]) -> Self {
        Self { name, count, serves: serves.to_vec(), slow: Vec::new(), slower: 1.0, spread: 0.0 }
    }
}

/// The model of these classes and pools: longest idle, first come first served, nothing primary or secondary.
pub fn model(classes: &[Class], pools: &[Pool], duration: Duration, warm_up: Duration) -> Scenario {
    let queue = |(at, class): (u32, &Class)| Queue {
        name: class.name.into(),
        title: class.name.into(),
        requirement: Requirement::Skill { skill: SkillId(at), min: 1 },
        wrap_up: Duration::ZERO,
        short_abandon: Duration::ZERO,
        service_level_threshold: class.threshold,
        waiting_max: 100_000,
        ..Queue::default()
    };
    let number = |at| Number { dialled: format!("{}", 100 + at), queue: QueueId(at), ..Number::default() };
    let source = |(at, class): (u32, &Class)| Source {
        dialled: format!("{}", 100 + at),
        profile: Profile::constant(class.erlangs * 3600.0 / class.handling.as_secs_f64()),
        patience: class.patience,
        handling: Law::Exponential(class.handling),
    };
    let settings = Settings {
        skills: classes.iter().map(|class| class.name.into()).collect(),
        queues: (0..).zip(classes).map(queue).collect(),
        numbers: (0..).zip(classes).map(|(at, _)| number(at)).collect(),
        agents: pools.iter().flat_map(agents).collect(),
        pause_reasons: vec!["break".into()],
        limits: Limits { calls_max: 100_000, ..Limits::default() },
        ..Settings::default()
    };
    Scenario {
        sources: (0..).zip(classes).map(source).collect(),
        recorded: Vec::new(),
        workers: pools.iter().enumerate().flat_map(|(group, pool)| workers(group, pool)).collect(),
        groups: pools.iter().map(|pool| pool.name.into()).collect(),
        duration,
        warm_up,
        callers: 0,
        starts_at: MONDAY,
        faults: Faults::NONE,
        settings,
    }
}

fn agents(pool: &Pool) -> impl Iterator<Item = Agent> {
    (1..=pool.count).map(|number| Agent {
        name: format!("{}-{number}", pool.name),
        title: format!("{}-{number}", pool.name),
        skills: SkillSet::new(pool.serves.iter().map(|&class| (SkillId(class), 5))),
        queues: pool.serves.iter().copied().map(QueueId).collect(),
        login: Login::Automatic,
        ..Agent::default()
    })
}

fn workers(group: usize, pool: &Pool) -> impl Iterator<Item = Worker> {
    let speed = |number: u32| {
        let share = if pool.count > 1 { f64::from(number) / f64::from(pool.count - 1) } else { 0.5 };
        1.0 / (1.0 + pool.spread * (2.0 * share - 1.0))
    };
    (0..pool.count).map(move |number| Worker {
        speed: speed(number),
        factors: pool.slow.iter().map(|&class| (SkillId(class), pool.slower)).collect(),
        ..Worker::ideal(group)
    })
}

/// How the rules of a model differ from longest idle and first come, first served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Who is asked first.
    pub strategy: StrategyName,
    /// Whether a slow skill is configured as secondary, so that primary calls and agents come first.
    pub primary_first: bool,
    /// How long a call is kept for its primary agents.
    pub secondary_after: Duration,
}

impl Rules {
    /// The naive pool.
    pub const NAIVE: Rules =
        Rules { strategy: StrategyName::LongestIdle, primary_first: false, secondary_after: Duration::ZERO };
    /// Primary first, both ways.
    pub const PRIMARY: Rules = Rules { primary_first: true, ..Rules::NAIVE };

    /// Primary first, and others only after a while.
    pub const fn delayed(seconds: u64) -> Rules {
        Rules { secondary_after: Duration::from_secs(seconds), ..Rules::PRIMARY }
    }

    fn apply(self, scenario: &mut Scenario) {
        let settings = &mut scenario.settings;
        for queue in &mut settings.queues {
            queue.strategy = self.strategy;
            queue.secondary_after = self.secondary_after;
        }
        if self.primary_first {
            settings.primary_first = STRICT;
            for (agent, worker) in settings.agents.iter_mut().zip(&scenario.workers) {
                agent.secondary = worker.factors.iter().map(|&(skill, _)| skill).collect();
            }
        }
    }
}

const AHT: Duration = Duration::from_secs(240);
const PATIENCE: Law = Law::Exponential(Duration::from_secs(180));
const WITHIN: Duration = Duration::from_secs(20);

/// X: two classes of 20 erlang (times `load`), two pools of 23, each other's calls take 300 s instead of 240 s.
pub fn x(load: f64, rules: Rules, duration: Duration, warm_up: Duration) -> Scenario {
    let pool = |name, own: u32| {
        let other = 1 - own;
        Pool { slow: vec![other], slower: 1.25, ..Pool::new(name, 23, &[0, 1]) }
    };
    let mut scenario = model(&x_classes(load), &[pool("pool-a", 0), pool("pool-b", 1)], duration, warm_up);
    rules.apply(&mut scenario);
    scenario
}

/// X without sharing: each pool serves its own class alone.
pub fn x_silos(load: f64, duration: Duration, warm_up: Duration) -> Scenario {
    let pools = [Pool::new("pool-a", 23, &[0]), Pool::new("pool-b", 23, &[1])];
    model(&x_classes(load), &pools, duration, warm_up)
}

fn x_classes(load: f64) -> [Class; 2] {
    ["a", "b"].map(|name| Class { name, erlangs: 20.0 * load, ..class(name) })
}

fn class(name: &'static str) -> Class {
    Class { name, erlangs: 0.0, handling: AHT, patience: PATIENCE, threshold: WITHIN }
}

/// N: class a of 20 erlang, scarce class b of 8; 18 agents serve a, 13 serve both. With `b_first` they prefer b;
/// with `delay` they serve a only once it has waited so long.
pub fn n(
    strategy: StrategyName,
    b_first: bool,
    delay: Duration,
    duration: Duration,
    warm_up: Duration,
) -> Scenario {
    let classes = [Class { erlangs: 20.0, ..class("a") }, Class { erlangs: 8.0, ..class("b") }];
    let pools =
        [Pool::new("specialists", 18, &[0]), Pool { slow: vec![0], ..Pool::new("generalists", 13, &[0, 1]) }];
    let mut scenario = model(&classes, &pools, duration, warm_up);
    let primary_first = b_first || !delay.is_zero();
    Rules { strategy, primary_first, secondary_after: delay }.apply(&mut scenario);
    scenario
}

/// One pool of 23 with 20 erlang, whose conversations take evenly from 0.7 to 1.3 times as long.
pub fn one_pool(strategy: StrategyName, duration: Duration, warm_up: Duration) -> Scenario {
    let pool = Pool { spread: 0.3, ..Pool::new("pool", 23, &[0]) };
    let mut scenario = model(&[Class { erlangs: 20.0, ..class("a") }], &[pool], duration, warm_up);
    Rules { strategy, ..Rules::NAIVE }.apply(&mut scenario);
    scenario
}

/// Six types of 14 erlang each, six pools of 15 who each have one type, and `skills` − 1 others, spread evenly over
/// the pool: three of each pool begin with the next type, three with the one after it, and so on.
pub fn six_types(skills: u32, duration: Duration, warm_up: Duration) -> Scenario {
    let names = ["t1", "t2", "t3", "t4", "t5", "t6"];
    let classes = names.map(|name| Class {
        name,
        erlangs: 14.0,
        handling: Duration::from_secs(600),
        patience: Law::Never,
        threshold: Duration::from_secs(30),
    });
    let pools: Vec<Pool> = SIX_POOLS
        .iter()
        .zip(0..)
        .map(|(name, at)| {
            let (own, part) = (at / 5, at % 5);
            let others = (0..skills - 1).map(|more| (own + 1 + (part + more) % 5) % 6);
            let mut serves: Vec<u32> = std::iter::once(own).chain(others).collect();
            serves.sort_unstable();
            Pool::new(name, 3, &serves)
        })
        .collect();
    model(&classes, &pools, duration, warm_up)
}

/// Six pools of five parts each.
const SIX_POOLS: [&str; 30] = [
    "p1a", "p1b", "p1c", "p1d", "p1e", "p2a", "p2b", "p2c", "p2d", "p2e", "p3a", "p3b", "p3c", "p3d", "p3e",
    "p4a", "p4b", "p4c", "p4d", "p4e", "p5a", "p5b", "p5c", "p5d", "p5e", "p6a", "p6b", "p6c", "p6d", "p6e",
];

/// M/M/n+M: 48 calls a minute, 60 s each, 50 agents, patience 60 s.
pub fn erlang_a(duration: Duration, warm_up: Duration) -> Scenario {
    let minute = Duration::from_secs(60);
    let class = Class {
        name: "a",
        erlangs: 48.0,
        handling: minute,
        patience: Law::Exponential(minute),
        threshold: WITHIN,
    };
    model(&[class], &[Pool::new("pool", 50, &[0])], duration, warm_up)
}
