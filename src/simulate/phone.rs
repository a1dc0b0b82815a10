//! Agents and their phones: they ring, are answered, declined, ignored, busy and dead; agents come, go and
//! rest. They know nothing of queues.

use super::agenda::{Happening, Message, Order};
use super::law::Law;
use super::rng::{Purpose, Rng};
use super::world::World;
use crate::engine::event::{Event, OfferFailure, Request};
use crate::engine::id::{AgentId, CallId, LegId, OfferId, RequestId};
use crate::engine::settings::Login;
use std::time::Duration;

/// Until a phone that is gone is found out: between an error at once and the end of its registration's grace.
const FOUND_OUT: Law = Law::Uniform(Duration::from_millis(100), Duration::from_secs(30));
/// When no response comes at all (Timer B, RFC 3261 §17.1.1.2).
const NO_RESPONSE: Duration = Duration::from_secs(32);
/// How long a number outside rings, and how often somebody answers there.
const OUTSIDE_RINGS: Duration = Duration::from_secs(3);
const OUTSIDE_ANSWERS: f64 = 0.7;

/// One leg towards an agent or a number outside, on the far side.
#[derive(Debug)]
pub(super) struct Leg {
    /// Whose; `None` of a number outside.
    pub agent: Option<AgentId>,
    pub call: CallId,
    pub stage: LegStage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LegStage {
    /// The INVITE is on its way.
    Invited,
    /// It rings.
    Ringing,
    /// The agent has answered.
    Up,
}

/// One agent's phone.
#[derive(Debug)]
pub(super) struct Phone {
    pub alive: bool,
    /// The leg it is in.
    pub up: Option<OfferId>,
}

impl Default for Phone {
    fn default() -> Self {
        Self { alive: true, up: None }
    }
}

impl World<'_> {
    /// Everybody's phone is there; who is at work logs in.
    pub(super) fn staff_comes(&mut self) {
        let scenario = self.scenario;
        for (agent, worker) in (0..).map(AgentId).zip(&scenario.workers) {
            self.soon.push_back(Happening::ToEngine(Message::Reachable(agent, true)));
            let login = scenario.settings.agent(agent).map(|agent| agent.login).unwrap_or_default();
            let at_work = worker.shifts.is_empty() || worker.shifts.iter().any(|shift| shift.from.is_zero());
            match (at_work, login) {
                (true, Login::Manual) => self.soon.push_back(Happening::Comes(agent)),
                (false, Login::Automatic) => self.soon.push_back(Happening::Goes(agent)),
                (true, Login::Automatic) | (false, Login::Manual) => {}
            }
            for shift in &worker.shifts {
                if !shift.from.is_zero() {
                    self.at_time(shift.from, Happening::Comes(agent));
                }
                self.at_time(shift.to, Happening::Goes(agent));
            }
            for rest in &worker.breaks {
                self.at_time(rest.from, Happening::Breaks(agent));
                self.at_time(rest.to, Happening::Comes(agent));
            }
        }
    }

    pub(super) fn offered(&mut self, offer: OfferId, call: CallId, agent: Option<AgentId>) {
        self.legs.insert(offer, Leg { agent, call, stage: LegStage::Invited });
        self.send_to_phone(Order::Ring(offer));
    }

    pub(super) fn stopped(&mut self, offer: OfferId) {
        self.send_to_phone(Order::Stop(offer));
    }

    /// What the engine's side sent has arrived.
    pub(super) fn reaches_phone(&mut self, order: Order) -> Option<Event> {
        match order {
            Order::Ring(offer) => self.invited(offer),
            Order::Stop(offer) => self.leg_gone(offer),
        }
        None
    }

    fn invited(&mut self, offer: OfferId) {
        let Some(leg) = self.legs.get_mut(&offer) else { return };
        if leg.stage != LegStage::Invited {
            // The INVITE came twice.
            return;
        }
        let mut rng = Rng::stream(self.seed, Purpose::Offer, offer.0);
        let Some(agent) = leg.agent else {
            leg.stage = LegStage::Ringing;
            self.after(OUTSIDE_RINGS, Happening::Acts(offer));
            return;
        };
        let Some(phone) = self.phones.get(agent.0 as usize) else { return };
        let Some(worker) = self.scenario.workers.get(agent.0 as usize) else { return };
        if !phone.alive {
            let found_out = if rng.happens(0.5) { Duration::from_millis(20) } else { NO_RESPONSE };
            self.after(found_out, Happening::Acts(offer));
        } else if phone.up.is_some() || (!self.closed && rng.happens(worker.busy)) {
            self.refuses(offer, OfferFailure::Busy, None);
        } else {
            leg.stage = LegStage::Ringing;
            let answer = worker.answers_after.draw(&mut rng).unwrap_or(NO_RESPONSE);
            if !answer.is_zero() {
                self.send_to_engine(Message::Ringing(offer));
            }
            self.after(answer, Happening::Acts(offer));
        }
    }

