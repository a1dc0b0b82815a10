//! The BYE, until it has its final response: it is sent by another way when its own is gone, and shows a password when it
//! is asked for one. Whatever becomes of it, for us the call is over (RFC 3261 §15.1.1).

use super::prove::challenge_headers;
use super::way::Party;
use super::{Purpose, SipCore, Turn};
use crate::sip::auth::Answerer;
use crate::sip::dialog::Dialog;
use crate::sip::flow::Flow;
use crate::sip::message::{Method, Request, Response};
use crate::sip::transaction::ClientId;

/// After so many that could not be sent, nobody is told any more.
const TRIES_MAX: u8 = 3;

/// A BYE that has no final response.
pub(super) struct Farewell {
    pub dialog: Dialog,
    party: Party,
    /// Answers the trunk's challenge, once there was one.
    answerer: Option<Answerer>,
    /// By which way it was sent.
    way: Flow,
    tries: u8,
}

impl SipCore {
    /// BYE.
    pub(super) fn say_bye(
        &mut self,
        turn: &mut Turn<'_>,
        dialog: Dialog,
        party: Party,
        detour: Option<Flow>,
    ) {
        let way = self.way_to(&dialog, party, detour);
        let mut farewell = Farewell { dialog, party, answerer: None, way, tries: 1 };
        let bye = self.bye(&mut farewell);
        self.send_bye(turn, farewell, bye);
    }

    fn bye(&self, farewell: &mut Farewell) -> Request {
        let mut bye = farewell.dialog.request(Method::Bye);
        bye.headers.push("User-Agent", self.settings.user_agent.clone());
        bye
    }

    fn send_bye(&mut self, turn: &mut Turn<'_>, farewell: Farewell, bye: Request) {
        if let Some(id) = self.request(turn, bye, farewell.way) {
            self.sent.insert(id, Purpose::Bye);
            self.byes.insert(id, farewell);
        }
    }

    /// What came back: it is over, unless a trunk wants to know who says so.
    pub(super) fn bye_answered(&mut self, turn: &mut Turn<'_>, id: ClientId, response: &Response) {
        let Some(mut farewell) = self.byes.remove(&id) else { return };
        if challenge_headers(response.status).is_none() {
            return;
        }
        let known = farewell.answerer.take().or_else(|| self.answerer(farewell.party));
        let Some(mut answerer) = known else { return };
        let mut bye = self.bye(&mut farewell);
        if self.prove(turn, farewell.party, &mut answerer, (&mut bye, response)) {
            farewell.answerer = Some(answerer);
            self.send_bye(turn, farewell, bye);
        }
    }

    /// It could not be sent, or its connection ended before it was answered: once more, by another way if there is one.
    pub(super) fn bye_unsent(&mut self, turn: &mut Turn<'_>, id: ClientId) {
        self.sent.remove(&id);
        let Some(mut farewell) = self.byes.remove(&id).filter(|it| it.tries < TRIES_MAX) else { return };
        let Some(way) = self.detour(&farewell.dialog, farewell.party, Some(farewell.way)) else { return };
        (farewell.way, farewell.tries) = (way, farewell.tries + 1);
        let bye = self.bye(&mut farewell);
        self.send_bye(turn, farewell, bye);
    }
}
