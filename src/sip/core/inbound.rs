//! A caller's INVITE: admitted or refused, then answered as the engine says (RFC 3261 §13.3).

use super::ask::check_session;
use super::compose::Refusal;
use super::refer::Replaces;
use super::{Begun, SipCore, Turn};
use crate::engine::Event;
use crate::engine::command::RefusedBecause;
use crate::engine::id::{AgentId, CallId, LegId};
use crate::media::Wishes;
use crate::media::sdp::{self, Description, SdpError};
use crate::sip::admission::Admission;
use crate::sip::dialog::{Asked, Dialog, DialogId, SESSION_EXPIRES_MIN, SessionTimer, Unacked, cseq};
use crate::sip::flow::{Flow, TrunkId};
use crate::sip::identity;
use crate::sip::leg::{Answered, Leg, LegMedia, Phase};
use crate::sip::message::{Headers, Request};
use crate::sip::registrar::AccountId;
use crate::sip::transaction::ServerId;
use crate::sip::uri::Uri;
use std::time::Duration;

/// How often a 183 is repeated, so that no proxy gives up (RFC 3261 §13.3.1.1).
const PROGRESS_EVERY: Duration = Duration::from_secs(60);
/// What `Retry-After` says when there is no media to be had, in seconds.
const RETRY_AFTER_SECS: &str = "5";

/// What is known of a caller who was let in.
struct Admitted {
    agent: Option<AgentId>,
    account: Option<AccountId>,
    trunk: Option<TrunkId>,
    /// The number he dialled.
    dialled: String,
    media: Wishes,
}

impl SipCore {
    pub(super) fn invite_arrived(&mut self, turn: &mut Turn<'_>, id: ServerId, request: Request, from: Flow) {
        let result = self
            .admit(turn, &request, &from)
            .and_then(|admitted| Ok((self.open_leg(turn, id, &request, from, &admitted)?, admitted)));
        let (call, admitted) = match result {
            Ok(result) => result,
            Err(refusal) => return self.refuse(turn, id, &request, refusal),
        };
        let sip_call_id = request.headers.first("Call-ID").unwrap_or_default().to_owned();
        turn.out.dialogs.push(Begun { sip_call_id: sip_call_id.clone(), call, with: "caller".into() });
        let trunk = self.trunk(admitted.trunk);
        let caller = identity::caller(&request.headers, trunk);
        let is_trusted = trunk.is_some_and(|trunk| trunk.trusted_headers);
        let wishes = if is_trusted { self.wishes(turn, &request.headers, &from) } else { None };
        turn.out.events.push(Event::CallArrived {
            wishes: wishes.map(Box::new),
            call,
            dialled: admitted.dialled,
            caller,
            agent: admitted.agent,
            sip_call_id,
        });
    }

    /// The checks of RFC 3261 §8.2, in its order.
    fn admit(&mut self, turn: &Turn<'_>, request: &Request, from: &Flow) -> Result<Admitted, Refusal> {
        let (account, trunk) = match self.gate.admit_call(turn.now.mono, request, from) {
            Admission::Trunk(trunk) => (None, Some(trunk)),
            Admission::Account(account) => (Some(account), None),
            Admission::Challenge { stale } => return Err(self.challenge(turn, from, stale)),
            Admission::Forbidden => return Err(Refusal::new(403)),
        };
        let uri: Uri = request.uri.parse().map_err(|_| Refusal::new(400))?;
        // A carrier may call a mere number (RFC 3966).
        let is_callable = uri.is_sip() || (uri.is_tel() && trunk.is_some());
        if !is_callable {
            return Err(Refusal::new(416));
        }
        if self.is_merged(request) {
            return Err(Refusal::new(482));
        }
        check_session(request)?;
        // We pass calls on, so we end loops as a proxy does (RFC 3261 §16.3).
        if request.headers.first("Max-Forwards") == Some("0") {
            return Err(Refusal::new(483));
        }
        check_timer(request)?;
        if self.legs.len() + self.offers.len() >= self.settings.legs_max {
            return Err(Refusal::new(503).with("Retry-After", RETRY_AFTER_SECS));
        }
        if let Some(header) = request.headers.first("Replaces") {
            // Calls are joined by REFER here, which says whose they are; nobody takes one by naming it.
            let known = Replaces::parse(header).is_some_and(|it| self.replaced(&it).is_some());
            return Err(Refusal::new(if known { 603 } else { 481 }));
        }
        let agent = account.and_then(|account| self.gate.agent_of(account));
        let contact_user = trunk.and_then(|trunk| self.trunks.contact_user(trunk));
        let dialled = identity::dialled(request, &uri, self.trunk(trunk), contact_user);
        let of_trunk = || self.trunk(trunk).map(|trunk| trunk.media.clone()).unwrap_or_default();
        let media = account.map_or_else(of_trunk, |account| self.media_of(account));
        Ok(Admitted { agent, account, trunk, dialled, media })
    }

