//! A trunk asks for our password in the midst of a call, or at its end: the request goes out once more, with the answer
//! (RFC 3261 §22.2, §22.3). A carrier that hears no BYE it believes would let the call go on, and charge for it.

use super::note::NoAnswer;
use super::{Note, Purpose, SipCore, Turn};
use crate::engine::id::LegId;
use crate::sip::auth::{Answerer, Params};
use crate::sip::dialog::{Dialog, cseq};
use crate::sip::flow::{Flow, TrunkId};
use crate::sip::message::{Headers, Request, Response};
use crate::sip::transaction::ClientId;
use crate::sip::uri::CSeq;

/// Where answers to challenges stand (RFC 3261 §20.7, §20.28).
const ANSWERS: [&str; 2] = ["Authorization", "Proxy-Authorization"];
/// Challenges of one response that a note tells of.
const NOTED_MAX: usize = 8;
/// No note names more characters of realms.
const REALMS_MAX: usize = 128;

/// A request within a dialog with a trunk that has an account of ours.
pub(super) struct Provable {
    request: Request,
    to: Flow,
    trunk: TrunkId,
    answerer: Answerer,
}

/// Where a challenge of this status stands, and where its answer.
pub(super) fn challenge_of(status: u16) -> Option<(&'static str, &'static str)> {
    match status {
        401 => Some(("WWW-Authenticate", "Authorization")),
        407 => Some(("Proxy-Authenticate", "Proxy-Authorization")),
        _ => None,
    }
}

/// The realms of a response's challenges, for a note.
pub(super) fn realms(response: &Response, asks: &str) -> String {
    let realms: Vec<_> = response.headers.all(asks).take(NOTED_MAX).filter_map(Params::parse).collect();
    let realms: Vec<_> = realms.iter().filter_map(|params| params.value("realm")).collect();
    realms.join(", ").chars().take(REALMS_MAX).collect()
}

/// The ACK of a 2xx to this INVITE: with the same credentials (RFC 3261 §13.2.2.4), for nobody may ask for them then.
pub(super) fn ack_of(invite: &Headers, number: u32, dialog: &Dialog) -> Request {
    let mut ack = dialog.ack(number);
    for name in ANSWERS {
        for value in invite.all(name) {
            ack.headers.push(name, value);
        }
    }
    ack
}

impl SipCore {
    /// Sends a request of ours within a dialog, and answers should the trunk ask for a password.
    pub(super) fn request_within(
        &mut self,
        turn: &mut Turn<'_>,
        request: Request,
        to: Flow,
        trunk: Option<TrunkId>,
    ) -> Option<ClientId> {
        let login = self.trunk(trunk).and_then(|trunk| trunk.route.as_ref()?.login.clone());
        let provable = trunk.zip(login).map(|(trunk, login)| {
            let answerer = Answerer::new(login);
            Provable { request: request.clone(), to, trunk, answerer }
        });
        let id = self.request(turn, request, to)?;
        if let Some(provable) = provable {
            self.provable.insert(id, provable);
        }
        Some(id)
    }

    /// The ACK of a 2xx to a re-INVITE of ours.
    pub(super) fn ack_again(&self, id: ClientId, number: u32, dialog: &Dialog) -> Request {
        let none = Headers::new();
        let invite = self.provable.get(&id).map_or(&none, |provable| &provable.request.headers);
        ack_of(invite, number, dialog)
    }

    /// Whether the response asks for our password, and has been answered.
    pub(super) fn proved_within(&mut self, turn: &mut Turn<'_>, id: ClientId, response: &Response) -> bool {
        let Some((asks, answers)) = challenge_of(response.status) else { return false };
        let Some(&purpose) = self.sent.get(&id) else { return false };
        if !self.still_wants(id, purpose) {
            return false;
        }
        let Some(mut provable) = self.provable.remove(&id) else { return false };
        let cnonce = self.tokens.next_token();
        let Provable { request, answerer, .. } = &mut provable;
        let challenges = response.headers.all(asks);
        match answerer.answer(challenges, request.method.as_str(), &request.uri, &cnonce) {
            Ok(value) => request.headers.set(answers, value),
            Err(reason) => {
                let trunk = self.trunk(Some(provable.trunk)).map(|trunk| trunk.name.clone());
                let (trunk, realms) = (trunk.unwrap_or_default(), realms(response, asks));
                turn.out.notes.push(Note::NotAuthenticated { trunk, realms, reason: NoAnswer::from(reason) });
                return false;
            }
        }
        let number = self.number_again(&provable.request, purpose);
        let method = provable.request.method.clone();
        provable.request.headers.set("CSeq", CSeq { number, method }.to_string());
        let Some(next) = self.request(turn, provable.request.clone(), provable.to) else { return false };
        self.provable.insert(next, provable);
        self.sent_again(id, next, purpose, number);
        true
    }

    /// Whether somebody still waits for what this request was for.
    fn still_wants(&self, id: ClientId, purpose: Purpose) -> bool {
        let waits = |leg| self.legs.get(&leg).is_some_and(|leg| leg.refresh == Some(id));
        match purpose {
            Purpose::Bye => true,
            Purpose::Refresh(leg, _) | Purpose::Resume(leg, _) => waits(leg),
            Purpose::Prack
            | Purpose::Notify
            | Purpose::Probe(_)
            | Purpose::Gateway(_)
            | Purpose::Register(..) => false,
        }
    }

    /// The number of the second attempt: the next one of its dialog. Behind a BYE nothing else is sent.
    fn number_again(&mut self, request: &Request, purpose: Purpose) -> u32 {
        let before = cseq(&request.headers).map_or(0, |cseq| cseq.number);
        let leg: Option<LegId> = match purpose {
            Purpose::Refresh(leg, _) | Purpose::Resume(leg, _) => Some(leg),
            Purpose::Bye
            | Purpose::Prack
            | Purpose::Notify
            | Purpose::Probe(_)
            | Purpose::Gateway(_)
            | Purpose::Register(..) => None,
        };
        let dialog = leg.and_then(|leg| self.legs.get_mut(&leg)).map(|leg| &mut leg.dialog);
        let last = dialog.as_ref().map_or(before, |dialog| dialog.local_cseq());
        let number = last.saturating_add(1);
        if let Some(dialog) = dialog {
            dialog.go_on_after(number);
        }
        number
    }

    /// The second attempt takes the first one's place.
    fn sent_again(&mut self, id: ClientId, next: ClientId, purpose: Purpose, number: u32) {
        self.sent.remove(&id);
        let purpose = match purpose {
            Purpose::Refresh(leg, cseq) => Purpose::Refresh(leg, cseq.map(|_| number)),
            Purpose::Resume(leg, _) => Purpose::Resume(leg, number),
            same @ (Purpose::Bye
            | Purpose::Prack
            | Purpose::Notify
            | Purpose::Probe(_)
            | Purpose::Gateway(_)
            | Purpose::Register(..)) => same,
        };
        self.sent.insert(next, purpose);
        if self.byes.remove(&id) {
            self.byes.insert(next);
        }
        if let Purpose::Refresh(leg, _) | Purpose::Resume(leg, _) = purpose {
            if let Some(leg) = self.legs.get_mut(&leg) {
                leg.refresh = Some(next);
            }
            self.leg_touched(leg);
        }
    }
}
