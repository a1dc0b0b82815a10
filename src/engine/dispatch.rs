//! Pairs waiting calls with ready agents, and follows each offer to its answer.
//!
//! Between two events nobody who is free could take a call that is in line. So an event can only
//! make work for the call or the agent it touched, and nothing else is looked at.

use super::Engine;
use super::agent::Engaged;
use super::call::Stage;
use super::command::{Command, Commands};
use super::explain::OfferedBecause;
use super::fact::{Fact, OfferOutcome, Outcome};
use super::floor::{Fit, Line, PlanId};
use super::id::{AgentId, CallId, LegId, OfferId};
use super::offer::Offer;
use super::strategy::{Choice, StrategyName};
use super::time::Now;
use super::timer::Timer;
use std::time::Duration;

impl Engine {
    /// An agent has become free: whoever waits for him, or the most urgent call he may serve, is offered.
    pub(super) fn dispatch_to_agent(&mut self, now: Now, id: AgentId, out: &mut Commands) {
        let next = self.floor.next_for(id, &self.settings, now.mono, |level| self.lends(now, level));
        if let Some(call) = next {
            self.dispatch_call(now, call, out);
        }
    }

    /// Offers a call in line to whom its queue's strategy names, if anybody is free for it.
    pub(super) fn dispatch_call(&mut self, now: Now, id: CallId, out: &mut Commands) {
        let Some(call) = self.calls.get(&id).filter(|call| call.stands_in_line()) else { return };
        match call.line {
            Line::Personal(agent) => {
                if self.agents.get(agent.0 as usize).is_some_and(|agent| agent.pooled.is_some()) {
                    self.wave.clear();
                    self.wave.push(agent);
                    self.make_offers(now, id, out);
                }
            }
            Line::Plan(plan, level) => {
                if self.choose(now, id, plan, level) {
                    self.make_offers(now, id, out);
                }
            }
        }
    }

    /// Fills `self.wave` with whom the strategy names; whether that is anybody.
    pub(super) fn choose(&mut self, now: Now, id: CallId, plan: PlanId, level: u8) -> bool {
        self.wave.clear();
        let Some(call) = self.calls.get(&id) else { return false };
        let Some(rules) = self.settings.queues.get(call.queue.0 as usize) else { return false };
        let Some(eligible) = self.floor.eligible(plan, level, |level| self.lends(now, level)) else {
            return false;
        };
        if eligible.is_empty() {
            return false;
        }
        let mut asked_last = self.queues.get(call.queue.0 as usize).and_then(|queue| queue.asked_last);
        let mut rng = self.rng;
        let mut choice = Choice {
            now: now.mono,
            agents: &self.agents,
            settings: &self.settings.agents,
            rng: &mut rng,
            asked_last: &mut asked_last,
        };
        rules.strategy.strategy().wave(&eligible, &mut choice, &mut self.wave);
        debug_assert!(!self.wave.is_empty(), "a strategy must choose somebody of those who are free");
        self.rng = rng;
        if let Some(queue) = self.queues.get_mut(call.queue.0 as usize) {
            queue.asked_last = asked_last;
        }
        !self.wave.is_empty()
    }

    /// Rings those in `self.wave` for the call, beside whoever rings already.
    pub(super) fn make_offers(&mut self, now: Now, id: CallId, out: &mut Commands) {
        let mut wave = std::mem::take(&mut self.wave);
        let Some(call) = self.calls.get(&id) else { return };
        let Some(rules) = self.settings.queue(call.queue) else { return };
        let (queue, line, place) = (call.queue, call.line, call.place);
        let (ring_timeout, ring_step, strategy) = (rules.ring_timeout, rules.ring_step, rules.strategy);
        let personal = call.waits_for.map(|(_, because)| because);
        self.floor.leave(line, place);
        let ring_until = now.mono + ring_timeout;
        for &agent_id in &wave {
            let offer = self.new_offer();
            let because = personal.unwrap_or_else(|| self.because(line, agent_id, strategy));
            let Some(call) = self.calls.get_mut(&id) else { break };
            let Stage::Waiting { offers } = &mut call.stage else { break };
            offers.push(offer);
            let caller = call.caller.clone();
            self.offers.insert(
                offer,
                Offer { call: id, queue, agent: agent_id, because, made: now.mono, ring_until },
            );
            self.timers.start(ring_until, Timer::Ring(offer));
            if let Some(agent) = self.agents.get_mut(agent_id.0 as usize) {
                agent.offer = Some((offer, id));
            }
            out.push(Command::OfferAgent { offer, call: id, agent: agent_id, queue, caller });
            out.record(now, Fact::OfferMade { offer, call: id, queue, agent: agent_id, because });
            self.settle(now, agent_id, out);
        }
        if let Some(call) = self.calls.get_mut(&id) {
            let one_more = strategy == StrategyName::RingProgressively && personal.is_none();
            call.ring_step = one_more.then(|| now.mono + ring_step);
        }
        self.rearm(id);
        wave.clear();
        self.wave = wave;
    }

