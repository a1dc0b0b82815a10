//! Where calls go that their queue cannot or should not keep.

use crate::engine::id::QueueId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where a call can be sent. Voicemail and callback will be further places of the same kind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// Another queue; the wait so far counts there as a head start.
    Queue(QueueId),
    /// A number outside, called through the trunk.
    Number(String),
    /// A prompt, by name, and then the end.
    Message(String),
}

/// When a rule of the chain applies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverflowWhen {
    /// The call has waited so long.
    Waited(Duration),
    /// As many calls as the queue may hold wait already.
    Full,
    /// Nobody who could take it is at work, as `refuse_when_all` and `leave_when_all` define it.
    NoAgents,
    /// The queue is closed, by its hours or by hand.
    Closed,
}

/// One rule of a queue's overflow chain. Rules are tried in their order; one whose destination cannot take the call is
/// passed over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Overflow {
    /// When.
    pub when: OverflowWhen,
    /// Where to.
    pub to: Destination,
}
