//! Each queue's figures since the start of the engine or the last reset: for the API and the demo's summary.

use super::service_level::{Counts, Variant};
use crate::engine::fact::{Fact, Outcome, Stamped, TurnedAwayBecause};
use crate::engine::settings::Settings;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One queue's figures.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct QueueToday {
    /// Calls that joined.
    pub offered: u64,
    /// Calls answered.
    pub answered: u64,
    /// Of these, within the threshold.
    pub answered_in_threshold: u64,
    /// Calls given up, short abandons included.
    pub abandoned: u64,
    /// Calls that left any other way.
    pub other: u64,
    /// Calls that could not join, and so are no part of what was offered nor of the service level.
    pub turned_away: TurnedAway,
    /// ASA: the mean wait of answered calls, in milliseconds.
    pub average_speed_of_answer_ms: Option<u64>,
    /// The longest wait of any call that left, in milliseconds.
    pub longest_wait_ms: u64,
    /// Answered within the threshold out of answered and abandoned, short abandons ignored; 0 to 1.
    pub service_level: Option<f64>,
}

/// Callers who could not join the queue they had dialled, by cause. Nobody is to blame for those who call outside of
/// opening hours; the others a strict standard adds to the calls offered: answered in time ÷ (offered + no_agents + full).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TurnedAway {
    /// It was closed.
    pub closed: u64,
    /// Nobody was at work.
    pub no_agents: u64,
    /// It was full.
    pub full: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Sums {
    offered: u64,
    other: u64,
    turned_away: TurnedAway,
    counts: Counts,
    wait_answered: Duration,
    wait_longest: Duration,
    threshold: Duration,
}

/// The fold over all queues.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Today {
    queues: Vec<Sums>,
}

impl Today {
    /// All at zero.
    pub fn new(settings: &Settings) -> Self {
        let mut today = Self { queues: Vec::new() };
        today.follow(settings);
        today
    }

    /// Other rules apply from now on: queues are added, what was counted stays counted.
    pub fn follow(&mut self, settings: &Settings) {
        self.queues.resize_with(settings.queues.len().max(self.queues.len()), Sums::default);
        for (sums, queue) in self.queues.iter_mut().zip(&settings.queues) {
            sums.threshold = queue.service_level_threshold;
        }
    }

    /// Folds one fact.
    pub fn observe(&mut self, stamped: &Stamped) {
        match &stamped.fact {
            Fact::CallQueued { queue, .. } => {
                if let Some(sums) = self.queues.get_mut(queue.0 as usize) {
                    sums.offered += 1;
                }
            }
            Fact::CallLeftQueue { queue, outcome, wait, answered_in_threshold, .. } => {
                if let Some(sums) = self.queues.get_mut(queue.0 as usize) {
                    sums.left(*outcome, *wait, *answered_in_threshold);
                }
            }
            Fact::CallTurnedAway { queue, because, .. } => {
                if let Some(sums) = self.queues.get_mut(queue.0 as usize) {
                    sums.turned_away.count(*because);
                }
            }
            Fact::CallWidened { .. }
            | Fact::CallDisposed { .. }
            | Fact::QueueClosed { .. }
            | Fact::CallResumed { .. }
            | Fact::CallInterrupted { .. }
            | Fact::QueueReopened { .. }
            | Fact::Reconfigured
            | Fact::CallRefused { .. }
            | Fact::OfferMade { .. }
            | Fact::OfferEnded { .. }
            | Fact::CallEnded { .. }
            | Fact::AgentStateChanged { .. }
            | Fact::WrapUpEnded { .. }
            | Fact::InTalk { .. } => {}
        }
    }

    /// The figures of each queue, in the order of the settings.
    pub fn queues(&self) -> Vec<QueueToday> {
        self.queues.iter().map(Sums::figures).collect()
    }

    /// The raw counts of each queue, for any variant of the service level.
    pub fn counts(&self) -> Vec<Counts> {
        self.queues.iter().map(|sums| sums.counts).collect()
    }
}

impl TurnedAway {
    fn count(&mut self, because: TurnedAwayBecause) {
        match because {
            TurnedAwayBecause::Closed => self.closed += 1,
            TurnedAwayBecause::NoAgents => self.no_agents += 1,
            TurnedAwayBecause::Full => self.full += 1,
        }
    }
}

