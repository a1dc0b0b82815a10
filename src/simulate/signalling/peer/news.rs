//! What the transaction layer tells a peer, and what the peer had planned: passed on to whoever deals with it.

use super::party::Stage;
use super::{Asked, Peer, Plan};
use crate::engine::time::Monotonic;
use crate::sip::message::{Method, Request, Response};
use crate::sip::transaction::{ClientId, Output, ServerId};
use std::time::Duration;

impl Peer {
    pub(super) fn settle(&mut self, now: Monotonic, out: Vec<Output>) {
        self.news.extend(out);
        while let Some(output) = self.news.pop_front() {
            self.told(now, output);
        }
    }

    pub(super) fn told(&mut self, now: Monotonic, output: Output) {
        match output {
            Output::Send { bytes, .. } => self.sends.push(bytes),
            Output::Request { id, request, .. } => self.requested(now, id, &request),
            Output::Ack { request, .. } => self.acknowledged(now, &request),
            Output::Cancelled { id } => self.cancelled(now, id),
            Output::Response { id, response, .. } => self.responded(now, id, &response),
            Output::TimedOut { id } | Output::Failed { id } => self.unanswered(now, id),
            Output::ClientEnded { id } => {
                self.asked.remove(&id);
            }
            Output::ServerEnded { .. } => {}
        }
    }

    pub(super) fn requested(&mut self, now: Monotonic, id: ServerId, request: &Request) {
        if request.to_tag().is_some() {
            return self.requested_within(now, id, request);
        }
        match &request.method {
            Method::Invite if !self.lets_in(now, id, request) => {}
            Method::Invite => self.rung(now, id, request),
            Method::Options => self.reply(now, id, request, 200),
            Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Register
            | Method::Info
            | Method::Prack
            | Method::Update
            | Method::Message
            | Method::Notify
            | Method::Subscribe
            | Method::Refer
            | Method::Publish
            | Method::Other(_) => self.reply(now, id, request, 481),
        }
    }

    pub(super) fn responded(&mut self, now: Monotonic, id: ClientId, response: &Response) {
        match self.asked.get(&id).copied() {
            Some(Asked::Invite(party)) => self.invite_answered(now, party, response),
            Some(Asked::Change(party)) => self.change_answered(now, party, id, response),
            Some(Asked::Else(party) | Asked::Prack(party)) if matches!(response.status, 408 | 481) => {
                self.over(now, party);
            }
            Some(Asked::Prack(party)) if response.is_success() => {
                let after = Duration::from_millis(self.rng.below(1_500));
                self.plan(now + after, Plan::ChangeEarly(party));
            }
            Some(Asked::Refer(party)) => self.refer_answered(now, party, response),
            Some(Asked::Odd(party, expected)) => self.odd_answered(now, (party, expected), response),
            Some(Asked::Register) => self.register_answered(now, response),
            Some(Asked::Else(_) | Asked::Prack(_) | Asked::Bye) | None => {}
        }
    }

    pub(super) fn unanswered(&mut self, now: Monotonic, id: ClientId) {
        match self.asked.remove(&id) {
            // RFC 3261 §12.2.1.2: who does not answer within a dialog is gone; a BYE, should he hear it after all.
            Some(
                Asked::Change(party)
                | Asked::Else(party)
                | Asked::Prack(party)
                | Asked::Refer(party)
                | Asked::Odd(Some(party), _),
            ) => self.hang_up(now, party),
            Some(Asked::Invite(party)) => {
                if self.parties.get(&party).is_some_and(|party| party.stage == Stage::Inviting) {
                    self.over(now, party);
                }
            }
            Some(Asked::Register) => self.plan(now + Duration::from_secs(5), Plan::Register),
            Some(Asked::Bye | Asked::Odd(None, _)) | None => {}
        }
    }

    pub(super) fn carry_out(&mut self, now: Monotonic, plan: Plan) {
        match plan {
            Plan::GiveUp(id) => {
                if self.parties.get(&id).is_some_and(|party| party.stage == Stage::Inviting) {
                    self.hang_up(now, id);
                }
            }
            Plan::Ring(id) => self.ring(now, id),
            Plan::Decide(id) => self.decide(now, id),
            Plan::AnswerLate(id) => self.answer(now, id, true),
            Plan::Repeat(id) => self.repeat(now, id),
            Plan::RepeatEarly(id) => self.repeat_early(now, id),
            Plan::Act(id) => self.act(now, id),
            Plan::ChangeAgain(id) => self.change(now, id),
            Plan::ChangeEarly(id) => self.change_early(now, id),
            Plan::Clash(id) => self.clash(now, id),
            Plan::Transfer(id) => self.transfer(now, id),
            Plan::Join(id) => self.join(now, id),
            Plan::Look(id) => self.look(id),
            Plan::Session(id) => self.session_due(now, id),
            Plan::HangUp(id) => self.hang_up(now, id),
            Plan::Register => self.register(now),
        }
    }
}
