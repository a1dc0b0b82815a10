//! Keep-alives of phones over UDP that ask where they are seen from (RFC 5626 §4.4.2, RFC 8489 §5). Pure.
//!
//! The answer is 12 bytes longer than the question, 24 with IPv6: with the headers of IP and UDP a forged sender gains
//! less than half of what he spends.

use std::net::{IpAddr, SocketAddr};

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0, 1];
const BINDING_SUCCESS: [u8; 2] = [1, 1];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0, 0x20];
const HEADER_BYTES: usize = 20;

/// The answer to a binding request from `from`; `None` for anything else. No SIP message begins with a zero byte.
pub(super) fn answer(datagram: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let header = datagram.get(..HEADER_BYTES)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[..2] != BINDING_REQUEST
        || header[4..8] != MAGIC_COOKIE
        || datagram.len() != HEADER_BYTES + length
    {
        return None;
    }
    let (key, transaction) = (&header[4..], &header[8..]);
    let (family, address) = match from.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let [high, low] = from.port().to_be_bytes();
    let mut value = vec![0, family, high ^ key[0], low ^ key[1]];
    // RFC 8489 §14.2: so that no gateway "corrects" the address on its way.
    value.extend(address.iter().zip(key).map(|(byte, key)| byte ^ key));
    let size = u8::try_from(value.len()).ok()?;
    let attribute = [&XOR_MAPPED_ADDRESS[..], &[0, size], &value].concat();
    Some([&BINDING_SUCCESS[..], &[0, size + 4], &MAGIC_COOKIE, transaction, &attribute].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(length: u8) -> Vec<u8> {
        [&[0, 1, 0, length][..], &MAGIC_COOKIE, b"transaction!"].concat()
    }

    #[test]
    fn a_phone_learns_where_it_is_seen_from() {
        // RFC 5769 §2.2: 192.0.2.1:32853 as it stands in the answer.
        let answer = answer(&question(0), "192.0.2.1:32853".parse().unwrap()).unwrap();
        assert_eq!(answer[..4], [1, 1, 0, 12]);
        assert_eq!(&answer[8..20], b"transaction!");
        assert_eq!(answer[20..], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
    }

    #[test]
    fn an_address_of_ipv6_is_hidden_behind_the_transaction_too() {
        let from: SocketAddr = "[2001:db8::1]:5060".parse().unwrap();
        let answer = answer(&question(0), from).unwrap();
        let key = [&MAGIC_COOKIE[..], b"transaction!"].concat();
        let shown: Vec<u8> = answer[28..].iter().zip(key).map(|(byte, key)| byte ^ key).collect();
        assert_eq!(from.ip(), IpAddr::from(<[u8; 16]>::try_from(shown).unwrap()));
        assert!((answer.len() + 48) * 2 <= (20 + 48) * 3, "no more than half as much again on the wire");
    }

    #[test]
    fn nothing_else_is_answered() {
        let from = "192.0.2.1:1".parse().unwrap();
        let lying = question(4);
        let response = [&[1, 1, 0, 0][..], &MAGIC_COOKIE, b"transaction!"].concat();
        for datagram in [&b""[..], b"\r\n\r\n", b"OPTIONS sip:a@b SIP/2.0\r\n", &lying, &response] {
            assert_eq!(answer(datagram, from), None);
        }
    }
}
