//! One contact of one account. Data only.

use super::super::flow::Flow;
use super::super::uri::Uri;
use super::{AccountId, BindingId, PhoneWay};
use crate::engine::time::Monotonic;

/// A contact to ring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contact {
    /// Which binding it is.
    pub id: BindingId,
    /// The Request-URI to ring it with.
    pub uri: String,
    /// The way to it: the one its REGISTER came by, for only that passes its NAT.
    pub flow: Flow,
    /// The proxies that a request to it must pass, as `Route` has them (RFC 3327 §5.2).
    pub path: Vec<String>,
    /// Other flows to the same phone: tried one by one when this one fails, never at once (RFC 5626 §5.3).
    pub others: Vec<Contact>,
}

/// Which flow of which phone a contact is (RFC 5626 §4.2): a phone may keep several, and they are one phone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlowOfPhone {
    /// The phone: the value of `+sip.instance`, as it was written.
    pub instance: String,
    /// Which of its flows: `reg-id`.
    pub reg_id: u32,
}

/// One contact, as the registrar remembers it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// Whose.
    pub account: AccountId,
    /// The contact's URI.
    pub uri: String,
    /// The way to it.
    pub flow: Flow,
    /// The proxies on that way.
    pub path: Vec<String>,
    /// Which flow of which phone it is, if the phone keeps several.
    pub outbound: Option<FlowOfPhone>,
    /// When it was heard of last.
    pub seen: Monotonic,
    /// Which REGISTER made it; `None` for a contact from the configuration.
    pub made_by: Option<MadeBy>,
    /// When it ends; `None`: never.
    pub expires_at: Option<Monotonic>,
    /// The preference, 0 to 1000.
    pub q_thousandths: u16,
    /// Whether it is believed to answer.
    pub alive: bool,
    /// When the next OPTIONS is due.
    pub probe_at: Option<Monotonic>,
    /// Until when the last OPTIONS may be answered.
    pub answer_by: Option<Monotonic>,
    /// Unanswered OPTIONS in a row.
    pub misses: u8,
}

/// The REGISTER a contact was made by: later ones of the same Call-ID must count up (RFC 3261 §10.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MadeBy {
    /// Its Call-ID.
    pub call_id: String,
    /// Its CSeq number.
    pub cseq: u32,
}

impl Binding {
    pub(super) fn new(account: AccountId, uri: String, way: PhoneWay, made_by: Option<MadeBy>) -> Self {
        Self {
            account,
            uri,
            flow: way.flow,
            path: way.path,
            outbound: None,
            seen: Monotonic(0),
            made_by,
            expires_at: None,
            q_thousandths: 1000,
            alive: true,
            probe_at: None,
            answer_by: None,
            misses: 0,
        }
    }

    /// What it takes to ring it.
    pub(super) fn contact(&self, id: BindingId) -> Contact {
        let (uri, path) = (self.uri.clone(), self.path.clone());
        Contact { id, uri, flow: self.flow, path, others: Vec::new() }
    }

    /// The `Contact` value that tells a phone of it (RFC 3261 §10.3 step 8, RFC 5626 §6); `None` for a contact from the
    /// configuration.
    pub(super) fn listed(&self, now: Monotonic) -> Option<String> {
        let expires_secs = self.expires_at?.since(now).as_secs();
        let preference = match self.q_thousandths {
            q @ 0..1000 => format!(";q=0.{q:03}"),
            1000.. => String::new(),
        };
        let flow =
            self.outbound.as_ref().map(|it| format!(";+sip.instance={};reg-id={}", it.instance, it.reg_id));
        Some(format!("<{}>;expires={expires_secs}{preference}{}", self.uri, flow.unwrap_or_default()))
    }

    /// Whether both are flows of one phone.
    pub(super) fn is_same_phone(&self, other: &Self) -> bool {
        let phones = self.outbound.as_ref().zip(other.outbound.as_ref());
        phones.is_some_and(|(one, two)| one.instance == two.instance)
    }

    /// When there is something to do about it.
    pub(super) fn due(&self) -> Option<Monotonic> {
        [self.expires_at, self.probe_at, self.answer_by].into_iter().flatten().min()
    }

    /// Whether the URI names this contact (RFC 3261 §19.1.4).
    pub(super) fn is_at(&self, uri: &Uri) -> bool {
        self.uri.parse::<Uri>().is_ok_and(|own| own.is_equivalent(uri))
    }
}
