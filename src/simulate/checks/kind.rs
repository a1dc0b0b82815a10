//! Calls of one kind: their line, and who may and must take them.

use super::Place;
use crate::engine::id::{AgentId, CallId};
use crate::engine::settings::Settings;
use crate::engine::time::Monotonic;
use crate::simulate::eligible;
use std::collections::BTreeSet;
use std::time::Duration;

/// Calls that nothing tells apart but when they came.
#[derive(Debug)]
pub(super) struct Kind {
    /// In line and not being offered, by their place.
    pub line: BTreeSet<Place>,
    /// From when on each agent may take them.
    pub may_from: Vec<Option<Duration>>,
    /// Who must take them from when on, a bit each; later steps hold the earlier ones too.
    must: Vec<(Duration, Vec<u64>)>,
    /// Every call's credit of wait.
    pub priority: Duration,
}

impl Kind {
    pub(super) fn new(settings: &Settings, number: usize) -> Self {
        let since = eligible::agents(settings, number);
        let mut steps: Vec<Duration> = since.iter().filter_map(|since| since.must).collect();
        steps.sort_unstable();
        steps.dedup();
        let bits = |after: Duration| {
            let mut bits = vec![0; since.len().div_ceil(64)];
            for (agent, since) in (0..).map(AgentId).zip(&since) {
                let (word, mask) = bit(agent);
                if since.must.is_some_and(|must| must <= after)
                    && let Some(bits) = bits.get_mut(word)
                {
                    *bits |= mask;
                }
            }
            (after, bits)
        };
        Self {
            line: BTreeSet::new(),
            must: steps.into_iter().map(bits).collect(),
            may_from: since.iter().map(|since| since.may).collect(),
            priority: Duration::ZERO,
        }
    }

    /// A call of this kind that somebody of the ready should have been offered by now, and who.
    pub(super) fn neglected(&self, now: Monotonic, ready: &[u64]) -> Option<(CallId, AgentId)> {
        let &(place, call) = self.line.first()?;
        let waited = now.since(place + self.priority);
        let (_, must) = self.must.iter().rev().find(|(after, _)| *after <= waited)?;
        let mut words = (0..).zip(ready.iter().zip(must).map(|(ready, must)| ready & must));
        let (word, both) = words.find(|(_, both)| *both != 0)?;
        Some((call, AgentId(word * 64 + both.trailing_zeros())))
    }
}

/// The place of an agent's bit.
pub(super) fn bit(agent: AgentId) -> (usize, u64) {
    (agent.0 as usize / 64, 1 << (agent.0 % 64))
}