    fn because(&self, line: Line, agent: AgentId, strategy: StrategyName) -> OfferedBecause {
        let fit = match line {
            Line::Plan(plan, _) => self.floor.plan(plan).and_then(|plan| plan.staff.get(&agent)),
            Line::Personal(_) => None,
        };
        let Fit { level, secondary, .. } =
            fit.copied().unwrap_or(Fit { level: 0, secondary: false, score: 0 });
        OfferedBecause::Strategy { strategy, level, secondary }
    }

    /// Under `ring-progressively`: one more agent beside those who ring, if anybody is free.
    pub(super) fn ring_one_more(&mut self, now: Now, id: CallId, out: &mut Commands) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if call.ring_step.is_none_or(|due| due > now.mono) {
            return;
        }
        call.ring_step = None;
        let Line::Plan(plan, level) = call.line else { return };
        let Some(step) = self.settings.queue(call.queue).map(|rules| rules.ring_step) else { return };
        let rings = matches!(&call.stage, Stage::Waiting { offers } if !offers.is_empty());
        if rings && self.choose(now, id, plan, level) {
            self.make_offers(now, id, out);
        } else if rings && let Some(call) = self.calls.get_mut(&id) {
            // Nobody else is free now; somebody may be at the next step.
            call.ring_step = Some(now.mono + step.max(Duration::from_millis(100)));
        }
    }

    /// The first answer has the call; the rest of the wave is called off.
    pub(super) fn offer_answered(&mut self, now: Now, id: OfferId, out: &mut Commands) {
        if self.is_dialling(id) {
            return self.outside_answered(now, id, out);
        }
        if self.guest_answered(now, id, out) {
            return;
        }
        let Some((call_id, agent_id)) = self.ringing(id) else {
            // The answer crossed our cancelling, or the offer is answered already: nobody wants this leg.
            if !self.in_talk.contains_key(&id) {
                out.push(Command::Hangup { leg: LegId::Agent(id) });
            }
            return;
        };
        let because = self.offers.get(&id).map(|offer| offer.because);
        self.close_offer(now, id, OfferOutcome::Answered, out);
        self.cancel_wave(now, call_id, OfferOutcome::AnsweredElsewhere, out);
        self.leave_queue(now, call_id, Outcome::Answered, Some(agent_id), None, out);
        let Some(call) = self.calls.get_mut(&call_id) else { return };
        call.because = because;
        call.stage = Stage::Talking {
            offer: id,
            agent: agent_id,
            since: now.mono,
            held_since: None,
            held: Duration::ZERO,
        };
        self.in_talk.insert(id, call_id);
        if !call.answered {
            call.answered = true;
            out.push(Command::Answer { call: call_id });
        }
        out.push(Command::Bridge { call: call_id, offer: id });
        self.record_by_rule(now, call_id, out);
        self.remember_served(now, call_id, agent_id);
        if let Some(agent) = self.agent_mut(agent_id) {
            agent.offer = None;
            agent.calls.push(Engaged::new(id, call_id));
            agent.answered += 1;
            agent.missed_in_a_row = 0;
            agent.undisposed = None;
            self.settle(now, agent_id, out);
        }
    }

    /// Calls off every offer that still rings for this call, and frees the agents.
    pub(super) fn cancel_wave(&mut self, now: Now, id: CallId, outcome: OfferOutcome, out: &mut Commands) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Stage::Waiting { offers } = &mut call.stage else { return };
        call.ring_step = None;
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
                state.offer = None;
                self.settle(now, agent, out);
            }
        }
    }

    /// The call and the agent of an offer that still rings.
    pub(super) fn ringing(&self, id: OfferId) -> Option<(CallId, AgentId)> {
        self.offers.get(&id).map(|offer| (offer.call, offer.agent))
    }

    /// Forgets an offer and says how it ended; its agent is left to be put into his next state.
    pub(super) fn close_offer(
        &mut self,
        now: Now,
        id: OfferId,
        outcome: OfferOutcome,
        out: &mut Commands,
    ) -> Option<AgentId> {
        let Offer { call, queue, agent, because: _, made, ring_until } = self.offers.remove(&id)?;
        self.timers.cancel(ring_until, Timer::Ring(id));
        let ring = now.mono.since(made);
        out.record(now, Fact::OfferEnded { offer: id, call, queue, agent, outcome, ring });
        Some(agent)
    }
}
