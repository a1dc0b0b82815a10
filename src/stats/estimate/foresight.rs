//! What was seen by rolling the live state forward, put together with what the formula says: what readers are told of
//! waits. It works nothing out itself but what time has passed.

use super::{Estimate, Pace};
use crate::engine::id::{CallId, QueueId};
use crate::engine::time::Monotonic;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One look ahead. `None` where futures differ too much to say anything; missing where nobody looked.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Foresight {
    /// When it was looked.
    pub at: Monotonic,
    /// How much longer calls wait, from then on.
    pub calls: BTreeMap<CallId, Option<Estimate>>,
    /// What a call that joined had to expect.
    pub queues: BTreeMap<QueueId, Option<Estimate>>,
}

/// What is expected of waits, for readers.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Expected {
    /// What a call that joined each queue now would have to expect, in the order of the settings.
    pub queues: Vec<Option<Estimate>>,
    /// How each queue's line moves, in the order of the settings; `None` where there is no ground.
    pub paces: Vec<Option<Pace>>,
    /// What was last seen ahead.
    pub foresight: Arc<Foresight>,
}

impl Expected {
    /// How much longer a call in line will wait: as it was foreseen; if it joined since, as was foreseen of whoever joins;
    /// where nobody looked ahead, by the formula.
    ///
    /// `ahead` are the calls before it in its queue, `waited` its wait so far.
    pub fn of_call(
        &self,
        call: CallId,
        queue: QueueId,
        now: Monotonic,
        waited: Duration,
        ahead: usize,
    ) -> Option<Estimate> {
        if let Some(foreseen) = self.foresight.calls.get(&call) {
            return foreseen.map(|estimate| estimate.after(now.since(self.foresight.at)));
        }
        let joined_since = waited <= now.since(self.foresight.at);
        if let Some(foreseen) = self.foresight.queues.get(&queue).filter(|_| joined_since) {
            return foreseen.map(|estimate| estimate.after(waited));
        }
        self.paces.get(queue.0 as usize)?.as_ref().map(|pace| pace.behind(ahead))
    }
}
