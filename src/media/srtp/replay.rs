//! Which packet numbers of which source were seen (RFC 3711 §3.3.1, §3.3.2). Counts, and proves nothing.

/// So many numbers behind the newest are told apart; RFC 3711 §3.3.2 wants 64 at least.
const WINDOW: u64 = 128;
/// The most sources under one key. A phone that begins anew on every hold has reason for a few; one that needs more is
/// heard no longer until it brings a new key, for a source forgotten could be replayed.
const SOURCES_MAX: usize = 64;
/// An index has 48 bits (RFC 3711 §3.3.1).
const INDEX_MAX: u64 = (1 << 48) - 1;

/// What was seen of the sources under one key. Grows only by what was proven.
#[derive(Default)]
pub(super) struct Sources(Vec<Source>);

struct Source {
    ssrc: u32,
    newest: u64,
    /// Bit `n`: the number `n` below the newest was seen.
    seen: u128,
}

impl Sources {
    /// The index of a packet as `estimate` sees it from the newest one's, unless it was seen or lies too far back.
    pub(super) fn index(&self, ssrc: u32, estimate: impl Fn(Option<u64>) -> Option<u64>) -> Option<u64> {
        match self.0.iter().find(|source| source.ssrc == ssrc) {
            Some(source) => estimate(Some(source.newest)).filter(|&index| source.is_new(index)),
            None => estimate(None).filter(|_| self.0.len() < SOURCES_MAX),
        }
    }

    /// Notes a number that was proven; whether it was new.
    pub(super) fn take(&mut self, ssrc: u32, index: u64) -> bool {
        if let Some(source) = self.0.iter_mut().find(|source| source.ssrc == ssrc) {
            return source.take(index);
        }
        let room = self.0.len() < SOURCES_MAX;
        if room {
            // The only allocation: once per source.
            self.0.push(Source { ssrc, newest: index, seen: 1 });
        }
        room
    }
}

impl Source {
    fn is_new(&self, index: u64) -> bool {
        index > self.newest || {
            let behind = self.newest - index;
            behind < WINDOW && self.seen & (1 << behind) == 0
        }
    }

    fn take(&mut self, index: u64) -> bool {
        if !self.is_new(index) {
            return false;
        }
        if index > self.newest {
            let ahead = u32::try_from(index - self.newest).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.newest = index;
        } else {
            self.seen |= 1 << (self.newest - index);
        }
        true
    }
}

/// The index that a sequence number most likely stands for: the nearest to the newest (RFC 3711 §3.3.1, appendix A).
pub(super) fn rtp_index(newest: Option<u64>, sequence: u16) -> Option<u64> {
    let Some(newest) = newest else { return Some(u64::from(sequence)) };
    let ahead = sequence.wrapping_sub(newest as u16) as i16;
    newest.checked_add_signed(i64::from(ahead)).filter(|&index| index <= INDEX_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_once_and_late_ones_within_the_window() {
        let mut sources = Sources::default();
        assert!(sources.take(1, 1_000) && !sources.take(1, 1_000));
        assert!(sources.take(1, 1_000 - WINDOW + 1) && !sources.take(1, 1_000 - WINDOW + 1));
        assert!(!sources.take(1, 1_000 - WINDOW), "too late to tell");
        assert!(sources.take(1, 1_001) && !sources.take(1, 1_000) && sources.take(1, 999));
        assert!(sources.take(1, 1_000_000) && sources.take(1, 999_999) && !sources.take(1, 1_001));
        assert!(sources.take(2, 1_000), "another source has its own numbers");
    }

    #[test]
    fn a_number_is_the_nearest_that_it_can_be() {
        assert_eq!(rtp_index(None, 65_535), Some(65_535));
        assert_eq!(rtp_index(Some(65_535), 0), Some(65_536));
        assert_eq!(rtp_index(Some(65_536), 65_535), Some(65_535));
        assert_eq!(rtp_index(Some(65_536 * 7 + 100), 65_000), Some(65_536 * 6 + 65_000));
        assert_eq!(rtp_index(Some(3), 65_000), None, "before the beginning");
        assert_eq!(rtp_index(Some(INDEX_MAX), 0), None, "the key is used up");
    }

    #[test]
    fn sources_are_bounded_and_none_is_forgotten() {
        let mut sources = Sources::default();
        for ssrc in 0..SOURCES_MAX as u32 {
            assert!(sources.take(ssrc, 5));
        }
        assert!(!sources.take(9_999, 5) && sources.index(9_999, |_| Some(5)).is_none());
        assert!(!sources.take(0, 5), "the first is remembered still");
    }
}
