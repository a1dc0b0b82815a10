//! RTP packets, read and written (RFC 3550 §5.1), and telling them from RTCP (RFC 5761 §4). Keeps no state.

use rtp_rs::{RtpPacketBuilder, RtpReader};

/// The longest datagram that is looked at, in bytes.
pub const DATAGRAM_MAX: usize = 1_500;
/// The longest payload that is relayed: what fits into an Ethernet frame beside the headers of IPv6, UDP and RTP and
/// the tag of SRTP.
pub const PAYLOAD_MAX: usize = 1_420;

/// One RTP packet, as it came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// What the payload is, by the numbers of the session description.
    pub payload_type: u8,
    /// The start of a talk spurt, or of a telephone event.
    pub marker: bool,
    /// Grows by one per packet, and wraps.
    pub sequence: u16,
    /// In samples of 1/8000 s, and wraps.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
    /// The audio or event; never empty.
    pub payload: &'a [u8],
}

/// The header of a packet to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The far side's number for the payload; below 128.
    pub payload_type: u8,
    /// The start of a talk spurt, or of a telephone event.
    pub marker: bool,
    /// See [`Packet::sequence`].
    pub sequence: u16,
    /// See [`Packet::timestamp`].
    pub timestamp: u32,
    /// Us, on this leg.
    pub ssrc: u32,
}

/// Whether a datagram is RTCP: on a shared port its packet type, 192 to 223, lies where RTP has marker and payload type.
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.get(1).is_some_and(|packet_type| (192..=223).contains(packet_type))
}

/// Reads a datagram; `None` for what is no RTP of a length that makes sense.
pub fn read(datagram: &[u8]) -> Option<Packet<'_>> {
    if datagram.len() > DATAGRAM_MAX {
        return None;
    }
    let reader = RtpReader::new(datagram).ok()?;
    let payload = reader.payload();
    (1..=PAYLOAD_MAX).contains(&payload.len()).then(|| Packet {
        payload_type: reader.payload_type(),
        marker: reader.mark(),
        sequence: reader.sequence_number().into(),
        timestamp: reader.timestamp(),
        ssrc: reader.ssrc(),
        payload,
    })
}

/// Writes a packet into `out` and returns its length; `None` when it does not fit.
pub fn write(header: Header, payload: &[u8], out: &mut [u8]) -> Option<usize> {
    RtpPacketBuilder::new()
        .payload_type(header.payload_type)
        .marked(header.marker)
        .sequence(header.sequence.into())
        .timestamp(header.timestamp)
        .ssrc(header.ssrc)
        .payload(payload)
        .build_into(out)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_again() {
        let header = Header { payload_type: 8, marker: true, sequence: 65_535, timestamp: u32::MAX, ssrc: 7 };
        let mut buffer = [0; 200];
        let length = write(header, &[1, 2, 3], &mut buffer).unwrap();
        let packet = read(&buffer[..length]).unwrap();
        assert_eq!(length, 15);
        assert_eq!((packet.payload_type, packet.marker, packet.sequence), (8, true, 65_535));
        assert_eq!((packet.timestamp, packet.ssrc, packet.payload), (u32::MAX, 7, &[1, 2, 3][..]));
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let header = Header { payload_type: 8, marker: false, sequence: 0, timestamp: 0, ssrc: 0 };
        assert_eq!(write(header, &[0; 160], &mut [0; 171]), None);
        assert_eq!(write(Header { payload_type: 128, ..header }, &[0; 10], &mut [0; 171]), None);
    }

    #[test]
    fn empty_and_overlong_payloads_are_no_packets() {
        let header = Header { payload_type: 0, marker: false, sequence: 0, timestamp: 0, ssrc: 0 };
        let mut buffer = [0; 2_000];
        let length = write(header, &[], &mut buffer).unwrap();
        assert_eq!(read(&buffer[..length]), None);
        let length = write(header, &[0; PAYLOAD_MAX + 1], &mut buffer).unwrap();
        assert_eq!(read(&buffer[..length]), None);
    }

    #[test]
    fn rtcp_is_told_from_rtp_by_its_packet_type() {
        assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x80, 201]));
        assert!(!is_rtcp(&[0x80, 0]) && !is_rtcp(&[0x80, 0x80 | 8]) && !is_rtcp(&[0x80]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1600)) {
            let _ = is_rtcp(&bytes);
            if let Some(packet) = read(&bytes) {
                prop_assert!(!packet.payload.is_empty());
            }
        }

        #[test]
        fn no_header_bits_make_it_panic(first: u8, rest in proptest::collection::vec(any::<u8>(), 11..120)) {
            let mut bytes = vec![0x80 | (first & 0x3F)];
            bytes.extend(rest);
            let _ = read(&bytes);
        }
    }
}
