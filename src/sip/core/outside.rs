//! Requests outside of dialogs that are no calls: REGISTER, OPTIONS, and all we politely refuse.

use super::compose::{ALLOW, EVENTS, Refusal, SDP, SUPPORTED};
use super::{Purpose, SipCore, Turn, ask};
use crate::sip::admission::Admission;
use crate::sip::flow::Flow;
use crate::sip::message::{Method, Request};
use crate::sip::registrar::{AccountId, Contact, RegisterError};
use crate::sip::transaction::ServerId;
use crate::sip::uri::Uri;

/// What the registrar knows besides (RFC 3327 §5.3, RFC 5626 §6).
const REGISTRAR_SUPPORTED: &str = "path, outbound";

impl SipCore {
    /// A new request.
    pub(super) fn asked(&mut self, turn: &mut Turn<'_>, id: ServerId, request: Request, from: Flow) {
        if request.to_tag().is_some() {
            return self.asked_within(turn, id, request, from);
        }
        match &request.method {
            Method::Invite => self.invite_arrived(turn, id, request, from),
            Method::Register => self.register(turn, id, &request, from),
            _ => {
                let refusal = self.refusal_outside(&request);
                self.refuse(turn, id, &request, refusal);
            }
        }
    }

    /// The answer to what is neither a call nor a registration.
    pub(super) fn refusal_outside(&self, request: &Request) -> Refusal {
        match &request.method {
            Method::Options => capabilities(request),
            // These belong into a dialog (RFC 3261 §12.2.2), and there is none.
            Method::Bye | Method::Update | Method::Info | Method::Prack | Method::Notify => Refusal::new(481),
            Method::Message => Refusal::new(405).with("Allow", ALLOW),
            // RFC 6665 §4.1.3: no event package of ours.
            Method::Subscribe | Method::Publish => Refusal::new(489).with("Allow-Events", EVENTS),
            // Whom we call is the engine's to say (RFC 3515 §2.4.2).
            Method::Refer => Refusal::new(603),
            Method::Other(_) => Refusal::new(501).with("Allow", ALLOW),
            // Handled before: the first two by their own rules, the others by the transaction layer.
            Method::Invite | Method::Register | Method::Ack | Method::Cancel => Refusal::new(500),
        }
    }

    /// Refuses, with nothing to remember.
    pub(super) fn refuse(&mut self, turn: &mut Turn<'_>, id: ServerId, request: &Request, refusal: Refusal) {
        let response = self.refusal(request, refusal);
        self.respond(turn, id, response);
    }

    /// RFC 3261 §11.2. To anybody: it says nothing that a refusal would not.
    pub(super) fn tell_capabilities(&mut self, turn: &mut Turn<'_>, id: ServerId, request: &Request) {
        self.refuse(turn, id, request, capabilities(request));
    }

    /// The challenge of RFC 3261 §22.2, one value for each hash (RFC 8760 §2.4).
    pub(super) fn challenge(&mut self, turn: &Turn<'_>, from: &Flow, stale: bool) -> Refusal {
        let values = self.gate.challenges(turn.now.mono, from.remote.ip(), stale);
        values.into_iter().fold(Refusal::new(401), |refusal, value| refusal.with("WWW-Authenticate", value))
    }

    fn register(&mut self, turn: &mut Turn<'_>, id: ServerId, request: &Request, from: Flow) {
        let answer = match self.gate.admit_registration(turn.now.mono, request, &from) {
            Admission::Account(account) => self.registered(turn, account, request, from),
            Admission::Challenge { stale } => self.challenge(turn, &from, stale),
            Admission::Forbidden | Admission::Trunk(_) => Refusal::new(403),
        };
        self.refuse(turn, id, request, answer);
    }

    fn registered(
        &mut self,
        turn: &mut Turn<'_>,
        account: AccountId,
        request: &Request,
        from: Flow,
    ) -> Refusal {
        let judged =
            ask::check_registration(&request.headers).and_then(|()| self.way_in(turn, request, from));
        let way = match judged {
            Ok(way) => way,
            Err(refusal) => return refusal,
        };
        match self.registrar.register(turn.now.mono, account, &request.headers, &way) {
            Ok(contacts) => {
                self.contacts_touched(account);
                let mut answer = Refusal::new(200).with("Supported", REGISTRAR_SUPPORTED);
                if way.is_outbound {
                    answer = answer.with("Require", "outbound");
                }
                let paths = way.path.into_iter().map(|value| ("Path", value));
                let contacts = contacts.into_iter().map(|value| ("Contact", value));
                paths.chain(contacts).fold(answer, |answer, (name, value)| answer.with(name, value))
            }
            Err(RegisterError::Malformed) => Refusal::new(400),
            Err(RegisterError::TooBrief(least)) => {
                Refusal::new(423).with("Min-Expires", least.as_secs().to_string())
            }
            Err(RegisterError::OutOfOrder) => Refusal::new(500),
            Err(RegisterError::TooMany) => Refusal::new(403),
        }
    }

    /// Asks a contact whether it is there.
    pub(super) fn probe(&mut self, turn: &mut Turn<'_>, contact: &Contact) {
        let request = self.options(contact);
        if let Some(id) = self.request(turn, request, contact.flow) {
            self.sent.insert(id, Purpose::Probe(contact.id));
        }
    }
}

fn capabilities(request: &Request) -> Refusal {
    // RFC 3261 §8.2.2.1.
    if !request.uri.parse().is_ok_and(|uri: Uri| uri.is_sip() || uri.is_tel()) {
        return Refusal::new(416);
    }
    match ask::check_required(&request.headers) {
        Ok(()) => Refusal::new(200)
            .with("Allow", ALLOW)
            .with("Accept", SDP)
            .with("Accept-Encoding", "identity")
            .with("Accept-Language", "en")
            .with("Supported", SUPPORTED),
        Err(refusal) => refusal,
    }
}
