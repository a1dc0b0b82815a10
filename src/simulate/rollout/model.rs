//! What a future is drawn from: how many calls come, how long they last, how soon callers give up.

use crate::engine::id::QueueId;
use crate::engine::settings::Settings;
use crate::engine::time::Monotonic;
use crate::simulate::law::Law;
use crate::stats::Estimator;
use std::time::Duration;

/// The laws of all queues and numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct Model {
    /// What is dialled, and how many calls per second come to it.
    pub numbers: Vec<(String, f64)>,
    /// In the order of the settings; `None` where there is no ground.
    pub queues: Vec<Option<QueueModel>>,
}

/// The laws of one queue's calls. Wrap-up is the engine's own rule.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct QueueModel {
    /// How long an agent lets it ring.
    pub ring: Law,
    /// How long they talk.
    pub talk: Law,
    /// How long callers wait before they give up.
    pub patience: Law,
}

impl Model {
    /// With the rates that were measured, and exponential laws: of these, what is left of a conversation does not
    /// depend on how long it has lasted.
    pub fn measured(estimator: &Estimator, settings: &Settings, now: Monotonic) -> Self {
        let queue = |at| {
            let measured = estimator.measured(QueueId(at))?;
            let law = |mean_s: f64| Duration::try_from_secs_f64(mean_s).map_or(Law::Never, Law::Exponential);
            Some(QueueModel {
                ring: law(measured.ring.mean_s),
                talk: law(measured.talk_s),
                patience: law(measured.patience_per_s.recip()),
            })
        };
        let numbers = settings.numbers.iter().enumerate();
        Self {
            numbers: numbers
                .map(|(at, number)| (number.dialled.clone(), estimator.inflow_per_s(at, now)))
                .collect(),
            queues: (0..).take(settings.queues.len()).map(queue).collect(),
        }
    }

    pub(super) fn queue(&self, queue: QueueId) -> Option<QueueModel> {
        self.queues.get(queue.0 as usize).copied().flatten()
    }
}
