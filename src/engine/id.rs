//! Newtype identities. Nothing here is looked up by a loose string past the edges.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

identity!(
    /// One inbound call, unique across restarts: the runtime seeds the first from the wall clock.
    CallId(u64)
);
identity!(
    /// One offer of one call to one agent.
    OfferId(u64)
);
identity!(
    /// A queue: its index in [`Settings::queues`](super::settings::Settings::queues).
    QueueId(u32)
);
identity!(
    /// An agent: the index in [`Settings::agents`](super::settings::Settings::agents).
    AgentId(u32)
);
identity!(
    /// A skill: its index in [`Settings::skills`](super::settings::Settings::skills).
    SkillId(u32)
);
identity!(
    /// A request made through the API, answered by exactly one `Command::Reply`.
    RequestId(u64)
);

/// One leg of a call: the caller's, or that of an agent who is (being) offered it.
///
/// Derived from the engine's own identities, so no shell needs a table to translate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum LegId {
    /// The leg that came in.
    Caller(CallId),
    /// The leg we made towards an agent.
    Agent(OfferId),
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller(call) => write!(f, "caller/{call}"),
            Self::Agent(offer) => write!(f, "agent/{offer}"),
        }
    }
}
