//! The estimator: a fold over facts that measures each queue's rates, counts who works for it, says what a call has
//! to expect, and judges afterwards what it said. It scans neither calls nor agents.

use super::rates::{Inflow, Measured, QueueRates};
use super::{Basis, Estimate, Expected, Foresight, Pace, Rates};
use crate::engine::Snapshot;
use crate::engine::fact::{AgentState, Entered, Fact, OfferOutcome, Outcome, Stamped};
use crate::engine::id::{AgentId, CallId, QueueId};
use crate::engine::settings::{Agent, Number, Settings};
use crate::engine::time::Monotonic;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// An agent of several queues is first taken to serve each the same; so much work must speak against it, in seconds.
/// It never fades: a queue that was silent all day is served like any other when somebody calls.
const PRIOR_WORK_S: f64 = 1800.0;
/// How much one call makes an agent's earlier work fade.
const WORK_KEPT: f64 = 0.98;
/// What a call is taken to last while nothing is measured, in seconds; only the ratio between queues matters.
const HANDLING_UNKNOWN_S: f64 = 180.0;

/// What became of what was said to a call.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Judged {
    /// Its queue.
    pub queue: QueueId,
    /// The wait minus its expectation, in seconds; `None` when the caller gave up, for then nobody knows the wait.
    pub error_s: Option<f64>,
    /// How what was said had been found.
    pub by: Basis,
    /// Whether the wait was within the 90 % that were told. A caller who gave up after that time waited longer.
    pub within_p90: bool,
}

/// The fold.
#[derive(Clone, Debug)]
pub struct Estimator {
    queues: Vec<Line>,
    agents: Vec<Worker>,
    /// What is dialled, in the order of the settings' numbers.
    inflows: Vec<Inflow>,
    dialled: BTreeMap<String, usize>,
    open: BTreeMap<CallId, Open>,
    open_max: usize,
    foresight: Arc<Foresight>,
}

/// One queue.
#[derive(Clone, Debug, Default)]
struct Line {
    rates: QueueRates,
    waiting: usize,
    /// Calls of these that ring an agent: somebody's time is theirs already.
    ringing: usize,
    /// Agents who work for it: their shares, and how many they are.
    shares: f64,
    workers: usize,
    ready: usize,
}

/// One agent.
#[derive(Clone, Debug, Default)]
struct Worker {
    /// The queues he serves, his work for each, and the share of him that it has now.
    serves: Vec<Served>,
    works: bool,
    ready: bool,
}

#[derive(Clone, Debug)]
struct Served {
    queue: QueueId,
    work_s: f64,
    share: f64,
}

/// A call in line.
#[derive(Clone, Copy, Debug)]
struct Open {
    told: Option<Estimate>,
    offers: u32,
}

impl Estimator {
    /// Knows nothing yet. An agent works for the queues he serves and whose requirement he meets.
    pub fn new(settings: &Settings) -> Self {
        let mut estimator = Self {
            queues: Vec::new(),
            agents: Vec::new(),
            inflows: Vec::new(),
            dialled: BTreeMap::new(),
            open: BTreeMap::new(),
            open_max: 0,
            foresight: Arc::default(),
        };
        estimator.follow(settings);
        estimator
    }

    /// Other rules apply from now on: what was measured stays, who works for what is taken from them.
    pub fn follow(&mut self, settings: &Settings) {
        self.open_max = settings.limits.calls_max.saturating_mul(2).max(1);
        self.queues.resize_with(settings.queues.len().max(self.queues.len()), Line::default);
        self.agents.resize_with(settings.agents.len().max(self.agents.len()), Worker::default);
        for (id, agent) in (0..).map(AgentId).zip(&settings.agents) {
            let (works, ready) =
                self.agents.get(id.0 as usize).map_or((false, false), |worker| (worker.works, worker.ready));
            self.agent_does(id, false, false);
            if let Some(worker) = self.agents.get_mut(id.0 as usize) {
                worker.serve(able(settings, agent));
            }
            self.agent_does(id, works, ready);
        }
        let known = std::mem::take(&mut self.dialled);
        let inflow = |number: &Number| {
            known.get(&number.dialled).and_then(|at| self.inflows.get(*at)).copied().unwrap_or_default()
        };
        self.inflows = settings.numbers.iter().map(inflow).collect();
        self.dialled =
            (0..).zip(&settings.numbers).map(|(at, number)| (number.dialled.clone(), at)).collect();
    }

