//! What somebody who reads the log should know: it is said here, and written there by whoever drains it.

use crate::engine::id::CallId;
use crate::engine::time::Monotonic;
use crate::sip::auth::ChallengeError;
use crate::sip::bouncer::Ban;
use crate::sip::dialling::NotDialled;
use crate::sip::source::Source;
use crate::sip::trunk::registration::NotRegistered;
use std::net::IpAddr;

/// Something to put right, that no answer on the wire tells the operator.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Note {
    /// A trusted sender wishes for something that cannot be read; the call is taken without that wish.
    #[error("{header} of a call from {from} is ignored: {problem}, got {text:?}")]
    BadWish {
        /// Which header.
        header: &'static str,
        /// Who sent it.
        from: IpAddr,
        /// What it says, cut.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A number outside is not called.
    #[error("call {call} is not passed on to {number:?}: {reason}")]
    NotDialled {
        /// The call that was to go there.
        call: CallId,
        /// The number as it was given.
        number: String,
        /// Why not.
        reason: NotDialled,
    },
    /// Somebody wants a call passed on who has no right to: a carrier, or whoever talks through it.
    #[error("{from} wants a call passed on to {to:?}, which only phones of our own may; refused")]
    NotPassedOn {
        /// Who.
        from: IpAddr,
        /// To whom.
        to: String,
    },
    /// Somebody guessed passwords until it was enough.
    #[error(
        "too many wrong passwords from {source_address}: for {minutes} minutes {what} taken from there; \
         DELETE /v1/bans/{} lifts it, [sip.ban] exempt prevents it", source_address.address()
    )]
    Banned {
        /// Who.
        source_address: Source,
        /// For how long.
        minutes: u64,
        /// What is not taken.
        what: &'static str,
    },
    /// No server of a trunk answers any more, or one does again.
    #[error("trunk {trunk:?} {}", if *up { "answers again" } else { "does not answer: calls go by others, if there are others" })]
    TrunkUp {
        /// The trunk's name.
        trunk: String,
        /// Whether it answers.
        up: bool,
    },
    /// We are registered at a trunk, after we were not.
    #[error("registered at trunk {trunk:?}")]
    Registered {
        /// The trunk's name.
        trunk: String,
    },
    /// Registering at a trunk has failed; told once until it succeeds.
    #[error("registering at trunk {trunk:?} has failed: {why}; it is tried again")]
    NotRegistered {
        /// The trunk's name.
        trunk: String,
        /// Why not.
        why: NotRegistered,
    },
    /// A phone registers by way of a proxy that nobody named, so what the proxy says of the way back counts for nothing.
    #[error(
        "a phone registers by {from}, whose Path is ignored: if that is a proxy of yours, list it under [sip] proxies"
    )]
    PathIgnored {
        /// The proxy, or whoever says to be one.
        from: IpAddr,
    },
    /// A trunk asks for a password, and gets none.
    #[error("trunk {trunk:?} asks for a password for {realms:?} and gets none: {reason}")]
    NotAuthenticated {
        /// The trunk's name.
        trunk: String,
        /// Its challenges' realms, separated by commas.
        realms: String,
        /// Why not.
        reason: NoAnswer,
    },
}

impl Note {
    /// Whether something is wrong; all else is good news.
    pub fn is_problem(&self) -> bool {
        match self {
            Self::TrunkUp { up, .. } => !up,
            Self::Registered { .. } => false,
            Self::BadWish { .. }
            | Self::NotDialled { .. }
            | Self::NotPassedOn { .. }
            | Self::NotRegistered { .. }
            | Self::PathIgnored { .. }
            | Self::Banned { .. }
            | Self::NotAuthenticated { .. } => true,
        }
    }
}

/// Why a trunk's challenge is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody told us who we are there.
    #[error("it has no username and password")]
    NoAccount,
    /// Not for our realm, or refused.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
}

impl Note {
    /// Tells of a ban that begins now.
    pub(super) fn banned(ban: &Ban, now: Monotonic) -> Self {
        Self::Banned {
            source_address: ban.source,
            minutes: ban.until.since(now).as_secs().div_ceil(60),
            what: if ban.shuts_out { "nothing is" } else { "no password is" },
        }
    }
}
