//! Ring all: every qualified free agent at once; the first to answer has the call.

use super::{AgentId, Choice, Eligible, Strategy};

/// More phones than this are never rung for one call: the INVITEs alone would be a burst.
const WAVE_MAX: usize = 50;

pub(super) struct RingAll;

impl Strategy for RingAll {
    fn wave(&self, eligible: &Eligible<'_>, _choice: &mut Choice<'_>, wave: &mut Vec<AgentId>) {
        wave.extend(eligible.iter().take(WAVE_MAX));
    }
}
