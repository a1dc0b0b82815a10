//! Quantiles of very many durations in little memory: buckets of ten microseconds, above 200 ms of ten milliseconds.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The width of a fine bucket; there are so many that they reach to 200 ms.
const FINE_US: u64 = 10;
const FINE: u64 = 20_000;
/// The width of a coarse bucket; there are so many that they reach to 100 s. What is longer goes into the last.
const COARSE_US: u64 = 10_000;
const COARSE: u64 = 9_980;
const BUCKETS: usize = (FINE + COARSE) as usize;

fn bucket_of(duration: Duration) -> usize {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let fine = micros / FINE_US;
    let bucket = if fine < FINE { fine } else { FINE + (micros - FINE * FINE_US) / COARSE_US };
    usize::try_from(bucket).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

/// Where a bucket ends.
fn end_of(bucket: usize) -> Duration {
    let bucket = bucket as u64 + 1;
    let coarse = bucket.saturating_sub(FINE);
    Duration::from_micros(bucket.min(FINE) * FINE_US + coarse * COARSE_US)
}

/// Counts of durations.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, longest: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, duration: Duration) {
        if let Some(bucket) = self.buckets.get_mut(bucket_of(duration)) {
            *bucket += 1;
        }
        self.count += 1;
        self.longest = self.longest.max(duration);
    }

    /// Counts what another has counted.
    pub fn merge(&mut self, other: &Histogram) {
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(to, from)| *to += from);
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest of all.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The value that `share` of all do not exceed, up to one bucket too high; `None` when nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = ((self.count as f64 * share).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(if bucket == BUCKETS - 1 { self.longest } else { end_of(bucket).min(self.longest) })
    }

    /// The same in milliseconds.
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        self.quantile(share).map(|duration| duration.as_secs_f64() * 1e3)
    }

    /// The share of all that took no longer than `limit`.
    pub fn share_within(&self, limit: Duration) -> Option<f64> {
        let within: u64 = self.buckets.iter().take(bucket_of(limit)).sum();
        (self.count > 0).then(|| within as f64 / self.count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_the_values_at_their_rank() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|n| histogram.add(Duration::from_micros(n * 100)));
        let near = |share, ms: f64| (histogram.quantile_ms(share).unwrap() - ms).abs() < 0.02;
        assert!(near(0.5, 50.0) && near(0.99, 99.0) && near(0.999, 99.9));
        assert_eq!(histogram.longest(), Duration::from_millis(100));
        assert!((histogram.share_within(Duration::from_millis(10)).unwrap() - 0.1).abs() < 0.002);
    }

    #[test]
    fn nothing_has_no_quantiles_and_outliers_keep_their_length() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.share_within(Duration::MAX)), (None, None));
        histogram.add(Duration::from_secs(3));
        assert_eq!(histogram.quantile(0.5), Some(Duration::from_secs(3)));
        histogram.add(Duration::from_secs(300));
        assert_eq!(histogram.quantile(1.0), Some(Duration::from_secs(300)));
    }
}
