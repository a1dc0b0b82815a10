//! The rules that must always hold, each with what is said when it was broken.

use crate::engine::fact::AgentState;
use crate::engine::id::{AgentId, CallId, OfferId, QueueId, RequestId};
use std::time::Duration;

/// A rule that was broken.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Broken {
    /// A fact came out of its order, or a second time.
    #[error("call {0}: {1}")]
    Call(CallId, &'static str),
    /// A fact came out of its order, or a second time.
    #[error("offer {0}: {1}")]
    Offer(OfferId, &'static str),
    /// More calls than he can be in.
    #[error("agent {0} is offered call {1} though he is offered or in another")]
    OfferedTwice(AgentId, CallId),
    /// An agent's states do not follow each other.
    #[error("agent {agent} is said to leave {from:?} after {lasted:?}, but was {was:?} for {been:?}")]
    States {
        /// Who.
        agent: AgentId,
        /// What the fact says he was.
        from: AgentState,
        /// For how long.
        lasted: Duration,
        /// What he was.
        was: AgentState,
        /// For how long.
        been: Duration,
    },
    /// A lease that does not end.
    #[error("offer {offer} to agent {agent} was due to end {late:?} ago")]
    OutlivesDeadline {
        /// Which.
        offer: OfferId,
        /// Whom it keeps from work.
        agent: AgentId,
        /// By how much it is overdue.
        late: Duration,
    },
    /// The order of the line.
    #[error(
        "call {later} is offered to agent {agent} before call {earlier} of the same kind, which waits longer"
    )]
    Overtaken {
        /// Who has waited longer.
        earlier: CallId,
        /// Who is offered.
        later: CallId,
        /// To whom.
        agent: AgentId,
    },
    /// Work that nobody does.
    #[error("agent {agent} is ready though call {call} waits, which he may take")]
    Idle {
        /// Who.
        agent: AgentId,
        /// Which call waits.
        call: CallId,
    },
    /// A count in a fact.
    #[error("call {call}: the fact says {said} wait in queue {queue}, a recount says {counted}")]
    Waiting {
        /// Of which call the fact speaks.
        call: CallId,
        /// In which queue.
        queue: QueueId,
        /// What the fact says.
        said: usize,
        /// What is so.
        counted: usize,
    },
    /// A request without its one reply.
    #[error("request {0}: {1}")]
    Request(RequestId, &'static str),
    /// A fold over the facts differs from their recount.
    #[error("{what} of queue {queue}: the fold says {folded}, a recount says {counted}")]
    Fold {
        /// What was counted.
        what: &'static str,
        /// Of which queue.
        queue: QueueId,
        /// By the fold.
        folded: u64,
        /// Anew.
        counted: u64,
    },
    /// Calls that are never over.
    #[error(
        "{calls} calls and {offers} offers are not over {after:?} after the last call came and all was put right"
    )]
    NotDrained {
        /// Calls still open.
        calls: usize,
        /// Offers still open.
        offers: usize,
        /// For how long.
        after: Duration,
    },
    /// A copy of the engine went another way.
    #[error("a restored copy of the engine went another way: {0}")]
    Restored(&'static str),
    /// The engine's look at itself.
    #[error("the engine finds itself inconsistent: {0}")]
    Audit(String),
    /// Work without end.
    #[error("{0} events at one moment: the engine goes in circles")]
    Circles(u64),
}
