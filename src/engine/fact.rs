//! All that the engine remembers of what happened: the one source of metrics, records and reports.

use super::command::RefusedBecause;
use super::event::Caller;
use super::id::{AgentId, CallId, OfferId, QueueId};
use super::time::Now;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a call left its queue. Each queued call has exactly one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An agent took it.
    Answered,
    /// The caller gave up.
    Abandoned,
    /// The caller gave up so soon that it is not held against the queue.
    ShortAbandon,
    /// It went elsewhere.
    Overflow,
    /// The longest wait was over.
    Timeout,
    /// The caller left by pressing a key.
    ExitKey,
    /// The caller is called back.
    Callback,
    /// The caller left a message.
    Voicemail,
    /// Nobody was there to answer.
    NoAgents,
    /// We could not go on.
    Error,
}

impl Outcome {
    /// Every outcome, in the order of the field's definition.
    pub const ALL: [Outcome; 10] = [
        Self::Answered,
        Self::Abandoned,
        Self::ShortAbandon,
        Self::Overflow,
        Self::Timeout,
        Self::ExitKey,
        Self::Callback,
        Self::Voicemail,
        Self::NoAgents,
        Self::Error,
    ];

    /// The word used in labels, records and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Abandoned => "abandoned",
            Self::ShortAbandon => "short_abandon",
            Self::Overflow => "overflow",
            Self::Timeout => "timeout",
            Self::ExitKey => "exit_key",
            Self::Callback => "callback",
            Self::Voicemail => "voicemail",
            Self::NoAgents => "no_agents",
            Self::Error => "error",
        }
    }
}

/// How an offer ended. Each offer has exactly one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferOutcome {
    /// The agent took the call.
    Answered,
    /// His phone was busy.
    Busy,
    /// He declined.
    Declined,
    /// He let it ring.
    NoAnswer,
    /// His phone could not be reached.
    Unreachable,
    /// The caller was gone before he could answer.
    CallerGone,
    /// Another agent of the wave was faster.
    AnsweredElsewhere,
}

impl OfferOutcome {
    /// Every outcome.
    pub const ALL: [OfferOutcome; 7] = [
        Self::Answered,
        Self::Busy,
        Self::Declined,
        Self::NoAnswer,
        Self::Unreachable,
        Self::CallerGone,
        Self::AnsweredElsewhere,
    ];

    /// The word used in labels, records and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Busy => "busy",
            Self::Declined => "declined",
            Self::NoAnswer => "no_answer",
            Self::Unreachable => "unreachable",
            Self::CallerGone => "caller_gone",
            Self::AnsweredElsewhere => "answered_elsewhere",
        }
    }
}

/// Who ended a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The caller hung up.
    Caller,
    /// The agent hung up.
    Agent,
    /// Holdfast did: a rule, a request, a shutdown.
    System,
}

impl EndedBy {
    /// The word used in records and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Agent => "agent",
            Self::System => "system",
        }
    }
}

/// What an agent is doing, as others see it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Not at work.
    LoggedOut,
    /// At work, but no phone of his can be reached.
    Unreachable,
    /// Free: the next call he qualifies for is his.
    Ready,
    /// A call is being offered to him.
    Offered,
    /// In a call.
    Talking,
    /// After-call work.
    WrapUp,
    /// Paused, with a reason.
    Paused,
    /// Missed or declined a call a moment ago and is left alone for a while.
    Resting,
}

impl AgentState {
    /// Every state.
    pub const ALL: [AgentState; 8] = [
        Self::LoggedOut,
        Self::Unreachable,
        Self::Ready,
        Self::Offered,
        Self::Talking,
        Self::WrapUp,
        Self::Paused,
        Self::Resting,
    ];

    /// The word used in labels, records and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::Unreachable => "unreachable",
            Self::Ready => "ready",
            Self::Offered => "offered",
            Self::Talking => "talking",
            Self::WrapUp => "wrap_up",
            Self::Paused => "paused",
            Self::Resting => "resting",
        }
    }
}

/// Something became true, and stays true.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Fact {
    /// An INVITE was not taken; there is no call and no record of one.
    CallRefused {
        /// The identity it would have had.
        call: CallId,
        /// Why.
        because: RefusedBecause,
    },
    /// A call joined a queue.
    CallQueued {
        /// Which call.
        call: CallId,
        /// Which queue.
        queue: QueueId,
        /// What was dialled.
        dialled: String,
        /// Who calls.
        caller: Caller,
        /// The SIP Call-ID.
        sip_call_id: String,
        /// The language it is served in.
        language: String,
        /// The wait it is credited with.
        priority: Duration,
        /// How many calls of the queue wait now, this one included.
        waiting: usize,
    },
    /// An agent is being rung.
    OfferMade {
        /// Which offer.
        offer: OfferId,
        /// For which call.
        call: CallId,
        /// From which queue.
        queue: QueueId,
        /// To whom.
        agent: AgentId,
    },
    /// An offer is over.
    OfferEnded {
        /// Which offer.
        offer: OfferId,
        /// For which call.
        call: CallId,
        /// From which queue.
        queue: QueueId,
        /// To whom.
        agent: AgentId,
        /// How it ended.
        outcome: OfferOutcome,
        /// From the offer to its end.
        ring: Duration,
    },
    /// A call left its queue; said exactly once of each queued call.
    CallLeftQueue {
        /// Which call.
        call: CallId,
        /// Which queue.
        queue: QueueId,
        /// How.
        outcome: Outcome,
        /// From joining to leaving.
        wait: Duration,
        /// Whether `outcome` is answered and `wait` within the queue's threshold.
        answered_in_threshold: bool,
        /// Who answered.
        agent: Option<AgentId>,
        /// How many calls of the queue wait now.
        waiting: usize,
    },
    /// A queued call is over; said exactly once of each, after `CallLeftQueue`.
    CallEnded {
        /// Which call.
        call: CallId,
        /// Which queue it had joined.
        queue: QueueId,
        /// Who ended it.
        ended_by: EndedBy,
        /// The time with the agent; zero if there was none.
        talk: Duration,
    },
    /// An agent is seen in another state.
    AgentStateChanged {
        /// Who.
        agent: AgentId,
        /// Before.
        from: AgentState,
        /// Now.
        to: AgentState,
        /// How long `from` lasted.
        lasted: Duration,
        /// The pause reason, when `to` is paused.
        reason: Option<String>,
    },
    /// After-call work is over.
    WrapUpEnded {
        /// Who.
        agent: AgentId,
        /// The queue of the call it belonged to.
        queue: QueueId,
        /// How long it took.
        lasted: Duration,
    },
}

/// A fact and when it became true.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stamped {
    /// When.
    pub at: Now,
    /// What.
    pub fact: Fact,
}
