//! Digest authentication (RFC 7616, 2617, 8760): the hashes both sides compute. Keeps no state.
//!
//! [`Guard`] is the server's side, [`Answerer`] the client's.

mod client;
mod guard;
mod params;

pub use client::{Answerer, ChallengeError, Login};
pub use guard::{Answers, Guard, Verdict};
pub use params::Params;

use crate::secret::Secret;
use md5::Md5;
use sha2::{Digest, Sha256};
use std::fmt;

/// The hash functions we speak, in our order of preference (RFC 8760 §2.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// RFC 8760.
    Sha256,
    /// RFC 2617: what most desk phones still know alone.
    Md5,
}

impl Algorithm {
    /// The token of the `algorithm` parameter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }

    /// The algorithm a parameter names; a missing one means MD5 (RFC 7616 §3.3).
    pub fn from_param(value: Option<&str>) -> Option<Self> {
        match value {
            None => Some(Self::Md5),
            Some(name) if name.eq_ignore_ascii_case("MD5") => Some(Self::Md5),
            Some(name) if name.eq_ignore_ascii_case("SHA-256") => Some(Self::Sha256),
            Some(_) => None,
        }
    }

    fn hash(self, parts: &[&str]) -> String {
        match self {
            Self::Sha256 => hash_joined::<Sha256>(parts),
            Self::Md5 => hash_joined::<Md5>(parts),
        }
    }
}

fn hash_joined<D: Digest>(parts: &[&str]) -> String {
    let mut digest = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            digest.update(b":");
        }
        digest.update(part.as_bytes());
    }
    digest.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        text.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        text.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
        text
    })
}

/// `HA1` of one account under both algorithms: all the server keeps of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Hashes {
    md5: String,
    sha256: String,
}

impl Hashes {
    /// Hashes user, realm and password (RFC 7616 §3.4.2).
    pub fn new(user: &str, realm: &str, password: &Secret) -> Self {
        let parts = [user, realm, password.expose()];
        Self { md5: Algorithm::Md5.hash(&parts), sha256: Algorithm::Sha256.hash(&parts) }
    }

    fn of(&self, algorithm: Algorithm) -> &str {
        match algorithm {
            Algorithm::Sha256 => &self.sha256,
            Algorithm::Md5 => &self.md5,
        }
    }
}

impl fmt::Debug for Hashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashes(…)")
    }
}

/// What enters a digest besides the account's hash.
struct Input<'a> {
    method: &'a str,
    uri: &'a str,
    nonce: &'a str,
    /// What `qop=auth` adds; `None`: a challenge without `qop`, as RFC 2069 knew it.
    counted: Option<Counted<'a>>,
}

/// How often the nonce was used, and our own part against chosen ones.
struct Counted<'a> {
    count: &'a str,
    cnonce: &'a str,
}

/// The `response` parameter (RFC 7616 §3.4.1; without `qop` RFC 2617 §3.2.2.1).
fn response(algorithm: Algorithm, ha1: &str, input: &Input<'_>) -> String {
    let ha2 = algorithm.hash(&[input.method, input.uri]);
    match &input.counted {
        Some(Counted { count, cnonce }) => algorithm.hash(&[ha1, input.nonce, count, cnonce, "auth", &ha2]),
        None => algorithm.hash(&[ha1, input.nonce, &ha2]),
    }
}

/// Compares without telling by its duration where the first difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616 §3.9.1, for both algorithms.
    #[test]
    fn the_example_of_rfc_7616_comes_out() {
        let hashes = Hashes::new("Mufasa", "http-auth@example.org", &Secret::new("Circle of Life"));
        let input = Input {
            method: "GET",
            uri: "/dir/index.html",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            counted: Some(Counted {
                count: "00000001",
                cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            }),
        };
        let compute = |algorithm| response(algorithm, hashes.of(algorithm), &input);
        assert_eq!(compute(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            compute(Algorithm::Sha256),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    /// The example of RFC 2069 §2.4, with the value that erratum 749 puts right.
    #[test]
    fn the_example_of_rfc_2069_comes_out_where_there_is_no_qop() {
        let hashes = Hashes::new("Mufasa", "testrealm@host.com", &Secret::new("CircleOfLife"));
        let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let input = Input { method: "GET", uri: "/dir/index.html", nonce, counted: None };
        let computed = response(Algorithm::Md5, hashes.of(Algorithm::Md5), &input);
        assert_eq!(computed, "1949323746fe6a43ef61f9606e7febea");
    }

    #[test]
    fn neither_password_nor_hash_is_ever_printed() {
        let secret = Secret::new("canary");
        let hashes = Hashes::new("anna", "holdfast", &secret);
        let printed = format!("{secret:?} {hashes:?}");
        assert!(!printed.contains("canary") && !printed.contains(hashes.of(Algorithm::Md5)), "{printed}");
    }
}
