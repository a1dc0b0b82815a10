//! What is known of sources for a while: bounded, and who would be forgotten first makes room for somebody new.

use crate::engine::time::Monotonic;
use crate::sip::source::Source;
use std::collections::{BTreeMap, BTreeSet};

/// One note for each of at most so many sources.
#[derive(Debug)]
pub(super) struct Memory<T> {
    notes: BTreeMap<Source, (Monotonic, T)>,
    fading: BTreeSet<(Monotonic, Source)>,
    sources_max: usize,
}

impl<T> Memory<T> {
    pub fn new(sources_max: usize) -> Self {
        Self { notes: BTreeMap::new(), fading: BTreeSet::new(), sources_max }
    }

    /// Notes it until then, in place of what was known.
    pub fn note(&mut self, source: Source, until: Monotonic, note: T) {
        self.forget(source);
        while self.notes.len() >= self.sources_max {
            let Some((_, first)) = self.fading.pop_first() else { break };
            self.notes.remove(&first);
        }
        self.fading.insert((until, source));
        self.notes.insert(source, (until, note));
    }

    /// What is known now, and until when.
    pub fn recall(&self, now: Monotonic, source: Source) -> Option<(Monotonic, &T)> {
        self.notes.get(&source).filter(|(until, _)| *until > now).map(|(until, note)| (*until, note))
    }

    /// Whether there was anything to forget.
    pub fn forget(&mut self, source: Source) -> bool {
        let Some((until, _)) = self.notes.remove(&source) else { return false };
        self.fading.remove(&(until, source))
    }

    /// Forgets one source whose time is over; which it was.
    pub fn fade(&mut self, now: Monotonic) -> Option<Source> {
        let (_, source) = self.fading.first().copied().filter(|(until, _)| *until <= now)?;
        self.forget(source);
        Some(source)
    }

    /// When the first is over.
    pub fn first_end(&self) -> Option<Monotonic> {
        self.fading.first().map(|(until, _)| *until)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Source, Monotonic, &T)> {
        self.notes.iter().map(|(source, (until, note))| (*source, *until, note))
    }

    pub fn len(&self) -> usize {
        self.notes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn source(number: u32) -> Source {
        Source::of(Ipv4Addr::from_bits(number).into())
    }

    #[test]
    fn it_stays_within_its_bound_and_the_first_to_fade_makes_room() {
        let mut memory = Memory::new(3);
        for number in 0..10 {
            memory.note(source(number), Monotonic(100 - u64::from(number)), number);
        }
        assert_eq!((memory.len(), memory.fading.len()), (3, 3));
        let kept: Vec<_> = memory.iter().map(|(_, _, number)| *number).collect();
        assert_eq!(kept, [0, 1, 9]);
    }

    #[test]
    fn what_is_over_is_not_recalled_and_fades_once() {
        let mut memory = Memory::new(3);
        memory.note(source(1), Monotonic(10), ());
        memory.note(source(1), Monotonic(20), ());
        assert!(memory.recall(Monotonic(19), source(1)).is_some());
        assert!(memory.recall(Monotonic(20), source(1)).is_none());
        assert_eq!(memory.fade(Monotonic(19)), None);
        assert_eq!(memory.fade(Monotonic(20)), Some(source(1)));
        assert_eq!((memory.fade(Monotonic(99)), memory.first_end()), (None, None));
    }
}
