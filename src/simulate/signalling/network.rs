//! The network between the engine and its peers: datagrams are lost, doubled, delayed and overtaken as the seed has it,
//! until the weather clears. It reads none of them.

use crate::engine::time::Monotonic;
use crate::simulate::digest::Fnv;
use crate::simulate::rng::Rng;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Over a clear network.
const CLEAR_DELAY: Duration = Duration::from_millis(5);
/// No copy comes later than this behind its original: that is how long a network may keep a datagram in this world.
pub(super) const STRAGGLES_MAX: Duration = Duration::from_secs(20);

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Weather {
    /// The share that is lost.
    pub lost: f64,
    /// The share that comes a second time, soon.
    pub twice: f64,
    /// The share of which a copy comes when nobody thinks of it any more.
    pub straggling: f64,
    /// The longest delay; who is sent later may be there first.
    pub delay_max: Duration,
}

/// A datagram on its way.
pub(super) struct Parcel {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Arc<[u8]>,
}

pub(super) struct Network {
    rng: Rng,
    weather: Weather,
    clear_from: Monotonic,
    on_the_way: BTreeMap<(Monotonic, u64), Parcel>,
    posted: u64,
    digest: Fnv,
}

impl Network {
    /// Bad until then.
    pub fn new(rng: Rng, weather: Weather, clear_from: Monotonic) -> Self {
        Self { rng, weather, clear_from, on_the_way: BTreeMap::new(), posted: 0, digest: Fnv::new() }
    }

    /// Takes a datagram, and may lose it or double it.
    pub fn post(&mut self, now: Monotonic, parcel: Parcel) {
        self.digest.take(&now.0.to_be_bytes());
        self.digest.take(&parcel.bytes);
        if now >= self.clear_from {
            return self.put(now + CLEAR_DELAY, parcel);
        }
        let copy = |parcel: &Parcel| Parcel { bytes: parcel.bytes.clone(), ..*parcel };
        if self.rng.happens(self.weather.straggling) {
            let late = STRAGGLES_MAX.mul_f64(self.rng.share());
            self.put(now + late, copy(&parcel));
        }
        if self.rng.happens(self.weather.twice) {
            let delay = self.delay();
            self.put(now + delay, copy(&parcel));
        }
        if !self.rng.happens(self.weather.lost) {
            let delay = self.delay();
            self.put(now + delay, parcel);
        }
    }

    fn delay(&mut self) -> Duration {
        self.weather.delay_max.mul_f64(self.rng.share())
    }

    fn put(&mut self, at: Monotonic, parcel: Parcel) {
        self.posted += 1;
        self.on_the_way.insert((at, self.posted), parcel);
    }

    /// When the next one arrives.
    pub fn next_at(&self) -> Option<Monotonic> {
        self.on_the_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next one that has arrived.
    pub fn take(&mut self, now: Monotonic) -> Option<Parcel> {
        let first = self.on_the_way.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }

    /// How many copies were on their way so far.
    pub fn carried(&self) -> u64 {
        self.posted
    }

    /// Of every byte that was posted, and when: equal for equal seeds.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }
}
