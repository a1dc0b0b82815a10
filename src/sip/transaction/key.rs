//! Which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3).

use crate::sip::message::{Method, Request};
use crate::sip::uri::{CSeq, Via};

/// The port of a Via that has none (RFC 3261 §18.1.1).
const PORT_DEFAULT: u16 = 5060;

/// What names a server transaction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum ServerKey {
    /// Branch, sent-by and method.
    Branch { branch: Box<str>, sent_by: Box<str>, method: Method },
    /// A peer of RFC 2543 times: everything that stays the same in a retransmission. The To tag is left out, for the
    /// ACK has one that the INVITE had not.
    Legacy { via: Box<str>, uri: Box<str>, call_id: Box<str>, from: Box<str>, cseq: u32, method: Method },
}

impl ServerKey {
    /// The key of a request. An ACK, and a CANCEL by `of_invite`, has the key of the INVITE it belongs to.
    pub fn new(request: &Request, via: &Via, of_invite: bool) -> Self {
        let method = match &request.method {
            Method::Ack => Method::Invite,
            Method::Cancel if of_invite => Method::Invite,
            method => method.clone(),
        };
        let sent_by = format!("{}:{}", via.host, via.port.unwrap_or(PORT_DEFAULT)).into();
        if let Some(branch) = via.branch().filter(|_| via.has_rfc3261_branch()) {
            return Self::Branch { branch: branch.into(), sent_by, method };
        }
        let header = |name: &str| request.headers.first(name).unwrap_or_default();
        let cseq = header("CSeq").parse::<CSeq>().map_or(0, |cseq| cseq.number);
        Self::Legacy {
            via: format!("{sent_by} {}", via.branch().unwrap_or_default()).into(),
            uri: request.uri.as_str().into(),
            call_id: header("Call-ID").into(),
            from: request.from_tag().unwrap_or_default().into(),
            cseq,
            method,
        }
    }
}

/// What names a client transaction: the branch, and the method, since a CANCEL shares the branch of its INVITE.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct ClientKey {
    pub branch: Box<str>,
    pub method: Method,
}
