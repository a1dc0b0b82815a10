//! An offer to an agent: all his phones ring at once, the first to answer has the call.

use super::compose::SDP;
use super::fork::Fork;
use super::{Due, SipCore, Turn};
use crate::engine::Event;
use crate::engine::event::{Caller, OfferFailure};
use crate::engine::id::{AgentId, CallId, LegId, OfferId};
use crate::engine::settings::Queue;
use crate::sip::cause;
use crate::sip::leg::LegMedia;
use crate::sip::message::{Method, Request};
use crate::sip::registrar::Contact;
use crate::sip::transaction::ClientId;
use std::collections::BTreeSet;
use std::time::Duration;

/// What the phone of an agent is told when somebody else took the call (RFC 3326).
const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// An agent being rung.
pub(super) struct Offer {
    /// Our media towards him: one for all his phones.
    pub media: LegMedia,
    /// The phones that have not refused.
    pub open: BTreeSet<ClientId>,
    /// The most telling refusal so far.
    pub failure: Option<OfferFailure>,
    /// The longest rest a phone asked for.
    pub retry_after: Option<Duration>,
    /// Whether the engine knows that it rings.
    pub rang: bool,
}

/// What all INVITEs of one offer have in common.
struct Ring<'a> {
    offer: OfferId,
    call: CallId,
    agent: String,
    queue: Option<&'a Queue>,
    caller: &'a Caller,
    max_forwards: u8,
    sdp: Vec<u8>,
}

impl SipCore {
    pub(super) fn offer_agent(
        &mut self,
        turn: &mut Turn<'_>,
        id: OfferId,
        call: CallId,
        agent: AgentId,
        queue: Option<&Queue>,
        caller: &Caller,
    ) {
        let leg_id = LegId::Agent(id);
        if self.offers.contains_key(&id) || self.legs.contains_key(&leg_id) {
            return;
        }
        let account = self.gate.account_of(agent);
        let contacts = account.map(|account| self.registrar.live_contacts(account)).unwrap_or_default();
        let opened = if contacts.is_empty() { None } else { self.open_media(turn, leg_id, call) };
        let Some(mut media) = opened else { return tell_failed(turn, id, OfferFailure::Unreachable, None) };
        let sdp = media.offer().to_vec();
        self.offers.insert(
            id,
            Offer { media, open: BTreeSet::new(), failure: None, retry_after: None, rang: false },
        );
        let ring = Ring {
            offer: id,
            call,
            agent: account.map(|account| self.gate.name_of(account).to_owned()).unwrap_or_default(),
            queue,
            caller,
            max_forwards: self.legs.get(&LegId::Caller(call)).map_or(69, |leg| leg.hops_left),
            sdp,
        };
        for contact in contacts {
            self.ring(turn, &ring, contact);
        }
        self.fail_if_nobody_is_left(turn, id);
    }

    fn open_media(&mut self, turn: &mut Turn<'_>, leg_id: LegId, call: CallId) -> Option<LegMedia> {
        let local = turn.media.open(leg_id, Some(LegId::Caller(call))).ok()?;
        Some(LegMedia::new(local, self.session_number()))
    }

    fn ring(&mut self, turn: &mut Turn<'_>, ring: &Ring<'_>, contact: Contact) {
        let title = ring.queue.map_or("", |queue| queue.title.as_str());
        let from = self.caller_shown(ring.caller, title, &contact.flow);
        let to = format!("<sip:{}@{}>", ring.agent, self.advertised(&contact.flow).ip());
        let to =
            to.parse::<crate::sip::uri::NameAddr>().map_or_else(|_| format!("<{}>", contact.uri), |_| to);
        let hops = ring.max_forwards.to_string();
        let mut headers = self.opening(Method::Invite, &from, &to, &contact.flow, &hops);
        headers.push("Supported", "timer");
        headers.push("X-Holdfast-Call", ring.call.to_string());
        if let Some(queue) = ring.queue {
            headers.push("X-Holdfast-Queue", queue.name.clone());
        }
        headers.push("Content-Type", SDP);
        let invite =
            Request { method: Method::Invite, uri: contact.uri.clone(), headers, body: ring.sdp.clone() };
        let Some(id) = self.request(turn, invite.clone(), contact.flow) else { return };
        let silent_at = turn.now.mono + self.settings.silence_max;
        self.due.insert((silent_at, Due::Silence(id)));
        self.forks.insert(id, Fork::new(ring.offer, invite, contact, silent_at));
        if let Some(offer) = self.offers.get_mut(&ring.offer) {
            offer.open.insert(id);
        }
    }

    /// The engine wants nobody rung any more; an answer that crosses this is hung up.
    pub(super) fn cancel_offer(&mut self, turn: &mut Turn<'_>, id: OfferId, answered_elsewhere: bool) {
        let Some(offer) = self.offers.remove(&id) else {
            // Answered before the engine could know.
            return self.hang_up(turn, LegId::Agent(id));
        };
        turn.media.close(LegId::Agent(id));
        self.cancel_forks(turn, offer.open, answered_elsewhere);
    }

    pub(super) fn cancel_forks(&mut self, turn: &mut Turn<'_>, forks: BTreeSet<ClientId>, elsewhere: bool) {
        for id in forks {
            if let Some(fork) = self.forks.get_mut(&id) {
                fork.is_wanted = false;
            }
            let now = turn.now.mono;
            if elsewhere {
                self.transactions.cancel_with_reason(now, id, ELSEWHERE, &mut self.news);
            } else {
                self.transactions.cancel(now, id, &mut self.news);
            }
            self.flush(turn);
        }
    }

    /// A phone is out of the race.
    pub(super) fn phone_failed(
        &mut self,
        turn: &mut Turn<'_>,
        id: OfferId,
        phone: ClientId,
        failure: OfferFailure,
        retry_after: Option<Duration>,
    ) {
        let Some(offer) = self.offers.get_mut(&id) else { return };
        offer.open.remove(&phone);
        offer.failure = Some(offer.failure.map_or(failure, |before| cause::best(before, failure)));
        offer.retry_after = offer.retry_after.max(retry_after);
        self.fail_if_nobody_is_left(turn, id);
    }

    fn fail_if_nobody_is_left(&mut self, turn: &mut Turn<'_>, id: OfferId) {
        if self.offers.get(&id).is_some_and(|offer| offer.open.is_empty()) {
            self.fail_offer(turn, id);
        }
    }

    /// Ends an offer that came to nothing, and tells why.
    pub(super) fn fail_offer(&mut self, turn: &mut Turn<'_>, id: OfferId) {
        let Some(offer) = self.offers.remove(&id) else { return };
        turn.media.close(LegId::Agent(id));
        self.cancel_forks(turn, offer.open, false);
        tell_failed(turn, id, offer.failure.unwrap_or(OfferFailure::Unreachable), offer.retry_after);
    }
}

fn tell_failed(turn: &mut Turn<'_>, offer: OfferId, failure: OfferFailure, retry_after: Option<Duration>) {
    turn.out.events.push(Event::OfferFailed { offer, failure, retry_after });
}
