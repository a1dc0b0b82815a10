//! A trunk asks for our password inside a call: for its BYE, its refresh, its resumption (RFC 3261 §22.2, §22.3). Its own
//! realm alone is answered, once, with the next number of the dialog.

use super::note::NoAnswer;
use super::way::Party;
use super::{Note, SipCore, Turn};
use crate::engine::id::LegId;
use crate::sip::auth::{Answerer, Params};
use crate::sip::message::{Request, Response};

/// Where a challenge stands, and where its answer; `None`: the status is no challenge.
pub(super) fn challenge_headers(status: u16) -> Option<(&'static str, &'static str)> {
    match status {
        401 => Some(("WWW-Authenticate", "Authorization")),
        407 => Some(("Proxy-Authenticate", "Proxy-Authorization")),
        _ => None,
    }
}

impl SipCore {
    /// Who answers the challenges of whoever is at the far side, if we have an account there.
    pub(super) fn answerer(&self, party: Party) -> Option<Answerer> {
        let login = self.trunk(party.trunk())?.route.as_ref()?.login.clone()?;
        Some(Answerer::new(login))
    }

    /// Whether a challenge within this leg can be answered: a trunk's, where we have an account.
    pub(super) fn may_prove(&self, leg: LegId) -> bool {
        self.legs
            .get(&leg)
            .is_some_and(|leg| leg.answerer.is_some() || self.answerer(Party::of(leg)).is_some())
    }

    /// Makes the next request of a leg answer what the one before was asked, if it was asked anything. Whether it may be
    /// sent.
    pub(super) fn answers_challenge(
        &mut self,
        turn: &mut Turn<'_>,
        leg_id: LegId,
        request: &mut Request,
        challenged: Option<&Response>,
    ) -> bool {
        let Some(leg) = self.legs.get_mut(&leg_id) else { return false };
        let (party, before) = (Party::of(leg), leg.answerer.take());
        let Some(response) = challenged else { return true };
        let Some(mut answerer) = before.map(|it| *it).or_else(|| self.answerer(party)) else { return false };
        let does = self.prove(turn, party, &mut answerer, (request, response));
        if let Some(leg) = self.legs.get_mut(&leg_id).filter(|_| does) {
            leg.answerer = Some(Box::new(answerer));
        }
        does
    }

    /// Makes a request answer the challenge that the one before met. Whether it does; if not, that is told.
    pub(super) fn prove(
        &mut self,
        turn: &mut Turn<'_>,
        party: Party,
        answerer: &mut Answerer,
        (request, response): (&mut Request, &Response),
    ) -> bool {
        let Some((asks, answers)) = challenge_headers(response.status) else { return false };
        let cnonce = self.tokens.next_token();
        let asked = response.headers.all(asks);
        match answerer.answer(asked, request.method.as_str(), &request.uri, &cnonce) {
            Ok(value) => {
                request.headers.push(answers, value);
                true
            }
            Err(reason) => {
                let trunk = self.trunk(party.trunk()).map(|trunk| trunk.name.clone());
                not_authenticated(turn, trunk.unwrap_or_default(), response, asks, reason.into());
                false
            }
        }
    }
}

/// Tells that a trunk's challenge stays without an answer.
pub(super) fn not_authenticated(
    turn: &mut Turn<'_>,
    trunk: String,
    response: &Response,
    asks: &str,
    reason: NoAnswer,
) {
    let realms: Vec<_> = response.headers.all(asks).take(8).filter_map(Params::parse).collect();
    let realms: Vec<_> = realms.iter().filter_map(|params| params.value("realm")).collect();
    let realms = realms.join(", ").chars().take(128).collect();
    turn.out.notes.push(Note::NotAuthenticated { trunk, realms, reason });
}
