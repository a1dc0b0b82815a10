//! All that the engine can ask of its shells. Imperative: what must now be done.

use super::event::Caller;
use super::explain::WaitingBecause;
use super::fact::{Fact, Stamped};
use super::id::{AgentId, CallId, LegId, OfferId, QueueId, RequestId};
use super::talk::{ChangedBy, GuestRole, RecordingChange, TransferStep};
use super::time::Now;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a leg hears: prompts once, then something without end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Program {
    /// Prompt names, heard one after the other.
    pub prompts: Vec<String>,
    /// The language in which they are spoken (`en`).
    pub language: String,
    /// What follows the prompts.
    pub then: Then,
    /// How the music sounds.
    pub manner: MusicManner,
}

/// How a queue's music sounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MusicManner {
    /// For each caller from its beginning, instead of where it is, as on a radio.
    pub from_beginning: bool,
    /// It goes on beneath prompts, softer, instead of making way for them.
    pub beneath_prompts: bool,
}

/// What follows the prompts of a [`Program`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Then {
    /// Clips of the hold-music folder, in this order, again and again.
    Music(Vec<String>),
    /// Nothing.
    Silence,
}

/// Why a call is not taken, and thereby the response it gets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedBecause {
    /// 404: nothing is configured for what was dialled.
    UnknownNumber,
    /// 403: a feature code dialled by somebody who is no agent.
    NotAnAgent,
    /// 486: the queue holds as many as it may.
    QueueFull,
    /// 480: the queue is closed, or nobody is there, and it names no place for callers to go to.
    NobodyThere,
    /// 486: the agent who was called is in another call.
    Busy,
    /// 480: the agent or the number that was called did not answer, or may not be called.
    NotReached,
    /// 503 with Retry-After: the engine holds as many calls as it may.
    Overload,
    /// 503 with Retry-After: the engine is about to stop.
    Draining,
}

/// Why a request was not carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No such agent.
    #[error("there is no such agent")]
    UnknownAgent,
    /// No such call, or it is over.
    #[error("there is no such call, or it is over")]
    UnknownCall,
    /// The pause reason is not configured.
    #[error("this pause reason is not configured")]
    UnknownReason,
    /// The agent must log in first.
    #[error("the agent is not logged in")]
    NotLoggedIn,
    /// No such queue.
    #[error("there is no such queue")]
    UnknownQueue,
    /// The call is with an agent, or about to end.
    #[error("the call does not wait any more")]
    NotWaiting,
    /// The destination cannot take the call now.
    #[error("the destination cannot take the call now: full, closed, or nobody is there")]
    CannotTake,
    /// The agent is logged out or paused, or his phone cannot be reached.
    #[error("the agent is not at work: logged out, paused, or his phone cannot be reached")]
    NotAtWork,
    /// The queue's rules do not allow after-call work to be ended by hand.
    #[error("after-call work must last its time in this queue")]
    WrapUpMandatory,
    /// The disposition must be noted first.
    #[error("what the call was about must be noted first")]
    DispositionMissing,
    /// The disposition is not configured.
    #[error("this disposition is not configured")]
    UnknownDisposition,
    /// There is no after-call work, or it has been extended as far as it may.
    #[error("there is no after-call work to extend, or it was extended as far as the queue allows")]
    NothingToExtend,
    /// There is no call of this agent that waits for a disposition.
    #[error("no call of this agent waits for a disposition")]
    NothingToDispose,
    /// Too many different requirements are in use at once.
    #[error("too many different requirements are in use at once")]
    TooManyRequirements,
    /// The call is with no agent.
    #[error("the call is with no agent now")]
    NotTalking,
    /// The agent is in a call, is being rung, or his phone cannot be reached.
    #[error("the agent is in another call, or his phone cannot be reached")]
    NotFree,
    /// A conversation has no room for more.
    #[error("too many take part in the conversation already")]
    TooManyGuests,
    /// A transfer is under way already.
    #[error("the call is being passed on already")]
    BeingTransferred,
    /// Nobody is being asked.
    #[error("nobody is being asked in this call, or he has not answered yet")]
    NobodyAsked,
    /// The agent has not joined this call.
    #[error("the agent has not joined this call")]
    NotInTheCall,
    /// The queue's calls are not recorded.
    #[error("the queue's calls are not recorded: its configuration has recording = \"off\"")]
    NotRecorded,
    /// The recording is already as it was wanted.
    #[error("the recording cannot be changed that way now: it is as asked for, or there is none")]
    NothingToRecord,
    /// What is edited must keep its name.
    #[error("the name must stay the same")]
    NameChanged,
}

/// What a request that was carried out is answered with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is done.
    Done,
    /// Why the call still waits.
    Waiting(Box<WaitingBecause>),
}

