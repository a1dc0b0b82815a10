//! The queue engine: pure and deterministic. Events come in with the time they happened,
//! commands and facts come out. It opens no socket, reads no clock and draws no random
//! number of its own.
//!
//! One call, seen from here: `CallArrived` → `Answer`, `Play` (a place in line) → `OfferAgent` →
//! `OfferAnswered` → `Bridge` → `LegEnded` → `Hangup` of the other leg, wrap-up, ready again.
#![deny(clippy::wildcard_enum_match_arm)]

pub mod command;
pub mod event;
pub mod explain;
pub mod fact;
pub mod hours;
pub mod id;
pub mod requirement;
pub mod settings;
pub mod skill;
pub mod snapshot;
pub mod strategy;
pub mod talk;
pub mod time;

mod agent;
mod arrival;
mod audit;
mod call;
mod dispatch;
mod ending;
mod explaining;
mod floor;
mod guests;
mod internal;
mod joining;
mod lending;
mod memory;
mod missed;
mod offer;
mod opening;
mod overflow;
mod personal;
mod picture;
mod queue;
mod reconfigure;
mod recording;
mod request;
mod restart;
mod rng;
mod settle;
mod silence;
mod steering;
mod table;
mod talk_keys;
mod timer;
mod transfer;
mod waiting;
mod wrap_up;

#[cfg(test)]
mod scenarios;

pub use command::{Command, Commands};
pub use event::Event;
pub use fact::Fact;
pub use settings::Settings;
pub use snapshot::Snapshot;

use agent::Agent;
use call::{Call, ServiceCall};
use floor::Floor;
use guests::Guest;
use id::{AgentId, CallId, LegId, OfferId, QueueId};
use internal::Internal;
use memory::Memory;
use offer::Offer;
use queue::Queue;
use rng::Rng;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use table::Table;
use time::{Monotonic, Now};
use timer::{Timer, Timers};

/// The engine's whole state. One owner drives it; readers get [`Snapshot`]s.
///
/// It can be written down and read back, and goes on as if nothing had been.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Engine {
    settings: Settings,
    rng: Rng,
    calls: Table<CallId, Box<Call>>,
    service_calls: BTreeMap<CallId, ServiceCall>,
    /// Calls between colleagues.
    internal: BTreeMap<CallId, Internal>,
    /// The offers that ring.
    offers: Table<OfferId, Offer>,
    /// The calls of the offers that were answered, and of the numbers outside that are called or talk.
    in_talk: Table<OfferId, CallId>,
    /// Who joined a conversation, or is rung to.
    guests: Table<OfferId, Guest>,
    /// Legs that are being asked for after a restart.
    away: BTreeSet<LegId>,
    next_offer: OfferId,
    agents: Vec<Agent>,
    queues: Vec<Queue>,
    floor: Floor,
    memory: Memory,
    timers: Timers,
    draining: bool,
    /// Who is being chosen; kept for its memory only.
    #[serde(skip)]
    wave: Vec<AgentId>,
}

impl Engine {
    /// An engine where nobody calls and no phone is reachable yet.
    ///
    /// `first_offer` starts the numbering of offers; the runtime takes it from the wall clock, so that
    /// identities are not repeated after a restart. `seed` is where strategies that draw lots have their chance from.
    pub fn new(settings: Settings, first_offer: u64, seed: u64) -> Self {
        let mut engine = Self {
            rng: Rng::new(seed),
            calls: Table::default(),
            service_calls: BTreeMap::new(),
            internal: BTreeMap::new(),
            offers: Table::default(),
            in_talk: Table::default(),
            guests: Table::default(),
            away: BTreeSet::new(),
            next_offer: OfferId(first_offer),
            agents: settings.agents.iter().map(Agent::new).collect(),
            queues: settings.queues.iter().map(|_| Queue::default()).collect(),
            floor: Floor::new(&settings),
            memory: Memory::default(),
            timers: Timers::default(),
            draining: false,
            wave: Vec::new(),
            settings,
        };
        engine.count_staff();
        engine
    }

