//! What the transaction layer tells: bytes to send, and news for its user.

use crate::sip::flow::Flow;
use crate::sip::message::{Request, Response};
use std::sync::Arc;

/// A request of ours and the answers to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId(pub u64);

/// A request of somebody else's and our answers to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ServerId(pub u64);

/// There are as many client transactions as the settings allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many SIP requests of ours are unanswered")]
pub struct Full;

/// What is to be done, or to be known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Send these bytes there.
    Send {
        /// Where to.
        to: Flow,
        /// One whole message.
        bytes: Arc<[u8]>,
    },
    /// A new request; answer it with [`respond`](super::Transactions::respond). Its topmost Via says where it really
    /// came from. Never an ACK or a CANCEL.
    Request {
        /// Names it in the answer.
        id: ServerId,
        /// The request.
        request: Request,
        /// Where it came from.
        from: Flow,
    },
    /// An ACK that belongs to no refusal of ours: that of a 2xx. Each retransmission is handed up.
    Ack {
        /// The ACK.
        request: Request,
        /// Where it came from.
        from: Flow,
    },
    /// An INVITE without a final response was cancelled; the CANCEL itself is already answered. Respond with 487.
    Cancelled {
        /// The INVITE.
        id: ServerId,
    },
    /// A response to a request of ours. An INVITE may get several 2xx, even after a refusal: each wants an ACK.
    Response {
        /// The request.
        id: ClientId,
        /// The response.
        response: Response,
        /// Where it came from.
        from: Flow,
    },
    /// Nobody answered in time (RFC 3261 §8.1.3.1: treat as 408). Nothing more will come of it.
    TimedOut {
        /// The request.
        id: ClientId,
    },
    /// The request could not be sent (RFC 3261 §8.1.3.1: treat as 503). Nothing more will come of it.
    Failed {
        /// The request.
        id: ClientId,
    },
    /// A request that had its final response is over. Nothing more will come of it.
    ClientEnded {
        /// The request.
        id: ClientId,
    },
    /// A request of somebody else's is over.
    ServerEnded {
        /// The request.
        id: ServerId,
        /// False when it never got a final response, or when a refused INVITE was never acknowledged. Says nothing
        /// about the ACK of a 2xx.
        acked: bool,
    },
}

/// Figures for the metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Client transactions now.
    pub clients: usize,
    /// Server transactions now.
    pub servers: usize,
    /// Messages sent again because nothing was heard.
    pub retransmissions_sent: u64,
    /// Requests that came again.
    pub retransmissions_received: u64,
    /// Requests refused with 503 because there were too many.
    pub refused: u64,
    /// Responses that belong to nothing, and were dropped.
    pub strays: u64,
    /// Requests of ours nobody answered.
    pub timeouts: u64,
}
