//! A plan: who may serve calls with one set of requirements, from which moment of their wait on.

use super::place::{Place, micros};
use super::ready::{ReadySet, Standing, Tier};
use crate::engine::id::{AgentId, QueueId};
use crate::engine::settings::{Agent, Borrow, Queue, Relaxation, Settings};
use crate::engine::skill::Requirement;
use crate::engine::strategy::{Figures, StrategyName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// More steps than this are never worked through; tiers are bits of a word.
const LEVELS_MAX: usize = 30;

/// What makes two calls' plans the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Asks {
    pub queue: QueueId,
    /// What is required besides what the queue requires.
    pub requirement: Requirement,
    /// What will do instead of `requirement` after a while.
    pub relaxation: Vec<Relaxation>,
}

/// A step of the plan: from `after` on these agents too.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(in crate::engine) struct Level {
    pub after: Duration,
    pub requirement: Requirement,
    /// Whether secondary skills count.
    pub secondary: bool,
    /// Whose agents are borrowed at this step, and while what.
    pub lender: Option<Borrow>,
}

/// How an agent fits a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::engine) struct Fit {
    /// The first level at which he may serve.
    pub level: u8,
    /// With a secondary skill, or lent.
    pub secondary: bool,
    /// How good he is at what is asked.
    pub score: u32,
}

impl Fit {
    pub(super) fn tier(self) -> Tier {
        self.level * 2 + u8::from(self.secondary)
    }
}

/// Calls that require the same, the agents who may take them, and who of these is free.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(in crate::engine) struct Plan {
    pub asks: Asks,
    pub levels: Vec<Level>,
    pub(super) strategy: StrategyName,
    /// Who stands in line at each level.
    lines: Vec<BTreeSet<Place>>,
    /// Who stands first at each level: what every agent who becomes free looks at.
    heads: Vec<Option<Place>>,
    /// How many stand in line in all.
    pub(super) waiting: usize,
    pub staff: BTreeMap<AgentId, Fit>,
    pub(super) ready: ReadySet,
    /// Calls that have this plan, in line or not: it cannot be given up before the last.
    pub(super) calls: usize,
    /// Whether the settings ask for it; else a single call did.
    pub(super) is_fixed: bool,
}

impl Plan {
    pub(super) fn new(asks: Asks, queue: &Queue, is_fixed: bool) -> Self {
        let levels = levels(&asks, queue);
        Self {
            strategy: queue.strategy,
            lines: vec![BTreeSet::new(); levels.len()],
            heads: vec![None; levels.len()],
            waiting: 0,
            levels,
            staff: BTreeMap::new(),
            ready: ReadySet::new(queue.strategy.draws_lots()),
            calls: 0,
            is_fixed,
            asks,
        }
    }

    /// How this agent fits, if he ever does. Who serves the queue himself is not borrowed.
    pub(super) fn fit(&self, agent: &Agent, primary: &crate::engine::skill::SkillSet) -> Option<Fit> {
        let own = agent.queues.contains(&self.asks.queue);
        for (at, level) in (0_u8..).zip(&self.levels) {
            let (may, secondary) = match &level.lender {
                None if own && level.requirement.is_met_by(primary) => (true, false),
                None => (own && level.secondary && level.requirement.is_met_by(&agent.skills), true),
                Some(borrow) => {
                    let lent = !own && agent.queues.contains(&borrow.from);
                    (lent && level.requirement.is_met_by(&agent.skills), true)
                }
            };
            if may && !agent.retired {
                return Some(Fit { level: at, secondary, score: level.requirement.score(&agent.skills) });
            }
        }
        None
    }

    /// Where an agent with these figures stands among the free.
    pub(super) fn standing(&self, agent: AgentId, fit: Fit, figures: &Figures) -> Standing {
        let figures = Figures { score: fit.score, ..*figures };
        Standing {
            tier: fit.tier(),
            engaged: figures.engaged,
            rank: self.strategy.strategy().rank(agent, &figures),
            since: figures.idle_since,
            agent,
        }
    }

    /// Puts a call in line at a level.
    pub(super) fn join(&mut self, level: u8, place: Place) {
        let at = usize::from(level);
        let (Some(line), Some(head)) = (self.lines.get_mut(at), self.heads.get_mut(at)) else { return };
        if line.insert(place) {
            self.waiting += 1;
            if head.is_none_or(|head| place < head) {
                *head = Some(place);
            }
        }
    }