    /// What a call with so many calls ahead of it has to expect; `None` when there is no ground to say anything: too few
    /// calls were handled, or nobody works for the queue.
    pub fn estimate(&self, queue: QueueId, ahead: usize) -> Option<Estimate> {
        self.pace(queue).map(|pace| pace.behind(ahead))
    }

    /// How a queue's line moves now; `None` as for [`Estimator::estimate`].
    pub fn pace(&self, queue: QueueId) -> Option<Pace> {
        let line = self.queues.get(queue.0 as usize)?;
        let measured = line.rates.measured()?;
        if line.workers == 0 || line.shares <= 0.0 {
            return None;
        }
        let rates = Rates {
            service_per_s: line.shares / measured.handling_s,
            patience_per_s: measured.patience_per_s,
        };
        Some(Pace { rates, ring: measured.ring, free: line.ready > 0 })
    }

    /// From now on whoever joins is told what was foreseen of his queue, where it was; else what the formula says.
    pub fn foresee(&mut self, foresight: Arc<Foresight>) {
        self.foresight = foresight;
    }

    /// What readers are told.
    pub fn expected(&self) -> Expected {
        let ids = || (0..).map(QueueId).take(self.queues.len());
        Expected {
            queues: self.queues(),
            paces: ids().map(|id| self.pace(id)).collect(),
            foresight: Arc::clone(&self.foresight),
        }
    }

    /// What a call that joins with so many calls ahead of it is told.
    fn joining(&self, queue: QueueId, ahead: usize) -> Option<Estimate> {
        match self.foresight.queues.get(&queue) {
            Some(foreseen) => *foreseen,
            None => self.estimate(queue, ahead),
        }
    }

    /// What a call that joined each queue now would have to expect, in the order of the settings.
    pub fn queues(&self) -> Vec<Option<Estimate>> {
        (0..).map(QueueId).zip(&self.queues).map(|(id, line)| self.joining(id, line.ahead())).collect()
    }

    /// What is measured of a queue's calls; `None` while they are too few.
    pub fn measured(&self, queue: QueueId) -> Option<Measured> {
        self.queues.get(queue.0 as usize)?.rates.measured()
    }

    /// How many calls per second come to a number now; `number` is its place in the settings.
    pub fn inflow_per_s(&self, number: usize, now: Monotonic) -> f64 {
        self.inflows.get(number).map_or(0.0, |inflow| inflow.per_s(now))
    }

    /// What was expected of a call in line when it joined.
    pub fn told(&self, call: CallId) -> Option<Estimate> {
        self.open.get(&call)?.told
    }

