//! Every metric's name, help and labels, and the fold from facts to their values. It decides nothing.
//!
//! All series exist from the start, so that no panel is empty before the first call, and no label is
//! looked up where calls are handled. Labels are bounded: queues, outcomes, states, causes, methods.

mod agents;
mod estimates;
mod load;
mod maker;
mod shells;
mod trunks;

use crate::engine::command::RefusedBecause;
use crate::engine::fact::{AgentState, Fact, OfferOutcome, Outcome, Stamped, TurnedAwayBecause};
use crate::engine::id::{LegId, QueueId};
use crate::engine::settings::{self, Settings};
use crate::engine::snapshot::Snapshot;
use crate::engine::talk::TalkFact;
use agents::AgentMetrics;
use maker::{Made, Maker, each};
use prometheus::{Encoder, Gauge, Histogram, IntCounter, IntGauge, Registry, TextEncoder};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

pub use estimates::EstimateMetrics;
pub use load::LoadMetrics;
pub use prometheus::Error;
pub use shells::{ConfigMetrics, Direction, EngineMetrics, MediaMetrics, SipMetrics, StoreMetrics};
pub use trunks::TrunkMetrics;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bucket edges, in seconds, besides the configured thresholds.
const WAIT_SECONDS: [f64; 15] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1800.0];
const TALK_SECONDS: [f64; 10] = [5.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 900.0, 1800.0, 3600.0];
/// The first edge apart from 0 tells how many calls were on hold at all.
const HOLD_SECONDS: [f64; 9] = [0.0, 5.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 900.0];
const RING_SECONDS: [f64; 9] = [0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0];
const WRAPUP_SECONDS: [f64; 9] = [1.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0];

/// The register. Cheap to use from any thread; nothing in it blocks.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    queues: RwLock<Vec<QueueMetrics>>,
    new_queue: NewQueue,
    refused: Vec<IntCounter>,
    agents: AgentMetrics,
    /// The expected wait.
    pub estimates: EstimateMetrics,
    /// Signalling.
    pub sip: SipMetrics,
    /// Audio.
    pub media: MediaMetrics,
    /// Call records.
    pub store: StoreMetrics,
    /// The engine's own work.
    pub engine: EngineMetrics,
    /// The configuration.
    pub config: ConfigMetrics,
    /// Trunks.
    pub trunks: TrunkMetrics,
    /// How much the loop has to do.
    pub load: LoadMetrics,
}

/// Makes the metrics of one queue, or finds them when they are there already.
struct NewQueue(Box<MakesQueue>);

type MakesQueue = dyn Fn(&settings::Queue) -> Made<QueueMetrics> + Send + Sync;

impl std::fmt::Debug for NewQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewQueue")
    }
}

#[derive(Debug)]
struct QueueMetrics {
    offered: IntCounter,
    ended: Vec<IntCounter>,
    turned_away: Vec<IntCounter>,
    widened: IntCounter,
    in_threshold: IntCounter,
    wait: Vec<Histogram>,
    talk: Histogram,
    hold: Histogram,
    ring: Histogram,
    wrapup: Histogram,
    offers: Vec<IntCounter>,
    waiting: IntGauge,
    oldest: Gauge,
    open: IntGauge,
    agents: Vec<IntGauge>,
}

