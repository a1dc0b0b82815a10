//! One INVITE of an offer, until the last of its answers is dealt with: the first 200 wins, every other
//! is acknowledged and hung up, whenever it comes (RFC 3261 §13.2.2.4).

use super::reliable::Early;
use super::way::Party;
use super::{Due, SipCore, Turn};
use crate::engine::Event;
use crate::engine::event::OfferFailure;
use crate::engine::id::{LegId, OfferId};
use crate::engine::time::Monotonic;
use crate::sip::auth::Answerer;
use crate::sip::cause;
use crate::sip::dialog::{Dialog, SessionTimer, cseq};
use crate::sip::flow::Flow;
use crate::sip::leg::{Leg, Phase};
use crate::sip::message::{Request, Response};
use crate::sip::registrar::{BindingId, Contact};
use crate::sip::transaction::ClientId;
use crate::sip::trunk::Way;
use crate::sip::trunk::failover::speaks_for;
use std::collections::BTreeMap;

/// Answers of one INVITE that are acknowledged; more come from no honest proxy.
const ANSWERS_MAX: usize = 8;

/// One phone being rung, or what is left of it.
pub(super) struct Fork {
    pub offer: OfferId,
    pub invite: Request,
    /// The way to it.
    pub flow: Flow,
    /// Which contact of an agent it is.
    binding: Option<BindingId>,
    /// The phone's other flows.
    others: Vec<Contact>,
    /// What is known of the trunk, if it is one.
    pub carrier: Option<Carrier>,
    pub silent_at: Monotonic,
    /// Whether any response came.
    heard: bool,
    /// Whether a phone rings there.
    rings: bool,
    /// Whether a final response came.
    pub is_answered: bool,
    /// Whether its answer is still welcome.
    pub is_wanted: bool,
    /// What came before an answer, by its tag.
    pub early: BTreeMap<String, Early>,
    /// The ACK of each answer by its tag: repeated when the answer is (RFC 3261 §13.2.2.4).
    acks: BTreeMap<String, (Request, Flow)>,
}

/// A trunk that is asked to call a number.
pub(super) struct Carrier {
    pub name: String,
    /// The way to the server that was asked.
    pub way: Way,
    /// Answers its challenges, if we have an account there.
    pub answerer: Option<Answerer>,
}

impl Fork {
    /// Towards a phone of an agent.
    pub fn to_phone(offer: OfferId, invite: Request, contact: &Contact) -> Self {
        let others = contact.others.clone();
        Self { others, ..Self::new(offer, invite, contact.flow, Some(contact.id), None) }
    }

    /// Towards a trunk.
    pub fn to_trunk(offer: OfferId, invite: Request, flow: Flow, carrier: Carrier) -> Self {
        Self::new(offer, invite, flow, None, Some(carrier))
    }

    /// What rang before a restart, and is called off: whoever answers it now is hung up.
    pub fn unwanted(invite: Request, flow: Flow) -> Self {
        // No offer has this identity: they count up from the time.
        let nobody = OfferId(0);
        Self { heard: true, is_wanted: false, ..Self::new(nobody, invite, flow, None, None) }
    }

    /// The same INVITE once more, in place of this one.
    pub fn again(&mut self) -> Self {
        Self::new(self.offer, self.invite.clone(), self.flow, self.binding, self.carrier.take())
    }

    /// Who is at its far end.
    fn party(&self) -> Party {
        self.carrier.as_ref().map_or(Party::Stranger, |carrier| Party::Trunk(carrier.way.trunk))
    }

    fn new(
        offer: OfferId,
        invite: Request,
        flow: Flow,
        binding: Option<BindingId>,
        carrier: Option<Carrier>,
    ) -> Self {
        Self {
            offer,
            invite,
            flow,
            binding,
            others: Vec::new(),
            carrier,
            silent_at: Monotonic(0),
            heard: false,
            rings: false,
            is_answered: false,
            is_wanted: true,
            early: BTreeMap::new(),
            acks: BTreeMap::new(),
        }
    }
}

