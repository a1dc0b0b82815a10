//! Passing a conversation on: blindly, or after somebody was asked. Whoever serves the caller is let go only when
//! somebody else has him; when nobody takes him, he is back with his agent, or first in line.

use super::Engine;
use super::call::Stage;
use super::command::{Command, Commands, Refusal};
use super::event::OfferFailure;
use super::fact::{Entered, Fact};
use super::guests::{Guest, Part, Party};
use super::id::{AgentId, CallId, LegId, OfferId, QueueId};
use super::silence::FIRST_IN_LINE;
use super::talk::{TalkFact, TransferStep, TransferTo};
use super::time::Now;
use std::time::Duration;

impl Engine {
    /// An agent's phone wants a conversation passed on.
    pub(super) fn transfer_asked(
        &mut self,
        now: Now,
        leg: LegId,
        to: &str,
        replaces: Option<LegId>,
        out: &mut Commands,
    ) {
        out.push(Command::TransferTold { leg, step: TransferStep::Trying });
        let done = match replaces {
            Some(other) => self.join_calls(now, leg, other, out),
            None => self.transfer_by_phone(now, leg, to, out),
        };
        let step = match done {
            Ok(()) => return,
            Err(Refusal::NotFree) => TransferStep::Failed(OfferFailure::Busy),
            Err(Refusal::CannotTake) => TransferStep::Failed(OfferFailure::Unreachable),
            Err(_) => TransferStep::Refused,
        };
        out.push(Command::TransferTold { leg, step });
    }

    fn transfer_by_phone(
        &mut self,
        now: Now,
        leg: LegId,
        to: &str,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        let LegId::Agent(offer) = leg else { return Err(Refusal::NotTalking) };
        let call = *self.in_talk.get(&offer).ok_or(Refusal::NotTalking)?;
        let to = self.settings.whom(to).ok_or(Refusal::UnknownAgent)?;
        self.transfer(now, call, to, Some(leg), out)
    }

    /// Passes a conversation on; `told` is the phone that wants to know how it stands.
    pub(super) fn transfer(
        &mut self,
        now: Now,
        id: CallId,
        to: TransferTo,
        told: Option<LegId>,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        let call = self.calls.get(&id).ok_or(Refusal::UnknownCall)?;
        call.talks_by().ok_or(Refusal::NotTalking)?;
        if self.successor(id).is_some() {
            return Err(Refusal::BeingTransferred);
        }
        let who = match to {
            TransferTo::Queue(queue) => return self.pass_to_queue(now, id, queue, told, out),
            TransferTo::Agent(agent) => Party::Agent(agent),
            TransferTo::Number(number) => Party::Outside(number),
        };
        self.ring_guest(now, id, who, Part::Successor { told }, out)?;
        self.music_meanwhile(now, id, out);
        Ok(())
    }

    /// Who is rung to have this caller.
    fn successor(&self, id: CallId) -> Option<OfferId> {
        let guests = &self.calls.get(&id)?.guests;
        let succeeds = |offer: &&OfferId| {
            self.guests.get(offer).is_some_and(|guest| matches!(guest.part, Part::Successor { .. }))
        };
        guests.iter().find(succeeds).copied()
    }

    /// The caller hears music, as when his agent puts him on hold.
    fn music_meanwhile(&mut self, now: Now, id: CallId, out: &mut Commands) {
        if let Some((offer, _)) = self.calls.get(&id).and_then(|call| call.talks_by()) {
            self.held(now, offer, true, out);
        }
    }

    /// Agent and caller talk again, unless the agent's phone holds the caller: then he hears music until it takes him
    /// back, and not its silence.
    pub(super) fn back_to_caller(&mut self, now: Now, id: CallId, out: &mut Commands) {
        let Some((offer, agent)) = self.calls.get(&id).and_then(|call| call.talks_by()) else { return };
        let state = self.agents.get(agent.0 as usize);
        let holds = |state: &super::agent::Agent| {
            state.calls.iter().any(|engaged| engaged.offer == offer && engaged.phone_holds)
        };
        if !state.is_some_and(holds) {
            self.held(now, offer, false, out);
        }
    }

