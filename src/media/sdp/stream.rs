//! What was agreed with the far side: where and how we send, and what the numbers mean under which it sends. Data only.

use super::Direction;
use crate::media::codec::{CLOCK_HZ, Codec};
use crate::media::srtp::Keying;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The payload type under which we offer telephone events (RFC 4733) at 8 kHz.
pub const TELEPHONE_EVENT: u8 = 101;
/// RFC 3551's payload type of comfort noise (RFC 3389), which some phones send unasked.
const COMFORT_NOISE: u8 = 13;
/// The packet length we send, and assume where none is asked for (RFC 3551 §4.2).
pub(super) const PTIME_MS: u8 = 20;
/// What fits into the table of payload types: five codecs, events at three clocks, noise, and some of the far side's.
const RECEIVES_MAX: usize = 12;

/// What was agreed: where and how we send, and what comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stream {
    /// Where the far side wants its RTP. Unspecified (0.0.0.0) when held the old way; then `direction` does not send.
    pub remote: SocketAddr,
    /// Where it wants its RTCP (RFC 3605); equal to `remote` when the two share a port (RFC 5761).
    pub rtcp: SocketAddr,
    /// The codec we send.
    pub codec: Codec,
    /// The payload type under which we send it: the far side's number.
    pub payload_type: u8,
    /// The payload type under which we send telephone events; `None`: the far side takes none.
    pub dtmf: Option<u8>,
    /// The clock of their timestamps and durations, in Hz: the codec's, or else 8000 (RFC 4733 §2.1).
    pub dtmf_clock_hz: u32,
    /// What the far side's payload types mean.
    pub receives: Receives,
    /// The packet length the far side would like, in milliseconds. What we originate has 20 ms all the same.
    pub ptime_ms: u8,
    /// Who may speak, as seen from us.
    pub direction: Direction,
    /// The keys, when it is SRTP. They are never written down.
    #[serde(skip)]
    pub security: Option<Security>,
}

impl Stream {
    /// A plain stream in this codec under our own numbers, both ways, with RTCP one port above.
    pub fn plain(remote: SocketAddr, codec: Codec) -> Stream {
        let mut receives = Receives::default();
        receives.add(codec.offered_payload_type(), Meaning::Voice(codec));
        receives.add_usual(&Codec::ALL);
        receives.add(TELEPHONE_EVENT, Meaning::Event { clock_hz: CLOCK_HZ });
        Stream {
            remote,
            rtcp: SocketAddr::new(remote.ip(), remote.port().saturating_add(1)),
            codec,
            payload_type: codec.offered_payload_type(),
            dtmf: Some(TELEPHONE_EVENT),
            dtmf_clock_hz: CLOCK_HZ,
            receives,
            ptime_ms: PTIME_MS,
            direction: Direction::SendRecv,
            security: None,
        }
    }
}

/// The keys of both directions (RFC 4568 §6.1: each side tells its own). `Debug` shows the suites only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Security {
    /// Ours: what we send is protected with it.
    pub send: Keying,
    /// The far side's.
    pub receive: Keying,
}

/// What a payload type stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Meaning {
    /// Speech in this codec.
    Voice(Codec),
    /// Telephone events (RFC 4733).
    Event {
        /// The clock of their timestamps and durations, in Hz.
        clock_hz: u32,
    },
    /// Comfort noise (RFC 3389).
    Noise,
}

/// A small table from payload types to meanings, looked into for every packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Receives([Option<(u8, Meaning)>; RECEIVES_MAX]);

impl Receives {
    /// What the number stands for.
    pub fn meaning(&self, payload_type: u8) -> Option<Meaning> {
        self.iter().find(|(number, _)| *number == payload_type).map(|(_, meaning)| meaning)
    }

    /// The first number that stands for this.
    pub fn number(&self, meaning: Meaning) -> Option<u8> {
        self.iter().find(|(_, known)| *known == meaning).map(|(number, _)| number)
    }

    /// All entries, the most important first.
    pub fn iter(&self) -> impl Iterator<Item = (u8, Meaning)> + '_ {
        self.0.iter().flatten().copied()
    }

    /// Adds an entry. A number that has a meaning keeps it (RFC 3264 §8.3.2); whether there was room.
    pub fn add(&mut self, payload_type: u8, meaning: Meaning) -> bool {
        if self.meaning(payload_type).is_some() {
            return false;
        }
        let free = self.0.iter_mut().find(|entry| entry.is_none());
        free.is_some_and(|entry| entry.replace((payload_type, meaning)).is_none())
    }

    /// Adds what some phones send without saying so: these codecs by their numbers of RFC 3551, and comfort noise.
    pub(super) fn add_usual(&mut self, codecs: &[Codec]) {
        for &codec in codecs {
            if let Some(number) = codec.static_payload_type() {
                self.add(number, Meaning::Voice(codec));
            }
        }
        self.add(COMFORT_NOISE, Meaning::Noise);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_first_meaning_and_the_table_its_bound() {
        let mut receives = Receives::default();
        assert!(receives.add(96, Meaning::Voice(Codec::Opus)) && !receives.add(96, Meaning::Noise));
        assert_eq!(receives.meaning(96), Some(Meaning::Voice(Codec::Opus)));
        assert_eq!(receives.number(Meaning::Voice(Codec::Opus)), Some(96));
        assert_eq!(receives.meaning(97), None);
        let added = (100..200).filter(|&number| receives.add(number, Meaning::Noise)).count();
        assert_eq!(added, RECEIVES_MAX - 1);
    }

    #[test]
    fn a_plain_stream_understands_its_own_numbers() {
        let stream = Stream::plain("192.0.2.1:4000".parse().unwrap(), Codec::Opus);
        assert_eq!(stream.receives.meaning(111), Some(Meaning::Voice(Codec::Opus)));
        assert_eq!(stream.receives.meaning(101), Some(Meaning::Event { clock_hz: 8_000 }));
        assert_eq!(stream.receives.meaning(13), Some(Meaning::Noise));
    }
}
