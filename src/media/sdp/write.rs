//! Our descriptions: the offer, and the answer to one (RFC 3264, RFC 8866). Decides nothing.
//!
//! An answer names one codec, so that neither side changes it in mid-call; an offer names all.

use super::agree::{Ours, choose};
use super::stream::PTIME_MS;
use super::{Crypto, Description, Direction, Meaning, Media, RtcpPort, SdpError, Stream};
use crate::media::codec::Codec;
use sdp_types::{Attribute, Connection, Session, builders};

/// What we tell about Opus (RFC 7587 §6.1): we send and want wideband, and use what helps against loss.
const OPUS_PARAMETERS: &str = "minptime=20;useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000";
/// The sixteen DTMF digits and the hook flash (RFC 4733 §3.2).
const EVENTS: &str = "0-16";

/// Our offer: every codec, telephone events, both ways; SRTP when the leg must have it, or has it already.
pub fn offer(ours: &Ours<'_>) -> Vec<u8> {
    let secure = ours.offers_secure();
    let shared = ours.before.is_some_and(|before| before.rtcp == before.remote);
    let line = Line {
        proto: if secure { "RTP/SAVP" } else { "RTP/AVP" },
        formats: ours.numbers().iter().collect(),
        cryptos: if secure { ours.cryptos() } else { Vec::new() },
        direction: Direction::SendRecv,
        shared_rtcp: shared,
    };
    write(ours, vec![line.media(ours)])
}

/// Our answer to `remote`, and the stream it sets up: the first audio that we can take, everything else refused with
/// port 0 in its place (RFC 3264 §6).
///
/// # Errors
/// When no audio can be taken; all but [`SdpError::Malformed`] and [`SdpError::TooLarge`] lead to 488.
pub fn answer(remote: &Description, ours: &Ours<'_>) -> Result<(Vec<u8>, Stream), SdpError> {
    let (taken, stream, crypto) = choose(remote, ours)?;
    let medias = remote.medias.iter().enumerate().map(|(index, media)| {
        if index == taken { answered(media, ours, &stream, crypto) } else { refused(media) }
    });
    Ok((write(ours, medias.collect()), stream))
}

fn answered(media: &Media, ours: &Ours<'_>, stream: &Stream, crypto: Option<Crypto>) -> sdp_types::Media {
    let event = stream.dtmf.map(|number| (number, Meaning::Event { clock_hz: stream.dtmf_clock_hz }));
    let line = Line {
        proto: &media.proto,
        formats: [(stream.payload_type, Meaning::Voice(stream.codec))].into_iter().chain(event).collect(),
        cryptos: crypto.into_iter().collect(),
        direction: stream.direction,
        shared_rtcp: media.rtcp == RtcpPort::Shared,
    };
    line.media(ours)
}

/// The media in its place, switched off (RFC 3264 §6).
fn refused(media: &Media) -> sdp_types::Media {
    empty(&media.kind, 0, &media.proto, media.formats_text.clone())
}

/// What our `m=` line and its attributes say.
struct Line<'a> {
    proto: &'a str,
    formats: Vec<(u8, Meaning)>,
    cryptos: Vec<Crypto>,
    direction: Direction,
    shared_rtcp: bool,
}

impl Line<'_> {
    fn media(&self, ours: &Ours<'_>) -> sdp_types::Media {
        let numbers: Vec<_> = self.formats.iter().map(|(number, _)| number.to_string()).collect();
        let mut media = empty("audio", ours.local.rtp.port(), self.proto, numbers.join(" "));
        let maps = self.formats.iter().flat_map(|&(number, meaning)| maps(number, meaning));
        let cryptos = self.cryptos.iter().map(|crypto| Attribute::with_value("crypto", crypto.write()));
        media.attributes = maps
            .chain(cryptos)
            .chain([Attribute::with_value("ptime", PTIME_MS.to_string())])
            .chain([Attribute::new(self.direction.attribute())])
            .chain(self.shared_rtcp.then(|| Attribute::new("rtcp-mux")))
            .collect();
        media
    }
}

/// `a=rtpmap`, and `a=fmtp` where there is something to tell.
fn maps(number: u8, meaning: Meaning) -> impl Iterator<Item = Attribute> {
    let (mapping, parameters) = match meaning {
        Meaning::Voice(codec) => {
            let (name, clock_hz) = (codec.encoding_name(), codec.clock_hz());
            match codec {
                Codec::Opus => (format!("{name}/{clock_hz}/2"), Some(OPUS_PARAMETERS)),
                Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::L16 => (format!("{name}/{clock_hz}"), None),
            }
        }
        Meaning::Event { clock_hz } => (format!("telephone-event/{clock_hz}"), Some(EVENTS)),
        Meaning::Noise => ("CN/8000".to_owned(), None),
    };
    let map = Attribute::with_value("rtpmap", format!("{number} {mapping}"));
    let told = parameters.map(|told| Attribute::with_value("fmtp", format!("{number} {told}")));
    [map].into_iter().chain(told)
}

fn empty(kind: &str, port: u16, proto: &str, formats: String) -> sdp_types::Media {
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

fn write(ours: &Ours<'_>, medias: Vec<sdp_types::Media>) -> Vec<u8> {
    let (ip, origin) = (ours.local.rtp.ip(), ours.origin);
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
