//! How agents spend their time: seconds by state, of each queue's agents together and, if wanted, each agent's state.
//! It adds up what pictures of the engine show, and decides nothing.

use super::maker::{Made, Maker, each};
use crate::engine::fact::AgentState;
use crate::engine::settings::Settings;
use crate::engine::snapshot::Snapshot;
use crate::engine::time::Monotonic;
use prometheus::{Counter, CounterVec, IntGauge, IntGaugeVec};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A longer gap between two pictures is no time anybody saw, as when the machine slept.
const GAP_MAX: Duration = Duration::from_secs(60);

/// Seconds by state. Per queue, and not per agent: so the number of series does not grow with the staff, and yet
/// occupancy is a ratio of two rates that holds over any range:
/// `rate({state=~"talking|on_hold|wrap_up"}) / rate({state=~"talking|on_hold|wrap_up|ready"})`.
/// Exact but for one picture's age, 0.2 s, at each change of state.
#[derive(Debug)]
pub(super) struct AgentMetrics {
    seconds: CounterVec,
    /// `agent_state`, when it is wanted.
    state: Option<IntGaugeVec>,
    series: Mutex<Series>,
}

#[derive(Debug, Default)]
struct Series {
    queues: Vec<Vec<Counter>>,
    /// Of each agent; empty when it is not wanted.
    states: Vec<Vec<IntGauge>>,
    last: Option<Monotonic>,
}

impl AgentMetrics {
    pub(super) fn new(make: &Maker<'_>, settings: &Settings) -> Made<Self> {
        let seconds = make.seconds_counters(
            "queue_agent_seconds_total",
            "Time of the queue's agents by what they were doing; an agent of several queues counts in each.",
            &["queue", "state"],
        )?;
        let metrics = Self { seconds, state: None, series: Mutex::default() };
        metrics.follow(settings)?;
        Ok(metrics)
    }

    /// Makes the series of whoever is new.
    pub(super) fn follow(&self, settings: &Settings) -> Made<()> {
        let queues = each(&settings.queues, |queue| {
            each(&AgentState::ALL, |it| {
                self.seconds.get_metric_with_label_values(&[&queue.name, it.as_str()])
            })
        })?;
        let states = match &self.state {
            Some(family) => each(&settings.agents, |agent| {
                each(&AgentState::ALL, |it| family.get_metric_with_label_values(&[&agent.name, it.as_str()]))
            })?,
            None => Vec::new(),
        };
        let mut series = self.series();
        (series.queues, series.states) = (queues, states);
        Ok(())
    }

    fn series(&self) -> MutexGuard<'_, Series> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows each agent's state from now on: one series per agent and state.
    pub(super) fn show_each(&mut self, make: &Maker<'_>, settings: &Settings) -> Made<()> {
        let family = make.gauges(
            "agent_state",
            "1 for what the agent is doing, 0 for everything else; only with [metrics] agent_state.",
            &["agent", "state"],
        )?;
        self.state = Some(family);
        self.follow(settings)
    }

    pub(super) fn observe(&self, snapshot: &Snapshot) {
        let at = snapshot.at.mono;
        let mut series = self.series();
        let before = series.last.replace(at);
        let passed = before.map_or(Duration::ZERO, |before| at.since(before));
        if passed <= GAP_MAX {
            for view in &snapshot.queues {
                let counters = series.queues.get(view.queue.0 as usize).into_iter().flatten();
                for (counter, agents) in counters.zip(view.agents).filter(|(_, agents)| *agents > 0) {
                    #[allow(clippy::cast_precision_loss)] // agents are counted in thousands
                    counter.inc_by(passed.as_secs_f64() * agents as f64);
                }
            }
        }
        if !series.states.is_empty() {
            for view in &snapshot.agents {
                let gauges = series.states.get(view.agent.0 as usize).into_iter().flatten();
                for (gauge, state) in gauges.zip(AgentState::ALL) {
                    gauge.set(i64::from(state == view.state));
                }
            }
        }
    }
}
