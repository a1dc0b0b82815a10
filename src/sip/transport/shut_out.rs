//! From whom nothing is taken: asked for every datagram, told by whoever decides.

use crate::sip::source::Source;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

/// The sources that are shut out now.
#[derive(Debug, Default)]
pub(super) struct ShutOut {
    /// Most of the time nobody is, and nobody waits for a lock.
    is_anybody: AtomicBool,
    sources: RwLock<BTreeSet<Source>>,
}

impl ShutOut {
    /// These from now on, and no others.
    pub fn replace(&self, sources: impl IntoIterator<Item = Source>) {
        let sources: BTreeSet<_> = sources.into_iter().collect();
        let is_anybody = !sources.is_empty();
        *self.sources.write().unwrap_or_else(PoisonError::into_inner) = sources;
        self.is_anybody.store(is_anybody, Ordering::Release);
    }

    /// Whether this address is shut out.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.is_anybody.load(Ordering::Acquire)
            && self.sources.read().unwrap_or_else(PoisonError::into_inner).contains(&Source::of(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_named_last_are_shut_out() {
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let shut_out = ShutOut::default();
        assert!(!shut_out.holds(one));
        shut_out.replace([Source::of(one)]);
        assert!(shut_out.holds(one) && !shut_out.holds(other));
        shut_out.replace([]);
        assert!(!shut_out.holds(one));
    }
}
