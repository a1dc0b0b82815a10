//! Callers: when they come, how long they wait and talk. They know nothing of queues.

use super::agenda::{Happening, Message};
use super::law::Law;
use super::rng::{Purpose, Rng};
use super::world::{Party, World};
use crate::engine::command::{Program, Then};
use crate::engine::event::{Caller, Event};
use crate::engine::id::{CallId, LegId, OfferId};
use std::time::Duration;

/// How long a prompt is heard.
const PROMPT: Duration = Duration::from_secs(3);
/// Who is left alone on the line hangs up after this.
const ALONE: Duration = Duration::from_secs(20);
/// The share of conversations that the caller ends.
const CALLER_ENDS: f64 = 0.6;

impl World<'_> {
    /// Puts down when the next call of a source comes.
    pub(super) fn next_arrival(&mut self, source: usize) {
        let elapsed = self.elapsed();
        let (Some(from), Some(rng)) =
            (self.scenario.sources.get(source), self.chances.arrivals.get_mut(source))
        else {
            return;
        };
        if let Some(at) = from.profile.next(elapsed, rng) {
            self.at_time(at, Happening::Arrival(source));
        }
    }

    pub(super) fn call_comes(&mut self, source: usize) -> Option<Event> {
        if self.closed {
            return None;
        }
        self.next_arrival(source);
        let from = self.scenario.sources.get(source)?;
        let number = self.numbers.get(source).copied()?;
        Some(self.call(number, from.dialled.clone(), (None, from.patience), (None, from.handling)))
    }

    pub(super) fn recorded_call_comes(&mut self, at: usize) -> Option<Event> {
        if let Some(next) = self.scenario.recorded.get(at + 1) {
            self.at_time(next.at, Happening::Replayed(at + 1));
        }
        if self.closed {
            return None;
        }
        let from = self.scenario.recorded.get(at)?;
        let settings = &self.scenario.settings;
        let number = settings.numbers.iter().position(|number| number.dialled == from.dialled);
        let patience = (from.patience, from.patience_law);
        let handling = (from.handling, from.handling_law);
        Some(self.call(number.unwrap_or(usize::MAX), from.dialled.clone(), patience, handling))
    }

    /// A call comes. What is not known of it is drawn from streams of its own, so that the same caller meets
    /// whatever rules are tried.
    fn call(
        &mut self,
        number: usize,
        dialled: String,
        (patience, patience_law): (Option<Duration>, Law),
        (handling, handling_law): (Option<Duration>, Law),
    ) -> Event {
        self.calls += 1;
        let call = CallId(self.calls);
        let draw = |law: Law, purpose| law.draw(&mut Rng::stream(self.seed, purpose, call.0));
        let handling = handling.or_else(|| draw(handling_law, Purpose::Handling)).unwrap_or_default();
        if let Some(patience) = patience.or_else(|| draw(patience_law, Purpose::Patience)) {
            self.agenda.put(self.now + patience, Happening::GivesUp(call));
        }
        self.callers.insert(call, Party { number, handling, talking: None });
        Event::CallArrived {
            call,
            dialled,
            caller: Caller { number: self.caller_id(call), ..Caller::default() },
            agent: None,
            sip_call_id: String::new(),
            wishes: None,
        }
    }

    /// Some callers call again and again; most give no number, which costs nothing.
    fn caller_id(&self, call: CallId) -> String {
        if self.scenario.callers == 0 {
            return String::new();
        }
        let mut rng = Rng::stream(self.seed, Purpose::Caller, call.0);
        if rng.happens(0.2) { String::new() } else { format!("+4930{}", rng.below(self.scenario.callers)) }
    }

    /// Patience is over; who talks has got what he waited for.
    pub(super) fn gives_up(&mut self, call: CallId) -> Option<Event> {
        let waits = self.callers.get(&call).is_some_and(|party| party.talking.is_none());
        if waits {
            self.callers.remove(&call);
            self.send_to_engine(Message::Ended(LegId::Caller(call)));
        }
        None
    }

    /// The two legs are connected: they talk, unless one of them is gone already.
    pub(super) fn bridged(&mut self, call: CallId, offer: OfferId) {
        let (Some(party), Some(leg)) = (self.callers.get_mut(&call), self.legs.get(&offer)) else { return };
        party.talking = Some(offer);
        let agent = leg.agent.map_or(usize::MAX, |agent| agent.0 as usize);
        let factor = self.factors.get(party.number).and_then(|row| row.get(agent)).copied();
        let talk = super::law::span(party.handling.as_secs_f64() * factor.unwrap_or(1.0));
        self.agenda.put(self.now + talk, Happening::Finished(call, offer));
        if self.scenario.workers.get(agent).is_some_and(|worker| worker.holds > 0.0) {
            self.may_hold(agent, call, offer, talk);
        }
    }

    /// They have said what they had to say; one of them hangs up.
    pub(super) fn finishes(&mut self, call: CallId, offer: OfferId) -> Option<Event> {
        let party = self.callers.get(&call).filter(|party| party.talking == Some(offer))?;
        debug_assert!(party.talking.is_some());
        let mut rng = Rng::stream(self.seed, Purpose::Conversation, call.0);
        if rng.happens(CALLER_ENDS) {
            self.callers.remove(&call);
            self.send_to_engine(Message::Ended(LegId::Caller(call)));
        } else {
            self.leg_gone(offer);
            self.send_to_engine(Message::Ended(LegId::Agent(offer)));
        }
        None
    }

    /// The caller talks to nobody any longer; if nothing follows he hangs up.
    pub(super) fn left_alone(&mut self, call: CallId) {
        if let Some(party) = self.callers.get_mut(&call)
            && party.talking.take().is_some()
        {
            self.after(ALONE, Happening::GivesUp(call));
        }
    }

    /// A caller hears prompts, and then it is told that they have been heard.
    pub(super) fn hears(&mut self, leg: LegId, program: &Program) {
        let last = program.then == Then::Silence;
        if last || !program.prompts.is_empty() {
            let heard = PROMPT * u32::try_from(program.prompts.len()).unwrap_or(1);
            self.after(heard, Happening::ToEngine(Message::Heard(leg)));
        }
    }

    /// The engine ends a leg.
    pub(super) fn hung_up(&mut self, leg: LegId) {
        match leg {
            LegId::Caller(call) => {
                self.callers.remove(&call);
            }
            LegId::Agent(offer) => self.stopped(offer),
        }
    }
}
