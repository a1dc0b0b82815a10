//! An offer: an agent's phones ring, together or one after the other, or a trunk is asked to call a number outside.
//! The first to answer has the call.

use super::compose::{SDP, SUPPORTED, route};
use super::fork::Fork;
use super::{Begun, Due, SipCore, Turn};
use crate::engine::Event;
use crate::engine::event::{Caller, OfferFailure};
use crate::engine::id::{AgentId, CallId, LegId, OfferId, QueueId};
use crate::engine::settings::PhoneOrder;
use crate::engine::time::Monotonic;
use crate::media::Wishes;
use crate::sip::cause;
use crate::sip::dialling::Dialable;
use crate::sip::leg::LegMedia;
use crate::sip::message::{Method, Request};
use crate::sip::registrar::{AccountId, Contact};
use crate::sip::transaction::ClientId;
use crate::sip::trunk::Way;
use crate::sip::trunk::failover::SpeaksFor;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// What the phone of an agent is told when somebody else took the call (RFC 3326).
const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// An agent, or somebody outside, being rung.
pub(super) struct Offer {
    /// Our media towards him: one for all his phones.
    pub media: LegMedia,
    /// What it was opened for.
    pub wishes: Wishes,
    /// What all INVITEs of this offer have in common.
    pub invitation: Invitation,
    /// The phones that ring and have not refused.
    pub open: BTreeSet<ClientId>,
    /// Who is rung when these have failed.
    pub later: VecDeque<Target>,
    /// The numbers it was forwarded to.
    pub sent_on: Vec<Dialable>,
    /// When the engine will have had enough: until then the phones that are rung in turn share the time.
    pub until: Monotonic,
    /// When the phone that rings has had its share.
    pub share_ends: Option<Monotonic>,
    /// The most telling refusal so far.
    pub failure: Option<OfferFailure>,
    /// The longest rest a phone asked for.
    pub retry_after: Option<Duration>,
    /// Whether the engine knows that it rings.
    pub rang: bool,
}

/// What all INVITEs of one offer have in common.
#[derive(Clone)]
pub(super) struct Invitation {
    pub call: CallId,
    pub caller: Caller,
    pub whom: Whom,
}

/// Who is rung.
#[derive(Clone)]
pub(super) enum Whom {
    /// An agent, with the name of his account, for a queue with this name and title.
    Agent { id: Option<AccountId>, account: String, queue: String, title: String },
    /// A number outside.
    Outside(Dialable),
}

/// Where an INVITE goes.
#[derive(Clone)]
pub(super) enum Target {
    /// To a phone of the agent.
    Phone(Contact),
    /// To a trunk, by this way.
    Trunk(Way),
    /// To a number that whoever was rung forwards to, by this way.
    Forwarded(Dialable, Way),
}

/// Who is rung, and how.
pub(super) struct Ringing {
    pub targets: VecDeque<Target>,
    /// So many at once, the others one after the other when these have failed.
    pub together: usize,
    /// How long.
    pub patience: Duration,
}

impl Whom {
    /// The account of whoever is rung, if he is one of ours.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Agent { id, .. } => *id,
            Self::Outside(_) => None,
        }
    }
}

impl SipCore {
    pub(super) fn offer_agent(
        &mut self,
        turn: &mut Turn<'_>,
        id: OfferId,
        call: CallId,
        agent: AgentId,
        queue: Option<QueueId>,
        caller: &Caller,
    ) {
        if self.is_offered(id) {
            return;
        }
        let account = self.gate.account_of(agent);
        let contacts = account.map(|account| self.registrar.live_contacts(account)).unwrap_or_default();
        let queue = queue.and_then(|queue| turn.rules.queue(queue));
        let whom = Whom::Agent {
            id: account,
            account: account.map(|account| self.gate.name_of(account).to_owned()).unwrap_or_default(),
            queue: queue.map(|queue| queue.name.clone()).unwrap_or_default(),
            title: queue.map(|queue| queue.title.clone()).unwrap_or_default(),
        };
        let order = turn.rules.agent(agent).map_or(PhoneOrder::Together, |agent| agent.phones);
        let together = match order {
            PhoneOrder::Together => contacts.len(),
            PhoneOrder::InOrder => 1,
        };
        let patience = queue.map_or(Duration::ZERO, |queue| queue.ring_timeout);
        let invitation = Invitation { call, caller: caller.clone(), whom };
        // One description serves all his phones, and most that have IPv6 have IPv4 too.
        let ipv6 = contacts.iter().all(|contact| contact.flow.remote.is_ipv6());
        let wishes = account.map(|account| self.media_of(account)).unwrap_or_default();
        let wishes = Wishes { ipv6, ..wishes };
        let targets = contacts.into_iter().map(Target::Phone).collect();
        let ringing = Ringing { targets, together, patience };
        if !self.make_offer(turn, id, invitation, wishes, ringing) {
            tell_failed(turn, id, OfferFailure::Unreachable, None);
        }
    }

