//! The timers of RFC 3261 §17 and the limits of the transaction layer.

use crate::sip::settings::Listener;
use std::time::Duration;

/// How the transaction layer behaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransactionSettings {
    /// The estimate of a round trip (RFC 3261 §17.1.1.1: 500 ms).
    pub t1: Duration,
    /// The longest pause between retransmissions of all but INVITE requests (4 s).
    pub t2: Duration,
    /// How long a message may stay in the network (5 s).
    pub t4: Duration,
    /// How long an INVITE may go unanswered before 100 Trying is sent (RFC 3261 §17.2.1 allows 200 ms); zero sends it
    /// at once, which also tells the sender of a lost answer from a lost request.
    pub trying_after: Duration,
    /// The most client transactions at a time; one eighth more is kept for requests inside dialogs.
    pub clients_max: usize,
    /// The most server transactions at a time; one eighth more is kept for requests inside dialogs, so that calls can
    /// still be ended.
    pub servers_max: usize,
    /// What `Retry-After` says in the 503 when there are too many, in whole seconds.
    pub retry_after: Duration,
    /// The listeners and what our Via says of each; a flow that belongs to none is named by its local address.
    pub listeners: Vec<Listener>,
}

impl Default for TransactionSettings {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            trying_after: Duration::ZERO,
            // A call that is over leaves two transactions behind, its INVITE's and its BYE's, which are remembered for 32 s:
            // so many are 3,000 calls a second for as long as you like. Each takes some 2 kB.
            clients_max: 100_000,
            servers_max: 200_000,
            retry_after: Duration::from_secs(5),
            listeners: Vec::new(),
        }
    }
}

impl TransactionSettings {
    pub(super) fn timing(&self, reliable: bool) -> Timing {
        // A pause of nothing would retransmit for ever within one instant.
        let least = |span: Duration| span.max(Duration::from_millis(1));
        Timing { t1: least(self.t1), t2: least(self.t2), t4: least(self.t4), reliable }
    }
}

/// The timers of one transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    pub t1: Duration,
    pub t2: Duration,
    pub t4: Duration,
    /// Whether the transport retransmits by itself.
    pub reliable: bool,
}

impl Timing {
    /// 64·T1: timers B, D, F, H, J, L and M (RFC 3261 §17, RFC 6026 §8.1).
    pub fn patience(&self) -> Duration {
        self.t1.saturating_mul(64)
    }
}