    /// The same request by another way: a proxy forked it, and both branches lead here (RFC 3261 §8.2.2.2).
    fn is_merged(&self, request: &Request) -> bool {
        let (Some(call_id), Ok(cseq)) = (request.headers.first("Call-ID"), cseq(&request.headers)) else {
            return false;
        };
        let tag = request.from_tag().unwrap_or_default();
        let first = DialogId { call_id: call_id.into(), local_tag: String::new(), remote_tag: String::new() };
        self.dialogs.range(first..).take_while(|(id, _)| id.call_id == call_id).any(|(id, leg)| {
            let number = self.legs.get(leg).and_then(|leg| leg.dialog.remote_cseq());
            id.remote_tag == tag && number == Some(cseq.number)
        })
    }

    fn open_leg(
        &mut self,
        turn: &mut Turn<'_>,
        id: ServerId,
        request: &Request,
        from: Flow,
        admitted: &Admitted,
    ) -> Result<CallId, Refusal> {
        let tag = self.tokens.next_token();
        let contact = self.contact_for(request, &from, admitted.trunk);
        let dialog = Dialog::from_request(request, &tag, from, contact).map_err(|_| Refusal::new(400))?;
        let call = CallId(self.next_call);
        let leg_id = LegId::Caller(call);
        let offer = match request.body.as_slice() {
            [] => None,
            body => Some(sdp::parse(body).map_err(|error| refuse_sdp(&error))?),
        };
        let flow_is_ipv6 = dialog.flow.remote.is_ipv6();
        let ipv6 = offer.as_ref().and_then(Description::is_ipv6).unwrap_or(flow_is_ipv6);
        let wishes = Wishes { ipv6, ..admitted.media.clone() };
        let unavailable = |_| Refusal::new(503).with("Retry-After", RETRY_AFTER_SECS);
        let near = admitted.account.and_then(|account| self.given.get(&account)).copied();
        let local = turn.media.open(leg_id, near, &wishes).map_err(unavailable)?;
        let mut media = LegMedia::new(local, self.session_number());
        if let Some(offer) = &offer
            && let Err(error) = media.answer(offer)
        {
            turn.media.close(leg_id);
            return Err(refuse_sdp(&error));
        }
        let is_trusted = self.trunk(admitted.trunk).is_some_and(|trunk| trunk.trusted_headers);
        let user_to_user =
            if is_trusted { self.user_to_user_of(turn, &request.headers, &from) } else { Vec::new() };
        self.next_call += 1;
        self.dialogs.insert(dialog.id.clone(), leg_id);
        self.invites.insert(id, leg_id);
        let leg = Leg {
            id: leg_id,
            dialog,
            media,
            phase: Phase::Arrived { id, invite: Box::new(request.clone()), progress_at: None },
            session: None,
            refresh: None,
            resuming: false,
            takes_update: request.headers.has_token("Allow", "UPDATE"),
            trunk: admitted.trunk,
            detour: None,
            answerer: None,
            account: admitted.account,
            refer: None,
            provisional: None,
            hops_left: hops_left(&request.headers),
            dialled: admitted.dialled.clone(),
            arrived: turn.now.mono,
            user_to_user,
            scheduled: None,
        };
        self.legs.insert(leg_id, leg);
        Ok(call)
    }

