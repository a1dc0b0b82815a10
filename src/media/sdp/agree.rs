//! What offer and answer agree on (RFC 3264): codec, numbers, address, keys. Reads descriptions, and writes none.

use super::stream::PTIME_MS;
use super::{
    Crypto, Description, Direction, Format, Meaning, Media, Origin, Policy, Prefer, Receives, RtcpPort,
    SdpError, Security, Stream, TELEPHONE_EVENT,
};
use crate::media::LocalMedia;
use crate::media::codec::{CLOCK_HZ, Codec};
use crate::media::srtp::{Keying, Suite};
use std::net::{IpAddr, SocketAddr};

/// The first payload type that means nothing by itself (RFC 3551 §6).
const DYNAMIC_MIN: u8 = 96;

/// Our side of one offer or answer.
#[derive(Clone, Copy, Debug)]
pub struct Ours<'a> {
    /// Where and what we can speak.
    pub local: &'a LocalMedia,
    /// The session, and which description of it this is. The offer and the taking of its answer have the same.
    pub origin: Origin,
    /// What was agreed before, in this dialog: its numbers and keys go on.
    pub before: Option<&'a Stream>,
}

/// Which of the two descriptions the far side's is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Offer,
    Answer,
}

/// The stream that the far side's answer to our [`offer`](fn@super::offer) sets up.
///
/// # Errors
/// [`SdpError::Rejected`] when the audio was switched off; otherwise as [`answer`](fn@super::answer).
pub fn accept(remote_answer: &Description, ours: &Ours<'_>) -> Result<Stream, SdpError> {
    // We offer one media, so the answer to it is the first (RFC 3264 §6).
    let media = remote_answer.medias.first().ok_or(SdpError::NoAudio)?;
    if media.kind == "audio" && media.port == 0 {
        return Err(SdpError::Rejected);
    }
    match (media.is_secure(), ours.offers_secure()) {
        (true, true) | (false, false) => Ok(agree(media, ours, Role::Answer)?.0),
        (false, true) => Err(SdpError::NotSecure),
        (true, false) => Err(SdpError::NoCommonCrypto),
    }
}

/// The media that is taken: the first that is encrypted as the leg's policy would have it, else the first that need
/// not be. Its index, what it agrees on, and for SRTP our `a=crypto` line; else the most telling error.
pub(super) fn choose(
    remote: &Description,
    ours: &Ours<'_>,
) -> Result<(usize, Stream, Option<Crypto>), SdpError> {
    let policy = ours.policy();
    let mut failure = SdpError::NoAudio;
    for secure in [true, false] {
        for (index, media) in remote.medias.iter().enumerate().filter(|(_, it)| it.is_secure() == secure) {
            let result = match (policy, secure) {
                (Policy::Required, false) if media.is_audio() => Err(SdpError::NotSecure),
                (Policy::Off, true) if media.is_audio() => Err(SdpError::NoCommonCrypto),
                (Policy::Required | Policy::Off | Policy::Optional, _) => agree(media, ours, Role::Offer),
            };
            match result {
                Ok((stream, crypto)) => return Ok((index, stream, crypto)),
                Err(error) if failure == SdpError::NoAudio => failure = error,
                Err(_) => {}
            }
        }
    }
    Err(failure)
}

fn agree(media: &Media, ours: &Ours<'_>, role: Role) -> Result<(Stream, Option<Crypto>), SdpError> {
    if !media.is_audio() {
        return Err(SdpError::NoAudio);
    }
    let (payload_type, codec) = media.codec(ours.local, role).ok_or(SdpError::NoCommonCodec)?;
    let address = media.address.ok_or(SdpError::NoAddress)?;
    if address.is_ipv4() != ours.local.rtp.is_ipv4() && !address.is_unspecified() {
        return Err(SdpError::NoAddress);
    }
    if media.maxptime_ms.is_some_and(|longest| longest < PTIME_MS) {
        return Err(SdpError::NoCommonPacketTime);
    }
    let keys = if media.is_secure() { Some(ours.keys(media, role)?) } else { None };
    let (dtmf, dtmf_clock_hz) = media.telephone_event(codec).unzip();
    let stream = Stream {
        remote: SocketAddr::new(address, media.port),
        rtcp: media.rtcp_address(address),
        codec,
        payload_type,
        dtmf,
        dtmf_clock_hz: dtmf_clock_hz.unwrap_or(CLOCK_HZ),
        receives: ours.receives(media, payload_type, codec, role),
        ptime_ms: media.ptime_ms.unwrap_or(PTIME_MS).min(media.maxptime_ms.unwrap_or(u8::MAX)),
        direction: media.our_direction(address),
        security: keys.map(|(_, security)| security),
    };
    Ok((stream, keys.map(|(crypto, _)| crypto)))
}

