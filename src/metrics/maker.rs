//! Makes metrics and registers them, so that none can be made and forgotten.

use prometheus::core::Collector;
use prometheus::{
    CounterVec, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry,
};

/// The one way to a metric.
pub(super) struct Maker<'r>(pub &'r Registry);

pub(super) type Made<T> = Result<T, prometheus::Error>;

impl Maker<'_> {
    fn kept<T: Collector + Clone + 'static>(&self, metric: T) -> Made<T> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }
    pub(super) fn counter(&self, name: &str, help: &str) -> Made<IntCounter> {
        self.kept(IntCounter::with_opts(opts(name, help))?)
    }
    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Made<IntCounterVec> {
        self.kept(IntCounterVec::new(opts(name, help), labels)?)
    }
    pub(super) fn gauge(&self, name: &str, help: &str) -> Made<IntGauge> {
        self.kept(IntGauge::with_opts(opts(name, help))?)
    }
    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Made<IntGaugeVec> {
        self.kept(IntGaugeVec::new(opts(name, help), labels)?)
    }
    pub(super) fn seconds_gauges(&self, name: &str, help: &str, labels: &[&str]) -> Made<GaugeVec> {
        self.kept(GaugeVec::new(opts(name, help), labels)?)
    }
    pub(super) fn seconds_counters(&self, name: &str, help: &str, labels: &[&str]) -> Made<CounterVec> {
        self.kept(CounterVec::new(opts(name, help), labels)?)
    }
    pub(super) fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Made<HistogramVec> {
        let opts = HistogramOpts::new(format!("holdfast_{name}"), help).buckets(buckets.to_vec());
        self.kept(HistogramVec::new(opts, labels)?)
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("holdfast_{name}"), help)
}

/// One of something for each of these.
pub(super) fn each<T, M>(items: &[T], make: impl Fn(&T) -> Made<M>) -> Made<Vec<M>> {
    items.iter().map(make).collect()
}
