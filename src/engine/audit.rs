//! The engine looks at itself: every structure against every other. For simulations and tests; it looks at everything.

use super::Engine;
use super::call::{Presence, Stage};
use super::floor::Line;
use super::id::{AgentId, LegId, OfferId};
use super::time::Now;

impl Engine {
    /// Checks that what is kept twice agrees, and that nobody waits for whom somebody qualified is free.
    ///
    /// # Errors
    /// The first disagreement, in words.
    pub fn audit(&self, now: Now) -> Result<(), String> {
        self.audit_agents()?;
        self.audit_calls(now)?;
        self.audit_offers(now)?;
        let in_lines: usize = self.queues.iter().map(|queue| queue.line.len()).sum();
        let waiting = self.calls.values().filter(|call| call.is_waiting()).count();
        if in_lines != waiting {
            return Err(format!("{waiting} calls wait, but the queues hold {in_lines}"));
        }
        let mut counted = self.clone();
        counted.count_staff();
        if counted.queues != self.queues {
            return Err("a queue's staff is counted wrong".into());
        }
        Ok(())
    }

    fn audit_agents(&self) -> Result<(), String> {
        for (id, (agent, settings)) in (0..).map(AgentId).zip(self.agents.iter().zip(&self.settings.agents)) {
            let capacity = settings.capacity.max(1);
            if agent.seen != agent.state() {
                return Err(format!("agent {id} is {:?} and seen as {:?}", agent.state(), agent.seen));
            }
            if agent.calls.len() + usize::from(agent.offer.is_some()) > usize::from(capacity) {
                return Err(format!("agent {id} has more calls than his capacity of {capacity}"));
            }
            let available = agent.is_available(capacity) && !settings.retired;
            if available != agent.pooled.is_some() {
                return Err(format!(
                    "agent {id} is available: {available}, but among the free: {}",
                    !available
                ));
            }
            if agent.pooled.is_some_and(|figures| !self.floor.holds_ready(id, &figures)) {
                return Err(format!("agent {id} is free, but not to be found in a plan he fits"));
            }
            if let Some((offer, call)) = agent.guest
                && self
                    .guests
                    .get(&offer)
                    .is_none_or(|guest| (guest.call, guest.who.agent()) != (call, Some(id)))
            {
                return Err(format!("agent {id} has joined {call} by {offer}, which does not know"));
            }
            if let Some((offer, call)) = agent.offer
                && self.ringing(offer) != Some((call, id))
            {
                return Err(format!("agent {id} is offered {call} by {offer}, which does not exist"));
            }
            if let Some(lost) = agent.calls.iter().find(|it| self.in_talk.get(&it.offer) != Some(&it.call)) {
                return Err(format!("agent {id} talks to {}, which does not know", lost.call));
            }
        }
        Ok(())
    }

    fn audit_calls(&self, now: Now) -> Result<(), String> {
        let guests: usize = self.calls.values().map(|call| call.guests.len()).sum();
        let called = self.internal.iter().filter(|(id, internal)| {
            self.guests.get(&internal.offer).is_some_and(|guest| guest.call == **id)
        });
        if guests + called.count() != self.guests.len() {
            return Err(format!("{guests} joined calls, but {} are known", self.guests.len()));
        }
        for (id, call) in &self.calls {
            if (call.presence == Presence::Away) != self.away.contains(&LegId::Caller(*id)) {
                return Err(format!("{id} is {:?}, which is not what was asked", call.presence));
            }
            if let Some(lost) =
                call.guests.iter().find(|it| self.guests.get(it).is_none_or(|guest| guest.call != *id))
            {
                return Err(format!("{lost} joined {id}, and does not know"));
            }
            match &call.stage {
                Stage::Waiting { offers } => {
                    if let Some(gone) = offers.iter().find(|offer| !self.offers.contains_key(offer)) {
                        return Err(format!("{id} is offered by {gone}, which does not exist"));
                    }
                    let listed = self.queues.get(call.queue.0 as usize);
                    if !listed.is_some_and(|queue| queue.line.contains(&(call.queued.mono, *id))) {
                        return Err(format!("{id} waits in {} but is not in its line", call.queue));
                    }
                    if call.presence == Presence::Behind && self.first_away(call.queue).is_none() {
                        return Err(format!("{id} stands behind nobody who is being asked for"));
                    }
                    if call.stands_in_line() && self.somebody_is_free(now, call) {
                        return Err(format!("{id} waits though somebody qualified is free"));
                    }
                }
                Stage::Talking { offer, .. }
                | Stage::Dialling { offer, .. }
                | Stage::Outside { offer, .. } => {
                    if self.in_talk.get(offer) != Some(id) {
                        return Err(format!("{id} talks by {offer}, which does not know"));
                    }
                }
                Stage::Transferring { offer, .. } if !call.guests.contains(offer) => {
                    return Err(format!("{id} is passed on by {offer}, which does not know"));
                }
                Stage::Transferring { .. } | Stage::Leaving { .. } => {}
            }
        }
        Ok(())
    }

    fn somebody_is_free(&self, now: Now, call: &super::Call) -> bool {
        match call.line {
            Line::Personal(agent) => {
                self.agents.get(agent.0 as usize).is_some_and(|agent| agent.pooled.is_some())
            }
            Line::Plan(plan, level) => self
                .floor
                .eligible(plan, level, |level| self.lends(now, level))
                .is_some_and(|eligible| !eligible.is_empty()),
        }
    }

    /// No lease outlives its deadline by an event.
    fn audit_offers(&self, now: Now) -> Result<(), String> {
        for (id, offer) in &self.offers {
            if offer.ring_until < now.mono {
                return Err(format!("offer {id} has outlived its deadline"));
            }
            let state = self.agents.get(offer.agent.0 as usize).and_then(|agent| agent.offer);
            if state != Some((*id, offer.call)) {
                return Err(format!("offer {id} rings agent {}, who does not know", offer.agent));
            }
        }
        let forgotten = |(id, call): (&OfferId, _)| (!self.calls.contains_key(call)).then_some(*id);
        match self.in_talk.iter().find_map(forgotten) {
            Some(id) => Err(format!("offer {id} talks to a call that is over")),
            None => Ok(()),
        }
    }
}