    /// The number of an SDP session (RFC 8866 §5.2): below 2^60, so that it fits everybody's integers.
    pub(super) fn session_number(&mut self) -> u64 {
        let token = self.tokens.next_token();
        token.get(..15).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(1)
    }

    /// 183 with our media. Without an offer there is none to send (RFC 3261 §13.2.1): he hears his own ringing.
    pub(super) fn progress(&mut self, turn: &mut Turn<'_>, call: CallId) {
        let leg_id = LegId::Caller(call);
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        let Phase::Arrived { id, invite, progress_at } = &mut leg.phase else { return };
        let (id, invite) = (*id, invite.clone());
        *progress_at = Some(turn.now.mono + PROGRESS_EVERY);
        self.media_agreed(turn, leg_id);
        if self.send_reliably(turn, leg_id, 183, true) {
            return self.reschedule(leg_id);
        }
        let Some(leg) = self.legs.get(&leg_id) else { return };
        let (tag, contact) = (leg.dialog.id.local_tag.clone(), leg.dialog.contact().to_owned());
        let status = if leg.media.is_agreed() { 183 } else { 180 };
        let body = leg.media.body().to_vec();
        let response = self.session_reply(&invite, status, &tag, &contact, &body);
        self.respond(turn, id, response);
        self.reschedule(leg_id);
    }

    /// 180, without media: he hears his own ringing.
    pub(super) fn ring_back(&mut self, turn: &mut Turn<'_>, call: CallId) {
        if self.send_reliably(turn, LegId::Caller(call), 180, false) {
            return;
        }
        let Some(leg) = self.legs.get(&LegId::Caller(call)) else { return };
        let Phase::Arrived { id, invite, .. } = &leg.phase else { return };
        let response = self.session_reply(invite, 180, &leg.dialog.id.local_tag, leg.dialog.contact(), &[]);
        self.respond(turn, *id, response);
    }

    /// 200 with our media; without an offer in the INVITE the offer is ours.
    pub(super) fn answer(&mut self, turn: &mut Turn<'_>, call: CallId) {
        let leg_id = LegId::Caller(call);
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        let Phase::Arrived { id, invite, .. } = &leg.phase else { return };
        let (id, invite) = (*id, invite.clone());
        if let Some(provisional) = leg.provisional.as_mut().filter(|it| it.described && it.unacked.is_some())
        {
            // RFC 3262 §3: not before the description has arrived.
            provisional.answer_waits = true;
            return;
        }
        let offered = !leg.media.is_agreed();
        if offered {
            leg.media.offer();
        } else {
            self.media_agreed(turn, leg_id);
        }
        self.invites.remove(&id);
        self.accept(turn, leg_id, id, &invite, offered, true);
    }

    /// Sends the 200 to an INVITE, the first or a later one, and watches for its ACK.
    pub(super) fn accept(
        &mut self,
        turn: &mut Turn<'_>,
        leg_id: LegId,
        id: ServerId,
        invite: &Request,
        offered: bool,
        is_first: bool,
    ) {
        let Some(leg) = self.legs.get(&leg_id) else { return };
        let (tag, contact) = (&leg.dialog.id.local_tag, leg.dialog.contact());
        // What arrived for sure before the answer is not repeated in it (RFC 3261 §13.2.1).
        let described = is_first && leg.provisional.as_ref().is_some_and(|it| it.described);
        let body = if described { &[] } else { leg.media.body() };
        let mut response = self.session_reply(invite, 200, tag, contact, body);
        let session = SessionTimer::answer(turn.now.mono, &invite.headers, &mut response.headers);
        let number = cseq(&invite.headers).map_or(0, |cseq| cseq.number);
        let timers = self.settings.timers;
        let unacked = Unacked::new(response.clone(), number, offered, turn.now.mono, timers.t1, timers.t2);
        if let Some(leg) = self.legs.get_mut(&leg_id) {
            leg.session = Some(session.unwrap_or_else(|| SessionTimer::unasked(turn.now.mono)));
            leg.phase = Phase::Up { unacked: Some(Answered { id, is_first, unacked }) };
        }
        self.leg_touched(leg_id);
        self.respond(turn, id, response);
        self.reschedule(leg_id);
    }

