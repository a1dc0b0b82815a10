//! Offers that came to nothing: the agent rests, the caller keeps his place, the next agent is asked.

use super::Engine;
use super::call::Stage;
use super::command::{Command, Commands};
use super::event::OfferFailure;
use super::fact::OfferOutcome;
use super::id::{AgentId, CallId, OfferId};
use super::time::Now;
use super::timer::Timer;
use std::time::Duration;

/// No phone may keep an agent from work for longer by asking to be left alone (Retry-After).
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// Nobody who missed a call is rung again at once: a phone that fails instantly would spin for ever.
const REST_MIN: Duration = Duration::from_secs(1);

/// The reason of a pause nobody asked for: too many calls missed in a row.
pub(super) const MISSED_CALLS: &str = "missed-calls";

impl Engine {
    /// A phone refused or failed.
    pub(super) fn offer_failed(
        &mut self,
        now: Now,
        id: OfferId,
        failure: OfferFailure,
        retry_after: Option<Duration>,
        out: &mut Commands,
    ) {
        if self.is_dialling(id) {
            return self.outside_failed(now, id, out);
        }
        if let Some(guest) = self.guests.get(&id) {
            if guest.rings_until.is_some() {
                self.guest_gone(now, id, failure, out);
            }
            return;
        }
        let outcome = match failure {
            OfferFailure::Busy => OfferOutcome::Busy,
            OfferFailure::Declined => OfferOutcome::Declined,
            OfferFailure::NoAnswer => OfferOutcome::NoAnswer,
            OfferFailure::Unreachable => OfferOutcome::Unreachable,
        };
        self.offer_missed(now, id, outcome, retry_after, out);
    }

    pub(super) fn ring_timed_out(&mut self, now: Now, id: OfferId, out: &mut Commands) {
        if self.guest_timed_out(now, id, out) {
            return;
        }
        out.push(Command::CancelOffer { offer: id, answered_elsewhere: false });
        self.offer_missed(now, id, OfferOutcome::NoAnswer, None, out);
    }

    fn offer_missed(
        &mut self,
        now: Now,
        id: OfferId,
        outcome: OfferOutcome,
        retry_after: Option<Duration>,
        out: &mut Commands,
    ) {
        let Some((call_id, agent_id)) = self.ringing(id) else { return };
        self.close_offer(now, id, outcome, out);
        if let Some(agent) = self.agent_mut(agent_id) {
            agent.offer = None;
        }
        self.rest(now, call_id, agent_id, outcome, retry_after);
        self.back_in_line(now, call_id, id, out);
        // A call whose time to go elsewhere came while it rang goes now, before anybody else is rung.
        self.overflow_in_time(now, call_id, out);
        self.settle(now, agent_id, out);
        self.dispatch_call(now, call_id, out);
        self.rearm(call_id);
    }

    /// Once nobody rings for it any more, the call stands where it stood. Who waited for that one agent, waits for
    /// anybody now.
    fn back_in_line(&mut self, now: Now, id: CallId, offer: OfferId, out: &mut Commands) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Stage::Waiting { offers } = &mut call.stage else { return };
        offers.retain(|&other| other != offer);
        if offers.is_empty() {
            call.ring_step = None;
            let (line, place) = (call.line, call.place);
            self.floor.join(line, place);
            self.stop_waiting_for(now, id, out);
        }
    }

    /// Leaves an agent alone for a while, so that one who does not answer is not rung again and again; after too many
    /// misses, until he says that he is back.
    pub(super) fn rest(
        &mut self,
        now: Now,
        call: CallId,
        agent_id: AgentId,
        outcome: OfferOutcome,
        retry_after: Option<Duration>,
    ) {
        let queue = self.calls.get(&call).and_then(|call| self.settings.queue(call.queue));
        let rules = queue.map(|queue| queue.missed);
        let Some(agent) = self.agents.get_mut(agent_id.0 as usize) else { return };
        agent.missed_in_a_row = agent.missed_in_a_row.saturating_add(1);
        let rest = rules.map_or(Duration::ZERO, |rules| rules.rest(outcome, agent.missed_in_a_row));
        let rest = rest.max(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX));
        if rules.and_then(|rules| rules.pause_after).is_some_and(|most| agent.missed_in_a_row >= most) {
            agent.paused.get_or_insert_with(|| MISSED_CALLS.into());
        }
        self.rest_until(agent_id, now.mono + rest.max(REST_MIN));
    }

    /// Lets an agent rest at least until then.
    pub(super) fn rest_until(&mut self, id: AgentId, until: super::Monotonic) {
        let Some(agent) = self.agents.get_mut(id.0 as usize) else { return };
        if let Some(before) = agent.resting_until {
            if before >= until {
                return;
            }
            self.timers.cancel(before, Timer::Rest(id));
        }
        agent.resting_until = Some(until);
        self.timers.start(until, Timer::Rest(id));
    }
}
