//! What a run is judged by: service level, waits and abandonment per queue, occupancy per group of agents.
//! A fold over facts; only calls that joined within the measured time count.

use super::scenario::Worker;
use crate::engine::fact::{AgentState, Fact, Outcome, Stamped};
use crate::engine::settings::Settings;
use crate::engine::time::Monotonic;
use crate::stats::Counts;
use std::time::Duration;

/// The figures of one run.
#[derive(Clone, PartialEq, Debug)]
pub struct Figures {
    /// Per queue, in the order of the settings.
    pub queues: Vec<QueueFigures>,
    /// Per group, in the order of the scenario.
    pub groups: Vec<GroupFigures>,
}

/// One queue in one run. Raw sums, so that runs can be added and every ratio computed.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct QueueFigures {
    /// Answered and abandoned, in and past the threshold.
    pub counts: Counts,
    /// Calls that left any other way.
    pub other: u64,
    /// The sum of the waits of answered calls.
    pub wait_answered: Duration,
    /// Every wait until answered or given up, in milliseconds, ascending.
    pub waits_ms: Vec<u32>,
}

/// One group of agents in one run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GroupFigures {
    /// Each agent's time in calls and after-call work, and that time and the time ready.
    pub agents: Vec<Worked>,
}

/// An agent's time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Worked {
    /// Talking, on hold and in wrap-up.
    pub busy: Duration,
    /// Ready.
    pub ready: Duration,
}

impl Worked {
    /// Occupancy: (talk + hold + wrap-up) ÷ (that + ready); `None` for who was not there.
    pub fn occupancy(&self) -> Option<f64> {
        let all = self.busy + self.ready;
        (!all.is_zero()).then(|| self.busy.as_secs_f64() / all.as_secs_f64())
    }
}

impl QueueFigures {
    /// Answered within the threshold ÷ offered: abandoned calls count against.
    pub fn service_level(&self) -> Option<f64> {
        self.counts.service_level(crate::stats::Variant::AbandonsAgainst)
    }

    /// Abandoned ÷ offered.
    pub fn abandonment(&self) -> Option<f64> {
        let offered = self.counts.offered();
        (offered > 0).then(|| self.counts.abandoned as f64 / offered as f64)
    }

    /// ASA, the mean wait of answered calls.
    pub fn average_speed_of_answer(&self) -> Option<Duration> {
        let answered = u32::try_from(self.counts.answered).ok().filter(|&answered| answered > 0)?;
        Some(self.wait_answered / answered)
    }

    /// The wait that this share of the calls does not exceed, whether they were answered or gave up.
    pub fn wait_quantile(&self, share: f64) -> Option<Duration> {
        let last = self.waits_ms.len().checked_sub(1)?;
        let at = (share * self.waits_ms.len() as f64).ceil() as usize;
        let wait = self.waits_ms.get(at.saturating_sub(1).min(last))?;
        Some(Duration::from_millis(u64::from(*wait)))
    }

    /// Two parts of one whole, as two queues or two runs.
    pub fn and(mut self, other: &QueueFigures) -> QueueFigures {
        self.counts.answered += other.counts.answered;
        self.counts.answered_in_threshold += other.counts.answered_in_threshold;
        self.counts.abandoned += other.counts.abandoned;
        self.counts.abandoned_in_threshold += other.counts.abandoned_in_threshold;
        self.counts.short_abandons += other.counts.short_abandons;
        self.other += other.other;
        self.wait_answered += other.wait_answered;
        self.waits_ms.extend(&other.waits_ms);
        self.waits_ms.sort_unstable();
        self
    }
}

impl GroupFigures {
    /// The group's occupancy.
    pub fn occupancy(&self) -> Option<f64> {
        let sum = |of: fn(&Worked) -> Duration| self.agents.iter().map(of).sum();
        Worked { busy: sum(|worked| worked.busy), ready: sum(|worked| worked.ready) }.occupancy()
    }

    /// The lowest and the highest occupancy of its agents.
    pub fn occupancy_range(&self) -> Option<(f64, f64)> {
        let each = || self.agents.iter().filter_map(Worked::occupancy);
        Some((each().reduce(f64::min)?, each().reduce(f64::max)?))
    }

    /// The deviation of its agents' occupancies.
    pub fn occupancy_deviation(&self) -> Option<f64> {
        let each: Vec<f64> = self.agents.iter().filter_map(Worked::occupancy).collect();
        let n = each.len() as f64;
        let mean = each.iter().sum::<f64>() / n;
        let squares: f64 = each.iter().map(|one| (one - mean).powi(2)).sum();
        (n > 0.0).then(|| (squares / n).sqrt())
    }
}