    pub(super) fn is_offered(&self, id: OfferId) -> bool {
        self.offers.contains_key(&id) || self.legs.contains_key(&LegId::Agent(id))
    }

    /// Rings the targets. Whether there was anybody to ring, and media for it.
    pub(super) fn make_offer(
        &mut self,
        turn: &mut Turn<'_>,
        id: OfferId,
        invitation: Invitation,
        wishes: Wishes,
        ringing: Ringing,
    ) -> bool {
        let Ringing { targets: mut later, together, patience } = ringing;
        let near = Some(LegId::Caller(invitation.call));
        let opened = if later.is_empty() { None } else { self.open_media(turn, id, near, &wishes) };
        let Some(media) = opened else { return false };
        let first: Vec<_> = later.drain(..together.min(later.len())).collect();
        let until = turn.now.mono + patience;
        let (open, sent_on, share_ends, failure, retry_after, rang) = Default::default();
        let offer = Offer {
            media,
            wishes,
            invitation,
            open,
            later,
            sent_on,
            until,
            share_ends,
            failure,
            retry_after,
            rang,
        };
        self.offers.insert(id, offer);
        for target in first {
            self.ring(turn, id, target);
        }
        self.go_on(turn, id);
        true
    }

    /// Media with our offer for it.
    fn open_media(
        &mut self,
        turn: &mut Turn<'_>,
        id: OfferId,
        near: Option<LegId>,
        wishes: &Wishes,
    ) -> Option<LegMedia> {
        let local = turn.media.open(LegId::Agent(id), near, wishes).ok()?;
        let mut media = LegMedia::new(local, self.session_number());
        media.offer();
        Some(media)
    }

    /// Another trunk may want other codecs, other keys, or another IP version: it gets media of its own. What the one
    /// before was told is void by then.
    fn suit_media(&mut self, turn: &mut Turn<'_>, id: OfferId, way: &Way) {
        let wishes = self.media_by(way);
        let Some(offer) = self.offers.get(&id).filter(|offer| offer.wishes != wishes) else { return };
        let near = Some(LegId::Caller(offer.invitation.call));
        turn.media.close(LegId::Agent(id));
        let opened = self.open_media(turn, id, near, &wishes);
        let Some(offer) = self.offers.get_mut(&id) else { return };
        match opened {
            Some(media) => (offer.media, offer.wishes) = (media, wishes),
            // Without a port nobody else is called either.
            None => offer.later.clear(),
        }
    }

    pub(super) fn media_by(&self, way: &Way) -> Wishes {
        let media = self.trunk(Some(way.trunk)).map(|trunk| trunk.media.clone()).unwrap_or_default();
        Wishes { ipv6: way.flow.remote.is_ipv6(), ..media }
    }

