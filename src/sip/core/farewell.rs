//! How legs end, whoever ends them, and how they are kept alive: media closed once, the dialog taken leave of, the engine
//! told once.

use super::compose::Refusal;
use super::way::Party;
use super::{Due, Purpose, SipCore, Turn};
use crate::engine::Event;
use crate::engine::id::LegId;
use crate::sip::cause;
use crate::sip::dialog::{Resend, SessionTimer, min_se};
use crate::sip::flow::Flow;
use crate::sip::leg::{Answered, Phase};
use crate::sip::message::{Method, Request, Response};
use crate::sip::transaction::ClientId;
use std::time::Duration;

/// When a refresh that could not be sent is tried again.
const REFRESH_AGAIN: Duration = Duration::from_secs(2);

impl SipCore {
    /// The engine ends a leg, in whatever state it is.
    pub(super) fn hang_up(&mut self, turn: &mut Turn<'_>, leg_id: LegId) {
        if let LegId::Agent(offer) = leg_id
            && self.offers.contains_key(&offer)
        {
            return self.cancel_offer(turn, offer, false);
        }
        if self.hang_up_dormant(turn, leg_id) {
            return;
        }
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        match &mut leg.phase {
            Phase::Arrived { .. } => {
                self.refuse_leg(turn, leg_id, Refusal::new(480));
                self.drop_leg(turn, leg_id, false);
            }
            Phase::Up { unacked } => match unacked.take_if(|answered| answered.is_first) {
                // RFC 3261 §15: no BYE before the ACK.
                Some(unacked) => {
                    leg.phase = Phase::Ending { unacked };
                    self.leg_touched(leg_id);
                    turn.media.close(leg_id);
                    self.reschedule(leg_id);
                }
                None => self.part(turn, leg_id, false),
            },
            Phase::Ending { .. } => {}
        }
    }

    /// Takes leave with a BYE.
    pub(super) fn part(&mut self, turn: &mut Turn<'_>, leg_id: LegId, tell: bool) {
        if let Some(leg) = self.legs.get(&leg_id) {
            let (dialog, party, detour) = (leg.dialog.clone(), Party::of(leg), leg.detour);
            self.say_bye(turn, dialog, party, detour);
        }
        self.drop_leg(turn, leg_id, tell);
    }

    /// The far side is gone without a word: a BYE, in case it hears it after all. A caller who is lost has left; but
    /// whoever talked to a phone that died has not, so that this is told apart from an agent who hung up.
    pub(super) fn lose(&mut self, turn: &mut Turn<'_>, leg_id: LegId) {
        let stands = self.legs.get(&leg_id).is_some_and(|leg| !matches!(leg.phase, Phase::Ending { .. }));
        match leg_id {
            LegId::Caller(_) => self.part(turn, leg_id, true),
            LegId::Agent(_) => {
                self.part(turn, leg_id, false);
                if stands {
                    turn.out.events.push(Event::LegLost { leg: leg_id });
                }
            }
        }
    }

    /// Forgets a leg: each is closed once, and told of at most once.
    pub(super) fn drop_leg(&mut self, turn: &mut Turn<'_>, leg_id: LegId, tell: bool) {
        let Some(leg) = self.legs.remove(&leg_id) else { return };
        self.leg_touched(leg_id);
        self.dialogs.remove(&leg.dialog.id);
        if let Some(account) = leg.account.filter(|account| self.given.get(account) == Some(&leg_id)) {
            self.given.remove(&account);
        }
        if let Some(at) = leg.scheduled {
            self.due.remove(&(at, Due::Leg(leg_id)));
        }
        if let Some(refresh) = leg.refresh {
            // An INVITE that was answered provisionally has no timer; whoever has left the call may never say more.
            self.transactions.cancel(turn.now.mono, refresh, &mut self.news);
            self.flush(turn);
        }
        match leg.phase {
            // Closed, and the engine's own wish, when the ending began.
            Phase::Ending { .. } => return,
            Phase::Arrived { id, .. } => {
                self.invites.remove(&id);
            }
            Phase::Up { .. } => {}
        }
        turn.media.close(leg_id);
        if tell {
            turn.out.events.push(Event::LegEnded { leg: leg_id });
        }
    }

