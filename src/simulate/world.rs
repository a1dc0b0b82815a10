//! A simulated world: it drives the production engine through events, as sockets and clocks would, and never
//! looks inside it. Everything follows from the scenario and the seed.

use super::agenda::{Agenda, Happening};
use super::archive::Archive;
use super::checks::{Broken, Ledger};
use super::law::Law;
use super::measure::{Figures, Meter};
use super::phone::{Leg, Phone};
use super::rng::{Purpose, Rng};
use super::scenario::{self, Faults, Scenario};
use super::twin::Twin;
use crate::engine::command::{Command, Commands};
use crate::engine::event::Event;
use crate::engine::fact::Stamped;
use crate::engine::id::{CallId, OfferId};
use crate::engine::time::{Monotonic, Now, Wall};
use crate::engine::{Engine, Settings};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The monotonic clock's reading when a world begins; its zero means nothing, so it is not zero.
const BEGINNING: Monotonic = Monotonic(3_600_000_000);
/// How long after the last call whoever waits for nobody hangs up, and what is then not over never will be.
const SWEEP: Duration = Duration::from_secs(2 * 3600);
/// More events than this at one moment are a circle.
const EVENTS_AT_ONCE_MAX: u64 = 100_000;

/// The engine looks at all of itself after every so manieth event.
const AUDIT_EVERY: u64 = 7;

/// How closely a world is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watch {
    /// All but what takes long: for measuring.
    Lightly,
    /// Also the folds of production behind a store that stalls, copies of the engine, and a digest of the facts.
    Closely,
}

/// A broken rule, and how to see it again.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error(
    "seed {seed}, {at:?} after the beginning, event {event}: {broken}\nreplay: holdfast simulate --seed {seed} --seeds 1"
)]
pub struct Violation {
    /// The seed of the world.
    pub seed: u64,
    /// How long after its beginning.
    pub at: Duration,
    /// At which event.
    pub event: u64,
    /// What was broken.
    pub broken: Broken,
}

/// What came of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// What was measured.
    pub figures: Figures,
    /// Events the engine handled.
    pub events: u64,
    /// Facts it told.
    pub facts: u64,
    /// FNV-1a over the serialised facts, when watched closely: equal for equal seeds.
    pub digest: u64,
}

/// A caller on the line.
#[derive(Debug)]
pub(super) struct Party {
    /// What he dialled, as a place in the settings' numbers.
    pub number: usize,
    /// How long he will talk to an agent of speed 1.
    pub handling: Duration,
    /// The leg he talks to.
    pub talking: Option<OfferId>,
}

/// The streams of chance that belong to nobody in particular.
#[derive(Debug)]
pub(super) struct Chances {
    pub arrivals: Vec<Rng>,
    pub network: Rng,
    pub phones: Rng,
    pub clock: Rng,
    pub store: Rng,
    pub requests: Rng,
}

/// The world and all in it.
pub struct World<'s> {
    pub(super) scenario: &'s Scenario,
    pub(super) seed: u64,
    pub(super) engine: Engine,
    out: Commands,
    /// Facts and commands of the event in hand; kept only so that their memory is used again.
    told: Vec<Stamped>,
    wanted: Vec<Command>,
    pub(super) agenda: Agenda,
    /// What happens at this very moment, in order.
    pub(super) soon: VecDeque<Happening>,
    pub(super) now: Monotonic,
    pub(super) wall_ahead_ms: i64,
    pub(super) faults: Faults,
    pub(super) chances: Chances,
    pub(super) callers: BTreeMap<CallId, Party>,
    pub(super) calls: u64,
    pub(super) legs: BTreeMap<OfferId, Leg>,
    pub(super) phones: Vec<Phone>,
    pub(super) closed: bool,
    pub(super) requests: u64,
    /// How conversations are longer than the caller meant: a row per number, a place per agent.
    pub(super) factors: Vec<Vec<f64>>,
    /// Each source's number, as a place in the settings.
    pub(super) numbers: Vec<usize>,
    pub(super) ledger: Ledger,
    meter: Meter,
    pub(super) archive: Option<Archive>,
    twin: Option<Twin>,
    events: u64,
    at_once: u64,
    facts: u64,
    /// The deadline last seen, and when it will be noticed.
    tick: (Monotonic, Monotonic),
}

/// Runs a scenario under a seed to its end. `sink` is shown every fact.
pub fn run(
    scenario: &Scenario,
    seed: u64,
    watch: Watch,
    mut sink: impl FnMut(&Stamped),
) -> Result<Run, Violation> {
    let mut world = World::new(scenario, seed, watch);
    let ended = world.live(&mut sink);
    ended.map_err(|broken| Violation {
        seed,
        at: world.now.since(BEGINNING),
        event: world.events,
        broken,
    })?;
    Ok(Run {
        figures: world.meter.figures(world.now),
        events: world.events,
        facts: world.facts,
        digest: world.archive.as_ref().map_or(0, Archive::digest),
    })
}

