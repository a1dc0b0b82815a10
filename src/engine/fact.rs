//! All that the engine remembers of what happened: the one source of metrics, records and reports.

use super::command::RefusedBecause;
use super::event::Caller;
use super::explain::OfferedBecause;
use super::id::{AgentId, CallId, OfferId, QueueId};
use super::settings::Destination;
use super::talk::TalkFact;
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
    /// A supervisor moved or withdrew it.
    Withdrawn,
    /// The queue was closed.
    Closed,
}

impl Outcome {
    /// Every outcome, in the order of the field's definition, and ours.
    pub const ALL: [Outcome; 12] = [
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
        Self::Withdrawn,
        Self::Closed,
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
            Self::Withdrawn => "withdrawn",
            Self::Closed => "closed",
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
    /// Holdfast was restarted while he was rung.
    Interrupted,
}

impl OfferOutcome {
    /// Every outcome.
    pub const ALL: [OfferOutcome; 8] = [
        Self::Answered,
        Self::Busy,
        Self::Declined,
        Self::NoAnswer,
        Self::Unreachable,
        Self::CallerGone,
        Self::AnsweredElsewhere,
        Self::Interrupted,
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
            Self::Interrupted => "interrupted",
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
    /// In a call that he put on hold.
    OnHold,
    /// After-call work.
    WrapUp,
    /// Paused, with a reason.
    Paused,
    /// Missed or declined a call a moment ago and is left alone for a while.
    Resting,
}

impl AgentState {
    /// Every state.
    pub const ALL: [AgentState; 9] = [
        Self::LoggedOut,
        Self::Unreachable,
        Self::Ready,
        Self::Offered,
        Self::Talking,
        Self::OnHold,
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
            Self::OnHold => "on_hold",
            Self::WrapUp => "wrap_up",
            Self::Paused => "paused",
            Self::Resting => "resting",
        }
    }
}

/// How a call came to its queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entered {
    /// It was dialled.
    Arrived,
    /// It was dialled, by somebody who lost the connection and has his old place again.
    Resumed,
    /// From another queue, which could not keep it.
    Overflowed(QueueId),
    /// From another queue, by a supervisor.
    Moved(QueueId),
    /// From a conversation whose agent was lost, or who left while it was being passed on in vain.
    Returned,
    /// From a conversation, by its agent.
    Transferred(AgentId),
}

/// Why a caller never joined the queue he had dialled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnedAwayBecause {
    /// It was closed.
    Closed,
    /// Nobody was at work.
    NoAgents,
    /// It was full.
    Full,
}

impl TurnedAwayBecause {
    /// Every reason.
    pub const ALL: [TurnedAwayBecause; 3] = [Self::Closed, Self::NoAgents, Self::Full];

    /// The word used in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::NoAgents => "no_agents",
            Self::Full => "full",
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
        /// How it came.
        entered: Entered,
    },
    /// A caller could not join the queue he had dialled, and is sent elsewhere or told so. A call that then joins
    /// another queue has its `CallQueued` there; one that joins none has a record all the same.
    CallTurnedAway {
        /// Which call.
        call: CallId,
        /// From which queue.
        queue: QueueId,
        /// What was dialled.
        dialled: String,
        /// Who calls.
        caller: Caller,
        /// The SIP Call-ID.
        sip_call_id: String,
        /// Why.
        because: TurnedAwayBecause,
        /// Where to.
        to: Destination,
    },
    /// More agents may take a waiting call than before: a step of relaxation, secondary skills, borrowed agents, or
    /// the agent it waited for alone did not become free.
    CallWidened {
        /// Which call.
        call: CallId,
        /// In which queue.
        queue: QueueId,
        /// How many steps it has been widened by.
        level: u8,
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
        /// Why him.
        because: OfferedBecause,
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
        /// Where it went, when it went elsewhere.
        to: Option<Destination>,
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
        /// How much of it the agent had put it on hold.
        hold: Duration,
    },
    /// Holdfast was restarted, and the caller is there again: the call goes on.
    CallResumed {
        /// Which call.
        call: CallId,
    },
    /// Holdfast was restarted, and the call could not go on: it ends now.
    CallInterrupted {
        /// Which call.
        call: CallId,
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
    /// Something happened in a conversation.
    InTalk {
        /// In which call's.
        call: CallId,
        /// What.
        what: TalkFact,
    },
    /// What a call was about, as its agent noted.
    CallDisposed {
        /// Which call.
        call: CallId,
        /// Who noted it.
        agent: AgentId,
        /// What.
        disposition: String,
    },
    /// A queue was closed by hand.
    QueueClosed {
        /// Which.
        queue: QueueId,
    },
    /// A closing by hand is over.
    QueueReopened {
        /// Which.
        queue: QueueId,
    },
    /// Other rules apply from now on.
    Reconfigured,
}

/// A fact and when it became true.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stamped {
    /// When.
    pub at: Now,
    /// What.
    pub fact: Fact,
}
