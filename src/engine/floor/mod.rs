//! Who waits and who is free, arranged so that matching never scans all of either.
//!
//! Calls of one queue with the same requirement share a [`Plan`]: the agents who may take them, from which moment of
//! the wait on, who of these is free, and who waits at which step. Which agents fit which plans is worked out when the
//! settings are read. An event then costs in proportion to the plans of the one agent or the one call it touches,
//! however many wait and however many are free.

mod place;
mod plan;
mod ready;

pub(super) use place::Place;
pub(super) use plan::{Asks, Fit, Level, Plan};
pub(super) use ready::Eligible;

use super::id::{AgentId, CallId, QueueId};
use super::settings::{Agent, Settings};
use super::strategy::Figures;
use super::time::Monotonic;
use plan::Candidate;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Requirements that single calls brought along, at once; each costs memory and a look at its queue's agents.
const LOOSE_PLANS_MAX: usize = 1_000;

/// A plan: the index in [`Floor::plans`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct PlanId(u32);

/// Where a call stands in line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Line {
    /// Among those with the same plan, at this level.
    Plan(PlanId, u8),
    /// For one agent alone.
    Personal(AgentId),
}

/// All plans, and who fits which.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Floor {
    plans: Vec<Plan>,
    by_asks: BTreeMap<Asks, PlanId>,
    /// The plans of single calls that no call has any more.
    loose_idle: BTreeSet<PlanId>,
    loose: usize,
    /// A dialled number's place in the settings, and its plan.
    by_number: BTreeMap<String, (usize, PlanId)>,
    /// Which plans each agent fits, and how.
    served: Vec<Vec<(PlanId, Fit)>>,
    /// The agents of each queue.
    agents_of: Vec<BTreeSet<AgentId>>,
    /// The plans that borrow each queue's agents.
    borrowers: Vec<Vec<PlanId>>,
    /// Who waits for one agent alone.
    personal: Vec<BTreeSet<Place>>,
}

impl Floor {
    /// Works out the plans of all numbers and queues, and who fits which.
    pub(super) fn new(settings: &Settings) -> Self {
        let mut floor = Self {
            served: vec![Vec::new(); settings.agents.len()],
            agents_of: vec![BTreeSet::new(); settings.queues.len()],
            borrowers: vec![Vec::new(); settings.queues.len()],
            personal: vec![BTreeSet::new(); settings.agents.len()],
            ..Self::default()
        };
        for (id, agent) in (0..).map(AgentId).zip(&settings.agents) {
            floor.list(id, agent);
        }
        for queue in (0..).map(QueueId).take(settings.queues.len()) {
            floor.add_plan(settings, Asks { queue, ..Asks::default() }, true);
        }
        for (at, number) in settings.numbers.iter().enumerate() {
            let asks = Asks {
                queue: number.queue,
                requirement: number.requirement.clone(),
                relaxation: number.relaxation.clone(),
            };
            let known = floor.by_asks.get(&asks).copied();
            if let Some(plan) = known.or_else(|| floor.add_plan(settings, asks, true)) {
                floor.by_number.insert(number.dialled.clone(), (at, plan));
            }
        }
        floor
    }

    fn list(&mut self, id: AgentId, agent: &Agent) {
        for queue in agent.queues.iter().filter(|_| !agent.retired) {
            if let Some(agents) = self.agents_of.get_mut(queue.0 as usize) {
                agents.insert(id);
            }
        }
    }

    /// Looks at the agents of the queue, and of those it borrows from, once.
    fn add_plan(&mut self, settings: &Settings, asks: Asks, is_fixed: bool) -> Option<PlanId> {
        let queue = settings.queue(asks.queue)?;
        let id = match self.loose_idle.pop_first() {
            Some(idle) if !is_fixed => {
                self.give_up(idle);
                idle
            }
            kept => {
                self.loose_idle.extend(kept);
                PlanId(u32::try_from(self.plans.len()).ok()?)
            }
        };
        let mut plan = Plan::new(asks.clone(), queue, is_fixed);
        let sources = std::iter::once(asks.queue).chain(queue.borrow.iter().map(|borrow| borrow.from));
        for agents in sources.filter_map(|queue| self.agents_of.get(queue.0 as usize)) {
            for &agent in agents {
                let Some(known) = settings.agent(agent) else { continue };
                if let Some(fit) = plan.fit(known, &known.primary_skills()) {
                    plan.staff.insert(agent, fit);
                }
            }
        }
        for (agent, fit) in &plan.staff {
            if let Some(served) = self.served.get_mut(agent.0 as usize) {
                served.push((id, *fit));
            }
        }
        for borrow in &queue.borrow {
            if let Some(borrowers) = self.borrowers.get_mut(borrow.from.0 as usize) {
                borrowers.push(id);
            }
        }
        self.by_asks.insert(asks, id);
        if !is_fixed {
            // Nobody has it until `take_plan`: a call that is refused after all never does.
            self.loose += 1;
            self.loose_idle.insert(id);
        }
        match self.plans.get_mut(id.0 as usize) {
            Some(slot) => *slot = plan,
            None => self.plans.push(plan),
        }
        Some(id)
    }