impl SipCore {
    pub(super) fn fork_responded(&mut self, turn: &mut Turn<'_>, id: ClientId, response: &Response) {
        let Some(fork) = self.forks.get_mut(&id) else { return };
        fork.heard = true;
        fork.is_answered |= !response.is_provisional();
        fork.rings |= (101..200).contains(&response.status);
        self.due.remove(&(fork.silent_at, Due::Silence(id)));
        let (offer, is_wanted, is_phone) = (fork.offer, fork.is_wanted, fork.binding.is_some());
        self.gateway_spoke(turn, id, response);
        if self.forks.get(&id).is_some_and(|fork| fork.is_answered) {
            self.fork_touched(id);
        }
        if (101..200).contains(&response.status) {
            self.acknowledge_early(turn, id, response);
        }
        match response.status {
            0..=100 => {}
            101..200 if is_wanted => self.rings(turn, offer),
            101..200 => {}
            200..300 => self.fork_answered(turn, id, response),
            401 | 407 if is_wanted && self.challenge_answered(turn, id, response) => {}
            // RFC 5626 §5.3.1: the proxy in front has lost the phone's connection.
            430 if is_wanted && is_phone => self.flow_lost(turn, id),
            300..400 if is_wanted && self.redirected(turn, id, response) => {}
            300.. if is_wanted => {
                let retry_after = cause::retry_after(response.headers.first("Retry-After"));
                if cause::is_global(response.status) {
                    // The agent has spoken for all his phones.
                    self.phone_refused_for_all(turn, offer, id, response.status);
                } else {
                    self.look_elsewhere(offer, id, response.status);
                    self.phone_failed(turn, offer, id, self.refused(id, response.status), retry_after);
                }
            }
            300.. => {}
        }
    }

    /// What a trunk's server said to an INVITE tells whether it lives.
    fn gateway_spoke(&mut self, turn: &Turn<'_>, id: ClientId, response: &Response) {
        let Some(carrier) = self.forks.get(&id).and_then(|fork| fork.carrier.as_ref()) else { return };
        let way = carrier.way;
        // A 408 may be of the phone that was called.
        let is_telling = !matches!(response.status, 100 | 408);
        if is_telling && self.trunks.is_up(&way) == (response.status == 503) {
            let retry_after = cause::retry_after(response.headers.first("Retry-After"));
            self.trunks.heard(turn.now.mono, &way, response.status, retry_after);
        }
    }

    fn look_elsewhere(&mut self, offer: OfferId, id: ClientId, status: u16) {
        let Some(fork) = self.forks.get(&id) else { return };
        let Some(way) = fork.carrier.as_ref().map(|carrier| carrier.way) else { return };
        self.narrow(offer, &way, speaks_for(status, fork.rings));
    }

    /// What a refusal means. That we could not show who we are is no word of the person who was called.
    fn refused(&self, id: ClientId, status: u16) -> OfferFailure {
        let is_trunk = self.forks.get(&id).is_some_and(|fork| fork.carrier.is_some());
        if is_trunk && matches!(status, 401 | 403 | 407) {
            OfferFailure::Unreachable
        } else {
            cause::failure(status)
        }
    }

    fn rings(&mut self, turn: &mut Turn<'_>, id: OfferId) {
        let Some(offer) = self.offers.get_mut(&id) else { return };
        if !std::mem::replace(&mut offer.rang, true) {
            turn.out.events.push(Event::OfferRinging { offer: id });
        }
    }

    fn phone_refused_for_all(&mut self, turn: &mut Turn<'_>, id: OfferId, phone: ClientId, status: u16) {
        if let Some(offer) = self.offers.get_mut(&id) {
            offer.open.remove(&phone);
            offer.failure = Some(cause::failure(status));
            self.fail_offer(turn, id);
        }
    }

    /// A 200: acknowledged whatever becomes of it.
    fn fork_answered(&mut self, turn: &mut Turn<'_>, id: ClientId, response: &Response) {
        let Some(fork) = self.forks.get(&id) else { return };
        let (offer, is_wanted) = (fork.offer, fork.is_wanted);
        let tag = response.to_tag().unwrap_or_default();
        if let Some((ack, to)) = fork.acks.get(&tag).cloned() {
            return self.send_ack(turn, ack, to);
        }
        if fork.acks.len() >= ANSWERS_MAX {
            return;
        }
        let number = cseq(&fork.invite.headers).map_or(1, |cseq| cseq.number);
        let party = fork.party();
        let Ok(mut dialog) = Dialog::from_response(&fork.invite, response, fork.flow) else {
            // Nobody could be acknowledged to by such a route.
            return self.phone_failed(turn, offer, id, OfferFailure::Unreachable, None);
        };
        if let Some(early) = fork.early.get(&tag) {
            dialog.go_on_after(early.local_cseq());
        }
        let (ack, to) = (dialog.ack(number), self.way(&dialog));
        if let Some(fork) = self.forks.get_mut(&id) {
            fork.acks.insert(tag, (ack.clone(), to));
        }
        self.send_ack(turn, ack, to);
        if !(is_wanted && self.offers.contains_key(&offer)) {
            return self.say_bye(turn, dialog, party, None);
        }
        self.fork_won(turn, id, offer, dialog, response);
    }

