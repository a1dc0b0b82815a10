//! Which voice codecs there are, and how to get from one to the other. Never sees a packet.

pub mod g711;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Samples per second of every codec here (RFC 3551 §4.5.14).
pub const CLOCK_HZ: u32 = 8_000;
/// Samples, and G.711 bytes, in the 20 ms that we send in one packet.
pub const FRAME_SAMPLES: usize = 160;

/// A voice codec that can be sent and received.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// G.711 µ-law, RFC 3551 payload type 0.
    Pcmu,
    /// G.711 A-law, RFC 3551 payload type 8.
    Pcma,
}

/// The name is that of no codec we have.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown codec {0:?}; known are \"pcmu\" and \"pcma\"")]
pub struct UnknownCodec(pub String);

impl Codec {
    /// All codecs, in the order in which they are offered unless configured otherwise.
    pub const ALL: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];

    /// The encoding name of RFC 3551, as in `a=rtpmap`.
    pub fn encoding_name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// The payload type that RFC 3551 §6 assigns for ever.
    pub fn static_payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// The byte that decodes to (almost) nothing: what silence is filled with.
    pub fn silence(self) -> u8 {
        match self {
            Self::Pcmu => g711::ulaw_encode(0),
            Self::Pcma => g711::alaw_encode(0),
        }
    }

    /// One 16-bit linear sample to its code.
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Pcmu => g711::ulaw_encode(sample),
            Self::Pcma => g711::alaw_encode(sample),
        }
    }

    /// One code to its 16-bit linear sample.
    pub fn decode(self, code: u8) -> i16 {
        match self {
            Self::Pcmu => g711::ULAW_TO_LINEAR[usize::from(code)],
            Self::Pcma => g711::ALAW_TO_LINEAR[usize::from(code)],
        }
    }

    /// The table that turns each code of this codec into the code of `into`; `None` when they are the same.
    pub fn transcoding_table(self, into: Codec) -> Option<&'static [u8; 256]> {
        match (self, into) {
            (Self::Pcmu, Self::Pcma) => Some(&g711::ULAW_TO_ALAW),
            (Self::Pcma, Self::Pcmu) => Some(&g711::ALAW_TO_ULAW),
            (Self::Pcmu, Self::Pcmu) | (Self::Pcma, Self::Pcma) => None,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encoding_name())
    }
}

impl FromStr for Codec {
    type Err = UnknownCodec;

    /// Encoding names are case-insensitive (RFC 8866 §6.6, RFC 4855).
    fn from_str(name: &str) -> Result<Self, UnknownCodec> {
        let known = Codec::ALL.into_iter().find(|codec| codec.encoding_name().eq_ignore_ascii_case(name));
        known.ok_or_else(|| UnknownCodec(name.chars().take(32).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_unknown_ones_are_named() {
        assert_eq!("pcmu".parse(), Ok(Codec::Pcmu));
        assert_eq!("PcmA".parse(), Ok(Codec::Pcma));
        let error = "opus".parse::<Codec>().unwrap_err();
        assert!(error.to_string().contains("opus"));
    }

    #[test]
    fn silence_is_silent_in_both_laws() {
        assert_eq!(Codec::Pcmu.silence(), 0xFF);
        assert_eq!(Codec::Pcma.silence(), 0xD5);
        assert_eq!(Codec::Pcmu.decode(Codec::Pcmu.silence()), 0);
        assert_eq!(Codec::Pcma.decode(Codec::Pcma.silence()), 8, "A-law has no zero, only ±8");
    }

    #[test]
    fn no_table_is_needed_between_equal_codecs() {
        for codec in Codec::ALL {
            assert!(codec.transcoding_table(codec).is_none());
        }
        assert!(Codec::Pcmu.transcoding_table(Codec::Pcma).is_some());
        assert!(Codec::Pcma.transcoding_table(Codec::Pcmu).is_some());
    }
}
