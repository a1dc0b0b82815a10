//! The free agents of a plan, in the order in which its strategy asks them.

use crate::engine::id::AgentId;
use crate::engine::time::Monotonic;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How well an agent matches a plan, the best first: twice the level at which he comes in, plus one if with a
/// secondary skill or lent by another queue.
pub(super) type Tier = u8;

/// Where a free agent stands. Compared from the first field to the last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(in crate::engine) struct Standing {
    pub(super) tier: Tier,
    /// Calls he is in already: with a capacity of more than one, who is quite free comes first.
    pub(super) engaged: u8,
    /// The strategy's own order.
    pub(super) rank: u64,
    /// Among equals, who has been free longest.
    pub(super) since: Monotonic,
    pub(super) agent: AgentId,
}

/// Those who are free, in order; and in bags too, if the strategy draws lots.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct ReadySet {
    order: BTreeSet<Standing>,
    bags: Option<BTreeMap<Tier, Bag>>,
}

impl ReadySet {
    pub(super) fn new(draws_lots: bool) -> Self {
        Self { order: BTreeSet::new(), bags: draws_lots.then(BTreeMap::new) }
    }

    pub(super) fn insert(&mut self, standing: Standing) {
        if self.order.insert(standing)
            && let Some(bags) = &mut self.bags
        {
            bags.entry(standing.tier).or_default().insert(standing.agent);
        }
    }

    pub(super) fn remove(&mut self, standing: &Standing) {
        if self.order.remove(standing)
            && let Some(bag) = self.bags.as_mut().and_then(|bags| bags.get_mut(&standing.tier))
        {
            bag.remove(standing.agent);
        }
    }

    pub(super) fn contains(&self, standing: &Standing) -> bool {
        self.order.contains(standing)
    }
}

/// Agents without an order, so that drawing one costs the same however many there are.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Bag {
    agents: Vec<AgentId>,
    places: BTreeMap<AgentId, usize>,
}

impl Bag {
    fn insert(&mut self, agent: AgentId) {
        self.places.insert(agent, self.agents.len());
        self.agents.push(agent);
    }

    fn remove(&mut self, agent: AgentId) {
        let Some(at) = self.places.remove(&agent) else { return };
        self.agents.swap_remove(at);
        if let Some(&moved) = self.agents.get(at) {
            self.places.insert(moved, at);
        }
    }
}

/// The free agents who may take one call now.
pub(in crate::engine) struct Eligible<'a> {
    pub(super) ready: &'a ReadySet,
    /// The tiers that may, one bit each.
    pub(super) tiers: u64,
}

impl<'a> Eligible<'a> {
    fn is_open(&self, tier: Tier) -> bool {
        self.tiers & (1_u64 << tier.min(63)) != 0
    }

    /// The best tier with somebody in it, and who is first there. Closed tiers are stepped over whole.
    fn head(&self) -> Option<&'a Standing> {
        let mut head = self.ready.order.first()?;
        while !self.is_open(head.tier) {
            let least =
                Standing { tier: head.tier + 1, engaged: 0, rank: 0, since: Monotonic(0), agent: AgentId(0) };
            head = self.ready.order.range(least..).next()?;
        }
        Some(head)
    }

    /// Whether nobody is free.
    pub(in crate::engine) fn is_empty(&self) -> bool {
        self.head().is_none()
    }

    /// The first in order.
    pub(in crate::engine) fn first(&self) -> Option<AgentId> {
        self.head().map(|standing| standing.agent)
    }

    /// All, in order.
    pub(in crate::engine) fn iter(&self) -> impl Iterator<Item = AgentId> + '_ {
        self.standings().map(|standing| standing.agent)
    }

    fn standings(&self) -> impl Iterator<Item = &'a Standing> + '_ {
        let from = self.head().copied();
        from.into_iter()
            .flat_map(|from| self.ready.order.range(from..))
            .filter(|standing| self.is_open(standing.tier))
    }

    /// Those who match as well as the first, in order.
    pub(in crate::engine) fn best_matching(&self) -> impl Iterator<Item = AgentId> + '_ {
        let best = self.head().map(|standing| (standing.tier, standing.engaged));
        self.standings()
            .take_while(move |standing| Some((standing.tier, standing.engaged)) == best)
            .map(|standing| standing.agent)
    }

    /// Of those who match as well as the first, the first whose rank is greater than `rank`; failing that, the first.
    pub(in crate::engine) fn after(&self, rank: u64) -> Option<AgentId> {
        let head = self.head()?;
        let beyond =
            Standing { rank: rank.saturating_add(1), since: Monotonic(0), agent: AgentId(0), ..*head };
        let next = self.ready.order.range(beyond..).next();
        let same = next.filter(|next| (next.tier, next.engaged) == (head.tier, head.engaged));
        Some(same.unwrap_or(head).agent)
    }

    /// Of those of the best tier, the one whom `pick` names by his number; none if the strategy draws no lots.
    pub(in crate::engine) fn draw(
        &self,
        pick: impl FnOnce(&[AgentId]) -> Option<AgentId>,
    ) -> Option<AgentId> {
        let tier = self.head()?.tier;
        pick(&self.ready.bags.as_ref()?.get(&tier)?.agents)
    }
}
