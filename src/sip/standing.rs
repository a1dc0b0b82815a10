//! What is written down of the signalling, so that after a restart it can go on: dialogs that stand, phones that are
//! registered, phones that ring. Data only; passwords and keys of media are never among it.

use super::flow::{Flow, Transport};
use crate::engine::id::LegId;
use crate::engine::time::Monotonic;
use crate::media::Codec;
use crate::media::sdp::{Policy, Stream};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;

/// Everything that stands.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Standing {
    /// Answered legs.
    pub legs: Vec<StandingLeg>,
    /// The contacts of each account that has any.
    pub contacts: Vec<StandingContacts>,
    /// INVITEs of ours that have no final response.
    pub forks: Vec<(u64, StandingFork)>,
}

/// Something stands otherwise than before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Change {
    /// A leg was answered, or its dialog or its media has changed.
    Leg(Box<StandingLeg>),
    /// A leg is over.
    LegGone(LegId),
    /// All contacts of one account, from now on.
    Contacts(StandingContacts),
    /// An INVITE of ours is out.
    Fork(u64, Box<StandingFork>),
    /// It has its final response, or will have none.
    ForkGone(u64),
}

/// An answered leg.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StandingLeg {
    /// Which.
    pub leg: LegId,
    /// Its dialog.
    pub dialog: StandingDialog,
    /// Its media.
    pub media: StandingMedia,
    /// The account whose phone it is, if it is one of ours.
    pub account: Option<String>,
    /// The trunk it goes through, if it does.
    #[serde(default)]
    pub trunk: Option<String>,
    /// The interval of its session timer, if one was agreed.
    pub session: Option<Duration>,
    /// Whether the far side takes UPDATE.
    pub takes_update: bool,
    /// The hops its INVITE could still go.
    pub hops_left: u8,
    /// What the caller dialled.
    pub dialled: String,
    /// When it came in, or was answered.
    pub arrived: Monotonic,
    /// The user-to-user information a trusted sender gave.
    pub user_to_user: Vec<String>,
}

/// A dialog (RFC 3261 §12): addresses as they stand in headers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StandingDialog {
    /// The Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// Theirs.
    pub remote_tag: String,
    /// Our address.
    pub local: String,
    /// Theirs.
    pub remote: String,
    /// The number of our last request.
    pub local_cseq: u32,
    /// The number of theirs.
    pub remote_cseq: Option<u32>,
    /// The route set.
    pub routes: Vec<String>,
    /// Their Contact.
    pub target: String,
    /// The way to them.
    pub flow: StandingFlow,
}

/// The way to somebody. A connection does not outlive the process, so none is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StandingFlow {
    /// What carries it.
    pub transport: Transport,
    /// Our end.
    pub local: SocketAddr,
    /// Theirs.
    pub remote: SocketAddr,
    /// The place of the trunk whose name a certificate must prove, where one must.
    pub trunk: Option<usize>,
}

/// What was agreed of a leg's media, without its keys.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StandingMedia {
    /// The SDP session's identity and version (RFC 8866 §5.2), which go on.
    pub session: (u64, u64),
    /// What could be spoken.
    pub codecs: Vec<Codec>,
    /// Whether it must be encrypted: what was encrypted stays so, with other keys.
    pub srtp: Policy,
    /// Our port.
    pub port: u16,
    /// Whether it was reached by IPv6.
    pub ipv6: bool,
    /// What was agreed: its numbers keep their meaning (RFC 3264 §8.3.2).
    pub agreed: Option<Stream>,
    /// Whether the far side holds us.
    pub held: bool,
}

/// The phones that are registered for one account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StandingContacts {
    /// Its name.
    pub account: String,
    /// Them.
    pub contacts: Vec<StandingContact>,
}

/// One registered phone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StandingContact {
    /// Its URI.
    pub uri: String,
    /// The way to it.
    pub flow: StandingFlow,
    /// The proxies on that way.
    pub path: Vec<String>,
    /// Which flow of which phone it is, if the phone keeps several.
    pub outbound: Option<(String, u32)>,
    /// The Call-ID and the CSeq of its REGISTER.
    pub made_by: (String, u32),
    /// When it ends, unless it is refreshed.
    pub expires_at: Option<Monotonic>,
    /// The preference, 0 to 1000.
    pub q_thousandths: u16,
}

/// An INVITE of ours that has no final response.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StandingFork {
    /// The request with its Via, without its body: what a CANCEL is made from (RFC 3261 §9.1).
    pub invite: Vec<u8>,
    /// Where it went.
    pub flow: StandingFlow,
}

impl From<Flow> for StandingFlow {
    fn from(Flow { transport, local, remote, connection: _, trunk }: Flow) -> Self {
        Self { transport, local, remote, trunk: trunk.map(|trunk| trunk.0) }
    }
}
