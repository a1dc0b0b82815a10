//! Legs of which nothing is heard any more: a phone that died in a call, or sound that comes through one way only.

use super::Engine;
use super::call::Stage;
use super::command::{Command, Commands};
use super::fact::{Entered, Fact, OfferOutcome};
use super::id::{AgentId, CallId, LegId, OfferId};
use super::talk::TalkFact;
use super::time::Now;
use std::time::Duration;

/// The credit of whoever lost his agent: before everybody else, as far as any wait goes.
pub(super) const FIRST_IN_LINE: Duration = Duration::from_secs(24 * 3600);

impl Engine {
    /// Nothing was heard of a leg for too long. An agent's is given up, unless he holds the call: his phone sends nothing
    /// then, and need not. A caller's is only told: whoever mutes himself is not to be thrown out.
    pub(super) fn audio_stopped(&mut self, now: Now, leg: LegId, out: &mut Commands) {
        let Some(call) = self.in_conversation(leg) else { return };
        out.record(now, Fact::InTalk { call, what: TalkFact::AudioStopped { leg } });
        let Some(Stage::Talking { offer, agent, held_since: None, .. }) =
            self.calls.get(&call).map(|call| &call.stage)
        else {
            return;
        };
        let (offer, agent) = (*offer, *agent);
        if leg == LegId::Agent(offer) {
            self.lose_agent(now, call, offer, agent, out);
        }
    }

    pub(super) fn audio_resumed(&mut self, now: Now, leg: LegId, out: &mut Commands) {
        if let Some(call) = self.in_conversation(leg) {
            out.record(now, Fact::InTalk { call, what: TalkFact::AudioResumed { leg } });
        }
    }

    fn in_conversation(&self, leg: LegId) -> Option<CallId> {
        let call = match leg {
            LegId::Caller(call) => call,
            LegId::Agent(offer) => *self.in_talk.get(&offer)?,
        };
        let talks = matches!(self.calls.get(&call)?.stage, Stage::Talking { .. } | Stage::Outside { .. });
        talks.then_some(call)
    }

    /// A phone in a call is gone without a word. Its caller is not: whoever he was being passed on to has him, or else he is
    /// first in line.
    pub(super) fn talker_vanished(&mut self, now: Now, offer: OfferId, out: &mut Commands) {
        let Some(&id) = self.in_talk.get(&offer) else { return };
        match self.serves(id, offer) {
            Some(_) if self.left_while_passing_on(now, id, out) => {}
            Some(agent) => self.lose_agent(now, id, offer, agent, out),
            None => self.agent_leg_ended(now, offer, out),
        }
    }

    /// The agent's phone cannot be reached any more. Whom it holds is not left to it: it may be silent while it holds, so
    /// that nothing else would tell. As long as the two talk, what is heard of it counts for more.
    pub(super) fn phone_unreachable(&mut self, now: Now, agent: AgentId, out: &mut Commands) {
        let Some(state) = self.agents.get(agent.0 as usize) else { return };
        let held: Vec<_> = state.calls.iter().filter(|engaged| engaged.held).map(|held| held.offer).collect();
        for offer in held {
            self.talker_vanished(now, offer, out);
            out.push(Command::Hangup { leg: LegId::Agent(offer) });
        }
    }

    /// The caller goes to the head of his queue; the agent counts as one who cannot be reached.
    pub(super) fn lose_agent(
        &mut self,
        now: Now,
        id: CallId,
        offer: OfferId,
        agent: AgentId,
        out: &mut Commands,
    ) {
        self.stop_recording(now, id, out);
        let guests = self.calls.get(&id).map(|call| call.guests.clone()).unwrap_or_default();
        for guest in guests {
            self.end_guest(now, guest, out);
        }
        out.push(Command::Hangup { leg: LegId::Agent(offer) });
        self.in_talk.remove(&offer);
        self.away.remove(&LegId::Agent(offer));
        if let Some(state) = self.agent_mut(agent) {
            state.calls.retain(|engaged| engaged.offer != offer);
        }
        self.rest(now, id, agent, OfferOutcome::Unreachable, None);
        // Out of the pool first: his next call would be this one.
        self.settle(now, agent, out);
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.carried = FIRST_IN_LINE;
        let queue = call.queue;
        self.rejoin(now, id, queue, Entered::Returned, out);
    }
}