    /// The agent takes the call, declines it or lets it ring; or it has turned out that his phone is dead.
    pub(super) fn acts(&mut self, offer: OfferId) -> Option<Event> {
        let leg = self.legs.get_mut(&offer)?;
        let Some(agent) = leg.agent else { return self.outside_acts(offer) };
        let phone = self.phones.get_mut(agent.0 as usize)?;
        let worker = self.scenario.workers.get(agent.0 as usize)?;
        // Another stream than that of his answer's time: the subject is beyond any offer's number.
        let mut rng = Rng::stream(self.seed, Purpose::Offer, u64::MAX - offer.0);
        let willing = self.closed || !rng.happens(worker.declines + worker.ignores);
        match leg.stage {
            LegStage::Up => {}
            LegStage::Invited => self.refuses(offer, OfferFailure::Unreachable, None),
            LegStage::Ringing if !phone.alive => {}
            LegStage::Ringing if phone.up.is_some() => self.refuses(offer, OfferFailure::Busy, None),
            LegStage::Ringing if willing => {
                leg.stage = LegStage::Up;
                phone.up = Some(offer);
                self.send_to_engine(Message::Answered(offer));
            }
            LegStage::Ringing => {
                if rng.happens(worker.declines / (worker.declines + worker.ignores)) {
                    let retry_after = rng.happens(0.2).then(|| Duration::from_secs(rng.within(1, 600)));
                    self.refuses(offer, OfferFailure::Declined, retry_after);
                }
            }
        }
        None
    }

    /// A number outside answers, or does not.
    fn outside_acts(&mut self, offer: OfferId) -> Option<Event> {
        let leg = self.legs.get_mut(&offer)?;
        if Rng::stream(self.seed, Purpose::Offer, u64::MAX - offer.0).happens(OUTSIDE_ANSWERS) {
            leg.stage = LegStage::Up;
            self.send_to_engine(Message::Answered(offer));
        } else {
            self.refuses(offer, OfferFailure::NoAnswer, None);
        }
        None
    }

    fn refuses(&mut self, offer: OfferId, failure: OfferFailure, retry_after: Option<Duration>) {
        self.legs.remove(&offer);
        self.send_to_engine(Message::Failed(offer, failure, retry_after));
    }

    /// A leg is over on the phone's side.
    pub(super) fn leg_gone(&mut self, offer: OfferId) {
        let Some(leg) = self.legs.remove(&offer) else { return };
        if let Some(agent) = leg.agent
            && let Some(phone) = self.phones.get_mut(agent.0 as usize)
            && phone.up == Some(offer)
        {
            phone.up = None;
            if !self.scenario.settings.dispositions.is_empty() {
                let thinks = Duration::from_secs(
                    Rng::stream(self.seed, Purpose::Conversation, u64::MAX - offer.0).within(1, 60),
                );
                self.after(thinks, Happening::Disposes(agent));
            }
        }
        if self.callers.get(&leg.call).is_some_and(|party| party.talking == Some(offer)) {
            self.left_alone(leg.call);
        }
    }

    pub(super) fn phone_dies(&mut self, agent: AgentId) -> Option<Event> {
        if self.closed {
            return None;
        }
        let phone = self.phones.get_mut(agent.0 as usize)?;
        phone.alive = false;
        let up = phone.up.take();
        let found_out = FOUND_OUT.draw(&mut self.chances.phones).unwrap_or_default();
        self.after(found_out, Happening::ToEngine(Message::Reachable(agent, false)));
        if let Some(offer) = up {
            self.leg_gone(offer);
            let found_out = FOUND_OUT.draw(&mut self.chances.phones).unwrap_or_default();
            self.after(found_out, Happening::ToEngine(Message::Ended(LegId::Agent(offer))));
        }
        // What rang rings no longer, and nobody is told: the engine's own deadline ends the offer.
        self.legs.retain(|_, leg| leg.agent != Some(agent) || leg.stage == LegStage::Invited);
        let dead = self.faults.phone_dead.draw(&mut self.chances.phones).unwrap_or_default();
        self.after(dead, Happening::PhoneLives(agent));
        None
    }

    pub(super) fn phone_lives(&mut self, agent: AgentId) -> Option<Event> {
        self.phones.get_mut(agent.0 as usize)?.alive = true;
        self.send_to_engine(Message::Reachable(agent, true));
        if !self.closed
            && let Some(lives) = self.faults.phone_lives.draw(&mut self.chances.phones)
        {
            self.after(lives, Happening::PhoneDies(agent));
        }
        None
    }

    /// Perhaps the caller is put on hold in the middle of the conversation.
    pub(super) fn may_hold(&mut self, agent: usize, call: CallId, offer: OfferId, talk: Duration) {
        let holds = self.scenario.workers.get(agent).map_or(0.0, |worker| worker.holds);
        let mut rng = Rng::stream(self.seed, Purpose::Conversation, call.0);
        // The first draw says who hangs up.
        let _ = rng.bits();
        if rng.happens(holds) {
            self.after(talk / 4, Happening::Holds(offer, true));
            self.after(talk / 2, Happening::Holds(offer, false));
        }
    }

    pub(super) fn holds(&mut self, offer: OfferId, held: bool) -> Option<Event> {
        if self.legs.contains_key(&offer) {
            self.send_to_engine(Message::Held(LegId::Agent(offer), held));
        }
        None
    }

    pub(super) fn disposes(&mut self, agent: AgentId) -> Option<Event> {
        let disposition = self.scenario.settings.dispositions.first().cloned().unwrap_or_default();
        Some(self.request(Request::Dispose { agent, disposition }))
    }

    pub(super) fn comes(&mut self, agent: AgentId) -> Option<Event> {
        Some(self.request(Request::Login { agent }))
    }

    pub(super) fn goes(&mut self, agent: AgentId) -> Option<Event> {
        Some(self.request(Request::Logout { agent }))
    }

    pub(super) fn breaks(&mut self, agent: AgentId) -> Option<Event> {
        let reason = self.scenario.settings.pause_reasons.first().cloned().unwrap_or_default();
        Some(self.request(Request::Pause { agent, reason }))
    }

    pub(super) fn request(&mut self, request: Request) -> Event {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.ledger.asked(id);
        Event::Requested { id, request }
    }
}
