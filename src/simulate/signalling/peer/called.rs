//! A peer is called: it rings, makes up its mind, is cancelled, answers, and answers too late (RFC 3261 §13.3). A proxy
//! before it may fork the INVITE, so that several answer one.

use super::manners::{Reaction, Refresher};
use super::party::{Answered, Party, Stage};
use super::{PartyId, Peer, Plan};
use crate::engine::time::Monotonic;
use crate::sip::codec;
use crate::sip::dialog::{Dialog, Resend, SessionTimer, Unacked, cseq};
use crate::sip::message::{Request, Response};
use crate::sip::transaction::ServerId;
use std::time::Duration;

/// RFC 3261 §17.1.1.1.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

impl Peer {
    pub(super) fn rung(&mut self, now: Monotonic, id: ServerId, invite: &Request) {
        let branches = if self.rng.happens(0.1) { self.rng.within(2, 3) } else { 1 };
        let mut parties = Vec::new();
        for _ in 0..branches {
            let (number, manners) = self.new_party();
            let mut reaction = Reaction::draw(&mut self.rng);
            if branches > 1 && reaction.status != 200 {
                // A proxy tells of refusals only when nobody is left; nobody is told here.
                reaction.status = 0;
            }
            let tag = format!("{}-t{number}", self.name);
            let Ok(dialog) = Dialog::from_request(invite, &tag, self.flow, self.contact()) else { continue };
            let call_id = dialog.id.call_id.clone();
            let mut party = Party::new(call_id, tag, false, invite.clone(), manners);
            self.dialogs.insert(dialog.id.clone(), number);
            party.dialog = Some(dialog);
            party.server = Some(id);
            party.reaction = Some(reaction);
            self.parties.insert(number, party);
            parties.push(number);
            self.plan(now + reaction.rings_after, Plan::Ring(number));
            if branches > 1 || !self.sends_round(now, number, invite) {
                self.plan(now + reaction.rings_after + reaction.decides_after, Plan::Decide(number));
            }
        }
        self.invited.insert(id, parties);
    }

    /// A response with this party's tag.
    fn response(&self, party: &Party, status: u16) -> Response {
        let mut response = Response::reply_to(&party.invite, status, "", Some(&party.tag));
        response.headers.push("Contact", self.contact());
        let update = if party.manners.takes_update { ", UPDATE" } else { "" };
        response.headers.push("Allow", format!("INVITE, ACK, CANCEL, BYE, PRACK, NOTIFY{update}"));
        response
    }

    fn describe(&self, party: &Party, response: &mut Response) {
        response.headers.push("Content-Type", "application/sdp");
        let speechless = party.reaction.is_some_and(|reaction| reaction.speechless);
        response.body = party.description(self.address, if speechless { 18 } else { 8 });
    }

    pub(super) fn ring(&mut self, now: Monotonic, id: PartyId) {
        let Some(party) = self.parties.get(&id).filter(|party| party.stage == Stage::Ringing) else { return };
        let (Some(server), Some(reaction)) = (party.server, party.reaction) else { return };
        let mut response = self.response(party, if reaction.early_media { 183 } else { 180 });
        if reaction.early_media {
            self.describe(party, &mut response);
        }
        let reliable = party.manners.knows_100rel && party.invite.headers.has_token("Supported", "100rel");
        if reliable {
            response.headers.push("Require", "100rel");
            response.headers.push("RSeq", "77");
            let number = cseq(&party.invite.headers).map_or(1, |cseq| cseq.number);
            let unacked = Unacked::new(response.clone(), number, false, now, T1, T2);
            self.plan(unacked.due(), Plan::RepeatEarly(id));
            if let Some(party) = self.parties.get_mut(&id) {
                party.reliable = Some((77, unacked));
                party.described = reaction.early_media;
            }
        }
        self.respond(now, server, response);
    }

    pub(super) fn repeat_early(&mut self, now: Monotonic, id: PartyId) {
        let Some(party) = self.parties.get_mut(&id).filter(|party| party.stage == Stage::Ringing) else {
            return;
        };
        let (Some(server), Some((_, unacked))) = (party.server, party.reliable.as_mut()) else { return };
        let (what, due, response) = (unacked.poll(now), unacked.due(), unacked.response.clone());
        match what {
            Resend::Wait => {}
            Resend::Again => self.respond(now, server, response),
            // RFC 3262 §3.
            Resend::GiveUp => return self.refuse(now, id, 504),
        }
        self.plan(due, Plan::RepeatEarly(id));
    }

    pub(super) fn decide(&mut self, now: Monotonic, id: PartyId) {
        let Some(party) = self.parties.get_mut(&id).filter(|party| party.stage == Stage::Ringing) else {
            return;
        };
        match party.reaction.map_or(0, |reaction| reaction.status) {
            0 => {}
            200 if party.reliable.is_some() && party.described => party.answer_waits = true,
            200 => self.answer(now, id, false),
            status => self.refuse(now, id, status),
        }
    }

