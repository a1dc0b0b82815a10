//! One queue's rules.

use super::{MissedRules, Overflow};
use crate::engine::command::MusicManner;
use crate::engine::fact::AgentState;
use crate::engine::hours::Hours;
use crate::engine::id::QueueId;
use crate::engine::skill::Requirement;
use crate::engine::strategy::StrategyName;
use serde::{Deserialize, Serialize};
use std::time::Duration;

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

/// What will also do after a while. Steps add to who may take the call; nobody is ever ruled out by one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Relaxation {
    /// After this much wait.
    pub after: Duration,
    /// Whoever meets this may take the call too.
    pub requirement: Requirement,
}

/// Another queue whose agents help out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Borrow {
    /// Whose agents. They must meet what the call requires, and take their own queue's calls first.
    pub from: QueueId,
    /// Once the call has waited this long.
    pub after: Duration,
    /// Only while nobody waits in the lending queue for longer than this; zero: only while nobody waits there.
    pub lender_wait_max: Option<Duration>,
    /// Only while the lending queue answers at least this share of its last calls in time, 0 to 1.
    pub lender_service_level_min: Option<f64>,
}

/// Who may end after-call work.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WrapUpMode {
    /// The agent, whenever he is ready; or time.
    #[default]
    Optional,
    /// Time alone.
    Mandatory,
}

/// Whether a queue's conversations are recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordingMode {
    /// None, and nobody can have one recorded.
    #[default]
    Off,
    /// From the answer on.
    Always,
    /// When the agent or the API asks for it.
    OnRequest,
}

impl RecordingMode {
    /// Every mode with the name the configuration uses.
    pub const TABLE: [(&'static str, RecordingMode); 3] =
        [("off", Self::Off), ("always", Self::Always), ("on-request", Self::OnRequest)];
}

/// How a queue's conversations are recorded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordingRules {
    /// Which.
    pub mode: RecordingMode,
    /// The prompt by which callers learn of it, after the welcome.
    pub consent: Option<String>,
    /// Whether nothing is kept while the caller is on hold.
    pub pause_on_hold: bool,
}

impl Default for RecordingRules {
    fn default() -> Self {
        Self { mode: RecordingMode::Off, consent: None, pause_on_hold: true }
    }
}

impl RecordingRules {
    /// What callers are told.
    pub fn told(&self) -> Option<&String> {
        self.consent.as_ref().filter(|_| self.mode != RecordingMode::Off)
    }
}

/// After-call work, besides its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct WrapUpRules {
    /// Who may end it.
    pub mode: WrapUpMode,
    /// By how much, in all, an agent may extend it.
    pub extension_max: Duration,
    /// Whether it lasts until the agent has noted what the call was about.
    pub disposition_required: bool,
}

/// What of a queue's rules an agent has otherwise; `None`: as the queue has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct OwnWrapUp {
    /// Who may end it.
    pub mode: Option<WrapUpMode>,
    /// By how much, in all, he may extend it.
    pub extension_max: Option<Duration>,
    /// Whether it lasts until he has noted what the call was about.
    pub disposition_required: Option<bool>,
}

impl WrapUpRules {
    /// These rules for an agent with some of his own.
    pub fn of(self, own: OwnWrapUp) -> Self {
        Self {
            mode: own.mode.unwrap_or(self.mode),
            extension_max: own.extension_max.unwrap_or(self.extension_max),
            disposition_required: own.disposition_required.unwrap_or(self.disposition_required),
        }
    }
}

/// Preference for the agent whom the same caller last talked to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LastAgent {
    /// Only if they talked within this time.
    pub within: Duration,
    /// How long the call waits for him alone, if he is at work; then anybody qualified may take it.
    pub wait: Duration,
}

