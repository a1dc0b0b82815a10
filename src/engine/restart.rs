//! After a restart: who is still there, and what becomes of the calls. Every leg that may have survived is asked for;
//! a call whose legs answer goes on as it was, one that cannot go on is told as interrupted.
//!
//! Until his leg has answered, a waiting caller keeps his place and is offered to nobody, nor is anybody behind him.

use super::Engine;
use super::call::{Call, Presence, Stage};
use super::command::{Command, Commands};
use super::event::OfferFailure;
use super::fact::{EndedBy, Fact, OfferOutcome};
use super::floor::Place;
use super::guests::Part;
use super::id::{AgentId, CallId, LegId, OfferId, QueueId};
use super::talk::GuestRole;
use super::time::Now;
use super::timer::Timer;
use std::collections::BTreeSet;

impl Engine {
    /// The process was killed at `now` and has begun anew. Only these legs may still be there, and only these agents'
    /// phones are known.
    pub(super) fn restarted(
        &mut self,
        now: Now,
        standing: &[LegId],
        reachable: &[AgentId],
        out: &mut Commands,
    ) {
        let standing: BTreeSet<LegId> = standing.iter().copied().collect();
        // Whatever stopped us then, we have begun again since.
        self.draining = false;
        self.timers.forget(Timer::Drain);
        self.away.clear();
        // First of all, or whoever is freed by what follows would be offered a caller who may be gone.
        self.step_back();
        for (agent, state) in (0..).map(AgentId).zip(&mut self.agents) {
            state.reachable = reachable.contains(&agent);
        }
        self.stop_all_ringing(now, out);
        self.end_services(out);
        self.interrupt_what_is_gone(now, &standing, out);
        self.part_with_lost_agents(now, &standing, out);
        self.part_with_lost_guests(now, &standing, out);
        for agent in (0..).map(AgentId).take(self.agents.len()) {
            self.settle(now, agent, out);
        }
        self.ask_for_all(out);
    }

    /// Nobody in line is offered to anybody until he is known to be there.
    fn step_back(&mut self) {
        let all: Vec<CallId> = self.calls.keys().copied().collect();
        for id in all {
            let Some(call) = self.calls.get_mut(&id) else { continue };
            let stood = call.stands_in_line();
            call.presence = Presence::Away;
            self.away.insert(LegId::Caller(id));
            if stood {
                self.floor.leave(call.line, call.place);
            }
        }
    }

    /// The phones that rang are told so by the signalling, which remembers them. No agent is to blame.
    fn stop_all_ringing(&mut self, now: Now, out: &mut Commands) {
        let ringing: Vec<(OfferId, CallId)> =
            self.offers.iter().map(|(id, offer)| (*id, offer.call)).collect();
        for (id, call) in ringing {
            if let Some(call) = self.calls.get_mut(&call)
                && let Stage::Waiting { offers } = &mut call.stage
            {
                offers.retain(|&other| other != id);
                call.ring_step = None;
            }
            if let Some(agent) = self.close_offer(now, id, OfferOutcome::Interrupted, out)
                && let Some(state) = self.agent_mut(agent)
            {
                state.offer = None;
            }
        }
    }

    /// Who heard that his feature code was carried out has heard enough.
    fn end_services(&mut self, out: &mut Commands) {
        for (id, service) in std::mem::take(&mut self.service_calls) {
            self.timers.cancel(service.until, Timer::Leaving(id));
            out.push(Command::Hangup { leg: LegId::Caller(id) });
        }
    }

    /// Calls of which too little is left to go on with.
    fn interrupt_what_is_gone(&mut self, now: Now, standing: &BTreeSet<LegId>, out: &mut Commands) {
        let goes_on = |id: CallId, call: &Call| {
            let outside_stands = match call.stage {
                Stage::Outside { offer, .. } => standing.contains(&LegId::Agent(offer)),
                // Nobody outside has answered, or the last word was being said.
                Stage::Dialling { .. } | Stage::Leaving { .. } => false,
                Stage::Waiting { .. } | Stage::Talking { .. } | Stage::Transferring { .. } => true,
            };
            outside_stands && standing.contains(&LegId::Caller(id))
        };
        let gone: Vec<CallId> =
            self.calls.iter().filter(|(id, call)| !goes_on(**id, call)).map(|(id, _)| *id).collect();
        for id in gone {
            self.interrupt(now, id, out);
        }
        let made: Vec<CallId> = self.internal.keys().copied().collect();
        for id in made {
            if standing.contains(&LegId::Caller(id)) {
                self.away.insert(LegId::Caller(id));
            } else {
                self.calling_agent_left(now, id, out);
            }
        }
    }

