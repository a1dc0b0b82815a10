//! Who joins a conversation: a supervisor who listens, whispers or barges in, a colleague who is asked, and whoever
//! takes the call over.

use super::Engine;
use super::agent::Engaged;
use super::call::Stage;
use super::command::{Command, Commands, Refusal};
use super::event::OfferFailure;
use super::fact::Fact;
use super::id::{AgentId, CallId, LegId, OfferId};
use super::talk::{GuestRole, TalkFact, TransferTo};
use super::time::{Monotonic, Now};
use super::timer::Timer;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Guests of one conversation at once.
const GUESTS_MAX: usize = 4;

/// How long a colleague is rung where no queue's rules say it.
const RING_MAX: Duration = Duration::from_secs(30);

/// How long a number outside is called: about ten rings.
const DIAL_MAX: Duration = Duration::from_secs(60);

/// Somebody who is rung for a conversation, or takes part in it, besides caller and agent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Guest {
    /// Which conversation: a caller's, or a call between colleagues.
    pub call: CallId,
    pub who: Party,
    pub part: Part,
    /// While he is rung: how long he may be.
    pub rings_until: Option<Monotonic>,
}

/// One of ours, or somebody outside.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Party {
    Agent(AgentId),
    Outside(String),
}

/// What a guest is there for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Part {
    Joins(GuestRole),
    /// He is asked while the caller hears music.
    Asked,
    /// He is to have the caller: a transfer, and the phone that wants to know how it stands.
    Successor {
        told: Option<LegId>,
    },
    /// A colleague calls him.
    Called,
}

impl Party {
    pub(super) fn agent(&self) -> Option<AgentId> {
        match self {
            Self::Agent(agent) => Some(*agent),
            Self::Outside(_) => None,
        }
    }
}

