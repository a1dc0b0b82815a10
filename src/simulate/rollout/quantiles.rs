//! Quantiles of waits of which some were cut short: who gave up would have waited longer, and nobody saw how much.

use super::Outlook;
use super::future::Became;
use std::time::Duration;

/// The waits of one call in all futures.
#[derive(Clone, Debug, Default)]
pub(super) struct Waits {
    /// How long, and whether it was answered then; else its caller gave up.
    seen: Vec<(Duration, bool)>,
}

impl Waits {
    /// What became of the call in one more future, if anything did.
    pub(super) fn note(&mut self, became: Option<&Became>) {
        match became {
            Some(Became::Answered(after)) => self.seen.push((*after, true)),
            Some(Became::GaveUp(after)) => self.seen.push((*after, false)),
            Some(Became::SentAway) | None => {}
        }
    }

    /// The quantiles; a wait of which nobody saw anything counts as the longest.
    ///
    /// By the product-limit estimator (E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations",
    /// JASA 53, 1958), which is right here because patience is drawn apart from everything a wait depends on. Where nobody
    /// gave up, these are the plain quantiles.
    pub(super) fn outlook(mut self, futures: u32) -> Option<Outlook> {
        // Of equal times, answers first.
        self.seen.sort_unstable_by_key(|(after, answered)| (*after, !answered));
        // The i-th smallest of n is taken for the quantile i/(n+1), which is right on average for any distribution.
        let mut at_risk = f64::from(futures) + 1.0;
        let mut left = 1.0;
        let mut steps: Vec<(f64, Duration)> = Vec::with_capacity(self.seen.len());
        for (after, answered) in self.seen {
            if answered {
                left *= 1.0 - at_risk.recip();
                steps.push((1.0 - left, after));
            }
            at_risk -= 1.0;
        }
        let quantile = |share: f64| between(&steps, share);
        Some(Outlook { p10: quantile(0.1)?, p50: quantile(0.5)?, p90: quantile(0.9)? })
    }
}

/// The wait by which this share has been answered, straight between two steps.
fn between(steps: &[(f64, Duration)], share: f64) -> Option<Duration> {
    // Products of fractions miss the whole by rounding.
    let above = steps.iter().position(|(reached, _)| *reached >= share - 1e-9)?;
    let (reached, after) = *steps.get(above)?;
    let Some((before, earlier)) = above.checked_sub(1).and_then(|at| steps.get(at).copied()) else {
        return Some(after);
    };
    let part = ((share - before) / (reached - before)).clamp(0.0, 1.0);
    Some(earlier + after.saturating_sub(earlier).mul_f64(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn without_anybody_who_gives_up_they_are_the_plain_quantiles() {
        let mut waits = Waits::default();
        (1..=99).rev().for_each(|at| waits.note(Some(&Became::Answered(SECOND * at))));
        let outlook = waits.outlook(99).unwrap();
        let near = |wait: Duration, secs: f64| (wait.as_secs_f64() - secs).abs() < 1e-6;
        assert!(near(outlook.p10, 10.0) && near(outlook.p50, 50.0) && near(outlook.p90, 90.0), "{outlook:?}");
    }

    #[test]
    fn who_gave_up_would_have_waited_longer() {
        let mut waits = Waits::default();
        (1..=99).for_each(|at| {
            let after = SECOND * at;
            let gave_up = at % 2 == 0;
            waits.note(Some(&if gave_up { Became::GaveUp(after) } else { Became::Answered(after) }));
        });
        assert!(waits.clone().outlook(99).is_none_or(|it| it.p50 > SECOND * 60), "{:?}", waits.outlook(99));
    }
}
