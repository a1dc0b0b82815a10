//! The world of a seed: engine, signalling, records, peers and the network between them, all on one fake clock.

mod ends;
mod exchange;
mod happenings;

use super::books::Books;
use super::broken::Broken;
use super::ladder::Ladder;
use super::network::{Network, STRAGGLES_MAX};
use super::peer::Peer;
use super::seen::Seen;
use super::site::{self, Site};
use super::tally::Tally;
use super::watch::{Paused, Watch};
use crate::engine::Engine;
use crate::engine::event::Event;
use crate::engine::id::{CallId, LegId};
use crate::engine::time::{Monotonic, Now, Wall};
use crate::simulate::archive::Archive;
use crate::simulate::checks::Ledger;
use crate::simulate::rng::{Purpose, Rng};
use crate::simulate::scenario::MONDAY;
use crate::sip::core::{SipCore, SipOutputs};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// The monotonic clock's reading when a world begins.
const BEGINNING: Monotonic = Monotonic(3_600_000_000);
/// So long calls come, phones die and people press buttons.
const BUSY: Duration = Duration::from_secs(60);
/// So long the network is bad.
const STORMY: Duration = Duration::from_secs(75);
/// 64·T1: what a transaction has to come to its end.
const PATIENCE: Duration = Duration::from_secs(32);
/// Then both ends of every call must agree: when the last copy has arrived, what it began has been given up, and so have
/// the BYEs that followed.
const CALM: Duration =
    Duration::from_secs(STORMY.as_secs() + STRAGGLES_MAX.as_secs() + 3 * PATIENCE.as_secs() + 5);
/// Everybody hangs up within this time.
const CLOSING: Duration = Duration::from_secs(30);
/// Nobody who died lives longer than this for the engine: his session timer has run out.
const DRAINS: Duration = Duration::from_secs(300);
/// A leg of which nothing has been heard for so long is told of by the media plane.
const SILENCE: Duration = Duration::from_secs(20);
/// More steps than this are a circle.
const STEPS_MAX: u64 = 400_000;
/// The engine looks at all of itself after every so manieth event.
const AUDIT_EVERY: u64 = 5;

/// What happens besides messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Happening {
    /// Somebody dials, behind this peer.
    Call(usize),
    /// Somebody asks for what is not to be had.
    Oddity(usize),
    Dies(usize),
    Lives(usize),
    /// Somebody asks for something through the API.
    Asks,
    /// The media plane looks whether it hears these legs.
    Listens(LegId),
    /// All must agree now.
    Calm,
    /// Calls go on no longer.
    Drains,
}

pub(super) struct World {
    pub now: Monotonic,
    rng: Rng,
    engine: Engine,
    core: SipCore,
    out: SipOutputs,
    events: VecDeque<Event>,
    books: Books,
    pub peers: Vec<Peer>,
    by_address: BTreeMap<SocketAddr, usize>,
    pub network: Network,
    watch: Watch,
    tally: Tally,
    ledger: Ledger,
    archive: Archive,
    agenda: BTreeMap<(Monotonic, u64), Happening>,
    planned: u64,
    /// Legs in a conversation.
    talking: BTreeSet<LegId>,
    /// Call-IDs that a peer forgot, and whether a session timer ran.
    lost: BTreeMap<String, bool>,
    requests: u64,
    newest: CallId,
    handled: u64,
    steps: u64,
    /// What was said, if somebody wants to read it.
    pub ladder: Option<Ladder>,
}

impl World {
    pub fn new(seed: u64) -> Result<Self, Broken> {
        let stream = |purpose, subject| Rng::stream(seed, purpose, subject);
        let mut rng = stream(Purpose::World, 1);
        let site = Site::draw(&mut rng);
        let core = SipCore::new(site.sip.clone(), seed).map_err(|error| Broken::Left(error.to_string()))?;
        let mut peers = Vec::new();
        for ((at, address), asks) in (0..).zip(site::gateways()).zip(&site.asks) {
            let peer = Peer::new(&format!("gate{at}"), address, None, stream(Purpose::Caller, at));
            peers.push(peer.asking(asks.clone()).talking(site.at_length));
        }
        for (at, phone) in (0..).zip(&site.phones) {
            let rng = stream(Purpose::Offer, at);
            let peer = Peer::new(&phone.account, phone.address, phone.password.clone(), rng);
            peers.push(peer.talking(site.at_length));
        }
        let weather = site.weather;
        let mut world = Self {
            now: BEGINNING,
            engine: Engine::new(site.engine.clone(), 1, seed),
            core,
            out: SipOutputs::default(),
            events: VecDeque::new(),
            books: Books::default(),
            by_address: addresses(&peers),
            peers,
            network: Network::new(stream(Purpose::Network, 1), weather, BEGINNING + STORMY),
            watch: Watch::default(),
            tally: Tally::default(),
            ledger: Ledger::new(&site.engine, Duration::ZERO),
            archive: Archive::new(&site.engine),
            agenda: BTreeMap::new(),
            planned: 0,
            talking: BTreeSet::new(),
            lost: BTreeMap::new(),
            requests: 0,
            newest: CallId(0),
            handled: 0,
            steps: 0,
            ladder: None,
            rng,
        };
        world.begin(&site);
        Ok(world)
    }