impl Metrics {
    /// All metrics of these settings, at zero.
    ///
    /// # Errors
    /// Only when two metrics were given one name: a mistake in this file that every test finds.
    pub fn new(settings: &Settings) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let make = Maker(&registry);
        let new_queue = queues(&make, settings)?;
        let queues = RwLock::new(each(&settings.queues, &new_queue.0)?);
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
        let estimates = EstimateMetrics::new(&make, settings)?;
        let (store, engine) = (StoreMetrics::new(&make)?, EngineMetrics::new(&make)?);
        let agents = AgentMetrics::new(&make, settings)?;
        let (config, load) = (ConfigMetrics::new(&make)?, LoadMetrics::new(&make)?);
        let trunks = TrunkMetrics::new(&make)?;
        Ok(Self {
            queues,
            new_queue,
            refused,
            agents,
            estimates,
            sip,
            media,
            store,
            engine,
            config,
            trunks,
            load,
            registry,
        })
    }

    /// Other rules from now on: new queues and agents have their series, who is gone keeps his. Bucket edges stay those
    /// of the start; the counter of answers in time is exact all the same.
    ///
    /// # Errors
    /// As [`Metrics::new`].
    pub fn follow(&self, settings: &Settings) -> Result<(), prometheus::Error> {
        let queues = each(&settings.queues, &self.new_queue.0)?;
        *self.queues.write().unwrap_or_else(PoisonError::into_inner) = queues;
        self.estimates.follow(settings)?;
        self.agents.follow(settings)
    }

    /// Shows what each agent is doing, too: one series per agent and state, which is why it is left to the operator.
    ///
    /// # Errors
    /// Only when it was asked for twice.
    pub fn show_each_agent(&mut self, settings: &Settings) -> Result<(), prometheus::Error> {
        self.agents.show_each(&Maker(&self.registry), settings)
    }

    /// An INVITE was refused before the engine heard of it.
    pub fn refused(&self, because: RefusedBecause) {
        if let Some(counter) = self.refused.get(because as usize) {
            counter.inc();
        }
    }

    /// Folds one fact into the metrics.
    pub fn observe(&self, stamped: &Stamped) {
        match &stamped.fact {
            Fact::CallTurnedAway { queue, because, .. } => self.on(*queue, |metrics| {
                if let Some(counter) = metrics.turned_away.get(*because as usize) {
                    counter.inc();
                }
            }),
            Fact::CallWidened { queue, .. } => self.on(*queue, |metrics| metrics.widened.inc()),
            Fact::CallRefused { because, .. } => self.refused(*because),
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
            Fact::CallEnded { queue, talk, hold, .. } => self.on(*queue, |metrics| {
                if !talk.is_zero() {
                    metrics.talk.observe(talk.as_secs_f64());
                    metrics.hold.observe(hold.as_secs_f64());
                }
            }),
            Fact::WrapUpEnded { queue, lasted, .. } => {
                self.on(*queue, |metrics| metrics.wrapup.observe(lasted.as_secs_f64()));
            }
            Fact::InTalk { what: TalkFact::AudioStopped { leg }, .. } => {
                let side = usize::from(matches!(leg, LegId::Agent(_)));
                if let Some(counter) = self.media.audio_lost.get(side) {
                    counter.inc();
                }
            }
            // What the others of a conversation do has no number yet.
            Fact::InTalk { .. } => {}
            // Gauges of these come from the snapshot, which cannot drift.
            Fact::OfferMade { .. }
            | Fact::AgentStateChanged { .. }
            | Fact::QueueClosed { .. }
            | Fact::CallResumed { .. }
            | Fact::CallInterrupted { .. }
            | Fact::QueueReopened { .. } => {}
            // Free text, and what has no number.
            Fact::CallDisposed { .. } | Fact::Reconfigured => {}
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
                metrics.open.set(i64::from(view.open));
                for (gauge, agents) in metrics.agents.iter().zip(view.agents) {
                    gauge.set(whole(agents));
                }
            });
        }
        self.agents.observe(snapshot);
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
        match self.queues.read().unwrap_or_else(PoisonError::into_inner).get(queue.0 as usize) {
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

fn queues(make: &Maker<'_>, settings: &Settings) -> Made<NewQueue> {
    let q = &["queue"];
    let offered = make.counters("queue_calls_offered_total", "Calls that joined the queue.", q)?;
    let ended = make.counters(
        "queue_calls_ended_total",
        "Calls that left the queue, by outcome; each call exactly once.",
        &["queue", "outcome"],
    )?;
    let turned_away = make.counters(
        "queue_calls_turned_away_total",
        "Callers who could not join the queue, by cause; they are not among those offered.",
        &["queue", "because"],
    )?;
    let widened = make.counters(
        "queue_calls_widened_total",
        "Steps by which more agents were allowed to take a waiting call.",
        q,
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
    let talk = make.histograms(
        "queue_talk_seconds",
        "Time with an agent, or with whoever answered outside.",
        q,
        &TALK_SECONDS,
    )?;
    let hold = make.histograms(
        "queue_hold_seconds",
        "How much of the talk the caller was on hold; 0 for those who were not.",
        q,
        &HOLD_SECONDS,
    )?;
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
    let open = make.gauges("queue_open", "1 while the queue takes callers, by its hours and by hand.", q)?;
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
    Ok(NewQueue(Box::new(move |queue| {
        let name = queue.name.as_str();
        threshold.get_metric_with_label_values(&[name])?.set(queue.service_level_threshold.as_secs_f64());
        target.get_metric_with_label_values(&[name])?.set(queue.service_level_target);
        Ok(QueueMetrics {
            offered: offered.get_metric_with_label_values(&[name])?,
            ended: each(&Outcome::ALL, |it| ended.get_metric_with_label_values(&[name, it.as_str()]))?,
            turned_away: each(&TurnedAwayBecause::ALL, |it| {
                turned_away.get_metric_with_label_values(&[name, it.as_str()])
            })?,
            widened: widened.get_metric_with_label_values(&[name])?,
            in_threshold: in_threshold.get_metric_with_label_values(&[name])?,
            wait: each(&Outcome::ALL, |it| wait.get_metric_with_label_values(&[name, it.as_str()]))?,
            talk: talk.get_metric_with_label_values(&[name])?,
            hold: hold.get_metric_with_label_values(&[name])?,
            ring: ring.get_metric_with_label_values(&[name])?,
            wrapup: wrapup.get_metric_with_label_values(&[name])?,
            offers: each(&OfferOutcome::ALL, |it| offers.get_metric_with_label_values(&[name, it.as_str()]))?,
            waiting: waiting.get_metric_with_label_values(&[name])?,
            oldest: oldest.get_metric_with_label_values(&[name])?,
            open: open.get_metric_with_label_values(&[name])?,
            agents: each(&AgentState::ALL, |it| agents.get_metric_with_label_values(&[name, it.as_str()]))?,
        })
    })))
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