    /// The engine does not take the call.
    pub(super) fn refuse_call(&mut self, turn: &mut Turn<'_>, call: CallId, because: RefusedBecause) {
        let mut refusal = Refusal::new(because.status());
        if let Some(after) = because.retry_after() {
            refusal = refusal.with("Retry-After", after.as_secs().to_string());
        }
        self.refuse_leg(turn, LegId::Caller(call), refusal);
        self.drop_leg(turn, LegId::Caller(call), false);
    }

    /// The final response to an INVITE that waited for one.
    pub(super) fn refuse_leg(&mut self, turn: &mut Turn<'_>, leg_id: LegId, refusal: Refusal) {
        let Some(leg) = self.legs.get(&leg_id) else { return };
        let Phase::Arrived { id, invite, .. } = &leg.phase else { return };
        let mut response = self.reply(invite, refusal.status, &leg.dialog.id.local_tag);
        for (name, value) in refusal.headers {
            response.headers.push(name, value);
        }
        let id = *id;
        self.invites.remove(&id);
        self.respond(turn, id, response);
    }

    /// The caller's CANCEL came in time (RFC 3261 §9.2).
    pub(super) fn cancelled(&mut self, turn: &mut Turn<'_>, id: ServerId) {
        let Some(leg_id) = self.invites.get(&id).copied() else { return };
        self.refuse_leg(turn, leg_id, Refusal::new(487));
        self.drop_leg(turn, leg_id, true);
    }
}

/// What a request that follows from this one may still go: one hop less, so that a phone that forwards to us
/// makes no loop without end.
fn hops_left(headers: &Headers) -> u8 {
    let hops = headers.first("Max-Forwards").and_then(|value| value.parse::<u8>().ok());
    hops.unwrap_or(70).min(70).saturating_sub(1)
}

/// RFC 4028 §9: an interval that would only make noise.
pub(super) fn check_timer(request: &Request) -> Result<(), Refusal> {
    match SessionTimer::asked(&request.headers) {
        Asked::TooShort => Err(Refusal::new(422).with("Min-SE", SESSION_EXPIRES_MIN.as_secs().to_string())),
        Asked::Nothing | Asked::Timer(..) => Ok(()),
    }
}

/// What an offer that we can't take is refused with.
pub(super) fn refuse_sdp(error: &SdpError) -> Refusal {
    match error {
        SdpError::Malformed(_) | SdpError::TooLarge { .. } => Refusal::new(400),
        // RFC 3261 §20.43: 305 incompatible media format, 300 incompatible network protocol or address.
        SdpError::NoCommonCodec | SdpError::NoAudio | SdpError::Rejected => {
            Refusal::new(488).with("Warning", "305 holdfast \"no audio codec in common\"")
        }
        // 302: incompatible transport protocol.
        SdpError::NotSecure => {
            Refusal::new(488).with("Warning", "302 holdfast \"SRTP (RTP/SAVP) is required\"")
        }
        SdpError::NoCommonCrypto => {
            Refusal::new(488).with("Warning", "302 holdfast \"no SRTP that could be agreed on\"")
        }
        SdpError::NoCommonPacketTime => {
            Refusal::new(488).with("Warning", "305 holdfast \"packets have 20 ms\"")
        }
        SdpError::NoAddress => Refusal::new(488).with("Warning", "301 holdfast \"no usable address\""),
    }
}
