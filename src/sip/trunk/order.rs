//! Who comes first among equals: lower priorities before higher ones, and shares by weight (RFC 2782). Decides an order,
//! and nothing else.

/// A place among others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Rank {
    /// Lower comes first.
    pub priority: u16,
    /// The share among those of the same priority. Where all have 0, they keep the order in which they stand.
    pub weight: u16,
}

/// The places in the order in which they are tried (RFC 2782, "Weight"). `draw` gives a number from 0 to its argument, both
/// included.
pub fn order(ranks: &[Rank], mut draw: impl FnMut(u32) -> u32) -> Vec<usize> {
    let mut left: Vec<usize> = (0..ranks.len()).collect();
    let rank = |at: usize| ranks.get(at).copied().unwrap_or_default();
    // Those without weight first, so that they have a small chance and not none.
    left.sort_by_key(|at| (rank(*at).priority, rank(*at).weight > 0));
    let mut order = Vec::with_capacity(left.len());
    while let Some(first) = left.first() {
        let priority = rank(*first).priority;
        let group: Vec<usize> =
            left.iter().copied().take_while(|at| rank(*at).priority == priority).collect();
        let sum: u32 = group.iter().map(|at| u32::from(rank(*at).weight)).sum();
        let drawn = if sum == 0 { 0 } else { draw(sum) };
        let mut running = 0;
        let chosen = group.iter().position(|at| {
            running += u32::from(rank(*at).weight);
            running >= drawn
        });
        order.push(left.remove(chosen.unwrap_or(0)));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::tokens::Tokens;

    fn ranks(pairs: &[(u16, u16)]) -> Vec<Rank> {
        pairs.iter().map(|&(priority, weight)| Rank { priority, weight }).collect()
    }

    #[test]
    fn without_weights_the_order_is_that_of_the_priorities_and_then_that_of_the_file() {
        let never = |_| panic!("nothing to draw");
        assert_eq!(order(&ranks(&[(2, 0), (1, 0), (2, 0), (1, 0)]), never), [1, 3, 0, 2]);
        assert_eq!(order(&[], never), [0; 0]);
    }

    #[test]
    fn those_of_one_priority_share_by_weight_and_nobody_is_left_out() {
        let mut lots = Tokens::new(3);
        let ranks = ranks(&[(1, 60), (1, 30), (1, 10), (0, 1), (1, 0)]);
        let mut firsts = [0_u32; 5];
        for _ in 0..2_000 {
            let order = order(&ranks, |most| lots.draw(most));
            assert_eq!(order[0], 3, "the lowest priority always");
            let mut all = order.clone();
            all.sort_unstable();
            assert_eq!(all, [0, 1, 2, 3, 4]);
            firsts[order[1]] += 1;
        }
        // 60, 30 and 10 of 100; the one without weight comes first when 0 of 0..=100 is drawn.
        for (at, around) in [(0, 1188), (1, 594), (2, 198), (4, 20)] {
            assert!(firsts[at].abs_diff(around) < 80, "{firsts:?}");
        }
    }
}