/// A caller's number by its place in the settings.
fn number_of(settings: &Settings, dialled: &str) -> usize {
    settings.numbers.iter().position(|number| number.dialled == dialled).unwrap_or(usize::MAX)
}

impl<'s> World<'s> {
    fn new(scenario: &'s Scenario, seed: u64, watch: Watch) -> Self {
        let settings = &scenario.settings;
        let close = watch == Watch::Closely;
        let of_number = |number| {
            let required = scenario::requirement_of(settings, number);
            scenario.workers.iter().map(|worker| worker.handling_factor(&required)).collect()
        };
        let slack = match scenario.faults.late_ticks {
            Law::Constant(late) | Law::Uniform(_, late) => late,
            Law::Exponential(_) | Law::Lognormal { .. } | Law::Gamma { .. } | Law::Never => {
                Duration::from_secs(3600)
            }
        };
        let stream = |purpose| Rng::stream(seed, purpose, 0);
        let arrivals = 0..scenario.sources.len() as u64;
        let measured = (BEGINNING + scenario.warm_up, BEGINNING + scenario.duration);
        let mut world = Self {
            engine: Engine::new(settings.clone(), 1, seed),
            out: Commands::new(),
            told: Vec::new(),
            wanted: Vec::new(),
            agenda: Agenda::default(),
            soon: VecDeque::new(),
            now: BEGINNING,
            wall_ahead_ms: 0,
            faults: scenario.faults.clone(),
            chances: Chances {
                arrivals: arrivals.map(|source| Rng::stream(seed, Purpose::Arrivals, source)).collect(),
                network: stream(Purpose::Network),
                phones: stream(Purpose::Offer),
                clock: stream(Purpose::Clock),
                store: stream(Purpose::Store),
                requests: stream(Purpose::Requests),
            },
            callers: BTreeMap::new(),
            calls: 0,
            legs: BTreeMap::new(),
            phones: scenario.workers.iter().map(|_| Phone::default()).collect(),
            closed: false,
            requests: 0,
            factors: (0..settings.numbers.len()).map(of_number).collect(),
            numbers: scenario.sources.iter().map(|source| number_of(settings, &source.dialled)).collect(),
            ledger: Ledger::new(settings, slack),
            meter: Meter::new(settings, &scenario.workers, scenario.groups.len(), measured),
            archive: close.then(|| Archive::new(settings)),
            twin: close.then(|| Twin::new(seed)),
            events: 0,
            at_once: 0,
            facts: 0,
            tick: (Monotonic::default(), Monotonic::default()),
            scenario,
            seed,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for source in 0..self.scenario.sources.len() {
            self.next_arrival(source);
        }
        if let Some(first) = self.scenario.recorded.first() {
            self.agenda.put(BEGINNING + first.at, Happening::Replayed(0));
        }
        self.staff_comes();
        self.faults_begin();
        self.agenda.put(BEGINNING + self.scenario.duration, Happening::Closes);
    }

    fn live(&mut self, sink: &mut impl FnMut(&Stamped)) -> Result<(), Broken> {
        while !self.is_over() {
            self.step(sink)?;
        }
        let after = self.now.since(BEGINNING + self.scenario.duration);
        self.ledger.at_the_end(after)?;
        if let Some(archive) = &mut self.archive {
            archive.catch_up();
            archive.agrees_with(&self.ledger)?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let quiet = self.soon.is_empty()
            && self.callers.is_empty()
            && self.legs.is_empty()
            && self.engine.is_idle()
            && self.ledger.is_settled();
        self.closed && (quiet || self.now > BEGINNING + self.scenario.duration + SWEEP * 2)
    }

    /// The next thing that happens.
    fn step(&mut self, sink: &mut impl FnMut(&Stamped)) -> Result<(), Broken> {
        if let Some(what) = self.soon.pop_front() {
            self.at_once += 1;
            if self.at_once > EVENTS_AT_ONCE_MAX {
                return Err(Broken::Circles(self.at_once));
            }
            return self.happen(what, sink);
        }
        self.at_once = 0;
        let deadline = self.engine.next_deadline().map(|due| self.noticed(due));
        match (deadline, self.agenda.next_at()) {
            (Some(tick), Some(next)) if tick <= next => self.at(tick, Event::Tick, sink),
            (Some(tick), None) => self.at(tick, Event::Tick, sink),
            (_, Some(_)) => {
                let Some((at, what)) = self.agenda.take() else { return Ok(()) };
                self.now = self.now.max(at);
                self.happen(what, sink)
            }
            (None, None) => {
                // Nothing will ever happen again.
                self.now = BEGINNING + self.scenario.duration + SWEEP * 3;
                Ok(())
            }
        }
    }

    fn at(&mut self, at: Monotonic, event: Event, sink: &mut impl FnMut(&Stamped)) -> Result<(), Broken> {
        self.now = self.now.max(at);
        self.tell(event, sink)
    }

    /// When a deadline is noticed: clocks and loops may be late.
    fn noticed(&mut self, due: Monotonic) -> Monotonic {
        if self.faults.late_ticks == Law::Constant(Duration::ZERO) {
            return due;
        }
        if self.tick.0 != due {
            let late = self.faults.late_ticks.draw(&mut self.chances.clock).unwrap_or_default();
            self.tick = (due, due + late);
        }
        self.tick.1
    }

    fn happen(&mut self, what: Happening, sink: &mut impl FnMut(&Stamped)) -> Result<(), Broken> {
        let event = match what {
            Happening::Arrival(source) => self.call_comes(source),
            Happening::Replayed(at) => self.recorded_call_comes(at),
            Happening::GivesUp(call) => self.gives_up(call),
            Happening::Finished(call, offer) => self.finishes(call, offer),
            Happening::Acts(offer) => self.acts(offer),
            Happening::ToPhone(order) => self.reaches_phone(order),
            Happening::ToEngine(message) => Some(self.event_of(message)),
            Happening::Holds(offer, held) => self.holds(offer, held),
            Happening::Disposes(agent) => self.disposes(agent),
            Happening::Comes(agent) => self.comes(agent),
            Happening::Goes(agent) => self.goes(agent),
            Happening::Breaks(agent) => self.breaks(agent),
            Happening::PhoneDies(agent) => self.phone_dies(agent),
            Happening::PhoneLives(agent) => self.phone_lives(agent),
            Happening::ClockJumps => self.clock_jumps(),
            Happening::StoreStalls => self.store_stalls(),
            Happening::StoreGoesOn => self.store_goes_on(),
            Happening::Asks => self.asks(),
            Happening::Closes => self.closes(),
            Happening::Sweeps => self.sweeps(),
        };
        event.map_or(Ok(()), |event| self.tell(event, sink))
    }

    /// Tells the engine, checks what it says, and carries out what it wants.
    fn tell(&mut self, event: Event, sink: &mut impl FnMut(&Stamped)) -> Result<(), Broken> {
        self.events += 1;
        let now = Now { mono: self.now, wall: self.wall() };
        if let Some(twin) = &mut self.twin {
            twin.follow(&self.engine, now, &event)?;
        }
        self.engine.handle(now, event, &mut self.out);
        let (mut facts, mut commands) = (std::mem::take(&mut self.told), std::mem::take(&mut self.wanted));
        facts.extend(self.out.take_facts());
        commands.extend(self.out.take_commands());
        if let Some(twin) = &mut self.twin {
            twin.compare(&self.engine, &facts, &commands)?;
        }
        for stamped in facts.drain(..) {
            self.facts += 1;
            sink(&stamped);
            self.ledger.observe(&stamped)?;
            self.meter.observe(&stamped);
            if let Some(archive) = &mut self.archive {
                archive.take(stamped);
            }
        }
        for command in commands.drain(..) {
            self.carry_out(command)?;
        }
        (self.told, self.wanted) = (facts, commands);
        if self.archive.is_some() && self.events.is_multiple_of(AUDIT_EVERY) {
            self.engine.audit(now).map_err(Broken::Audit)?;
        }
        self.ledger.between_events(self.now)
    }

    fn carry_out(&mut self, command: Command) -> Result<(), Broken> {
        match command {
            Command::Answer { .. } | Command::Progress { .. } => {}
            Command::Refuse { call, .. } => {
                self.callers.remove(&call);
            }
            Command::Play { leg, program } => self.hears(leg, &program),
            Command::OfferAgent { offer, call, agent, .. } => self.offered(offer, call, Some(agent)),
            Command::Dial { offer, call, .. } => self.offered(offer, call, None),
            Command::CancelOffer { offer, .. } => self.stopped(offer),
            Command::Bridge { call, offer } => self.bridged(call, offer),
            Command::Hangup { leg } => self.hung_up(leg),
            Command::Join { .. }
            | Command::Record { .. }
            | Command::Ring { .. }
            | Command::TransferTold { .. }
            | Command::Resume { .. }
            | Command::CallAgent { .. } => {}
            Command::Reply { id, .. } => return self.ledger.replied(id),
        }
        Ok(())
    }

    /// What the clock on the wall says.
    pub(super) fn wall(&self) -> Wall {
        let elapsed = i64::try_from(self.now.since(BEGINNING).as_millis()).unwrap_or(i64::MAX);
        Wall(self.scenario.starts_at.0.saturating_add(elapsed).saturating_add(self.wall_ahead_ms))
    }

    /// Lets something happen after a while; at once means after all that happens at this moment already.
    pub(super) fn after(&mut self, delay: Duration, what: Happening) {
        if delay.is_zero() {
            self.soon.push_back(what);
        } else {
            self.agenda.put(self.now + delay, what);
        }
    }

    /// Lets something happen so long after the beginning.
    pub(super) fn at_time(&mut self, from_beginning: Duration, what: Happening) {
        self.agenda.put(BEGINNING + from_beginning, what);
    }

    /// How long this world has lasted.
    pub(super) fn elapsed(&self) -> Duration {
        self.now.since(BEGINNING)
    }

    /// How long after closing callers who wait for nobody hang up.
    pub(super) fn sweep_after() -> Duration {
        SWEEP
    }
}