impl Media {
    /// Whether it is audio of a kind that we speak, and switched on.
    fn is_audio(&self) -> bool {
        let known = matches!(self.proto.as_str(), "RTP/AVP" | "RTP/AVPF" | "RTP/SAVP" | "RTP/SAVPF");
        self.kind == "audio" && self.port != 0 && known
    }

    pub(super) fn is_secure(&self) -> bool {
        matches!(self.proto.as_str(), "RTP/SAVP" | "RTP/SAVPF")
    }

    /// The codec that is spoken, and the far side's number for it. In an answer its order is the decision.
    fn codec(&self, local: &LocalMedia, role: Role) -> Option<(u8, Codec)> {
        let voice = |format: &Format| match format.meaning {
            Some(Meaning::Voice(codec)) if local.codecs.contains(&codec) => {
                Some((format.payload_type, codec))
            }
            Some(Meaning::Voice(_) | Meaning::Event { .. } | Meaning::Noise) | None => None,
        };
        let mut common = self.formats.iter().filter_map(voice);
        match (local.prefer, role) {
            (Prefer::Theirs, _) | (Prefer::Ours, Role::Answer) => common.next(),
            (Prefer::Ours, Role::Offer) => {
                common.min_by_key(|(_, codec)| local.codecs.iter().position(|ours| ours == codec))
            }
        }
    }

    /// The far side's number for telephone events, and their clock: the codec's where there is one (RFC 4733 §2.1).
    fn telephone_event(&self, codec: Codec) -> Option<(u8, u32)> {
        let at = |wanted: u32| {
            let of_clock = |format: &&Format| format.meaning == Some(Meaning::Event { clock_hz: wanted });
            self.formats.iter().find(of_clock).map(|format| (format.payload_type, wanted))
        };
        at(codec.clock_hz()).or_else(|| at(CLOCK_HZ))
    }

    /// What we may do, given what the far side does. The unspecified address is the hold of RFC 2543 (RFC 3264 §8.4): it
    /// wants to receive nothing, whatever its attribute says.
    fn our_direction(&self, address: IpAddr) -> Direction {
        let ours = self.direction.reversed();
        Direction::from_parts(ours.sends() && !address.is_unspecified(), ours.receives())
    }

    fn rtcp_address(&self, address: IpAddr) -> SocketAddr {
        match self.rtcp {
            RtcpPort::Shared => SocketAddr::new(address, self.port),
            RtcpPort::Next => SocketAddr::new(address, self.port.saturating_add(1)),
            RtcpPort::At(port) => SocketAddr::new(address, port),
        }
    }
}

