//! What goes wrong: messages late, lost, told twice and out of order; stores that stall; clocks that jump;
//! people who press every button. It ends when the world closes.

use super::agenda::{Happening, Message, Order};
use super::rng::Rng;
use super::scenario::Faults;
use super::world::World;
use crate::engine::event::{Event, Request};
use crate::engine::id::{AgentId, CallId, QueueId, SkillId};
use crate::engine::settings::{Destination, Settings};
use crate::engine::skill::Requirement;
use crate::engine::time::Wall;
use std::time::Duration;

/// Retransmission of SIP over UDP (RFC 3261 §17.1.1.2): T1, doubled each time up to T2.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// After so many losses the seventh gets through: Timer B would be next.
const LOSSES_MAX: u32 = 6;
/// The wall clock is put forward or back by no more than this.
const JUMP_MS_MAX: u64 = 2 * 3_600_000;

impl World<'_> {
    pub(super) fn faults_begin(&mut self) {
        for agent in (0..).map(AgentId).take(self.phones.len()) {
            if let Some(lives) = self.faults.phone_lives.draw(&mut self.chances.phones) {
                self.after(lives, Happening::PhoneDies(agent));
            }
        }
        self.clock_jumps_again();
        self.store_stalls_again();
        self.asks_again();
    }

    /// Puts down when something comes again, if it does; time must pass until then.
    fn again(&mut self, due: Option<Duration>, what: Happening) {
        if let Some(due) = due {
            self.after(due.max(Duration::from_millis(1)), what);
        }
    }

    fn clock_jumps_again(&mut self) {
        let due = self.faults.clock_jumps.draw(&mut self.chances.clock);
        self.again(due, Happening::ClockJumps);
    }

    fn store_stalls_again(&mut self) {
        let due = self.faults.store_stalls.draw(&mut self.chances.store);
        self.again(due, Happening::StoreStalls);
    }

    fn asks_again(&mut self) {
        let due = self.faults.requests.draw(&mut self.chances.requests);
        self.again(due, Happening::Asks);
    }

    /// How long the network takes; what is lost is sent again.
    fn delay(&mut self) -> Duration {
        let network = self.faults.network;
        let rng = &mut self.chances.network;
        let mut delay = network.latency.draw(rng).unwrap_or_default();
        if network.lost > 0.0 {
            let mut wait = T1;
            for _ in 0..LOSSES_MAX {
                if !rng.happens(network.lost) {
                    break;
                }
                delay += wait;
                wait = (wait * 2).min(T2);
            }
        }
        delay
    }

    /// Sends a message to the engine, over the network.
    pub(super) fn send_to_engine(&mut self, message: Message) {
        let delay = self.delay();
        self.after(delay, Happening::ToEngine(message));
        if self.faults.network.twice > 0.0 && self.chances.network.happens(self.faults.network.twice) {
            let delay = self.delay();
            self.after(delay, Happening::ToEngine(message));
        }
    }

    /// Sends an order to a phone, over the network. Signalling itself keeps a CANCEL behind its INVITE (RFC 3261
    /// §9.1): an order to stop never comes before the order to ring.
    pub(super) fn send_to_phone(&mut self, order: Order) {
        let delay = match order {
            Order::Ring(_) => self.delay(),
            Order::Stop(offer) => {
                let invited =
                    self.legs.get(&offer).is_some_and(|leg| leg.stage == super::phone::LegStage::Invited);
                if invited {
                    // It never rang, so nobody can answer it.
                    self.leg_gone(offer);
                    return;
                }
                self.delay()
            }
        };
        self.after(delay, Happening::ToPhone(order));
    }

    /// The event that a message becomes when it arrives.
    pub(super) fn event_of(&self, message: Message) -> Event {
        match message {
            Message::Ringing(offer) => Event::OfferRinging { offer },
            Message::Answered(offer) => Event::OfferAnswered { offer },
            Message::Failed(offer, failure, retry_after) => {
                Event::OfferFailed { offer, failure, retry_after }
            }
            Message::Ended(leg) => Event::LegEnded { leg },
            Message::Held(leg, held) => Event::LegHeld { leg, held },
            Message::Heard(leg) => Event::PromptFinished { leg },
            // A registrar tells what is so when it tells it, not what was so when the phone spoke.
            Message::Reachable(agent, said) => {
                let reachable = self.phones.get(agent.0 as usize).map_or(said, |phone| phone.alive);
                Event::AgentReachable { agent, reachable }
            }
        }
    }

    pub(super) fn clock_jumps(&mut self) -> Option<Event> {
        let by = self.chances.clock.below(2 * JUMP_MS_MAX);
        self.wall_ahead_ms += by as i64 - JUMP_MS_MAX as i64;
        self.clock_jumps_again();
        None
    }

    pub(super) fn store_stalls(&mut self) -> Option<Event> {
        if let Some(archive) = &mut self.archive {
            archive.stall();
        }
        let lasts = Duration::from_millis(self.chances.store.within(100, 120_000));
        self.after(lasts, Happening::StoreGoesOn);
        None
    }

    pub(super) fn store_goes_on(&mut self) -> Option<Event> {
        if let Some(archive) = &mut self.archive {
            archive.catch_up();
        }
        self.store_stalls_again();
        None
    }

    /// Somebody asks for something through the API, sensible or not.
    pub(super) fn asks(&mut self) -> Option<Event> {
        if self.closed {
            return None;
        }
        self.asks_again();
        let mut rng = self.chances.requests.clone();
        let request = self.any_request(&mut rng);
        self.chances.requests = rng;
        Some(self.request(request))
    }

    fn any_request(&mut self, rng: &mut Rng) -> Request {
        let settings = &self.scenario.settings;
        let agents = self.phones.len() as u64;
        let agent = AgentId(u32::try_from(rng.below(agents + 1)).unwrap_or(0));
        let known = u64::from(agent.0) < agents;
        let queue = QueueId(u32::try_from(rng.below(settings.queues.len() as u64 + 1)).unwrap_or(0));
        // Only recent calls are worth trying; the others are over.
        let call = CallId(rng.within(self.calls.saturating_sub(8).max(1), self.calls + 1));
        let while_ = Duration::from_secs(rng.within(1, 240));
        let what = rng.below(20);
        if what < 6 && known {
            self.after(while_, Happening::Comes(agent));
        }
        if (12..=16).contains(&what) {
            self.ledger.singled_out(call);
        }
        match what {
            0..=3 => {
                let reason = settings.pause_reasons.first().cloned().unwrap_or_default();
                Request::Pause { agent, reason }
            }
            4 | 5 => Request::Logout { agent },
            6 => Request::Ready { agent },
            7 => Request::Login { agent },
            8 => Request::HangUp { call },
            9 => Request::Pause { agent, reason: "no such reason".into() },
            10 => Request::ExtendWrapUp { agent, by: while_ },
            11 => Request::Explain { call },
            12 => Request::Reprioritise { call, priority: while_ },
            13 => Request::Require { call, requirement: any_requirement(rng, settings) },
            14 => Request::Move { call, queue },
            15 => Request::Pull { call, agent },
            16 => Request::Withdraw { call, to: Destination::Number("+49301234567".into()) },
            17 => Request::Release { agent },
            18 => {
                let until = Wall(self.wall().0 + i64::try_from(while_.as_millis()).unwrap_or(0));
                Request::Close { queue, until: Some(until) }
            }
            _ => Request::Reopen { queue },
        }
    }

    /// No more calls come. Where things went wrong, all is put right: now the queues must drain.
    pub(super) fn closes(&mut self) -> Option<Event> {
        self.closed = true;
        self.after(Self::sweep_after(), Happening::Sweeps);
        if self.scenario.faults != Faults::NONE {
            self.faults = Faults::NONE;
            for agent in (0..).map(AgentId).take(self.phones.len()) {
                // After all that is still on its way.
                let settled = Duration::from_secs(60);
                self.after(settled, Happening::PhoneLives(agent));
                self.after(settled, Happening::Comes(agent));
            }
        }
        None
    }

    /// Whoever still waits now waits for nobody.
    pub(super) fn sweeps(&mut self) -> Option<Event> {
        let waiting: Vec<_> =
            self.callers.iter().filter(|(_, party)| party.talking.is_none()).map(|(&call, _)| call).collect();
        for call in waiting {
            self.gives_up(call);
        }
        None
    }
}

fn any_requirement(rng: &mut Rng, settings: &Settings) -> Requirement {
    let skill = SkillId(u32::try_from(rng.below(settings.skills.len() as u64)).unwrap_or(0));
    if settings.skills.is_empty() || rng.happens(0.3) {
        Requirement::ANYBODY
    } else {
        Requirement::Skill { skill, min: 1 }
    }
}
