//! Passes on what the transaction layer tells, until nothing is left to pass on.

use super::{Due, Note, Purpose, SipCore, Turn};
use crate::engine::Event;
use crate::engine::id::LegId;
use crate::engine::time::Monotonic;
use crate::sip::bouncer::News;
use crate::sip::flow::Flow;
use crate::sip::message::{Request, Response};
use crate::sip::transaction::{ClientId, Output, ServerId};

impl SipCore {
    /// Works off the transaction layer's news and the registrar's.
    pub(super) fn settle(&mut self, turn: &mut Turn<'_>) {
        while !self.news.is_empty() {
            for output in std::mem::take(&mut self.news) {
                self.take(turn, output);
            }
        }
        if let Some(News { shut_out, banned }) = self.gate.bouncer.news() {
            let now = turn.now.mono;
            turn.out.shut_out = Some(shut_out);
            turn.out.notes.extend(banned.iter().map(|ban| Note::banned(ban, now)));
        }
        for (account, reachable) in self.registrar.changes() {
            if let Some(agent) = self.gate.agent_of(account) {
                turn.out.events.push(Event::AgentReachable { agent, reachable });
            }
        }
    }

    fn take(&mut self, turn: &mut Turn<'_>, output: Output) {
        match output {
            Output::Send { to, bytes } => turn.out.send.push((to, bytes)),
            Output::Request { id, request, from } => self.asked(turn, id, request, from),
            Output::Ack { request, from: _ } => self.ack_received(turn, &request),
            Output::Cancelled { id } => self.cancelled(turn, id),
            Output::Response { id, response, from } => self.responded(turn, id, &response, from),
            Output::TimedOut { id } => self.unanswered(turn, id),
            Output::Failed { id } => self.unsent(turn, id),
            Output::ClientEnded { id } => {
                if self.forks.remove(&id).is_some_and(|fork| !fork.is_answered) {
                    self.fork_touched(id);
                }
                self.sent.remove(&id);
                self.byes.remove(&id);
            }
            Output::ServerEnded { id, acked: _ } => self.server_ended(turn, id),
        }
    }

    fn responded(&mut self, turn: &mut Turn<'_>, id: ClientId, response: &Response, from: Flow) {
        if self.forks.contains_key(&id) {
            return self.fork_responded(turn, id, response);
        }
        match self.sent.get(&id) {
            Some(Purpose::Probe(binding)) => self.registrar.answered(turn.now.mono, *binding),
            Some(&Purpose::Resume(leg, cseq)) => self.resume_answered(turn, id, (leg, cseq), response, from),
            Some(&Purpose::Refresh(leg, cseq)) => self.refresh_answered(turn, id, leg, cseq, response, from),
            Some(Purpose::Bye) if !response.is_provisional() => self.bye_answered(turn, id, response),
            Some(Purpose::Gateway(way)) => {
                let way = *way;
                self.gateway_answered(turn, &way, response);
            }
            Some(&Purpose::Register(trunk, cseq)) => self.register_answered(turn, trunk, cseq, response),
            Some(Purpose::Bye | Purpose::Notify | Purpose::Prack) | None => {}
        }
    }

    /// A request could not be sent, or its connection ended before it was answered: inside a dialog another way may lead
    /// there.
    fn unsent(&mut self, turn: &mut Turn<'_>, id: ClientId) {
        let is_sent_again = match self.sent.get(&id) {
            Some(Purpose::Bye) => return self.bye_unsent(turn, id),
            Some(&Purpose::Refresh(leg, _)) => self.refresh_unsent(turn, leg, id),
            Some(&Purpose::Resume(leg, _)) => self.resume_unsent(turn, leg, id),
            Some(_) | None => false,
        };
        if is_sent_again {
            self.sent.remove(&id);
        } else {
            self.unanswered(turn, id);
        }
    }

    fn unanswered(&mut self, turn: &mut Turn<'_>, id: ClientId) {
        self.fork_unanswered(turn, id);
        self.byes.remove(&id);
        match self.sent.remove(&id) {
            // RFC 3261 §12.2.1.2: who does not answer within a dialog is gone.
            Some(Purpose::Refresh(leg, _)) => self.lose(turn, leg),
            Some(Purpose::Resume(leg, _)) => self.is_lost(turn, leg),
            Some(Purpose::Gateway(way)) => self.gateway_unreachable(turn, &way),
            Some(Purpose::Register(trunk, cseq)) => self.register_unanswered(turn, trunk, cseq),
            Some(Purpose::Bye | Purpose::Notify | Purpose::Prack | Purpose::Probe(_)) | None => {}
        }
    }

    /// The caller's INVITE is over without a final response of ours: his connection is gone.
    fn server_ended(&mut self, turn: &mut Turn<'_>, id: ServerId) {
        if let Some(leg) = self.invites.remove(&id) {
            self.drop_leg(turn, leg, true);
        }
    }

    /// Answers a request.
    pub(super) fn respond(&mut self, turn: &mut Turn<'_>, id: ServerId, response: Response) {
        self.transactions.respond(turn.now.mono, id, response, &mut self.news);
        self.flush(turn);
    }

    /// Sends a request of ours; `None` when there are too many.
    pub(super) fn request(&mut self, turn: &mut Turn<'_>, request: Request, to: Flow) -> Option<ClientId> {
        let id = self.transactions.request(turn.now.mono, request, to, &mut self.news).ok();
        self.flush(turn);
        id
    }

    /// Sends the ACK of a 2xx.
    pub(super) fn send_ack(&mut self, turn: &mut Turn<'_>, ack: Request, to: Flow) {
        self.transactions.send_ack(ack, to, &mut self.news);
        self.flush(turn);
    }

    /// What is to be sent goes out at once, so that it leaves in the order in which it was decided.
    pub(super) fn flush(&mut self, turn: &mut Turn<'_>) {
        let mut rest = Vec::new();
        for output in self.news.drain(..) {
            match output {
                Output::Send { to, bytes } => turn.out.send.push((to, bytes)),
                other => rest.push(other),
            }
        }
        self.news = rest;
    }

    /// Puts the leg where it belongs in the queue of deadlines.
    pub(super) fn reschedule(&mut self, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let next = leg.due();
        let before: Option<Monotonic> = std::mem::replace(&mut leg.scheduled, next);
        if let Some(at) = before {
            self.due.remove(&(at, Due::Leg(id)));
        }
        if let Some(at) = next {
            self.due.insert((at, Due::Leg(id)));
        }
    }
}
