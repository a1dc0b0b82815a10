//! Every metric's name, help and labels, and the fold from facts to their values. It decides nothing.
//!
//! All series exist from the start, so that no panel is empty before the first call, and no label is
//! looked up where calls are handled. Labels are bounded: queues, outcomes, states, causes, methods.

use crate::engine::command::RefusedBecause;
use crate::engine::fact::{AgentState, Fact, OfferOutcome, Outcome, Stamped};
use crate::engine::id::QueueId;
use crate::engine::settings::Settings;
use crate::engine::snapshot::Snapshot;
use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};
use std::time::Duration;

pub use prometheus::Error;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bucket edges, in seconds, besides the configured thresholds.
const WAIT_SECONDS: [f64; 15] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1800.0];
const TALK_SECONDS: [f64; 10] = [5.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 900.0, 1800.0, 3600.0];
const RING_SECONDS: [f64; 9] = [0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0];
const WRAPUP_SECONDS: [f64; 9] = [1.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0];
const DECISION_SECONDS: [f64; 10] = [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 1e-2, 1e-1];
/// RFC 3261 and its extensions; any other method counts as `other`.
const METHODS: [&str; 15] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "REGISTER",
    "PRACK",
    "UPDATE",
    "INFO",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
    "MESSAGE",
    "PUBLISH",
    "other",
];
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx"];

/// The register. Cheap to use from any thread; nothing in it blocks.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    queues: Vec<QueueMetrics>,
    refused: Vec<IntCounter>,
    /// Signalling.
    pub sip: SipMetrics,
    /// Audio.
    pub media: MediaMetrics,
    /// Call records.
    pub store: StoreMetrics,
    /// The engine's own work.
    pub engine: EngineMetrics,
}

#[derive(Debug)]
struct QueueMetrics {
    offered: IntCounter,
    ended: Vec<IntCounter>,
    in_threshold: IntCounter,
    wait: Vec<Histogram>,
    talk: Histogram,
    ring: Histogram,
    wrapup: Histogram,
    offers: Vec<IntCounter>,
    waiting: IntGauge,
    oldest: Gauge,
    agents: Vec<IntGauge>,
}

/// Whether a message came or went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the network.
    Received,
    /// To the network.
    Sent,
}

/// Signalling: the runtime counts here.
#[derive(Debug)]
pub struct SipMetrics {
    requests: [Vec<IntCounter>; 2],
    responses: [Vec<IntCounter>; 2],
    /// Messages that could not be parsed, and were dropped or refused.
    pub malformed: IntCounter,
    /// Messages sent again because no answer came in time.
    pub retransmissions: IntCounter,
    /// Transactions alive.
    pub transactions: IntGauge,
    /// Dialogs alive.
    pub dialogs: IntGauge,
    /// Phones registered: live contacts.
    pub contacts: IntGauge,
}

/// Audio: the runtime copies the media workers' totals here.
#[derive(Debug)]
pub struct MediaMetrics {
    /// RTP packets accepted.
    pub packets_received: IntCounter,
    /// RTP packets sent.
    pub packets_sent: IntCounter,
    /// RTP packets that never came, by their sequence numbers (RFC 3550 appendix A.3).
    pub packets_lost: IntCounter,
    /// RTP packets dropped: from a stranger, malformed, or unwanted.
    pub packets_dropped: IntCounter,
    /// Ticks of a media worker that were handled more than 5 ms late.
    pub ticks_late: IntCounter,
    /// Media sessions open: one per leg.
    pub sessions: IntGauge,
    /// Port pairs that are free.
    pub ports_free: IntGauge,
}

/// Call records: the runtime copies the writer's figures here.
#[derive(Debug)]
pub struct StoreMetrics {
    /// Records that wait to be written.
    pub backlog: IntGauge,
    /// Records written.
    pub written: IntCounter,
    /// Attempts to write that failed; the records stay in the backlog.
    pub failures: IntCounter,
    /// Records lost because the backlog was full.
    pub dropped: IntCounter,
}

/// The engine's own work.
#[derive(Debug)]
pub struct EngineMetrics {
    /// Events handled.
    pub events: IntCounter,
    /// Time to decide on one event, in seconds.
    pub decision: Histogram,
    /// Calls alive.
    pub calls: IntGauge,
    /// 1 while new calls are refused because the engine is about to stop.
    pub draining: IntGauge,
}

/// Makes metrics and registers them, so that none can be made and forgotten.
struct Maker<'r>(&'r Registry);

