//! One leg of a call: a dialog, its media, and how far it has come. Data and small rules; what is
//! sent because of them is decided in [`core`](super::core).

use super::auth::Answerer;
use super::dialog::{Dialog, SessionTimer, Unacked};
use super::flow::{Flow, TrunkId};
use super::message::{Headers, Request};
use super::registrar::AccountId;
use super::standing::StandingMedia;
use super::transaction::{ClientId, ServerId};
use crate::engine::id::LegId;
use crate::engine::time::Monotonic;
use crate::media::LocalMedia;
use crate::media::sdp::{self, Description, Origin, Ours, Policy, SdpError, Stream};

/// A leg with a dialog.
pub struct Leg {
    /// Which.
    pub id: LegId,
    /// Whom we talk to.
    pub dialog: Dialog,
    /// Its media; closed exactly when the leg ends.
    pub media: LegMedia,
    /// How far it has come.
    pub phase: Phase,
    /// The session timer, if one was agreed (RFC 4028).
    pub session: Option<SessionTimer>,
    /// Our refresh that waits for an answer.
    pub refresh: Option<ClientId>,
    /// Whether that asks, after a restart, if anybody is there; until it is answered there is no sound.
    pub resuming: bool,
    /// Whether the far side takes UPDATE (RFC 3311); else we refresh by INVITE.
    pub takes_update: bool,
    /// The trunk it goes through, if it does.
    pub trunk: Option<TrunkId>,
    /// By which way it is reached while its own is gone.
    pub detour: Option<Flow>,
    /// Answers the trunk's challenge to a request of ours, once there was one.
    pub answerer: Option<Box<Answerer>>,
    /// What our last request within the dialog showed.
    pub credentials: Vec<(&'static str, String)>,
    /// Whose phone it is, if it is one of ours: such a one may ask for its call to be passed on.
    pub account: Option<AccountId>,
    /// The last provisional response of ours that must arrive, while the caller is not answered.
    pub provisional: Option<Provisional>,
    /// The phone's REFER that waits for its end.
    pub refer: Option<Refer>,
    /// The hops its INVITE may still go (RFC 3261 §20.22).
    pub hops_left: u8,
    /// What the caller dialled; empty for an agent's leg.
    pub dialled: String,
    /// When it came in, or was answered.
    pub arrived: Monotonic,
    /// The user-to-user information a trusted sender gave (RFC 7433), for the agent's phone.
    pub user_to_user: Vec<String>,
    /// Where the leg stands in the queue of deadlines.
    pub scheduled: Option<Monotonic>,
}

/// A provisional response that must arrive (RFC 3262).
pub struct Provisional {
    /// Its number.
    pub rseq: u32,
    /// Whether it, or one before, carried our description.
    pub described: bool,
    /// The response, until it is acknowledged. Its repetitions come at most T2 apart, though RFC 3262 §3 lets them
    /// grow further apart: a lost one is noticed sooner.
    pub unacked: Option<Unacked>,
    /// Whether the 200 waits for that.
    pub answer_waits: bool,
}

impl Provisional {
    /// Whether a description of ours has arrived for sure, and whatever it asked for was answered.
    pub fn is_agreed(&self) -> bool {
        self.described && self.unacked.is_none()
    }

    /// Whether it carries an offer of ours that waits for its answer.
    pub fn is_offer_open(&self) -> bool {
        self.unacked.as_ref().is_some_and(|unacked| unacked.offered)
    }
}

/// A phone's wish to have its call passed on (RFC 3515).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refer {
    /// The CSeq of its REFER, by which the phone tells several apart.
    pub number: u32,
    /// Whether it wants to be told how it goes (RFC 4488).
    pub told: bool,
}

/// How far a leg has come.
pub enum Phase {
    /// The caller's INVITE waits for the engine's word.
    Arrived {
        /// Where the final response goes.
        id: ServerId,
        /// The INVITE.
        invite: Box<Request>,
        /// When the 183 is sent again, once one was (RFC 3261 §13.3.1.1).
        progress_at: Option<Monotonic>,
    },
    /// Answered.
    Up {
        /// A 2xx of ours whose ACK has not come.
        unacked: Option<Answered>,
    },
    /// Hung up by the engine before the ACK came: BYE follows it (RFC 3261 §15).
    Ending {
        /// The 2xx whose ACK is awaited.
        unacked: Answered,
    },
}

/// A 2xx of ours and the transaction it belongs to.
pub struct Answered {
    /// The transaction.
    pub id: ServerId,
    /// Whether it answered the INVITE that made the dialog: until its ACK has come, no BYE may follow
    /// (RFC 3261 §15).
    pub is_first: bool,
    /// The response and its retransmissions.
    pub unacked: Unacked,
}

/// Our side of offer and answer (RFC 3264).
pub struct LegMedia {
    local: LocalMedia,
    origin: Origin,
    body: Vec<u8>,
    agreed: Option<Stream>,
    connected: bool,
    held: bool,
}

