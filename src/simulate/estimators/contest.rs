//! A contest of estimators in one simulated world: each is asked when a call joins, and judged when it is answered.

use crate::engine::fact::{Fact, Outcome, Stamped};
use crate::engine::id::{CallId, QueueId};
use crate::engine::settings::{Agent, Limits, Login, Number, Queue, Settings};
use crate::engine::skill::Requirement;
use crate::engine::time::Monotonic;
use crate::simulate::law::{Law, PROFILE_STEP, Profile};
use crate::simulate::scenario::{Faults, MONDAY, Scenario, Source, Worker};
use crate::simulate::world::{Violation, Watch, run};
use crate::stats::Estimator;
use crate::stats::estimate::rivals::{AsteriskHold, LastToEnter, head_of_line_s};
use crate::stats::estimate::{Rates, qlm};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The mean handling time in the models where time is counted in it.
pub(super) const UNIT: Duration = Duration::from_secs(100);

/// Errors of one estimator over calls that waited and were answered.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Errors {
    calls: f64,
    absolute_s: f64,
    squared_s2: f64,
}

impl Errors {
    pub(crate) fn judge(&mut self, told_s: f64, wait_s: f64) {
        self.calls += 1.0;
        self.absolute_s += (told_s - wait_s).abs();
        self.squared_s2 += (told_s - wait_s).powi(2);
    }

    /// The mean absolute error, in seconds.
    pub fn mean_absolute_s(&self) -> f64 {
        self.absolute_s / self.calls
    }

    /// The mean squared error, in seconds squared.
    pub fn mean_squared_s2(&self) -> f64 {
        self.squared_s2 / self.calls
    }
}

/// Everybody's errors.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Contest {
    /// QLm with the true rates.
    pub qlm: Errors,
    /// Ours: QLm with the rates measured from the same facts.
    pub ours: Errors,
    /// The elapsed wait of the head of the line.
    pub hol: Errors,
    /// The wait of the last call to enter service.
    pub les: Errors,
    /// Asterisk's.
    pub asterisk: Errors,
    /// Of the waits that ours gave a range for: those within its 90 %, and all.
    pub within_p90: (f64, f64),
}

/// What each said when a call joined, in seconds.
#[derive(Clone, Copy)]
struct Said {
    qlm: f64,
    ours: Option<(f64, Duration)>,
    hol: f64,
    les: f64,
    asterisk: f64,
}

/// Asks and judges.
struct Judge {
    rates: Rates,
    from: Monotonic,
    estimator: Estimator,
    hold: AsteriskHold,
    last: LastToEnter,
    line: BTreeSet<(Monotonic, CallId)>,
    said: BTreeMap<CallId, Said>,
    contest: Contest,
}

impl Judge {
    fn observe(&mut self, stamped: &Stamped) {
        self.estimator.observe(stamped);
        let now = stamped.at.mono;
        match &stamped.fact {
            Fact::CallQueued { call, waiting, .. } => self.ask(now, *call, *waiting),
            Fact::CallLeftQueue { call, outcome, wait, .. } => self.hear(now, *call, *outcome, *wait),
            Fact::CallRefused { .. }
            | Fact::CallTurnedAway { .. }
            | Fact::CallWidened { .. }
            | Fact::CallDisposed { .. }
            | Fact::QueueClosed { .. }
            | Fact::CallResumed { .. }
            | Fact::CallInterrupted { .. }
            | Fact::QueueReopened { .. }
            | Fact::Reconfigured
            | Fact::OfferMade { .. }
            | Fact::OfferEnded { .. }
            | Fact::CallEnded { .. }
            | Fact::AgentStateChanged { .. }
            | Fact::WrapUpEnded { .. }
            | Fact::InTalk { .. } => {}
        }
    }

    fn ask(&mut self, now: Monotonic, call: CallId, waiting: usize) {
        let seconds = |at: Monotonic| at.since(Monotonic::default()).as_secs_f64();
        let ours = self.estimator.told(call);
        let said = Said {
            qlm: qlm(waiting.saturating_sub(1), self.rates).mean_s,
            ours: ours.map(|estimate| (estimate.mean.as_secs_f64(), estimate.p90)),
            hol: head_of_line_s(seconds(now), self.line.first().map(|(joined, _)| seconds(*joined))),
            les: self.last.told_s(),
            asterisk: self.hold.told_s(),
        };
        self.said.insert(call, said);
        self.line.insert((now, call));
    }

