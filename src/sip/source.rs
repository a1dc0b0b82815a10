//! Whom an address stands for: what limits and bans count by. Data only.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// One sender: an IPv4 address, or the /64 network of an IPv6 address, for whoever has one of its addresses has them all
/// (RFC 6177 §2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Source(IpAddr);

impl Source {
    /// Whom an address stands for. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(v4.into()),
            IpAddr::V6(v6) => Self(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into()),
        }
    }

    /// The address, or the first of the network.
    pub fn address(&self) -> IpAddr {
        self.0
    }

    /// For a keyed hash: sixteen bytes that are nobody else's.
    pub fn bytes(&self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => v4.fmt(f),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: &str) {
        assert_eq!(Source::of(address.parse().unwrap()).to_string(), expected);
    }

    #[test]
    fn an_ipv6_sender_cannot_become_another_by_another_address_of_its_network() {
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
        check("192.0.2.7", "192.0.2.7");
        check("::ffff:192.0.2.7", "192.0.2.7");
    }
}
