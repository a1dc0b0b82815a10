//! Who joins a conversation: a supervisor who listens, whispers or barges in, a colleague who is asked, and whoever
//! takes the call over.

use super::Engine;
use super::agent::Engaged;
use super::call::Stage;
use super::command::{Command, Commands, Refusal};
use super::fact::Fact;
use super::id::{AgentId, CallId, LegId, OfferId};
use super::talk::{GuestRole, TalkFact};
use super::time::{Monotonic, Now};
use super::timer::Timer;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Guests of one conversation at once.
const GUESTS_MAX: usize = 4;

/// Somebody who joins a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Guest {
    pub call: CallId,
    pub agent: AgentId,
    pub role: GuestRole,
    /// While his phone rings: how long it may.
    pub rings_until: Option<Monotonic>,
}

impl Engine {
    /// Rings an agent's phone so that he joins a conversation; one who has joined already changes his role.
    pub(super) fn invite(
        &mut self,
        now: Now,
        id: CallId,
        agent: AgentId,
        role: GuestRole,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        let call = self.calls.get(&id).ok_or(Refusal::UnknownCall)?;
        if !matches!(call.stage, Stage::Talking { .. }) {
            return Err(Refusal::NotTalking);
        }
        let (queue, caller) = (call.queue, call.caller.clone());
        if let Some(offer) = self.guest_of(id, agent) {
            return self.change_role(now, id, offer, role, out);
        }
        if call.guests.len() >= GUESTS_MAX {
            return Err(Refusal::TooManyGuests);
        }
        if self.settings.agent(agent).is_none_or(|agent| agent.retired) {
            return Err(Refusal::UnknownAgent);
        }
        let state = self.agents.get(agent.0 as usize).ok_or(Refusal::UnknownAgent)?;
        if !state.reachable || state.offer.is_some() || state.guest.is_some() || !state.calls.is_empty() {
            return Err(Refusal::NotFree);
        }
        let rings = self.settings.queue(queue).map_or(Duration::ZERO, |queue| queue.ring_timeout);
        let (offer, until) = (self.new_offer(), now.mono + rings);
        self.guests.insert(offer, Guest { call: id, agent, role, rings_until: Some(until) });
        self.timers.start(until, Timer::Ring(offer));
        if let Some(call) = self.calls.get_mut(&id) {
            call.guests.push(offer);
        }
        if let Some(state) = self.agent_mut(agent) {
            state.guest = Some((offer, id));
        }
        out.push(Command::OfferAgent { offer, call: id, agent, queue, caller });
        self.settle(now, agent, out);
        Ok(())
    }

    fn guest_of(&self, call: CallId, agent: AgentId) -> Option<OfferId> {
        let (offer, of) = self.agents.get(agent.0 as usize)?.guest?;
        (of == call).then_some(offer)
    }

    fn change_role(
        &mut self,
        now: Now,
        call: CallId,
        offer: OfferId,
        role: GuestRole,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        let guest = self.guests.get_mut(&offer).ok_or(Refusal::UnknownCall)?;
        guest.role = role;
        let (agent, joined) = (guest.agent, guest.rings_until.is_none());
        if joined {
            out.push(Command::Join { call, offer, role });
            out.record(now, Fact::InTalk { call, what: TalkFact::Joined { agent, role } });
        }
        Ok(())
    }

    /// The guest's phone was answered. `false`: it is nobody's who was invited.
    pub(super) fn guest_answered(&mut self, now: Now, offer: OfferId, out: &mut Commands) -> bool {
        let Some(guest) = self.guests.get_mut(&offer) else { return false };
        let Guest { call, agent, role, .. } = *guest;
        if let Some(until) = guest.rings_until.take() {
            self.timers.cancel(until, Timer::Ring(offer));
            out.push(Command::Join { call, offer, role });
            out.record(now, Fact::InTalk { call, what: TalkFact::Joined { agent, role } });
            self.settle(now, agent, out);
        }
        true
    }

