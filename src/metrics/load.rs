//! How much the loop has to do, and whom it refuses because of that: the runtime counts here.

use super::maker::{Made, Maker, each};
use prometheus::{Histogram, IntCounter, IntGauge};

/// Why somebody is refused; the runtime has the words.
const CAUSES: [&str; 4] = ["delay", "late_audio", "calls", "records"];
const SECONDS: [f64; 11] = [1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.5];

/// The loop's load.
#[derive(Debug)]
pub struct LoadMetrics {
    /// How long the oldest message of each turn had waited.
    pub delay: Histogram,
    /// How long each turn took.
    pub turn: Histogram,
    /// 1 while new calls are refused because of the load.
    pub overloaded: IntGauge,
    /// Calls a second that are let in then.
    pub rate: IntGauge,
    refused: Vec<IntCounter>,
    /// Steps of calls that the keeper of messages missed.
    pub trace_missed: IntCounter,
    /// Messages that could not be exported.
    pub hep_unsent: IntCounter,
}

impl LoadMetrics {
    pub(super) fn new(make: &Maker<'_>) -> Made<Self> {
        let one = |name: &str, help: &str| -> Made<Histogram> {
            make.histograms(name, help, &[], &SECONDS)?.get_metric_with_label_values::<&str>(&[])
        };
        let refused = make.counters(
            "overload_refused_total",
            "Requests refused with 503 because of the load, before anything was done for them, by cause.",
            &["cause"],
        )?;
        Ok(Self {
            delay: one(
                "loop_delay_seconds",
                "How long the oldest SIP message of each turn had waited for the loop.",
            )?,
            turn: one("loop_turn_seconds", "How long each turn of the loop took.")?,
            overloaded: make.gauge("overloaded", "1 while new calls are refused because of the load.")?,
            rate: make.gauge(
                "overload_calls_per_second",
                "New calls a second that are let in while overloaded; 0: no bound.",
            )?,
            refused: each(&CAUSES, |cause| refused.get_metric_with_label_values(&[cause]))?,
            trace_missed: make.counter(
                "trace_missed_total",
                "SIP messages and decisions missing in the traces of calls.",
            )?,
            hep_unsent: make
                .counter("hep_unsent_total", "SIP messages that could not be exported by HEP.")?,
        })
    }

    /// Somebody was refused, by the word for why.
    pub fn refused(&self, cause: &str) {
        let at = CAUSES.iter().position(|known| *known == cause);
        if let Some(counter) = at.and_then(|at| self.refused.get(at)) {
            counter.inc();
        }
    }
}