    /// Folds one fact. When it ends the wait of a call that something was said about: how right that was.
    pub fn observe(&mut self, stamped: &Stamped) -> Option<Judged> {
        match &stamped.fact {
            Fact::CallQueued { call, queue, dialled, waiting, entered, .. } => {
                match entered {
                    Entered::Arrived | Entered::Resumed => self.dials(dialled, stamped.at.mono),
                    Entered::Overflowed(_)
                    | Entered::Moved(_)
                    | Entered::Returned
                    | Entered::Transferred(_) => {}
                }
                self.queued(*call, *queue, *waiting);
            }
            Fact::OfferMade { call, queue, .. } => self.rings(*call, *queue),
            Fact::OfferEnded { call, queue, outcome, ring, .. } => {
                self.rings_no_more(*call, *queue);
                if *outcome == OfferOutcome::Answered {
                    self.on(*queue, |line| line.rates.rung(*ring));
                }
            }
            Fact::CallLeftQueue { call, queue, outcome, wait, agent, waiting, .. } => {
                if let Some(agent) = agent {
                    self.took(*agent, *queue);
                }
                return self.left(*call, *queue, *outcome, *wait, *waiting);
            }
            Fact::CallEnded { queue, talk, .. } => {
                if !talk.is_zero() {
                    self.on(*queue, |line| line.rates.talked(*talk));
                }
            }
            Fact::WrapUpEnded { queue, lasted, .. } => {
                self.on(*queue, |line| line.rates.wrapped_up(*lasted));
            }
            Fact::AgentStateChanged { agent, to, .. } => self.agent_is(*agent, *to),
            Fact::CallRefused { .. }
            | Fact::CallTurnedAway { .. }
            | Fact::CallWidened { .. }
            | Fact::CallDisposed { .. }
            | Fact::InTalk { .. }
            | Fact::QueueClosed { .. }
            | Fact::CallResumed { .. }
            | Fact::CallInterrupted { .. }
            | Fact::QueueReopened { .. }
            | Fact::Reconfigured => {}
        }
        None
    }

    fn dials(&mut self, dialled: &str, now: Monotonic) {
        if let Some(inflow) = self.dialled.get(dialled).and_then(|at| self.inflows.get_mut(*at)) {
            inflow.comes(now);
        }
    }

    fn on(&mut self, queue: QueueId, change: impl FnOnce(&mut Line)) {
        if let Some(line) = self.queues.get_mut(queue.0 as usize) {
            change(line);
        }
    }

    fn queued(&mut self, call: CallId, queue: QueueId, waiting: usize) {
        self.on(queue, |line| line.waiting = waiting);
        let ahead = self.queues.get(queue.0 as usize).map_or(0, |line| line.ahead().saturating_sub(1));
        let told = self.joining(queue, ahead);
        if self.open.len() < self.open_max {
            self.open.insert(call, Open { told, offers: 0 });
        }
    }

    fn rings(&mut self, call: CallId, queue: QueueId) {
        if let Some(open) = self.open.get_mut(&call) {
            open.offers = open.offers.saturating_add(1);
            if open.offers == 1 {
                self.on(queue, |line| line.ringing += 1);
            }
        }
    }

    fn rings_no_more(&mut self, call: CallId, queue: QueueId) {
        if let Some(open) = self.open.get_mut(&call)
            && open.offers > 0
        {
            open.offers -= 1;
            if open.offers == 0 {
                self.on(queue, |line| line.ringing = line.ringing.saturating_sub(1));
            }
        }
    }

    fn left(
        &mut self,
        call: CallId,
        queue: QueueId,
        outcome: Outcome,
        wait: Duration,
        waiting: usize,
    ) -> Option<Judged> {
        let gave_up = match outcome {
            Outcome::Abandoned | Outcome::ShortAbandon => true,
            Outcome::Answered
            | Outcome::Overflow
            | Outcome::Timeout
            | Outcome::ExitKey
            | Outcome::Callback
            | Outcome::Voicemail
            | Outcome::NoAgents
            | Outcome::Withdrawn
            | Outcome::Closed
            | Outcome::Error => false,
        };
        let open = self.open.remove(&call);
        let rang = open.is_some_and(|open| open.offers > 0);
        self.on(queue, |line| {
            line.waiting = waiting;
            line.ringing = line.ringing.saturating_sub(usize::from(rang));
            line.rates.left(wait, gave_up);
        });
        let told = open?.told?;
        let (by, within_p90) = (told.by, wait <= told.p90);
        if outcome == Outcome::Answered {
            let error_s = Some(wait.as_secs_f64() - told.mean.as_secs_f64());
            return Some(Judged { queue, by, error_s, within_p90 });
        }
        (gave_up && !within_p90).then_some(Judged { queue, by, error_s: None, within_p90 })
    }