    fn ring(&mut self, turn: &mut Turn<'_>, id: OfferId, target: Target) {
        if let Target::Trunk(way) | Target::Forwarded(_, way) = &target {
            self.suit_media(turn, id, way);
        }
        let Some(offer) = self.offers.get(&id) else { return };
        let (invitation, sdp) = (offer.invitation.clone(), offer.media.body().to_vec());
        let fork = match (&invitation.whom, target) {
            (Whom::Agent { account, queue, title, .. }, Target::Phone(contact)) => {
                let mut invite = self.invite_agent(&invitation, account, title, &contact);
                if !queue.is_empty() {
                    invite.headers.push("X-Holdfast-Queue", queue.clone());
                }
                self.present(turn, &mut invite, &invitation, &contact.flow);
                Some(Fork::to_phone(id, invite, &contact))
            }
            (Whom::Outside(number), Target::Trunk(way)) => self.fork_outside(id, &invitation, number, way),
            (_, Target::Forwarded(number, way)) => self.fork_outside(id, &invitation, &number, way),
            (Whom::Agent { .. }, Target::Trunk(_)) | (Whom::Outside(_), Target::Phone(_)) => None,
        };
        let Some(mut fork) = fork else { return };
        fork.invite.headers.push("Content-Type", SDP);
        fork.invite.body = sdp;
        self.send_fork(turn, fork);
        self.share_time(turn, id);
    }

    fn invite_agent(&mut self, ring: &Invitation, account: &str, title: &str, contact: &Contact) -> Request {
        let from = self.caller_shown(&ring.caller, title, &contact.flow);
        let to = format!("<sip:{account}@{}>", self.advertised(&contact.flow).ip());
        let to =
            to.parse::<crate::sip::uri::NameAddr>().map_or_else(|_| format!("<{}>", contact.uri), |_| to);
        let hops = self.hops_left(ring.call);
        let mut headers = self.opening(Method::Invite, &from, &to, &contact.flow, &hops);
        headers.push("Supported", SUPPORTED);
        headers.push("X-Holdfast-Call", ring.call.to_string());
        let mut invite =
            Request { method: Method::Invite, uri: contact.uri.clone(), headers, body: Vec::new() };
        route(&mut invite, contact);
        invite
    }

    /// One hop less than the caller's INVITE may still go (RFC 3261 §16.6 step 3).
    pub(super) fn hops_left(&self, call: CallId) -> String {
        self.legs.get(&LegId::Caller(call)).map_or(69, |leg| leg.hops_left).to_string()
    }

    /// Sends an INVITE and watches for a sign of life.
    pub(super) fn send_fork(&mut self, turn: &mut Turn<'_>, mut fork: Fork) {
        let Some(id) = self.request(turn, fork.invite.clone(), fork.flow) else { return };
        let route =
            fork.carrier.as_ref().and_then(|carrier| self.trunk(Some(carrier.way.trunk))?.route.as_ref());
        let patience = route.map_or(self.settings.phone_silence, |route| route.answer_within);
        fork.silent_at = turn.now.mono + patience;
        self.due.insert((fork.silent_at, Due::Silence(id)));
        if let Some(offer) = self.offers.get_mut(&fork.offer) {
            offer.open.insert(id);
            let with = match &offer.invitation.whom {
                Whom::Agent { account, .. } => account.clone(),
                Whom::Outside(number) => number.as_str().to_owned(),
            };
            let sip_call_id = fork.invite.headers.first("Call-ID").unwrap_or_default().to_owned();
            turn.out.dialogs.push(Begun { sip_call_id, call: offer.invitation.call, with });
        }
        self.forks.insert(id, fork);
        self.fork_touched(id);
    }

    /// Of the phones that are rung in turn, each has an equal part of the time that is left; the last has the rest, and
    /// whoever outside does not answer is the engine's to give up.
    fn share_time(&mut self, turn: &Turn<'_>, id: OfferId) {
        let Some(offer) = self.offers.get(&id) else { return };
        let left = u32::try_from(offer.later.len()).unwrap_or(u32::MAX);
        let shares = left > 0 && matches!(offer.invitation.whom, Whom::Agent { .. });
        let now = turn.now.mono;
        let ends = shares.then(|| now + offer.until.since(now) / left.saturating_add(1));
        self.end_share_at(id, ends);
    }

    fn end_share_at(&mut self, id: OfferId, ends: Option<Monotonic>) {
        let Some(offer) = self.offers.get_mut(&id) else { return };
        if let Some(before) = std::mem::replace(&mut offer.share_ends, ends) {
            self.due.remove(&(before, Due::Share(id)));
        }
        if let Some(ends) = ends {
            self.due.insert((ends, Due::Share(id)));
        }
    }

