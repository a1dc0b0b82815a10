//! What is still to happen, in the order of time; at one moment in the order it was put down. Never decides.

use crate::engine::event::OfferFailure;
use crate::engine::id::{AgentId, CallId, LegId, OfferId};
use crate::engine::time::Monotonic;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// What a phone or a caller's side tells the engine, once it has crossed the network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Message {
    /// The phone rings.
    Ringing(OfferId),
    /// The agent answered.
    Answered(OfferId),
    /// The phone refused or failed; with its Retry-After.
    Failed(OfferId, OfferFailure, Option<Duration>),
    /// A leg was ended by its far side.
    Ended(LegId),
    /// The prompts have been heard.
    Heard(LegId),
    /// The leg was put on hold, or resumed.
    Held(LegId, bool),
    /// A phone's registration came or went.
    Reachable(AgentId, bool),
}

/// What the engine's side tells a phone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Order {
    /// INVITE.
    Ring(OfferId),
    /// CANCEL, or BYE when it is answered.
    Stop(OfferId),
}

/// One thing that will happen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Happening {
    /// The next call of a source comes.
    Arrival(usize),
    /// A recorded call comes.
    Replayed(usize),
    /// A caller's patience ends.
    GivesUp(CallId),
    /// A conversation has been had.
    Finished(CallId, OfferId),
    /// The agent does something about the ringing phone.
    Acts(OfferId),
    /// A message reaches the engine.
    ToEngine(Message),
    /// An order reaches a phone.
    ToPhone(Order),
    /// The agent puts the caller on hold, or resumes.
    Holds(OfferId, bool),
    /// The agent notes what his last call was about.
    Disposes(AgentId),
    /// An agent comes to work, or back from a break.
    Comes(AgentId),
    /// An agent goes home.
    Goes(AgentId),
    /// An agent has a break.
    Breaks(AgentId),
    /// An agent's phone dies.
    PhoneDies(AgentId),
    /// It lives again.
    PhoneLives(AgentId),
    /// The wall clock is put forward or back.
    ClockJumps,
    /// The store of facts stops taking them.
    StoreStalls,
    /// It goes on.
    StoreGoesOn,
    /// Somebody asks for something through the API.
    Asks,
    /// No more calls; whoever can be is put right again.
    Closes,
    /// Whoever still waits for nobody hangs up.
    Sweeps,
}

/// The future.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(Monotonic, u64, Happening)>>,
    put_down: u64,
}

impl Agenda {
    pub(super) fn put(&mut self, at: Monotonic, what: Happening) {
        self.put_down += 1;
        self.heap.push(Reverse((at, self.put_down, what)));
    }

    pub(super) fn next_at(&self) -> Option<Monotonic> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    pub(super) fn take(&mut self) -> Option<(Monotonic, Happening)> {
        self.heap.pop().map(|Reverse((at, _, what))| (at, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_first_happens_first_and_ties_keep_their_order() {
        let mut agenda = Agenda::default();
        agenda.put(Monotonic(5), Happening::Sweeps);
        agenda.put(Monotonic(3), Happening::Closes);
        agenda.put(Monotonic(3), Happening::Arrival(0));
        let order: Vec<_> = std::iter::from_fn(|| agenda.take()).collect();
        assert_eq!(
            order,
            [
                (Monotonic(3), Happening::Closes),
                (Monotonic(3), Happening::Arrival(0)),
                (Monotonic(5), Happening::Sweeps)
            ]
        );
    }
}
