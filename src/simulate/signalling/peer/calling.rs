//! A peer calls: its INVITE, what it makes of the responses, and when it gives up (RFC 3261 §13.2).

use super::manners::Refresher;
use super::party::{Acknowledged, Party, Stage};
use super::round::HOPS;
use super::{Asked, PartyId, Peer, Plan};
use crate::engine::time::Monotonic;
use crate::sip::auth::{Answerer, Login};
use crate::sip::dialog::{Dialog, SessionTimer, cseq};
use crate::sip::message::{Method, Request, Response};
use crate::sip::uri::CSeq;
use std::time::Duration;

impl Peer {
    /// Somebody dials.
    pub(in super::super) fn call(&mut self, now: Monotonic, dialled: &str) {
        // Some calls may not go far, and will be sent round.
        let few = self.is_gateway() && self.rng.happens(0.15);
        let hops = few.then(|| self.rng.within(2, u64::from(HOPS) - 1) as u8);
        self.dial(now, dialled, hops);
    }

    /// The same; with `hops`, the INVITE may go no further than that.
    pub(super) fn dial(&mut self, now: Monotonic, dialled: &str, hops: Option<u8>) -> Option<PartyId> {
        if self.is_dead || self.is_closing {
            return None;
        }
        let (id, manners) = self.new_party();
        let (tag, call_id) = (format!("{}-t{id}", self.name), format!("{}-c{id}", self.name));
        let mut headers = self.opening(&Method::Invite, dialled, &call_id, &tag);
        if let Some(hops) = hops {
            headers.set("Max-Forwards", hops.to_string());
            headers.push("X-Round", "1");
        }
        let mut supported = "timer".to_owned();
        if manners.knows_100rel {
            supported += ", 100rel";
            if self.rng.happens(0.1) {
                headers.push("Require", "100rel");
            }
        }
        headers.push("Supported", supported);
        let update = if manners.takes_update { ", UPDATE" } else { "" };
        headers.push("Allow", format!("INVITE, ACK, CANCEL, BYE, PRACK, NOTIFY{update}"));
        if let Some((secs, refresher)) = manners.session {
            let refresher = match refresher {
                Refresher::Anybody => "",
                Refresher::Engine => ";refresher=uas",
                Refresher::Peer => ";refresher=uac",
            };
            headers.push("Session-Expires", format!("{secs}{refresher}"));
        }
        let uri = format!("sip:{dialled}@192.0.2.9");
        let invite = Request { method: Method::Invite, uri, headers, body: Vec::new() };
        let mut party = Party::new(call_id, tag, true, invite, manners);
        if !party.manners.offerless {
            // Sometimes a codec that nobody here speaks.
            let format = if self.rng.happens(0.03) { 18 } else { self.rng.below(2) as u8 * 8 };
            party.invite.body = party.description(self.address, format);
            party.invite.headers.push("Content-Type", "application/sdp");
        }
        party.answerer = self.password.clone().map(|password| {
            Answerer::new(Login { username: self.name.clone(), realm: "holdfast".into(), password })
        });
        let (invite, patience) = (party.invite.clone(), party.manners.patience);
        let again = self.rng.happens(0.05).then(|| party.invite.clone());
        self.parties.insert(id, party);
        self.invite(now, id, invite);
        self.plan(now + patience, Plan::GiveUp(id));
        if let Some(invite) = again {
            self.call_by_another_way(now, invite);
        }
        Some(id)
    }

    /// A proxy between us forked the INVITE, and both branches lead to the same place (RFC 3261 §8.2.2.2).
    fn call_by_another_way(&mut self, now: Monotonic, invite: Request) {
        let (id, manners) = self.new_party();
        let text = |name| invite.headers.first(name).unwrap_or_default().to_owned();
        let tag = invite.from_tag().unwrap_or_default();
        let patience = manners.patience;
        self.parties.insert(id, Party::new(text("Call-ID"), tag, true, invite.clone(), manners));
        self.invite(now, id, invite);
        self.plan(now + patience, Plan::GiveUp(id));
    }

    fn invite(&mut self, now: Monotonic, id: PartyId, invite: Request) {
        let client = self.ask(now, invite, Asked::Invite(id));
        if let Some(party) = self.parties.get_mut(&id) {
            party.client = client;
        }
        if client.is_none() {
            self.over(now, id);
        }
    }

    /// The same once more, with what was wanted of it (RFC 3261 §8.1.3.5).
    fn invite_again(&mut self, now: Monotonic, id: PartyId, name: &str, value: String) {
        let Some(party) = self.parties.get_mut(&id).filter(|party| party.stage == Stage::Inviting) else {
            return;
        };
        if party.leaves {
            return self.over(now, id);
        }
        let number = cseq(&party.invite.headers).map_or(1, |cseq| cseq.number) + 1;
        party.invite.headers.set(name, value);
        party.invite.headers.set("CSeq", CSeq { number, method: Method::Invite }.to_string());
        party.dialog = None;
        let invite = party.invite.clone();
        self.invite(now, id, invite);
    }

    pub(super) fn invite_answered(&mut self, now: Monotonic, id: PartyId, response: &Response) {
        match response.status {
            0..=100 => {}
            101..200 => self.hears_ringing(now, id, response),
            200..300 => self.answered(now, id, response),
            401 => self.challenged(now, id, response),
            422 => {
                let least = response.headers.first("Min-SE").unwrap_or("90").to_owned();
                self.invite_again(now, id, "Session-Expires", least);
            }
            status => {
                self.onward_refused(now, id, status);
                self.over(now, id);
            }
        }
    }

