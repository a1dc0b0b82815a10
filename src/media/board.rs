//! Where the workers write how well each leg is heard, for whoever completes a call's record. Not on the packets' path: a
//! leg writes once a second. Bounded: the figures of legs that are over are kept for a while, then the oldest go.

use super::quality::Quality;
use crate::engine::id::LegId;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Legs that are over and whose figures nobody has taken yet.
const OVER_MAX: usize = 4_096;

/// One worker's board.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<Legs>);

#[derive(Debug, Default)]
struct Legs {
    known: HashMap<LegId, Quality>,
    over: VecDeque<LegId>,
}

impl Board {
    /// Writes a leg's figures; `last` when it ends.
    pub(super) fn write(&self, leg: LegId, quality: Quality, last: bool) {
        let mut legs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        legs.known.insert(leg, quality);
        if last {
            legs.over.push_back(leg);
            if legs.over.len() > OVER_MAX
                && let Some(oldest) = legs.over.pop_front()
            {
                legs.known.remove(&oldest);
            }
        }
    }

    /// A leg's figures so far.
    pub(super) fn read(&self, leg: LegId) -> Option<Quality> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).known.get(&leg).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::id::CallId;
    use crate::media::codec::Codec;
    use crate::media::quality::Measured;

    #[test]
    fn what_nobody_takes_is_forgotten_in_the_end() {
        let board = Board::default();
        let leg = |n| LegId::Caller(CallId(n));
        let quality = |packets| Quality::new(Codec::Pcmu, Measured { packets, ..Measured::default() });
        board.write(leg(0), quality(1), false);
        assert_eq!(board.read(leg(0)).map(|quality| quality.measured.packets), Some(1));
        for n in 0..=OVER_MAX as u64 {
            board.write(leg(n), quality(n + 5), true);
        }
        assert_eq!(board.read(leg(0)), None);
        assert_eq!(board.read(leg(1)).map(|quality| quality.measured.packets), Some(6));
    }
}