type Made<T> = Result<T, prometheus::Error>;

impl Maker<'_> {
    fn kept<T: prometheus::core::Collector + Clone + 'static>(&self, metric: T) -> Made<T> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }
    fn counter(&self, name: &str, help: &str) -> Made<IntCounter> {
        self.kept(IntCounter::with_opts(opts(name, help))?)
    }
    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Made<IntCounterVec> {
        self.kept(IntCounterVec::new(opts(name, help), labels)?)
    }
    fn gauge(&self, name: &str, help: &str) -> Made<IntGauge> {
        self.kept(IntGauge::with_opts(opts(name, help))?)
    }
    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Made<IntGaugeVec> {
        self.kept(IntGaugeVec::new(opts(name, help), labels)?)
    }
    fn seconds_gauges(&self, name: &str, help: &str, labels: &[&str]) -> Made<GaugeVec> {
        self.kept(GaugeVec::new(opts(name, help), labels)?)
    }
    fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> Made<HistogramVec> {
        let opts = HistogramOpts::new(format!("holdfast_{name}"), help).buckets(buckets.to_vec());
        self.kept(HistogramVec::new(opts, labels)?)
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("holdfast_{name}"), help)
}

impl Metrics {
    /// All metrics of these settings, at zero.
    ///
    /// # Errors
    /// Only when two metrics were given one name: a mistake in this file that every test finds.
    pub fn new(settings: &Settings) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let make = Maker(&registry);
        let queues = queues(&make, settings)?;
        let refused = make.counters(
            "calls_refused_total",
            "INVITEs refused before they joined a queue, by cause.",
            &["cause"],
        )?;
        let refused =
            each(&RefusedBecause::ALL, |cause| refused.get_metric_with_label_values(&[cause.as_str()]))?;
        let build = make.gauges("build_info", "Always 1; the version is the label.", &["version"])?;
        build.get_metric_with_label_values(&[env!("CARGO_PKG_VERSION")])?.set(1);
        let (sip, media) = (SipMetrics::new(&make)?, MediaMetrics::new(&make)?);
        let (store, engine) = (StoreMetrics::new(&make)?, EngineMetrics::new(&make)?);
        Ok(Self { queues, refused, sip, media, store, engine, registry })
    }

    /// Folds one fact into the metrics.
    pub fn observe(&self, stamped: &Stamped) {
        match &stamped.fact {
            Fact::CallRefused { because, .. } => {
                if let Some(counter) = self.refused.get(*because as usize) {
                    counter.inc();
                }
            }
            Fact::CallQueued { queue, waiting, .. } => self.on(*queue, |metrics| {
                metrics.offered.inc();
                metrics.waiting.set(whole(*waiting));
            }),
            Fact::OfferEnded { queue, outcome, ring, .. } => self.on(*queue, |metrics| {
                if let Some(counter) = metrics.offers.get(*outcome as usize) {
                    counter.inc();
                }
                metrics.ring.observe(ring.as_secs_f64());
            }),
            Fact::CallLeftQueue { queue, outcome, wait, answered_in_threshold, waiting, .. } => {
                self.on(*queue, |metrics| metrics.left(*outcome, *wait, *answered_in_threshold, *waiting));
            }
            Fact::CallEnded { queue, talk, .. } => self.on(*queue, |metrics| {
                if !talk.is_zero() {
                    metrics.talk.observe(talk.as_secs_f64());
                }
            }),
            Fact::WrapUpEnded { queue, lasted, .. } => {
                self.on(*queue, |metrics| metrics.wrapup.observe(lasted.as_secs_f64()));
            }
            // Gauges of these come from the snapshot, which cannot drift.
            Fact::OfferMade { .. } | Fact::AgentStateChanged { .. } => {}
        }
    }

    /// Sets the gauges to what the engine shows.
    pub fn observe_snapshot(&self, snapshot: &Snapshot) {
        for view in &snapshot.queues {
            self.on(view.queue, |metrics| {
                metrics.waiting.set(whole(view.waiting));
                // 0 on an empty queue: "now minus 0" is masked in the queries, an absent series would be a gap.
                #[allow(clippy::cast_precision_loss)] // milliseconds since 1970 fit into 53 bits
                metrics.oldest.set(view.oldest.map_or(0.0, |wall| wall.0 as f64 / 1000.0));
                for (gauge, agents) in metrics.agents.iter().zip(view.agents) {
                    gauge.set(whole(agents));
                }
            });
        }
        self.engine.calls.set(whole(snapshot.calls.len()));
        self.engine.draining.set(i64::from(snapshot.draining));
    }

    /// Everything in the Prometheus text format 0.0.4.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "the metrics cannot be written out");
        }
        String::from_utf8(text).unwrap_or_default()
    }

    fn on(&self, queue: QueueId, then: impl FnOnce(&QueueMetrics)) {
        match self.queues.get(queue.0 as usize) {
            Some(metrics) => then(metrics),
            None => debug_assert!(false, "a fact of a queue that is not configured: {queue}"),
        }
    }
}