    /// Something about a leg is due: its 183, its 200, or its session timer.
    pub(super) fn leg_due(&mut self, turn: &mut Turn<'_>, leg_id: LegId) {
        let now = turn.now.mono;
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        leg.scheduled = None;
        if let (Phase::Arrived { progress_at, .. }, LegId::Caller(call)) = (&leg.phase, leg_id) {
            let progress_due = progress_at.is_some_and(|at| at <= now);
            if !self.provisional_due(turn, leg_id) {
                return;
            }
            return if progress_due { self.progress(turn, call) } else { self.reschedule(leg_id) };
        }
        let session_due = leg.session.filter(|session| session.due() <= now);
        match leg
            .unacked()
            .map(|Answered { id, unacked, .. }| (*id, unacked.poll(now), unacked.response.clone()))
        {
            Some((_, Resend::GiveUp, _)) => return self.lose(turn, leg_id),
            Some((id, Resend::Again, response)) => {
                self.answers_repeated += 1;
                self.respond(turn, id, response);
            }
            Some((_, Resend::Wait, _)) | None => {}
        }
        if let Some(session) = session_due {
            if session.is_expired(now) {
                return self.lose(turn, leg_id);
            }
            self.refresh(turn, leg_id, None);
        }
        self.reschedule(leg_id);
    }

    /// Refreshes the session: by UPDATE where the far side takes it, else by INVITE (RFC 4028 §7.4). `challenged`: what a
    /// trunk said to the one before.
    fn refresh(&mut self, turn: &mut Turn<'_>, leg_id: LegId, challenged: Option<&Response>) {
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        let Some(session) = leg.session.as_mut() else { return };
        session.refreshing(turn.now.mono);
        let expires = format!("{};refresher=uac", session.interval().as_secs());
        let least = session.least();
        let method = if leg.takes_update { Method::Update } else { Method::Invite };
        let mut request = leg.dialog.request(method);
        request.headers.push("Supported", "timer");
        request.headers.push("Session-Expires", expires);
        if let Some(least) = least {
            request.headers.push("Min-SE", least.as_secs().to_string());
        }
        let mut number = None;
        if !leg.takes_update {
            number = Some(leg.dialog.local_cseq());
            request.headers.push("Content-Type", super::compose::SDP);
            request.body = leg.media.offer().to_vec();
        }
        if !self.answers_challenge(turn, leg_id, &mut request, challenged) {
            // The timer runs out, unless the far side refreshes.
            return;
        }
        let id = self.send_within(turn, leg_id, request);
        if let Some(id) = id {
            self.sent.insert(id, Purpose::Refresh(leg_id, number));
        }
        if let Some(leg) = self.legs.get_mut(&leg_id) {
            leg.refresh = id;
            if let (None, Some(session)) = (id, leg.session.as_mut()) {
                session.put_off(turn.now.mono + REFRESH_AGAIN);
            }
        }
    }

    /// Sends a request by the way that leads to the leg's far side now, and keeps to it.
    pub(super) fn send_within(
        &mut self,
        turn: &mut Turn<'_>,
        leg_id: LegId,
        request: Request,
    ) -> Option<ClientId> {
        let leg = self.legs.get(&leg_id)?;
        let (usual, to) = (self.way(&leg.dialog), self.way_of(leg));
        if let Some(leg) = self.legs.get_mut(&leg_id) {
            leg.detour = (to != usual).then_some(to);
        }
        self.request(turn, request, to)
    }

    /// The ACK of a 2xx to our INVITE of this number, by the way that leads there now.
    pub(super) fn ack_within(&mut self, turn: &mut Turn<'_>, leg: LegId, number: u32) {
        let Some(leg) = self.legs.get(&leg) else { return };
        let (ack, to) = (leg.dialog.ack(number), self.way_of(leg));
        self.send_ack(turn, ack, to);
    }

