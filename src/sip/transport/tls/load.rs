//! Certificates and keys from their files, with the reason when they are of no use. What a key says is never told.

use super::Tls;
use super::certificate::validity;
use crate::sip::host::Host;
use jiff::Timestamp;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where systems keep the authorities they trust: Debian and Alpine, Fedora, openSUSE, BSD.
const SYSTEM_TRUST: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// `[sip.tls]`: files, not read yet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TlsFiles {
    /// Our certificates: the first serves whoever names none of them (SNI), and is the one we show to others.
    pub certificates: Vec<CertificateFiles>,
    /// Whoever comes by TLS must show a certificate of one of these authorities.
    pub client_authorities: Option<PathBuf>,
    /// The authorities whose certificates trunks may show; `None`: those the system trusts.
    pub trust: Option<PathBuf>,
    /// The name that Via and Contact give instead of the address.
    pub name: Option<Host>,
}

/// A certificate with its chain, and the key to it, in PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateFiles {
    /// The certificate, then those that lead to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why the files are of no use. Every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It cannot be read, or is no PEM.
    #[error("{}: {reason}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is none in it.
    #[error("{}: no {what} in it; expected PEM with \"-----BEGIN …\"", file.display())]
    Nothing {
        /// Which.
        file: PathBuf,
        /// A certificate, or a private key.
        what: &'static str,
    },
    /// It cannot be used as what it is.
    #[error("{}: {reason}", file.display())]
    Unusable {
        /// Which.
        file: PathBuf,
        /// Why.
        reason: rustls::Error,
    },
    /// The two do not belong together.
    #[error("{}: the key is another certificate's than {}", key.display(), certificate.display())]
    Mismatch {
        /// One.
        certificate: PathBuf,
        /// The other.
        key: PathBuf,
    },
    /// It is not valid now.
    #[error("{}: the certificate is valid from {from} until {until}, and now it is {now}", file.display())]
    NotNow {
        /// Which.
        file: PathBuf,
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
        /// The system's time.
        now: Timestamp,
    },
    /// The TLS library cannot work so: a mistake of ours.
    #[error("TLS cannot be set up: {0}")]
    Library(String),
}

impl Tls {
    /// Reads the files and looks whether they can be used now.
    ///
    /// # Errors
    /// When a file cannot be read, holds something else, is expired, or a key is another certificate's.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let pairs = files.certificates.iter().map(|pair| certified(pair, &provider));
        let pairs: Vec<_> = pairs.collect::<Result<_, _>>()?;
        let Some(first) = pairs.first().cloned() else {
            return Err(TlsError::Library("no certificate is configured".into()));
        };
        let phones = match &files.client_authorities {
            Some(file) => {
                let roots = Arc::new(authorities(file)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
                let verifier = verifier.build().map_err(|error| TlsError::Library(error.to_string()))?;
                server(&provider)?.with_client_cert_verifier(verifier).with_cert_resolver(by_name(&pairs))
            }
            None => server(&provider)?.with_no_client_auth().with_cert_resolver(by_name(&pairs)),
        };
        let browsers = server(&provider)?.with_no_client_auth().with_cert_resolver(by_name(&pairs));
        let trust = match &files.trust {
            Some(file) => authorities(file)?,
            None => system_trust(),
        };
        let ours = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let ours = ours.map_err(|error| TlsError::Library(error.to_string()))?;
        let ours = ours
            .with_root_certificates(trust)
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(first)));
        Ok(Self { phones: Arc::new(phones), browsers: Arc::new(browsers), ours: Arc::new(ours) })
    }
}

fn server(
    provider: &Arc<CryptoProvider>,
) -> Result<rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier>, TlsError> {
    ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Library(error.to_string()))
}

fn certified(files: &CertificateFiles, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let (file, key_file) = (&files.certificate, &files.key);
    let chain = certificates(file)?;
    if let Some((from, until)) = chain.first().and_then(|first| validity(first)) {
        let now = Timestamp::now();
        if !(from..=until).contains(&now) {
            return Err(TlsError::NotNow { file: file.clone(), from, until, now });
        }
    }
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::Nothing { file: key_file.clone(), what: "private key" },
        other => unreadable(key_file, &other),
    })?;
    let pair = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::Mismatch { certificate: file.clone(), key: key_file.clone() }
        }
        reason @ rustls::Error::InvalidCertificate(_) => TlsError::Unusable { file: file.clone(), reason },
        reason => TlsError::Unusable { file: key_file.clone(), reason },
    })?;
    Ok(Arc::new(pair))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|error| unreadable(file, &error))?;
    if found.is_empty() {
        return Err(TlsError::Nothing { file: file.to_owned(), what: "certificate" });
    }
    Ok(found)
}

fn authorities(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(file)? {
        let added = store.add(certificate);
        added.map_err(|reason| TlsError::Unusable { file: file.to_owned(), reason })?;
    }
    Ok(store)
}

/// The system's authorities; none where it keeps them elsewhere, and then nobody is believed.
fn system_trust() -> RootCertStore {
    let mut store = RootCertStore::empty();
    let found = SYSTEM_TRUST.iter().find_map(|file| certificates(Path::new(file)).ok());
    // Old authorities in odd encodings are no reason to trust none.
    store.add_parsable_certificates(found.unwrap_or_default());
    store
}

fn unreadable(file: &Path, error: &pem::Error) -> TlsError {
    // What stands in a line that is no PEM is not told: it may be a key.
    let reason = match error {
        pem::Error::Io(error) => format!("cannot be read: {error}"),
        pem::Error::MissingSectionEnd { .. } => "an \"-----END …\" is missing".into(),
        pem::Error::IllegalSectionStart { .. } | pem::Error::Base64Decode(_) => "this is not PEM".into(),
        pem::Error::NoItemsFound | pem::Error::SectionTooLarge => error.to_string(),
        _ => "this is not PEM".into(),
    };
    TlsError::Unreadable { file: file.to_owned(), reason }
}

/// Chooses by the name the other end asks for (RFC 6066 §3); the first serves whoever asks for none of them.
#[derive(Debug)]
struct ByName(Vec<Arc<CertifiedKey>>);

fn by_name(pairs: &[Arc<CertifiedKey>]) -> Arc<ByName> {
    Arc::new(ByName(pairs.to_vec()))
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let bears = |pair: &&Arc<CertifiedKey>, name: &ServerName<'_>| {
            let parsed = pair.end_entity_cert().and_then(ParsedCertificate::try_from);
            parsed.is_ok_and(|certificate| verify_server_name(&certificate, name).is_ok())
        };
        let named = asked.and_then(|name| self.0.iter().find(|pair| bears(pair, &name)));
        named.or_else(|| self.0.first()).cloned()
    }
}
