//! The whole signalling in a storm: engine, SIP core, call records and peers on one fake clock, over a network that loses,
//! doubles, delays and reorders. Callers and phones give up, answer late, forget, restart and change their minds as the
//! seed has it; afterwards nothing may be left, and nobody in a call that the other end has left.
//!
//! Imports of `sip` what is pure: the core, its messages, transactions and dialogs. No socket is opened.

mod books;
mod broken;
mod ladder;
mod network;
mod peer;
mod seen;
mod site;
mod tally;
mod watch;
mod wire;
mod world;

pub use broken::Broken;
pub use seen::Seen;

use std::time::Duration;
use world::World;

/// A broken rule, and how to see it again.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error(
    "seed {seed}, {at:?} after the beginning: {broken}\nreplay: holdfast simulate --signalling --seed {seed} --seeds 1"
)]
pub struct Violation {
    /// The seed of the world.
    pub seed: u64,
    /// How long after its beginning.
    pub at: Duration,
    /// What was broken.
    pub broken: Broken,
}

/// What came of a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// What came about.
    pub seen: Seen,
    /// Datagrams on their way, copies included.
    pub messages: u64,
    /// FNV-1a over every byte and every fact: equal for equal seeds.
    pub digest: u64,
}

/// Lets the world of a seed live to its end.
///
/// # Errors
/// The first rule that was broken.
pub fn run(seed: u64) -> Result<Run, Violation> {
    let at_birth = |broken| Violation { seed, at: Duration::ZERO, broken };
    let mut world = World::new(seed).map_err(at_birth)?;
    world.live().map_err(|broken| Violation { seed, at: world.elapsed(), broken })?;
    Ok(Run { seen: world.seen(), messages: world.network.carried(), digest: world.digest() })
}

/// The same world once more, to be read: the messages of the call in which a rule was broken, as they left (`-->`) and as
/// they arrived (`==>`).
pub fn ladder(violation: &Violation) -> Vec<String> {
    let Ok(mut world) = World::new(violation.seed) else { return Vec::new() };
    world.ladder = Some(ladder::Ladder::default());
    // It ends as it did before.
    let _ = world.live();
    world.ladder.map(|ladder| ladder.of(&violation.broken.to_string())).unwrap_or_default()
}
