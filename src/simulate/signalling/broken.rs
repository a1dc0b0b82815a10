//! The rules of signalling that must always hold, each with what is said when it was broken.

use crate::engine::id::LegId;
use crate::simulate::checks;
use std::net::SocketAddr;

/// A rule that was broken.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Broken {
    /// One of the engine's own rules: of calls, offers, agents and records.
    #[error("{0}")]
    Rule(#[from] checks::Broken),
    /// The media of a leg.
    #[error("leg {0}: {1}")]
    Media(LegId, &'static str),
    /// What the engine sent.
    #[error("Call-ID {call_id}: {what}")]
    Wire {
        /// In which call.
        call_id: String,
        /// What was wrong with it.
        what: &'static str,
    },
    /// What the engine answered.
    #[error("Call-ID {call_id}: answered with {got}, expected {expected}")]
    Answer {
        /// To what.
        call_id: String,
        /// What should have come.
        expected: u16,
        /// What came.
        got: u16,
    },
    /// The engine holds a leg that the other end knows nothing of.
    #[error("leg {leg} of Call-ID {call_id}: the other end, {at}, has left it or never was in it")]
    OrphanHere {
        /// Which.
        leg: LegId,
        /// Its Call-ID.
        call_id: String,
        /// Where the other end is.
        at: SocketAddr,
    },
    /// A peer holds a leg that the engine knows nothing of.
    #[error("{at} believes to be in the call of Call-ID {call_id}, and the engine does not")]
    OrphanThere {
        /// Its Call-ID.
        call_id: String,
        /// Who.
        at: SocketAddr,
    },
    /// A dead peer's leg that the session timer should have ended.
    #[error("leg {leg} of Call-ID {call_id} outlives its session timer")]
    OutlivesSession {
        /// Which.
        leg: LegId,
        /// Its Call-ID.
        call_id: String,
    },
    /// When everything is over, something is not.
    #[error("when all was over, {0}")]
    Left(String),
    /// Work without end.
    #[error("{0} steps, and no end in sight")]
    Endless(u64),
    /// What the engine sent cannot be read.
    #[error("the engine sent what is no SIP message: {0}")]
    Nonsense(String),
}