    fn interrupt(&mut self, now: Now, id: CallId, out: &mut Commands) {
        if self.calls.contains_key(&id) {
            out.record(now, Fact::CallInterrupted { call: id });
            self.end_call(now, id, EndedBy::System, out);
        }
    }

    /// Whoever was being rung is not any more; of those who had joined, some may be there.
    fn part_with_lost_guests(&mut self, now: Now, standing: &BTreeSet<LegId>, out: &mut Commands) {
        let guests: Vec<(OfferId, bool)> =
            self.guests.iter().map(|(id, guest)| (*id, guest.rings_until.is_some())).collect();
        for (offer, rings) in guests {
            let leg = LegId::Agent(offer);
            if !rings && standing.contains(&leg) {
                self.away.insert(leg);
            } else {
                self.guest_gone(now, offer, OfferFailure::Unreachable, out);
            }
        }
    }

    /// A caller whose agent is gone is first in line again.
    fn part_with_lost_agents(&mut self, now: Now, standing: &BTreeSet<LegId>, out: &mut Commands) {
        let talking: Vec<OfferId> = self.in_talk.keys().copied().collect();
        for offer in talking {
            let leg = LegId::Agent(offer);
            if standing.contains(&leg) {
                self.away.insert(leg);
            } else {
                self.talker_lost(now, offer, out);
            }
        }
    }

    /// Asks for every leg that is wanted: of conversations first, for there silence is heard on both sides, then of
    /// those who wait, in the order of their places.
    fn ask_for_all(&self, out: &mut Commands) {
        let mut ask = |leg, near| out.push(Command::Resume { leg, near });
        let (waiting, talking): (Vec<_>, Vec<_>) = self.calls.iter().partition(|(_, call)| call.is_waiting());
        for (id, _) in talking {
            ask(LegId::Caller(*id), None);
        }
        for (id, internal) in &self.internal {
            // Beside the caller about whom the agent may be asking.
            let serves = self.agents.get(internal.by.0 as usize).and_then(|agent| agent.calls.first());
            ask(LegId::Caller(*id), serves.map(|engaged| LegId::Caller(engaged.call)));
        }
        for leg in &self.away {
            if let LegId::Agent(offer) = leg {
                let talks = self.in_talk.get(offer).copied();
                let call = talks.or_else(|| self.guests.get(offer).map(|guest| guest.call));
                ask(*leg, call.map(LegId::Caller));
            }
        }
        let mut waiting: Vec<(Place, CallId)> = waiting.iter().map(|(id, call)| (call.place, **id)).collect();
        waiting.sort_unstable();
        for (_, id) in waiting {
            ask(LegId::Caller(id), None);
        }
    }

    /// A leg has answered, and its media is agreed on anew.
    pub(super) fn leg_resumed(&mut self, now: Now, leg: LegId, out: &mut Commands) {
        match leg {
            LegId::Caller(call) if self.internal.contains_key(&call) => {
                self.away.remove(&leg);
                self.reunite_colleagues(call, out);
            }
            LegId::Caller(call) => self.caller_resumed(now, call, out),
            LegId::Agent(offer) if self.away.remove(&leg) => {
                if let Some(call) = self.in_talk.get(&offer).copied() {
                    self.reunite(now, call, out);
                } else if let Some(call) = self.guests.get(&offer).map(|guest| guest.call) {
                    self.reunite_colleagues(call, out);
                    self.seat_guest(call, offer, out);
                }
            }
            LegId::Agent(_) => {}
        }
    }

    fn caller_resumed(&mut self, now: Now, id: CallId, out: &mut Commands) {
        let Some(call) = self.calls.get_mut(&id).filter(|call| call.presence == Presence::Away) else {
            return;
        };
        self.away.remove(&LegId::Caller(id));
        let (waits, queue) = (call.is_waiting(), call.queue);
        call.presence = if waits { Presence::Behind } else { Presence::There };
        out.record(now, Fact::CallResumed { call: id });
        if waits {
            self.play_music(id, out);
            self.let_through(now, queue, out);
        } else {
            self.reunite(now, id, out);
        }
    }

    /// The first in a queue's line who is being asked for.
    pub(super) fn first_away(&self, queue: QueueId) -> Option<Place> {
        if self.away.is_empty() {
            return None;
        }
        let line = self.queues.get(queue.0 as usize)?.line.iter();
        let calls = line.filter_map(|(_, id)| self.calls.get(id));
        calls.filter(|call| call.presence == Presence::Away).map(|call| call.place).min()
    }

