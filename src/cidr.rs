//! Networks in CIDR notation (RFC 4632, RFC 4291 §2.3): parsing and membership.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An IPv4 or IPv6 network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cidr {
    network: IpAddr,
    prefix_bits: u8,
}

/// Why a text is no network.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CidrError {
    /// Not an address.
    #[error("expected an address or a network such as \"192.0.2.0/24\"")]
    Address,
    /// Not a prefix length.
    #[error("expected a prefix length from 0 to {max} after the slash")]
    Prefix {
        /// 32 or 128.
        max: u8,
    },
    /// Bits beyond the prefix are set: a typing error more often than not.
    #[error("the address has bits beyond the prefix; did you mean \"{0}\"?")]
    HostBits(Cidr),
}

impl Cidr {
    /// Whether the address lies in the network. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.network.is_ipv4() && masked(address, self.prefix_bits) == self.network
    }

    /// Whether it holds every address of its family.
    pub fn is_everything(&self) -> bool {
        self.prefix_bits == 0
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, prefix_bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(u32::from(32u8.saturating_sub(prefix_bits))).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(u32::from(128u8.saturating_sub(prefix_bits))).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| CidrError::Address)?;
        let max = width(address);
        let prefix_bits = match prefix {
            None => max,
            Some(digits) => {
                digits.parse().ok().filter(|bits| *bits <= max).ok_or(CidrError::Prefix { max })?
            }
        };
        let network = masked(address, prefix_bits);
        if network != address {
            return Err(CidrError::HostBits(Cidr { network, prefix_bits }));
        }
        Ok(Cidr { network, prefix_bits })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_holds_its_own_addresses_and_no_others() {
        let net: Cidr = "192.0.2.0/25".parse().unwrap();
        assert!(net.contains(ip("192.0.2.127")) && net.contains(ip("::ffff:192.0.2.1")));
        assert!(!net.contains(ip("192.0.2.128")) && !net.contains(ip("::1")));
        let one: Cidr = "2001:db8::1".parse().unwrap();
        assert!(one.contains(ip("2001:db8::1")) && !one.contains(ip("2001:db8::2")));
        let all: Cidr = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains(ip("203.0.113.9")) && all.is_everything() && !all.contains(ip("::1")));
    }

    #[test]
    fn a_wrong_network_is_refused_with_the_likely_right_one() {
        assert_eq!(
            "10.1.2.3/8".parse::<Cidr>().unwrap_err().to_string(),
            "the address has bits beyond the prefix; did you mean \"10.0.0.0/8\"?"
        );
        assert_eq!("10.0.0.0/33".parse::<Cidr>(), Err(CidrError::Prefix { max: 32 }));
        assert_eq!("carrier.example".parse::<Cidr>(), Err(CidrError::Address));
    }
}
