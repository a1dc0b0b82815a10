//! Offer and answer (RFC 3264): what we write, and what was agreed. Knows nothing of sockets.
//!
//! An answer names one codec, so that neither side changes it in mid-call; an offer names all.

use super::{Description, Direction, Encoding, Media, Origin, RtcpPort, SdpError, Stream, TELEPHONE_EVENT};
use crate::media::LocalMedia;
use crate::media::codec::{CLOCK_HZ, Codec};
use sdp_types::{Connection, Session, builders};
use std::net::{IpAddr, SocketAddr};

/// The packet length we send, and assume where none is asked for (RFC 3551 §4.2).
const PTIME_MS: u8 = 20;

/// Our offer: every codec of `local`, telephone events, both ways.
pub fn offer(local: &LocalMedia, origin: Origin) -> Vec<u8> {
    let codecs = local.codecs.iter().map(|&codec| (codec.offered_payload_type(), codec));
    let media = audio(local, "RTP/AVP", codecs, Some(TELEPHONE_EVENT), Direction::SendRecv, RtcpPort::Next);
    write(local, origin, vec![media])
}

/// Our answer to `remote`, and the stream it sets up: the first audio that we can take, everything else refused with
/// port 0 in its place (RFC 3264 §6).
///
/// # Errors
/// When no audio can be taken: [`SdpError::NoAudio`], [`SdpError::NoAddress`] or [`SdpError::NoCommonCodec`], which all
/// lead to 488.
pub fn answer(
    remote: &Description,
    local: &LocalMedia,
    origin: Origin,
) -> Result<(Vec<u8>, Stream), SdpError> {
    let (taken, stream) = first_acceptable(remote, local)?;
    let medias =
        remote.medias.iter().enumerate().map(|(index, media)| {
            if index == taken { answered(media, local, &stream) } else { refused(media) }
        });
    Ok((write(local, origin, medias.collect()), stream))
}

/// The stream that the far side's answer to our [`offer`] sets up.
///
/// # Errors
/// [`SdpError::Rejected`] when the audio was switched off; otherwise as [`answer`].
pub fn accept(remote_answer: &Description, local: &LocalMedia) -> Result<Stream, SdpError> {
    // We offer one media, so the answer to it is the first (RFC 3264 §6).
    let media = remote_answer.medias.first().ok_or(SdpError::NoAudio)?;
    if media.kind == "audio" && media.port == 0 {
        return Err(SdpError::Rejected);
    }
    stream(media, local)
}

/// The index of the first media that yields a stream; else the most telling error.
fn first_acceptable(remote: &Description, local: &LocalMedia) -> Result<(usize, Stream), SdpError> {
    let mut failure = SdpError::NoAudio;
    for (index, media) in remote.medias.iter().enumerate() {
        match stream(media, local) {
            Ok(stream) => return Ok((index, stream)),
            Err(error) if failure == SdpError::NoAudio => failure = error,
            Err(_) => {}
        }
    }
    Err(failure)
}

fn stream(media: &Media, local: &LocalMedia) -> Result<Stream, SdpError> {
    let plain_rtp = matches!(media.proto.as_str(), "RTP/AVP" | "RTP/AVPF");
    if media.kind != "audio" || media.port == 0 || !plain_rtp {
        return Err(SdpError::NoAudio);
    }
    // The far side's order is its preference (RFC 3264 §6.1).
    let (payload_type, codec) = media
        .formats
        .iter()
        .find_map(|format| match format.encoding {
            Encoding::Audio(codec) if local.codecs.contains(&codec) => Some((format.payload_type, codec)),
            Encoding::Audio(_) | Encoding::TelephoneEvent | Encoding::Unknown => None,
        })
        .ok_or(SdpError::NoCommonCodec)?;
    let address = media.address.ok_or(SdpError::NoAddress)?;
    if address.is_ipv4() != local.rtp.is_ipv4() {
        return Err(SdpError::NoAddress);
    }
    Ok(Stream {
        remote: SocketAddr::new(address, media.port),
        rtcp: rtcp_address(media, address),
        codec,
        payload_type,
        dtmf: telephone_event(media),
        ptime_ms: media.ptime_ms.unwrap_or(PTIME_MS),
        direction: our_direction(media, address),
    })
}

