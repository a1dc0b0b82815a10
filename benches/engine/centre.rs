//! A large contact centre at work: what the benchmarks measure the engine with.

use holdfast::engine::command::Commands;
use holdfast::engine::event::{Caller, Request};
use holdfast::engine::id::{AgentId, CallId, LegId, OfferId, QueueId, RequestId, SkillId};
use holdfast::engine::settings::{Agent, Limits, Login, Number, Queue, Relaxation, Settings};
use holdfast::engine::skill::{Requirement, SkillSet};
use holdfast::engine::time::{Monotonic, Now, Wall};
use holdfast::engine::{Command, Engine, Event};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How large it is.
#[derive(Clone, Copy)]
pub struct Size {
    pub agents: u32,
    pub queues: u32,
    pub skills: u32,
    /// Queues that one agent serves.
    pub served: u32,
    pub waiting: u64,
}

/// What happened, as the table has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    CallArrived,
    AgentReady,
    OfferAnswered,
    CallCompleted,
    CallerGone,
    Timer,
}

impl Kind {
    pub const ALL: [Kind; 6] = [
        Self::CallArrived,
        Self::AgentReady,
        Self::OfferAnswered,
        Self::CallCompleted,
        Self::CallerGone,
        Self::Timer,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::CallArrived => "call arrived",
            Self::AgentReady => "agent ready",
            Self::OfferAnswered => "offer answered",
            Self::CallCompleted => "call completed",
            Self::CallerGone => "caller gone",
            Self::Timer => "timer",
        }
    }
}

