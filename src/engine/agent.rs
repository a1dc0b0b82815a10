//! One agent's state machine. What others see is derived from what is so, never stored beside it,
//! so that nobody can be stuck in a state that no longer holds.

use super::fact::AgentState;
use super::id::{CallId, OfferId, QueueId};
use super::settings::{self, Fatigue, Login};
use super::strategy::Figures;
use super::time::Monotonic;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A call he is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Engaged {
    pub offer: OfferId,
    pub call: CallId,
    /// Whether the caller hears music instead of him.
    pub held: bool,
    /// Whether that is what his phone wants: then only it can take the caller back.
    pub phone_holds: bool,
}

impl Engaged {
    /// He talks.
    pub fn new(offer: OfferId, call: CallId) -> Self {
        Self { offer, call, held: false, phone_holds: false }
    }
}

/// After-call work.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct WrapUp {
    pub queue: QueueId,
    pub since: Monotonic,
    pub until: Monotonic,
    /// By how much it was extended already.
    pub extended: Duration,
    /// Whether he must still note what the call was about.
    pub disposition_due: bool,
}

/// One agent at run time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Agent {
    pub logged_in: bool,
    pub reachable: bool,
    pub paused: Option<String>,
    /// Left alone until then.
    pub resting_until: Option<Monotonic>,
    /// Being rung: one call at a time, whatever his capacity.
    pub offer: Option<(OfferId, CallId)>,
    /// The conversation he joined, or is rung to join, beside its agent.
    pub guest: Option<(OfferId, CallId)>,
    /// The call he has made himself, to a colleague or outside.
    pub internal: Option<CallId>,
    /// The calls he is in.
    pub calls: Vec<Engaged>,
    pub wrap_up: Option<WrapUp>,
    /// The last call that ended, until a disposition is noted or the next call is answered.
    pub undisposed: Option<CallId>,
    /// Since when he has been free for a call; survives an offer that came to nothing without his doing.
    pub idle_since: Option<Monotonic>,
    /// The figures he was put among the free with, while he is there.
    pub pooled: Option<Figures>,
    /// What others saw last, and since when.
    pub seen: AgentState,
    pub seen_since: Monotonic,
    /// How long he was in each state until `seen_since`, in the order of [`AgentState::ALL`]. Breaks reset nothing.
    pub spent: [Duration; AgentState::ALL.len()],
    pub answered: u64,
    pub talk: Duration,
    /// Offers missed since he last answered one.
    pub missed_in_a_row: u32,
    /// The share of his recent time in calls and after-call work, for the guard against exhaustion.
    pub strain: f64,
    /// No break for exhaustion begins before.
    pub next_break: Monotonic,
}

impl Agent {
    pub(super) fn new(settings: &settings::Agent) -> Self {
        let logged_in = settings.login == Login::Automatic && !settings.retired;
        Self {
            logged_in,
            reachable: false,
            paused: None,
            resting_until: None,
            offer: None,
            guest: None,
            internal: None,
            calls: Vec::new(),
            wrap_up: None,
            undisposed: None,
            idle_since: None,
            pooled: None,
            seen: if logged_in { AgentState::Unreachable } else { AgentState::LoggedOut },
            seen_since: Monotonic::default(),
            spent: [Duration::ZERO; AgentState::ALL.len()],
            answered: 0,
            talk: Duration::ZERO,
            missed_in_a_row: 0,
            strain: 0.0,
            next_break: Monotonic::default(),
        }
    }

    /// What others see. A call outlives logging out and pausing: both take effect when it is over.
    pub(super) fn state(&self) -> AgentState {
        if !self.calls.is_empty() {
            return if self.calls.iter().all(|call| call.held) {
                AgentState::OnHold
            } else {
                AgentState::Talking
            };
        }
        if self.guest.is_some() || self.internal.is_some() {
            AgentState::Talking
        } else if self.offer.is_some() {
            AgentState::Offered
        } else if !self.logged_in {
            AgentState::LoggedOut
        } else if self.paused.is_some() {
            AgentState::Paused
        } else if self.wrap_up.is_some() {
            AgentState::WrapUp
        } else if !self.reachable {
            AgentState::Unreachable
        } else if self.resting_until.is_some() {
            AgentState::Resting
        } else {
            AgentState::Ready
        }
    }

    /// Whether a call can be offered to him: ready, or in fewer calls than he may be.
    pub(super) fn is_available(&self, capacity: u8) -> bool {
        self.logged_in
            && self.reachable
            && self.paused.is_none()
            && self.offer.is_none()
            && self.guest.is_none()
            && self.internal.is_none()
            && self.wrap_up.is_none()
            && self.resting_until.is_none()
            && self.calls.len() < usize::from(capacity.max(1))
    }

    /// Whether he is at work, and will be free again without anybody's doing.
    pub(super) fn is_working(&self) -> bool {
        self.logged_in && self.reachable && self.paused.is_none()
    }

    /// The call he is in or is offered.
    pub(super) fn call(&self) -> Option<CallId> {
        self.calls.first().map(|engaged| engaged.call).or(self.offer.or(self.guest).map(|(_, call)| call))
    }

    /// Adds up the time in the state he leaves.
    pub(super) fn leave_state(&mut self, now: Monotonic, fatigue: Option<&Fatigue>) -> Duration {
        let lasted = now.since(self.seen_since);
        if let Some(spent) = self.spent.get_mut(self.seen as usize) {
            *spent += lasted;
        }
        if let Some(fatigue) = fatigue {
            self.strain = self.strain_at(now, fatigue);
        }
        self.seen_since = now;
        lasted
    }

    /// The share of his recent time that he was occupied, 0 to 1, what he does just now included: a moving average
    /// that forgets, where older time weighs less the longer it is past.
    pub(super) fn strain_at(&self, now: Monotonic, fatigue: &Fatigue) -> f64 {
        let lasted = now.since(self.seen_since);
        let share = lasted.as_secs_f64() / (lasted + fatigue.over).as_secs_f64().max(f64::EPSILON);
        let busy = if is_occupied(self.seen) { 1.0 } else { 0.0 };
        self.strain + (busy - self.strain) * share
    }

    /// Occupancy: (talk + hold + wrap-up) ÷ (that + ready), in millionths; 0 before any.
    pub(super) fn occupancy(&self, now: Monotonic) -> u64 {
        let (mut busy, mut staffed) = (0_u128, 0_u128);
        for state in AgentState::ALL {
            let mut spent = self.spent.get(state as usize).copied().unwrap_or_default();
            if state == self.seen {
                spent += now.since(self.seen_since);
            }
            if is_occupied(state) {
                busy += spent.as_micros();
                staffed += spent.as_micros();
            } else if state == AgentState::Ready {
                staffed += spent.as_micros();
            }
        }
        (busy * 1_000_000).checked_div(staffed).and_then(|share| u64::try_from(share).ok()).unwrap_or(0)
    }

    /// What strategies go by.
    pub(super) fn figures(&self, now: Monotonic, skills: u32) -> Figures {
        Figures {
            idle_since: self.idle_since.unwrap_or(now),
            engaged: u8::try_from(self.calls.len()).unwrap_or(u8::MAX),
            answered: self.answered,
            talk_us: u64::try_from(self.talk.as_micros()).unwrap_or(u64::MAX),
            occupancy: self.occupancy(now),
            skills,
            score: 0,
        }
    }
}

fn is_occupied(state: AgentState) -> bool {
    matches!(state, AgentState::Talking | AgentState::OnHold | AgentState::WrapUp)
}
