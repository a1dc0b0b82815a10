//! REFER inside a call (RFC 3515, RFC 3891, RFC 5589): an agent's phone wants its call passed on. What is asked goes to
//! the engine; how it goes is told to the phone. Nobody but our own phones may ask, and no address of theirs is followed:
//! only the name or the number counts, as if it had been dialled.

use super::compose::Refusal;
use super::{Note, Purpose, SipCore, Turn, ask};
use crate::engine::Event;
use crate::engine::event::OfferFailure;
use crate::engine::id::LegId;
use crate::engine::talk::TransferStep;
use crate::sip::dialog::{DialogId, cseq};
use crate::sip::identity;
use crate::sip::leg::{Phase, Refer};
use crate::sip::message::{Method, Request};
use crate::sip::registrar::AccountId;
use crate::sip::transaction::ServerId;
use crate::sip::uri::{NameAddr, Uri};

/// How long the phone may expect to be told (RFC 3515 §2.4.4), in seconds: longer than anybody is rung.
const EXPIRES_SECS: u32 = 180;

/// A dialog that is to be replaced (RFC 3891 §6.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Replaces {
    call_id: String,
    to_tag: String,
    from_tag: String,
}

impl Replaces {
    /// Reads a header's value.
    pub fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split(';').map(str::trim);
        let call_id = parts.next().filter(|it| !it.is_empty())?.to_owned();
        let (mut to_tag, mut from_tag) = (None, None);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim() {
                name if name.eq_ignore_ascii_case("to-tag") => to_tag = Some(value.trim().to_owned()),
                name if name.eq_ignore_ascii_case("from-tag") => from_tag = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        Some(Self { call_id, to_tag: to_tag?, from_tag: from_tag? })
    }
}

impl SipCore {
    /// A phone's REFER: accepted, and passed to the engine.
    pub(super) fn refer(
        &mut self,
        turn: &mut Turn<'_>,
        leg_id: LegId,
        id: ServerId,
        request: &Request,
    ) -> Result<(), Refusal> {
        ask::check_required(&request.headers)?;
        let target = self.refer_target(request)?;
        let leg = self.legs.get_mut(&leg_id).ok_or_else(|| Refusal::new(481))?;
        let Some(account) = leg.account else {
            let from = leg.dialog.flow.remote.ip();
            turn.out.notes.push(Note::NotPassedOn { from, to: target.uri.to_string() });
            return Err(Refusal::new(403));
        };
        if leg.refer.is_some() || !matches!(leg.phase, Phase::Up { .. }) {
            return Err(Refusal::new(491));
        }
        let number = cseq(&request.headers).map_or(0, |cseq| cseq.number);
        // RFC 4488 §4: a phone may not care how it goes.
        let told = request.headers.first("Refer-Sub").is_none_or(|value| !value.starts_with("false"));
        leg.refer = Some(Refer { number, told });
        let (tag, contact) = (leg.dialog.id.local_tag.clone(), leg.dialog.contact().to_owned());
        let mut response = self.session_reply(request, 202, &tag, &contact, &[]);
        if !told {
            response.headers.push("Refer-Sub", "false");
        }
        self.respond(turn, id, response);
        match target.replaces {
            None => {
                let to = identity::number_in(&target.uri);
                turn.out.events.push(Event::TransferAsked { leg: leg_id, to, replaces: None });
            }
            Some(replaces) => match self.replaced(&replaces).filter(|it| self.is_account(*it, account)) {
                Some(other) => {
                    let (to, replaces) = (String::new(), Some(other));
                    turn.out.events.push(Event::TransferAsked { leg: leg_id, to, replaces });
                }
                // Not the phone's own call, or none.
                None => self.tell_transfer(turn, leg_id, TransferStep::Refused),
            },
        }
        Ok(())
    }

