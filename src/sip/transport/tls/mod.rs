//! TLS: who we are, whom we believe, and the handshakes. It opens no socket.

mod certificate;
mod load;

pub use load::{CertificateFiles, TlsError, TlsFiles};

use super::settings::PeerRules;
use crate::sip::flow::Flow;
use crate::sip::host::Host;
use rustls::pki_types::{DnsName, ServerName};
use rustls::{ClientConfig, ServerConfig};
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// Certificates, keys and authorities, read and found good. Cheap to clone; never printed.
#[derive(Clone)]
pub struct Tls {
    phones: Arc<ServerConfig>,
    browsers: Arc<ServerConfig>,
    ours: Arc<ClientConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// The handshake of a phone, a trunk or a proxy.
pub(super) async fn accept(tls: Option<&Tls>, socket: TcpStream) -> io::Result<server::TlsStream<TcpStream>> {
    let tls = tls.ok_or_else(no_certificate)?;
    TlsAcceptor::from(Arc::clone(&tls.phones)).accept(socket).await
}

/// The handshake of a browser, which has no certificate to show.
pub(super) async fn accept_browser(
    tls: Option<&Tls>,
    socket: TcpStream,
) -> io::Result<server::TlsStream<TcpStream>> {
    let tls = tls.ok_or_else(no_certificate)?;
    TlsAcceptor::from(Arc::clone(&tls.browsers)).accept(socket).await
}

/// Our own handshake. The certificate must bear the name the trunk was configured with, not one that the DNS led to
/// (RFC 5922 §4); where only an address was configured, that address.
pub(super) async fn connect(
    rules: &PeerRules,
    to: &Flow,
    socket: TcpStream,
) -> io::Result<client::TlsStream<TcpStream>> {
    let tls = rules.tls.as_ref().ok_or_else(no_certificate)?;
    let name = match to.trunk.and_then(|trunk| rules.name_of(trunk)) {
        Some(Host::Name(name)) => DnsName::try_from(name.to_string()).map(ServerName::DnsName),
        Some(Host::Ip(ip)) => Ok(ServerName::IpAddress((*ip).into())),
        None => Ok(ServerName::IpAddress(to.remote.ip().into())),
    };
    let name = name.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    TlsConnector::from(Arc::clone(&tls.ours)).connect(name, socket).await
}

fn no_certificate() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "there is no certificate under [sip.tls]")
}
