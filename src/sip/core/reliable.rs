//! Provisional responses that must arrive (RFC 3262): ours to callers who know them, and those of the phones we ring.
//! Supported, never required.

use super::compose::Refusal;
use super::inbound::refuse_sdp;
use super::{Purpose, SipCore, Turn};
use crate::engine::id::LegId;
use crate::media::sdp;
use crate::sip::dialog::{Dialog, Resend, Unacked, cseq};
use crate::sip::leg::{Phase, Provisional};
use crate::sip::message::{Headers, Method, Request, Response};
use crate::sip::transaction::{ClientId, ServerId};

/// The option tag.
pub(super) const EXTENSION: &str = "100rel";
/// Early dialogs of one INVITE that are followed; more come from no honest proxy.
const EARLY_MAX: usize = 8;

/// What a phone has answered before it was picked up, by one of the ways an INVITE may fork.
pub(super) struct Early {
    dialog: Dialog,
    rseq: u32,
    /// Its description: the answer to our offer, which its 200 need not repeat (RFC 3262 §5).
    pub answer: Vec<u8>,
}

impl SipCore {
    /// Sends a provisional response so that it arrives, if the caller knows how. Whether it did, or will not.
    pub(super) fn send_reliably(
        &mut self,
        turn: &mut Turn<'_>,
        leg_id: LegId,
        status: u16,
        with_media: bool,
    ) -> bool {
        let first = u32::try_from(self.session_number() >> 30 & 0x3fff_ffff).unwrap_or(0) + 1;
        let Some(leg) = self.legs.get_mut(&leg_id) else { return true };
        let Phase::Arrived { id, invite, .. } = &leg.phase else { return true };
        let (id, required) = (*id, invite.headers.has_token("Require", EXTENSION));
        let wanted = with_media && invite.headers.has_token("Supported", EXTENSION);
        if !(required || wanted) {
            return false;
        }
        if leg.provisional.as_ref().is_some_and(|it| it.unacked.is_some()) {
            // RFC 3262 §3: one at a time.
            return true;
        }
        let told = leg.provisional.as_ref().is_some_and(|it| it.described);
        // RFC 3261 §13.2.1: without an offer in the INVITE, ours is in the first response that must arrive.
        let offered = !leg.media.is_agreed();
        if offered && !told {
            leg.media.offer();
        }
        let body = if told || !(with_media || offered) { Vec::new() } else { leg.media.body().to_vec() };
        let rseq = leg.provisional.as_ref().map_or(first, |it| it.rseq.saturating_add(1));
        let (tag, contact) = (leg.dialog.id.local_tag.clone(), leg.dialog.contact().to_owned());
        let invite = invite.clone();
        let mut response = self.session_reply(&invite, status, &tag, &contact, &body);
        response.headers.push("Require", EXTENSION);
        response.headers.push("RSeq", rseq.to_string());
        let number = cseq(&invite.headers).map_or(0, |cseq| cseq.number);
        let (t1, t2) = (self.settings.timers.t1, self.settings.timers.t2);
        let unacked = Unacked::new(response.clone(), number, offered && !told, turn.now.mono, t1, t2);
        if let Some(leg) = self.legs.get_mut(&leg_id) {
            let described = told || !body.is_empty();
            leg.provisional =
                Some(Provisional { rseq, described, unacked: Some(unacked), answer_waits: false });
        }
        self.respond(turn, id, response);
        self.reschedule(leg_id);
        true
    }

    /// The caller has our provisional response (RFC 3262 §3).
    pub(super) fn prack(
        &mut self,
        turn: &mut Turn<'_>,
        leg_id: LegId,
        id: ServerId,
        request: &Request,
    ) -> Result<(), Refusal> {
        let unknown = || Refusal::new(481);
        let leg = self.legs.get_mut(&leg_id).ok_or_else(unknown)?;
        let provisional = leg.provisional.as_mut().ok_or_else(unknown)?;
        let waits = provisional.unacked.as_ref().ok_or_else(unknown)?;
        if rack(&request.headers) != Some((provisional.rseq, waits.cseq)) {
            return Err(unknown());
        }
        let offered = waits.offered;
        let mut body = Vec::new();
        if offered {
            leg.media.accept(&request.body).map_err(|error| refuse_sdp(&error))?;
        } else if !request.body.is_empty() {
            // RFC 3262 §5: what was agreed on may be changed at once.
            let offer = sdp::parse(&request.body).map_err(|error| refuse_sdp(&error))?;
            leg.media.answer(&offer).map_err(|error| refuse_sdp(&error))?;
            body = leg.media.body().to_vec();
        }
        provisional.unacked = None;
        let answer_waits = std::mem::take(&mut provisional.answer_waits);
        let (tag, contact) = (leg.dialog.id.local_tag.clone(), leg.dialog.contact().to_owned());
        let response = self.session_reply(request, 200, &tag, &contact, &body);
        self.respond(turn, id, response);
        self.media_agreed(turn, leg_id);
        if let (true, LegId::Caller(call)) = (answer_waits, leg_id) {
            self.answer(turn, call);
        }
        self.reschedule(leg_id);
        Ok(())
    }