impl Figures {
    /// All queues as one.
    pub fn all_queues(&self) -> QueueFigures {
        let mut queues = self.queues.iter();
        let first = queues.next().cloned().unwrap_or_default();
        queues.fold(first, QueueFigures::and)
    }
}

#[derive(Debug)]
struct AgentTime {
    state: AgentState,
    since: Monotonic,
    worked: Worked,
    group: usize,
}

/// The fold.
#[derive(Debug)]
pub(super) struct Meter {
    from: Monotonic,
    to: Monotonic,
    thresholds: Vec<Duration>,
    queues: Vec<QueueFigures>,
    agents: Vec<AgentTime>,
    groups: usize,
}

impl Meter {
    pub(super) fn new(
        settings: &Settings,
        workers: &[Worker],
        groups: usize,
        (from, to): (Monotonic, Monotonic),
    ) -> Self {
        let agent = |worker: &Worker| AgentTime {
            state: AgentState::LoggedOut,
            since: Monotonic::default(),
            worked: Worked::default(),
            group: worker.group,
        };
        Self {
            from,
            to,
            thresholds: settings.queues.iter().map(|queue| queue.service_level_threshold).collect(),
            queues: vec![QueueFigures::default(); settings.queues.len()],
            agents: workers.iter().map(agent).collect(),
            groups,
        }
    }

    pub(super) fn observe(&mut self, stamped: &Stamped) {
        let now = stamped.at.mono;
        match &stamped.fact {
            Fact::CallLeftQueue { queue, outcome, wait, .. } => {
                let joined = now - *wait;
                if joined < self.from || joined >= self.to {
                    return;
                }
                let at = queue.0 as usize;
                let threshold = self.thresholds.get(at).copied().unwrap_or_default();
                if let Some(queue) = self.queues.get_mut(at) {
                    queue.left(*outcome, *wait, threshold);
                }
            }
            Fact::AgentStateChanged { agent, to, .. } => {
                let (from, until) = (self.from, self.to);
                if let Some(time) = self.agents.get_mut(agent.0 as usize) {
                    time.passes(now, (from, until));
                    time.state = *to;
                }
            }
            Fact::CallRefused { .. }
            | Fact::CallQueued { .. }
            | Fact::OfferMade { .. }
            | Fact::OfferEnded { .. }
            | Fact::CallEnded { .. }
            | Fact::WrapUpEnded { .. }
            | Fact::InTalk { .. }
            | Fact::CallTurnedAway { .. }
            | Fact::CallWidened { .. }
            | Fact::CallDisposed { .. }
            | Fact::QueueClosed { .. }
            | Fact::CallResumed { .. }
            | Fact::CallInterrupted { .. }
            | Fact::QueueReopened { .. }
            | Fact::Reconfigured => {}
        }
    }

    pub(super) fn figures(&mut self, now: Monotonic) -> Figures {
        let mut groups = vec![GroupFigures::default(); self.groups];
        for time in &mut self.agents {
            time.passes(now, (self.from, self.to));
            if let Some(group) = groups.get_mut(time.group) {
                group.agents.push(time.worked);
            }
        }
        let mut queues = std::mem::take(&mut self.queues);
        for queue in &mut queues {
            queue.waits_ms.sort_unstable();
        }
        Figures { queues, groups }
    }
}

impl AgentTime {
    /// Time has passed in the present state; what lies within the measured time counts.
    fn passes(&mut self, now: Monotonic, (from, to): (Monotonic, Monotonic)) {
        let spent = now.min(to).since(self.since.max(from));
        self.since = now;
        match self.state {
            AgentState::Talking | AgentState::OnHold | AgentState::WrapUp => self.worked.busy += spent,
            AgentState::Ready => self.worked.ready += spent,
            AgentState::LoggedOut
            | AgentState::Unreachable
            | AgentState::Offered
            | AgentState::Paused
            | AgentState::Resting => {}
        }
    }
}

impl QueueFigures {
    fn left(&mut self, outcome: Outcome, wait: Duration, threshold: Duration) {
        match outcome {
            Outcome::Answered => {
                self.counts.answered += 1;
                self.counts.answered_in_threshold += u64::from(wait <= threshold);
                self.wait_answered += wait;
            }
            Outcome::Abandoned | Outcome::ShortAbandon => {
                self.counts.abandoned += 1;
                self.counts.abandoned_in_threshold += u64::from(wait <= threshold);
                self.counts.short_abandons += u64::from(outcome == Outcome::ShortAbandon);
            }
            Outcome::Overflow
            | Outcome::Timeout
            | Outcome::ExitKey
            | Outcome::Callback
            | Outcome::Voicemail
            | Outcome::NoAgents
            | Outcome::Error
            | Outcome::Withdrawn
            | Outcome::Closed => {
                self.other += 1;
                return;
            }
        }
        self.waits_ms.push(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
    }
}
