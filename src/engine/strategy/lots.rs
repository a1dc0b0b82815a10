//! Random and weighted random: any free agent, by lot.

use super::{AgentId, Choice, Eligible, Strategy};

/// The greatest weight there is.
const WEIGHT_MAX: u32 = 255;

/// With the weights 1 and 255 side by side, somebody light is drawn and thrown back about 255 times before he is
/// taken; no more than this, so that no choice takes for ever. Then whoever was drawn last has it.
const DRAWS_MAX: usize = 1_000;

pub(super) struct Random;

impl Strategy for Random {
    fn wave(&self, eligible: &Eligible<'_>, choice: &mut Choice<'_>, wave: &mut Vec<AgentId>) {
        let drawn = eligible.draw(|agents| {
            let bound = u32::try_from(agents.len()).unwrap_or(u32::MAX);
            agents.get(choice.rng.below(bound) as usize).copied()
        });
        wave.extend(drawn);
    }
}

pub(super) struct WeightedRandom;

impl Strategy for WeightedRandom {
    /// Draws anybody, and keeps him with a probability in proportion to his weight (rejection sampling): costs the same
    /// however many are free, and no sum of weights must be kept.
    fn wave(&self, eligible: &Eligible<'_>, choice: &mut Choice<'_>, wave: &mut Vec<AgentId>) {
        let drawn = eligible.draw(|agents| {
            let bound = u32::try_from(agents.len()).unwrap_or(u32::MAX);
            let mut last = None;
            for _ in 0..DRAWS_MAX {
                last = agents.get(choice.rng.below(bound) as usize).copied();
                let weight = last
                    .and_then(|agent| choice.settings.get(agent.0 as usize))
                    .map_or(1, |agent| u32::from(agent.weight.max(1)));
                if choice.rng.below(WEIGHT_MAX) < weight {
                    break;
                }
            }
            last
        });
        wave.extend(drawn);
    }
}
