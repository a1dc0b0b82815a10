//! The media plane: RTP in and out, hold music, prompts, bridges. It knows legs, not calls, and decides nothing.

mod board;
pub mod bridge;
pub mod clip;
mod clock;
pub mod codec;
pub mod counters;
pub mod dtmf;
pub mod ear;
pub mod handle;
pub mod jitter;
pub mod latch;
pub mod library;
pub mod player;
pub mod ports;
pub mod quality;
pub mod reception;
pub mod recorder;
pub mod room;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod session;
mod sockets;
pub mod srtp;
pub mod tones;
mod worker;

pub use codec::Codec;
pub use counters::{Counters, DropCause};
pub use handle::{BridgeError, Handle, MediaError, MediaSettings, start};
pub use library::Library;
pub use quality::{Measured, Quality};
pub use room::{Role, Supervision};
pub use sdp::{Direction, KeySource, Origin, Policy, Prefer, SdpError, Stream};

use crate::engine::id::LegId;
use std::net::SocketAddr;
use std::sync::Arc;

/// Our side of a leg's media, as it goes into SDP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalMedia {
    /// Where the far side shall send: the advertised address and the leg's own (even) port.
    pub rtp: SocketAddr,
    /// What we can speak, the most preferred first.
    pub codecs: Vec<Codec>,
    /// Whose order decides.
    pub prefer: Prefer,
    /// Whether it is encrypted.
    pub srtp: Policy,
    /// What its keys are made of; without it nothing can be encrypted.
    pub keys: Option<KeySource>,
}

impl LocalMedia {
    /// Media that is never encrypted, in the far side's order of preference.
    pub fn plain(rtp: SocketAddr, codecs: Vec<Codec>) -> LocalMedia {
        LocalMedia { rtp, codecs, prefer: Prefer::Theirs, srtp: Policy::Off, keys: None }
    }
}

/// What is wanted of one leg's media. By default what holds for the site.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wishes {
    /// The codecs, the most preferred first; `None`: the site's.
    pub codecs: Option<Arc<[Codec]>>,
    /// Whether it is encrypted.
    pub srtp: Policy,
    /// Whether the far side is reached by IPv6. Where only one kind of address is listened on, it is that one.
    pub ipv6: bool,
}

/// Why a leg got no media. Each leads to 503 (RFC 3261 §21.5.4), with Retry-After.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Every port of the configured range is in use or resting.
    #[error("no RTP port is free: all of the configured range are in use or resting")]
    NoPorts,
    /// The leg has media already; it must be closed first.
    #[error("leg {0} has media already")]
    AlreadyOpen(LegId),
    /// The operating system refused a socket on every port that was tried.
    #[error("cannot open an RTP socket: {0}")]
    Socket(#[from] std::io::Error),
    /// The media threads have stopped, or one no longer keeps up with its messages.
    #[error("the media worker takes no more work")]
    Overloaded,
}

/// What the media plane reports. Delivered through the bounded channel given at the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MediaEvent {
    /// The prompts of the program last played on the leg have been heard to their end.
    PromptFinished {
        /// Whose.
        leg: LegId,
    },
    /// Nothing has been heard of a leg in a conversation for as long as is configured, neither sound nor reports.
    AudioStopped {
        /// Whose.
        leg: LegId,
    },
    /// It is heard again.
    AudioResumed {
        /// Whose.
        leg: LegId,
    },
    /// A key was pressed (RFC 4733); once per key, however many packets told of it.
    DigitPressed {
        /// On whose phone.
        leg: LegId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
}

/// What `sip` needs of the media plane. The real one is [`Handle`]; tests bring their own.
pub trait Sessions {
    /// Opens media for a leg: takes a port. `near` is a leg it may later be bridged to: both then live on one worker.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing is left open then.
    fn open(&mut self, leg: LegId, near: Option<LegId>, wishes: &Wishes) -> Result<LocalMedia, OpenError>;

    /// The same after a restart: on the port it had, if that is free, so that whoever still sends there is heard, and
    /// heard by nobody else.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    fn reopen(
        &mut self,
        leg: LegId,
        near: Option<LegId>,
        wishes: &Wishes,
        _port: u16,
    ) -> Result<LocalMedia, OpenError> {
        self.open(leg, near, wishes)
    }

    /// The far side's media is known, or known anew: sending starts or is redirected, its packets are accepted.
    /// Unknown legs are ignored: the leg may just have ended.
    fn connect(&mut self, leg: LegId, stream: Stream);

    /// A key came with the signalling: whoever talks with the leg gets it. Unknown legs are ignored.
    fn pressed(&mut self, _leg: LegId, _digit: char) {}

    /// The leg is over: its port rests, then it is used again. Unknown legs are ignored.
    fn close(&mut self, leg: LegId);
}
