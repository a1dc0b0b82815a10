//! Requests inside a dialog: what the far side changes, asks or ends (RFC 3261 §12.2.2, §14.2, §15.1.2).

use super::ask::check_session;
use super::compose::{ALLOW, EVENTS, Refusal};
use super::inbound::{check_timer, refuse_sdp};
use super::{SipCore, Turn};
use crate::engine::Event;
use crate::engine::id::LegId;
use crate::media::sdp;
use crate::sip::dialog::{DialogId, Order, SessionTimer, cseq};
use crate::sip::flow::Flow;
use crate::sip::leg::{Leg, Phase};
use crate::sip::message::{Method, Request};
use crate::sip::transaction::ServerId;

/// `Retry-After` of a request that came before we answered the one before (RFC 3261 §14.2).
const SOON_SECS: &str = "2";

impl SipCore {
    pub(super) fn asked_within(&mut self, turn: &mut Turn<'_>, id: ServerId, request: Request, from: Flow) {
        let Some(leg_id) = self.leg_of(&request) else {
            return self.refuse(turn, id, &request, Refusal::new(481));
        };
        let number = cseq(&request.headers).map_or(0, |cseq| cseq.number);
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        if leg.dialog.order(number) == Order::OutOfOrder {
            return self.refuse(turn, id, &request, Refusal::new(500));
        }
        if from.transport.is_reliable() {
            // The connection it comes by is the one that is still there.
            leg.dialog.flow = from;
            leg.detour = None;
            self.note_alive(&from);
        }
        let result = match &request.method {
            Method::Bye => return self.bye_received(turn, leg_id, id, &request),
            Method::Invite => self.reinvite(turn, leg_id, id, &request, from),
            Method::Update => self.update(turn, leg_id, id, &request, from),
            Method::Info => self.info(turn, leg_id, &request),
            Method::Options => return self.tell_capabilities(turn, id, &request),
            Method::Refer => self.refer(turn, leg_id, id, &request),
            Method::Subscribe | Method::Publish => Err(Refusal::new(489).with("Allow-Events", EVENTS)),
            Method::Prack => self.prack(turn, leg_id, id, &request),
            // No subscription of ours (RFC 6665 §4.1.3).
            Method::Notify => Err(Refusal::new(481)),
            Method::Message | Method::Register => Err(Refusal::new(405).with("Allow", ALLOW)),
            Method::Other(_) => Err(Refusal::new(501).with("Allow", ALLOW)),
            Method::Ack | Method::Cancel => return,
        };
        if let Err(refusal) = result {
            self.refuse(turn, id, &request, refusal);
        }
    }

    pub(super) fn leg_of(&self, request: &Request) -> Option<LegId> {
        let id = DialogId {
            call_id: request.headers.first("Call-ID")?.to_owned(),
            local_tag: request.to_tag()?,
            remote_tag: request.from_tag().unwrap_or_default(),
        };
        self.dialogs.get(&id).copied()
    }

    /// RFC 3261 §15.1.2: an INVITE still without final response gets its 487.
    fn bye_received(&mut self, turn: &mut Turn<'_>, leg_id: LegId, id: ServerId, request: &Request) {
        self.refuse(turn, id, request, Refusal::new(200));
        self.refuse_leg(turn, leg_id, Refusal::new(487));
        self.drop_leg(turn, leg_id, true);
    }

    /// Hold, unhold, another address, or a mere refresh (RFC 3261 §14.2).
    fn reinvite(
        &mut self,
        turn: &mut Turn<'_>,
        leg_id: LegId,
        id: ServerId,
        request: &Request,
        from: Flow,
    ) -> Result<(), Refusal> {
        let leg = self.legs.get_mut(&leg_id).ok_or_else(|| Refusal::new(481))?;
        check_offerable(leg)?;
        check_session(request)?;
        check_timer(request)?;
        let offered = request.body.is_empty();
        if offered {
            leg.media.offer();
        } else {
            answer(leg, request)?;
        }
        leg.refresh_target(&request.headers, from);
        if !offered {
            self.media_agreed(turn, leg_id);
        }
        self.accept(turn, leg_id, id, request, offered, false);
        Ok(())
    }

    /// Tells the media plane what was agreed with the far side, and the engine if that puts us on hold or takes us back.
    pub(super) fn media_agreed(&mut self, turn: &mut Turn<'_>, leg_id: LegId) {
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        if let Some(stream) = leg.media.take_news() {
            turn.media.connect(leg_id, stream);
        }
        if let Some(held) = leg.media.take_hold_change() {
            turn.out.events.push(Event::LegHeld { leg: leg_id, held });
        }
    }

