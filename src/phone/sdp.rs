//! The phone's own session descriptions (RFC 8866, 3264): one audio line, written and read as text. Apart from the engine's.

use crate::media::codec::g711::Law;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

/// The payload type we offer telephone events under (RFC 4733).
pub(super) const TELEPHONE_EVENT: u8 = 101;
/// Longer bodies are not read.
const BYTES_MAX: usize = 16 * 1024;

/// Who sends, as seen from this phone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Flow {
    /// Both.
    #[default]
    SendRecv,
    /// We only.
    SendOnly,
    /// The far side only.
    RecvOnly,
    /// Nobody.
    Inactive,
}

impl Flow {
    const ALL: [Flow; 4] = [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive];

    fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The same, seen from the other side.
    pub(super) fn mirrored(self) -> Flow {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            Self::SendRecv | Self::Inactive => self,
        }
    }

    /// Whether we send.
    pub(super) fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }
}

/// What the far side said about its audio.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Remote {
    pub address: SocketAddr,
    pub codec: Law,
    pub payload_type: u8,
    pub dtmf: Option<u8>,
    /// As seen from us.
    pub flow: Flow,
}

/// Our description: of `codecs`, in that order, with telephone events under `dtmf`.
pub(super) fn write(
    local: SocketAddr,
    version: u64,
    codecs: &[Law],
    dtmf: Option<u8>,
    flow: Flow,
) -> Vec<u8> {
    let (ip, port) = (local.ip(), local.port());
    let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
    let mut formats = String::new();
    let mut maps = String::new();
    for codec in codecs {
        let number = codec.payload_type();
        let _ = write!(formats, " {number}");
        let _ = write!(maps, "a=rtpmap:{number} {}/8000\r\n", codec.name());
    }
    if let Some(number) = dtmf {
        let _ = write!(formats, " {number}");
        let _ = write!(maps, "a=rtpmap:{number} telephone-event/8000\r\na=fmtp:{number} 0-15\r\n");
    }
    format!(
        "v=0\r\no=phone {port} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP{formats}\r\n{maps}a=ptime:20\r\na={}\r\n",
        flow.name()
    )
    .into_bytes()
}

/// Reads the first audio line; `None` when it has nothing for us.
pub(super) fn read(body: &[u8], ours: &[Law]) -> Option<Remote> {
    if body.len() > BYTES_MAX {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?;
    let mut ip: Option<IpAddr> = None;
    let mut audio: Option<(u16, Vec<u8>)> = None;
    let mut maps: Vec<(u8, String)> = Vec::new();
    let mut flow = Flow::SendRecv;
    for line in text.lines().map(str::trim_end) {
        let Some((kind, value)) = line.split_once('=') else { continue };
        match kind {
            // A second m= line begins: whatever follows is not about our audio.
            "m" if audio.is_some() => break,
            "m" => audio = Some(audio_line(value)?),
            "c" => ip = value.split_whitespace().nth(2).and_then(|ip| ip.split('/').next()?.parse().ok()),
            "a" => match value.strip_prefix("rtpmap:").and_then(|map| map.split_once(' ')) {
                Some((number, name)) => {
                    maps.extend(number.parse().ok().map(|number| (number, name.trim().to_ascii_lowercase())))
                }
                None => flow = Flow::ALL.into_iter().find(|flow| flow.name() == value).unwrap_or(flow),
            },
            _ => {}
        }
    }
    let (port, formats) = audio?;
    let codec_of = |number: u8| codec_named(number, &maps).filter(|codec| ours.contains(codec));
    let (payload_type, codec) = formats.iter().find_map(|&number| Some((number, codec_of(number)?)))?;
    let dtmf = formats.iter().copied().find(|number| {
        maps.iter().any(|(mapped, name)| mapped == number && name.starts_with("telephone-event/8000"))
    });
    let ip = ip?;
    let flow = if ip.is_unspecified() { Flow::Inactive } else { flow.mirrored() };
    (port != 0).then_some(Remote { address: SocketAddr::new(ip, port), codec, payload_type, dtmf, flow })
}

/// Port and payload types of `audio PORT RTP/AVP …`.
fn audio_line(value: &str) -> Option<(u16, Vec<u8>)> {
    let mut words = value.split_whitespace();
    if words.next()? != "audio" {
        return None;
    }
    let port = words.next()?.split('/').next()?.parse().ok()?;
    if words.next()? != "RTP/AVP" {
        return None;
    }
    Some((port, words.take(32).filter_map(|word| word.parse().ok()).collect()))
}

fn codec_named(number: u8, maps: &[(u8, String)]) -> Option<Law> {
    match maps.iter().find(|(mapped, _)| *mapped == number) {
        Some((_, name)) => Law::ALL
            .into_iter()
            .find(|codec| name.starts_with(&format!("{}/8000", codec.name()).to_ascii_lowercase())),
        None => Law::ALL.into_iter().find(|codec| codec.payload_type() == number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_phone_writes_another_reads() {
        let local: SocketAddr = "127.0.0.1:4000".parse().unwrap();
        let body = write(local, 1, &Law::ALL, Some(TELEPHONE_EVENT), Flow::SendOnly);
        let remote = read(&body, &[Law::A]).unwrap();
        assert_eq!((remote.address, remote.codec, remote.payload_type), (local, Law::A, 8));
        assert_eq!((remote.dtmf, remote.flow), (Some(TELEPHONE_EVENT), Flow::RecvOnly));
    }

    #[test]
    fn a_description_without_a_codec_of_ours_or_without_audio_is_of_no_use() {
        let video = b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=video 4000 RTP/AVP 96\r\n";
        assert_eq!(read(video, &Law::ALL), None);
        let gsm = b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 3\r\n";
        assert_eq!(read(gsm, &Law::ALL), None);
        let off = b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 0 RTP/AVP 0\r\n";
        assert_eq!(read(off, &Law::ALL), None);
    }
}
