//! Longest idle: the agent who has been free longest. Fair, and the custom of the trade.

use super::Strategy;

pub(super) struct LongestIdle;

// What makes equals different makes everybody different: who has been free longest.
impl Strategy for LongestIdle {}