    fn pass_to_queue(
        &mut self,
        now: Now,
        id: CallId,
        queue: QueueId,
        told: Option<LegId>,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        self.admits(now, queue).map_err(|_| Refusal::CannotTake)?;
        let call = self.calls.get(&id).ok_or(Refusal::UnknownCall)?;
        let Stage::Talking { offer, agent, since, .. } = call.stage else { return Err(Refusal::NotTalking) };
        // He need not wait once more for what he has waited before.
        let waited = call.carried.min(FIRST_IN_LINE) + since.since(call.queued.mono);
        if let Some(leg) = told {
            out.push(Command::TransferTold { leg, step: TransferStep::Done });
        }
        self.part_from_agent(now, id, out);
        out.push(Command::Hangup { leg: LegId::Agent(offer) });
        let what = TalkFact::Transferred { by: agent, to: TransferTo::Queue(queue) };
        out.record(now, Fact::InTalk { call: id, what });
        if let Some(call) = self.calls.get_mut(&id) {
            call.carried = waited;
        }
        self.rejoin(now, id, queue, Entered::Transferred(agent), out);
        self.start_wrap_up(now, agent, offer, id, queue, now.mono.since(since), out);
        Ok(())
    }

    /// The conversation with the agent is over, and the call goes on.
    fn part_from_agent(&mut self, now: Now, id: CallId, out: &mut Commands) {
        self.stop_recording(now, id, out);
        let Some(call) = self.calls.get(&id) else { return };
        let guests = call.guests.clone();
        if let Some((offer, agent)) = call.talks_by() {
            self.in_talk.remove(&offer);
            if let Some(state) = self.agent_mut(agent) {
                state.calls.retain(|engaged| engaged.offer != offer);
            }
        }
        for guest in guests {
            self.end_guest(now, guest, out);
        }
    }

    /// Who was rung to have the caller has answered.
    pub(super) fn succeed(
        &mut self,
        now: Now,
        id: CallId,
        offer: OfferId,
        told: Option<LegId>,
        out: &mut Commands,
    ) {
        if let Some(leg) = told {
            out.push(Command::TransferTold { leg, step: TransferStep::Done });
        }
        let fact = self.transferred(id, offer);
        self.hand_over(now, id, offer, fact, out);
    }

    /// What is to be remembered of a caller who goes to this guest.
    fn transferred(&self, id: CallId, offer: OfferId) -> Option<TalkFact> {
        let call = self.calls.get(&id)?;
        let by = call.talks_by().map(|(_, agent)| agent).or(call.passed_on_by)?;
        Some(TalkFact::Transferred { by, to: TransferTo::from(&self.guests.get(&offer)?.who) })
    }

    /// Nobody has the caller whom he was passed on to.
    pub(super) fn transfer_failed(
        &mut self,
        now: Now,
        guest: &Guest,
        told: Option<LegId>,
        failure: OfferFailure,
        out: &mut Commands,
    ) {
        let id = guest.call;
        let Some(call) = self.calls.get_mut(&id) else { return };
        if let Some(by) = call.talks_by().map(|(_, agent)| agent).or(call.passed_on_by) {
            let what = TalkFact::TransferFailed { by, to: TransferTo::from(&guest.who) };
            out.record(now, Fact::InTalk { call: id, what });
        }
        if let Some(leg) = told {
            out.push(Command::TransferTold { leg, step: TransferStep::Failed(failure) });
        }
        if let Stage::Transferring { .. } = call.stage {
            call.carried = FIRST_IN_LINE;
            let queue = call.queue;
            self.rejoin(now, id, queue, Entered::Returned, out);
        } else {
            self.back_to_caller(now, id, out);
        }
    }

