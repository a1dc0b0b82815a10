//! From what was written down to the state it stands for. Reads no file and starts nothing.

use super::entry::{Entry, Unwritten, Whole};
use super::frame::Frames;
use crate::engine::command::Commands;
use crate::engine::fact::Fact;
use crate::engine::id::{CallId, LegId};
use crate::engine::time::Now;
use crate::engine::{Engine, Event};
use crate::sip::standing::{Change, Standing, StandingContacts, StandingFork, StandingLeg};
use crate::stats::{self, CdrFold, Today};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The process as it was when it was killed.
#[derive(Debug)]
pub struct Recovered {
    /// The engine.
    pub engine: Engine,
    /// The records of calls that were not over.
    pub records: CdrFold,
    /// The figures of the day.
    pub today: Today,
    /// The signalling.
    pub sip: Standing,
    /// The last moment at which it is known to have been alive.
    pub last: Now,
    /// Records that may not have reached the store. Those that have are left alone there.
    pub written: Vec<stats::Entry>,
    /// The highest identity of any call it knew of.
    pub newest_call: Option<CallId>,
    /// How many events the engine was told again.
    pub events: u64,
    /// How many bytes at the end were not whole.
    pub torn_bytes: usize,
}

/// Why a journal is of no use.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// It was written by another version, or is none.
    #[error("it was written by another version of Holdfast")]
    Version,
    /// A frame that was written whole says nothing that this version understands.
    #[error("it cannot be understood: {0}")]
    Entry(String),
}

/// What is being read.
struct State {
    engine: Engine,
    records: CdrFold,
    today: Today,
    legs: BTreeMap<LegId, StandingLeg>,
    contacts: BTreeMap<String, StandingContacts>,
    forks: BTreeMap<u64, StandingFork>,
    last: Now,
}

/// Reads a journal. `None` when it holds nothing.
///
/// # Errors
/// When it is of no use as a whole. A torn end is no error: what came before it counts.
pub fn replay(bytes: &[u8]) -> Result<Option<Recovered>, Unreadable> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut frames = Frames::of(bytes).ok_or(Unreadable::Version)?;
    let mut state: Option<State> = None;
    let (mut written, mut newest_call, mut events) = (Vec::new(), None, 0);
    for frame in frames.by_ref() {
        let entries: Vec<Entry> =
            ciborium::from_reader(frame).map_err(|error| Unreadable::Entry(error.to_string()))?;
        for entry in entries {
            match (entry, &mut state) {
                (Entry::Whole(mut whole), state) => {
                    let unwritten = std::mem::take(&mut whole.unwritten).into_iter();
                    written.extend(unwritten.map(|Unwritten(entry)| Arc::unwrap_or_clone(entry)));
                    *state = Some(State::of(*whole));
                }
                (Entry::Happened(at, event), Some(state)) => {
                    events += 1;
                    if let Event::CallArrived { call, .. } = &event {
                        newest_call = newest_call.max(Some(*call));
                    }
                    written.extend(state.happen(at, event));
                }
                (Entry::LegBegun(call, leg), Some(state)) => {
                    state.records.leg_begun(call, leg);
                }
                (Entry::Signalling(change), Some(state)) => state.change(change),
                (Entry::Alive(at), Some(state)) => state.last = at,
                // Nothing is known yet that it could have happened to.
                (
                    Entry::Happened(..) | Entry::LegBegun(..) | Entry::Signalling(_) | Entry::Alive(_),
                    None,
                ) => {}
            }
        }
    }
    let torn_bytes = frames.torn_bytes();
    Ok(state.map(|state| {
        let newest_call = newest_call.max(state.engine.newest_call());
        Recovered {
            engine: state.engine,
            records: state.records,
            today: state.today,
            sip: Standing {
                legs: state.legs.into_values().collect(),
                contacts: state.contacts.into_values().collect(),
                forks: state.forks.into_iter().collect(),
            },
            last: state.last,
            written,
            newest_call,
            events,
            torn_bytes,
        }
    }))
}

impl State {
    fn of(whole: Whole) -> Self {
        let Whole { at, engine, records, unwritten: _, today, sip } = whole;
        Self {
            engine,
            records,
            today,
            legs: sip.legs.into_iter().map(|leg| (leg.leg, leg)).collect(),
            contacts: sip.contacts.into_iter().map(|one| (one.account.clone(), one)).collect(),
            forks: sip.forks.into_iter().collect(),
            last: at,
        }
    }

    /// Tells the engine once more. What it commanded was done then, and is not done again.
    fn happen(&mut self, at: Now, event: Event) -> Vec<stats::Entry> {
        self.last = at;
        let mut out = Commands::new();
        self.engine.handle(at, event, &mut out);
        drop(out.take_commands());
        let mut written = Vec::new();
        for stamped in out.take_facts() {
            if stamped.fact == Fact::Reconfigured {
                self.records.follow(self.engine.settings());
                self.today.follow(self.engine.settings());
            }
            written.extend(self.records.observe(&stamped));
            self.today.observe(&stamped);
        }
        written
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Leg(leg) => drop(self.legs.insert(leg.leg, *leg)),
            Change::LegGone(leg) => drop(self.legs.remove(&leg)),
            Change::Contacts(contacts) => {
                drop(self.contacts.insert(contacts.account.clone(), contacts));
            }
            Change::Fork(id, fork) => drop(self.forks.insert(id, *fork)),
            Change::ForkGone(id) => drop(self.forks.remove(&id)),
        }
    }
}
