//! Calls between colleagues: an agent dials another, or a number outside, on his own phone. Such a call waits in no
//! queue and leaves no record of its own; when it was made to ask somebody about a caller, that caller's record tells.

use super::Engine;
use super::arrival::Arrival;
use super::command::{Command, Commands, RefusedBecause};
use super::event::{Caller, OfferFailure};
use super::fact::Fact;
use super::guests::Party;
use super::id::{AgentId, CallId, LegId, OfferId};
use super::talk::{TalkFact, TransferTo};
use super::time::Now;
use serde::{Deserialize, Serialize};

/// A call an agent has made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Internal {
    /// Whose.
    pub by: AgentId,
    /// The leg of whom he called.
    pub offer: OfferId,
}

impl Engine {
    /// An agent dialled something that is neither a number of ours nor a feature code.
    pub(super) fn agent_dialled(
        &mut self,
        now: Now,
        by: AgentId,
        arrival: &Arrival,
        out: &mut Commands,
    ) -> Result<(), RefusedBecause> {
        let to = self.settings.whom(&arrival.dialled).ok_or(RefusedBecause::UnknownNumber)?;
        let who = match &to {
            TransferTo::Agent(agent) => Party::Agent(*agent),
            TransferTo::Number(number) => Party::Outside(number.clone()),
            TransferTo::Queue(_) => return Err(RefusedBecause::UnknownNumber),
        };
        let state = self.agents.get(by.0 as usize).ok_or(RefusedBecause::NotAnAgent)?;
        if state.internal.is_some() || who == Party::Agent(by) || self.must_be_free(&who).is_err() {
            return Err(RefusedBecause::Busy);
        }
        let asks_about = state.calls.iter().find(|engaged| engaged.held).map(|engaged| engaged.call);
        let shown = self.settings.agent(by).map(|agent| Caller {
            number: agent.name.clone(),
            name: if agent.title.is_empty() { agent.name.clone() } else { agent.title.clone() },
            ..Caller::default()
        });
        if let Some(call) = asks_about {
            out.record(now, Fact::InTalk { call, what: TalkFact::Consulted { by, to } });
        }
        let call = arrival.call;
        let offer = self.ring_colleague(now, call, who, shown.unwrap_or_default(), out);
        self.internal.insert(call, Internal { by, offer });
        if let Some(state) = self.agent_mut(by) {
            state.internal = Some(call);
        }
        out.push(Command::Ring { call });
        self.settle(now, by, out);
        Ok(())
    }

    pub(super) fn colleague_answered(&mut self, call: CallId, offer: OfferId, out: &mut Commands) {
        out.push(Command::Answer { call });
        out.push(Command::Bridge { call, offer });
    }

    /// Whom the agent called is not to be had, or has hung up.
    pub(super) fn colleague_gone(
        &mut self,
        now: Now,
        call: CallId,
        rang: bool,
        failure: OfferFailure,
        out: &mut Commands,
    ) {
        let Some(internal) = self.forget_internal(call) else { return };
        if rang {
            let because = match failure {
                OfferFailure::Busy | OfferFailure::Declined => RefusedBecause::Busy,
                OfferFailure::NoAnswer | OfferFailure::Unreachable => RefusedBecause::NotReached,
            };
            out.push(Command::Refuse { call, because });
        } else {
            out.push(Command::Hangup { leg: LegId::Caller(call) });
        }
        self.settle(now, internal.by, out);
    }

    /// The agent who made the call has hung up. `false`: it is no such call.
    pub(super) fn calling_agent_left(&mut self, now: Now, call: CallId, out: &mut Commands) -> bool {
        let Some(internal) = self.forget_internal(call) else { return false };
        self.end_guest(now, internal.offer, out);
        self.settle(now, internal.by, out);
        true
    }

    /// Ends all calls between colleagues.
    pub(super) fn end_internal(&mut self, now: Now, out: &mut Commands) {
        let all: Vec<_> = self.internal.keys().copied().collect();
        for call in all {
            out.push(Command::Hangup { leg: LegId::Caller(call) });
            self.calling_agent_left(now, call, out);
        }
    }

    /// The leg of whom this agent called: the call is over, and he is somebody else's guest.
    pub(super) fn take_colleague(
        &mut self,
        now: Now,
        call: CallId,
        by: AgentId,
        out: &mut Commands,
    ) -> Option<OfferId> {
        self.internal.get(&call).filter(|internal| internal.by == by)?;
        let internal = self.forget_internal(call)?;
        self.settle(now, by, out);
        Some(internal.offer)
    }

    fn forget_internal(&mut self, call: CallId) -> Option<Internal> {
        let internal = self.internal.remove(&call)?;
        self.away.remove(&LegId::Caller(call));
        if let Some(state) = self.agent_mut(internal.by) {
            state.internal = None;
        }
        Some(internal)
    }
}
