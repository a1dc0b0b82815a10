//! Service level "answered within T", in its five published variants. Raw counts are kept, so that every
//! variant can be computed, and recomputed later.

use serde::{Deserialize, Serialize};

/// What is counted of calls whose outcome is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Answered by an agent.
    pub answered: u64,
    /// Of these, within the threshold.
    pub answered_in_threshold: u64,
    /// Given up by the caller, short abandons included.
    pub abandoned: u64,
    /// Of these, within the threshold.
    pub abandoned_in_threshold: u64,
    /// Of these, so soon that they are not held against the queue.
    pub short_abandons: u64,
}

/// How abandoned calls count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Variant {
    /// Abandoned within the threshold counts as met.
    AbandonsInTimeMet,
    /// Abandoned calls are ignored.
    AnsweredOnly,
    /// Every abandoned call counts against.
    AbandonsAgainst,
    /// Only those abandoned after the threshold count against.
    LateAbandonsAgainst,
    /// Short abandons count as met.
    ShortAbandonsMet,
}

impl Variant {
    /// Every variant.
    pub const ALL: [Variant; 5] = [
        Self::AbandonsInTimeMet,
        Self::AnsweredOnly,
        Self::AbandonsAgainst,
        Self::LateAbandonsAgainst,
        Self::ShortAbandonsMet,
    ];
}

impl Counts {
    /// Calls that were answered or abandoned.
    pub fn offered(&self) -> u64 {
        self.answered + self.abandoned
    }

    /// The service level from 0 to 1; `None` while there is nothing to divide by.
    pub fn service_level(&self, variant: Variant) -> Option<f64> {
        let late_abandons = self.abandoned.saturating_sub(self.abandoned_in_threshold);
        let (met, of) = match variant {
            Variant::AbandonsInTimeMet => {
                (self.answered_in_threshold + self.abandoned_in_threshold, self.offered())
            }
            Variant::AnsweredOnly => (self.answered_in_threshold, self.answered),
            Variant::AbandonsAgainst => (self.answered_in_threshold, self.offered()),
            Variant::LateAbandonsAgainst => (self.answered_in_threshold, self.answered + late_abandons),
            Variant::ShortAbandonsMet => (self.answered_in_threshold + self.short_abandons, self.offered()),
        };
        #[allow(clippy::cast_precision_loss)] // counts of calls stay far below 2⁵³
        (of > 0).then(|| met as f64 / of as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the field's definition is given with.
    const EXAMPLE: Counts = Counts {
        answered: 1000,
        answered_in_threshold: 860,
        abandoned: 60,
        abandoned_in_threshold: 20,
        short_abandons: 10,
    };

    #[test]
    fn each_variant_gives_the_published_figure() {
        let percent = |variant| format!("{:.1}", EXAMPLE.service_level(variant).unwrap() * 100.0);
        let figures = Variant::ALL.map(percent);
        assert_eq!(figures, ["83.0", "86.0", "81.1", "82.7", "82.1"]);
    }

    #[test]
    fn without_calls_there_is_no_service_level() {
        assert!(Variant::ALL.iter().all(|variant| Counts::default().service_level(*variant).is_none()));
    }
}