    fn begin(&mut self, site: &Site) {
        let gateways = site::gateways().len();
        for _ in 0..site.calls {
            // Now and then an agent calls.
            let from = if self.rng.happens(0.9) {
                self.rng.below(gateways as u64)
            } else {
                self.rng.below(self.peers.len() as u64)
            };
            let at = BUSY.mul_f64(self.rng.share());
            self.after(at, Happening::Call(from as usize));
        }
        for _ in 0..self.rng.within(2, 6) {
            let at = BUSY.mul_f64(self.rng.share());
            let from = self.rng.below(gateways as u64);
            self.after(at, Happening::Oddity(from as usize));
        }
        for peer in 0..self.peers.len() {
            if self.rng.happens(0.15) {
                let at = BUSY.mul_f64(self.rng.share());
                let back = Duration::from_millis(self.rng.below(30_000));
                self.after(at, Happening::Dies(peer));
                self.after(at + back, Happening::Lives(peer));
            }
        }
        if self.rng.happens(0.5) {
            self.after(Duration::from_secs(5), Happening::Asks);
        }
        self.after(CALM, Happening::Calm);
        self.after(DRAINS, Happening::Drains);
        let now = self.now;
        for peer in &mut self.peers {
            peer.register(now);
        }
    }

    fn after(&mut self, delay: Duration, what: Happening) {
        self.planned += 1;
        self.agenda.insert((self.now + delay, self.planned), what);
    }

    fn clocks(&self) -> Now {
        let elapsed = i64::try_from(self.now.since(BEGINNING).as_millis()).unwrap_or(i64::MAX);
        Now { mono: self.now, wall: Wall(MONDAY.0.saturating_add(elapsed)) }
    }

    /// How long this world has lasted.
    pub fn elapsed(&self) -> Duration {
        self.now.since(BEGINNING)
    }

    /// What came about, as the wire tells, and of what it cannot tell, the peers.
    pub fn seen(&self) -> Seen {
        let Paused { as_owner: paused_as_owner, as_other: paused_as_other } = self.watch.paused;
        let watched = Seen { paused_as_owner, paused_as_other, ..Seen::default() };
        self.peers.iter().fold(self.tally.seen() + watched, |sum, peer| sum + peer.seen)
    }

    /// Digest of every byte and every fact.
    pub fn digest(&self) -> u64 {
        self.network.digest() ^ self.archive.digest().rotate_left(1)
    }

    /// Lives until nothing is left to happen, and looks whether anything is left over.
    pub fn live(&mut self) -> Result<(), Broken> {
        self.exchange()?;
        while let Some(at) = self.next_at() {
            self.now = self.now.max(at);
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return Err(Broken::Endless(self.steps));
            }
            self.step()?;
        }
        self.at_the_end()
    }

    fn next_at(&self) -> Option<Monotonic> {
        let agenda = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let peers = self.peers.iter().filter_map(Peer::next_deadline).min();
        let ours = [self.core.next_deadline(), self.engine.next_deadline()];
        ours.into_iter().chain([agenda, peers, self.network.next_at()]).flatten().min()
    }

    fn step(&mut self) -> Result<(), Broken> {
        while let Some(parcel) = self.network.take(self.now) {
            self.deliver(&parcel)?;
            self.exchange()?;
            self.watch.settled()?;
        }
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let what = entry.remove();
            self.happen(what)?;
            self.exchange()?;
        }
        for at in 0..self.peers.len() {
            if let Some(peer) = self.peers.get_mut(at) {
                peer.tick(self.now);
            }
            self.post_of(at);
        }
        let clocks = self.clocks();
        self.core.tick(clocks, self.engine.settings(), &mut self.books, &mut self.out);
        if self.engine.next_deadline().is_some_and(|at| at <= self.now) {
            self.events.push_back(Event::Tick);
        }
        self.exchange()
    }
}

/// Who is at which address.
fn addresses(peers: &[Peer]) -> BTreeMap<SocketAddr, usize> {
    let places = |(at, peer): (usize, &Peer)| [(peer.address, at), (site::also_at(peer.address), at)];
    peers.iter().enumerate().flat_map(places).collect()
}
