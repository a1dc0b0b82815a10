//! What the journal says: words only.

use crate::engine::id::CallId;
use crate::engine::time::Now;
use crate::engine::{Engine, Event};
use crate::sip::standing::{Change, Standing};
use crate::stats::{self, CdrFold, LegOfCall, Today};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// One thing that is written down.
#[derive(Debug, Serialize, Deserialize)]
pub enum Entry {
    /// Everything as it was at a moment: what was written before is of no use any more.
    Whole(Box<Whole>),
    /// The engine was told this.
    Happened(Now, Event),
    /// A leg of a call, for its record: the engine knows of no dialogs.
    LegBegun(CallId, LegOfCall),
    /// Something stands otherwise in the signalling.
    Signalling(Change),
    /// The process was alive: a killed one was so at least until then.
    Alive(Now),
}

/// Everything as it is at a moment.
#[derive(Debug, Serialize, Deserialize)]
pub struct Whole {
    /// When.
    pub at: Now,
    /// The engine, with its rules.
    pub engine: Engine,
    /// The records of calls that are not over.
    pub records: CdrFold,
    /// Records that may not have reached the store: while it fails, the journal is where they are kept.
    pub unwritten: Vec<Unwritten>,
    /// The figures of the day.
    pub today: Today,
    /// The signalling.
    pub sip: Standing,
}

/// A record that may not have reached the store. Shared: with a database that is down there may be very many, and the loop has
/// no time to copy them when everything is written anew.
#[derive(Clone, Debug)]
pub struct Unwritten(pub Arc<stats::Entry>);

impl Serialize for Unwritten {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Unwritten {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        stats::Entry::deserialize(from).map(|entry| Self(Arc::new(entry)))
    }
}
