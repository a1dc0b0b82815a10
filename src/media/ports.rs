//! Which RTP ports are free. Even ones only, RTCP lies one above (RFC 3550 §11). A port that was used rests before it
//! is used again, so that a late packet does not reach the next call. Opens no socket.

use crate::engine::time::Monotonic;
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The ports of the configured range.
#[derive(Debug)]
pub struct Ports {
    free: VecDeque<u16>,
    resting: VecDeque<(Monotonic, u16)>,
    rest: Duration,
}

impl Ports {
    /// All even ports of the range whose odd neighbour lies in it too, in an order that `seed` shuffles: who cannot
    /// guess the next port cannot spray it.
    pub fn new(range: RangeInclusive<u16>, rest: Duration, seed: u64) -> Ports {
        let mut free: VecDeque<u16> =
            range.clone().filter(|port| port % 2 == 0 && *port != 0 && range.contains(&(port | 1))).collect();
        let mut state = seed | 1;
        for last in (1..free.len()).rev() {
            // xorshift64: not secret by itself, but the seed is.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            free.swap(last, (state % (last as u64 + 1)) as usize);
        }
        Ports { free, resting: VecDeque::new(), rest }
    }

    /// Takes a port; `None` when all are in use or resting.
    pub fn take(&mut self, now: Monotonic) -> Option<u16> {
        self.wake(now);
        self.free.pop_front()
    }

    /// Takes this very port, if it is free.
    pub fn take_this(&mut self, now: Monotonic, port: u16) -> Option<u16> {
        self.wake(now);
        let at = self.free.iter().position(|free| *free == port)?;
        self.free.remove(at)
    }

    /// Gives a port back; it rests now.
    pub fn give_back(&mut self, now: Monotonic, port: u16) {
        self.resting.push_back((now + self.rest, port));
    }

    /// How many could be taken now.
    pub fn free(&mut self, now: Monotonic) -> usize {
        self.wake(now);
        self.free.len()
    }

    fn wake(&mut self, now: Monotonic) {
        while let Some(&(until, port)) = self.resting.front()
            && until <= now
        {
            self.resting.pop_front();
            self.free.push_back(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic(seconds * 1_000_000)
    }

    #[test]
    fn only_even_ports_with_their_odd_neighbour_are_given() {
        let mut ports = Ports::new(10_001..=10_008, Duration::ZERO, 7);
        let mut taken: Vec<_> = std::iter::from_fn(|| ports.take(at(0))).collect();
        taken.sort_unstable();
        assert_eq!(taken, [10_002, 10_004, 10_006]);
        assert_eq!(Ports::new(0..=u16::MAX, Duration::ZERO, 7).free(at(0)), 32_767);
    }

    #[test]
    fn a_port_rests_before_it_is_used_again() {
        let mut ports = Ports::new(10_000..=10_001, Duration::from_secs(30), 7);
        assert_eq!(ports.take(at(0)), Some(10_000));
        assert_eq!(ports.take(at(1)), None);
        ports.give_back(at(10), 10_000);
        assert_eq!((ports.free(at(39)), ports.take(at(39))), (0, None));
        assert_eq!(ports.take(at(40)), Some(10_000));
    }

    #[test]
    fn the_order_depends_on_the_seed() {
        let order = |seed| {
            let mut ports = Ports::new(10_000..=10_999, Duration::ZERO, seed);
            std::iter::from_fn(|| ports.take(at(0))).collect::<Vec<_>>()
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(99));
        assert_eq!(order(1).len(), 500);
    }
}