    /// An agent took a call: his work so far says how much of him each of his queues has.
    fn took(&mut self, agent: AgentId, queue: QueueId) {
        let handling_s = self.measured(queue).map_or(HANDLING_UNKNOWN_S, |measured| measured.handling_s);
        let Some(worker) = self.agents.get_mut(agent.0 as usize) else { return };
        if worker.serves.len() < 2 {
            return;
        }
        for served in &mut worker.serves {
            served.work_s *= WORK_KEPT;
            if served.queue == queue {
                served.work_s += handling_s;
            }
        }
        self.share_out(agent);
    }

    /// The engine goes on from before there was anybody to listen: this is who works in it, and how many wait.
    pub fn begin_amid(&mut self, snapshot: &Snapshot) {
        for view in &snapshot.agents {
            self.agent_is(view.agent, view.state);
        }
        for view in &snapshot.queues {
            self.on(view.queue, |line| line.waiting = view.waiting);
        }
    }

    fn agent_is(&mut self, agent: AgentId, state: AgentState) {
        let (works, ready) = match state {
            AgentState::Ready => (true, true),
            AgentState::Offered | AgentState::Talking | AgentState::OnHold | AgentState::WrapUp => {
                (true, false)
            }
            AgentState::LoggedOut | AgentState::Unreachable | AgentState::Paused | AgentState::Resting => {
                (false, false)
            }
        };
        self.agent_does(agent, works, ready);
    }

    fn agent_does(&mut self, agent: AgentId, works: bool, ready: bool) {
        let Some(worker) = self.agents.get_mut(agent.0 as usize) else { return };
        let (worked, was_ready) = (worker.works, worker.ready);
        (worker.works, worker.ready) = (works, ready);
        for served in &worker.serves {
            let Some(line) = self.queues.get_mut(served.queue.0 as usize) else { continue };
            line.workers = (line.workers + usize::from(works)).saturating_sub(usize::from(worked));
            line.ready = (line.ready + usize::from(ready)).saturating_sub(usize::from(was_ready));
        }
        self.share_out(agent);
    }

    /// Brings the agent's share in each of his queues up to date.
    fn share_out(&mut self, agent: AgentId) {
        let Some(worker) = self.agents.get_mut(agent.0 as usize) else { return };
        let all_s: f64 = worker.serves.iter().map(|served| PRIOR_WORK_S + served.work_s).sum();
        for served in &mut worker.serves {
            let share = if worker.works { (PRIOR_WORK_S + served.work_s) / all_s } else { 0.0 };
            if let Some(line) = self.queues.get_mut(served.queue.0 as usize) {
                line.shares += share - served.share;
                if line.workers == 0 {
                    // What sums leave behind by rounding ends here.
                    line.shares = 0.0;
                }
            }
            served.share = share;
        }
    }
}

/// The queues an agent can work for.
fn able(settings: &Settings, agent: &Agent) -> Vec<QueueId> {
    let meets = |queue: &&QueueId| {
        settings.queue(**queue).is_some_and(|rules| rules.requirement.is_met_by(&agent.skills))
    };
    agent.queues.iter().filter(meets).copied().collect()
}

impl Worker {
    /// Serves these queues from now on; his work for those he served before stands.
    fn serve(&mut self, queues: Vec<QueueId>) {
        let before = std::mem::take(&mut self.serves);
        let work_s = |queue| before.iter().find(|it| it.queue == queue).map_or(0.0, |it| it.work_s);
        self.serves =
            queues.into_iter().map(|queue| Served { queue, work_s: work_s(queue), share: 0.0 }).collect();
    }
}

impl Line {
    /// Calls in line for which nobody is rung yet.
    fn ahead(&self) -> usize {
        self.waiting.saturating_sub(self.ringing)
    }
}
