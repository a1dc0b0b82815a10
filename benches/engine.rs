//! What one event costs the engine: a whole cycle of arrival, offer, answer and end, with few and with many callers
//! in line. That the figures are alike is the point: nothing scans those who wait.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use holdfast::engine::command::Commands;
use holdfast::engine::event::Caller;
use holdfast::engine::id::{AgentId, CallId, LegId, OfferId, QueueId, SkillId};
use holdfast::engine::settings::{Agent, Limits, Login, Number, Queue, Settings};
use holdfast::engine::skill::{Requirement, SkillSet};
use holdfast::engine::time::{Monotonic, Now, Wall};
use holdfast::engine::{Command, Engine, Event};
use std::hint::black_box;
use std::time::Duration;

const AGENTS: u32 = 500;
const SKILLS: u32 = 20;
const QUEUES: u32 = 10;
/// Events of one cycle: arrival, answer, the caller's end, and the agent ready again.
const EVENTS: u64 = 4;

/// Ten queues of two numbers each; five hundred agents, hardly two of them with the same skills.
fn settings() -> Settings {
    let needs = |skill: u32, min| Requirement::Skill { skill: SkillId(skill), min };
    let queue = |n: u32| Queue {
        name: format!("queue{n}"),
        requirement: needs(n, 1),
        wrap_up: Duration::ZERO,
        waiting_max: 100_000,
        ..Queue::default()
    };
    let number = |n: u32| Number {
        dialled: n.to_string(),
        queue: QueueId(n % QUEUES),
        priority: Duration::ZERO,
        requirement: needs(10 + n % 10, 1 + u8::try_from(n / QUEUES).unwrap()),
        language: None,
    };
    let agent = |n: u32| Agent {
        name: format!("agent{n}"),
        skills: SkillSet::new(
            (0..SKILLS).map(|skill| (SkillId(skill), u8::try_from(1 + (n + skill * 7) % 10).unwrap())),
        ),
        queues: (0..QUEUES)
            .filter(|queue| (n >> (queue % 9)) & 1 == 1 || queue % 5 == n % 5)
            .map(QueueId)
            .collect(),
        login: Login::Automatic,
        ..Agent::default()
    };
    Settings {
        skills: (0..SKILLS).map(|n| format!("skill{n}")).collect(),
        queues: (0..QUEUES).map(queue).collect(),
        agents: (0..AGENTS).map(agent).collect(),
        numbers: (0..2 * QUEUES).map(number).collect(),
        limits: Limits { calls_max: 1_000_000, ..Limits::default() },
        ..Settings::default()
    }
}

/// A centre at work, and its clock.
struct Centre {
    engine: Engine,
    now_us: u64,
    next_call: u64,
    out: Commands,
    talking: Vec<(OfferId, CallId)>,
}

impl Centre {
    /// `agents` are in a call each, and `waiting` callers wait behind them.
    fn busy(agents: u32, waiting: u64) -> Self {
        let mut centre = Self {
            engine: Engine::new(settings(), 1, 1),
            now_us: 1,
            next_call: 1,
            out: Commands::new(),
            talking: Vec::new(),
        };
        for agent in (0..agents).map(AgentId) {
            centre.handle(Event::AgentReachable { agent, reachable: true });
        }
        for _ in 0..waiting + u64::from(agents) {
            centre.arrive();
        }
        centre
    }

    /// Puts an event in; whoever is rung for it answers at once.
    fn handle(&mut self, event: Event) {
        self.now_us += 50;
        let now =
            Now { mono: Monotonic(self.now_us), wall: Wall(i64::try_from(self.now_us / 1000).unwrap()) };
        self.engine.handle(now, event, &mut self.out);
        self.out.take_facts();
        let rung: Vec<_> = self
            .out
            .take_commands()
            .filter_map(|command| match black_box(command) {
                Command::OfferAgent { offer, call, .. } => Some((offer, call)),
                _ => None,
            })
            .collect();
        for (offer, call) in rung {
            self.talking.push((offer, call));
            self.handle(Event::OfferAnswered { offer });
        }
    }

    fn arrive(&mut self) {
        let call = CallId(self.next_call);
        self.next_call += 1;
        self.handle(Event::CallArrived {
            call,
            dialled: (call.0 % 20).to_string(),
            caller: Caller { number: "+4930123456".into(), name: "Grete Weiser".into() },
            agent: None,
            sip_call_id: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6".into(),
        });
    }

    /// A call ends, its agent takes the next one in line, and another caller comes.
    fn cycle(&mut self) {
        let at = usize::try_from(self.next_call).unwrap() % self.talking.len();
        let (_, call) = self.talking.swap_remove(at);
        self.handle(Event::LegEnded { leg: LegId::Caller(call) });
        self.arrive();
    }
}

fn cycle(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine/cycle");
    group.throughput(Throughput::Elements(EVENTS));
    for waiting in [10, 1_000, 50_000] {
        let mut centre = Centre::busy(AGENTS, waiting);
        group.bench_function(BenchmarkId::new("waiting", waiting), |b| b.iter(|| centre.cycle()));
    }
    group.finish();
}

/// Nobody waits and everybody is free: the other end, where a strategy has most to choose from.
fn idle(c: &mut Criterion) {
    let mut centre = Centre::busy(AGENTS, 0);
    while let Some((_, call)) = centre.talking.pop() {
        centre.handle(Event::LegEnded { leg: LegId::Caller(call) });
    }
    c.benchmark_group("engine/idle").throughput(Throughput::Elements(3)).bench_function("call", |b| {
        b.iter(|| {
            centre.arrive();
            if let Some((_, call)) = centre.talking.pop() {
                centre.handle(Event::LegEnded { leg: LegId::Caller(call) });
            }
        });
    });
}

fn picture(c: &mut Criterion) {
    for waiting in [100, 10_000] {
        let centre = Centre::busy(AGENTS, waiting);
        c.bench_function(&format!("engine/picture/{waiting}"), |b| {
            b.iter(|| centre.engine.snapshot(Now::default()));
        });
    }
}

criterion_group!(benches, cycle, idle, picture);
criterion_main!(benches);