    fn hear(&mut self, now: Monotonic, call: CallId, outcome: Outcome, wait: Duration) {
        let joined = now - wait;
        self.line.remove(&(joined, call));
        let Some(said) = self.said.remove(&call) else { return };
        if outcome != Outcome::Answered {
            return;
        }
        let wait_s = wait.as_secs_f64();
        if !wait.is_zero() && joined >= self.from {
            let contest = &mut self.contest;
            contest.qlm.judge(said.qlm, wait_s);
            contest.hol.judge(said.hol, wait_s);
            contest.les.judge(said.les, wait_s);
            contest.asterisk.judge(said.asterisk, wait_s);
            if let Some((mean_s, p90)) = said.ours {
                contest.ours.judge(mean_s, wait_s);
                contest.within_p90.0 += f64::from(u8::from(wait <= p90));
                contest.within_p90.1 += 1.0;
            }
        }
        // As the rivals are fed: by every answered call.
        self.hold.answered(wait_s);
        self.last.answered(wait_s);
    }
}

/// One pool of agents who answer at once and have no wrap-up, and one stream of calls.
fn one_pool(
    agents: usize,
    profile: Profile,
    (patience, handling): (Law, Law),
    duration: Duration,
) -> Scenario {
    let queue = Queue {
        name: "pool".into(),
        wrap_up: Duration::ZERO,
        waiting_max: usize::MAX,
        short_abandon: Duration::ZERO,
        ..Queue::default()
    };
    let number = Number {
        dialled: "1".into(),
        queue: QueueId(0),
        priority: Duration::ZERO,
        requirement: Requirement::ANYBODY,
        language: None,
        relaxation: Vec::new(),
        direct: None,
    };
    let agent = |at| Agent {
        name: format!("agent-{at}"),
        queues: vec![QueueId(0)],
        login: Login::Automatic,
        ..Agent::default()
    };
    Scenario {
        settings: Settings {
            queues: vec![queue],
            numbers: vec![number],
            agents: (0..agents).map(agent).collect(),
            limits: Limits { calls_max: usize::MAX / 4, ..Limits::default() },
            ..Settings::default()
        },
        sources: vec![Source { dialled: "1".into(), profile, patience, handling }],
        recorded: Vec::new(),
        workers: (0..agents).map(|_| Worker::ideal(0)).collect(),
        groups: vec!["pool".into()],
        duration,
        warm_up: duration / 20,
        callers: 0,
        starts_at: MONDAY,
        faults: Faults::NONE,
    }
}

/// Lets every estimator answer in one world. `rates` are the true ones.
fn contest(scenario: &Scenario, rates: Rates, seed: u64) -> Result<Contest, Violation> {
    let mut judge = Judge {
        rates,
        from: Monotonic(3_600_000_000) + scenario.warm_up,
        estimator: Estimator::new(&scenario.settings),
        hold: AsteriskHold::default(),
        last: LastToEnter::default(),
        line: BTreeSet::new(),
        said: BTreeMap::new(),
        contest: Contest::default(),
    };
    run(scenario, seed, Watch::Lightly, |stamped| judge.observe(stamped))?;
    Ok(judge.contest)
}

/// M/M/s(+M) in steady state: `load` is the offered load per agent, `patience` in handling times.
pub fn steady(
    agents: usize,
    load: f64,
    patience: Option<f64>,
    calls: f64,
    seed: u64,
) -> Result<Contest, Violation> {
    let unit_s = UNIT.as_secs_f64();
    let calls_per_s = agents as f64 * load / unit_s;
    let patience = patience.map(|units| UNIT.mul_f64(units));
    let laws = (patience.map_or(Law::Never, Law::Exponential), Law::Exponential(UNIT));
    let duration = Duration::from_secs_f64(calls / calls_per_s);
    let scenario = one_pool(agents, Profile::constant(calls_per_s * 3600.0), laws, duration);
    let rates = Rates {
        service_per_s: agents as f64 / unit_s,
        patience_per_s: patience.map_or(0.0, |patience| patience.as_secs_f64().recip()),
    };
    contest(&scenario, rates, seed)
}

/// Days in which the load rises above what the agents can do, and falls again, twice.
pub fn varying_day(days: u32, seed: u64) -> Result<Contest, Violation> {
    let handling = Duration::from_secs(240);
    let patience = Duration::from_secs(300);
    let agents = 40;
    // Offered load per agent, by the half-hour.
    let loads =
        [0.3, 0.5, 0.8, 1.0, 1.2, 1.3, 1.3, 1.1, 0.9, 0.7, 0.6, 0.8, 1.0, 1.2, 1.25, 1.2, 1.0, 0.8, 0.6, 0.4];
    let per_hour = loads.map(|load| load * agents as f64 * 3600.0 / handling.as_secs_f64());
    let laws = (Law::Exponential(patience), Law::Lognormal { mean: handling, cv: 1.0 });
    let duration = PROFILE_STEP * loads.len() as u32 * days;
    let scenario = one_pool(agents, Profile::by_half_hour(per_hour.to_vec()), laws, duration);
    let rates = Rates {
        service_per_s: agents as f64 / handling.as_secs_f64(),
        patience_per_s: patience.as_secs_f64().recip(),
    };
    contest(&scenario, rates, seed)
}
