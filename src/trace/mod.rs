//! What was said about each of the last calls: SIP messages of the caller's leg and of all others, and what was decided
//! between them. Pure: bytes and times go in, a [`Trace`] comes out. Secrets are taken out before anything is kept.

pub mod hep;
mod keeper;
mod ladder;
mod redact;
mod wire;

pub use keeper::{Keeper, TraceRules};
pub use ladder::ladder;
pub use redact::redact;

use crate::engine::id::CallId;
use crate::engine::time::Monotonic;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;

/// A message that passed.
#[derive(Clone, Debug)]
pub struct Passed {
    /// When, by the loop's clock.
    pub at: Monotonic,
    /// Whether it was sent by us.
    pub is_ours: bool,
    /// What carried it: `UDP`, `TCP`, … as in a Via.
    pub transport: &'static str,
    /// Our end.
    pub near: SocketAddr,
    /// The other end.
    pub far: SocketAddr,
    /// The message, as it was on the wire.
    pub bytes: Arc<[u8]>,
}

/// What the keeper is told.
#[derive(Clone, Debug)]
pub enum Told {
    /// A message passed.
    Passed(Passed),
    /// Messages with this Call-ID belong to that call.
    Begun {
        /// The Call-ID.
        sip_call_id: String,
        /// The call.
        call: CallId,
        /// With whom.
        with: String,
    },
    /// Something was decided.
    Decided {
        /// When.
        at: Monotonic,
        /// About which call.
        call: CallId,
        /// What, in a few words.
        what: String,
    },
}

/// One call as it is shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Trace {
    /// Which call.
    pub call: String,
    /// When its first message came, in milliseconds since 1970.
    pub began_at_ms: i64,
    /// With whom messages were exchanged, the caller first.
    pub peers: Vec<Peer>,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// Steps that were too many and are not kept.
    pub left_out: u64,
}

/// One dialog's other end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Peer {
    /// `caller`, an account's name, or a number outside.
    pub name: String,
    /// Where, by what: `udp 192.0.2.7:5060`.
    pub address: String,
    /// The Call-ID.
    pub sip_call_id: String,
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Step {
    /// A message.
    Message {
        /// Microseconds since the first step.
        at_us: u64,
        /// With whom: an index into [`Trace::peers`].
        peer: usize,
        /// Whether it was sent by us.
        sent: bool,
        /// `INVITE`, `180 Ringing`, `200 OK (BYE)`.
        label: String,
        /// Whether the very same was there before: it was sent again.
        again: bool,
        /// All of it, without its secrets.
        text: String,
    },
    /// A decision.
    Decision {
        /// Microseconds since the first step.
        at_us: u64,
        /// What.
        what: String,
    },
}