/// Brings a counter up to a total kept elsewhere. A total that fell, as after a restart, changes nothing.
pub fn advance(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

impl QueueMetrics {
    fn left(&self, outcome: Outcome, wait: Duration, in_threshold: bool, waiting: usize) {
        if let (Some(ended), Some(waits)) =
            (self.ended.get(outcome as usize), self.wait.get(outcome as usize))
        {
            ended.inc();
            waits.observe(wait.as_secs_f64());
        }
        if in_threshold {
            self.in_threshold.inc();
        }
        self.waiting.set(whole(waiting));
    }
}

/// One edge at every configured threshold, so that the histogram answers for each exactly.
fn wait_buckets(settings: &Settings) -> Vec<f64> {
    let configured =
        settings.queues.iter().flat_map(|queue| [queue.service_level_threshold, queue.short_abandon]);
    let configured = configured.filter(|edge| !edge.is_zero()).map(|edge| edge.as_secs_f64());
    let mut edges: Vec<f64> = WAIT_SECONDS.into_iter().chain(configured).collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    edges
}

fn queues(make: &Maker<'_>, settings: &Settings) -> Made<Vec<QueueMetrics>> {
    let q = &["queue"];
    let offered = make.counters("queue_calls_offered_total", "Calls that joined the queue.", q)?;
    let ended = make.counters(
        "queue_calls_ended_total",
        "Calls that left the queue, by outcome; each call exactly once.",
        &["queue", "outcome"],
    )?;
    let in_threshold = make.counters(
        "queue_calls_answered_in_threshold_total",
        "Calls answered within the queue's service level threshold, counted exactly.",
        q,
    )?;
    let wait = make.histograms(
        "queue_wait_seconds",
        "From joining the queue to leaving it, by outcome.",
        &["queue", "outcome"],
        &wait_buckets(settings),
    )?;
    let talk =
        make.histograms("queue_talk_seconds", "Time with an agent, of answered calls.", q, &TALK_SECONDS)?;
    let ring = make.histograms("queue_ring_seconds", "From an offer to its end.", q, &RING_SECONDS)?;
    let wrapup = make.histograms("queue_wrapup_seconds", "After-call work.", q, &WRAPUP_SECONDS)?;
    let offers = make.counters(
        "queue_offers_total",
        "Offers to agents that ended, by outcome.",
        &["queue", "outcome"],
    )?;
    let waiting = make.gauges("queue_calls_waiting", "Calls that wait now.", q)?;
    let oldest = make.seconds_gauges(
        "queue_oldest_call_enqueued_timestamp_seconds",
        "When the call that has waited longest joined, in seconds since 1970; 0 when none waits.",
        q,
    )?;
    let agents =
        make.gauges("queue_agents", "Agents of the queue, by what they are doing.", &["queue", "state"])?;
    let threshold = make.seconds_gauges(
        "queue_service_level_threshold_seconds",
        "The wait within which an answer counts as in time.",
        q,
    )?;
    let target = make.seconds_gauges(
        "queue_service_level_target_ratio",
        "The share that should be answered in time.",
        q,
    )?;
    each(&settings.queues, |queue| {
        let name = queue.name.as_str();
        threshold.get_metric_with_label_values(&[name])?.set(queue.service_level_threshold.as_secs_f64());
        target.get_metric_with_label_values(&[name])?.set(queue.service_level_target);
        Ok(QueueMetrics {
            offered: offered.get_metric_with_label_values(&[name])?,
            ended: each(&Outcome::ALL, |it| ended.get_metric_with_label_values(&[name, it.as_str()]))?,
            in_threshold: in_threshold.get_metric_with_label_values(&[name])?,
            wait: each(&Outcome::ALL, |it| wait.get_metric_with_label_values(&[name, it.as_str()]))?,
            talk: talk.get_metric_with_label_values(&[name])?,
            ring: ring.get_metric_with_label_values(&[name])?,
            wrapup: wrapup.get_metric_with_label_values(&[name])?,
            offers: each(&OfferOutcome::ALL, |it| offers.get_metric_with_label_values(&[name, it.as_str()]))?,
            waiting: waiting.get_metric_with_label_values(&[name])?,
            oldest: oldest.get_metric_with_label_values(&[name])?,
            agents: each(&AgentState::ALL, |it| agents.get_metric_with_label_values(&[name, it.as_str()]))?,
        })
    })
}

impl SipMetrics {
    fn new(make: &Maker<'_>) -> Made<Self> {
        let requests =
            make.counters("sip_requests_total", "SIP requests, by method.", &["direction", "method"])?;
        let responses =
            make.counters("sip_responses_total", "SIP responses, by class.", &["direction", "class"])?;
        let by = |direction: &str| -> Made<(Vec<IntCounter>, Vec<IntCounter>)> {
            let methods =
                each(&METHODS, |method| requests.get_metric_with_label_values(&[direction, method]))?;
            let classes =
                each(&CLASSES, |class| responses.get_metric_with_label_values(&[direction, class]))?;
            Ok((methods, classes))
        };
        let ((received, came), (sent, went)) = (by("received")?, by("sent")?);
        Ok(Self {
            requests: [received, sent],
            responses: [came, went],
            malformed: make.counter("sip_malformed_total", "SIP messages that could not be parsed.")?,
            retransmissions: make.counter("sip_retransmissions_total", "SIP messages sent again.")?,
            transactions: make.gauge("sip_transactions", "SIP transactions alive.")?,
            dialogs: make.gauge("sip_dialogs", "SIP dialogs alive.")?,
            contacts: make.gauge("sip_registered_contacts", "Phones registered: live contacts.")?,
        })
    }

    /// Counts a request.
    pub fn request(&self, direction: Direction, method: &str) {
        let at = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1);
        if let Some(counter) = self.requests.get(direction as usize).and_then(|methods| methods.get(at)) {
            counter.inc();
        }
    }

    /// Counts a response.
    pub fn response(&self, direction: Direction, status: u16) {
        let at = usize::from(status / 100).saturating_sub(1);
        if let Some(counter) = self.responses.get(direction as usize).and_then(|classes| classes.get(at)) {
            counter.inc();
        }
    }
}