    /// The guest hung up, refused, or was lost. `false`: it is nobody's who was invited.
    pub(super) fn guest_gone(&mut self, now: Now, offer: OfferId, out: &mut Commands) -> bool {
        let Some(guest) = self.forget_guest(now, offer, out) else { return false };
        if let Some(call) = self.calls.get_mut(&guest.call) {
            call.guests.retain(|&other| other != offer);
        }
        self.settle(now, guest.agent, out);
        true
    }

    /// The guest's phone rang long enough.
    pub(super) fn guest_timed_out(&mut self, now: Now, offer: OfferId, out: &mut Commands) -> bool {
        if !self.guests.contains_key(&offer) {
            return false;
        }
        out.push(Command::CancelOffer { offer, answered_elsewhere: false });
        self.guest_gone(now, offer, out)
    }

    /// Sends a guest out of the conversation.
    pub(super) fn send_out(
        &mut self,
        now: Now,
        call: CallId,
        agent: AgentId,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        let offer = self.guest_of(call, agent).ok_or(Refusal::NotInTheCall)?;
        self.end_guest(now, offer, out);
        Ok(())
    }

    /// Ends a guest's part, whether he rings or talks.
    pub(super) fn end_guest(&mut self, now: Now, offer: OfferId, out: &mut Commands) {
        match self.guests.get(&offer).map(|guest| guest.rings_until) {
            Some(Some(_)) => out.push(Command::CancelOffer { offer, answered_elsewhere: false }),
            Some(None) => out.push(Command::Hangup { leg: LegId::Agent(offer) }),
            None => return,
        }
        self.guest_gone(now, offer, out);
    }

    fn forget_guest(&mut self, now: Now, offer: OfferId, out: &mut Commands) -> Option<Guest> {
        let guest = self.guests.remove(&offer)?;
        let Guest { call, agent, .. } = guest;
        match guest.rings_until {
            Some(until) => self.timers.cancel(until, Timer::Ring(offer)),
            None => out.record(now, Fact::InTalk { call, what: TalkFact::Left { agent } }),
        }
        if let Some(state) = self.agent_mut(agent) {
            state.guest = None;
        }
        Some(guest)
    }

    /// Whoever joined serves the caller from now on; who served him has his after-call work.
    pub(super) fn take_over(
        &mut self,
        now: Now,
        id: CallId,
        agent: AgentId,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        let offer = self.guest_of(id, agent).ok_or(Refusal::NotInTheCall)?;
        if self.guests.get(&offer).is_none_or(|guest| guest.rings_until.is_some()) {
            return Err(Refusal::NotInTheCall);
        }
        let call = self.calls.get_mut(&id).ok_or(Refusal::UnknownCall)?;
        let queue = call.queue;
        let Stage::Talking { offer: with, agent: serves, since, held_since, held } = &mut call.stage else {
            return Err(Refusal::NotTalking);
        };
        let (old_offer, old_agent) = (std::mem::replace(with, offer), std::mem::replace(serves, agent));
        let talked = now.mono.since(*since);
        // He was on hold with the other; the new one talks to him.
        *held += held_since.take().map(|since| now.mono.since(since)).unwrap_or_default();
        call.guests.retain(|&other| other != offer);
        self.guests.remove(&offer);
        self.in_talk.remove(&old_offer);
        self.in_talk.insert(offer, id);
        if let Some(state) = self.agent_mut(agent) {
            state.guest = None;
            state.calls.push(Engaged { offer, call: id, held: false });
            state.undisposed = None;
        }
        out.push(Command::Hangup { leg: LegId::Agent(old_offer) });
        out.push(Command::Bridge { call: id, offer });
        out.record(now, Fact::InTalk { call: id, what: TalkFact::TakenOver { from: old_agent, by: agent } });
        self.hold_recording(now, id, false, out);
        self.start_wrap_up(now, old_agent, old_offer, id, queue, talked, out);
        self.settle(now, agent, out);
        Ok(())
    }
}
