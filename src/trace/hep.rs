//! HEP version 3 (EEP), the way in which Homer and others like to be told of SIP messages: encodes, and sends nothing.
//!
//! Chunks as in the protocol's description, "HEP/EEP: Extensible Encapsulation protocol", rev. 32, chapter 3: vendor, type,
//! length with these six bytes, value; all numbers in network order.

use super::{Passed, redact};
use crate::secret::Secret;
use std::net::{IpAddr, SocketAddr};

/// SIP, among the protocols that can be captured.
const SIP: u8 = 1;
/// Address families and protocols by their numbers in the operating systems it began on (AF_INET, AF_INET6) and at IANA.
const IPV4: u8 = 2;
const IPV6: u8 = 10;
const UDP: u8 = 17;
const TCP: u8 = 6;
/// A datagram holds no more; what is cut is the message's end.
const PAYLOAD_MAX: usize = 60_000;

/// Where messages are told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HepRules {
    /// The server, by UDP.
    pub server: SocketAddr,
    /// Our number there.
    pub node: u32,
    /// What it lets us in for, if it asks.
    pub password: Option<Secret>,
}

/// One message as a packet. `offset_us` leads from the loop's clock to microseconds since 1970; `correlation` is what all
/// legs of one call have in common.
pub fn encode(passed: &Passed, offset_us: i64, correlation: Option<&str>, rules: &HepRules) -> Vec<u8> {
    let wall_us = i64::try_from(passed.at.0).unwrap_or(i64::MAX).saturating_add(offset_us).max(0);
    let (seconds, micros) = (wall_us / 1_000_000, wall_us % 1_000_000);
    let (from, to) = if passed.is_ours { (passed.near, passed.far) } else { (passed.far, passed.near) };
    let mut packet = Packet(b"HEP3\0\0".to_vec());
    packet.chunk(1, &[if from.is_ipv4() { IPV4 } else { IPV6 }]);
    packet.chunk(2, &[if passed.transport == "UDP" { UDP } else { TCP }]);
    packet.address(3, 5, from.ip());
    packet.address(4, 6, to.ip());
    packet.chunk(7, &from.port().to_be_bytes());
    packet.chunk(8, &to.port().to_be_bytes());
    packet.chunk(9, &u32::try_from(seconds).unwrap_or(u32::MAX).to_be_bytes());
    packet.chunk(10, &u32::try_from(micros).unwrap_or_default().to_be_bytes());
    packet.chunk(11, &[SIP]);
    packet.chunk(12, &rules.node.to_be_bytes());
    if let Some(password) = &rules.password {
        packet.chunk(14, password.expose().as_bytes());
    }
    if let Some(correlation) = correlation {
        packet.chunk(17, &correlation.as_bytes()[..correlation.len().min(1_024)]);
    }
    let message = redact(&passed.bytes);
    packet.chunk(15, &message[..message.len().min(PAYLOAD_MAX)]);
    packet.finish()
}

struct Packet(Vec<u8>);

impl Packet {
    fn chunk(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(value.len() + 6).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&[0, 0]);
        self.0.extend_from_slice(&kind.to_be_bytes());
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(value);
    }

    fn address(&mut self, kind4: u16, kind6: u16, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.chunk(kind4, &address.octets()),
            IpAddr::V6(address) => self.chunk(kind6, &address.octets()),
        }
    }

    fn finish(mut self) -> Vec<u8> {
        let length = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        self.0[4..6].copy_from_slice(&length.to_be_bytes());
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::time::Monotonic;
    use std::collections::BTreeMap;

    /// Reads a packet as a server does, and no more trusting.
    fn chunks(packet: &[u8]) -> BTreeMap<u16, Vec<u8>> {
        assert_eq!(&packet[..4], b"HEP3");
        assert_eq!(usize::from(u16::from_be_bytes([packet[4], packet[5]])), packet.len());
        let (mut rest, mut chunks) = (&packet[6..], BTreeMap::new());
        while !rest.is_empty() {
            assert_eq!(&rest[..2], [0, 0], "no vendor of our own");
            let number = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
            let length = usize::from(number(4));
            assert!(chunks.insert(number(2), rest[6..length].to_vec()).is_none());
            rest = &rest[length..];
        }
        chunks
    }

    fn passed(near: &str, far: &str, is_ours: bool, bytes: &[u8]) -> Passed {
        Passed {
            at: Monotonic(5_000_007),
            is_ours,
            transport: "UDP",
            near: near.parse().unwrap(),
            far: far.parse().unwrap(),
            bytes: bytes.into(),
        }
    }

    fn rules(password: Option<&str>) -> HepRules {
        let password = password.map(Secret::new);
        HepRules { server: ([127, 0, 0, 1], 9060).into(), node: 2001, password }
    }

    #[test]
    fn a_message_that_came_is_told_with_its_ends_its_time_and_its_call() {
        let message = b"INVITE sip:4001@h SIP/2.0\r\nAuthorization: Digest response=\"canary\"\r\n\r\n";
        let one = passed("192.0.2.1:5060", "198.51.100.7:5062", false, message);
        let chunks =
            chunks(&encode(&one, 1_700_000_000_000_000, Some("first-leg"), &rules(Some("let me in"))));
        let expected: BTreeMap<u16, Vec<u8>> = [
            (1, vec![2]),
            (2, vec![17]),
            (3, vec![198, 51, 100, 7]),
            (4, vec![192, 0, 2, 1]),
            (7, vec![0x13, 0xc6]),
            (8, vec![0x13, 0xc4]),
            (9, 1_700_000_005_u32.to_be_bytes().to_vec()),
            (10, vec![0, 0, 0, 7]),
            (11, vec![1]),
            (12, vec![0, 0, 7, 0xd1]),
            (14, b"let me in".to_vec()),
            (15, b"INVITE sip:4001@h SIP/2.0\r\nAuthorization: Digest response=[redacted]\r\n\r\n".to_vec()),
            (17, b"first-leg".to_vec()),
        ]
        .into();
        assert_eq!(chunks, expected);
    }

    #[test]
    fn ipv6_and_streams_have_numbers_of_their_own_and_what_is_too_long_is_cut() {
        let one =
            Passed { transport: "TLS", ..passed("[::1]:5061", "[2001:db8::7]:40000", true, &[b'x'; 65_535]) };
        let chunks = chunks(&encode(&one, 0, None, &rules(None)));
        assert_eq!((&chunks[&1][..], &chunks[&2][..]), (&[10][..], &[6][..]));
        assert_eq!((chunks[&5].len(), chunks[&6][15]), (16, 7));
        assert_eq!(chunks[&15].len(), PAYLOAD_MAX);
        assert!(!chunks.contains_key(&14) && !chunks.contains_key(&17));
    }
}