    /// The one way in. Everything due by `now` happens first, then the event; what must be done about it
    /// is added to `out`.
    pub fn handle(&mut self, now: Now, event: Event, out: &mut Commands) {
        if let Event::Restarted { standing, reachable } = &event {
            // Before any timer: a ringing that timed out while nobody was there would make an offer to somebody else.
            return self.restarted(now, standing, reachable, out);
        }
        while let Some(timer) = self.timers.pop_due(now.mono) {
            self.expire(now, timer, out);
        }
        match event {
            Event::CallArrived { call, dialled, caller, agent, sip_call_id, wishes } => {
                let wishes = wishes.map(|wishes| *wishes).unwrap_or_default();
                let arrival = arrival::Arrival { call, dialled, caller, agent, sip_call_id, wishes };
                self.call_arrived(now, arrival, out);
            }
            // The offer's state does not change by ringing; the phone itself proves it is alive.
            Event::OfferRinging { offer: _ } => {}
            Event::OfferAnswered { offer } => self.offer_answered(now, offer, out),
            Event::OfferFailed { offer, failure, retry_after } => {
                self.offer_failed(now, offer, failure, retry_after, out);
            }
            Event::LegEnded { leg: LegId::Caller(call) } => self.caller_left(now, call, out),
            Event::LegEnded { leg: LegId::Agent(offer) } => self.agent_leg_ended(now, offer, out),
            Event::LegResumed { leg } => self.leg_resumed(now, leg, out),
            Event::LegLost { leg } => self.leg_lost(now, leg, out),
            Event::LegHeld { leg: LegId::Agent(offer), held } => self.phone_held(now, offer, held, out),
            Event::PromptFinished { leg: LegId::Caller(call) } => self.last_prompt_finished(now, call, out),
            Event::DigitPressed { leg: LegId::Agent(offer), digit } => {
                self.key_pressed(now, offer, digit, out)
            }
            Event::TransferAsked { leg, to, replaces } => self.transfer_asked(now, leg, &to, replaces, out),
            Event::AudioStopped { leg } => self.audio_stopped(now, leg, out),
            Event::AudioResumed { leg } => self.audio_resumed(now, leg, out),
            // A caller on hold keeps his place; agents hear no prompts; no key of a caller's has a meaning yet; a restart
            // was dealt with above.
            Event::LegHeld { leg: LegId::Caller(_), .. }
            | Event::Restarted { .. }
            | Event::PromptFinished { leg: LegId::Agent(_) }
            | Event::DigitPressed { leg: LegId::Caller(_), .. } => {}
            Event::AgentReachable { agent, reachable } => {
                if let Some(state) = self.agent_mut(agent) {
                    state.reachable = reachable;
                    if !reachable {
                        self.phone_unreachable(now, agent, out);
                    }
                    self.settle(now, agent, out);
                }
            }
            Event::Requested { id, request } => {
                let result = self.request(now, request, out);
                out.push(Command::Reply { id, result });
            }
            Event::Reconfigured { settings } => self.reconfigure(now, *settings, out),
            Event::DrainStarted => self.start_drain(now),
            Event::DrainOver => {
                self.draining = true;
                self.end_everything(now, out);
            }
            Event::Tick => {}
        }
    }

    /// When `handle` must be called again even if nothing happens.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.timers.next()
    }

    /// Whether no call of any kind is in progress.
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.service_calls.is_empty() && self.internal.is_empty()
    }

    /// Whether it takes no new calls because it is to stop.
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// The highest identity of any call in progress.
    pub fn newest_call(&self) -> Option<CallId> {
        let made = self.service_calls.keys().chain(self.internal.keys());
        self.calls.keys().chain(made).max().copied()
    }

    /// How many calls of any kind are in progress; [`Limits::calls_max`](settings::Limits::calls_max) bounds them.
    pub fn calls(&self) -> usize {
        self.calls.len() + self.service_calls.len() + self.internal.len()
    }

    /// The rules it works by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn expire(&mut self, now: Now, timer: Timer, out: &mut Commands) {
        match timer {
            Timer::Ring(offer) => self.ring_timed_out(now, offer, out),
            Timer::WrapUp(agent) => self.wrap_up_timed_out(now, agent, out),
            Timer::Rest(agent) => {
                if let Some(state) = self.agent_mut(agent) {
                    state.resting_until = None;
                    self.settle(now, agent, out);
                }
            }
            Timer::Call(call) => self.call_is_due(now, call, out),
            Timer::Dial(offer) => self.dialled_long_enough(now, offer, out),
            Timer::Emptied(queue) => self.leave_emptied(now, queue, out),
            Timer::Closing(queue) => self.may_have_closed(now, queue, out),
            Timer::Reopen(queue) => self.reopen(now, queue, out),
            Timer::Leaving(call) => self.last_prompt_finished(now, call, out),
            Timer::Drain => self.end_everything(now, out),
        }
    }

    fn start_drain(&mut self, now: Now) {
        if !self.draining {
            self.draining = true;
            self.timers.start(now.mono + self.settings.limits.drain, Timer::Drain);
        }
    }

    fn agent_mut(&mut self, agent: AgentId) -> Option<&mut Agent> {
        self.agents.get_mut(agent.0 as usize)
    }

    fn queue_mut(&mut self, queue: QueueId) -> Option<&mut Queue> {
        self.queues.get_mut(queue.0 as usize)
    }

    fn waiting_in(&self, queue: QueueId) -> usize {
        self.queues.get(queue.0 as usize).map_or(0, |queue| queue.line.len())
    }

    /// A fresh identity for an offer.
    fn new_offer(&mut self) -> OfferId {
        let offer = self.next_offer;
        self.next_offer = OfferId(offer.0 + 1);
        offer
    }
}
