//! The figures of the shells, for the metrics; adds up what the media workers count.

use crate::media::Handle;
use crate::media::counters::{Counters, DropCause, LATENESS_EDGES_US};
use crate::metrics::{MediaMetrics, SipMetrics, advance};
use crate::sip::core::SipCounts;
use crate::sip::transport::TransportSender;
use crate::sip::trunk::TrunkPicture;
use std::sync::atomic::{AtomicU64, Ordering};

/// A packet that leaves later than this is worth an operator's attention.
const LATE_US: u64 = 5_000;
/// One that is a frame late was better not sent at all.
const VERY_LATE_US: u64 = 20_000;

/// Figures of the shells, for the metrics.
pub(super) struct Figures {
    pub sip: SipCounts,
    /// What came in by the sockets and was no SIP message.
    pub malformed: u64,
    /// What came in by the sockets while the loop was behind.
    pub dropped: u64,
    /// What came from those who are shut out.
    pub shut_out: u64,
    pub connections: ConnectionFigures,
    pub media: MediaFigures,
    /// How often the journal could not be written.
    pub journal_gaps: u64,
    /// How each trunk stands, by its name.
    pub trunks: Vec<(String, TrunkPicture)>,
    /// Calls a second that are let in, while the load is too much.
    pub rate: Option<f64>,
    pub is_overloaded: bool,
    pub trace_missed: u64,
    pub hep_unsent: u64,
}

/// What became of those who came by a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ConnectionFigures {
    open: usize,
    refused: u64,
    handshakes_failed: u64,
}

impl ConnectionFigures {
    pub(super) fn of(transport: &TransportSender) -> Self {
        let counted = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = transport.counts();
        Self {
            open: transport.connections(),
            refused: counted(&counts.refused),
            handshakes_failed: counted(&counts.handshakes_failed),
        }
    }

    pub(super) fn show(&self, metrics: &SipMetrics) {
        metrics.connections.set(i64::try_from(self.open).unwrap_or(i64::MAX));
        advance(&metrics.connections_refused, self.refused);
        advance(&metrics.handshakes_failed, self.handshakes_failed);
    }
}

/// The sums over all workers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MediaFigures {
    received: u64,
    pub sent: u64,
    dropped: u64,
    late: u64,
    /// Later than a frame.
    pub very_late: u64,
    sessions: u64,
    ports_free: usize,
}

impl MediaFigures {
    pub(super) fn of(media: &Handle) -> Self {
        let mut sum = Self { ports_free: media.ports_free(), ..Self::default() };
        for counters in media.counters().iter() {
            sum.received += counters.received.value();
            sum.sent += counters.sent.value() + counters.relayed.value();
            sum.dropped += DropCause::ALL.iter().map(|cause| counters.dropped(*cause)).sum::<u64>();
            sum.late += late(counters, LATE_US);
            sum.very_late += late(counters, VERY_LATE_US);
            sum.sessions += counters.legs.value();
        }
        sum
    }

    pub(super) fn show(&self, metrics: &MediaMetrics) {
        advance(&metrics.packets_received, self.received);
        advance(&metrics.packets_sent, self.sent);
        advance(&metrics.packets_dropped, self.dropped);
        advance(&metrics.packets_late, self.late);
        metrics.sessions.set(i64::try_from(self.sessions).unwrap_or(i64::MAX));
        metrics.ports_free.set(i64::try_from(self.ports_free).unwrap_or(i64::MAX));
    }
}

fn late(counters: &Counters, by_us: u64) -> u64 {
    let above = LATENESS_EDGES_US.iter().position(|edge| *edge > by_us).unwrap_or(LATENESS_EDGES_US.len());
    counters.lateness().iter().skip(above).sum()
}
