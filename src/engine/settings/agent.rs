//! One agent as configured: skills, queues, phones.

use super::OwnWrapUp;
use crate::engine::id::{QueueId, SkillId};
use crate::engine::skill::SkillSet;
use serde::{Deserialize, Serialize};
use std::time::Duration;

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

/// In which order an agent's phones are rung.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhoneOrder {
    /// All at once; the first to answer has the call.
    #[default]
    Together,
    /// One after the other by the preference they registered with (`q`, RFC 3261 §16.6), each for its share of the
    /// ring timeout.
    InOrder,
}

/// One agent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Agent {
    /// The name: SIP account, API path, configuration key.
    pub name: String,
    /// The name people read.
    pub title: String,
    /// All he can do, and how well.
    pub skills: SkillSet,
    /// Those of his skills that he lends a hand with only when the calls of his primary skills leave him time.
    pub secondary: Vec<SkillId>,
    /// The queues he serves, each once, ascending.
    pub queues: Vec<QueueId>,
    /// His own after-call work, instead of the queue's.
    pub wrap_up: Option<Duration>,
    /// His own rules for it, instead of the queue's.
    pub wrap_up_rules: OwnWrapUp,
    /// How he becomes available.
    pub login: Login,
    /// Calls he may be in at once, 1 or more.
    pub capacity: u8,
    /// His share under `weighted-random`, 1 or more: with 3 he is asked three times as often as with 1.
    pub weight: u8,
    /// In which order his phones ring.
    pub phones: PhoneOrder,
    /// No longer in the configuration; his place is kept so that nobody else's identity changes.
    pub retired: bool,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            name: String::new(),
            title: String::new(),
            skills: SkillSet::default(),
            secondary: Vec::new(),
            queues: Vec::new(),
            wrap_up: None,
            wrap_up_rules: OwnWrapUp::default(),
            login: Login::Manual,
            capacity: 1,
            weight: 1,
            phones: PhoneOrder::Together,
            retired: false,
        }
    }
}

impl Agent {
    /// His skills without the secondary ones.
    pub fn primary_skills(&self) -> SkillSet {
        SkillSet::new(self.skills.iter().filter(|(skill, _)| !self.secondary.contains(skill)))
    }
}
