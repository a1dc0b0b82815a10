//! One contact of one account. Data only.

use super::super::flow::Flow;
use super::super::uri::Uri;
use super::{AccountId, BindingId};
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
    pub(super) fn new(account: AccountId, uri: String, flow: Flow, made_by: Option<MadeBy>) -> Self {
        Self {
            account,
            uri,
            flow,
            made_by,
            expires_at: None,
            q_thousandths: 1000,
            alive: true,
            probe_at: None,
            answer_by: None,
            misses: 0,
        }
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
