//! What a future is drawn from: how many calls come, how long they last, how soon callers give up.

use crate::engine::id::QueueId;
use crate::engine::settings::Settings;
use crate::engine::time::Monotonic;
use crate::simulate::law::Law;
use crate::stats::Estimator;
use crate::stats::estimate::{Measured, Spread};
use std::time::Duration;

/// The laws of all queues and numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct Model {
    /// What is dialled, and how many calls per second come to it.
    pub numbers: Vec<(String, f64)>,
    /// In the order of the settings; `None` where there is no ground.
    pub queues: Vec<Option<QueueModel>>,
    /// What calls are taken to be like where there is no ground: they keep agents from others all the same.
    pub elsewhere: Option<QueueModel>,
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
        let measured = |at| estimator.measured(QueueId(at));
        let queues: Vec<_> = (0..).take(settings.queues.len()).map(measured).collect();
        let known: Vec<_> = queues.iter().flatten().copied().collect();
        let numbers = settings.numbers.iter().enumerate();
        let numbers = numbers.map(|(at, number)| (number.dialled.clone(), estimator.inflow_per_s(at, now)));
        Self {
            // A site may have ten thousand numbers that nobody calls.
            numbers: numbers.filter(|(_, per_s)| *per_s > 0.0).collect(),
            elsewhere: mean(&known).map(|it| laws(&it)),
            queues: queues.iter().map(|queue| queue.as_ref().map(laws)).collect(),
        }
    }

    /// Whether enough is known of a queue's calls to say anything about them.
    pub fn has_ground(&self, queue: QueueId) -> bool {
        self.queues.get(queue.0 as usize).is_some_and(Option::is_some)
    }

    /// The number by which most calls come to a queue, if any do.
    pub fn busiest_number<'s>(&self, settings: &'s Settings, queue: QueueId) -> Option<&'s str> {
        let per_s = |dialled: &str| {
            self.numbers.iter().find(|(number, _)| number == dialled).map_or(0.0, |(_, per_s)| *per_s)
        };
        let numbers = settings.numbers.iter().filter(|it| it.queue == queue && it.direct.is_none());
        let rated = numbers.map(|it| (per_s(&it.dialled), it.dialled.as_str()));
        rated.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, dialled)| dialled)
    }

    pub(super) fn queue(&self, queue: QueueId) -> Option<QueueModel> {
        self.queues.get(queue.0 as usize).copied().flatten().or(self.elsewhere)
    }
}

fn laws(measured: &Measured) -> QueueModel {
    let law = |mean_s: f64| Duration::try_from_secs_f64(mean_s).map_or(Law::Never, Law::Exponential);
    QueueModel {
        ring: law(measured.ring.mean_s),
        talk: law(measured.talk_s),
        patience: law(measured.patience_per_s.recip()),
    }
}

/// Each queue counts the same.
fn mean(known: &[Measured]) -> Option<Measured> {
    let first = *known.first()?;
    let share = f64::from(u32::try_from(known.len()).unwrap_or(u32::MAX)).recip();
    let mean = |of: fn(&Measured) -> f64| known.iter().map(of).sum::<f64>() * share;
    let ring = Spread { mean_s: mean(|it| it.ring.mean_s), ..first.ring };
    Some(Measured {
        handling_s: mean(|it| it.handling_s),
        ring,
        talk_s: mean(|it| it.talk_s),
        patience_per_s: mean(|it| it.patience_per_s),
    })
}
