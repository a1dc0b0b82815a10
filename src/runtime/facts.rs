//! Where facts and figures go: metrics, today's figures, expected waits, call records. Folds only; nothing here waits.

use super::audible::Audible;
use super::figures::Figures;
use super::outlook::Lookout;
use crate::engine::command::RefusedBecause;
use crate::engine::fact::Stamped;
use crate::engine::id::CallId;
use crate::engine::settings::Settings;
use crate::engine::time::{Monotonic, Wall};
use crate::engine::{Engine, Snapshot};
use crate::journal::Unwritten;
use crate::media::Handle;
use crate::metrics::{Direction, Metrics, advance};
use crate::sip::admission::Refused;
use crate::sip::message::Message;
use crate::sip::overload::Cause;
use crate::stats::{CdrFold, Entry, Estimator, Expected, LegOfCall, QueueToday, Today};
use crate::store::Writer;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long records may take to reach the disk once the process is asked to stop.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(10);

/// What readers of the API get beside the engine's picture: each queue's figures and expected wait, in the order of the
/// settings.
pub(super) struct Published {
    pub today: watch::Sender<Arc<Vec<QueueToday>>>,
    pub expected: watch::Sender<Arc<Expected>>,
}

/// Everything that listens to facts.
pub(super) struct FactSinks {
    metrics: Arc<Metrics>,
    today: Today,
    estimator: Estimator,
    lookout: Lookout,
    published: Published,
    records: CdrFold,
    audible: Audible,
    writer: Writer,
    /// Handed to the writer and perhaps not written: bounded as its backlog is.
    unwritten: VecDeque<Arc<Entry>>,
}

impl FactSinks {
    pub(super) fn new(
        settings: &Settings,
        metrics: Arc<Metrics>,
        published: Published,
        (today, records): (Today, CdrFold),
        writer: Writer,
    ) -> Self {
        let unwritten = VecDeque::new();
        let (estimator, lookout) = (Estimator::new(settings), Lookout::start(settings));
        let audible = Audible::default();
        Self { metrics, today, estimator, lookout, published, records, audible, writer, unwritten }
    }

    /// A record that the process before may not have written; if it has, this one is left out.
    pub(super) fn write_again(&mut self, entry: Entry) {
        self.write(entry);
    }

    fn write(&mut self, entry: Entry) {
        let kept = Arc::new(entry.clone());
        if self.writer.write(entry) {
            self.unwritten.push_back(kept);
        }
        self.forget_written();
    }

    /// The writer writes in order: so many of the last ones may not be written yet.
    fn forget_written(&mut self) {
        let backlog = usize::try_from(self.writer.figures().backlog).unwrap_or(usize::MAX);
        while self.unwritten.len() > backlog {
            self.unwritten.pop_front();
        }
    }

    /// Records that may not have reached the store.
    pub(super) fn unwritten(&self) -> Vec<Unwritten> {
        self.unwritten.iter().map(|entry| Unwritten(Arc::clone(entry))).collect()
    }

    /// How many records wait to be written, and how many may.
    pub(super) fn backlog(&self) -> (u64, u64) {
        let figures = self.writer.figures();
        (figures.backlog, figures.backlog_max)
    }

    /// A leg of a call has begun. Whether a record will tell of it.
    pub(super) fn leg_begun(&mut self, call: CallId, leg: LegOfCall) -> bool {
        self.records.leg_begun(call, leg)
    }

    /// The engine goes on from before our start: what is folded from facts alone is told how it stands.
    pub(super) fn begin_amid(&mut self, snapshot: &Snapshot) {
        self.estimator.begin_amid(snapshot);
    }

    /// The records of calls that are not over.
    pub(super) fn records(&self) -> &CdrFold {
        &self.records
    }

    /// The figures of the day.
    pub(super) fn today(&self) -> &Today {
        &self.today
    }

    /// Other rules from now on: whoever is new has a name and figures.
    pub(super) fn follow(&mut self, settings: &Settings) {
        self.today.follow(settings);
        self.records.follow(settings);
        self.staffed(settings);
        if let Err(error) = self.metrics.follow(settings) {
            tracing::error!(%error, "the metrics do not follow the new configuration");
        }
    }

    /// Agents may serve other calls from now on.
    pub(super) fn staffed(&mut self, settings: &Settings) {
        self.estimator.follow(settings);
        self.lookout.follow(settings);
    }

    /// Has the live state rolled forward beside the loop, if it is time. `clock` tells how long handing it over took.
    pub(super) fn look_ahead(&mut self, engine: &Engine, snapshot: &Snapshot, clock: impl Fn() -> Monotonic) {
        self.lookout.look(engine, snapshot, &self.estimator, clock);
    }

