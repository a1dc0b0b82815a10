//! What happens in a conversation: words for its rules, its commands and its facts. It decides nothing.

use super::event::OfferFailure;
use super::id::{AgentId, LegId, QueueId};
use serde::{Deserialize, Serialize};

/// As what somebody joins a conversation between caller and agent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuestRole {
    /// Hears both, is heard by nobody.
    Listen,
    /// Is heard by the agent, not by the caller.
    Whisper,
    /// Is heard by both.
    Barge,
    /// A third party, heard by all: the colleague who is asked.
    Third,
}

impl GuestRole {
    /// Every role with the name the API uses.
    pub const TABLE: [(&'static str, GuestRole); 4] = [
        ("listen", Self::Listen),
        ("whisper", Self::Whisper),
        ("barge", Self::Barge),
        ("third", Self::Third),
    ];
}

/// To whom a conversation is passed on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferTo {
    /// A colleague.
    Agent(AgentId),
    /// Whoever of a queue is free.
    Queue(QueueId),
    /// A number outside, if the dial policy allows it.
    Number(String),
}

/// How a transfer stands, for the phone that asked for it (RFC 3515 §2.4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferStep {
    /// It is being tried.
    Trying,
    /// Whom it was meant for has the caller.
    Done,
    /// He has not.
    Failed(OfferFailure),
    /// It is not to be.
    Refused,
}

/// What becomes of a call's recording.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingChange {
    /// It begins.
    Start,
    /// What is said is not kept for a while: a card number, a password. The gap is told, and how long it was.
    Pause,
    /// It goes on.
    Resume,
    /// It ends.
    Stop,
}

impl RecordingChange {
    /// Every change with the name the API and the audit use.
    pub const TABLE: [(&'static str, RecordingChange); 4] =
        [("start", Self::Start), ("pause", Self::Pause), ("resume", Self::Resume), ("stop", Self::Stop)];

    /// The word used in audits.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
        }
    }
}

/// Who wanted a recording changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedBy {
    /// The queue's rules: at the answer, while the caller is on hold, at the end.
    Rule,
    /// A request through the API.
    Request,
    /// The agent, by keys on his phone.
    Agent(AgentId),
}

/// What became true in a conversation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TalkFact {
    /// Nothing is heard of a leg any more: one-way audio, or a phone that died.
    AudioStopped {
        /// Whose.
        leg: LegId,
    },
    /// It is heard again.
    AudioResumed {
        /// Whose.
        leg: LegId,
    },
    /// Somebody takes part besides caller and agent, or takes part otherwise than before.
    Joined {
        /// Who.
        agent: AgentId,
        /// As what.
        role: GuestRole,
    },
    /// Somebody takes part no more.
    Left {
        /// Who.
        agent: AgentId,
    },
    /// Who had joined serves the caller now.
    TakenOver {
        /// Who served him.
        from: AgentId,
        /// Who does now.
        by: AgentId,
    },
    /// Somebody is asked while the caller waits on music: a colleague, or a number outside.
    Consulted {
        /// Who asks.
        by: AgentId,
        /// Whom.
        to: TransferTo,
    },
    /// The caller was passed on.
    Transferred {
        /// Who served him.
        by: AgentId,
        /// To whom.
        to: TransferTo,
    },
    /// The caller should have been passed on, and was not.
    TransferFailed {
        /// Who served him.
        by: AgentId,
        /// To whom he should have gone.
        to: TransferTo,
    },
    /// The recording began, paused, went on, or ended.
    Recording {
        /// What.
        change: RecordingChange,
        /// By whom.
        by: ChangedBy,
    },
}
