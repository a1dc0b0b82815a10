//! The host of a URI or a Via: a name or an address, compared without case.

use super::uri::UriError;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host (RFC 3261 §25.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Host {
    /// A domain name, lower case.
    Name(Box<str>),
    /// An address; IPv6 is written in brackets.
    Ip(IpAddr),
}

impl Host {
    /// The host of a URI that has none.
    pub fn nowhere() -> Self {
        Self::Name("".into())
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::Ip(ip) => Some(*ip),
        }
    }

    /// Reads a name or an address, IPv6 with or without brackets.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(UriError::Host)?;
            return inner.parse::<Ipv6Addr>().map(|ip| Self::Ip(ip.into())).map_err(|_| UriError::Host);
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(ip.into()));
        }
        if let Ok(ip) = text.parse::<Ipv6Addr>() {
            return Ok(Self::Ip(ip.into()));
        }
        // An underscore is no host name by RFC 1123, yet internal names have them.
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if text.is_empty() || text.len() > 255 || !text.bytes().all(good) {
            return Err(UriError::Host);
        }
        Ok(Self::Name(text.to_ascii_lowercase().into()))
    }

    /// Reads `host` or `host:port`; white space round the colon is let pass (RFC 4475 §3.1.1.1).
    pub fn parse_with_port(text: &str) -> Result<(Self, Option<u16>), UriError> {
        let text = text.trim();
        let colon = match text.rfind(']') {
            Some(bracket) => text[bracket..].find(':').map(|at| bracket + at),
            None => text.find(':'),
        };
        let Some(colon) = colon else { return Ok((Self::parse(text)?, None)) };
        let port = text[colon + 1..].trim();
        // `parse` takes a leading plus sign, which is no digit.
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(UriError::Port);
        }
        match port.parse::<u16>() {
            Ok(port) if port > 0 => Ok((Self::parse(text[..colon].trim())?, Some(port))),
            Ok(_) | Err(_) => Err(UriError::Port),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        Self::Ip(ip)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_parted() {
        let parse = |text| Host::parse_with_port(text).map(|(host, port)| (host.to_string(), port));
        assert_eq!(parse("A.b"), Ok(("a.b".into(), None)));
        assert_eq!(parse("[::1]:5"), Ok(("[::1]".into(), Some(5))));
        assert_eq!(parse("192.0.2.2 : 5060"), Ok(("192.0.2.2".into(), Some(5060))));
        assert_eq!(parse("h:+5"), Err(UriError::Port));
        assert_eq!(parse("]:"), Err(UriError::Port));
        assert_eq!(parse("h:"), Err(UriError::Port));
        assert_eq!(parse("a,b"), Err(UriError::Host));
    }
}
