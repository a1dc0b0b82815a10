//! One call as one of its ends sees it: plain data, and the descriptions it sends.

use super::PartyId;
use super::manners::{Manners, Reaction};
use crate::engine::time::Monotonic;
use crate::simulate::signalling::site;
use crate::sip::auth::Answerer;
use crate::sip::dialog::{Dialog, SessionTimer, Unacked};
use crate::sip::message::Request;
use crate::sip::transaction::{ClientId, ServerId};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// How far it has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// We called, and have no final response.
    Inviting,
    /// We are called, and have given none.
    Ringing,
    /// Answered.
    Up,
    /// Over, as far as we know.
    Over,
}

/// Whose description comes first in a change of the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Offer {
    /// Ours, in the request.
    Ours,
    /// Theirs, in the 200 to an INVITE without one.
    Theirs,
    /// Nobody's: the session stays as it is.
    Nobodys,
}

/// A 2xx of ours that waits for its ACK.
pub(super) struct Answered {
    pub id: ServerId,
    pub unacked: Unacked,
    /// Whether the transaction takes it no more: it goes out by itself.
    pub raw: bool,
}

/// An ACK of ours, by which repeated answers are acknowledged again.
pub(super) struct Acknowledged {
    pub ack: Request,
    pub copies: u32,
}

pub(super) struct Party {
    pub call_id: String,
    /// Our tag.
    pub tag: String,
    /// Whether the call, and so its Call-ID, is ours.
    pub calls: bool,
    pub stage: Stage,
    /// The INVITE that began it.
    pub invite: Request,
    pub client: Option<ClientId>,
    pub server: Option<ServerId>,
    pub dialog: Option<Dialog>,
    pub manners: Manners,
    pub reaction: Option<Reaction>,
    pub answerer: Option<Answerer>,
    pub unacked: Option<Answered>,
    /// A provisional response of ours that must arrive, and its number.
    pub reliable: Option<(u32, Unacked)>,
    /// Whether a description of ours went with one.
    pub described: bool,
    /// Whether one of theirs did, that had to arrive.
    pub has_answer: bool,
    /// The 200 waits until it has.
    pub answer_waits: bool,
    /// The number of the last one of theirs.
    pub rseq: u32,
    /// Our INVITE or UPDATE in the dialog.
    pub change: Option<(ClientId, Offer)>,
    pub retries: u32,
    pub session: Option<SessionTimer>,
    pub acks: BTreeMap<(u32, String), Acknowledged>,
    /// It hangs up as soon as it may.
    pub leaves: bool,
    pub version: u32,
    pub held: bool,
    pub port: u16,
    /// Whether its Contact is another than it was at first.
    pub moved: bool,
    /// The call that this one is to be joined with.
    pub consults: Option<PartyId>,
    /// The other half of a call that goes round.
    pub linked: Option<PartyId>,
}

impl Party {
    pub fn new(call_id: String, tag: String, calls: bool, invite: Request, manners: Manners) -> Self {
        Self {
            call_id,
            tag,
            calls,
            stage: if calls { Stage::Inviting } else { Stage::Ringing },
            invite,
            client: None,
            server: None,
            dialog: None,
            manners,
            reaction: None,
            answerer: None,
            unacked: None,
            reliable: None,
            described: false,
            has_answer: false,
            answer_waits: false,
            rseq: 0,
            change: None,
            retries: 0,
            session: None,
            acks: BTreeMap::new(),
            leaves: false,
            version: 1,
            held: false,
            port: 40_000,
            moved: false,
            consults: None,
            linked: None,
        }
    }

    /// Our description now: another version for each change.
    pub fn description(&self, host: SocketAddr, format: u8) -> Vec<u8> {
        let direction = if self.held { "sendonly" } else { "sendrecv" };
        description(host, self.port, (self.version, format), direction)
    }

    /// Where it wants to be found: some have moved.
    pub fn contact(&self, name: &str, address: SocketAddr) -> String {
        let address = if self.moved { site::also_at(address) } else { address };
        format!("<sip:{name}@{address}>")
    }

    /// When a session timer of ours is due, if one runs.
    pub fn session_due(&self) -> Option<Monotonic> {
        self.session.filter(|_| self.stage == Stage::Up).map(|session| session.due())
    }

    /// Whether the far side would have to notice by itself that we are gone.
    pub fn is_timed(&self) -> bool {
        self.stage == Stage::Up && self.session.is_some() && self.change.is_none()
    }
}

/// A description with one audio stream.
pub(super) fn description(
    host: SocketAddr,
    port: u16,
    (version, format): (u32, u8),
    direction: &str,
) -> Vec<u8> {
    let ip = host.ip();
    format!(
        "v=0\r\no=- 1 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {format}\r\na={direction}\r\n"
    )
    .into_bytes()
}
