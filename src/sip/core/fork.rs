//! One INVITE of an offer, until the last of its answers is dealt with: the first 200 wins, every other
//! is acknowledged and hung up, whenever it comes (RFC 3261 §13.2.2.4).

use super::{Due, SipCore, Turn};
use crate::engine::Event;
use crate::engine::event::OfferFailure;
use crate::engine::id::{LegId, OfferId};
use crate::engine::time::Monotonic;
use crate::sip::cause;
use crate::sip::dialog::{Dialog, SessionTimer, cseq};
use crate::sip::flow::Flow;
use crate::sip::leg::{Leg, Phase};
use crate::sip::message::{Request, Response};
use crate::sip::registrar::Contact;
use crate::sip::transaction::ClientId;
use std::collections::BTreeMap;

/// Answers of one INVITE that are acknowledged; more come from no honest proxy.
const ANSWERS_MAX: usize = 8;

/// One phone being rung, or what is left of it.
pub(super) struct Fork {
    offer: OfferId,
    invite: Request,
    contact: Contact,
    silent_at: Monotonic,
    /// Whether any response came.
    heard: bool,
    /// Whether a final response came.
    pub is_answered: bool,
    /// Whether its answer is still welcome.
    pub is_wanted: bool,
    /// The ACK of each answer by its tag: repeated when the answer is (RFC 3261 §13.2.2.4).
    acks: BTreeMap<String, (Request, Flow)>,
}

impl Fork {
    pub fn new(offer: OfferId, invite: Request, contact: Contact, silent_at: Monotonic) -> Self {
        Self {
            offer,
            invite,
            contact,
            silent_at,
            heard: false,
            is_answered: false,
            is_wanted: true,
            acks: BTreeMap::new(),
        }
    }
}

impl SipCore {
    pub(super) fn fork_responded(&mut self, turn: &mut Turn<'_>, id: ClientId, response: &Response) {
        let Some(fork) = self.forks.get_mut(&id) else { return };
        fork.heard = true;
        fork.is_answered |= !response.is_provisional();
        self.due.remove(&(fork.silent_at, Due::Silence(id)));
        let (offer, is_wanted) = (fork.offer, fork.is_wanted);
        match response.status {
            0..=100 => {}
            101..200 if is_wanted => self.rings(turn, offer),
            101..200 => {}
            200..300 => self.fork_answered(turn, id, response),
            300.. if is_wanted => {
                let retry_after = cause::retry_after(response.headers.first("Retry-After"));
                if cause::is_global(response.status) {
                    // The agent has spoken for all his phones.
                    self.phone_refused_for_all(turn, offer, id, response.status);
                } else {
                    self.phone_failed(turn, offer, id, cause::failure(response.status), retry_after);
                }
            }
            300.. => {}
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
        let Ok(mut dialog) = Dialog::from_response(&fork.invite, response, fork.contact.flow) else {
            // Nobody could be acknowledged to by such a route.
            return self.phone_failed(turn, offer, id, OfferFailure::Unreachable, None);
        };
        let (ack, to) = (dialog.ack(number), self.way(&dialog));
        if let Some(fork) = self.forks.get_mut(&id) {
            fork.acks.insert(tag, (ack.clone(), to));
        }
        self.send_ack(turn, ack, to);
        if !(is_wanted && self.offers.contains_key(&offer)) {
            return self.say_bye(turn, &mut dialog);
        }
        self.fork_won(turn, id, offer, dialog, response);
    }

    /// The first answer: its media is taken, the other phones stop ringing.
    fn fork_won(
        &mut self,
        turn: &mut Turn<'_>,
        id: ClientId,
        offer_id: OfferId,
        mut dialog: Dialog,
        response: &Response,
    ) {
        let Some(offer) = self.offers.get_mut(&offer_id) else { return };
        let Ok(_) = offer.media.accept(&response.body) else {
            // It answered with nothing we can speak: to the caller that is no answer.
            self.say_bye(turn, &mut dialog);
            if let Some(fork) = self.forks.get_mut(&id) {
                fork.is_wanted = false;
            }
            return self.phone_failed(turn, offer_id, id, OfferFailure::Unreachable, None);
        };
        let Some(mut offer) = self.offers.remove(&offer_id) else { return };
        let leg_id = LegId::Agent(offer_id);
        offer.open.remove(&id);
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
            session: SessionTimer::accepted(turn.now.mono, &response.headers),
            refresh: None,
            takes_update: response.headers.has_token("Allow", "UPDATE"),
            hops_left: 0,
            scheduled: None,
        };
        self.legs.insert(leg_id, leg);
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
        let (offer, binding) = (fork.offer, fork.contact.id);
        self.registrar.suspect(turn.now.mono, binding);
        // Should it ring after all, it is told to stop.
        self.transactions.cancel(turn.now.mono, id, &mut self.news);
        self.flush(turn);
        self.phone_failed(turn, offer, id, OfferFailure::Unreachable, None);
    }

    /// The transaction layer gave up on it, or it could not be sent.
    pub(super) fn fork_unanswered(&mut self, turn: &mut Turn<'_>, id: ClientId) {
        let Some(fork) = self.forks.remove(&id) else { return };
        self.due.remove(&(fork.silent_at, Due::Silence(id)));
        if fork.is_wanted {
            self.registrar.suspect(turn.now.mono, fork.contact.id);
            self.phone_failed(turn, fork.offer, id, OfferFailure::Unreachable, None);
        }
    }
}
