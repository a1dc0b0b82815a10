//! Call records: the facts of one call folded into one line, exactly one per call that joined a queue or was turned
//! away from one. What a call went through before its last queue is in its visits, so that whatever is counted of a
//! queue can be counted again from the records.

mod fold;

pub use fold::CdrFold;

use crate::engine::fact::{EndedBy, Outcome, TurnedAwayBecause};
use crate::engine::id::CallId;
use serde::{Deserialize, Serialize};

/// A queue that a call came to before its last one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Visit {
    /// The queue's name.
    pub queue: String,
    /// When it came, in milliseconds since 1970.
    pub queued_at_ms: i64,
    /// From joining to leaving; 0 when it did not join.
    pub wait_ms: u64,
    /// How it left.
    pub outcome: Outcome,
    /// Why it could not join, if it could not.
    pub turned_away: Option<TurnedAwayBecause>,
}

/// One call, from coming to a queue to its end. Queue, wait and outcome are those of the last queue it came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cdr {
    /// The call's identity: unique across restarts, and a text, for JSON numbers end at 2⁵³.
    #[serde(with = "as_text")]
    pub call: CallId,
    /// The SIP Call-ID.
    pub sip_call_id: String,
    /// The queue's name.
    pub queue: String,
    /// What was dialled.
    pub dialled: String,
    /// The caller's number; empty when withheld.
    pub caller_number: String,
    /// The caller's name; empty when there was none.
    pub caller_name: String,
    /// The number the caller called first, when somebody else sent him on to us.
    #[serde(default)]
    pub diverted_from: Option<String>,
    /// The language it was served in.
    pub language: String,
    /// The wait it was credited with, in milliseconds.
    pub priority_ms: u64,
    /// When it joined this queue, in milliseconds since 1970; or was turned away.
    pub queued_at_ms: i64,
    /// When an agent answered, if one did.
    pub answered_at_ms: Option<i64>,
    /// When it was over.
    pub ended_at_ms: i64,
    /// From joining to leaving the queue.
    pub wait_ms: u64,
    /// With the agent, or with whoever answered outside.
    pub talk_ms: u64,
    /// How much of it the agent had put it on hold.
    pub hold_ms: u64,
    /// How long the agent who answered was rung.
    pub ring_ms: u64,
    /// Offers made to agents, in all queues together.
    pub offers: u32,
    /// How it left the queue.
    pub outcome: Outcome,
    /// Whether it was answered within the queue's threshold.
    pub answered_in_threshold: bool,
    /// The name of the agent who answered.
    pub agent: Option<String>,
    /// Who ended it.
    pub ended_by: EndedBy,
    /// Why it could not join, if it could not. Such a call was not offered to the queue and has no part in its service
    /// level, but is counted.
    pub turned_away: Option<TurnedAwayBecause>,
    /// Where it went from this queue, if it went elsewhere: `number +4930…`, `message all-busy`.
    pub sent_to: Option<String>,
    /// The queues it came to before, in their order.
    pub visits: Vec<Visit>,
    /// What it was about, as its agent noted.
    pub disposition: Option<String>,
    /// Whom the caller was passed on to, in their order: the chain of those he talked to begins with `agent`.
    #[serde(default)]
    pub transfers: Vec<Passed>,
    /// Its legs in SIP, in their order, the caller's first: by their Call-IDs whatever else tells of SIP (a trace, a carrier's
    /// bill, a capture) is found. Of very many, the last.
    #[serde(default)]
    pub legs: Vec<LegOfCall>,
    /// How well the two heard each other, where anything was measured.
    #[serde(default)]
    pub audio: Audio,
    /// Whether Holdfast was restarted during the call, and what became of it then.
    #[serde(default)]
    pub restart: Option<Restart>,
}

/// What a restart of Holdfast meant for a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// It went on.
    Resumed,
    /// It ended.
    Interrupted,
}

impl Restart {
    /// Both.
    pub const ALL: [Restart; 2] = [Self::Resumed, Self::Interrupted];

    /// The word used in records and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resumed => "resumed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A caller was passed on, or should have been.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Passed {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The name of the agent who served him.
    pub by: String,
    /// To whom: `agent carla`, `queue support`, `number +4930…`.
    pub to: String,
    /// Whether he has him.
    pub done: bool,
}

/// A leg of a call: one dialog, whether or not it was answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LegOfCall {
    /// When its INVITE came, or went, in milliseconds since 1970.
    pub at_ms: i64,
    /// With whom: `caller`, an agent's name, or a number outside.
    pub with: String,
    /// Its Call-ID.
    pub sip_call_id: String,
}

/// How well both sides of a call were heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Audio {
    /// The caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Heard>,
    /// The agent who answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Heard>,
}

/// How well one side was heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Heard {
    /// Packets received.
    pub packets: u64,
    /// Those that never came, in millionths.
    pub lost_ppm: u32,
    /// Interarrival jitter (RFC 3550 §6.4.1), in microseconds.
    pub jitter_us: u32,
    /// There and back, in microseconds; 0: not known.
    pub round_trip_us: u32,
    /// The estimate of the mean opinion score by the E-model (ITU-T G.107), in hundredths: 441 is the best of G.711.
    pub mos_hundredths: u16,
}

/// What an agent noted about a call that is over and has its record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Noted {
    /// Which call.
    pub call: CallId,
    /// What it was about.
    pub disposition: String,
}

/// What is to be written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Entry {
    /// A call is over: its record.
    Ended(Box<Cdr>),
    /// Something to be added to a record.
    Noted(Noted),
}

impl From<Cdr> for Entry {
    fn from(record: Cdr) -> Self {
        Self::Ended(Box::new(record))
    }
}

mod as_text {
    use super::CallId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(call: &CallId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(call)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<CallId, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(CallId).map_err(D::Error::custom)
    }
}

/// Which records are wanted; newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CdrFilter {
    /// Only of this queue.
    pub queue: Option<String>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// Only of calls that joined at or after this time, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

impl CdrFilter {
    /// More than this is never read at once.
    pub const LIMIT_MAX: u32 = 10_000;
}