impl Ours<'_> {
    /// The leg's policy; without anything to make keys of, nothing can be encrypted.
    fn policy(&self) -> Policy {
        if self.local.keys.is_some() { self.local.srtp } else { Policy::Off }
    }

    /// Whether our offer is one of SRTP: because it must be, or because it was agreed on before.
    pub(super) fn offers_secure(&self) -> bool {
        match self.policy() {
            Policy::Required => true,
            Policy::Optional => self.before.is_some_and(|before| before.security.is_some()),
            Policy::Off => false,
        }
    }

    /// Our `a=crypto` lines, each with a key of its own.
    pub(super) fn cryptos(&self) -> Vec<Crypto> {
        let keyed = Suite::ALL.into_iter().filter_map(|suite| self.keying(suite));
        (1..).zip(keyed).map(|(tag, keying)| Crypto { tag, keying }).collect()
    }

    /// Our key: the one in use as long as the suite stays, for what we send goes on under it.
    fn keying(&self, suite: Suite) -> Option<Keying> {
        let used = self.before.and_then(|before| before.security).map(|security| security.send);
        let used = used.filter(|keying| keying.suite() == suite);
        used.or_else(|| self.local.keys?.keying(suite, self.origin.version))
    }

    /// Our line and the keys of both: to an offer the first line that we can take, answered under its tag; of an answer
    /// the line that takes up one of ours (RFC 4568 §5.1.2, §5.1.3).
    fn keys(&self, media: &Media, role: Role) -> Result<(Crypto, Security), SdpError> {
        let theirs = media.crypto.first().ok_or(SdpError::NoCommonCrypto)?;
        let ours = match role {
            Role::Offer => self.keying(theirs.keying.suite()).map(|keying| Crypto { keying, ..*theirs }),
            Role::Answer => self
                .cryptos()
                .into_iter()
                .find(|ours| ours.tag == theirs.tag && ours.keying.suite() == theirs.keying.suite()),
        };
        let ours = ours.ok_or(SdpError::NoCommonCrypto)?;
        Ok((ours, Security { send: ours.keying, receive: theirs.keying }))
    }

    /// The numbers that our offer has: those that were used before keep their meaning (RFC 3264 §8.3.2), others are
    /// ours, or free ones where the far side has taken ours for something else.
    pub(super) fn numbers(&self) -> Receives {
        let before = self.before.map(|before| before.receives).unwrap_or_default();
        let mut numbers = Receives::default();
        for (wanted, meaning) in self.offered() {
            let is_free = |number: u8| before.meaning(number).is_none() && numbers.meaning(number).is_none();
            let number = before.number(meaning).or_else(|| Some(wanted).filter(|&number| is_free(number)));
            let number = number.or_else(|| (DYNAMIC_MIN..128).find(|&number| is_free(number)));
            if let Some(number) = number {
                numbers.add(number, meaning);
            }
        }
        numbers
    }

    /// What we offer, and our own numbers for it: the codec in use before the others, then telephone events at every
    /// clock among them, that of 8 kHz first, which everybody knows.
    fn offered(&self) -> Vec<(u8, Meaning)> {
        let in_use = self.before.map(|before| before.codec).filter(|codec| self.local.codecs.contains(codec));
        let others = self.local.codecs.iter().copied().filter(|codec| Some(*codec) != in_use);
        let codecs: Vec<Codec> = in_use.into_iter().chain(others).collect();
        let voices = codecs.iter().map(|&codec| (codec.offered_payload_type(), Meaning::Voice(codec)));
        let clocks = [(TELEPHONE_EVENT, CLOCK_HZ), (102, 16_000), (110, 48_000)];
        let events = clocks.into_iter().filter(|&(_, clock_hz)| {
            clock_hz == CLOCK_HZ || codecs.iter().any(|codec| codec.clock_hz() == clock_hz)
        });
        voices.chain(events.map(|(number, clock_hz)| (number, Meaning::Event { clock_hz }))).collect()
    }

    /// What the far side's numbers mean. It should send under ours when we offered, but some send under those of their
    /// answer; and some send G.711 or comfort noise unasked. What was agreed before is on its way still (RFC 3264
    /// §8.3.1), as far as its numbers are not used otherwise now.
    fn receives(&self, media: &Media, payload_type: u8, codec: Codec, role: Role) -> Receives {
        let mut receives = Receives::default();
        if role == Role::Answer {
            for (number, meaning) in self.numbers().iter() {
                receives.add(number, meaning);
            }
        }
        receives.add(payload_type, Meaning::Voice(codec));
        for format in &media.formats {
            match format.meaning {
                Some(Meaning::Voice(codec)) if !self.local.codecs.contains(&codec) => {}
                Some(meaning) => {
                    receives.add(format.payload_type, meaning);
                }
                None => {}
            }
        }
        receives.add_usual(&self.local.codecs);
        for (number, meaning) in self.before.iter().flat_map(|before| before.receives.iter()) {
            receives.add(number, meaning);
        }
        receives
    }
}