    /// The phone that rings has had its time: the next one is rung. An answer of the first that crosses this is
    /// welcome all the same.
    pub(super) fn share_over(&mut self, turn: &mut Turn<'_>, id: OfferId) {
        let Some(offer) = self.offers.get_mut(&id) else { return };
        offer.share_ends = None;
        let no_answer = OfferFailure::NoAnswer;
        offer.failure = Some(offer.failure.map_or(no_answer, |before| cause::best(before, no_answer)));
        for phone in std::mem::take(&mut offer.open) {
            self.transactions.cancel(turn.now.mono, phone, &mut self.news);
            self.flush(turn);
        }
        self.go_on(turn, id);
    }

    /// When nobody rings any more, whoever is next is rung; when nobody is next, the offer has failed.
    pub(super) fn go_on(&mut self, turn: &mut Turn<'_>, id: OfferId) {
        while let Some(offer) = self.offers.get_mut(&id).filter(|offer| offer.open.is_empty()) {
            match offer.later.pop_front() {
                Some(target) => self.ring(turn, id, target),
                None => return self.fail_offer(turn, id),
            }
        }
    }

    /// An offer is over, one way or another.
    pub(super) fn take_offer(&mut self, id: OfferId) -> Option<Offer> {
        self.end_share_at(id, None);
        self.offers.remove(&id)
    }

    /// The engine wants nobody rung any more; an answer that crosses this is hung up.
    pub(super) fn cancel_offer(&mut self, turn: &mut Turn<'_>, id: OfferId, answered_elsewhere: bool) {
        let Some(offer) = self.take_offer(id) else {
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
        if !offer.open.remove(&phone) {
            // It had had its time before.
            return;
        }
        offer.failure = Some(offer.failure.map_or(failure, |before| cause::best(before, failure)));
        offer.retry_after = offer.retry_after.max(retry_after);
        self.go_on(turn, id);
    }

    /// A trunk has refused: whoever would say the same is not asked any more.
    pub(super) fn narrow(&mut self, id: OfferId, refused: &Way, speaks_for: SpeaksFor) {
        let Some(offer) = self.offers.get_mut(&id) else { return };
        match speaks_for {
            SpeaksFor::Server => {}
            SpeaksFor::Trunk => offer.later.retain(|target| match target {
                Target::Trunk(way) | Target::Forwarded(_, way) => way.trunk != refused.trunk,
                Target::Phone(_) => true,
            }),
            // Whom a phone forwards to does not speak for the other phones.
            SpeaksFor::Called => offer.later.retain(|target| matches!(target, Target::Phone(_))),
        }
    }

    /// The flow to a phone has failed: the next one that it keeps is tried (RFC 5626 §5.3), or it is out of the race.
    pub(super) fn flow_failed(
        &mut self,
        turn: &mut Turn<'_>,
        id: OfferId,
        phone: ClientId,
        others: Vec<Contact>,
    ) {
        let mut others = others.into_iter();
        let (Some(next), Some(offer)) = (others.next(), self.offers.get_mut(&id)) else {
            return self.phone_failed(turn, id, phone, OfferFailure::Unreachable, None);
        };
        if offer.open.remove(&phone) {
            self.ring(turn, id, Target::Phone(Contact { others: others.collect(), ..next }));
            self.go_on(turn, id);
        }
    }

    /// Ends an offer that came to nothing, and tells why.
    pub(super) fn fail_offer(&mut self, turn: &mut Turn<'_>, id: OfferId) {
        let Some(offer) = self.take_offer(id) else { return };
        turn.media.close(LegId::Agent(id));
        self.cancel_forks(turn, offer.open, false);
        tell_failed(turn, id, offer.failure.unwrap_or(OfferFailure::Unreachable), offer.retry_after);
    }
}

pub(super) fn tell_failed(
    turn: &mut Turn<'_>,
    offer: OfferId,
    failure: OfferFailure,
    retry_after: Option<Duration>,
) {
    turn.out.events.push(Event::OfferFailed { offer, failure, retry_after });
}
