//! One agent's state machine. What others see is derived from what is so, never stored beside it,
//! so that nobody can be stuck in a state that no longer holds.

use super::fact::AgentState;
use super::id::{CallId, OfferId, QueueId};
use super::settings::{self, Login};
use super::time::Monotonic;
use super::waiting::GroupId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What an agent is occupied with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) enum Activity {
    /// Nothing.
    #[default]
    Free,
    /// Being rung.
    Offered { offer: OfferId, call: CallId },
    /// In a call.
    Talking { call: CallId },
    /// After-call work.
    WrapUp { queue: QueueId, since: Monotonic, until: Monotonic },
}

/// One agent at run time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Agent {
    pub group: GroupId,
    pub logged_in: bool,
    pub reachable: bool,
    pub paused: Option<String>,
    /// Left alone until then after a miss.
    pub resting_until: Option<Monotonic>,
    pub activity: Activity,
    /// Since when he has been free for a call; survives an offer that came to nothing without his doing.
    pub idle_since: Option<Monotonic>,
    /// What others saw last, and since when.
    pub seen: AgentState,
    pub seen_since: Monotonic,
    pub answered: u64,
    pub talk: Duration,
}

impl Agent {
    pub(super) fn new(settings: &settings::Agent, group: GroupId) -> Self {
        let logged_in = settings.login == Login::Automatic;
        Self {
            group,
            logged_in,
            reachable: false,
            paused: None,
            resting_until: None,
            activity: Activity::Free,
            idle_since: None,
            seen: if logged_in { AgentState::Unreachable } else { AgentState::LoggedOut },
            seen_since: Monotonic::default(),
            answered: 0,
            talk: Duration::ZERO,
        }
    }

    /// What others see. A call outlives logging out and pausing: both take effect when it is over.
    pub(super) fn state(&self) -> AgentState {
        match self.activity {
            Activity::Talking { .. } => AgentState::Talking,
            Activity::Offered { .. } => AgentState::Offered,
            Activity::Free | Activity::WrapUp { .. } if !self.logged_in => AgentState::LoggedOut,
            Activity::Free | Activity::WrapUp { .. } if self.paused.is_some() => AgentState::Paused,
            Activity::WrapUp { .. } => AgentState::WrapUp,
            Activity::Free if !self.reachable => AgentState::Unreachable,
            Activity::Free if self.resting_until.is_some() => AgentState::Resting,
            Activity::Free => AgentState::Ready,
        }
    }

    /// The call he is offered or in.
    pub(super) fn call(&self) -> Option<CallId> {
        match self.activity {
            Activity::Offered { call, .. } | Activity::Talking { call } => Some(call),
            Activity::Free | Activity::WrapUp { .. } => None,
        }
    }
}
