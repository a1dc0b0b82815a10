//! The phone's answer to a digest challenge (RFC 2617, 7616, 8760). Written apart from the engine's, so that one checks the other.

use crate::secret::Secret;
use crate::sip::auth::Params;
use crate::sip::params::quote;
use md5::Md5;
use sha2::{Digest, Sha256};

/// What is asked for, in whose name.
pub(super) struct Question<'a> {
    pub account: &'a str,
    pub password: &'a Secret,
    pub method: &'a str,
    pub uri: &'a str,
    pub cnonce: &'a str,
}

/// The credentials that answer the strongest challenge we understand; `None`: there is none.
pub(super) fn credentials<'h>(
    challenges: impl Iterator<Item = &'h str>,
    question: &Question<'_>,
) -> Option<String> {
    let known =
        challenges.take(8).filter_map(Params::parse).filter_map(|params| Some((hash(&params)?, params)));
    // RFC 8760 §2.4: of several the strongest.
    let (hash, params) = known.max_by_key(|(hash, _)| hash.name == "SHA-256")?;
    let (realm, nonce) = (params.value("realm")?, params.value("nonce")?);
    let ha1 = (hash.run)(&[question.account, realm, question.password.expose()]);
    let ha2 = (hash.run)(&[question.method, question.uri]);
    let with_qop = params.value("qop").is_some_and(|qop| qop.split(',').any(|one| one.trim() == "auth"));
    let response = if with_qop {
        (hash.run)(&[&ha1, nonce, "00000001", question.cnonce, "auth", &ha2])
    } else {
        // RFC 2069, as RFC 2617 §3.2.2.1 keeps it for servers without qop.
        (hash.run)(&[&ha1, nonce, &ha2])
    };
    let mut value = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", algorithm={}",
        quote(question.account),
        quote(realm),
        quote(nonce),
        quote(question.uri),
        hash.name
    );
    if with_qop {
        value.push_str(&format!(", qop=auth, nc=00000001, cnonce={}", quote(question.cnonce)));
    }
    if let Some(opaque) = params.value("opaque") {
        value.push_str(&format!(", opaque={}", quote(opaque)));
    }
    Some(value)
}

struct Hash {
    name: &'static str,
    run: fn(&[&str]) -> String,
}

fn hash(params: &Params) -> Option<Hash> {
    match params.value("algorithm").map(str::to_ascii_uppercase).as_deref() {
        None | Some("MD5") => {
            Some(Hash { name: "MD5", run: |parts| hex::encode(Md5::digest(parts.join(":"))) })
        }
        Some("SHA-256") => {
            Some(Hash { name: "SHA-256", run: |parts| hex::encode(Sha256::digest(parts.join(":"))) })
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(challenge: &str) -> Option<String> {
        let password = Secret::new("Circle of Life");
        let question = Question {
            account: "Mufasa",
            password: &password,
            method: "GET",
            uri: "/dir/index.html",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        };
        credentials([challenge].into_iter(), &question)
    }

    #[test]
    fn the_example_of_rfc_7616_comes_out() {
        let head = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
                    nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", algorithm=";
        let md5 = answer(&format!("{head}MD5")).unwrap();
        assert!(md5.contains("response=\"8ca523f5e9506fed4657c9700eebdbec\""), "{md5}");
        let sha = answer(&format!("{head}SHA-256")).unwrap();
        assert!(sha.contains("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"), "{sha}");
    }

    #[test]
    fn a_hash_we_do_not_know_is_not_answered() {
        assert_eq!(answer("Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256"), None);
        assert_eq!(answer("Basic realm=\"r\""), None);
    }
}