    /// A refresh could not be sent, or its connection ended before it was answered. That says nothing of the call: it is
    /// tried again, by another way if there is one, until the session is over (RFC 5057 §5.1). Whether it will be.
    pub(super) fn refresh_unsent(&mut self, turn: &mut Turn<'_>, leg_id: LegId, id: ClientId) -> bool {
        if !self.takes_detour(leg_id, id) {
            return false;
        }
        let session = self.legs.get_mut(&leg_id).and_then(|leg| leg.session.as_mut());
        let Some(session) = session else { return false };
        session.put_off(turn.now.mono + REFRESH_AGAIN);
        self.reschedule(leg_id);
        true
    }

    /// The next request of a leg goes by another way than this one, which could not be sent. Whether that may help.
    pub(super) fn takes_detour(&mut self, leg_id: LegId, unsent: ClientId) -> bool {
        let Some(leg) = self.legs.get(&leg_id) else { return false };
        if leg.refresh != Some(unsent) || !leg.dialog.flow.transport.is_reliable() {
            return false;
        }
        let failed = leg.detour.unwrap_or(leg.dialog.flow);
        let detour = self.detour(&leg.dialog, Party::of(leg), Some(failed));
        if let Some(leg) = self.legs.get_mut(&leg_id) {
            (leg.refresh, leg.detour) = (None, detour);
        }
        true
    }

    /// RFC 3261 §14.1: whose Call-ID it is, waits longer, so that not both try at the same moment again.
    pub(super) fn glare_pause(&mut self, leg_id: LegId) -> Duration {
        let (at_least, span) = if matches!(leg_id, LegId::Agent(_)) { (210, 191) } else { (0, 201) };
        Duration::from_millis(10 * (at_least + self.session_number() % span))
    }

    /// What a refused refresh leads to: another one later, or none.
    fn refresh_refused(&mut self, turn: &mut Turn<'_>, leg_id: LegId, response: &Response) {
        let glare = self.glare_pause(leg_id);
        let may_prove = self.may_prove(leg_id);
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        let pause = match response.status {
            // RFC 3261 §12.2.1.2: these say that there is no dialog any more.
            408 | 481 => return self.lose(turn, leg_id),
            491 => Some(glare),
            401 | 407 if may_prove => {
                self.refresh(turn, leg_id, Some(response));
                return self.reschedule(leg_id);
            }
            // It allowed UPDATE, or something between us did, and does not know it after all.
            405 | 501 if leg.takes_update => {
                leg.takes_update = false;
                Some(Duration::ZERO)
            }
            // Too short for somebody: once more, longer (RFC 4028 §7.3).
            422 => min_se(&response.headers)
                .filter(|least| leg.session.as_mut().is_some_and(|session| session.lengthen(*least)))
                .map(|_| Duration::ZERO),
            // The others leave the timer running out, unless they name a better moment.
            _ => cause::retry_after(response.headers.first("Retry-After")),
        };
        if let (Some(pause), Some(session)) = (pause, leg.session.as_mut()) {
            session.put_off(turn.now.mono + pause);
        }
        self.reschedule(leg_id);
    }

    /// What came of a refresh of ours.
    pub(super) fn refresh_answered(
        &mut self,
        turn: &mut Turn<'_>,
        id: ClientId,
        leg_id: LegId,
        number: Option<u32>,
        response: &Response,
        from: Flow,
    ) {
        if response.is_provisional() {
            return;
        }
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        if response.is_success() {
            leg.refresh_target(&response.headers, from);
            let mut agreed = false;
            // A copy finds another refresh under way, or none.
            if leg.refresh.take_if(|refresh| *refresh == id).is_some() {
                leg.session = Some(SessionTimer::begun(turn.now.mono, &response.headers));
                agreed = number.is_some() && leg.media.accept(&response.body).is_ok();
            }
            if let Some(number) = number {
                self.ack_within(turn, leg_id, number);
            }
            if agreed {
                self.media_agreed(turn, leg_id);
            }
        } else {
            leg.refresh = None;
            return self.refresh_refused(turn, leg_id, response);
        }
        self.leg_touched(leg_id);
        self.reschedule(leg_id);
    }
}