    /// RFC 3311 §5.2.
    fn update(
        &mut self,
        turn: &mut Turn<'_>,
        leg_id: LegId,
        id: ServerId,
        request: &Request,
        from: Flow,
    ) -> Result<(), Refusal> {
        let leg = self.legs.get_mut(&leg_id).ok_or_else(|| Refusal::new(481))?;
        check_session(request)?;
        check_timer(request)?;
        let mut body = Vec::new();
        if !request.body.is_empty() {
            check_offerable(leg)?;
            answer(leg, request)?;
            body = leg.media.body().to_vec();
        }
        leg.refresh_target(&request.headers, from);
        let (tag, contact) = (leg.dialog.id.local_tag.clone(), leg.dialog.contact().to_owned());
        let mut response = self.session_reply(request, 200, &tag, &contact, &body);
        let session = SessionTimer::answer(turn.now.mono, &request.headers, &mut response.headers);
        if let Some(leg) = self.legs.get_mut(&leg_id) {
            // A refresh that names no interval switches off what was agreed (RFC 4028 §7.4).
            leg.session = Some(session.unwrap_or_else(|| SessionTimer::unasked(turn.now.mono)));
        }
        self.leg_touched(leg_id);
        if !request.body.is_empty() {
            self.media_agreed(turn, leg_id);
        }
        self.respond(turn, id, response);
        self.reschedule(leg_id);
        Ok(())
    }

    /// Keys that come by signalling (`application/dtmf-relay`), as some phones and gateways send them.
    fn info(&mut self, turn: &mut Turn<'_>, leg_id: LegId, request: &Request) -> Result<(), Refusal> {
        if request.headers.first("Info-Package").is_some() {
            return Err(Refusal::new(469).with("Recv-Info", ""));
        }
        let kind = request.headers.first("Content-Type").unwrap_or_default();
        let is_up = self.legs.get(&leg_id).is_some_and(|leg| matches!(leg.phase, Phase::Up { .. }));
        if let Some(digit) = digit(kind, &request.body).filter(|_| is_up) {
            turn.media.pressed(leg_id, digit);
            turn.out.events.push(Event::DigitPressed { leg: leg_id, digit });
        }
        Err(Refusal::new(200))
    }

    /// The ACK of a 2xx (RFC 3261 §13.3.1.4); further copies find nothing to acknowledge.
    pub(super) fn ack_received(&mut self, turn: &mut Turn<'_>, ack: &Request) {
        let (Some(leg_id), Ok(cseq)) = (self.leg_of(ack), cseq(&ack.headers)) else { return };
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        if leg.unacked().is_none_or(|answered| answered.unacked.cseq != cseq.number) {
            return;
        }
        match &mut leg.phase {
            Phase::Ending { .. } => return self.part(turn, leg_id, false),
            Phase::Arrived { .. } => return,
            Phase::Up { unacked } => {
                let offered = unacked.take().is_some_and(|answered| answered.unacked.offered);
                if offered && leg.media.accept(&ack.body).is_err() {
                    // The answer to our offer is of no use, and there is no way to say so but this.
                    return self.part(turn, leg_id, true);
                }
            }
        }
        self.media_agreed(turn, leg_id);
        self.leg_touched(leg_id);
        self.reschedule(leg_id);
    }
}

/// Answers the request's offer. What can't be agreed on leaves everything as it was (RFC 3261 §14.2).
fn answer(leg: &mut Leg, request: &Request) -> Result<(), Refusal> {
    let offer = sdp::parse(&request.body).map_err(|error| refuse_sdp(&error))?;
    leg.media.answer(&offer).map(|_| ()).map_err(|error| refuse_sdp(&error))
}

/// Whether an offer may come now (RFC 3261 §14.2, RFC 3311 §5.2).
fn check_offerable(leg: &mut Leg) -> Result<(), Refusal> {
    let glare = leg.refresh.is_some() && (leg.resuming || !leg.takes_update);
    match &leg.phase {
        // Once the answer to the first offer is known to have arrived, there may be another (RFC 3311 §5.1, §5.2).
        Phase::Arrived { .. } => match &leg.provisional {
            Some(provisional) if provisional.is_agreed() => Ok(()),
            Some(provisional) if provisional.is_offer_open() => Err(Refusal::new(491)),
            Some(_) | None => Err(Refusal::new(500).with("Retry-After", SOON_SECS)),
        },
        Phase::Ending { .. } => Err(Refusal::new(481)),
        Phase::Up { unacked } => {
            // Our own offer waits for its answer.
            let pending = unacked.as_ref().is_some_and(|answered| answered.unacked.offered);
            if glare || pending { Err(Refusal::new(491)) } else { Ok(()) }
        }
    }
}

/// `Signal=5` in `application/dtmf-relay`, or a bare `5` in `application/dtmf`.
fn digit(kind: &str, body: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(body).ok().filter(|text| text.len() < 256)?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let signal = if kind.eq_ignore_ascii_case("application/dtmf-relay") {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
        })?
    } else if kind.eq_ignore_ascii_case("application/dtmf") {
        text.trim()
    } else {
        return None;
    };
    let mut chars = signal.chars();
    let (digit, None) = (chars.next()?.to_ascii_uppercase(), chars.next()) else { return None };
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D').then_some(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_both_forms_and_nothing_else() {
        assert_eq!(digit("application/dtmf-relay", b"Signal= 5\r\nDuration=160\r\n"), Some('5'));
        assert_eq!(digit("application/dtmf", b"#\r\n"), Some('#'));
        assert_eq!(digit("application/dtmf-relay", b"Signal=55"), None);
        assert_eq!(digit("text/plain", b"5"), None);
        assert_eq!(digit("application/dtmf", &[0xff]), None);
    }
}