    /// Forgets a plan that a single call brought along; its slot is used again.
    fn give_up(&mut self, id: PlanId) {
        let Some(plan) = self.plans.get_mut(id.0 as usize) else { return };
        self.by_asks.remove(&plan.asks);
        self.loose = self.loose.saturating_sub(1);
        for agent in std::mem::take(&mut plan.staff).into_keys() {
            if let Some(served) = self.served.get_mut(agent.0 as usize) {
                served.retain(|(plan, _)| *plan != id);
            }
        }
        for borrow in plan.levels.iter().filter_map(|level| level.lender.as_ref()) {
            if let Some(borrowers) = self.borrowers.get_mut(borrow.from.0 as usize) {
                borrowers.retain(|plan| *plan != id);
            }
        }
    }

    /// The plan for what a call asks. `None` when too many different ones are in use, or there is no such queue.
    /// The free agents are put into a new plan by the caller, who knows their figures.
    pub(super) fn plan_for(&mut self, settings: &Settings, asks: Asks) -> Option<(PlanId, bool)> {
        if let Some(&known) = self.by_asks.get(&asks) {
            return Some((known, false));
        }
        if self.loose >= LOOSE_PLANS_MAX && self.loose_idle.is_empty() {
            return None;
        }
        self.add_plan(settings, asks, false).map(|plan| (plan, true))
    }

    /// A dialled number's place in the settings, and the plan of calls to it. A site may have ten thousand.
    pub(super) fn number(&self, dialled: &str) -> Option<(usize, PlanId)> {
        self.by_number.get(dialled).copied()
    }

    pub(super) fn plan(&self, id: PlanId) -> Option<&Plan> {
        self.plans.get(id.0 as usize)
    }

    /// A call has this plan from now on, or no longer.
    pub(super) fn take_plan(&mut self, id: PlanId) {
        if let Some(plan) = self.plans.get_mut(id.0 as usize) {
            plan.calls += 1;
            self.loose_idle.remove(&id);
        }
    }

    pub(super) fn drop_plan(&mut self, id: PlanId) {
        if let Some(plan) = self.plans.get_mut(id.0 as usize) {
            plan.calls = plan.calls.saturating_sub(1);
            if plan.calls == 0 && !plan.is_fixed {
                self.loose_idle.insert(id);
            }
        }
    }

    /// Puts a call in line.
    pub(super) fn join(&mut self, line: Line, place: Place) {
        match line {
            Line::Plan(id, level) => {
                if let Some(plan) = self.plans.get_mut(id.0 as usize) {
                    plan.join(level, place);
                }
            }
            Line::Personal(agent) => {
                if let Some(line) = self.personal.get_mut(agent.0 as usize) {
                    line.insert(place);
                }
            }
        }
    }

    /// Takes a call out of line; nothing happens if it does not stand in it.
    pub(super) fn leave(&mut self, line: Line, place: Place) {
        match line {
            Line::Plan(id, level) => {
                if let Some(plan) = self.plans.get_mut(id.0 as usize) {
                    plan.leave(level, place);
                }
            }
            Line::Personal(agent) => {
                if let Some(line) = self.personal.get_mut(agent.0 as usize) {
                    line.remove(&place);
                }
            }
        }
    }

    /// How many stand before this place in its line. Costs in proportion to them.
    pub(super) fn ahead(&self, line: Line, place: Place) -> usize {
        match line {
            Line::Plan(id, level) => self.plan(id).map_or(0, |plan| plan.ahead(level, place)),
            Line::Personal(agent) => {
                self.personal.get(agent.0 as usize).map_or(0, |line| line.range(..place).count())
            }
        }
    }

    /// Puts an agent among the free of every plan he fits.
    pub(super) fn add_ready(&mut self, agent: AgentId, figures: &Figures) {
        let Some(served) = self.served.get(agent.0 as usize) else { return };
        for &(id, fit) in served {
            if let Some(plan) = self.plans.get_mut(id.0 as usize) {
                let standing = plan.standing(agent, fit, figures);
                plan.ready.insert(standing);
            }
        }
    }

