//! Offers: made to who may take the call, in the order of the line, within capacity, and ended once.

use super::kind::bit;
use super::{Broken, Ledger, OpenOffer};
use crate::engine::explain::OfferedBecause;
use crate::engine::fact::{AgentState, OfferOutcome};
use crate::engine::id::{AgentId, CallId, OfferId, QueueId};
use crate::engine::time::Monotonic;
use std::time::Duration;

impl Ledger {
    pub(super) fn offer_made(
        &mut self,
        now: Monotonic,
        offer: OfferId,
        call: CallId,
        agent: AgentId,
        queue: QueueId,
        because: OfferedBecause,
    ) -> Result<(), Broken> {
        if self.newest_offer.is_some_and(|newest| newest >= offer) {
            return Err(Broken::Offer(offer, "made twice"));
        }
        self.newest_offer = Some(offer);
        let open = self.calls.get_mut(&call).ok_or(Broken::Offer(offer, "made for a call that is over"))?;
        if open.left {
            return Err(Broken::Offer(offer, "made for a call that has left its queue"));
        }
        open.offers += 1;
        let chosen = matches!(because, OfferedBecause::Strategy { .. });
        if let Some(kind) = open.kind.and_then(|kind| self.kinds.get_mut(kind)) {
            kind.line.remove(&open.place);
            if chosen {
                let may = kind.may_from.get(agent.0 as usize).copied().flatten();
                if may.is_none_or(|after| now.since(open.queued) < after) {
                    return Err(Broken::Offer(offer, "made to somebody who does not qualify, or not yet"));
                }
                if let Some(&first) = kind.line.first()
                    && first < open.place
                {
                    return Err(Broken::Overtaken { earlier: first.1, later: call, agent });
                }
            }
        }
        let seen = self.agents.get_mut(agent.0 as usize).ok_or(Broken::Offer(offer, "made to nobody"))?;
        seen.calls += 1;
        if seen.calls > seen.capacity {
            return Err(Broken::OfferedTwice(agent, call));
        }
        let ring = self.settings.queue(queue).map_or(Duration::ZERO, |queue| queue.ring_timeout);
        let due = now + ring;
        self.offers.insert(offer, OpenOffer { call, agent, made: now, due });
        self.deadlines.insert((due, offer));
        Ok(())
    }

    pub(super) fn offer_ended(
        &mut self,
        now: Monotonic,
        offer: OfferId,
        call: CallId,
        agent: AgentId,
        ring: Duration,
        outcome: OfferOutcome,
    ) -> Result<(), Broken> {
        let ended = self.offers.remove(&offer).ok_or(Broken::Offer(offer, "ended twice, or never made"))?;
        self.deadlines.remove(&(ended.due, offer));
        if ended.call != call || ended.agent != agent || now.since(ended.made) != ring {
            return Err(Broken::Offer(offer, "ended as another than it was made"));
        }
        if let Some(open) = self.calls.get_mut(&call) {
            open.offers = open.offers.saturating_sub(1);
            if open.offers == 0
                && !open.left
                && outcome != OfferOutcome::Answered
                && outcome != OfferOutcome::CallerGone
                && outcome != OfferOutcome::AnsweredElsewhere
                && outcome != OfferOutcome::Interrupted
                && let Some(kind) = open.kind.and_then(|kind| self.kinds.get_mut(kind))
            {
                kind.line.insert(open.place);
            }
        }
        if let Some(seen) = self.agents.get_mut(agent.0 as usize) {
            seen.calls = seen.calls.saturating_sub(1);
        }
        Ok(())
    }

    pub(super) fn state_changed(
        &mut self,
        now: Monotonic,
        agent: AgentId,
        from: AgentState,
        to: AgentState,
        lasted: Duration,
    ) -> Result<(), Broken> {
        let Some(seen) = self.agents.get_mut(agent.0 as usize) else { return Ok(()) };
        let (was, been) = (seen.state, now.since(seen.since));
        // A pause whose reason changes is another pause.
        let changed = from != to || to == AgentState::Paused;
        if was != from || been != lasted || !changed {
            return Err(Broken::States { agent, from, lasted, was, been });
        }
        (seen.state, seen.since) = (to, now);
        let talks = |state| matches!(state, AgentState::Talking | AgentState::OnHold);
        if talks(from) && !talks(to) && to != AgentState::Offered {
            // He may have left a call that goes on while it is being passed on.
            let his = self.calls.iter().filter(|(_, open)| open.agent == Some(agent));
            for call in his.map(|(call, _)| *call).collect::<Vec<_>>() {
                self.let_go(call);
            }
        }
        let (word, mask) = bit(agent);
        if let Some(bits) = self.ready.get_mut(word) {
            *bits = if to == AgentState::Ready { *bits | mask } else { *bits & !mask };
        }
        Ok(())
    }
}