    /// The agent has hung up. Whether the call goes on because it is being passed on.
    pub(super) fn left_while_passing_on(&mut self, now: Now, id: CallId, out: &mut Commands) -> bool {
        // Who hangs up while he asks somebody, leaves the caller to him.
        let successor = match (self.successor(id), self.asked(id)) {
            (Some(successor), _) | (None, Some((successor, false))) => successor,
            (None, Some((_, true))) => return self.complete(now, id, out).is_ok(),
            (None, None) => return false,
        };
        let Some(call) = self.calls.get(&id) else { return false };
        let Stage::Talking { offer, agent, since, held_since, held } = call.stage else { return false };
        let queue = call.queue;
        let talked = now.mono.since(since);
        let held = held + held_since.map(|since| now.mono.since(since)).unwrap_or_default();
        self.stop_recording(now, id, out);
        let others: Vec<_> = self.calls.get(&id).map(|call| call.guests.clone()).unwrap_or_default();
        for other in others.into_iter().filter(|other| *other != successor) {
            self.end_guest(now, other, out);
        }
        self.in_talk.remove(&offer);
        self.away.remove(&LegId::Agent(offer));
        if let Some(call) = self.calls.get_mut(&id) {
            call.stage = Stage::Transferring { offer: successor, talked, held };
            call.passed_on_by = Some(agent);
        }
        if let Some(guest) = self.guests.get_mut(&successor) {
            // Nobody is left who wants to know.
            guest.part = Part::Successor { told: None };
        }
        self.start_wrap_up(now, agent, offer, id, queue, talked, out);
        true
    }

    /// Rings somebody to be asked while the caller hears music.
    pub(super) fn consult(
        &mut self,
        now: Now,
        id: CallId,
        to: TransferTo,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        let call = self.calls.get(&id).ok_or(Refusal::UnknownCall)?;
        let (_, by) = call.talks_by().ok_or(Refusal::NotTalking)?;
        if self.successor(id).is_some() || self.asked(id).is_some() {
            return Err(Refusal::BeingTransferred);
        }
        let who = match &to {
            TransferTo::Agent(agent) => Party::Agent(*agent),
            TransferTo::Number(number) => Party::Outside(number.clone()),
            TransferTo::Queue(_) => return Err(Refusal::CannotTake),
        };
        self.ring_guest(now, id, who, Part::Asked, out)?;
        out.record(now, Fact::InTalk { call: id, what: TalkFact::Consulted { by, to } });
        self.music_meanwhile(now, id, out);
        Ok(())
    }

    /// Who is asked in this call, and whether he has answered.
    fn asked(&self, id: CallId) -> Option<(OfferId, bool)> {
        let guests = self.calls.get(&id)?.guests.iter();
        let asked = |offer: &OfferId| {
            let guest = self.guests.get(offer).filter(|guest| guest.part == Part::Asked)?;
            Some((*offer, guest.rings_until.is_none()))
        };
        guests.filter_map(asked).next()
    }

    /// Caller, agent and who was asked talk together.
    pub(super) fn confer(&mut self, now: Now, id: CallId, out: &mut Commands) -> Result<(), Refusal> {
        if !self.calls.contains_key(&id) {
            return Err(Refusal::UnknownCall);
        }
        let Some((_, true)) = self.asked(id) else { return Err(Refusal::NobodyAsked) };
        self.back_to_caller(now, id, out);
        Ok(())
    }

    /// Who was asked has the caller from now on; whoever is still rung has him when he answers.
    pub(super) fn complete(&mut self, now: Now, id: CallId, out: &mut Commands) -> Result<(), Refusal> {
        if !self.calls.contains_key(&id) {
            return Err(Refusal::UnknownCall);
        }
        match self.asked(id).ok_or(Refusal::NobodyAsked)? {
            (offer, true) => {
                let fact = self.transferred(id, offer);
                self.hand_over(now, id, offer, fact, out);
            }
            (offer, false) => {
                if let Some(guest) = self.guests.get_mut(&offer) {
                    guest.part = Part::Successor { told: None };
                }
            }
        }
        Ok(())
    }

    /// Lets go whoever is asked or rung, and brings agent and caller together again.
    pub(super) fn return_to_caller(
        &mut self,
        now: Now,
        id: CallId,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        if !self.calls.contains_key(&id) {
            return Err(Refusal::UnknownCall);
        }
        let offer = self.successor(id).or(self.asked(id).map(|(offer, _)| offer));
        self.dismiss_guest(now, offer.ok_or(Refusal::NobodyAsked)?, out);
        Ok(())
    }

