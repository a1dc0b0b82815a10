//! A copy of the engine, restored from its own state now and then, that must go the same way as the original.

use super::checks::Broken;
use super::rng::{Purpose, Rng};
use crate::engine::command::{Command, Commands};
use crate::engine::fact::Stamped;
use crate::engine::time::Now;
use crate::engine::{Engine, Event};

/// How many events lie between two copies, at most.
const EVERY_MAX: u64 = 600;
/// How many events a copy follows the original.
const FOLLOWS: u64 = 150;

/// The copy, while there is one.
#[derive(Debug)]
pub(super) struct Twin {
    rng: Rng,
    due_in: u64,
    copy: Option<(Box<Engine>, u64)>,
    said: (Vec<Stamped>, Vec<Command>),
}

impl Twin {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::stream(seed, Purpose::World, u64::MAX);
        let due_in = rng.below(EVERY_MAX);
        Self { rng, due_in, copy: None, said: Default::default() }
    }

    /// Before the original is told something, the copy is.
    pub(super) fn follow(&mut self, engine: &Engine, now: Now, event: &Event) -> Result<(), Broken> {
        if self.copy.is_none() {
            if self.due_in > 0 {
                self.due_in -= 1;
                return Ok(());
            }
            self.due_in = self.rng.below(EVERY_MAX);
            self.copy = Some((Box::new(restored(engine)?), FOLLOWS));
        }
        if let Some((copy, _)) = &mut self.copy {
            let mut out = Commands::new();
            copy.handle(now, event.clone(), &mut out);
            self.said = (out.take_facts().collect(), out.take_commands().collect());
        }
        Ok(())
    }

    /// Whether the original said the same.
    pub(super) fn compare(
        &mut self,
        engine: &Engine,
        facts: &[Stamped],
        commands: &[Command],
    ) -> Result<(), Broken> {
        let Some((copy, left)) = &mut self.copy else { return Ok(()) };
        if facts != self.said.0 {
            return Err(Broken::Restored("it told other facts"));
        }
        if commands != self.said.1 {
            return Err(Broken::Restored("it gave other commands"));
        }
        *left -= 1;
        if *left == 0 {
            if **copy != *engine {
                return Err(Broken::Restored("it ended in another state"));
            }
            self.copy = None;
        }
        Ok(())
    }
}

/// The engine as it comes back from its own state, written and read as a standby node would. JSON has no maps whose keys
/// are more than a text or a number; while the state holds one, the copy is a plain one.
fn restored(engine: &Engine) -> Result<Engine, Broken> {
    let Ok(written) = serde_json::to_vec(engine) else { return Ok(engine.clone()) };
    let read: Engine =
        serde_json::from_slice(&written).map_err(|_| Broken::Restored("its state cannot be read"))?;
    if read == *engine { Ok(read) } else { Err(Broken::Restored("it is not what was written")) }
}