    /// A provisional response without its PRACK is due. Whether the leg is still there.
    pub(super) fn provisional_due(&mut self, turn: &mut Turn<'_>, leg_id: LegId) -> bool {
        let now = turn.now.mono;
        let Some(leg) = self.legs.get_mut(&leg_id) else { return false };
        let Phase::Arrived { id, .. } = &leg.phase else { return true };
        let id = *id;
        let Some(unacked) = leg.provisional.as_mut().and_then(|it| it.unacked.as_mut()) else { return true };
        match unacked.poll(now) {
            Resend::Wait => true,
            Resend::Again => {
                let response = unacked.response.clone();
                self.answers_repeated += 1;
                self.respond(turn, id, response);
                true
            }
            Resend::GiveUp => {
                // RFC 3262 §3: whoever cannot say that it arrived, cannot be called through to.
                self.refuse_leg(turn, leg_id, Refusal::new(504));
                self.drop_leg(turn, leg_id, true);
                false
            }
        }
    }

    /// A phone's provisional response that must arrive: it is told that it has (RFC 3262 §4).
    pub(super) fn acknowledge_early(&mut self, turn: &mut Turn<'_>, id: ClientId, response: &Response) {
        if !response.headers.has_token("Require", EXTENSION) {
            return;
        }
        let rseq = response.headers.first("RSeq").and_then(|value| value.parse::<u32>().ok());
        let (Some(rseq), Some(tag), Some(fork)) = (rseq, response.to_tag(), self.forks.get_mut(&id)) else {
            return;
        };
        let number = cseq(&fork.invite.headers).map_or(1, |cseq| cseq.number);
        let has_room = fork.early.len() < EARLY_MAX;
        match fork.early.get_mut(&tag) {
            // A repetition, or one that has overtaken another, which will come again.
            Some(early) if rseq != early.rseq.wrapping_add(1) => return,
            Some(early) => early.rseq = rseq,
            None if !has_room => return,
            None => {
                let Ok(dialog) = Dialog::from_response(&fork.invite, response, fork.flow) else { return };
                fork.early.insert(tag.clone(), Early { dialog, rseq, answer: Vec::new() });
            }
        }
        let Some(early) = fork.early.get_mut(&tag) else { return };
        if early.answer.is_empty() {
            early.answer.clone_from(&response.body);
        }
        let mut prack = early.dialog.request(Method::Prack);
        prack.headers.push("RAck", format!("{rseq} {number} INVITE"));
        let dialog = early.dialog.clone();
        let to = self.way(&dialog);
        if let Some(id) = self.request(turn, prack, to) {
            self.sent.insert(id, Purpose::Prack);
        }
    }
}

impl Early {
    /// The number of our last request by this way.
    pub fn local_cseq(&self) -> u32 {
        self.dialog.local_cseq()
    }
}

/// `RSeq CSeq INVITE` (RFC 3262 §7.2).
fn rack(headers: &Headers) -> Option<(u32, u32)> {
    let mut words = headers.first("RAck")?.split_ascii_whitespace();
    let rseq = words.next()?.parse().ok()?;
    let number = words.next()?.parse().ok()?;
    (words.next() == Some("INVITE") && words.next().is_none()).then_some((rseq, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rack_names_a_response_and_its_invite() {
        let read = |value: &str| {
            let mut headers = Headers::new();
            headers.push("RAck", value);
            rack(&headers)
        };
        assert_eq!(read("776656 1 INVITE"), Some((776_656, 1)));
        for bad in ["", "1", "1 2", "1 2 BYE", "x 2 INVITE", "1 2 INVITE 3", "99999999999 1 INVITE"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