    /// Takes a call out of line; nothing happens if it does not stand in it.
    pub(super) fn leave(&mut self, level: u8, place: Place) {
        let at = usize::from(level);
        let (Some(line), Some(head)) = (self.lines.get_mut(at), self.heads.get_mut(at)) else { return };
        if line.remove(&place) {
            self.waiting -= 1;
            if *head == Some(place) {
                *head = line.first().copied();
            }
        }
    }

    /// How many stand before this place. Costs in proportion to them.
    pub(super) fn ahead(&self, level: u8, place: Place) -> usize {
        self.lines.get(usize::from(level)).map_or(0, |line| line.range(..place).count())
    }

    /// Who stands first at each level from this on.
    pub(super) fn heads_from(&self, level: usize) -> impl Iterator<Item = Place> + '_ {
        self.heads.iter().skip(level).flatten().copied()
    }

    /// The level of a call that has waited so long.
    pub(in crate::engine) fn level_after(&self, waited: Duration) -> u8 {
        let passed = self.levels.partition_point(|level| level.after <= waited);
        u8::try_from(passed.saturating_sub(1)).unwrap_or(u8::MAX)
    }

    /// After which wait the level after this one begins.
    pub(in crate::engine) fn next_level_after(&self, level: u8) -> Option<Duration> {
        self.levels.get(usize::from(level) + 1).map(|level| level.after)
    }

    pub(in crate::engine) fn last_level(&self) -> u8 {
        u8::try_from(self.levels.len().saturating_sub(1)).unwrap_or(u8::MAX)
    }
}

/// Works out the steps: what the queue requires and what the call requires, each relaxed in its own time; secondary
/// skills; borrowed agents. Each step adds; none takes away.
fn levels(asks: &Asks, queue: &Queue) -> Vec<Level> {
    let mut moments: BTreeSet<Duration> = BTreeSet::from([Duration::ZERO, queue.secondary_after]);
    moments.extend(queue.relaxation.iter().chain(&asks.relaxation).map(|step| step.after));
    moments.extend(queue.borrow.iter().map(|borrow| borrow.after));
    let mut levels: Vec<Level> = Vec::new();
    for at in moments {
        let whole = relaxed(&queue.requirement, &queue.relaxation, at).and(relaxed(
            &asks.requirement,
            &asks.relaxation,
            at,
        ));
        let secondary = queue.secondary_after <= at;
        let plain = Level { after: at, requirement: whole.clone(), secondary, lender: None };
        let adds = levels
            .iter()
            .rfind(|level| level.lender.is_none())
            .is_none_or(|last| (&last.requirement, last.secondary) != (&plain.requirement, plain.secondary));
        if adds {
            levels.push(plain);
        }
        for borrow in queue.borrow.iter().filter(|borrow| borrow.after == at) {
            let lender = Some(borrow.clone());
            levels.push(Level { after: at, requirement: whole.clone(), secondary: true, lender });
        }
    }
    levels.truncate(LEVELS_MAX);
    levels
}

fn relaxed(base: &Requirement, steps: &[Relaxation], at: Duration) -> Requirement {
    let mut ways: Vec<_> =
        steps.iter().filter(|step| step.after <= at).map(|step| step.requirement.clone()).collect();
    if ways.is_empty() {
        return base.clone();
    }
    ways.push(base.clone());
    ways.sort();
    ways.dedup();
    Requirement::Any(ways)
}

/// Of what a freed agent may serve, what stands first.
pub(super) struct Candidate {
    pub urgency: i64,
    pub place: Place,
}

impl Plan {
    /// The most urgent call an agent who fits so may take, at any level that includes him.
    pub(super) fn next_for(
        &self,
        fit: Fit,
        settings: &Settings,
        now: crate::engine::time::Monotonic,
    ) -> Option<Candidate> {
        let queue = settings.queue(self.asks.queue)?;
        let handicap = if fit.secondary { micros(settings.primary_first) } else { 0 };
        let heads = self.heads.iter().skip(usize::from(fit.level)).flatten();
        heads
            .map(|&place| Candidate {
                urgency: place.urgency(now, settings.order, queue).saturating_sub(handicap),
                place,
            })
            .reduce(Candidate::more_urgent)
    }
}

impl Candidate {
    /// The more urgent of two; of equals, the earlier place.
    pub(super) fn more_urgent(self, other: Self) -> Self {
        if (other.urgency, std::cmp::Reverse(other.place)) > (self.urgency, std::cmp::Reverse(self.place)) {
            other
        } else {
            self
        }
    }
}