impl From<&Party> for TransferTo {
    fn from(party: &Party) -> Self {
        match party {
            Party::Agent(agent) => Self::Agent(*agent),
            Party::Outside(number) => Self::Number(number.clone()),
        }
    }
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
        if let Some(offer) = self.guest_of(id, agent) {
            return self.change_role(now, id, offer, role, out);
        }
        self.ring_guest(now, id, Party::Agent(agent), Part::Joins(role), out).map(|_| ())
    }

    /// Rings somebody for a caller's conversation.
    pub(super) fn ring_guest(
        &mut self,
        now: Now,
        id: CallId,
        who: Party,
        part: Part,
        out: &mut Commands,
    ) -> Result<OfferId, Refusal> {
        let call = self.calls.get(&id).ok_or(Refusal::UnknownCall)?;
        if call.guests.len() >= GUESTS_MAX {
            return Err(Refusal::TooManyGuests);
        }
        self.must_be_free(&who)?;
        let (queue, caller) = (call.queue, call.caller.clone());
        let rings = match &who {
            Party::Agent(_) => self.settings.queue(queue).map_or(RING_MAX, |queue| queue.ring_timeout),
            Party::Outside(_) => DIAL_MAX,
        };
        let offer = self.new_guest(now, id, who.clone(), part, rings);
        if let Some(call) = self.calls.get_mut(&id) {
            call.guests.push(offer);
        }
        match who {
            Party::Agent(agent) => {
                out.push(Command::OfferAgent { offer, call: id, agent, queue, caller });
                self.settle(now, agent, out);
            }
            Party::Outside(number) => out.push(Command::Dial { offer, call: id, number, caller }),
        }
        Ok(offer)
    }

    /// Rings somebody for a call between colleagues.
    pub(super) fn ring_colleague(
        &mut self,
        now: Now,
        id: CallId,
        who: Party,
        caller: super::event::Caller,
        out: &mut Commands,
    ) -> OfferId {
        let rings = if who.agent().is_some() { RING_MAX } else { DIAL_MAX };
        let offer = self.new_guest(now, id, who.clone(), Part::Called, rings);
        match who {
            Party::Agent(agent) => {
                out.push(Command::CallAgent { offer, call: id, agent, caller });
                self.settle(now, agent, out);
            }
            Party::Outside(number) => out.push(Command::Dial { offer, call: id, number, caller }),
        }
        offer
    }

    fn new_guest(&mut self, now: Now, call: CallId, who: Party, part: Part, rings: Duration) -> OfferId {
        let (offer, until) = (self.new_offer(), now.mono + rings);
        if let Some(state) = who.agent().and_then(|agent| self.agent_mut(agent)) {
            state.guest = Some((offer, call));
        }
        self.guests.insert(offer, Guest { call, who, part, rings_until: Some(until) });
        self.timers.start(until, Timer::Ring(offer));
        offer
    }

    /// Whether somebody can be rung beside the calls the queues give out. Whether he is logged in or paused does not
    /// matter: colleagues may always be asked.
    pub(super) fn must_be_free(&self, who: &Party) -> Result<(), Refusal> {
        let Party::Agent(agent) = *who else { return Ok(()) };
        if self.settings.agent(agent).is_none_or(|agent| agent.retired) {
            return Err(Refusal::UnknownAgent);
        }
        let state = self.agents.get(agent.0 as usize).ok_or(Refusal::UnknownAgent)?;
        let engaged = state.offer.is_some() || state.guest.is_some() || state.internal.is_some();
        if !state.reachable || engaged || !state.calls.is_empty() {
            return Err(Refusal::NotFree);
        }
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
        guest.part = Part::Joins(role);
        if guest.rings_until.is_none() {
            self.tell_joined(now, call, offer, role, out);
        }
        Ok(())
    }

    fn tell_joined(&mut self, now: Now, call: CallId, offer: OfferId, role: GuestRole, out: &mut Commands) {
        out.push(Command::Join { call, offer, role });
        if let Some(agent) = self.guests.get(&offer).and_then(|guest| guest.who.agent()) {
            out.record(now, Fact::InTalk { call, what: TalkFact::Joined { agent, role } });
        }
    }

    /// The guest's phone was answered. `false`: it is nobody's who was invited.
    pub(super) fn guest_answered(&mut self, now: Now, offer: OfferId, out: &mut Commands) -> bool {
        let Some(guest) = self.guests.get_mut(&offer) else { return false };
        let (call, part, agent) = (guest.call, guest.part, guest.who.agent());
        let Some(until) = guest.rings_until.take() else { return true };
        self.timers.cancel(until, Timer::Ring(offer));
        match part {
            Part::Joins(role) => self.tell_joined(now, call, offer, role, out),
            Part::Asked => self.tell_joined(now, call, offer, GuestRole::Third, out),
            Part::Successor { told } => self.succeed(now, call, offer, told, out),
            Part::Called => self.colleague_answered(call, offer, out),
        }
        if let Some(agent) = agent {
            self.settle(now, agent, out);
        }
        true
    }

    /// The guest hung up, refused, or was lost. `false`: it is nobody's who was invited.
    pub(super) fn guest_gone(
        &mut self,
        now: Now,
        offer: OfferId,
        failure: OfferFailure,
        out: &mut Commands,
    ) -> bool {
        let Some(guest) = self.forget_guest(now, offer, out) else { return false };
        self.without_guest(now, &guest, failure, out);
        true
    }

    /// What becomes of the others when a guest is there no more.
    fn without_guest(&mut self, now: Now, guest: &Guest, failure: OfferFailure, out: &mut Commands) {
        match guest.part {
            Part::Joins(_) => {}
            Part::Asked => self.back_to_caller(now, guest.call, out),
            Part::Successor { told } => self.transfer_failed(now, guest, told, failure, out),
            Part::Called => {
                self.colleague_gone(now, guest.call, guest.rings_until.is_some(), failure, out);
            }
        }
    }

    /// The guest's phone rang long enough.
    pub(super) fn guest_timed_out(&mut self, now: Now, offer: OfferId, out: &mut Commands) -> bool {
        if !self.guests.contains_key(&offer) {
            return false;
        }
        out.push(Command::CancelOffer { offer, answered_elsewhere: false });
        self.guest_gone(now, offer, OfferFailure::NoAnswer, out)
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
        self.dismiss_guest(now, offer, out);
        Ok(())
    }

    /// Ends a guest's part; the others go on without him.
    pub(super) fn dismiss_guest(&mut self, now: Now, offer: OfferId, out: &mut Commands) {
        if let Some(guest) = self.end_guest(now, offer, out) {
            self.without_guest(now, &guest, OfferFailure::Declined, out);
        }
    }

    /// Ends a guest's part, whether he rings or talks, of a conversation that is about to end itself.
    pub(super) fn end_guest(&mut self, now: Now, offer: OfferId, out: &mut Commands) -> Option<Guest> {
        match self.guests.get(&offer)?.rings_until {
            Some(_) => out.push(Command::CancelOffer { offer, answered_elsewhere: false }),
            None => out.push(Command::Hangup { leg: LegId::Agent(offer) }),
        }
        self.forget_guest(now, offer, out)
    }

    fn forget_guest(&mut self, now: Now, offer: OfferId, out: &mut Commands) -> Option<Guest> {
        let guest = self.guests.remove(&offer)?;
        self.away.remove(&LegId::Agent(offer));
        let call = guest.call;
        if let Some(call) = self.calls.get_mut(&call) {
            call.guests.retain(|&other| other != offer);
        }
        if let Some(until) = guest.rings_until {
            self.timers.cancel(until, Timer::Ring(offer));
        }
        if let Some(agent) = guest.who.agent() {
            if guest.rings_until.is_none() && guest.part != Part::Called {
                out.record(now, Fact::InTalk { call, what: TalkFact::Left { agent } });
            }
            if let Some(state) = self.agent_mut(agent) {
                state.guest = None;
            }
            self.settle(now, agent, out);
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
        let served = self.calls.get(&id).and_then(|call| call.talks_by());
        let (_, from) = served.ok_or(Refusal::NotTalking)?;
        self.hand_over(now, id, offer, Some(TalkFact::TakenOver { from, by: agent }), out);
        Ok(())
    }

    /// Gives the caller to a guest who has answered, and lets the agent go who served him, if he is still there.
    pub(super) fn hand_over(
        &mut self,
        now: Now,
        id: CallId,
        offer: OfferId,
        fact: Option<TalkFact>,
        out: &mut Commands,
    ) {
        let Some(Guest { who, .. }) = self.guests.remove(&offer) else { return };
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.guests.retain(|&other| other != offer);
        let queue = call.queue;
        let (served, talked, held) = match &call.stage {
            Stage::Talking { offer, agent, since, held_since, held } => {
                // He was on hold with the other; the new one talks to him.
                let held = *held + held_since.map(|since| now.mono.since(since)).unwrap_or_default();
                (Some((*offer, *agent)), now.mono.since(*since), held)
            }
            Stage::Transferring { talked, held, .. } => (None, *talked, *held),
            Stage::Waiting { .. }
            | Stage::Dialling { .. }
            | Stage::Outside { .. }
            | Stage::Leaving { .. } => return,
        };
        let since = now.mono - talked;
        call.stage = match &who {
            Party::Agent(agent) => Stage::Talking { offer, agent: *agent, since, held_since: None, held },
            Party::Outside(_) => Stage::Outside { offer, since },
        };
        self.in_talk.insert(offer, id);
        if let Party::Agent(agent) = who {
            if let Some(state) = self.agent_mut(agent) {
                state.guest = None;
                state.calls.push(Engaged::new(offer, id));
                state.undisposed = None;
            }
            self.remember_served(now, id, agent);
        }
        if let Some((old, _)) = served {
            self.in_talk.remove(&old);
            out.push(Command::Hangup { leg: LegId::Agent(old) });
        }
        out.push(Command::Bridge { call: id, offer });
        if let Some(what) = fact {
            out.record(now, Fact::InTalk { call: id, what });
        }
        match &who {
            Party::Agent(_) => self.hold_recording(now, id, false, out),
            Party::Outside(_) => self.stop_recording(now, id, out),
        }
        if let Some((old, agent)) = served {
            self.start_wrap_up(now, agent, old, id, queue, talked, out);
        }
        if let Party::Agent(agent) = who {
            self.settle(now, agent, out);
        }
    }
}
