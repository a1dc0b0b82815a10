//! What to listen on, and why it may not work.

use crate::sip::flow::Transport;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;

/// An address to listen on: `udp:127.0.0.1:5060`, `tls:[::1]:5061`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Listen {
    /// What is spoken there.
    pub transport: Transport,
    /// Where; port 0 lets the system choose.
    pub address: SocketAddr,
}

/// Text that is no [`Listen`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{0}` is no address to listen on; expected `udp:ADDRESS:PORT`, or tcp, tls, ws or wss, such as `udp:0.0.0.0:5060`"
)]
pub struct ListenError(String);

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let error = || ListenError(text.to_owned());
        let (transport, address) = text.split_once(':').ok_or_else(error)?;
        let transport = Transport::from_token(transport).ok_or_else(error)?;
        Ok(Self { transport, address: address.parse().map_err(|_| error())? })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.as_str().to_ascii_lowercase(), self.address)
    }
}

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Another program has the port.
    #[error(
        "cannot listen for SIP on {listen}: the port is in use by another program, perhaps another holdfast; \
         `ss -{flags}lnp 'sport = :{port}'` shows which. Stop it, or change `listen` under [sip]"
    )]
    InUse {
        /// The listener.
        listen: Listen,
        /// Its port.
        port: u16,
        /// `ss`'s letter for the transport.
        flags: char,
    },
    /// The address is not one of this machine's.
    #[error(
        "cannot listen for SIP on {0}: this machine has no such address; use one that `ip address` lists, or 0.0.0.0"
    )]
    NoSuchAddress(Listen),
    /// Ports below 1024 need a privilege.
    #[error("cannot listen for SIP on {0}: not permitted; ports below 1024 need CAP_NET_BIND_SERVICE")]
    NotPermitted(Listen),
    /// Something else.
    #[error("cannot listen for SIP on {listen}: {error}")]
    Other {
        /// The listener.
        listen: Listen,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// TLS wants one.
    #[error("cannot listen for SIP on {0}: there is no certificate; name one under [sip.tls]")]
    NoCertificate(Listen),
    /// Nothing to listen on.
    #[error("no SIP listener is configured; set `listen` under [sip], such as [\"udp:0.0.0.0:5060\"]")]
    Nothing,
}

impl TransportError {
    pub(super) fn new(listen: Listen, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                let flags = if listen.transport == Transport::Udp { 'u' } else { 't' };
                Self::InUse { listen, port: listen.address.port(), flags }
            }
            io::ErrorKind::AddrNotAvailable => Self::NoSuchAddress(listen),
            io::ErrorKind::PermissionDenied => Self::NotPermitted(listen),
            _ => Self::Other { listen, error },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_read_and_printed() {
        for text in
            ["udp:127.0.0.1:5060", "tcp:[::1]:5060", "tls:0.0.0.0:5061", "ws:127.0.0.1:80", "wss:[::]:443"]
        {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in
            ["", "udp", "127.0.0.1:5060", "sctp:127.0.0.1:5060", "udp:localhost:5060", "udp:127.0.0.1"]
        {
            assert!(text.parse::<Listen>().unwrap_err().to_string().contains("expected"), "{text}");
        }
    }
}
