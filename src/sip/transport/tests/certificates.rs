//! An authority for the tests of TLS, and the certificates it signs, as files in a folder of their own.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use std::path::PathBuf;

/// An authority. Its folder is gone with it.
pub struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "The tests' authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        std::fs::write(folder.path().join("authority.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { folder, issuer: Issuer::new(params, key) }
    }

    /// The file of its own certificate.
    pub fn file(&self) -> PathBuf {
        self.path("authority.pem")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signs a certificate with these names or addresses: the files of it and of its key.
    pub fn issue(&self, name: &str, bears: &[&str]) -> (PathBuf, PathBuf) {
        self.issue_until(name, bears, 2100)
    }

    /// The same, of a certificate that ends with this year.
    pub fn issue_until(&self, name: &str, bears: &[&str], year: i32) -> (PathBuf, PathBuf) {
        let bears: Vec<String> = bears.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(bears).unwrap();
        // Not its authority's own name: OpenSSL would take it for signed by itself.
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 12, 31);
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        let (certificate, private) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        std::fs::write(&certificate, pem).unwrap();
        std::fs::write(&private, key.serialize_pem()).unwrap();
        (certificate, private)
    }
}
