//! SDP as our calls need it (RFC 8866) and the offer/answer rules on it (RFC 3264). Pure: text in, text out.
//!
//! Reading lies in `read`, agreeing in `agree`, writing in `write`, keys in `crypto`; all live behind caps, for a
//! description is hostile until proven useful.

mod agree;
mod crypto;
mod read;
mod stream;
#[cfg(test)]
mod tests;
mod write;

pub use agree::{Ours, accept};
pub use crypto::{KeySource, Policy};
pub use read::parse;
pub use stream::{Meaning, Receives, Security, Stream, TELEPHONE_EVENT};
pub use write::{answer, offer};

use crate::media::srtp::{Keying, Suite};
use crypto::Crypto;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The longest description that is read, in bytes. A browser's with video stays below 10,000.
pub const BYTES_MAX: usize = 32 * 1024;
/// The most lines that are read.
pub const LINES_MAX: usize = 1_024;
/// The most `m=` lines that are read.
pub const MEDIAS_MAX: usize = 16;
/// The most formats of one `m=` line that are looked at.
pub const FORMATS_MAX: usize = 64;
/// The most candidates (RFC 8839) of a description. A browser with many networks sends some thirty (CVE-2023-40018).
pub const CANDIDATES_MAX: usize = 64;

/// A session description that was read and found within the caps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    origin: Origin,
    medias: Vec<Media>,
}

impl Description {
    /// Its `o=` line. A re-offer with the same origin changes nothing (RFC 3264 §8).
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Whether its first audio lives on IPv6; `None` when it names no address. So the leg gets an address of that kind.
    pub fn is_ipv6(&self) -> Option<bool> {
        let audio = self.medias.iter().filter(|media| media.kind == "audio" && media.port != 0);
        audio.filter_map(|media| media.address).next().map(|address| address.is_ipv6())
    }

    /// The key by which its author encrypts with this suite, and the number of its line (RFC 4568 §9.1), for whoever plays
    /// the far side.
    pub fn key_of(&self, suite: Suite) -> Option<(u32, Keying)> {
        let mut lines = self.medias.iter().flat_map(|media| &media.crypto);
        let line = lines.find(|line| line.keying.suite() == suite)?;
        Some((line.tag, line.keying))
    }
}

/// Whose order of codecs decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Prefer {
    /// The offer's (RFC 3264 §6.1).
    #[default]
    Theirs,
    /// Ours.
    Ours,
}

impl Prefer {
    /// Both, with their names in the configuration.
    pub const TABLE: [(&'static str, Prefer); 2] = [("theirs", Self::Theirs), ("ours", Self::Ours)];
}

/// The `o=` line's numbers: the session, and which description of it this is (RFC 8866 §5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// The session's identity; the same in every description of one dialog. 0 when the far side's was no number.
    pub id: u64,
    /// Grows by one with every description that differs from the one before (RFC 3264 §8).
    pub version: u64,
}

/// Who may speak, as seen from us.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// We send only.
    SendOnly,
    /// We receive only: the far side has put us on hold.
    RecvOnly,
    /// Nobody sends; RTCP goes on (RFC 3264 §5.1).
    Inactive,
}

impl Direction {
    /// Whether we may send.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the far side may send.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same from the other end.
    pub fn reversed(self) -> Direction {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            Self::SendRecv | Self::Inactive => self,
        }
    }

    /// The attribute's name.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    fn from_attribute(name: &str) -> Option<Direction> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive]
            .into_iter()
            .find(|direction| direction.attribute() == name)
    }

    fn from_parts(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }
}

/// Why a description is of no use.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SdpError {
    /// More than a phone has reason to send.
    #[error("the session description has too many {what} (at most {max})")]
    TooLarge {
        /// Bytes, lines, media.
        what: &'static str,
        /// The cap.
        max: usize,
    },
    /// Not a session description (RFC 8866).
    #[error("the session description is malformed: {0}")]
    Malformed(String),
    /// No `m=audio` over RTP or SRTP that is switched on.
    #[error("the session description has no audio over RTP/AVP or RTP/SAVP")]
    NoAudio,
    /// Audio over plain RTP where SRTP is required.
    #[error("the session description has no SRTP (RTP/SAVP), which is required here")]
    NotSecure,
    /// SRTP where it is switched off, or without one `a=crypto` line that we can take.
    #[error("the session description has SRTP, but no a=crypto line that can be taken")]
    NoCommonCrypto,
    /// It wants packets shorter than ours (`a=maxptime`).
    #[error("the session description allows no packets of 20 ms")]
    NoCommonPacketTime,
    /// There is audio, but its address is missing, a name, a group, or of the other IP version.
    #[error("the session description names no unicast address that can be reached from here")]
    NoAddress,
    /// Audio, but no codec we can speak.
    #[error("the session description has no codec in common with ours")]
    NoCommonCodec,
    /// The answer switched our audio off.
    #[error("the answer rejects the audio that was offered")]
    Rejected,
}

/// One `m=` line with everything that applies to it, session-level lines included.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Media {
    kind: String,
    port: u16,
    proto: String,
    /// The formats as written: a rejected line is answered with them (RFC 3264 §6).
    formats_text: String,
    formats: Vec<Format>,
    address: Option<IpAddr>,
    rtcp: RtcpPort,
    /// As the describing side sees it.
    direction: Direction,
    ptime_ms: Option<u8>,
    /// Longer packets are not taken (RFC 8866 §6.4).
    maxptime_ms: Option<u8>,
    /// The keys that can be taken, in their order.
    crypto: Vec<Crypto>,
}

/// Where one media's RTCP goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum RtcpPort {
    /// One above the RTP port (RFC 3550 §11).
    Next,
    /// `a=rtcp` (RFC 3605), whose address is not believed: another host for RTCP is another host to aim packets at.
    At(u16),
    /// `a=rtcp-mux` (RFC 5761).
    Shared,
}

/// One payload type and what it stands for; `None`: nothing we know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Format {
    payload_type: u8,
    meaning: Option<Meaning>,
}