    /// Lets those into the line who stood behind somebody who was being asked for, as far as nobody is any more.
    pub(super) fn let_through(&mut self, now: Now, queue: QueueId, out: &mut Commands) {
        let first = self.first_away(queue);
        let Some(state) = self.queues.get(queue.0 as usize) else { return };
        let place = |id: &CallId| {
            let call = self.calls.get(id).filter(|call| call.presence == Presence::Behind)?;
            first.is_none_or(|first| call.place < first).then_some((call.place, *id))
        };
        let mut through: Vec<(Place, CallId)> = state.line.iter().filter_map(|(_, id)| place(id)).collect();
        through.sort_unstable();
        for (place, id) in &through {
            if let Some(call) = self.calls.get_mut(id) {
                call.presence = Presence::There;
                self.floor.join(call.line, *place);
            }
        }
        for (_, id) in &through {
            self.dispatch_call(now, *id, out);
            self.rearm(*id);
        }
        self.may_be_deserted(now, queue);
    }

    /// Connects again who talked with each other, once both are there.
    fn reunite(&mut self, now: Now, id: CallId, out: &mut Commands) {
        let Some(call) = self.calls.get(&id).filter(|call| call.presence == Presence::There) else { return };
        let (offer, held) = match call.stage {
            Stage::Talking { offer, held_since, .. } => (offer, held_since.is_some()),
            Stage::Outside { offer, .. } => (offer, false),
            Stage::Waiting { .. }
            | Stage::Dialling { .. }
            | Stage::Transferring { .. }
            | Stage::Leaving { .. } => return,
        };
        if self.away.contains(&LegId::Agent(offer)) {
            return;
        }
        let guests = call.guests.clone();
        out.push(Command::Bridge { call: id, offer });
        if held {
            self.play_music(id, out);
        }
        for guest in guests {
            self.seat_guest(id, guest, out);
        }
        self.record_again(now, id, out);
    }

    /// A guest who is there takes part again, once the conversation goes on.
    fn seat_guest(&self, id: CallId, offer: OfferId, out: &mut Commands) {
        let Some(call) = self.calls.get(&id).filter(|call| call.presence == Presence::There) else { return };
        let is_away = |offer: OfferId| self.away.contains(&LegId::Agent(offer));
        if is_away(offer) || call.talks_by().is_none_or(|(talker, _)| is_away(talker)) {
            return;
        }
        // Whoever was invited since then may still be rung.
        let guest = self.guests.get(&offer).filter(|guest| guest.rings_until.is_none());
        let role = match guest.map(|guest| guest.part) {
            Some(Part::Joins(role)) => role,
            Some(Part::Asked) => GuestRole::Third,
            Some(Part::Successor { .. } | Part::Called) | None => return,
        };
        out.push(Command::Join { call: id, offer, role });
    }

    fn reunite_colleagues(&self, id: CallId, out: &mut Commands) {
        let Some(internal) = self.internal.get(&id) else { return };
        let legs = [LegId::Caller(id), LegId::Agent(internal.offer)];
        if !legs.iter().any(|leg| self.away.contains(leg)) {
            out.push(Command::Bridge { call: id, offer: internal.offer });
        }
    }

    /// A leg did not answer, or knows of no call: it did not survive the restart, or its phone has died since.
    pub(super) fn leg_lost(&mut self, now: Now, leg: LegId, out: &mut Commands) {
        let was_asked_for = self.away.remove(&leg);
        match leg {
            LegId::Caller(call) if !was_asked_for => self.caller_left(now, call, out),
            LegId::Caller(call) => {
                if !self.calling_agent_left(now, call, out) {
                    self.interrupt(now, call, out);
                }
            }
            LegId::Agent(offer) => {
                if self.guest_gone(now, offer, OfferFailure::Unreachable, out) {
                    return;
                }
                if was_asked_for {
                    self.talker_lost(now, offer, out);
                } else {
                    self.talker_vanished(now, offer, out);
                }
            }
        }
    }

    /// Whom the caller talked to is gone: he is first in line again. From outside there is no way back.
    fn talker_lost(&mut self, now: Now, offer: OfferId, out: &mut Commands) {
        let Some(&id) = self.in_talk.get(&offer) else { return };
        match self.calls.get(&id).and_then(|call| call.talks_by()) {
            Some((_, agent)) => self.lose_agent(now, id, offer, agent, out),
            None => self.interrupt(now, id, out),
        }
    }
}