    pub(super) fn record(&mut self, stamped: &Stamped, media: &Handle) {
        // Records first: they are what must not be lost.
        if let Some(mut record) = self.records.observe(stamped) {
            if let Entry::Ended(record) = &mut record {
                record.audio = self.audible.of(record.call, media);
                self.metrics.media.scored(&record.audio);
            }
            self.write(record);
        }
        self.audible.observe(&stamped.fact);
        self.today.observe(stamped);
        self.lookout.observe(stamped);
        if let Some(judged) = self.estimator.observe(stamped) {
            self.metrics.estimates.judged(&judged);
        }
        self.metrics.observe(stamped);
    }

    /// Counts a message that came.
    pub(super) fn received(&self, message: &Message) {
        match message {
            Message::Request(request) => {
                self.metrics.sip.request(Direction::Received, request.method.as_str())
            }
            Message::Response(response) => self.metrics.sip.response(Direction::Received, response.status),
        }
    }

    /// Counts a message that goes, by its first line (RFC 3261 §7.1, §7.2).
    pub(super) fn sent(&self, bytes: &[u8]) {
        let line = bytes.get(..bytes.len().min(64)).unwrap_or_default();
        let mut words =
            line.split(|byte| *byte == b' ').map(|word| std::str::from_utf8(word).unwrap_or_default());
        match (words.next(), words.next()) {
            (Some("SIP/2.0"), Some(status)) => {
                self.metrics.sip.response(Direction::Sent, status.parse().unwrap_or_default());
            }
            (Some(method), _) => self.metrics.sip.request(Direction::Sent, method),
            (None, _) => {}
        }
    }

    /// The oldest message of a turn had waited so long.
    pub(super) fn waited(&self, waited: Duration) {
        self.metrics.load.delay.observe(waited.as_secs_f64());
    }

    /// A turn of the loop took so long.
    pub(super) fn turned(&self, took: Duration) {
        self.metrics.load.turn.observe(took.as_secs_f64());
    }

    /// Somebody was refused because of the load.
    pub(super) fn turned_away(&self, cause: Cause, is_call: bool) {
        self.metrics.load.refused(cause.as_str());
        if is_call {
            self.metrics.refused(RefusedBecause::Overload);
        }
    }

    /// The engine has decided on an event within this time.
    pub(super) fn decided(&self, took: Duration) {
        self.metrics.engine.events.inc();
        self.metrics.engine.decision.observe(took.as_secs_f64());
    }

    /// Brings gauges and totals kept elsewhere up to date, and shows today's figures and expected waits.
    pub(super) fn picture(&mut self, snapshot: &Snapshot, figures: &Figures) {
        self.published.today.send_replace(Arc::new(self.today.queues()));
        let metrics = &self.metrics;
        self.estimator.foresee(self.lookout.seen(snapshot.at.mono));
        let expected = self.estimator.expected();
        metrics.estimates.show(&expected.queues);
        self.published.expected.send_replace(Arc::new(expected));
        metrics.observe_snapshot(snapshot);
        let transactions = figures.sip.transactions;
        metrics.sip.transactions.set(gauge(transactions.clients + transactions.servers));
        metrics.sip.dialogs.set(gauge(figures.sip.legs));
        metrics.sip.contacts.set(gauge(figures.sip.contacts));
        advance(&metrics.sip.malformed, figures.malformed);
        advance(&metrics.sip.dropped, figures.dropped);
        figures.connections.show(&metrics.sip);
        advance(&metrics.sip.bad_wishes, figures.sip.bad_wishes);
        let Refused { too_many, too_small, password, identity } = figures.sip.refused;
        metrics.sip.refused([figures.shut_out, too_many, too_small, password, identity]);
        metrics.sip.bans.set(gauge(figures.sip.bans));
        advance(&metrics.sip.retransmissions, transactions.retransmissions_sent);
        metrics.load.overloaded.set(i64::from(figures.is_overloaded));
        metrics.load.rate.set(figures.rate.unwrap_or_default() as i64);
        advance(&metrics.load.trace_missed, figures.trace_missed);
        advance(&metrics.load.hep_unsent, figures.hep_unsent);
        figures.media.show(&metrics.media);
        for (name, trunk) in &figures.trunks {
            metrics.trunks.show(name, trunk.up, trunk.registered);
        }
        self.forget_written();
        let metrics = &self.metrics;
        let writer = self.writer.figures();
        metrics.store.backlog.set(i64::try_from(writer.backlog).unwrap_or(i64::MAX));
        metrics.store.backlog_max.set(i64::try_from(writer.backlog_max).unwrap_or(i64::MAX));
        advance(&metrics.store.written, writer.written);
        advance(&metrics.store.failures, writer.failures);
        advance(&metrics.store.dropped, writer.dropped);
        advance(&metrics.store.journal_gaps, figures.journal_gaps);
    }

    /// Sees the last records to the disk; calls that were cut short by our own failure have one too, unless they go on
    /// after the next start.
    pub(super) async fn finish(mut self, now: Wall, goes_on: bool) {
        if !goes_on {
            for record in self.records.cut_short(now) {
                self.writer.write(record);
            }
        }
        // It says itself what it could not write.
        self.writer.shut_down(FLUSH_TIME_MAX).await;
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
