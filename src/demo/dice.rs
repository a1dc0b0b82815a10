//! Chance that can be repeated: the same seed, the same throws. Good enough for a demo, not for secrets.

use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
pub(super) struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Others of its own for somebody else, so that his throws do not depend on when ours happen.
    pub fn split(&mut self) -> Dice {
        Dice(self.throw())
    }

    /// From 0 up to but not including 1.
    pub fn share(&mut self) -> f64 {
        (self.throw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True in that share of throws.
    pub fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// Between the two; more often short than long, as conversations and patience are.
    pub fn skewed(&mut self, (shortest, longest): (Duration, Duration)) -> Duration {
        shortest + longest.saturating_sub(shortest).mul_f64(self.share().powi(2))
    }

    /// The time to the next of events that happen independently: exponential, at most ten times the mean.
    pub fn exponential(&mut self, mean: Duration) -> Duration {
        mean.mul_f64((-(1.0 - self.share()).ln()).min(10.0))
    }

    /// One of them; `None` of none.
    pub fn choose<'t, T>(&mut self, things: &'t [T]) -> Option<&'t T> {
        let index = usize::try_from(self.throw()).unwrap_or(0).checked_rem(things.len())?;
        things.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same() {
        let throws = |seed| (0..8).map(|_| Dice::new(seed).throw()).collect::<Vec<_>>();
        assert_eq!(throws(7), throws(7));
        assert_ne!(throws(7), throws(8));
    }

    #[test]
    fn arrivals_come_at_the_rate_asked_for() {
        let mut dice = Dice::new(3);
        let sum: Duration = (0..10_000).map(|_| dice.exponential(Duration::from_secs(1))).sum();
        assert!((9_700..10_300).contains(&sum.as_secs()), "{sum:?}");
    }

    #[test]
    fn of_nothing_nothing_is_chosen() {
        assert_eq!(Dice::new(1).choose::<u8>(&[]), None);
        assert_eq!(Dice::new(1).choose(&[5]), Some(&5));
    }
}
