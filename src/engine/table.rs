//! What is looked up by identity at every event: an open-addressed table with linear probing, one or two steps in
//! memory where a tree takes five. Whoever goes through it does so in the order of the identities, so nothing the
//! engine does depends on where an entry happens to lie.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An identity that spreads well when multiplied.
pub(super) trait Key: Copy + Ord {
    fn raw(self) -> u64;
}

impl Key for super::CallId {
    fn raw(self) -> u64 {
        self.0
    }
}

impl Key for super::OfferId {
    fn raw(self) -> u64 {
        self.0
    }
}

/// Entries by identity.
#[derive(Clone, Debug)]
pub(super) struct Table<K, T> {
    /// A power of two of them, at most three quarters taken; empty when there never was an entry.
    slots: Vec<Option<(K, T)>>,
    len: usize,
}

impl<K, T> Default for Table<K, T> {
    fn default() -> Self {
        Self { slots: Vec::new(), len: 0 }
    }
}

impl<K: Key, T> Table<K, T> {
    /// Where an entry would lie if nobody were in its way (Knuth, TAOCP vol. 3, §6.4: multiplicative hashing).
    fn home(&self, key: K) -> usize {
        let spread = key.raw().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bits = self.slots.len().trailing_zeros();
        usize::try_from(spread.checked_shr(u64::BITS - bits).unwrap_or(0)).unwrap_or(0)
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }

    fn find(&self, key: K) -> Option<usize> {
        if self.len == 0 {
            return None;
        }
        let mut at = self.home(key);
        while let Some(Some((found, _))) = self.slots.get(at) {
            if *found == key {
                return Some(at);
            }
            at = self.next(at);
        }
        None
    }

    pub(super) fn get(&self, key: &K) -> Option<&T> {
        let at = self.find(*key)?;
        self.slots.get(at)?.as_ref().map(|(_, entry)| entry)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut T> {
        let at = self.find(*key)?;
        self.slots.get_mut(at)?.as_mut().map(|(_, entry)| entry)
    }

    pub(super) fn contains_key(&self, key: &K) -> bool {
        self.find(*key).is_some()
    }

    /// Adds an entry, or exchanges it; the old one is given back.
    pub(super) fn insert(&mut self, key: K, entry: T) -> Option<T> {
        if let Some(known) = self.get_mut(&key) {
            return Some(std::mem::replace(known, entry));
        }
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        self.place(key, entry);
        self.len += 1;
        None
    }

    fn place(&mut self, key: K, entry: T) {
        let mut at = self.home(key);
        while let Some(Some(_)) = self.slots.get(at) {
            at = self.next(at);
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Some((key, entry));
        }
    }

    fn grow(&mut self) {
        let more = (self.slots.len() * 2).max(16);
        let old = std::mem::take(&mut self.slots);
        self.slots.resize_with(more, || None);
        for (key, entry) in old.into_iter().flatten() {
            self.place(key, entry);
        }
    }

    /// Takes an entry out. Those behind it move up, so that no gap cuts them off (TAOCP, §6.4, algorithm R).
    pub(super) fn remove(&mut self, key: &K) -> Option<T> {
        let mut gap = self.find(*key)?;
        let (_, gone) = self.slots.get_mut(gap)?.take()?;
        self.len -= 1;
        let mut at = self.next(gap);
        while let Some(Some((key, _))) = self.slots.get(at) {
            let home = self.home(*key);
            // Whether the gap lies between an entry's home and where it is, going round.
            let mask = self.slots.len() - 1;
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(gap) & mask) {
                self.slots.swap(gap, at);
                gap = at;
            }
            at = self.next(at);
        }
        Some(gone)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries, in the order of their identities. Sorts them: not for the hot path.
    pub(super) fn iter(&self) -> std::vec::IntoIter<(&K, &T)> {
        let mut all: Vec<_> = self.slots.iter().flatten().map(|(key, entry)| (key, entry)).collect();
        all.sort_unstable_by_key(|(key, _)| **key);
        all.into_iter()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, entry)| entry)
    }
}

impl<'a, K: Key, T> IntoIterator for &'a Table<K, T> {
    type Item = (&'a K, &'a T);
    type IntoIter = std::vec::IntoIter<(&'a K, &'a T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Key, T: PartialEq> PartialEq for Table<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Key + Serialize, T: Serialize> Serialize for Table<K, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de, K: Key + Deserialize<'de>, T: Deserialize<'de>> Deserialize<'de> for Table<K, T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut table = Self::default();
        for (key, entry) in Vec::<(K, T)>::deserialize(from)? {
            table.insert(key, entry);
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::id::CallId;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn it_holds_what_a_tree_would_hold(steps in prop::collection::vec((any::<bool>(), 0..60_u64, any::<u8>()), 0..400)) {
            let (mut table, mut tree) = (Table::default(), BTreeMap::new());
            for (add, key, entry) in steps {
                // Many keys with the same home, as only a bad choice of identities would give.
                let key = CallId((key << 58) | (key % 7));
                if add {
                    prop_assert_eq!(table.insert(key, entry), tree.insert(key, entry));
                } else {
                    prop_assert_eq!(table.remove(&key), tree.remove(&key));
                }
                prop_assert_eq!(table.get(&key), tree.get(&key));
                prop_assert_eq!(table.len(), tree.len());
                prop_assert!(table.iter().eq(tree.iter()));
            }
        }
    }
}