/// A number drawn from others, the same in every run.
pub fn scatter(seed: u64) -> u64 {
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Every queue requires one skill, every number another with an alternative, and both are relaxed after 30 s and 60 s.
fn settings(size: Size) -> Settings {
    let skill = |n: u32, min: u8| Requirement::Skill { skill: SkillId(n % size.skills), min };
    let step = |secs: u64, requirement| Relaxation { after: Duration::from_secs(secs), requirement };
    let queue = |n: u32| Queue {
        name: format!("queue{n}"),
        requirement: skill(n, 6),
        relaxation: vec![step(30, skill(n, 4)), step(60, skill(n, 1))],
        waiting_max: 1_000_000,
        wrap_up: Duration::from_secs(30),
        ..Queue::default()
    };
    let number = |n: u32| Number {
        dialled: n.to_string(),
        queue: QueueId(n % size.queues),
        requirement: skill(n * 7 + 1, 5)
            .and(Requirement::Any(vec![skill(n * 5 + 2, 7), skill(n * 3 + 3, 4)])),
        relaxation: vec![step(30, skill(n * 7 + 1, 2))],
        ..Number::default()
    };
    let agent = |n: u32| Agent {
        name: format!("agent{n}"),
        skills: SkillSet::new((0..size.skills).map(|skill| {
            let level = 1 + scatter(u64::from(n) * 1_000 + u64::from(skill)) % 10;
            (SkillId(skill), u8::try_from(level).unwrap())
        })),
        queues: {
            let first = n % size.queues;
            let mut queues: Vec<_> =
                (0..size.served).map(|at| QueueId((first + at * 37) % size.queues)).collect();
            queues.sort_unstable();
            queues.dedup();
            queues
        },
        login: Login::Automatic,
        ..Agent::default()
    };
    Settings {
        skills: (0..size.skills).map(|n| format!("skill{n}")).collect(),
        queues: (0..size.queues).map(queue).collect(),
        agents: (0..size.agents).map(agent).collect(),
        numbers: (0..2 * size.queues).map(number).collect(),
        limits: Limits { calls_max: 2_000_000, ..Limits::default() },
        ..Settings::default()
    }
}

/// A centre at work, and its clock.
pub struct Centre {
    pub engine: Engine,
    size: Size,
    now_us: u64,
    /// How far the clock goes on between two events.
    pace_us: u64,
    next_call: u64,
    /// Callers who hung up before the measurement.
    gone: u64,
    requests: u64,
    out: Commands,
    rung: Vec<(OfferId, CallId, AgentId)>,
    talking: Vec<(OfferId, CallId, AgentId)>,
    pub timings: Vec<(Kind, Duration)>,
}

impl Centre {
    /// All agents are in a call each, and `waiting` callers wait behind them.
    pub fn busy(size: Size) -> Self {
        let mut centre = Self {
            engine: Engine::new(settings(size), 1, 1),
            size,
            now_us: 1,
            pace_us: 1,
            next_call: 1,
            gone: 0,
            requests: 0,
            out: Commands::new(),
            rung: Vec::new(),
            talking: Vec::new(),
            timings: Vec::new(),
        };
        for agent in (0..size.agents).map(AgentId) {
            centre.handle(Kind::AgentReady, Event::AgentReachable { agent, reachable: true });
        }
        // Not every agent qualifies for the next call: whoever finds nobody hangs up, until nearly all agents talk.
        for _ in 0..5 * size.agents {
            let (call, talking) = (CallId(centre.next_call), centre.talking.len());
            centre.arrive();
            if centre.talking.len() == talking {
                centre.handle(Kind::CallerGone, Event::LegEnded { leg: LegId::Caller(call) });
                centre.gone += 1;
            }
        }
        centre.fill(size.waiting);
        centre
    }

    /// Lets callers come until so many wait, and sets the pace at which events follow each other so that everybody in
    /// line waits a hundred seconds or so: through all steps of relaxation.
    pub fn fill(&mut self, waiting: u64) {
        self.size.waiting = waiting;
        self.pace_us = (100_000_000 / waiting.max(1) / 6).max(1);
        while self.waiting() < waiting {
            self.arrive();
        }
        self.timings = Vec::new();
    }

    fn waiting(&self) -> u64 {
        self.next_call - 1 - self.talking.len() as u64 - self.gone
    }

    /// Lets the clock go on to the event, with everything that is due before it, and the event; whoever is rung for it
    /// answers at once.
    fn handle(&mut self, kind: Kind, event: Event) {
        self.now_us += self.pace_us;
        while let Some(due) = self.engine.next_deadline().filter(|due| due.0 <= self.now_us) {
            self.put_in(Kind::Timer, due.0, Event::Tick);
            self.answer();
        }
        self.put_in(kind, self.now_us, event);
        self.answer();
    }

    fn answer(&mut self) {
        while let Some((offer, call, agent)) = self.rung.pop() {
            self.talking.push((offer, call, agent));
            self.put_in(Kind::OfferAnswered, self.now_us, Event::OfferAnswered { offer });
        }
    }

    fn put_in(&mut self, kind: Kind, at_us: u64, event: Event) {
        let now = Now { mono: Monotonic(at_us), wall: Wall(i64::try_from(at_us / 1000).unwrap()) };
        let began = Instant::now();
        self.engine.handle(now, event, &mut self.out);
        self.timings.push((kind, began.elapsed()));
        self.out.take_facts();
        for command in self.out.take_commands() {
            if let Command::OfferAgent { offer, call, agent, .. } = black_box(command) {
                self.rung.push((offer, call, agent));
            }
        }
    }

    fn arrive(&mut self) {
        let call = CallId(self.next_call);
        self.next_call += 1;
        self.handle(
            Kind::CallArrived,
            Event::CallArrived {
                call,
                dialled: (scatter(call.0) % u64::from(2 * self.size.queues)).to_string(),
                caller: Caller {
                    number: "+4930123456".into(),
                    name: "Grete Weiser".into(),
                    ..Caller::default()
                },
                agent: None,
                sip_call_id: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6".into(),
                wishes: None,
            },
        );
    }

    /// A call ends, its agent takes the next one in line, and another caller comes.
    pub fn cycle(&mut self) {
        if !self.talking.is_empty() {
            let at = usize::try_from(scatter(self.now_us)).unwrap() % self.talking.len();
            let (_, call, agent) = self.talking.swap_remove(at);
            self.handle(Kind::CallCompleted, Event::LegEnded { leg: LegId::Caller(call) });
            self.requests += 1;
            let id = RequestId(self.requests);
            self.handle(Kind::AgentReady, Event::Requested { id, request: Request::Ready { agent } });
        }
        self.arrive();
    }

    /// Somebody gives up waiting, and another caller comes.
    pub fn give_up(&mut self) {
        let oldest = self.next_call.saturating_sub(self.size.waiting / 2).max(1);
        let call = CallId(oldest + scatter(self.now_us) % (self.size.waiting / 2).max(1));
        if !self.talking.iter().any(|&(_, talks, _)| talks == call) {
            self.handle(Kind::CallerGone, Event::LegEnded { leg: LegId::Caller(call) });
            self.arrive();
        }
    }
}
