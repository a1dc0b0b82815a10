//! One Via value: who sent a request, and the branch that names its transaction.

use super::host::Host;
use super::params::{Params, is_token};
use super::uri::UriError;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// What every RFC 3261 branch begins with (§8.1.1.7).
pub const BRANCH_COOKIE: &str = "z9hG4bK";

/// A Via value (RFC 3261 §20.42).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Via {
    /// The transport's token in capitals: `UDP`, `TCP`, or one we have never heard of.
    pub transport: Box<str>,
    /// The sender's host, as it believes it to be.
    pub host: Host,
    /// The sender's port, if one is written.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` and others.
    pub params: Params,
}

impl Via {
    /// The branch (RFC 3261 §8.1.1.7), cookie included.
    pub fn branch(&self) -> Option<&str> {
        self.params.value("branch").filter(|branch| !branch.is_empty())
    }

    /// Whether the branch alone names the transaction (RFC 3261 §17.2.3). The bare cookie does not: it names every
    /// transaction of that sender (RFC 4475 §3.2.1).
    pub fn has_rfc3261_branch(&self) -> bool {
        let cookie = |branch: &str| branch.get(..BRANCH_COOKIE.len()).is_some_and(|it| it == BRANCH_COOKIE);
        self.branch().is_some_and(|branch| cookie(branch) && branch.len() > BRANCH_COOKIE.len())
    }

    /// Where the request really came from (RFC 3261 §18.2.1).
    pub fn received(&self) -> Option<IpAddr> {
        self.params.value("received").and_then(|value| Host::parse(value).ok()).and_then(|host| host.ip())
    }

    /// The port the request really came from, once filled in (RFC 3581 §4).
    pub fn rport(&self) -> Option<u16> {
        self.params.value("rport").and_then(|value| value.parse().ok())
    }

    /// Whether the sender asks for answers to the port it sent from (RFC 3581 §3).
    pub fn wants_rport(&self) -> bool {
        self.params.has("rport")
    }
}

impl FromStr for Via {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        if text.len() > super::uri::URI_LENGTH_MAX_BYTES {
            return Err(UriError::TooLong);
        }
        // White space may stand round each slash (RFC 3261 §25.1: SLASH).
        let mut parts = text.splitn(3, '/');
        let mut part = || parts.next().map(str::trim).ok_or(UriError::Via);
        let (name, version, rest) = (part()?, part()?, part()?);
        if !name.eq_ignore_ascii_case("SIP") || version != "2.0" {
            return Err(UriError::Via);
        }
        let (transport, rest) = rest.split_once([' ', '\t']).ok_or(UriError::Via)?;
        if transport.is_empty() || !transport.bytes().all(is_token) {
            return Err(UriError::Via);
        }
        let (sent_by, params) = rest.split_once(';').unwrap_or((rest, ""));
        let (host, port) = Host::parse_with_port(sent_by)?;
        Ok(Self {
            transport: transport.to_ascii_uppercase().into(),
            host,
            port,
            params: Params::parse(params)?,
        })
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_via_is_read_with_white_space_in_odd_places() {
        let via: Via = "SIP  / 2.0  /UDP  192.0.2.2:5060 ;rport ; branch=z9hG4bKa".parse().unwrap();
        assert_eq!(via.to_string(), "SIP/2.0/UDP 192.0.2.2:5060;rport;branch=z9hG4bKa");
        assert!(via.wants_rport() && via.rport().is_none() && via.has_rfc3261_branch());
    }

    #[test]
    fn received_and_rport_are_read_back() {
        let via: Via = "SIP/2.0/tcp [::1];received=192.0.2.9;rport=99;branch=1".parse().unwrap();
        assert_eq!(via.received().map(|ip| ip.to_string()).as_deref(), Some("192.0.2.9"));
        assert_eq!((via.rport(), via.transport.as_ref()), (Some(99), "TCP"));
        assert!(!via.has_rfc3261_branch());
    }

    #[test]
    fn the_bare_cookie_names_no_transaction() {
        let via: Via = "SIP/2.0/UDP h;branch=z9hG4bK".parse().unwrap();
        assert!(!via.has_rfc3261_branch());
    }

    #[test]
    fn what_is_no_via_is_refused() {
        for text in ["", "SIP/2.0", "SIP/2.0/UDP", "SIP/3.0/UDP h", "HTTP/2.0/UDP h", "SIP/2.0/UDP ;branch=1"]
        {
            assert!(text.parse::<Via>().is_err(), "{text:?} was taken");
        }
    }
}