impl LegMedia {
    /// Media just opened; `session` becomes the origin's identity.
    pub fn new(local: LocalMedia, session: u64) -> Self {
        Self {
            local,
            origin: Origin { id: session, version: 0 },
            body: Vec::new(),
            agreed: None,
            connected: false,
            held: false,
        }
    }

    /// The media of a leg that goes on after a restart: the same session and the same numbers, to be offered anew.
    pub fn resumed(local: LocalMedia, before: &StandingMedia) -> Self {
        let (id, version) = before.session;
        Self {
            local,
            origin: Origin { id, version },
            body: Vec::new(),
            agreed: before.agreed,
            connected: true,
            held: before.held,
        }
    }

    /// What is written down of it.
    pub fn standing(&self) -> StandingMedia {
        let is_secure = self.agreed.is_some_and(|stream| stream.security.is_some());
        StandingMedia {
            session: (self.origin.id, self.origin.version),
            codecs: self.local.codecs.clone(),
            srtp: if is_secure { Policy::Required } else { self.local.srtp },
            port: self.local.rtp.port(),
            ipv6: self.local.rtp.is_ipv6(),
            agreed: self.agreed,
            held: self.held,
        }
    }

    /// Answers the far side's offer; our answer is then [`body`](Self::body).
    ///
    /// # Errors
    /// When nothing can be agreed on: what was agreed before stands.
    pub fn answer(&mut self, offer: &Description) -> Result<Stream, SdpError> {
        let is_first = self.begin_description();
        let (mut body, mut stream) = sdp::answer(offer, &self.ours())?;
        if body != self.body && !is_first {
            self.origin.version += 1;
            // The same, with the version of what has changed.
            (body, stream) = sdp::answer(offer, &self.ours())?;
        }
        self.body = body;
        self.agreed = Some(stream);
        self.connected = false;
        Ok(stream)
    }

    /// Makes our offer; it is then [`body`](Self::body).
    pub fn offer(&mut self) -> &[u8] {
        let is_first = self.begin_description();
        let body = sdp::offer(&self.ours());
        if is_first {
            self.body = body;
        } else if body != self.body {
            // The version grows when, and only when, the description changes (RFC 3264 §8).
            self.origin.version += 1;
            self.body = sdp::offer(&self.ours());
        }
        &self.body
    }

    /// Whether there is no description yet: the first has version 1, and need not be written to be seen to be another.
    fn begin_description(&mut self) -> bool {
        let is_first = self.body.is_empty();
        if is_first {
            self.origin.version = 1;
        }
        is_first
    }

    /// Takes the far side's answer to our offer.
    ///
    /// # Errors
    /// When it is no answer to our offer.
    pub fn accept(&mut self, answer: &[u8]) -> Result<Stream, SdpError> {
        let stream = sdp::accept(&sdp::parse(answer)?, &self.ours())?;
        self.agreed = Some(stream);
        self.connected = false;
        Ok(stream)
    }

    fn ours(&self) -> Ours<'_> {
        Ours { local: &self.local, origin: self.origin, before: self.agreed.as_ref() }
    }

    /// Our last offer or answer.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether an offer has been answered yet.
    pub fn is_agreed(&self) -> bool {
        self.agreed.is_some()
    }

    /// What was agreed, if the media plane has not been told yet; it counts as told then.
    pub fn take_news(&mut self) -> Option<Stream> {
        if std::mem::replace(&mut self.connected, true) { None } else { self.agreed }
    }

    /// Whether the far side holds us, if that has changed since it was asked last: it wants to hear nothing
    /// (`sendonly`, `inactive`, or the unspecified address of RFC 2543; RFC 3264 §8.4).
    pub fn take_hold_change(&mut self) -> Option<bool> {
        let held = self.agreed.is_some_and(|stream| !stream.direction.sends());
        (std::mem::replace(&mut self.held, held) != held).then_some(held)
    }
}

impl Leg {
    /// The 2xx that waits for its ACK.
    pub fn unacked(&mut self) -> Option<&mut Answered> {
        match &mut self.phase {
            Phase::Up { unacked } => unacked.as_mut(),
            Phase::Ending { unacked } => Some(unacked),
            Phase::Arrived { .. } => None,
        }
    }

    /// A target refresh, or its 2xx, moves the far side and the way to it (RFC 3261 §12.2); whoever can be heard again, and
    /// was answered, need not be looked for elsewhere.
    pub fn refresh_target(&mut self, headers: &Headers, flow: Flow) {
        self.dialog.refresh_target(headers, flow);
        (self.detour, self.answerer) = (None, None);
    }

    /// When this leg has something to do next.
    pub fn due(&self) -> Option<Monotonic> {
        let (own, session) = match &self.phase {
            Phase::Arrived { progress_at, .. } => {
                let unacked = self.provisional.as_ref().and_then(|it| it.unacked.as_ref());
                let repeated = unacked.map(Unacked::due);
                return progress_at.iter().copied().chain(repeated).min();
            }
            Phase::Up { unacked } => {
                (unacked.as_ref().map(|it| it.unacked.due()), self.session.map(|it| it.due()))
            }
            Phase::Ending { unacked } => (Some(unacked.unacked.due()), None),
        };
        own.into_iter().chain(session).min()
    }
}
