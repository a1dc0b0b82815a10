//! The figures of the shells and of the engine's own work: the runtime counts here.

use super::advance;
use super::maker::{Made, Maker, each};
use crate::stats::Audio;
use prometheus::{Histogram, IntCounter, IntGauge};

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
/// Why SIP was refused, or not even answered, in the interest of safety.
const REFUSED: [&str; 5] = ["ban", "rate", "proportion", "password", "identity"];
/// How a recording ends: complete, or given up for a reason.
const RECORDINGS: [&str; 6] = ["finished", "disk_full", "unwritable", "write", "leads_out", "refused"];
/// Bad, poor, fair, good and the best there is (ITU-T P.800).
const SCORES: [f64; 8] = [1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.3, 4.5];
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx"];

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
    /// Messages dropped because the loop was behind: the peer sends them again (RFC 3261 §17).
    pub dropped: IntCounter,
    /// Connections open, in and out: TCP, TLS and WebSockets.
    pub connections: IntGauge,
    /// Connections turned away because there were too many.
    pub connections_refused: IntCounter,
    /// Connections given up because a handshake of TLS or WebSocket failed or took too long.
    pub handshakes_failed: IntCounter,
    /// Wishes of trusted senders that could not be read; their calls were taken without them.
    pub bad_wishes: IntCounter,
    /// Refused in the interest of safety, by cause.
    refused: Vec<IntCounter>,
    /// Sources that are banned now.
    pub bans: IntGauge,
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
    /// RTP packets not taken (from a stranger, malformed, unwanted) or not sent (refused by the system).
    pub packets_dropped: IntCounter,
    /// RTP packets of ours that left more than 5 ms after their time.
    pub packets_late: IntCounter,
    /// Legs in a conversation of which nothing was heard for too long: the callers', the agents'.
    pub audio_lost: Vec<IntCounter>,
    /// The estimated mean opinion scores of legs that were served.
    scores: Histogram,
    /// Recordings that are complete, and those that were given up, by reason.
    recordings: Vec<IntCounter>,
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
    /// When so many wait, new calls are refused.
    pub backlog_max: IntGauge,
    /// Records written.
    pub written: IntCounter,
    /// Attempts to write that failed; the records stay in the backlog.
    pub failures: IntCounter,
    /// Times at which the journal could not be written, so that calls would not have outlived the process.
    pub journal_gaps: IntCounter,
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

/// The configuration: the runtime says how its last reload went.
#[derive(Debug)]
pub struct ConfigMetrics {
    /// 1 when the last attempt to read the configuration was successful, 0 when the one before stayed in force.
    pub successful: IntGauge,
    /// When it was last successful, in seconds since 1970.
    pub success_timestamp: IntGauge,
}

impl ConfigMetrics {
    pub(super) fn new(make: &Maker<'_>) -> Made<Self> {
        let successful = make.gauge(
            "config_last_reload_successful",
            "1 when the last attempt to read the configuration was successful.",
        )?;
        let success_timestamp = make.gauge(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration was last read successfully, in seconds since 1970.",
        )?;
        Ok(Self { successful, success_timestamp })
    }

    /// An attempt was made at this time.
    pub fn attempted(&self, successful: bool, wall_seconds: i64) {
        self.successful.set(i64::from(successful));
        if successful {
            self.success_timestamp.set(wall_seconds);
        }
    }
}

