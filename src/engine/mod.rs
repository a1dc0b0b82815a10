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
pub mod time;

mod agent;
mod arrival;
mod call;
mod dispatch;
mod ending;
mod offer;
mod picture;
mod request;
mod timer;
mod waiting;

#[cfg(test)]
mod scenarios;

pub use command::{Command, Commands};
pub use event::Event;
pub use fact::Fact;
pub use settings::Settings;
pub use snapshot::Snapshot;

use agent::{Activity, Agent};
use call::{Call, ServiceCall};
use fact::AgentState;
use id::{AgentId, CallId, LegId, OfferId, QueueId};
use offer::Offer;
use std::collections::{BTreeMap, BTreeSet};
use time::{Monotonic, Now};
use timer::{Timer, Timers};
use waiting::Floor;

/// The engine's whole state. One owner drives it; readers get [`Snapshot`]s.
#[derive(Clone, PartialEq, Debug)]
pub struct Engine {
    settings: Settings,
    calls: BTreeMap<CallId, Call>,
    service_calls: BTreeMap<CallId, ServiceCall>,
    /// The offers that ring.
    offers: BTreeMap<OfferId, Offer>,
    /// The calls of the offers that were answered, while they talk.
    in_talk: BTreeMap<OfferId, CallId>,
    next_offer: OfferId,
    agents: Vec<Agent>,
    /// The calls of each queue that wait, by the moment they joined.
    queues: Vec<BTreeSet<(Monotonic, CallId)>>,
    floor: Floor,
    timers: Timers,
    draining: bool,
}

impl Engine {
    /// An engine where nobody calls and no phone is reachable yet.
    ///
    /// `first_offer` starts the numbering of offers; the runtime takes it from the wall clock, so that
    /// identities are not repeated after a restart.
    pub fn new(settings: Settings, first_offer: u64) -> Self {
        let (floor, groups) = Floor::new(&settings);
        let agents =
            settings.agents.iter().zip(groups).map(|(agent, group)| Agent::new(agent, group)).collect();
        Self {
            calls: BTreeMap::new(),
            service_calls: BTreeMap::new(),
            offers: BTreeMap::new(),
            in_talk: BTreeMap::new(),
            next_offer: OfferId(first_offer),
            agents,
            queues: settings.queues.iter().map(|_| BTreeSet::new()).collect(),
            floor,
            timers: Timers::default(),
            draining: false,
            settings,
        }
    }

    /// The one way in. Everything due by `now` happens first, then the event; what must be done about it
    /// is added to `out`.
    pub fn handle(&mut self, now: Now, event: Event, out: &mut Commands) {
        while let Some(timer) = self.timers.pop_due(now.mono) {
            self.expire(now, timer, out);
        }
        match event {
            Event::CallArrived { call, dialled, caller, agent, sip_call_id, wishes: _ } => {
                self.call_arrived(now, arrival::Arrival { call, dialled, caller, agent, sip_call_id }, out);
            }
            // The offer's state does not change by ringing; the phone itself proves it is alive.
            Event::OfferRinging { offer: _ } => {}
            Event::OfferAnswered { offer } => self.offer_answered(now, offer, out),
            Event::OfferFailed { offer, failure, retry_after } => {
                self.offer_failed(now, offer, failure, retry_after, out);
            }
            Event::LegEnded { leg: LegId::Caller(call) } => self.caller_left(now, call, out),
            Event::LegEnded { leg: LegId::Agent(offer) } => self.agent_leg_ended(now, offer, out),
            Event::PromptFinished { leg: LegId::Caller(call) } => self.last_prompt_finished(now, call, out),
            // Agents hear no prompts, and no key has a meaning yet.
            Event::PromptFinished { leg: LegId::Agent(_) } | Event::DigitPressed { .. } => {}
            Event::AgentReachable { agent, reachable } => {
                if let Some(state) = self.agent_mut(agent) {
                    state.reachable = reachable;
                    self.settle(now, agent, out);
                }
            }
            Event::Requested { id, request } => {
                let result = self.request(now, request, out).map(|()| command::Answer::Done);
                out.push(Command::Reply { id, result });
            }
            Event::LegHeld { .. } | Event::Reconfigured { .. } => {}
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
        self.calls.is_empty() && self.service_calls.is_empty()
    }

    /// The rules it works by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn expire(&mut self, now: Now, timer: Timer, out: &mut Commands) {
        match timer {
            Timer::Ring(offer) => self.ring_timed_out(now, offer, out),
            Timer::WrapUp(agent) => self.wrap_up_ended(now, agent, out),
            Timer::Rest(agent) => {
                if let Some(state) = self.agent_mut(agent) {
                    state.resting_until = None;
                    self.settle(now, agent, out);
                }
            }
            Timer::WaitMax(call) => self.waited_too_long(now, call, out),
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

    /// Brings everything that follows from an agent's state up to date after a change: the fact, his
    /// place among the free, and a call for him if one waits. The only way in or out of the ready pool.
    fn settle(&mut self, now: Now, id: AgentId, out: &mut Commands) {
        let Some(agent) = self.agents.get_mut(id.0 as usize) else { return };
        let (from, to) = (agent.seen, agent.state());
        if from == to {
            return;
        }
        let lasted = now.mono.since(agent.seen_since);
        agent.seen = to;
        agent.seen_since = now.mono;
        let group = agent.group;
        if from == AgentState::Ready
            && let Some(since) = agent.idle_since
        {
            self.floor.remove_ready(group, since, id);
        }
        match to {
            AgentState::Ready => {
                let since = *agent.idle_since.get_or_insert(now.mono);
                self.floor.add_ready(group, since, id);
            }
            // Whoever was rung in vain, through no doing of his, is still the longest idle.
            AgentState::Offered => {}
            AgentState::LoggedOut
            | AgentState::Unreachable
            | AgentState::Talking
            | AgentState::OnHold
            | AgentState::WrapUp
            | AgentState::Paused
            | AgentState::Resting => agent.idle_since = None,
        }
        let reason = agent.paused.clone().filter(|_| to == AgentState::Paused);
        out.record(now, Fact::AgentStateChanged { agent: id, from, to, lasted, reason });
        if to == AgentState::Ready {
            self.dispatch_to_group(now, group, out);
        }
    }

    /// Ends after-call work, by its timer or by the agent's own wish.
    fn wrap_up_ended(&mut self, now: Now, id: AgentId, out: &mut Commands) {
        let Some(agent) = self.agents.get_mut(id.0 as usize) else { return };
        if let Activity::WrapUp { queue, since, until } = agent.activity {
            agent.activity = Activity::Free;
            self.timers.cancel(until, Timer::WrapUp(id));
            let lasted = now.mono.since(since);
            out.record(now, Fact::WrapUpEnded { agent: id, queue, lasted });
            self.settle(now, id, out);
        }
    }

    fn waiting_in(&self, queue: QueueId) -> usize {
        self.queues.get(queue.0 as usize).map_or(0, BTreeSet::len)
    }
}
