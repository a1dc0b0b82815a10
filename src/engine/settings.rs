//! The parsed rules: queues, agents, skills, numbers. Built by `config`, trusted by the engine.

use super::id::{AgentId, QueueId};
use super::skill::{Requirement, SkillSet};
use super::strategy::StrategyName;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Everything the engine decides by. Indices are identities: `queues[q.0]` is queue `q`.
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
    /// The reasons a pause may have; the first is the one of the feature code.
    pub pause_reasons: Vec<String>,
    /// What is refused rather than absorbed.
    pub limits: Limits,
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
        Self { calls_max: 10_000, drain: Duration::from_secs(300) }
    }
}

/// Whether a caller is billed while he waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerMode {
    /// 200 at once: the usual way; music and prompts reach every caller.
    #[default]
    Answer,
    /// 183 with early media until an agent answers (RFC 3960): the wait is not billed where the carrier passes it on.
    EarlyMedia,
}

/// One queue's rules.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Queue {
    /// The name: metric label, API path, configuration key.
    pub name: String,
    /// What agents read on their phones.
    pub title: String,
    /// Who is asked first.
    pub strategy: StrategyName,
    /// The playlist: names of clips in the hold-music folder.
    pub music: Vec<String>,
    /// The prompt heard once before the music, by name.
    pub welcome: Option<String>,
    /// Answered at once, or held in early media.
    pub answer: AnswerMode,
    /// What every call of this queue requires, besides what its number asks for.
    pub requirement: Requirement,
    /// How long one agent is rung.
    pub ring_timeout: Duration,
    /// After-call work before the agent is ready again; an agent's own overrides it.
    pub wrap_up: Duration,
    /// Waiting calls at most; the next one is refused with 486.
    pub waiting_max: usize,
    /// The longest a caller waits before he hears `all-busy` and is let go; `None`: for ever.
    pub wait_max: Option<Duration>,
    /// Who gives up sooner than this counts as a short abandon.
    pub short_abandon: Duration,
    /// The wait within which an answer counts as in time.
    pub service_level_threshold: Duration,
    /// The share of calls that should be answered in time, 0 to 1.
    pub service_level_target: f64,
    /// The language of prompts, unless the number names another (`en`, `de`, …).
    pub language: String,
    /// How long an agent who missed, declined or could not be rung is not offered another call.
    pub rest_after_miss: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            name: String::new(),
            title: String::new(),
            strategy: StrategyName::LongestIdle,
            music: Vec::new(),
            welcome: None,
            answer: AnswerMode::Answer,
            requirement: Requirement::ANYBODY,
            ring_timeout: Duration::from_secs(20),
            wrap_up: Duration::from_secs(10),
            waiting_max: 1000,
            wait_max: None,
            short_abandon: Duration::from_secs(5),
            service_level_threshold: Duration::from_secs(20),
            service_level_target: 0.8,
            language: "en".into(),
            rest_after_miss: Duration::from_secs(10),
        }
    }
}

/// Whether an agent's phone alone makes him available.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Login {
    /// He logs in himself: by feature code or the API.
    #[default]
    Manual,
    /// He is logged in from the start, and ready as soon as his phone can be reached.
    Automatic,
}

/// One agent.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Agent {
    /// The name: SIP account, API path, configuration key.
    pub name: String,
    /// The name people read.
    pub title: String,
    /// What he can do, and how well.
    pub skills: SkillSet,
    /// The queues he serves, each once, ascending.
    pub queues: Vec<QueueId>,
    /// His own after-call work, instead of the queue's.
    pub wrap_up: Option<Duration>,
    /// How he becomes available.
    pub login: Login,
}

/// A number callers dial (a DID), and what it says about the call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Number {
    /// The user part of the Request-URI, as the trunk sends it.
    pub dialled: String,
    /// The queue it leads to.
    pub queue: QueueId,
    /// Seconds of wait this call is credited with: a priority nobody starves behind.
    pub priority: Duration,
    /// What this call requires besides what its queue does.
    pub requirement: Requirement,
    /// The language of prompts, instead of the queue's.
    pub language: Option<String>,
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

/// A feature code, as dialled by a logged-in phone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FeatureCode {
    /// As dialled: `*11`.
    pub dialled: String,
    /// What it does.
    pub feature: Feature,
}

impl Settings {
    /// The queue of that name.
    pub fn queue_named(&self, name: &str) -> Option<QueueId> {
        let at = self.queues.iter().position(|queue| queue.name == name)?;
        u32::try_from(at).ok().map(QueueId)
    }

    /// The agent of that name.
    pub fn agent_named(&self, name: &str) -> Option<AgentId> {
        let at = self.agents.iter().position(|agent| agent.name == name)?;
        u32::try_from(at).ok().map(AgentId)
    }

    /// The rules of a queue.
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
