//! Pairs waiting calls with ready agents, and follows each offer to its one end.
//!
//! Between two events nobody who is free could take a call that is in line. So an event can only
//! make work for the call or the agent it touched, and nothing else is looked at.

use super::Engine;
use super::agent::Activity;
use super::call::Stage;
use super::command::{Command, Commands};
use super::event::OfferFailure;
use super::fact::{Fact, OfferOutcome, Outcome};
use super::id::{AgentId, CallId, LegId, OfferId};
use super::offer::Offer;
use super::time::Now;
use super::timer::Timer;
use super::waiting::GroupId;
use std::time::Duration;

/// No phone may keep an agent from work for longer by asking to be left alone (Retry-After).
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// Nobody who missed a call is rung again at once: a phone that fails instantly would spin for ever.
const REST_MIN: Duration = Duration::from_secs(1);

impl Engine {
    /// An agent of this group has become free: the next call he may serve is offered.
    pub(super) fn dispatch_to_group(&mut self, now: Now, group: GroupId, out: &mut Commands) {
        if let Some(place) = self.floor.next_for(group) {
            self.dispatch_call(now, place.call(), out);
        }
    }

    /// Offers a call in line to whom its queue's strategy names, if anybody is free for it.
    pub(super) fn dispatch_call(&mut self, now: Now, id: CallId, out: &mut Commands) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(queue) = self.settings.queues.get(call.queue.0 as usize) else { return };
        let Stage::Waiting { offers } = &mut call.stage else { return };
        let eligible = self.floor.ready_for(call.place.class());
        if !offers.is_empty() || eligible.is_empty() {
            return;
        }
        let wave = queue.strategy.strategy().wave(&eligible);
        debug_assert!(!wave.is_empty(), "a strategy must choose somebody of those who are free");
        let ring_until = now.mono + queue.ring_timeout;
        let mut made = Vec::with_capacity(wave.len());
        for agent in wave {
            let offer = self.next_offer;
            self.next_offer = OfferId(offer.0 + 1);
            offers.push(offer);
            self.offers
                .insert(offer, Offer { call: id, queue: call.queue, agent, made: now.mono, ring_until });
            self.timers.start(ring_until, Timer::Ring(offer));
            made.push((offer, agent));
        }
        self.floor.leave(call.place);
        let (queue, caller) = (call.queue, call.caller.clone());
        for (offer, agent) in made {
            if let Some(agent) = self.agent_mut(agent) {
                agent.activity = Activity::Offered { offer, call: id };
            }
            out.push(Command::OfferAgent { offer, call: id, agent, queue, caller: caller.clone() });
            out.record(
                now,
                Fact::OfferMade {
                    offer,
                    call: id,
                    queue,
                    agent,
                    because: super::explain::OfferedBecause::Pulled,
                },
            );
            self.settle(now, agent, out);
        }
    }

    /// The first answer has the call; the rest of the wave is called off.
    pub(super) fn offer_answered(&mut self, now: Now, id: OfferId, out: &mut Commands) {
        let Some((call_id, agent_id)) = self.ringing(id) else {
            // The answer crossed our cancelling, or the offer is answered already: nobody wants this leg.
            if !self.is_talking(id) {
                out.push(Command::Hangup { leg: LegId::Agent(id) });
            }
            return;
        };
        self.close_offer(now, id, OfferOutcome::Answered, out);
        self.cancel_wave(now, call_id, OfferOutcome::AnsweredElsewhere, out);
        self.leave_queue(now, call_id, Outcome::Answered, Some(agent_id), out);
        let Some(call) = self.calls.get_mut(&call_id) else { return };
        call.stage = Stage::Talking { offer: id, agent: agent_id, since: now.mono };
        self.in_talk.insert(id, call_id);
        if !call.answered {
            call.answered = true;
            out.push(Command::Answer { call: call_id });
        }
        out.push(Command::Bridge { call: call_id, offer: id });
        if let Some(agent) = self.agent_mut(agent_id) {
            agent.activity = Activity::Talking { call: call_id };
            agent.answered += 1;
            self.settle(now, agent_id, out);
        }
    }

    /// A phone refused or failed: the agent rests, the caller keeps his place, the next agent is asked.
    pub(super) fn offer_failed(
        &mut self,
        now: Now,
        id: OfferId,
        failure: OfferFailure,
        retry_after: Option<Duration>,
        out: &mut Commands,
    ) {
        let outcome = match failure {
            OfferFailure::Busy => OfferOutcome::Busy,
            OfferFailure::Declined => OfferOutcome::Declined,
            OfferFailure::NoAnswer => OfferOutcome::NoAnswer,
            OfferFailure::Unreachable => OfferOutcome::Unreachable,
        };
        self.offer_missed(now, id, outcome, retry_after, out);
    }

    pub(super) fn ring_timed_out(&mut self, now: Now, id: OfferId, out: &mut Commands) {
        out.push(Command::CancelOffer { offer: id, answered_elsewhere: false });
        self.offer_missed(now, id, OfferOutcome::NoAnswer, None, out);
    }

    fn offer_missed(
        &mut self,
        now: Now,
        id: OfferId,
        outcome: OfferOutcome,
        retry_after: Option<Duration>,
        out: &mut Commands,
    ) {
        let Some((call_id, agent_id)) = self.ringing(id) else { return };
        self.close_offer(now, id, outcome, out);
        self.rest(now, call_id, agent_id, retry_after);
        if let Some(call) = self.calls.get_mut(&call_id)
            && let Stage::Waiting { offers } = &mut call.stage
        {
            offers.retain(|&other| other != id);
            if offers.is_empty() {
                self.floor.join(call.place);
            }
        }
        self.settle(now, agent_id, out);
        self.dispatch_call(now, call_id, out);
    }

    /// Leaves an agent alone for a while, so that one who does not answer is not rung again and again.
    fn rest(&mut self, now: Now, call: CallId, agent_id: AgentId, retry_after: Option<Duration>) {
        let queue = self.calls.get(&call).and_then(|call| self.settings.queue(call.queue));
        let rest = queue.map_or(Duration::ZERO, |queue| queue.missed.declined);
        let rest = rest.max(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX));
        if let Some(agent) = self.agents.get_mut(agent_id.0 as usize) {
            agent.activity = Activity::Free;
            let until = now.mono + rest.max(REST_MIN);
            agent.resting_until = Some(until);
            self.timers.start(until, Timer::Rest(agent_id));
        }
    }

    /// Calls off every offer that still rings for this call, and frees the agents.
    pub(super) fn cancel_wave(&mut self, now: Now, id: CallId, outcome: OfferOutcome, out: &mut Commands) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Stage::Waiting { offers } = &mut call.stage else { return };
        let ringing: Vec<_> =
            std::mem::take(offers).into_iter().filter(|id| self.offers.contains_key(id)).collect();
        let mut freed = Vec::with_capacity(ringing.len());
        for offer in ringing {
            let answered_elsewhere = outcome == OfferOutcome::AnsweredElsewhere;
            out.push(Command::CancelOffer { offer, answered_elsewhere });
            freed.extend(self.close_offer(now, offer, outcome, out));
        }
        for agent in freed {
            if let Some(state) = self.agent_mut(agent) {
                state.activity = Activity::Free;
                self.settle(now, agent, out);
            }
        }
    }

    /// The call and the agent of an offer that still rings.
    fn ringing(&self, id: OfferId) -> Option<(CallId, AgentId)> {
        self.offers.get(&id).map(|offer| (offer.call, offer.agent))
    }

    fn is_talking(&self, id: OfferId) -> bool {
        self.call_of_leg(id).is_some()
    }

    /// Forgets an offer and says how it ended; its agent is left to be put into his next state.
    fn close_offer(
        &mut self,
        now: Now,
        id: OfferId,
        outcome: OfferOutcome,
        out: &mut Commands,
    ) -> Option<AgentId> {
        let Offer { call, queue, agent, made, ring_until } = self.offers.remove(&id)?;
        self.timers.cancel(ring_until, Timer::Ring(id));
        let ring = now.mono.since(made);
        out.record(now, Fact::OfferEnded { offer: id, call, queue, agent, outcome, ring });
        Some(agent)
    }
}
