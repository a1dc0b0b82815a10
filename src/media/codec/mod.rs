//! Which voice codecs there are, by what names, numbers and clocks. Never sees a packet.

pub mod conceal;
pub mod decoder;
pub mod encoder;
pub mod g711;
pub mod halfband;
pub mod opus;

use g711::Law;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The clock of G.711's and G.722's RTP timestamps (RFC 3551 §4.5.2: G.722's too, by an old mistake).
pub const CLOCK_HZ: u32 = 8_000;
/// Samples, and G.711 bytes, in 20 ms at 8 kHz.
pub const FRAME_SAMPLES: usize = 160;
/// Samples per second wherever sound is looked at in the house: mixed, faded, recorded. Wideband; what a codec has
/// more or less than that, its encoder and decoder see to.
pub const HOUSE_HZ: u32 = 16_000;
/// Samples in 20 ms of it.
pub const HOUSE_FRAME: usize = 320;

/// A voice codec that can be sent and received.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// G.711 µ-law, RFC 3551 payload type 0.
    Pcmu,
    /// G.711 A-law, RFC 3551 payload type 8.
    Pcma,
    /// G.722 at 64 kbit/s: wideband, RFC 3551 payload type 9.
    G722,
    /// Opus (RFC 6716, RFC 7587).
    Opus,
    /// Linear samples of 16 bits, big-endian, 16 kHz (RFC 3551 §4.5.11).
    L16,
}

/// The name is that of no codec we have.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown codec {0:?}; known are \"opus\", \"g722\", \"pcmu\", \"pcma\" and \"l16\"")]
pub struct UnknownCodec(pub String);

impl Codec {
    /// All codecs.
    pub const ALL: [Codec; 5] = [Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Pcma, Codec::L16];
    /// Those that are offered unless configured otherwise, the best first. L16 takes four times the bandwidth of
    /// G.711 and is for studios and tests.
    pub const USUAL: [Codec; 4] = [Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Pcma];

    /// The encoding name, as in `a=rtpmap`.
    pub fn encoding_name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
            Self::Opus => "opus",
            Self::L16 => "L16",
        }
    }

    /// The payload type that RFC 3551 §6 assigns for ever; `None`: only a session description tells it.
    pub fn static_payload_type(self) -> Option<u8> {
        match self {
            Self::Pcmu => Some(0),
            Self::Pcma => Some(8),
            Self::G722 => Some(9),
            Self::Opus | Self::L16 => None,
        }
    }

    /// The payload type under which we offer it: the static one, or ours of the dynamic range (RFC 3551 §3).
    pub fn offered_payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
            Self::Opus => 111,
            Self::L16 => 97,
        }
    }

    /// The clock of its RTP timestamps, in Hz (RFC 3551 §6, RFC 7587 §4.1). Not always its sampling rate.
    pub fn clock_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => CLOCK_HZ,
            Self::Opus => 48_000,
            Self::L16 => HOUSE_HZ,
        }
    }

    /// By how much the timestamp grows with 20 ms.
    pub fn frame_ticks(self) -> u32 {
        self.clock_hz() / 50
    }

    /// The channels `a=rtpmap` tells of: Opus always says two (RFC 7587 §7), whatever is sent.
    pub fn mapped_channels(self) -> u8 {
        match self {
            Self::Opus => 2,
            Self::Pcmu | Self::Pcma | Self::G722 | Self::L16 => 1,
        }
    }

    /// Whether its payloads can be sent to somebody who wants the other codec without being decoded.
    pub fn passes_as(self, other: Codec) -> bool {
        self == other || (self.law().is_some() && other.law().is_some())
    }

    /// Which law, if it is G.711: between these two a table is enough, nothing is decoded.
    pub fn law(self) -> Option<Law> {
        match self {
            Self::Pcmu => Some(Law::Mu),
            Self::Pcma => Some(Law::A),
            Self::G722 | Self::Opus | Self::L16 => None,
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
        assert_eq!("OPUS".parse(), Ok(Codec::Opus));
        let error = "g729".parse::<Codec>().unwrap_err();
        assert!(error.to_string().contains("g729"));
    }

    #[test]
    fn silence_is_silent_in_both_laws() {
        assert_eq!((Law::Mu.silence(), Law::A.silence()), (0xFF, 0xD5));
        assert_eq!(Law::Mu.decode(Law::Mu.silence()), 0);
        assert_eq!(Law::A.decode(Law::A.silence()), 8, "A-law has no zero, only ±8");
    }

    #[test]
    fn no_two_codecs_are_offered_under_one_number() {
        let mut numbers: Vec<_> = Codec::ALL.map(Codec::offered_payload_type).to_vec();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), Codec::ALL.len());
    }
}