    /// Takes an agent from among the free; `figures` are those he was put there with.
    pub(super) fn remove_ready(&mut self, agent: AgentId, figures: &Figures) {
        let Some(served) = self.served.get(agent.0 as usize) else { return };
        for &(id, fit) in served {
            if let Some(plan) = self.plans.get_mut(id.0 as usize) {
                let standing = plan.standing(agent, fit, figures);
                plan.ready.remove(&standing);
            }
        }
    }

    /// Puts a free agent into one plan, which is new.
    pub(super) fn add_ready_to(&mut self, id: PlanId, agent: AgentId, figures: &Figures) {
        if let Some(plan) = self.plans.get_mut(id.0 as usize)
            && let Some(&fit) = plan.staff.get(&agent)
        {
            let standing = plan.standing(agent, fit, figures);
            plan.ready.insert(standing);
        }
    }

    /// Whether a free agent is where he should be.
    pub(super) fn holds_ready(&self, agent: AgentId, figures: &Figures) -> bool {
        self.served.get(agent.0 as usize).is_none_or(|served| {
            served.iter().all(|&(id, fit)| {
                self.plan(id).is_some_and(|plan| plan.ready.contains(&plan.standing(agent, fit, figures)))
            })
        })
    }

    /// An agent's skills or queues have changed: which plans he fits is worked out again. He must not be among the free.
    pub(super) fn refit(&mut self, id: AgentId, agent: &Agent) {
        for agents in &mut self.agents_of {
            agents.remove(&id);
        }
        self.list(id, agent);
        let primary = agent.primary_skills();
        let mut served = Vec::new();
        for (plan_id, plan) in (0..).map(PlanId).zip(&mut self.plans) {
            plan.staff.remove(&id);
            if let Some(fit) = plan.fit(agent, &primary) {
                plan.staff.insert(id, fit);
                served.push((plan_id, fit));
            }
        }
        if let Some(slot) = self.served.get_mut(id.0 as usize) {
            *slot = served;
        }
    }

    /// Who waits for this agent alone, the first in line first.
    pub(super) fn personal(&self, agent: AgentId) -> impl Iterator<Item = CallId> + '_ {
        self.personal.get(agent.0 as usize).into_iter().flatten().map(|place| place.call())
    }

    /// Whom a freed agent takes, among all that he may: who waits for him alone, then the most urgent of all his plans.
    /// `lends` says whether a step that borrows him is open.
    pub(super) fn next_for(
        &self,
        agent: AgentId,
        settings: &Settings,
        now: Monotonic,
        lends: impl Fn(&Level) -> bool,
    ) -> Option<CallId> {
        if let Some(place) = self.personal.get(agent.0 as usize)?.first() {
            return Some(place.call());
        }
        let served = self.served.get(agent.0 as usize)?.iter();
        let plans = served.filter_map(|&(id, fit)| Some((self.plan(id)?, fit)));
        plans
            .filter(|(plan, _)| plan.waiting > 0)
            .filter(|(plan, fit)| plan.levels.get(usize::from(fit.level)).is_some_and(&lends))
            .filter_map(|(plan, fit)| plan.next_for(fit, settings, now))
            .reduce(Candidate::more_urgent)
            .map(|candidate| candidate.place.call())
    }

    /// The free agents who may take a call with this plan at this level.
    pub(super) fn eligible(
        &self,
        id: PlanId,
        level: u8,
        lends: impl Fn(&Level) -> bool,
    ) -> Option<Eligible<'_>> {
        let plan = self.plan(id)?;
        let mut tiers = 0_u64;
        for (at, step) in plan.levels.iter().enumerate().take(usize::from(level) + 1) {
            if lends(step) {
                tiers |= 0b11 << (2 * at);
            }
        }
        Some(Eligible { ready: &plan.ready, tiers })
    }

    /// The plans that borrow this queue's agents.
    pub(super) fn borrowers(&self, queue: QueueId) -> &[PlanId] {
        self.borrowers.get(queue.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// Who stands first at each level of a plan from the level on that borrows from this queue; the earliest place first.
    pub(super) fn heads_borrowing(
        &self,
        id: PlanId,
        lender: QueueId,
    ) -> impl Iterator<Item = CallId> + use<> {
        let plan = self.plan(id);
        let from = plan.and_then(|plan| {
            plan.levels.iter().position(|level| level.lender.as_ref().is_some_and(|it| it.from == lender))
        });
        let mut heads: Vec<Place> = from
            .into_iter()
            .flat_map(|from| plan.into_iter().flat_map(move |plan| plan.heads_from(from)))
            .collect();
        heads.sort_unstable();
        heads.into_iter().map(Place::call)
    }

    /// The agents of a queue.
    pub(super) fn agents_of(&self, queue: QueueId) -> impl Iterator<Item = AgentId> + '_ {
        self.agents_of.get(queue.0 as usize).into_iter().flatten().copied()
    }
}
