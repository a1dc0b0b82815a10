//! The world of a seed: engine, signalling, records, peers and the network between them, all on one fake clock.

use super::books::Books;
use super::broken::Broken;
use super::ladder::Ladder;
use super::network::{Network, Parcel, STRAGGLES_MAX};
use super::peer::{Peer, Seen};
use super::site::{self, OUTSIDE, Site};
use super::watch::Watch;
use crate::engine::command::{Command, Commands};
use crate::engine::event::{Event, Request};
use crate::engine::id::{AgentId, CallId, LegId, QueueId, RequestId};
use crate::engine::talk::TransferTo;
use crate::engine::time::{Monotonic, Now, Wall};
use crate::engine::{Engine, Settings};
use crate::simulate::archive::Archive;
use crate::simulate::checks::Ledger;
use crate::simulate::rng::{Purpose, Rng};
use crate::simulate::scenario::MONDAY;
use crate::sip::codec;
use crate::sip::core::{SipCore, SipOutputs};
use crate::sip::flow::Flow;
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
        for (at, address) in (0..).zip(site::gateways()) {
            peers.push(Peer::new(&format!("gate{at}"), address, None, stream(Purpose::Caller, at)));
        }
        for (at, phone) in (0..).zip(&site.phones) {
            let rng = stream(Purpose::Offer, at);
            peers.push(Peer::new(&phone.account, phone.address, phone.password.clone(), rng));
        }
        let weather = site.weather;
        let mut world = Self {
            now: BEGINNING,
            engine: Engine::new(site.engine.clone(), 1, seed),
            core,
            out: SipOutputs::default(),
            events: VecDeque::new(),
            books: Books::default(),
            by_address: peers.iter().enumerate().map(|(at, peer)| (peer.address, at)).collect(),
            peers,
            network: Network::new(stream(Purpose::Network, 1), weather, BEGINNING + STORMY),
            watch: Watch::default(),
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

    /// What the peers have seen, all together, and what the watch at the wire has.
    pub fn seen(&self) -> (Seen, u64) {
        let sum = self.peers.iter().fold(Seen::default(), |sum, peer| sum + peer.seen);
        (sum, self.watch.backed_off)
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

    fn deliver(&mut self, parcel: &Parcel) -> Result<(), Broken> {
        if let Some(ladder) = &mut self.ladder {
            ladder.arrives(self.now.since(BEGINNING), parcel);
        }
        if parcel.to == site::here() {
            let received = codec::parse(&parcel.bytes);
            if let Ok(message) = &received {
                self.watch.delivered(self.now, message);
            }
            let (from, clocks) = (Flow::udp(parcel.to, parcel.from), self.clocks());
            self.core.receive(clocks, received, from, self.engine.settings(), &mut self.books, &mut self.out);
        } else if let Some(&at) = self.by_address.get(&parcel.to) {
            if let Some(peer) = self.peers.get_mut(at) {
                peer.receive(self.now, &parcel.bytes);
            }
            self.post_of(at);
        }
        Ok(())
    }

    fn post(&mut self, parcel: Parcel) {
        if let Some(ladder) = &mut self.ladder {
            ladder.leaves(self.now.since(BEGINNING), &parcel);
        }
        self.network.post(self.now, parcel);
    }

    /// The network takes what a peer has sent.
    fn post_of(&mut self, at: usize) {
        let Some(peer) = self.peers.get_mut(at) else { return };
        let (from, to) = (peer.address, site::here());
        for bytes in std::mem::take(&mut peer.sends) {
            self.post(Parcel { from, to, bytes });
        }
    }

    /// Passes on what signalling and engine have for each other and for the network, until both are still.
    fn exchange(&mut self) -> Result<(), Broken> {
        loop {
            for (flow, bytes) in std::mem::take(&mut self.out.send) {
                match codec::parse(&bytes) {
                    Ok(message) => self.watch.sent(self.now, &message)?,
                    Err(fault) => return Err(Broken::Nonsense(fault.to_string())),
                }
                self.post(Parcel { from: flow.local, to: flow.remote, bytes });
            }
            self.out.notes.clear();
            self.out.dialogs.clear();
            self.events.extend(self.out.events.drain(..));
            let Some(event) = self.events.pop_front() else { break };
            self.tell(event)?;
        }
        match self.books.wrong() {
            Some((leg, what)) => Err(Broken::Media(leg, what)),
            None => Ok(()),
        }
    }

    /// Tells the engine, checks what it says, and carries out what it wants.
    fn tell(&mut self, event: Event) -> Result<(), Broken> {
        if let Event::CallArrived { call, .. } = &event {
            self.newest = *call;
        }
        let clocks = self.clocks();
        let mut commands = Commands::new();
        self.engine.handle(clocks, event, &mut commands);
        for stamped in commands.take_facts() {
            self.ledger.observe(&stamped)?;
            self.archive.take(stamped);
        }
        for command in commands.take_commands() {
            match &command {
                Command::Bridge { call, offer } => {
                    for leg in [LegId::Caller(*call), LegId::Agent(*offer)] {
                        self.talking.insert(leg);
                        self.after(SILENCE, Happening::Listens(leg));
                    }
                }
                Command::Reply { id, .. } => self.ledger.replied(*id)?,
                Command::Answer { .. }
                | Command::Progress { .. }
                | Command::Ring { .. }
                | Command::TransferTold { .. }
                | Command::Resume { .. }
                | Command::Refuse { .. }
                | Command::Play { .. }
                | Command::OfferAgent { .. }
                | Command::CallAgent { .. }
                | Command::Dial { .. }
                | Command::CancelOffer { .. }
                | Command::Join { .. }
                | Command::Record { .. }
                | Command::Hangup { .. } => {}
            }
            self.core.command(clocks, &command, self.engine.settings(), &mut self.books, &mut self.out);
        }
        self.handled += 1;
        if self.handled.is_multiple_of(AUDIT_EVERY) {
            self.engine.audit(clocks).map_err(crate::simulate::checks::Broken::Audit)?;
        }
        Ok(self.ledger.between_events(self.now)?)
    }

    fn happen(&mut self, what: Happening) -> Result<(), Broken> {
        match what {
            Happening::Call(at) => {
                let number = self.dialled();
                if let Some(peer) = self.peers.get_mut(at) {
                    peer.call(self.now, &number);
                }
                self.post_of(at);
            }
            Happening::Dies(at) => {
                let lost = self.peers.get_mut(at).map(Peer::die).unwrap_or_default();
                self.lost.extend(lost);
                for leg in self.talking.clone() {
                    self.after(SILENCE, Happening::Listens(leg));
                }
            }
            Happening::Lives(at) => {
                if let Some(peer) = self.peers.get_mut(at) {
                    peer.live(self.now);
                }
                self.post_of(at);
            }
            Happening::Asks => {
                let request = self.any_request();
                self.requests += 1;
                let id = RequestId(self.requests);
                self.ledger.asked(id);
                self.events.push_back(Event::Requested { id, request });
                if self.elapsed() < BUSY {
                    let pause = Duration::from_millis(self.rng.within(500, 10_000));
                    self.after(pause, Happening::Asks);
                }
            }
            Happening::Listens(leg) => {
                let is_lost =
                    self.core.dialogs().any(|(it, id)| it == leg && self.lost.contains_key(&id.call_id));
                if is_lost {
                    self.events.push_back(Event::AudioStopped { leg });
                }
            }
            Happening::Calm => {
                self.both_ends_agree()?;
                let now = self.now;
                for peer in &mut self.peers {
                    peer.close(now, CLOSING);
                }
            }
            Happening::Drains => {
                self.no_session_outlived()?;
                self.events.push_back(Event::DrainStarted);
            }
        }
        Ok(())
    }

    fn dialled(&mut self) -> String {
        let agents = self.engine.settings().agents.len() as u64;
        match self.rng.below(12) {
            0 => format!("agent{}", self.rng.below(agents)),
            1 => "4999".into(),
            _ => format!("400{}", self.rng.below(self.engine.settings().queues.len() as u64)),
        }
    }

    /// Somebody presses a button, at a sensible moment or not.
    fn any_request(&mut self) -> Request {
        let settings: &Settings = self.engine.settings();
        let (agents, queues) = (settings.agents.len() as u64, settings.queues.len() as u64);
        let call = CallId(self.rng.within(self.newest.0.saturating_sub(4).max(1), self.newest.0 + 1));
        let agent = AgentId(self.rng.below(agents) as u32);
        let to = match self.rng.below(3) {
            0 => TransferTo::Agent(agent),
            1 => TransferTo::Queue(QueueId(self.rng.below(queues) as u32)),
            _ => TransferTo::Number(OUTSIDE.into()),
        };
        match self.rng.below(7) {
            0 => Request::HangUp { call },
            1 => Request::Release { agent },
            2 => Request::Transfer { call, to },
            3 => Request::Consult { call, to },
            4 => Request::Conference { call },
            5 => Request::Complete { call },
            _ => Request::Return { call },
        }
    }

    /// When the storm is over and all timers have run out, no end of a call is without the other.
    fn both_ends_agree(&self) -> Result<(), Broken> {
        let mut known = BTreeSet::new();
        for (leg, id) in self.core.dialogs() {
            known.insert(id.clone());
            let Some(at) = self.core.far_end(leg) else { continue };
            let peer = self.by_address.get(&at).and_then(|at| self.peers.get(*at));
            if !self.lost.contains_key(&id.call_id) && !peer.is_some_and(|peer| peer.is_in(id)) {
                return Err(Broken::OrphanHere { leg, call_id: id.call_id.clone(), at });
            }
        }
        for peer in &self.peers {
            if let Some(id) = peer.talks().find(|id| !known.contains(id)) {
                return Err(Broken::OrphanThere { call_id: id.call_id, at: peer.address });
            }
        }
        Ok(())
    }

    /// Of whoever died, the session timer has told the engine by now.
    fn no_session_outlived(&self) -> Result<(), Broken> {
        let timed = |call_id: &String| self.lost.get(call_id) == Some(&true);
        match self.core.dialogs().find(|(_, id)| timed(&id.call_id)) {
            Some((leg, id)) => Err(Broken::OutlivesSession { leg, call_id: id.call_id.clone() }),
            None => Ok(()),
        }
    }

    /// Nothing is left, at no end.
    fn at_the_end(&mut self) -> Result<(), Broken> {
        let counts = self.core.counts();
        let (clients, servers) = (counts.transactions.clients, counts.transactions.servers);
        let left = (counts.legs, counts.offers, counts.forks, counts.requests, clients, servers);
        if left != (0, 0, 0, 0, 0, 0) {
            return Err(Broken::Left(format!("the signalling still had {counts:?}")));
        }
        if !self.books.open().is_empty() {
            return Err(Broken::Left(format!("media was still open: {:?}", self.books.open())));
        }
        if !self.engine.is_idle() {
            return Err(Broken::Left("the engine still knew a call".into()));
        }
        for peer in &self.peers {
            if peer.left() != (0, 0) {
                let (calls, transactions) = peer.left();
                let at = peer.address;
                return Err(Broken::Left(format!("{at} was in {calls} calls, {transactions} transactions")));
            }
        }
        self.ledger.at_the_end(self.elapsed())?;
        self.archive.catch_up();
        Ok(self.archive.agrees_with(&self.ledger)?)
    }
}
