//! Who is asked first: one file per strategy, and the table of their names.

use serde::{Deserialize, Serialize};

/// The strategies, by the names the configuration uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyName {
    /// The agent who has been free longest.
    #[default]
    LongestIdle,
    /// The agent who is best at what the call requires; among equals the one longest free.
    BestSkill,
    /// Every qualified free agent at once; the first to answer has the call.
    RingAll,
}

impl StrategyName {
    /// Every strategy with the name the configuration uses.
    pub const TABLE: [(&'static str, StrategyName); 3] =
        [("longest-idle", Self::LongestIdle), ("best-skill", Self::BestSkill), ("ring-all", Self::RingAll)];
}
