//! The metrics of the expected wait: what is told, and how right it was.

use super::maker::{Made, Maker, each};
use crate::engine::settings::Settings;
use crate::stats::{Basis, Estimate, Judged};
use prometheus::{Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// Both sides of zero: below it the wait was shorter than expected. The sum can fall, so only the buckets have a rate.
const ERROR_SECONDS: [f64; 15] =
    [-300.0, -120.0, -60.0, -30.0, -15.0, -5.0, -2.0, 0.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0];

/// The expected wait, of every queue.
#[derive(Debug)]
pub struct EstimateMetrics {
    expected: GaugeVec,
    error: HistogramVec,
    covered: IntCounterVec,
    queues: RwLock<Vec<QueueEstimate>>,
}

#[derive(Debug)]
struct QueueEstimate {
    p50: Gauge,
    p90: Gauge,
    /// By how it was found, in the order of [`Basis::ALL`].
    judged: Vec<JudgedBy>,
}

#[derive(Debug)]
struct JudgedBy {
    error: Histogram,
    within: IntCounter,
    beyond: IntCounter,
}

impl EstimateMetrics {
    pub(super) fn new(make: &Maker<'_>, settings: &Settings) -> Made<Self> {
        let expected = make.seconds_gauges(
            "queue_estimated_wait_seconds",
            "The wait of a call that joined now, by quantile; NaN while there is no ground for an estimate.",
            &["queue", "quantile"],
        )?;
        let error = make.histograms(
            "queue_wait_estimate_error_seconds",
            "Wait of answered calls minus what was expected when they joined, by how that was found; negative when it was shorter.",
            &["queue", "by"],
            &ERROR_SECONDS,
        )?;
        let covered = make.counters(
            "queue_wait_estimate_covered_total",
            "Waits within the 90 % quantile expected at the start, or beyond it; who gave up beyond it counts there.",
            &["queue", "by", "result"],
        )?;
        let metrics = Self { expected, error, covered, queues: RwLock::default() };
        metrics.follow(settings)?;
        Ok(metrics)
    }

    /// Makes the series of whatever queue is new.
    pub(super) fn follow(&self, settings: &Settings) -> Made<()> {
        let queues = each(&settings.queues, |queue| self.queue(&queue.name))?;
        let mut known = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        // What is shown of the others stays until the next picture.
        for new in queues.iter().skip(known.len()) {
            new.show(None);
        }
        *known = queues;
        Ok(())
    }

    fn queue(&self, name: &str) -> Made<QueueEstimate> {
        Ok(QueueEstimate {
            p50: self.expected.get_metric_with_label_values(&[name, "0.5"])?,
            p90: self.expected.get_metric_with_label_values(&[name, "0.9"])?,
            judged: each(&Basis::ALL, |by| {
                let by = by.as_str();
                Ok(JudgedBy {
                    error: self.error.get_metric_with_label_values(&[name, by])?,
                    within: self.covered.get_metric_with_label_values(&[name, by, "within_p90"])?,
                    beyond: self.covered.get_metric_with_label_values(&[name, by, "beyond_p90"])?,
                })
            })?,
        })
    }

    /// Shows what a call that joined each queue now would have to expect, in the order of the settings.
    pub fn show(&self, estimates: &[Option<Estimate>]) {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        for (queue, estimate) in queues.iter().zip(estimates) {
            queue.show(estimate.as_ref());
        }
    }

    /// Counts how right was what was expected of a call.
    pub fn judged(&self, judged: &Judged) {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.get(judged.queue.0 as usize);
        let Some(by) = queue.and_then(|queue| queue.judged.get(judged.by as usize)) else { return };
        if let Some(error_s) = judged.error_s {
            by.error.observe(error_s);
        }
        if judged.within_p90 { by.within.inc() } else { by.beyond.inc() }
    }
}

impl QueueEstimate {
    fn show(&self, estimate: Option<&Estimate>) {
        // Where there is no ground nothing is said: not a number, rather than a wait of zero.
        let seconds = |of: fn(&Estimate) -> Duration| estimate.map_or(f64::NAN, |it| of(it).as_secs_f64());
        self.p50.set(seconds(|it| it.p50));
        self.p90.set(seconds(|it| it.p90));
    }
}
