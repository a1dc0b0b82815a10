//! The parsed rules: queues, agents, skills, numbers. Built by `config`, trusted by the engine.

mod agent;
mod overflow;
mod queue;
mod rest;

pub use agent::{Agent, Login, PhoneOrder};
pub use overflow::{Destination, Overflow, OverflowWhen};
pub use queue::{
    AnswerMode, Borrow, ClosingPolicy, LastAgent, OwnWrapUp, Queue, RecordingMode, RecordingRules,
    Relaxation, WrapUpMode, WrapUpRules,
};
pub use rest::{Fatigue, MissedRules};

use super::hours::TimeZone;
use super::id::{AgentId, QueueId};
use super::skill::Requirement;
use super::talk::TransferTo;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Everything the engine decides by. Indices are identities: `queues[q.0]` is queue `q`.
///
/// When settings are exchanged while the engine runs, a name keeps its index; who is no longer there stays in his
/// place, retired.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Settings {
    /// The names of the skills.
    pub skills: Vec<String>,
    /// The queues.
    pub queues: Vec<Queue>,
    /// The agents.
    pub agents: Vec<Agent>,
    /// What is dialled, and where it leads.
    pub numbers: Vec<Number>,
    /// What an agent dials to change his own state.
    pub feature_codes: Vec<FeatureCode>,
    /// What an agent presses in a call, and what it does.
    pub talk_keys: TalkKeys,
    /// The reasons a pause may have; the first is the one of the feature code.
    pub pause_reasons: Vec<String>,
    /// What a call may be about, as agents note after it.
    pub dispositions: Vec<String>,
    /// How an agent who serves several queues is shared among them.
    pub order: QueueOrder,
    /// How much longer a call outside an agent's primary skills must have waited to be taken before one inside.
    /// Long is nearly strict, and yet nobody starves.
    pub primary_first: Duration,
    /// The guard against exhaustion, if there is one.
    pub fatigue: Option<Fatigue>,
    /// The clock on the site's wall: what opening hours are read by.
    pub time_zone: TimeZone,
    /// What is refused rather than absorbed.
    pub limits: Limits,
}

/// Which of several queues' calls an agent takes first. All three order by something that only grows with waiting, so
/// nobody starves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueOrder {
    /// The longest wait, each queue's and number's priority counted as a head start.
    #[default]
    Priority,
    /// The earliest deadline: the moment at which the queue's service level threshold is passed.
    Deadline,
    /// The longest wait, multiplied by the queue's weight.
    WeightedWait,
}

impl QueueOrder {
    /// Every order with the name the configuration uses.
    pub const TABLE: [(&'static str, QueueOrder); 3] =
        [("priority", Self::Priority), ("deadline", Self::Deadline), ("weighted-wait", Self::WeightedWait)];
}

/// Bounds that keep the engine's memory and the callers' wait finite.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Calls at once, waiting or talking; the next one gets 503 with Retry-After.
    pub calls_max: usize,
    /// How long after SIGTERM calls in progress may go on.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls_max: 2_000, drain: Duration::from_secs(300) }
    }
}

/// A number callers dial (a DID), and what it says about the call.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Number {
    /// The user part of the Request-URI, as the trunk sends it.
    pub dialled: String,
    /// The queue it leads to.
    pub queue: QueueId,
    /// Seconds of wait this call is credited with: a priority nobody starves behind.
    pub priority: Duration,
    /// What this call requires besides what its queue does.
    pub requirement: Requirement,
    /// What will do instead of `requirement` after a while, in the order of time.
    pub relaxation: Vec<Relaxation>,
    /// The language of prompts, instead of the queue's.
    pub language: Option<String>,
    /// The agent whose own number this is; the queue is the backup.
    pub direct: Option<Direct>,
}

/// An agent's own number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Direct {
    /// Whose.
    pub agent: AgentId,
    /// How long the call waits for him alone before the queue's other agents may take it.
    pub wait: Duration,
}

/// What dialling a feature code does to the agent who dials it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// Log in and be ready.
    Login,
    /// Log out.
    Logout,
    /// Pause with the first pause reason.
    Pause,
    /// End a pause or wrap-up.
    Ready,
}

/// Keys that mean something in a conversation.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TalkKeys {
    /// Starts, pauses and resumes the recording: `*7`.
    pub record: Option<String>,
    /// Passes the call on to whom is keyed next, ended by `#`: `*2`, then `4711#`.
    pub transfer: Option<String>,
    /// Asks whom is keyed next, ended by `#`, while the caller hears music.
    pub consult: Option<String>,
    /// Caller, agent and who was asked talk together.
    pub conference: Option<String>,
    /// Who was asked has the caller.
    pub complete: Option<String>,
    /// Back to the caller: who was asked is let go, a transfer is called off.
    pub back: Option<String>,
}

/// A feature code, as dialled by a logged-in phone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FeatureCode {
    /// As dialled: `*11`.
    pub dialled: String,
    /// What it does.
    pub feature: Feature,
}

impl Settings {
    /// Whom a name or a number stands for that an agent dials: a colleague, a number or a queue of ours, a number
    /// outside. Whether that may be called is the dial policy's to say.
    pub fn whom(&self, dialled: &str) -> Option<TransferTo> {
        if let Some(agent) = self.agent_named(dialled) {
            return Some(TransferTo::Agent(agent));
        }
        if let Some(number) = self.numbers.iter().find(|number| number.dialled == dialled) {
            let direct = number.direct.map(|direct| TransferTo::Agent(direct.agent));
            return Some(direct.unwrap_or(TransferTo::Queue(number.queue)));
        }
        if let Some(queue) = self.queue_named(dialled) {
            return Some(TransferTo::Queue(queue));
        }
        let is_key = |key: char| key.is_ascii_digit() || matches!(key, '+' | '*' | '#');
        let is_number = !dialled.is_empty() && dialled.chars().all(is_key);
        is_number.then(|| TransferTo::Number(dialled.to_owned()))
    }

    /// The queue of that name.
    pub fn queue_named(&self, name: &str) -> Option<QueueId> {
        let at = self.queues.iter().position(|queue| queue.name == name && !queue.retired)?;
        u32::try_from(at).ok().map(QueueId)
    }

    /// The agent of that name.
    pub fn agent_named(&self, name: &str) -> Option<AgentId> {
        let at = self.agents.iter().position(|agent| agent.name == name && !agent.retired)?;
        u32::try_from(at).ok().map(AgentId)
    }

    /// A queue's rules.
    pub fn queue(&self, queue: QueueId) -> Option<&Queue> {
        self.queues.get(queue.0 as usize)
    }

    /// An agent as configured.
    pub fn agent(&self, agent: AgentId) -> Option<&Agent> {
        self.agents.get(agent.0 as usize)
    }

    /// What a dialled feature code does.
    pub fn feature(&self, dialled: &str) -> Option<Feature> {
        self.feature_codes.iter().find(|code| code.dialled == dialled).map(|code| code.feature)
    }
}