    fn challenged(&mut self, now: Monotonic, id: PartyId, response: &Response) {
        let challenges = response.headers.all("WWW-Authenticate");
        let answer = self.parties.get_mut(&id).and_then(|party| {
            let uri = party.invite.uri.clone();
            party.answerer.as_mut()?.answer(challenges, "INVITE", &uri, "cnonce").ok()
        });
        match answer {
            Some(value) => self.invite_again(now, id, "Authorization", value),
            None => self.over(now, id),
        }
    }

    /// A provisional response: one that must arrive is acknowledged (RFC 3262 §4), with the answer if it had the offer.
    fn hears_ringing(&mut self, now: Monotonic, id: PartyId, response: &Response) {
        let flow = self.flow;
        let Some(party) = self.parties.get_mut(&id).filter(|party| party.stage == Stage::Inviting) else {
            return;
        };
        if response.to_tag().is_none() {
            return;
        }
        if party.dialog.is_none() {
            let Ok(dialog) = Dialog::from_response(&party.invite, response, flow) else { return };
            self.dialogs.insert(dialog.id.clone(), id);
            party.dialog = Some(dialog);
        }
        let rseq = response.headers.first("RSeq").and_then(|value| value.parse::<u32>().ok());
        let Some(rseq) = rseq.filter(|rseq| *rseq > party.rseq && party.manners.pracks) else { return };
        party.rseq = rseq;
        party.has_answer |= !response.body.is_empty();
        let number = cseq(&party.invite.headers).map_or(1, |cseq| cseq.number);
        let answer = (party.manners.offerless && !response.body.is_empty())
            .then(|| party.description(self.address, 0));
        let Some(dialog) = party.dialog.as_mut() else { return };
        let mut prack = dialog.request(Method::Prack);
        prack.headers.push("RAck", format!("{rseq} {number} INVITE"));
        if let Some(answer) = answer {
            party.described = true;
            prack.headers.push("Content-Type", "application/sdp");
            prack.body = answer;
        }
        self.ask(now, prack, Asked::Prack(id));
    }

    /// A 200. Each copy is acknowledged, sooner or later; a second dialog is acknowledged and hung up.
    fn answered(&mut self, now: Monotonic, id: PartyId, response: &Response) {
        let flow = self.flow;
        let Some(party) = self.parties.get_mut(&id) else { return };
        let number = cseq(&response.headers).map_or(1, |cseq| cseq.number);
        let key = (number, response.to_tag().unwrap_or_default());
        if party.acks.contains_key(&key) {
            return self.acknowledge(id, &key);
        }
        let early = party.dialog.take();
        if let Some(early) = &early {
            self.dialogs.remove(&early.id);
        }
        let Ok(mut dialog) = Dialog::from_response(&party.invite, response, flow) else { return };
        dialog.go_on_after(early.map_or(0, |early| early.local_cseq()));
        let mut ack = dialog.ack(number);
        if party.manners.offerless && !party.described {
            ack.headers.push("Content-Type", "application/sdp");
            ack.body = party.description(self.address, 8);
        }
        party.acks.insert(key.clone(), Acknowledged { ack, copies: 0 });
        self.dialogs.insert(dialog.id.clone(), id);
        party.dialog = Some(dialog);
        party.session = SessionTimer::accepted(now, &response.headers);
        let was_over = std::mem::replace(&mut party.stage, Stage::Up) == Stage::Over;
        let (leaves, bye_first) = (party.leaves || was_over, party.manners.bye_first);
        if leaves {
            self.acknowledge(id, &key);
            return self.hang_up(now, id);
        }
        self.onward_answered(now, id);
        if bye_first {
            self.hang_up(now, id);
            return self.acknowledge(id, &key);
        }
        self.acknowledge(id, &key);
        self.begin_talk(now, id);
    }

    /// Sends the ACK of a 200, unless this party is one of those that are slow to it.
    pub(super) fn acknowledge(&mut self, id: PartyId, key: &(u32, String)) {
        let Some(party) = self.parties.get_mut(&id) else { return };
        let from_copy = if key.0 == cseq(&party.invite.headers).map_or(1, |cseq| cseq.number) {
            party.manners.acks_from_copy
        } else {
            1
        };
        let Some(known) = party.acks.get_mut(key) else { return };
        known.copies += 1;
        if known.copies >= from_copy {
            let ack = known.ack.clone();
            self.send_ack(ack);
        }
    }

    /// The call is up: what this party will do in it.
    pub(super) fn begin_talk(&mut self, now: Monotonic, id: PartyId) {
        let Some(party) = self.parties.get(&id) else { return };
        let (acts, mut talks) = (party.manners.acts, party.manners.talks);
        // When the engine refreshes the session.
        let refreshed = party.session.filter(|session| !session.ours).map(|session| session.interval() / 2);
        if let Some(refreshed) = refreshed.filter(|_| party.manners.meets_refresh) {
            talks = talks.max(refreshed + Duration::from_secs(30));
        }
        if party.manners.refers && !party.calls && !self.is_gateway() {
            let after = Duration::from_millis(self.rng.below(8_000));
            self.plan(now + after, Plan::Transfer(id));
            talks = talks.max(Duration::from_secs(20));
        }
        for _ in 0..acts {
            let after = talks.mul_f64(self.rng.share());
            self.plan(now + after, Plan::Act(id));
        }
        self.plan(now + talks, Plan::HangUp(id));
        self.plan_session(id);
        self.plan_clash(now, id);
    }
}