    /// Joins the two calls of an agent, who leaves both (RFC 5589 §7): the caller of the one, and whom he called himself.
    fn join_calls(&mut self, now: Now, one: LegId, other: LegId, out: &mut Commands) -> Result<(), Refusal> {
        let (served, own) = match (one, other) {
            (LegId::Agent(served), LegId::Caller(own)) | (LegId::Caller(own), LegId::Agent(served)) => {
                (served, own)
            }
            (LegId::Agent(_), LegId::Agent(_)) | (LegId::Caller(_), LegId::Caller(_)) => {
                return Err(Refusal::NotTalking);
            }
        };
        let id = *self.in_talk.get(&served).ok_or(Refusal::NotTalking)?;
        let by = self.calls.get(&id).and_then(|call| call.talks_by());
        let (_, by) = by.filter(|(offer, _)| *offer == served).ok_or(Refusal::NotTalking)?;
        if id == own {
            return Err(Refusal::NotTalking);
        }
        if self.successor(id).is_some() {
            return Err(Refusal::BeingTransferred);
        }
        let guest = match self.take_colleague(now, own, by, out) {
            Some(offer) => offer,
            None => self.take_from_queue(now, own, out)?,
        };
        self.adopt(id, guest);
        if self.guests.get(&guest).is_some_and(|guest| guest.rings_until.is_some()) {
            if let Some(guest) = self.guests.get_mut(&guest) {
                guest.part = Part::Successor { told: Some(one) };
            }
            self.music_meanwhile(now, id, out);
        } else {
            self.succeed(now, id, guest, Some(one), out);
        }
        out.push(Command::Hangup { leg: LegId::Caller(own) });
        Ok(())
    }

    /// A guest of another conversation is one of this from now on.
    fn adopt(&mut self, id: CallId, offer: OfferId) {
        let Some(guest) = self.guests.get_mut(&offer) else { return };
        guest.call = id;
        if let Some(state) = guest.who.agent().and_then(|agent| self.agents.get_mut(agent.0 as usize)) {
            state.guest = Some((offer, id));
        }
        if let Some(call) = self.calls.get_mut(&id) {
            call.guests.push(offer);
        }
    }

    /// Takes the agent out of a call to a queue which somebody of ours made: that call is over, and he is a guest.
    fn take_from_queue(&mut self, now: Now, own: CallId, out: &mut Commands) -> Result<OfferId, Refusal> {
        let call = self.calls.get_mut(&own).ok_or(Refusal::UnknownCall)?;
        let Stage::Talking { offer, agent, since, .. } = call.stage else { return Err(Refusal::NotTalking) };
        let queue = call.queue;
        call.stage = Stage::Leaving { until: now.mono };
        self.in_talk.remove(&offer);
        if let Some(state) = self.agent_mut(agent) {
            state.calls.retain(|engaged| engaged.offer != offer);
            state.guest = Some((offer, own));
            state.talk += now.mono.since(since);
        }
        let (who, part) = (Party::Agent(agent), Part::Asked);
        self.guests.insert(offer, Guest { call: own, who, part, rings_until: None });
        self.call_merged(now, own, queue, now.mono.since(since), out);
        Ok(offer)
    }

    /// The record of a call that has become part of another is complete.
    fn call_merged(&mut self, now: Now, id: CallId, queue: QueueId, talk: Duration, out: &mut Commands) {
        let Some(call) = self.calls.remove(&id) else { return };
        self.away.remove(&LegId::Caller(id));
        for guest in call.guests {
            self.end_guest(now, guest, out);
        }
        self.floor.drop_plan(call.plan);
        let (ended_by, hold) = (super::fact::EndedBy::Caller, Duration::ZERO);
        out.record(now, Fact::CallEnded { call: id, queue, ended_by, talk, hold });
    }

    /// Whether the agent is one of those in the call, for what he asks by keys.
    pub(super) fn serves(&self, id: CallId, offer: OfferId) -> Option<AgentId> {
        let (with, agent) = self.calls.get(&id)?.talks_by()?;
        (with == offer).then_some(agent)
    }
}