fn telephone_event(media: &Media) -> Option<u8> {
    let event = media.formats.iter().find(|format| format.encoding == Encoding::TelephoneEvent)?;
    Some(event.payload_type)
}

/// What we may do, given what the far side does. The unspecified address is the hold of RFC 2543 (RFC 3264 §8.4): it
/// wants to receive nothing, whatever its attribute says.
fn our_direction(media: &Media, address: IpAddr) -> Direction {
    let ours = media.direction.reversed();
    Direction::from_parts(ours.sends() && !address.is_unspecified(), ours.receives())
}

fn rtcp_address(media: &Media, address: IpAddr) -> SocketAddr {
    match media.rtcp {
        RtcpPort::Shared => SocketAddr::new(address, media.port),
        RtcpPort::Next => SocketAddr::new(address, media.port.saturating_add(1)),
        RtcpPort::At(port) => SocketAddr::new(address, port),
    }
}

fn answered(media: &Media, local: &LocalMedia, stream: &Stream) -> sdp_types::Media {
    let codec = [(stream.payload_type, stream.codec)];
    audio(local, &media.proto, codec.into_iter(), stream.dtmf, stream.direction, media.rtcp)
}

/// The media in its place, switched off (RFC 3264 §6).
fn refused(media: &Media) -> sdp_types::Media {
    line(&media.kind, 0, &media.proto, media.formats_text.clone())
}

fn line(kind: &str, port: u16, proto: &str, formats: String) -> sdp_types::Media {
    sdp_types::Media {
        media: kind.into(),
        port,
        num_ports: None,
        proto: proto.into(),
        fmt: formats,
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

fn audio(
    local: &LocalMedia,
    proto: &str,
    codecs: impl Iterator<Item = (u8, Codec)>,
    dtmf: Option<u8>,
    direction: Direction,
    rtcp: RtcpPort,
) -> sdp_types::Media {
    let mut numbers = Vec::new();
    let mut maps = Vec::new();
    for (number, codec) in codecs {
        numbers.push(number.to_string());
        maps.push(("rtpmap", format!("{number} {}/{CLOCK_HZ}", codec.encoding_name())));
    }
    if let Some(number) = dtmf {
        numbers.push(number.to_string());
        maps.push(("rtpmap", format!("{number} telephone-event/{CLOCK_HZ}")));
        // The sixteen DTMF digits and the hook flash (RFC 4733 §3.2).
        maps.push(("fmtp", format!("{number} 0-16")));
    }
    let mut media = line("audio", local.rtp.port(), proto, numbers.join(" "));
    maps.push(("ptime", PTIME_MS.to_string()));
    media.attributes = maps
        .into_iter()
        .map(|(name, value)| sdp_types::Attribute::with_value(name, value))
        .chain([sdp_types::Attribute::new(direction.attribute())])
        .chain((rtcp == RtcpPort::Shared).then(|| sdp_types::Attribute::new("rtcp-mux")))
        .collect();
    media
}

fn write(local: &LocalMedia, origin: Origin, medias: Vec<sdp_types::Media>) -> Vec<u8> {
    let ip = local.rtp.ip();
    let session: Session =
        builders::Session::new(sdp_types::Origin::with_ip_addr(origin.id, origin.version, ip), "-")
            .connection(Connection::from_ip_addr(ip))
            .time(builders::Time::new(0, 0).build())
            .medias(medias)
            .build();
    let mut text = Vec::with_capacity(512);
    // Writing to memory cannot fail.
    let _ = session.write(&mut text);
    text
}
