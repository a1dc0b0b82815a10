//! The two timers a transaction can have running, and the queue of all transactions' next moments.

use crate::engine::time::Monotonic;
use std::collections::BTreeSet;
use std::time::Duration;

/// One transaction's timers: send again, and give up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timers {
    /// When to send again, and the pause that led there.
    pub again: Option<(Monotonic, Duration)>,
    /// When it is over.
    pub end: Option<Monotonic>,
}

impl Timers {
    pub fn deadline(&self) -> Option<Monotonic> {
        let again = self.again.map(|(at, _)| at);
        match (again, self.end) {
            (Some(again), Some(end)) => Some(again.min(end)),
            (again, end) => again.or(end),
        }
    }

    /// Sends again after `pause`, unless the transport does so by itself.
    pub fn repeat(&mut self, now: Monotonic, pause: Duration, reliable: bool) {
        self.again = (!reliable).then(|| (now + pause, pause));
    }

    pub fn end_in(&mut self, now: Monotonic, span: Duration) {
        self.end = Some(now + span);
    }

    /// What is due. The end wins: nothing is sent by a transaction that is over.
    pub fn due(&self, now: Monotonic) -> Due {
        match (self.again, self.end) {
            (_, Some(end)) if end <= now => Due::End,
            (Some((at, pause)), _) if at <= now => Due::Again(pause),
            (_, _) => Due::Nothing,
        }
    }
}

pub(super) enum Due {
    Nothing,
    /// Send again; the pause that has just passed.
    Again(Duration),
    End,
}

/// What a machine wants done, each at most once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Acts {
    /// Send the request, or the last response, again.
    pub again: bool,
    /// Acknowledge the final response (INVITE clients only).
    pub ack: bool,
    /// Hand the response, or the ACK, to the user of the transaction.
    pub tell: bool,
    /// Nobody answered.
    pub timed_out: bool,
    /// The transaction is over.
    pub ended: bool,
}

impl Acts {
    pub const NONE: Self = Self { again: false, ack: false, tell: false, timed_out: false, ended: false };
    pub const AGAIN: Self = Self { again: true, ..Self::NONE };
    pub const TELL: Self = Self { tell: true, ..Self::NONE };
    pub const ENDED: Self = Self { ended: true, ..Self::NONE };
    pub const TIMED_OUT: Self = Self { timed_out: true, ended: true, ..Self::NONE };
}

/// Whose moment it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Owner {
    Client(u64),
    Server(u64),
}

/// The next moment of every transaction: one entry each, so as bounded as they are.
#[derive(Debug, Default)]
pub(super) struct Deadlines(BTreeSet<(Monotonic, Owner)>);

impl Deadlines {
    /// Moves an owner's entry from `old` to `new`.
    pub fn shift(&mut self, owner: Owner, old: &mut Option<Monotonic>, new: Option<Monotonic>) {
        if *old == new {
            return;
        }
        if let Some(at) = *old {
            self.0.remove(&(at, owner));
        }
        if let Some(at) = new {
            self.0.insert((at, owner));
        }
        *old = new;
    }

    pub fn first(&self) -> Option<Monotonic> {
        self.0.first().map(|(at, _)| *at)
    }

    /// The owner of the earliest moment that has come.
    pub fn due(&self, now: Monotonic) -> Option<Owner> {
        self.0.first().filter(|(at, _)| *at <= now).map(|(_, owner)| *owner)
    }

    /// How many entries there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}