impl Sums {
    fn left(&mut self, outcome: Outcome, wait: Duration, in_threshold: bool) {
        self.wait_longest = self.wait_longest.max(wait);
        match outcome {
            Outcome::Answered => {
                self.counts.answered += 1;
                self.counts.answered_in_threshold += u64::from(in_threshold);
                self.wait_answered = self.wait_answered.saturating_add(wait);
            }
            Outcome::Abandoned | Outcome::ShortAbandon => {
                self.counts.abandoned += 1;
                self.counts.abandoned_in_threshold += u64::from(wait <= self.threshold);
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
            | Outcome::Closed => self.other += 1,
        }
    }

    fn figures(&self) -> QueueToday {
        let counts = self.counts;
        // Short abandons are not held against the queue: they leave both sides of the ratio.
        let judged = Counts {
            abandoned: counts.abandoned.saturating_sub(counts.short_abandons),
            abandoned_in_threshold: counts.abandoned_in_threshold.saturating_sub(counts.short_abandons),
            short_abandons: 0,
            ..counts
        };
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        QueueToday {
            offered: self.offered,
            answered: counts.answered,
            answered_in_threshold: counts.answered_in_threshold,
            abandoned: counts.abandoned,
            other: self.other,
            turned_away: self.turned_away,
            average_speed_of_answer_ms: millis(self.wait_answered).checked_div(counts.answered),
            longest_wait_ms: millis(self.wait_longest),
            service_level: judged.service_level(Variant::AbandonsAgainst),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::id::{CallId, QueueId};
    use crate::engine::settings::{Destination, Queue};
    use crate::engine::time::Now;

    #[test]
    fn figures_follow_the_outcomes() {
        let settings = Settings { queues: vec![Queue::default()], ..Settings::default() };
        let mut today = Today::new(&settings);
        assert_eq!(today.queues()[0].service_level, None);
        for (outcome, wait_secs, in_threshold) in [
            (Outcome::Answered, 10, true),
            (Outcome::Answered, 30, false),
            (Outcome::Abandoned, 15, false),
            (Outcome::Abandoned, 90, false),
            (Outcome::ShortAbandon, 2, false),
            (Outcome::Timeout, 600, false),
        ] {
            let fact = Fact::CallLeftQueue {
                call: CallId(0),
                queue: QueueId(0),
                outcome,
                wait: Duration::from_secs(wait_secs),
                answered_in_threshold: in_threshold,
                agent: None,
                to: None,
                waiting: 0,
            };
            today.observe(&Stamped { at: Now::default(), fact });
        }
        let figures = &today.queues()[0];
        assert_eq!(
            (figures.answered, figures.answered_in_threshold, figures.abandoned, figures.other),
            (2, 1, 3, 1)
        );
        assert_eq!(figures.average_speed_of_answer_ms, Some(20_000));
        assert_eq!(figures.longest_wait_ms, 600_000);
        assert_eq!(figures.service_level, Some(0.25));
        let expected = Counts {
            answered: 2,
            answered_in_threshold: 1,
            abandoned: 3,
            abandoned_in_threshold: 2,
            short_abandons: 1,
        };
        assert_eq!(today.counts(), [expected]);
    }

    #[test]
    fn callers_turned_away_are_counted_and_are_no_part_of_the_service_level() {
        let settings = Settings { queues: vec![Queue::default()], ..Settings::default() };
        let mut today = Today::new(&settings);
        let away = |because| Fact::CallTurnedAway {
            call: CallId(0),
            queue: QueueId(0),
            dialled: String::new(),
            caller: Default::default(),
            sip_call_id: String::new(),
            because,
            to: Destination::Message("closed".into()),
        };
        for because in [
            TurnedAwayBecause::Closed,
            TurnedAwayBecause::Closed,
            TurnedAwayBecause::NoAgents,
            TurnedAwayBecause::Full,
        ] {
            today.observe(&Stamped { at: Now::default(), fact: away(because) });
        }
        let figures = &today.queues()[0];
        assert_eq!(figures.turned_away, TurnedAway { closed: 2, no_agents: 1, full: 1 });
        assert_eq!((figures.offered, figures.other, figures.service_level), (0, 0, None));
    }

    #[test]
    fn other_rules_keep_what_was_counted_and_add_queues() {
        let mut settings = Settings { queues: vec![Queue::default()], ..Settings::default() };
        let mut today = Today::new(&settings);
        today.queues[0].offered = 5;
        settings.queues.push(Queue::default());
        today.follow(&settings);
        assert_eq!(today.queues().iter().map(|queue| queue.offered).collect::<Vec<_>>(), [5, 0]);
    }
}
