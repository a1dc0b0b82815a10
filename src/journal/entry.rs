//! What the journal says: words only.

use crate::engine::time::Now;
use crate::engine::{Engine, Event};
use crate::sip::standing::{Change, Standing};
use crate::stats::{self, CdrFold, Today};
use serde::{Deserialize, Serialize};

/// One thing that is written down.
#[derive(Debug, Serialize, Deserialize)]
pub enum Entry {
    /// Everything as it was at a moment: what was written before is of no use any more.
    Whole(Box<Whole>),
    /// The engine was told this.
    Happened(Now, Event),
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
    /// Records that may not have reached the store.
    pub unwritten: Vec<stats::Entry>,
    /// The figures of the day.
    pub today: Today,
    /// The signalling.
    pub sip: Standing,
}