/// What becomes of those who still wait when the queue's hours are over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClosingPolicy {
    /// They are served.
    #[default]
    Serve,
    /// They go where callers of a closed queue go.
    Leave,
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
    /// Under `ring-progressively`: how long until one more agent is rung beside the others.
    pub ring_step: Duration,
    /// The playlist: names of clips in the hold-music folder.
    pub music: Vec<String>,
    /// How it sounds.
    pub music_manner: MusicManner,
    /// The prompt heard once before the music, by name.
    pub welcome: Option<String>,
    /// Answered at once, or held in early media.
    pub answer: AnswerMode,
    /// What every call of this queue requires, besides what its number asks for.
    pub requirement: Requirement,
    /// What will do instead of `requirement` after a while, in the order of time.
    pub relaxation: Vec<Relaxation>,
    /// How long a call is kept for agents whose primary skills meet what it requires.
    pub secondary_after: Duration,
    /// Whose agents help out, and when.
    pub borrow: Vec<Borrow>,
    /// The wait every call of this queue is credited with against those of other queues.
    pub priority: Duration,
    /// The factor of this queue's waits under `weighted-wait`, in hundredths.
    pub weight: u32,
    /// How long one agent is rung.
    pub ring_timeout: Duration,
    /// After-call work before the agent is ready again; an agent's own overrides it.
    pub wrap_up: Duration,
    /// The rest of what is to be said about after-call work.
    pub wrap_up_rules: WrapUpRules,
    /// Whether its conversations are recorded.
    pub recording: RecordingRules,
    /// Waiting calls at most; the next one overflows or is refused with 486.
    pub waiting_max: usize,
    /// The longest a caller waits before he hears `all-busy` and is let go; `None`: for ever.
    pub wait_max: Option<Duration>,
    /// The overflow chain.
    pub overflow: Vec<Overflow>,
    /// No call is taken when each of the queue's agents is in one of these states (or there is none); empty: calls are
    /// always taken.
    pub refuse_when_all: Vec<AgentState>,
    /// Waiting calls leave when each of the queue's agents is in one of these states; empty: they stay.
    pub leave_when_all: Vec<AgentState>,
    /// When it is open; `None`: always.
    pub hours: Option<Hours>,
    /// What becomes of waiting calls at closing time.
    pub closing: ClosingPolicy,
    /// Preference for the agent the caller knows.
    pub last_agent: Option<LastAgent>,
    /// Who lost the connection and calls again within this time has his old place; never anonymous callers. `None`: nobody has.
    pub resume_within: Option<Duration>,
    /// Who gives up sooner than this counts as a short abandon.
    pub short_abandon: Duration,
    /// The wait within which an answer counts as in time.
    pub service_level_threshold: Duration,
    /// The share of calls that should be answered in time, 0 to 1.
    pub service_level_target: f64,
    /// The language of prompts, unless the number names another (`en`, `de`, …).
    pub language: String,
    /// What follows for an agent who missed, declined or could not be rung.
    pub missed: MissedRules,
    /// No longer in the configuration; its place is kept, and who waits in it is served.
    pub retired: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            name: String::new(),
            title: String::new(),
            strategy: StrategyName::LongestIdle,
            ring_step: Duration::from_secs(5),
            music: Vec::new(),
            music_manner: MusicManner::default(),
            welcome: None,
            answer: AnswerMode::Answer,
            requirement: Requirement::ANYBODY,
            relaxation: Vec::new(),
            secondary_after: Duration::ZERO,
            borrow: Vec::new(),
            priority: Duration::ZERO,
            weight: 100,
            ring_timeout: Duration::from_secs(20),
            wrap_up: Duration::from_secs(10),
            wrap_up_rules: WrapUpRules::default(),
            recording: RecordingRules::default(),
            waiting_max: 1000,
            wait_max: None,
            overflow: Vec::new(),
            refuse_when_all: Vec::new(),
            leave_when_all: Vec::new(),
            hours: None,
            closing: ClosingPolicy::Serve,
            last_agent: None,
            resume_within: None,
            short_abandon: Duration::from_secs(5),
            service_level_threshold: Duration::from_secs(20),
            service_level_target: 0.8,
            language: "en".into(),
            missed: MissedRules::same(Duration::from_secs(10)),
            retired: false,
        }
    }
}