    fn refer_target(&self, request: &Request) -> Result<ReferTarget, Refusal> {
        let mut values = request.headers.values("Refer-To");
        // RFC 3515 §2.4.2: exactly one.
        let (Some(value), None) = (values.next(), values.next()) else { return Err(Refusal::new(400)) };
        let address: NameAddr = value.parse().map_err(|_| Refusal::new(400))?;
        let mut uri = address.uri;
        let invites = uri.params.value("method").is_none_or(|method| method.eq_ignore_ascii_case("INVITE"));
        if !(uri.is_sip() || uri.is_tel()) || !invites {
            return Err(Refusal::new(416));
        }
        // A name cannot be known to be another's, for phones are registered by many; an address can. Phones behind a
        // proxy take that for us.
        let elsewhere =
            uri.is_sip() && uri.host.ip().is_some_and(|ip| !self.is_ours(ip) && !self.gate.is_proxy(ip));
        if elsewhere {
            return Err(Refusal::new(403));
        }
        let replaces = uri.header("Replaces");
        let replaces = match replaces {
            Some(value) => Some(Replaces::parse(&value).ok_or_else(|| Refusal::new(400))?),
            None => None,
        };
        uri.headers.clear();
        Ok(ReferTarget { uri, replaces })
    }

    /// Whether it is an address of this machine.
    pub(super) fn is_ours(&self, ip: std::net::IpAddr) -> bool {
        let mut listeners = self.settings.listeners.iter();
        listeners.any(|it| it.advertised.ip() == ip || it.bound.ip() == ip || it.bound.ip().is_unspecified())
    }

    fn is_account(&self, leg: LegId, account: AccountId) -> bool {
        self.legs.get(&leg).is_some_and(|leg| leg.account == Some(account))
    }

    /// The leg a Replaces means. Which tag is whose is written both ways by phones in the field.
    pub(super) fn replaced(&self, replaces: &Replaces) -> Option<LegId> {
        let Replaces { call_id, to_tag, from_tag } = replaces;
        let id = |local: &str, remote: &str| DialogId {
            call_id: call_id.clone(),
            local_tag: local.to_owned(),
            remote_tag: remote.to_owned(),
        };
        let found = self.dialogs.get(&id(to_tag, from_tag));
        found.or_else(|| self.dialogs.get(&id(from_tag, to_tag))).copied()
    }

    /// Tells a phone how what it asked for goes (RFC 3515 §2.4.5).
    pub(super) fn tell_transfer(&mut self, turn: &mut Turn<'_>, leg_id: LegId, step: TransferStep) {
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        let is_last = step != TransferStep::Trying;
        let Some(refer) = (if is_last { leg.refer.take() } else { leg.refer }) else { return };
        if !refer.told {
            return;
        }
        let mut notify = leg.dialog.request(Method::Notify);
        notify.headers.push("Event", format!("refer;id={}", refer.number));
        let state = if is_last {
            "terminated;reason=noresource".to_owned()
        } else {
            format!("active;expires={EXPIRES_SECS}")
        };
        notify.headers.push("Subscription-State", state);
        notify.headers.push("User-Agent", self.settings.user_agent.clone());
        notify.headers.push("Content-Type", "message/sipfrag;version=2.0");
        notify.body = format!("SIP/2.0 {}\r\n", fragment(step)).into_bytes();
        if let Some(id) = self.send_within(turn, leg_id, notify) {
            self.sent.insert(id, Purpose::Notify);
        }
    }
}

/// Whom a REFER means.
struct ReferTarget {
    uri: Uri,
    replaces: Option<Replaces>,
}

/// The status line a phone shows its user.
fn fragment(step: TransferStep) -> &'static str {
    match step {
        TransferStep::Trying => "100 Trying",
        TransferStep::Done => "200 OK",
        TransferStep::Failed(OfferFailure::Busy) => "486 Busy Here",
        TransferStep::Failed(OfferFailure::Declined) => "603 Decline",
        TransferStep::Failed(OfferFailure::NoAnswer) => "480 Temporarily Unavailable",
        TransferStep::Failed(OfferFailure::Unreachable) => "404 Not Found",
        TransferStep::Refused => "403 Forbidden",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaces_is_read_with_its_tags_in_any_order() {
        let read = |text| Replaces::parse(text).map(|it| (it.call_id, it.to_tag, it.from_tag));
        let expected = Some(("a@b".to_owned(), "1".to_owned(), "2".to_owned()));
        assert_eq!(read("a@b;to-tag=1;from-tag=2;early-only"), expected);
        assert_eq!(read("a@b; From-Tag=2 ;to-tag=1"), expected);
        for bad in ["", ";to-tag=1;from-tag=2", "a;to-tag=1", "a"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