impl SipMetrics {
    pub(super) fn new(make: &Maker<'_>) -> Made<Self> {
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
        let refused = make.counters(
            "sip_refused_total",
            "SIP refused or not answered for safety: of the banned, too fast, an answer out of proportion, wrong passwords and names.",
            &["cause"],
        )?;
        Ok(Self {
            requests: [received, sent],
            responses: [came, went],
            malformed: make.counter("sip_malformed_total", "SIP messages that could not be parsed.")?,
            dropped: make
                .counter("sip_dropped_total", "SIP messages dropped because there were too many.")?,
            connections: make.gauge("sip_connections", "Connections that carry SIP now.")?,
            connections_refused: make.counter(
                "sip_connections_refused_total",
                "Connections turned away because there were too many.",
            )?,
            handshakes_failed: make.counter(
                "sip_handshakes_failed_total",
                "Handshakes of TLS and WebSocket that failed or took too long.",
            )?,
            bad_wishes: make.counter(
                "sip_bad_wishes_total",
                "Wishes for calls (X-Holdfast-…) of trusted trunks that could not be read.",
            )?,
            refused: each(&REFUSED, |cause| refused.get_metric_with_label_values(&[cause]))?,
            bans: make.gauge("sip_bans", "Sources that are banned now for guessing passwords.")?,
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

    /// Brings the totals of what was refused up to date, by cause: `ban`, `rate`, `proportion`, `password`, `identity`.
    pub fn refused(&self, totals: [u64; 5]) {
        for (counter, total) in self.refused.iter().zip(totals) {
            advance(counter, total);
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
    /// A call is over: how well both sides were heard.
    pub fn scored(&self, audio: &Audio) {
        for heard in [audio.caller, audio.agent].into_iter().flatten() {
            self.scores.observe(f64::from(heard.mos_hundredths) / 100.0);
        }
    }

    /// A recording has ended, by the name of how.
    pub fn recording_ended(&self, result: &str) {
        let at = RECORDINGS.iter().position(|known| *known == result);
        if let Some(counter) = at.and_then(|at| self.recordings.get(at)) {
            counter.inc();
        }
    }

    pub(super) fn new(make: &Maker<'_>) -> Made<Self> {
        let audio_lost = make.counters(
            "call_audio_lost_total",
            "Legs in a conversation of which nothing was heard for too long, by side.",
            &["side"],
        )?;
        let scores = make.histograms(
            "call_mos",
            "Estimated mean opinion score (ITU-T G.107) of what was heard of callers and agents.",
            &[],
            &SCORES,
        )?;
        let recordings =
            make.counters("recordings_total", "Recordings that have ended, by how.", &["result"])?;
        Ok(Self {
            scores: scores.get_metric_with_label_values(&[] as &[&str])?,
            recordings: each(&RECORDINGS, |result| recordings.get_metric_with_label_values(&[result]))?,
            audio_lost: each(&["caller", "agent"], |side| audio_lost.get_metric_with_label_values(&[side]))?,
            packets_received: make.counter("rtp_packets_received_total", "RTP packets accepted.")?,
            packets_sent: make.counter("rtp_packets_sent_total", "RTP packets sent.")?,
            packets_dropped: make.counter(
                "rtp_packets_dropped_total",
                "RTP packets not taken (strangers, malformed, unwanted) or not sent.",
            )?,
            packets_late: make.counter("rtp_packets_late_total", "RTP packets sent more than 5 ms late.")?,
            sessions: make.gauge("media_sessions", "Media sessions open: one per leg.")?,
            ports_free: make.gauge("media_ports_free", "RTP port pairs that are free.")?,
        })
    }
}

impl StoreMetrics {
    pub(super) fn new(make: &Maker<'_>) -> Made<Self> {
        Ok(Self {
            backlog: make.gauge("store_backlog", "Call records that wait to be written.")?,
            backlog_max: make.gauge(
                "store_backlog_max",
                "Call records that may wait: from nine tenths on, new calls are refused.",
            )?,
            written: make.counter("store_written_total", "Call records written, and notes added to them.")?,
            failures: make.counter("store_failures_total", "Attempts to write call records that failed.")?,
            journal_gaps: make.counter(
                "store_journal_gaps_total",
                "Times the journal could not be written: calls would not have outlived the process.",
            )?,
            dropped: make
                .counter("store_dropped_total", "Call records lost because the backlog was full.")?,
        })
    }
}

impl EngineMetrics {
    pub(super) fn new(make: &Maker<'_>) -> Made<Self> {
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