    pub(super) fn refuse(&mut self, now: Monotonic, id: PartyId, status: u16) {
        let Some(party) = self.parties.get(&id).filter(|party| party.stage == Stage::Ringing) else { return };
        let mut response = self.response(party, status);
        let server = party.server;
        match status {
            302 => response.headers.set("Contact", "<sip:elsewhere@198.51.100.99>"),
            503 | 480 if self.rng.happens(0.5) => response.headers.push("Retry-After", "3"),
            _ => {}
        }
        // With it the INVITE is over for every branch.
        let branches = server.and_then(|server| self.invited.remove(&server)).unwrap_or_default();
        for branch in branches {
            if self.parties.get(&branch).is_some_and(|party| party.stage == Stage::Ringing) {
                self.over(now, branch);
            }
        }
        if let Some(server) = server {
            self.respond(now, server, response);
        }
    }

    /// A 200 of ours. `raw`: the transaction would not take it, for it has said 487; another branch may still say it.
    pub(super) fn answer(&mut self, now: Monotonic, id: PartyId, raw: bool) {
        let stage = if raw { Stage::Over } else { Stage::Ringing };
        let Some(party) = self.parties.get(&id).filter(|party| party.stage == stage) else { return };
        let Some(server) = party.server else { return };
        let mut response = self.response(party, 200);
        if !party.described || self.rng.happens(0.5) {
            self.describe(party, &mut response);
        }
        let session = self.session_wanted(id, &mut response, now);
        let Some(party) = self.parties.get_mut(&id) else { return };
        let number = cseq(&party.invite.headers).map_or(1, |cseq| cseq.number);
        let unacked = Unacked::new(response.clone(), number, false, now, T1, T2);
        let due = unacked.due();
        party.stage = Stage::Up;
        (party.reliable, party.session) = (None, session);
        party.unacked = Some(Answered { id: server, unacked, raw });
        if let Some(dialog) = &party.dialog {
            self.dialogs.insert(dialog.id.clone(), id);
        }
        if raw {
            self.sends.push(codec::print_response(&response).into());
        } else {
            self.respond(now, server, response);
        }
        self.plan(due, Plan::Repeat(id));
        self.begin_talk(now, id);
    }

    /// A phone may ask for a session timer though the INVITE did not (RFC 4028 §9).
    fn session_wanted(&self, id: PartyId, response: &mut Response, now: Monotonic) -> Option<SessionTimer> {
        let party = self.parties.get(&id)?;
        let (secs, refresher) = party.manners.session?;
        if !party.invite.headers.has_token("Supported", "timer") {
            return None;
        }
        let refresher = match refresher {
            Refresher::Anybody | Refresher::Engine => "uac",
            Refresher::Peer => "uas",
        };
        let value = format!("{};refresher={refresher}", secs.max(90));
        response.headers.push("Session-Expires", value.as_str());
        response.headers.push("Require", "timer");
        let mut asked = crate::sip::message::Headers::new();
        asked.push("Supported", "timer");
        asked.push("Session-Expires", value);
        SessionTimer::answer(now, &asked, &mut crate::sip::message::Headers::new())
    }

    /// The CANCEL came: 487, or an answer that crosses it, which wins (RFC 3261 §9.2).
    pub(super) fn cancelled(&mut self, now: Monotonic, id: ServerId) {
        let parties = self.invited.get(&id).cloned().unwrap_or_default();
        let reaction = |peer: &Self, party: &PartyId| {
            let party = peer.parties.get(party).filter(|party| party.stage == Stage::Ringing)?;
            party.reaction.filter(|_| party.reliable.is_none() || !party.described)
        };
        if let Some(&party) =
            parties.iter().find(|party| reaction(self, party).is_some_and(|reaction| reaction.crosses))
        {
            return self.answer(now, party, false);
        }
        let late =
            parties.iter().copied().find(|party| reaction(self, party).is_some_and(|reaction| reaction.late));
        if let Some(party) = parties.iter().copied().find(|party| reaction(self, party).is_some()) {
            self.refuse(now, party, 487);
        } else if let Some(&party) = parties.first() {
            self.refuse(now, party, 487);
        }
        if let Some(party) = late {
            let after = Duration::from_millis(self.rng.below(2_000));
            self.plan(now + after, Plan::AnswerLate(party));
        }
    }

    /// The 2xx that waits for its ACK.
    pub(super) fn repeat(&mut self, now: Monotonic, id: PartyId) {
        let Some(answered) = self.parties.get_mut(&id).and_then(|party| party.unacked.as_mut()) else {
            return;
        };
        let what = answered.unacked.poll(now);
        let (server, raw) = (answered.id, answered.raw);
        let (due, response) = (answered.unacked.due(), answered.unacked.response.clone());
        match what {
            Resend::Wait => {}
            Resend::Again if raw => self.sends.push(codec::print_response(&response).into()),
            Resend::Again => self.respond(now, server, response),
            Resend::GiveUp => {
                self.seen.unacknowledged += 1;
                if let Some(party) = self.parties.get_mut(&id) {
                    party.unacked = None;
                }
                // RFC 3261 §13.3.1.4.
                return self.hang_up(now, id);
            }
        }
        self.plan(due, Plan::Repeat(id));
    }
}
