//! What a supervisor can do with a call that waits: credit it, require something of its agent, move it, give it to
//! somebody, take it out.

use super::Engine;
use super::command::{Commands, Refusal};
use super::explain::OfferedBecause;
use super::fact::{OfferOutcome, Outcome};
use super::floor::{Asks, Line, Place};
use super::id::{AgentId, CallId, QueueId};
use super::settings::Destination;
use super::skill::Requirement;
use super::time::Now;
use std::time::Duration;

impl Engine {
    fn must_wait(&self, id: CallId) -> Result<(), Refusal> {
        let call = self.calls.get(&id).ok_or(Refusal::UnknownCall)?;
        if call.is_waiting() { Ok(()) } else { Err(Refusal::NotWaiting) }
    }

    /// Another credit of wait: it moves up or down the line.
    pub(super) fn reprioritise(&mut self, id: CallId, priority: Duration) -> Result<(), Refusal> {
        self.must_wait(id)?;
        let call = self.calls.get_mut(&id).ok_or(Refusal::UnknownCall)?;
        let of_queue = self.settings.queue(call.queue).map_or(Duration::ZERO, |queue| queue.priority);
        call.priority = priority;
        let place = Place::new(call.queued.mono, call.credit(of_queue), id);
        let old = std::mem::replace(&mut call.place, place);
        if call.stands_in_line() {
            let line = call.line;
            self.floor.leave(line, old);
            self.floor.join(line, place);
        }
        Ok(())
    }

    /// Another requirement besides what queue and number require. Whoever is being rung goes on ringing.
    pub(super) fn require(
        &mut self,
        now: Now,
        id: CallId,
        requirement: Requirement,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        self.must_wait(id)?;
        let call = self.calls.get(&id).ok_or(Refusal::UnknownCall)?;
        let (old, queue) = (call.plan, call.queue);
        let waited = now.mono.since(call.queued.mono);
        let number = self.floor.number(&call.dialled).and_then(|(at, _)| self.settings.numbers.get(at));
        // What its number asks for holds in the queue that the number leads to.
        let asks = match number.filter(|number| number.queue == queue) {
            Some(number) => Self::asks(number, requirement),
            None => Asks { queue, requirement, relaxation: Vec::new() },
        };
        let plan = self.plan_for(asks).ok_or(Refusal::TooManyRequirements)?;
        self.floor.take_plan(plan);
        self.floor.drop_plan(old);
        let level = self.floor.plan(plan).map_or(0, |plan| plan.level_after(waited));
        let call = self.calls.get_mut(&id).ok_or(Refusal::UnknownCall)?;
        call.plan = plan;
        match call.line {
            Line::Plan(..) => {
                call.level = level;
                let (line, place) = (Line::Plan(plan, level), call.place);
                let old = std::mem::replace(&mut call.line, line);
                if call.stands_in_line() {
                    self.floor.leave(old, place);
                    self.floor.join(line, place);
                    self.dispatch_call(now, id, out);
                }
            }
            Line::Personal(agent) => {
                let preferred = call.waits_for.is_some_and(|(_, why)| why == OfferedBecause::LastAgent);
                let fits = self.floor.plan(plan).is_some_and(|plan| plan.staff.contains_key(&agent));
                if preferred && !fits && call.stands_in_line() {
                    self.wait_for_anybody(now, id, out);
                }
            }
        }
        self.rearm(id);
        Ok(())
    }

    /// To another queue. The wait so far counts there.
    pub(super) fn move_to(
        &mut self,
        now: Now,
        id: CallId,
        queue: QueueId,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        if self.settings.queue(queue).is_none_or(|queue| queue.retired) {
            return Err(Refusal::UnknownQueue);
        }
        self.withdraw(now, id, Destination::Queue(queue), out)
    }

    /// Out of its queue and elsewhere.
    pub(super) fn withdraw(
        &mut self,
        now: Now,
        id: CallId,
        to: Destination,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        self.must_wait(id)?;
        let from = self.calls.get(&id).map(|call| call.queue).ok_or(Refusal::UnknownCall)?;
        // A supervisor may move a call as often as he likes.
        if !self.can_take(now, from, 0, &to) {
            return Err(Refusal::CannotTake);
        }
        self.send_away(now, id, Outcome::Withdrawn, to, out);
        Ok(())
    }

    /// To this agent, as soon as he is free, whatever his skills. Whoever is being rung for it is called off.
    pub(super) fn pull(
        &mut self,
        now: Now,
        id: CallId,
        agent: AgentId,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        self.must_wait(id)?;
        let state = self.agents.get(agent.0 as usize).ok_or(Refusal::UnknownAgent)?;
        if !state.is_working() {
            return Err(Refusal::NotAtWork);
        }
        let rung = |engine: &Self| {
            engine.agents.get(agent.0 as usize).is_some_and(|it| it.offer.is_some_and(|(_, call)| call == id))
        };
        if rung(self) {
            return Ok(());
        }
        // Out of line first, so that nobody who is freed by this is offered it again.
        let call = self.calls.get_mut(&id).ok_or(Refusal::UnknownCall)?;
        call.waits_for = Some((None, OfferedBecause::Pulled));
        let (line, place) = (Line::Personal(agent), call.place);
        let old = std::mem::replace(&mut call.line, line);
        self.floor.leave(old, place);
        self.cancel_wave(now, id, OfferOutcome::CallerGone, out);
        self.floor.join(line, place);
        self.dispatch_call(now, id, out);
        self.rearm(id);
        Ok(())
    }
}