    /// The first answer: its media is taken, the other phones stop ringing.
    fn fork_won(
        &mut self,
        turn: &mut Turn<'_>,
        id: ClientId,
        offer_id: OfferId,
        dialog: Dialog,
        response: &Response,
    ) {
        let Some(offer) = self.offers.get_mut(&offer_id) else { return };
        // The answer may have come before, in a response that must arrive (RFC 3262 §5); then it is not repeated.
        let early =
            self.forks.get(&id).and_then(|fork| fork.early.get(&response.to_tag().unwrap_or_default()));
        let answer = match early {
            Some(early) if response.body.is_empty() => early.answer.as_slice(),
            Some(_) | None => response.body.as_slice(),
        };
        let Ok(_) = offer.media.accept(answer) else {
            // It answered with nothing we can speak: to the caller that is no answer.
            let party = self.forks.get_mut(&id).map_or(Party::Stranger, |fork| {
                fork.is_wanted = false;
                fork.party()
            });
            self.say_bye(turn, dialog, party, None);
            return self.phone_failed(turn, offer_id, id, OfferFailure::Unreachable, None);
        };
        let Some(mut offer) = self.take_offer(offer_id) else { return };
        let leg_id = LegId::Agent(offer_id);
        offer.open.remove(&id);
        let trunk = self.forks.get(&id).and_then(|fork| Some(fork.carrier.as_ref()?.way.trunk));
        if let Some(fork) = self.forks.get_mut(&id) {
            fork.is_wanted = false;
        }
        self.cancel_forks(turn, offer.open, true);
        self.dialogs.insert(dialog.id.clone(), leg_id);
        let leg = Leg {
            id: leg_id,
            dialog,
            media: offer.media,
            phase: Phase::Up { unacked: None },
            session: Some(SessionTimer::begun(turn.now.mono, &response.headers)),
            refresh: None,
            resuming: false,
            takes_update: response.headers.has_token("Allow", "UPDATE"),
            trunk,
            detour: None,
            answerer: None,
            // Whoever answers outside is not the agent's phone, though it forwards to him: he may not pass calls on.
            account: offer.invitation.whom.account().filter(|_| trunk.is_none()),
            refer: None,
            provisional: None,
            hops_left: 0,
            dialled: String::new(),
            arrived: turn.now.mono,
            user_to_user: Vec::new(),
            scheduled: None,
        };
        if let Some(account) = leg.account {
            self.given.insert(account, leg_id);
        }
        self.legs.insert(leg_id, leg);
        self.leg_touched(leg_id);
        self.reschedule(leg_id);
        turn.out.events.push(Event::OfferAnswered { offer: offer_id });
        self.media_agreed(turn, leg_id);
    }

    /// Not even a 100 came: the phone is gone, whatever the registrar believes.
    pub(super) fn fork_silent(&mut self, turn: &mut Turn<'_>, id: ClientId) {
        let Some(fork) = self.forks.get_mut(&id) else { return };
        if fork.heard || !std::mem::replace(&mut fork.is_wanted, false) {
            return;
        }
        // Should it ring after all, it is told to stop.
        self.transactions.cancel(turn.now.mono, id, &mut self.news);
        self.flush(turn);
        self.flow_lost(turn, id);
    }

    /// The phone cannot be reached as it was tried.
    fn flow_lost(&mut self, turn: &mut Turn<'_>, id: ClientId) {
        let Some(fork) = self.forks.get_mut(&id) else { return };
        fork.is_wanted = false;
        let (offer, others) = (fork.offer, std::mem::take(&mut fork.others));
        self.suspect(turn, id);
        self.flow_failed(turn, offer, id, others);
    }

    fn suspect(&mut self, turn: &Turn<'_>, id: ClientId) {
        let Some(fork) = self.forks.get(&id) else { return };
        if let Some(phone) = fork.binding {
            self.registrar.suspect(turn.now.mono, phone);
        }
        if let Some(way) = fork.carrier.as_ref().map(|carrier| carrier.way) {
            self.trunks.suspect(turn.now.mono, &way);
        }
    }

    /// The transaction layer gave up on it, or it could not be sent.
    pub(super) fn fork_unanswered(&mut self, turn: &mut Turn<'_>, id: ClientId) {
        if self.forks.get(&id).is_some_and(|fork| fork.is_wanted) {
            self.suspect(turn, id);
        }
        let Some(fork) = self.forks.remove(&id) else { return };
        self.fork_touched(id);
        self.due.remove(&(fork.silent_at, Due::Silence(id)));
        if fork.is_wanted {
            self.flow_failed(turn, fork.offer, id, fork.others);
        }
    }
}
