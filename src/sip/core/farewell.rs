//! How legs end, whoever ends them: media closed once, the dialog taken leave of, the engine told once.

use super::compose::Refusal;
use super::{Due, Purpose, SipCore, Turn};
use crate::engine::Event;
use crate::engine::id::LegId;
use crate::sip::cause;
use crate::sip::dialog::{Dialog, Resend, SessionTimer, min_se};
use crate::sip::flow::{Flow, TrunkId};
use crate::sip::leg::{Answered, Phase};
use crate::sip::message::{Method, Response};
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
            let (mut dialog, trunk) = (leg.dialog.clone(), leg.trunk);
            self.say_bye(turn, &mut dialog, trunk);
        }
        self.drop_leg(turn, leg_id, tell);
    }

    /// The far side is gone without a word: a BYE, in case it hears it after all.
    pub(super) fn lose(&mut self, turn: &mut Turn<'_>, leg_id: LegId) {
        self.part(turn, leg_id, true);
    }

    /// BYE. Whatever comes back, for us it is over (RFC 3261 §15.1.1).
    pub(super) fn say_bye(&mut self, turn: &mut Turn<'_>, dialog: &mut Dialog, trunk: Option<TrunkId>) {
        let mut bye = dialog.request(Method::Bye);
        bye.headers.push("User-Agent", self.settings.user_agent.clone());
        let to = self.way(dialog);
        if let Some(id) = self.request_within(turn, bye, to, trunk) {
            self.sent.insert(id, Purpose::Bye);
            self.byes.insert(id);
        }
    }

    /// Where a request inside the dialog goes. Only a trunk may send us to another address, and only to a trunk's; and
    /// a proxy of our own only to such a one.
    pub(super) fn way(&self, dialog: &Dialog) -> Flow {
        dialog.next_hop(|address| self.gate.may_lead(dialog.flow.remote.ip(), address))
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
            self.refresh(turn, leg_id);
        }
        self.reschedule(leg_id);
    }

    /// Refreshes the session: by UPDATE where the far side takes it, else by INVITE (RFC 4028 §7.4).
    fn refresh(&mut self, turn: &mut Turn<'_>, leg_id: LegId) {
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        let Some(session) = leg.session.as_mut() else { return };
        session.refreshing();
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
        let (dialog, trunk) = (leg.dialog.clone(), leg.trunk);
        let to = self.way(&dialog);
        let id = self.request_within(turn, request, to, trunk);
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

    /// RFC 3261 §14.1: whose Call-ID it is, waits longer, so that not both try at the same moment again.
    pub(super) fn glare_pause(&mut self, leg_id: LegId) -> Duration {
        let (at_least, span) = if matches!(leg_id, LegId::Agent(_)) { (210, 191) } else { (0, 201) };
        Duration::from_millis(10 * (at_least + self.session_number() % span))
    }

    /// What a refused refresh leads to: another one later, or none.
    fn refresh_refused(&mut self, turn: &mut Turn<'_>, leg_id: LegId, response: &Response) {
        let glare = self.glare_pause(leg_id);
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        let pause = match response.status {
            // RFC 3261 §12.2.1.2: these say that there is no dialog any more.
            408 | 481 => return self.lose(turn, leg_id),
            491 => Some(glare),
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
            leg.dialog.refresh_target(&response.headers, from);
            let mut agreed = false;
            // A copy finds another refresh under way, or none.
            if leg.refresh.take_if(|refresh| *refresh == id).is_some() {
                leg.session = SessionTimer::accepted(turn.now.mono, &response.headers);
                agreed = number.is_some() && leg.media.accept(&response.body).is_ok();
            }
            if let Some(number) = number {
                let dialog = leg.dialog.clone();
                let to = self.way(&dialog);
                self.send_ack(turn, self.ack_again(id, number, &dialog), to);
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
