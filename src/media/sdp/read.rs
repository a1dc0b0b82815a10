//! From text to [`Description`]: caps first, then the crate's parser, then the few lines that matter to us.

use super::{
    BYTES_MAX, CANDIDATES_MAX, Crypto, Description, Direction, FORMATS_MAX, Format, LINES_MAX, MEDIAS_MAX,
    Meaning, Media, Origin, Receives, RtcpPort, SdpError,
};
use crate::media::codec::Codec;
use sdp_types::{Attribute, Connection, Session};
use std::net::IpAddr;

/// Reads a session description.
///
/// # Errors
/// [`SdpError::TooLarge`] beyond a cap, [`SdpError::Malformed`] for what is no SDP. A description without audio is
/// none of the two: only [`answer`](fn@super::answer) and [`accept`](super::accept) need audio.
pub fn parse(body: &[u8]) -> Result<Description, SdpError> {
    within_caps(body)?;
    let session = Session::parse(body).map_err(|error| SdpError::Malformed(error.to_string()))?;
    let origin = Origin {
        id: session.origin.sess_id.parse().unwrap_or_default(),
        version: session.origin.sess_version,
    };
    let medias = session.medias.iter().map(|media| read_media(media, &session)).collect();
    Ok(Description { origin, medias })
}

/// Looked at before the parser allocates anything.
fn within_caps(body: &[u8]) -> Result<(), SdpError> {
    let over = |what, max| Err(SdpError::TooLarge { what, max });
    if body.len() > BYTES_MAX {
        return over("bytes", BYTES_MAX);
    }
    let lines = body.split(|&byte| byte == b'\n');
    if lines.clone().count() > LINES_MAX {
        return over("lines", LINES_MAX);
    }
    let begin = |with: &'static [u8]| lines.clone().filter(move |line| line.starts_with(with)).count();
    if begin(b"m=") > MEDIAS_MAX {
        return over("media", MEDIAS_MAX);
    }
    if begin(b"a=candidate") > CANDIDATES_MAX {
        return over("candidates", CANDIDATES_MAX);
    }
    Ok(())
}

fn read_media(media: &sdp_types::Media, session: &Session) -> Media {
    let direction =
        direction(&media.attributes).or_else(|| direction(&session.attributes)).unwrap_or_default();
    Media {
        kind: media.media.clone(),
        port: media.port,
        proto: media.proto.clone(),
        formats_text: media.fmt.clone(),
        formats: formats(media),
        address: media.connections.first().or(session.connection.as_ref()).and_then(unicast),
        rtcp: rtcp(&media.attributes),
        direction,
        ptime_ms: value(&media.attributes, "ptime").and_then(ptime),
        maxptime_ms: value(&media.attributes, "maxptime").and_then(ptime),
        crypto: Crypto::all(values(&media.attributes, "crypto")),
    }
}

fn values<'a>(attributes: &'a [Attribute], name: &str) -> impl Iterator<Item = &'a str> {
    let named = attributes.iter().filter(move |attribute| attribute.attribute == name);
    named.filter_map(|attribute| attribute.value.as_deref())
}

fn value<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    values(attributes, name).next()
}

fn direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes.iter().find_map(|attribute| Direction::from_attribute(&attribute.attribute))
}

/// A `c=` line's address, when it is a single host's. Names are not looked up: a lookup per call is a weapon.
fn unicast(connection: &Connection) -> Option<IpAddr> {
    let ip = connection.try_address().ok()?.ip;
    (!ip.is_multicast()).then_some(ip)
}

/// `20`, and what some phones write: `20.0`.
fn ptime(value: &str) -> Option<u8> {
    value.split('.').next()?.trim().parse().ok().filter(|ms| (1..=200).contains(ms))
}

fn rtcp(attributes: &[Attribute]) -> RtcpPort {
    if attributes.iter().any(|attribute| attribute.attribute == "rtcp-mux") {
        return RtcpPort::Shared;
    }
    let Some(value) = value(attributes, "rtcp") else { return RtcpPort::Next };
    // RFC 3605 §2.1: "53020" or "53020 IN IP4 126.16.64.4".
    let port = value.split_ascii_whitespace().next().and_then(|port| port.parse().ok());
    port.filter(|&port| port != 0).map_or(RtcpPort::Next, RtcpPort::At)
}

fn formats(media: &sdp_types::Media) -> Vec<Format> {
    let numbers = media.fmt.split_ascii_whitespace().take(FORMATS_MAX);
    let payload_types = numbers.filter_map(|number| number.parse().ok()).filter(|&number: &u8| number < 128);
    payload_types
        .map(|payload_type| Format { payload_type, meaning: meaning(payload_type, &media.attributes) })
        .collect()
}

/// What the number stands for: by `a=rtpmap`, or by RFC 3551 §6 where there is none.
fn meaning(payload_type: u8, attributes: &[Attribute]) -> Option<Meaning> {
    let mapped = values(attributes, "rtpmap")
        .filter_map(|value| value.trim().split_once([' ', '\t']))
        .find(|(number, _)| number.parse() == Ok(payload_type));
    match mapped {
        Some((_, mapping)) => mapped_meaning(mapping.trim()),
        None => {
            let mut usual = Receives::default();
            usual.add_usual(&Codec::ALL);
            usual.meaning(payload_type)
        }
    }
}

/// `PCMU/8000`, `PCMU/8000/1`, `opus/48000/2`, `telephone-event/48000`, `CN/8000`: clock and channels must be those of
/// the name. Channels may be left out, where some phones forget Opus' two.
fn mapped_meaning(mapping: &str) -> Option<Meaning> {
    let mut parts = mapping.split('/').map(str::trim);
    let (name, clock, channels) = (parts.next()?, parts.next()?, parts.next());
    let clock_hz: u32 = clock.parse().ok()?;
    let has = |wanted: u8| channels.is_none_or(|channels| channels.parse() == Ok(wanted));
    if name.eq_ignore_ascii_case("telephone-event") {
        let is_a_clock = Codec::ALL.into_iter().any(|codec| codec.clock_hz() == clock_hz);
        return (is_a_clock && has(1)).then_some(Meaning::Event { clock_hz });
    }
    if name.eq_ignore_ascii_case("CN") {
        return has(1).then_some(Meaning::Noise);
    }
    let codec: Codec = name.parse().ok()?;
    (codec.clock_hz() == clock_hz && has(codec.mapped_channels())).then_some(Meaning::Voice(codec))
}
