//! A call takes its place in a queue: newly come, overflowed from another, or moved.

use super::Engine;
use super::call::Presence;
use super::command::{Command, Commands, Program, Then};
use super::explain::OfferedBecause;
use super::fact::{Entered, Fact, TurnedAwayBecause};
use super::floor::{Asks, Line, Place, PlanId};
use super::id::{AgentId, CallId, LegId, QueueId};
use super::settings::{Number, Relaxation};
use super::skill::Requirement;
use super::time::Now;
use std::time::Duration;

impl Engine {
    /// Whether a queue can have one more call now.
    pub(super) fn admits(&self, now: Now, queue: QueueId) -> Result<(), TurnedAwayBecause> {
        let (Some(rules), Some(state)) = (self.settings.queue(queue), self.queues.get(queue.0 as usize))
        else {
            return Err(TurnedAwayBecause::Closed);
        };
        if rules.retired || !self.is_open(now, queue) {
            Err(TurnedAwayBecause::Closed)
        } else if state.staff_is_all(&rules.refuse_when_all) {
            Err(TurnedAwayBecause::NoAgents)
        } else if state.line.len() >= rules.waiting_max {
            Err(TurnedAwayBecause::Full)
        } else {
            Ok(())
        }
    }

    /// What a call asks that was dialled by this number and has a wish of its own. The number's relaxation does not
    /// relax the wish.
    pub(super) fn asks(number: &Number, wish: Requirement) -> Asks {
        let and_wish = |step: &Relaxation| Relaxation {
            after: step.after,
            requirement: step.requirement.clone().and(wish.clone()),
        };
        Asks {
            queue: number.queue,
            relaxation: number.relaxation.iter().map(and_wish).collect(),
            requirement: number.requirement.clone().and(wish),
        }
    }

    /// The plan for what a call asks, made and filled with the free if it is new. `None`: too many are in use.
    pub(super) fn plan_for(&mut self, asks: Asks) -> Option<PlanId> {
        let (plan, is_new) = self.floor.plan_for(&self.settings, asks)?;
        if is_new {
            let staff: Vec<_> = self.floor.plan(plan)?.staff.keys().copied().collect();
            for agent in staff {
                if let Some(figures) = self.agents.get(agent.0 as usize).and_then(|agent| agent.pooled) {
                    self.floor.add_ready_to(plan, agent, &figures);
                }
            }
        }
        Some(plan)
    }

    /// Puts a call, which has its plan, in line in its queue, and looks for somebody who can take it at once.
    pub(super) fn join(
        &mut self,
        now: Now,
        id: CallId,
        entered: Entered,
        wanted: Option<(AgentId, Option<Duration>, OfferedBecause)>,
        out: &mut Commands,
    ) {
        let Some(call) = self.calls.get(&id) else { return };
        let first_away = self.first_away(call.queue);
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(rules) = self.settings.queues.get(call.queue.0 as usize) else { return };
        call.queued = now;
        call.level = self.floor.plan(call.plan).map_or(0, |plan| plan.level_after(Duration::ZERO));
        call.line = Line::Plan(call.plan, call.level);
        call.place = Place::new(now.mono, call.credit(rules.priority), id);
        let is_behind = first_away.is_some_and(|first| first < call.place);
        call.presence = match (call.presence, is_behind) {
            (Presence::Away, _) => Presence::Away,
            (Presence::There | Presence::Behind, true) => Presence::Behind,
            (Presence::There | Presence::Behind, false) => Presence::There,
        };
        call.overflow_tried = 0;
        call.because = None;
        let program = Program {
            // Who is recorded is told before anybody talks to him.
            prompts: rules.welcome.iter().chain(rules.recording.told()).cloned().collect(),
            language: call.language.clone(),
            then: Then::Music(rules.music.clone()),
            manner: rules.music_manner,
        };
        out.push(Command::Play { leg: LegId::Caller(id), program });
        let queue = call.queue;
        if let Some(state) = self.queues.get_mut(queue.0 as usize) {
            state.line.insert((now.mono, id));
        }
        if call.stands_in_line() {
            self.floor.join(call.line, call.place);
        }
        out.record(
            now,
            Fact::CallQueued {
                call: id,
                queue,
                dialled: call.dialled.clone(),
                caller: call.caller.clone(),
                sip_call_id: call.sip_call_id.clone(),
                language: call.language.clone(),
                priority: call.priority,
                waiting: self.queues.get(queue.0 as usize).map_or(0, |queue| queue.line.len()),
                entered,
            },
        );
        self.watch_closing(now, queue);
        if let Some((agent, wait, because)) = wanted {
            self.wait_for(now, id, agent, wait, because);
        }
        self.dispatch_call(now, id, out);
        self.rearm(id);
        self.may_be_deserted(now, queue);
    }

    /// Lets the caller hear the music of his queue, and nothing before it.
    pub(super) fn play_music(&self, id: CallId, out: &mut Commands) {
        let Some(call) = self.calls.get(&id) else { return };
        let rules = self.settings.queue(call.queue);
        let (music, manner) =
            rules.map(|rules| (rules.music.clone(), rules.music_manner)).unwrap_or_default();
        let (language, then) = (call.language.clone(), Then::Music(music));
        let program = Program { prompts: Vec::new(), language, then, manner };
        out.push(Command::Play { leg: LegId::Caller(id), program });
    }

    /// Puts a call that has left its queue into another. What it was credited with, and what it has waited, count there.
    pub(super) fn rejoin(
        &mut self,
        now: Now,
        id: CallId,
        queue: QueueId,
        entered: Entered,
        out: &mut Commands,
    ) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let old = call.plan;
        let asks = self.floor.plan(old).map(|plan| plan.asks.clone()).unwrap_or_default();
        // A requirement of the call itself goes with it; that of the queue it leaves does not.
        let plan = self
            .plan_for(Asks { queue, ..asks })
            .or_else(|| self.plan_for(Asks { queue, ..Asks::default() }));
        let Some(plan) = plan else { return };
        self.floor.take_plan(plan);
        self.floor.drop_plan(old);
        let Some(call) = self.calls.get_mut(&id) else { return };
        (call.plan, call.queue) = (plan, queue);
        call.hops = call.hops.saturating_add(1);
        call.stage = super::call::Stage::Waiting { offers: Vec::new() };
        self.join(now, id, entered, None, out);
    }
}
