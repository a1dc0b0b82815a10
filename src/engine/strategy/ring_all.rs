//! Ring all: every qualified free agent at once; the first to answer has the call.

use super::{AgentId, Ready, Strategy};

/// More phones than this are never rung for one call: the INVITEs alone would be a burst.
const WAVE_MAX: usize = 50;

pub(super) struct RingAll;

impl Strategy for RingAll {
    fn wave(&self, eligible: &Ready<'_>) -> Vec<AgentId> {
        let mut all: Vec<_> = eligible.groups().flat_map(|group| &group.ready).collect();
        all.sort();
        all.into_iter().take(WAVE_MAX).map(|&(_, agent)| agent).collect()
    }
}
