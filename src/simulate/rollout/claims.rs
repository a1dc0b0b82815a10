//! The claim about rolling forward, measured: three classes of calls over agents with overlapping skills, where no formula
//! holds. The world is drawn from true laws, the outlooks from what was measured of it.

use super::future::Future;
use super::{Bounds, Model, Outlook, Present, QueueModel, Ringing, look_ahead};
use crate::engine::Engine;
use crate::engine::event::Event;
use crate::engine::fact::{Fact, Outcome, Stamped};
use crate::engine::id::{AgentId, CallId, QueueId};
use crate::engine::settings::{Agent, Limits, Login, Number, Queue, Settings};
use crate::engine::skill::Requirement;
use crate::engine::time::{Monotonic, Now, Wall};
use crate::simulate::claims::Row;
use crate::simulate::estimators::Errors;
use crate::simulate::law::Law;
use crate::simulate::rng::{Purpose, Rng};
use crate::stats::Estimator;
use crate::stats::estimate::rivals::AsteriskHold;
use std::collections::BTreeMap;
use std::time::Duration;

/// Name, calls in erlang, handling in seconds.
const CLASSES: [(&str, f64, f64); 3] = [("A", 8.0, 180.0), ("B", 5.5, 300.0), ("C", 4.5, 240.0)];
/// How many agents serve which classes.
const POOLS: [(usize, &[u32]); 4] = [(6, &[0]), (5, &[0, 1]), (4, &[1, 2]), (3, &[2])];
const PATIENCE: Duration = Duration::from_secs(240);
const RING: Duration = Duration::from_secs(3);
const WRAP_UP: Duration = Duration::from_secs(15);
/// One call in so many stays, and is asked about.
const PROBED: u64 = 20;
/// Until then the rates are only measured.
const WARM_UP: Duration = Duration::from_secs(2 * 3600);

/// What came of one class.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct ClassContest {
    /// Ours: the median of the futures.
    pub ours: Errors,
    /// Asterisk's.
    pub asterisk: Errors,
    /// Waits within P10 to P90, and all.
    pub covered: (f64, f64),
}

fn settings() -> Settings {
    let queue = |(name, _, _): &(&str, f64, f64)| Queue {
        name: (*name).into(),
        wrap_up: WRAP_UP,
        short_abandon: Duration::ZERO,
        ..Queue::default()
    };
    let number = |(at, (name, _, _)): (u32, &(&str, f64, f64))| Number {
        dialled: (*name).into(),
        queue: QueueId(at),
        priority: Duration::ZERO,
        requirement: Requirement::ANYBODY,
        language: None,
        relaxation: Vec::new(),
        direct: None,
    };
    let agents = POOLS.iter().flat_map(|(count, classes)| {
        let agent = Agent {
            queues: classes.iter().map(|class| QueueId(*class)).collect(),
            login: Login::Automatic,
            ..Agent::default()
        };
        std::iter::repeat_n(agent, *count)
    });
    Settings {
        queues: CLASSES.iter().map(queue).collect(),
        numbers: (0..).zip(&CLASSES).map(number).collect(),
        agents: agents.collect(),
        limits: Limits { calls_max: 10_000, ..Limits::default() },
        ..Settings::default()
    }
}

/// The true laws. Of an agent's time a call takes ring, talk and wrap-up.
fn truth() -> Model {
    let queue = |(_, _, handling_s): &(&str, f64, f64)| {
        let talk = Duration::from_secs_f64(*handling_s).saturating_sub(RING + WRAP_UP);
        Some(QueueModel {
            ring: Law::Exponential(RING),
            talk: Law::Exponential(talk),
            patience: Law::Exponential(PATIENCE),
        })
    };
    Model {
        numbers: CLASSES
            .iter()
            .map(|(name, erlang, handling_s)| ((*name).into(), erlang / handling_s))
            .collect(),
        queues: CLASSES.iter().map(queue).collect(),
        elsewhere: None,
    }
}

/// What is known while the world goes on.
struct Observer {
    estimator: Estimator,
    ringing: Ringing,
    holds: Vec<AsteriskHold>,
    /// Calls to be asked about at this moment.
    joined: Vec<(CallId, QueueId)>,
    /// What was said of the calls that wait.
    said: BTreeMap<CallId, (f64, Option<Outlook>)>,
    contests: Vec<ClassContest>,
}

