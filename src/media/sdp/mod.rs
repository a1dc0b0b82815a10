//! SDP as our calls need it (RFC 8866) and the offer/answer rules on it (RFC 3264). Pure: text in, text out.
//!
//! Reading lies in `read`, negotiating in `negotiate`; both live behind caps, for a description is hostile until proven useful.

mod negotiate;
mod read;
#[cfg(test)]
mod tests;

pub use negotiate::{accept, answer, offer};
pub use read::parse;

use super::codec::Codec;
use std::net::{IpAddr, SocketAddr};

/// The longest description that is read, in bytes. A browser's with video stays below 10,000.
pub const BYTES_MAX: usize = 32 * 1024;
/// The most lines that are read.
pub const LINES_MAX: usize = 1_024;
/// The most `m=` lines that are read.
pub const MEDIAS_MAX: usize = 16;
/// The most formats of one `m=` line that are looked at.
pub const FORMATS_MAX: usize = 64;

/// The payload type under which we offer telephone events (RFC 4733), and which we always understand as such.
pub const TELEPHONE_EVENT: u8 = 101;

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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
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

/// What was agreed: where and how we send, and what comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stream {
    /// Where the far side wants its RTP. Unspecified (0.0.0.0) when held the old way; then `direction` does not send.
    pub remote: SocketAddr,
    /// Where it wants its RTCP (RFC 3605); equal to `remote` when the two share a port (RFC 5761).
    pub rtcp: SocketAddr,
    /// The codec in both directions.
    pub codec: Codec,
    /// The payload type under which we send it: the far side's number.
    pub payload_type: u8,
    /// The payload type under which we send telephone events; `None`: the far side takes none.
    pub dtmf: Option<u8>,
    /// The packet length the far side would like, in milliseconds.
    pub ptime_ms: u8,
    /// Who may speak, as seen from us.
    pub direction: Direction,
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
    /// No `m=audio` over plain RTP that is switched on.
    #[error("the session description offers no audio over RTP/AVP")]
    NoAudio,
    /// There is audio, but its address is missing, a name, a group, or of the other IP version.
    #[error("the session description names no unicast address that can be reached from here")]
    NoAddress,
    /// Audio, but nothing we can speak. Leads to 488.
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

/// One payload type and what it stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Format {
    payload_type: u8,
    encoding: Encoding,
}

/// What a payload type stands for, as far as we care.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Encoding {
    Audio(Codec),
    TelephoneEvent,
    Unknown,
}