/// What must now be done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Send the caller 200 with our media.
    Answer {
        /// Whose call.
        call: CallId,
    },
    /// Send the caller 183 with our media: he hears music, unbilled.
    Progress {
        /// Whose call.
        call: CallId,
    },
    /// Send the caller 180: it rings where he called.
    Ring {
        /// Whose call.
        call: CallId,
    },
    /// Tell a phone that wanted a conversation passed on how that stands.
    TransferTold {
        /// The leg that asked.
        leg: LegId,
        /// How it stands.
        step: TransferStep,
    },
    /// Refuse the INVITE.
    Refuse {
        /// Whose call.
        call: CallId,
        /// Which response.
        because: RefusedBecause,
    },
    /// Let the leg hear this instead of what it heard.
    Play {
        /// Whose ears.
        leg: LegId,
        /// What.
        program: Program,
    },
    /// Ring the agent, on all his phones.
    OfferAgent {
        /// The offer's identity; the leg is `LegId::Agent(offer)`.
        offer: OfferId,
        /// For which call.
        call: CallId,
        /// Who is rung.
        agent: AgentId,
        /// From which queue the call comes.
        queue: QueueId,
        /// Whom he will see calling.
        caller: Caller,
    },
    /// Ring an agent for a colleague who calls him. It is an offer like any other.
    CallAgent {
        /// The offer's identity; the leg is `LegId::Agent(offer)`.
        offer: OfferId,
        /// The colleague's call.
        call: CallId,
        /// Who is rung.
        agent: AgentId,
        /// The colleague, as he will see him calling.
        caller: Caller,
    },
    /// Call a number outside through the trunk, for a call that overflowed. It is an offer like any other:
    /// `OfferAnswered`, `OfferFailed` and `LegEnded` tell of it.
    Dial {
        /// The offer's identity; the leg is `LegId::Agent(offer)`.
        offer: OfferId,
        /// For which call.
        call: CallId,
        /// The number.
        number: String,
        /// Whom they will see calling.
        caller: Caller,
    },
    /// Stop ringing: the caller has gone, or time is up, or another agent was faster.
    CancelOffer {
        /// Which.
        offer: OfferId,
        /// Whether another agent has the call, so that the phone need not log a missed one (RFC 3326).
        answered_elsewhere: bool,
    },
    /// Let a leg take part in the call's conversation, or take part otherwise.
    Join {
        /// Whose conversation.
        call: CallId,
        /// Whose leg.
        offer: OfferId,
        /// As what.
        role: GuestRole,
    },
    /// Change the recording of the call's conversation.
    Record {
        /// Whose.
        call: CallId,
        /// How.
        change: RecordingChange,
        /// By whom, for the audit.
        by: ChangedBy,
        /// The queue it came from.
        queue: QueueId,
        /// The agent the caller talks to.
        agent: Option<AgentId>,
        /// Who calls.
        caller: Caller,
    },
    /// Connect the two legs, whatever they hear now.
    Bridge {
        /// The caller's side.
        call: CallId,
        /// The agent's side.
        offer: OfferId,
    },
    /// End the leg: BYE, or whatever its state requires.
    Hangup {
        /// Which.
        leg: LegId,
    },
    /// Ask a leg that may have survived a restart whether it is there, and agree on its media anew: `LegResumed` or
    /// `LegLost` tells.
    Resume {
        /// Which.
        leg: LegId,
        /// The leg it is connected with, which was asked for before.
        near: Option<LegId>,
    },
    /// Answer a request.
    Reply {
        /// Which.
        id: RequestId,
        /// The answer, or why there is none.
        result: Result<Answer, Refusal>,
    },
}

impl RefusedBecause {
    /// Every reason.
    pub const ALL: [RefusedBecause; 8] = [
        Self::UnknownNumber,
        Self::NotAnAgent,
        Self::QueueFull,
        Self::NobodyThere,
        Self::Busy,
        Self::NotReached,
        Self::Overload,
        Self::Draining,
    ];

    /// The word used in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownNumber => "unknown_number",
            Self::NotAnAgent => "not_an_agent",
            Self::QueueFull => "queue_full",
            Self::NobodyThere => "nobody_there",
            Self::Busy => "busy",
            Self::NotReached => "not_reached",
            Self::Overload => "overload",
            Self::Draining => "draining",
        }
    }

    /// The final response this refusal becomes (RFC 3261 §21).
    pub fn status(self) -> u16 {
        match self {
            Self::UnknownNumber => 404,
            Self::NotAnAgent => 403,
            Self::QueueFull | Self::Busy => 486,
            Self::NobodyThere | Self::NotReached => 480,
            Self::Overload | Self::Draining => 503,
        }
    }

    /// How long the caller's side should wait before it tries again, where that helps.
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Overload => Some(Duration::from_secs(5)),
            Self::Draining => Some(Duration::from_secs(30)),
            Self::UnknownNumber
            | Self::NotAnAgent
            | Self::QueueFull
            | Self::NobodyThere
            | Self::Busy
            | Self::NotReached => None,
        }
    }
}

/// Collects what one event led to. The caller of `handle` drains it; dropping it full is a bug.
#[derive(Debug, Default)]
#[must_use = "commands must be carried out"]
pub struct Commands {
    commands: Vec<Command>,
    facts: Vec<Stamped>,
}

impl Commands {
    /// An empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn push(&mut self, command: Command) {
        self.commands.push(command);
    }

    pub(super) fn record(&mut self, at: Now, fact: Fact) {
        self.facts.push(Stamped { at, fact });
    }

    /// Takes the commands, in the order in which they must be carried out.
    pub fn take_commands(&mut self) -> std::vec::Drain<'_, Command> {
        self.commands.drain(..)
    }

    /// Takes the facts, in the order in which they became true.
    pub fn take_facts(&mut self) -> std::vec::Drain<'_, Stamped> {
        self.facts.drain(..)
    }

    /// Whether there is nothing left to drain.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.facts.is_empty()
    }
}
