//! A number outside, called through a trunk: what the INVITE says of us and of the caller, and the trunk's question for
//! a password. All else is as with an agent's phone.

use super::fork::{Carrier, Fork};
use super::note::NoAnswer;
use super::offer::{Invitation, Ringing, Target, Whom, tell_failed};
use super::prove::{challenge_headers, not_authenticated};
use super::{Note, SipCore, Turn};
use crate::engine::event::{Caller, OfferFailure};
use crate::engine::id::{CallId, LegId, OfferId};
use crate::sip::auth::Answerer;
use crate::sip::dialling::{Dialable, NotDialled};
use crate::sip::dialog::cseq;
use crate::sip::host::Host;
use crate::sip::message::{Method, Request, Response};
use crate::sip::settings::{Route, Shows, Trunk};
use crate::sip::transaction::ClientId;
use crate::sip::trunk::Way;
use crate::sip::uri::{CSeq, NameAddr, Uri};
use std::time::Duration;

impl SipCore {
    /// The engine wants a number outside called. Trunks are tried in their order until one can be reached.
    pub(super) fn dial(
        &mut self,
        turn: &mut Turn<'_>,
        id: OfferId,
        call: CallId,
        number: &str,
        caller: &Caller,
    ) {
        if self.is_offered(id) {
            return;
        }
        let dialled = self.settings.dial.check(number).and_then(|number| {
            let ways = self.trunks.ways(&self.settings.trunks, &number)?;
            Ok((number, ways))
        });
        let dialled = dialled.and_then(|(number, ways)| {
            let invitation = Invitation { call, caller: caller.clone(), whom: Whom::Outside(number) };
            let wishes = ways.front().map(|way| self.media_by(way)).unwrap_or_default();
            let targets = ways.into_iter().map(Target::Trunk).collect();
            let ringing = Ringing { targets, together: 1, patience: Duration::ZERO };
            let begun = self.make_offer(turn, id, invitation, wishes, ringing);
            if begun { Ok(()) } else { Err(NotDialled::NoRoom) }
        });
        if let Err(reason) = dialled {
            turn.out.notes.push(Note::NotDialled { call, number: number.to_owned(), reason });
            tell_failed(turn, id, OfferFailure::Unreachable, None);
        }
    }

    /// An INVITE to a number by this way, all but its description.
    pub(super) fn fork_outside(
        &mut self,
        offer: OfferId,
        ring: &Invitation,
        number: &Dialable,
        way: Way,
    ) -> Option<Fork> {
        let flow = way.flow;
        let Trunk { name, route, plan, .. } = self.trunk(Some(way.trunk))?.clone();
        let route = route?;
        let number = plan.outward(number.as_str());
        let caller = Caller { number: plan.outward(&ring.caller.number), ..ring.caller.clone() };
        let own_number = route.own_number.as_deref().map(|own| plan.outward(own));
        let shown = Shown { route: &route, caller: &caller, own_number: own_number.as_deref() };
        let uri = route.uri(Some(&number)).to_string();
        let from = shown.from().with_tag(&self.tokens.next_token()).to_string();
        let hops = self.hops_left(ring.call);
        let to = NameAddr::new(Uri::sip(Some(&number), route.host.clone(), None)).to_string();
        let mut headers = self.opening(Method::Invite, &from, &to, &flow, &hops);
        headers.set("Contact", self.contact_at(way.trunk, &flow));
        headers.push("Supported", "timer, 100rel");
        if let Some(identity) = shown.asserted() {
            headers.push("P-Asserted-Identity", identity);
        }
        if caller.number.is_empty() && route.shows == Shows::Caller {
            headers.push("Privacy", "id");
        }
        let dialled = self.legs.get(&LegId::Caller(ring.call)).map_or("", |leg| leg.dialled.as_str());
        if !dialled.is_empty() {
            // RFC 5806 §4: who was called, and that we, not he, send the call on.
            let host =
                self.our_name_at(Some(way.trunk)).unwrap_or_else(|| self.advertised(&flow).ip().into());
            let queue = Uri::sip(Some(&plan.outward(dialled)), host, None);
            headers.push("Diversion", format!("{};reason=deflection;counter=1", NameAddr::new(queue)));
        }
        let invite = Request { method: Method::Invite, uri, headers, body: Vec::new() };
        let answerer = route.login.map(Answerer::new);
        Some(Fork::to_trunk(offer, invite, flow, Carrier { name, way, answerer }))
    }

    /// Answers the trunk's challenge with another INVITE in the same call (RFC 3261 §22.2, §22.3). Whether it did.
    pub(super) fn challenge_answered(
        &mut self,
        turn: &mut Turn<'_>,
        id: ClientId,
        response: &Response,
    ) -> bool {
        let Some((asks, answers)) = challenge_headers(response.status) else { return false };
        let cnonce = self.tokens.next_token();
        let Some(fork) = self.forks.get_mut(&id) else { return false };
        let Some(carrier) = &mut fork.carrier else { return false };
        let challenges = response.headers.all(asks);
        let answer = match &mut carrier.answerer {
            Some(answerer) => {
                answerer.answer(challenges, "INVITE", &fork.invite.uri, &cnonce).map_err(NoAnswer::from)
            }
            None => Err(NoAnswer::NoAccount),
        };
        let value = match answer {
            Ok(value) => value,
            Err(reason) => {
                let trunk = carrier.name.clone();
                not_authenticated(turn, trunk, response, asks, reason);
                return false;
            }
        };
        let mut next = fork.again();
        fork.is_wanted = false;
        next.invite.headers.set(answers, value);
        let number = cseq(&next.invite.headers).map_or(1, |cseq| cseq.number).saturating_add(1);
        next.invite.headers.set("CSeq", CSeq { number, method: Method::Invite }.to_string());
        let offer = next.offer;
        self.send_fork(turn, next);
        if let Some(offer) = self.offers.get_mut(&offer) {
            offer.open.remove(&id);
            // It is the same attempt, so its failure is told once: when the second INVITE could not even be sent.
            if offer.open.is_empty() {
                offer.open.insert(id);
                return false;
            }
        }
        true
    }
}

/// What people outside learn of us and of the caller, in the trunk's way of writing.
struct Shown<'a> {
    route: &'a Route,
    caller: &'a Caller,
    own_number: Option<&'a str>,
}

impl Shown<'_> {
    /// Whom the people called see.
    fn from(&self) -> NameAddr {
        let caller = (self.caller.number.as_str(), self.caller.name.as_str());
        let (number, name) = match (self.route.shows, self.own_number) {
            (Shows::OwnNumber, Some(own)) => (own, ""),
            (Shows::OwnNumber, None) | (Shows::Caller, _) => caller,
        };
        if number.is_empty() {
            // RFC 3323 §4.1.1.3.
            let nobody = Uri::sip(Some("anonymous"), Host::Name("anonymous.invalid".into()), None);
            return NameAddr::new(nobody).with_display("Anonymous");
        }
        NameAddr::new(Uri::sip(Some(number), self.host(), None)).with_display(name)
    }

    /// Who vouches for the call towards the carrier (RFC 3325 §9.1): our own number there, or else the caller's.
    fn asserted(&self) -> Option<String> {
        let number = self.own_number.unwrap_or(self.caller.number.as_str());
        let uri = Uri::sip(Some(number), self.host(), None);
        (!number.is_empty()).then(|| NameAddr::new(uri).to_string())
    }

    /// Where these numbers are at home: at our name there, if we have one, else at the carrier's.
    fn host(&self) -> Host {
        self.route.contact_host.clone().unwrap_or_else(|| self.route.host.clone())
    }
}