impl Observer {
    fn observe(&mut self, stamped: &Stamped) {
        self.estimator.observe(stamped);
        self.ringing.observe(stamped);
        match &stamped.fact {
            Fact::CallQueued { call, queue, .. } if call.0.is_multiple_of(PROBED) => {
                self.joined.push((*call, *queue));
            }
            Fact::CallLeftQueue { call, queue, outcome: Outcome::Answered, wait, .. } => {
                let wait_s = wait.as_secs_f64();
                let (Some(hold), Some(contest)) =
                    (self.holds.get_mut(queue.0 as usize), self.contests.get_mut(queue.0 as usize))
                else {
                    return;
                };
                if let Some((asterisk_s, Some(outlook))) = self.said.remove(call) {
                    contest.asterisk.judge(asterisk_s, wait_s);
                    contest.ours.judge(outlook.p50.as_secs_f64(), wait_s);
                    let within = (outlook.p10..=outlook.p90).contains(wait);
                    contest.covered.0 += f64::from(u8::from(within));
                    contest.covered.1 += 1.0;
                }
                hold.answered(wait_s);
            }
            Fact::CallRefused { .. }
            | Fact::CallTurnedAway { .. }
            | Fact::CallWidened { .. }
            | Fact::CallDisposed { .. }
            | Fact::QueueClosed { .. }
            | Fact::CallResumed { .. }
            | Fact::CallInterrupted { .. }
            | Fact::QueueReopened { .. }
            | Fact::Reconfigured
            | Fact::CallQueued { .. }
            | Fact::OfferMade { .. }
            | Fact::OfferEnded { .. }
            | Fact::CallLeftQueue { .. }
            | Fact::CallEnded { .. }
            | Fact::AgentStateChanged { .. }
            | Fact::WrapUpEnded { .. }
            | Fact::InTalk { .. } => {}
        }
    }

    /// Asks about those who have just joined and found nobody free.
    fn ask(&mut self, engine: &Engine, now: Now, seed: u64) {
        for (call, queue) in std::mem::take(&mut self.joined) {
            if now.mono < Monotonic::default() + WARM_UP {
                continue;
            }
            let waits =
                engine.snapshot(now).calls.iter().any(|view| view.call == call && view.agents.is_empty());
            if !waits {
                continue;
            }
            let model = Model::measured(&self.estimator, engine.settings(), now.mono);
            let present = Present { engine, now, ringing: &self.ringing };
            let outlook = look_ahead(present, &model, &[call], &Bounds::default(), seed ^ call.0);
            let asterisk_s = self.holds.get(queue.0 as usize).map_or(0.0, AsteriskHold::told_s);
            self.said.insert(call, (asterisk_s, outlook.into_iter().next().flatten()));
        }
    }
}

/// Some hours of that world: what each class was told, and what came.
pub fn contest(hours: u32, seed: u64) -> Vec<ClassContest> {
    let (settings, truth) = (settings(), truth());
    let probed: Vec<CallId> = (1..).map(|at| CallId(at * PROBED)).take(hours as usize * 20).collect();
    let mut observer = Observer {
        estimator: Estimator::new(&settings),
        ringing: Ringing::default(),
        holds: vec![AsteriskHold::default(); CLASSES.len()],
        joined: Vec::new(),
        said: BTreeMap::new(),
        contests: vec![ClassContest::default(); CLASSES.len()],
    };
    let agents = settings.agents.len();
    let now = Now { mono: Monotonic::default(), wall: Wall(0) };
    let rng = Rng::stream(seed, Purpose::Model, 0);
    let mut world = Future::empty(Engine::new(settings, 1, seed), now, &truth, &probed, rng);
    for agent in (0..).map(AgentId).take(agents) {
        world
            .tell(Event::AgentReachable { agent, reachable: true }, &mut |stamped| observer.observe(stamped));
    }
    let end = Monotonic::default() + WARM_UP + Duration::from_secs(3600) * hours;
    while world.step(end, &mut |stamped| observer.observe(stamped)) {
        if !observer.joined.is_empty() && world.next_at().is_none_or(|next| next > world.now.mono) {
            observer.ask(&world.engine, world.now, seed);
        }
    }
    observer.contests
}

/// The claim, for each class: the error at least a quarter below Asterisk's, and an 80 % range that holds 80 % of the
/// waits, within so many points: two for a thousand hours, where chance alone makes one.
pub fn claims(hours: u32, points: f64, seed: u64) -> Vec<Row> {
    let rows = CLASSES.iter().zip(contest(hours, seed)).flat_map(|((name, _, _), class)| {
        let better = 1.0 - class.ours.mean_absolute_s() / class.asterisk.mean_absolute_s();
        let covered = class.covered.0 / class.covered.1;
        [
            Row {
                claim: format!(
                    "rollout, measured rates, class {name} of three: mean absolute error below Asterisk's"
                ),
                reference: "by at least 25 %".into(),
                measured: format!(
                    "{:.1} % ({:.1} s for {:.1} s)",
                    better * 100.0,
                    class.ours.mean_absolute_s(),
                    class.asterisk.mean_absolute_s()
                ),
                pass: better >= 0.25,
            },
            Row {
                claim: format!("rollout, measured rates, class {name} of three: waits within P10 to P90"),
                reference: format!("80 % ±{points}"),
                measured: format!("{:.1} % of {} waits", covered * 100.0, class.covered.1),
                pass: (covered - 0.8).abs() * 100.0 <= points,
            },
        ]
    });
    rows.collect()
}
