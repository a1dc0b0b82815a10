//! Dialogs that have begun: for the records of their calls, and for whoever traces messages.

use super::Driver;
use crate::engine::time::Now;
use crate::journal::Entry;
use crate::stats::LegOfCall;

impl Driver {
    /// Tells of dialogs that may have begun, before their messages are told of. The record of a call is open by then: what the
    /// engine decides is folded before it is carried out.
    pub(super) fn tell_dialogs(&mut self, now: Now) {
        for begun in self.work.sip.dialogs.drain(..) {
            let leg = LegOfCall {
                at_ms: now.wall.0,
                with: begun.with.clone(),
                sip_call_id: begun.sip_call_id.clone(),
            };
            if self.facts.leg_begun(begun.call, leg.clone())
                && let Some(journal) = &mut self.journal
            {
                journal.note(Entry::LegBegun(begun.call, leg));
            }
            self.tracer.begun(begun);
        }
    }
}