impl MediaMetrics {
    fn new(make: &Maker<'_>) -> Made<Self> {
        Ok(Self {
            packets_received: make.counter("rtp_packets_received_total", "RTP packets accepted.")?,
            packets_sent: make.counter("rtp_packets_sent_total", "RTP packets sent.")?,
            packets_lost: make.counter("rtp_packets_lost_total", "RTP packets that never came.")?,
            packets_dropped: make
                .counter("rtp_packets_dropped_total", "RTP packets from strangers, malformed or unwanted.")?,
            ticks_late: make.counter("media_ticks_late_total", "Media ticks handled more than 5 ms late.")?,
            sessions: make.gauge("media_sessions", "Media sessions open: one per leg.")?,
            ports_free: make.gauge("media_ports_free", "RTP port pairs that are free.")?,
        })
    }
}

impl StoreMetrics {
    fn new(make: &Maker<'_>) -> Made<Self> {
        Ok(Self {
            backlog: make.gauge("store_backlog", "Call records that wait to be written.")?,
            written: make.counter("store_written_total", "Call records written.")?,
            failures: make.counter("store_failures_total", "Attempts to write call records that failed.")?,
            dropped: make
                .counter("store_dropped_total", "Call records lost because the backlog was full.")?,
        })
    }
}

impl EngineMetrics {
    fn new(make: &Maker<'_>) -> Made<Self> {
        let decision = make.histograms(
            "engine_decision_seconds",
            "Time the engine took to decide on one event.",
            &[],
            &DECISION_SECONDS,
        )?;
        Ok(Self {
            events: make.counter("engine_events_total", "Events the engine handled.")?,
            decision: decision.get_metric_with_label_values::<&str>(&[])?,
            calls: make.gauge("calls", "Calls alive: waiting, talking or leaving.")?,
            draining: make.gauge("draining", "1 while new calls are refused because of a shutdown.")?,
        })
    }
}

fn each<T, M>(items: &[T], make: impl Fn(&T) -> Made<M>) -> Made<Vec<M>> {
    items.iter().map(make).collect()
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
