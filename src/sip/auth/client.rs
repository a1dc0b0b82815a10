//! The client's side of digest authentication: answers a challenge, but only its own realm's,
//! and at most twice: a server can neither harvest digests nor make us loop.

use super::params::quoted;
use super::{Algorithm, Counted, Hashes, Input, Params, response};
use crate::secret::Secret;

/// Answers before we give up: one, and one more for a stale nonce.
const ATTEMPTS_MAX: u8 = 2;
/// Each nonce is answered once.
const FIRST: &str = "00000001";

/// An account of ours at somebody else's server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// The account.
    pub username: String,
    /// The only realm whose challenges are answered.
    pub realm: String,
    /// The password.
    pub password: Secret,
}

/// Why a challenge is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChallengeError {
    /// No challenge is for our realm with a hash we know, and `qop=auth` or none.
    #[error("no challenge for the configured realm in a form we know")]
    NotOurs,
    /// Answered before: the password is wrong, or the server plays with us.
    #[error("the answer was refused")]
    Refused,
}

/// Answers the challenges to one request (and its repetitions).
#[derive(Clone, Debug)]
pub struct Answerer {
    login: Login,
    attempts: u8,
    answered: Option<String>,
}

impl Answerer {
    /// Nothing answered yet.
    pub fn new(login: Login) -> Self {
        Self { login, attempts: 0, answered: None }
    }

    /// The value for `Authorization` (or `Proxy-Authorization`).
    ///
    /// # Errors
    /// When no challenge is ours, or we answered often enough.
    pub fn answer<'h>(
        &mut self,
        challenges: impl Iterator<Item = &'h str>,
        method: &str,
        uri: &str,
        cnonce: &str,
    ) -> Result<String, ChallengeError> {
        let Chosen { algorithm, has_qop, params } = self.choose(challenges).ok_or(ChallengeError::NotOurs)?;
        let nonce = params.value("nonce").ok_or(ChallengeError::NotOurs)?;
        let stale = params.value("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"));
        let again = self.answered.as_deref().is_some_and(|before| before == nonce || !stale);
        if self.attempts >= ATTEMPTS_MAX || again {
            return Err(ChallengeError::Refused);
        }
        self.attempts += 1;
        self.answered = Some(nonce.to_owned());
        let hashes = Hashes::new(&self.login.username, &self.login.realm, &self.login.password);
        let counted = has_qop.then_some(Counted { count: FIRST, cnonce });
        let input = Input { method, uri, nonce, counted };
        let mut value = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{}\", algorithm={}",
            quoted(&self.login.username),
            quoted(&self.login.realm),
            quoted(nonce),
            quoted(uri),
            response(algorithm, hashes.of(algorithm), &input),
            algorithm.as_str(),
        );
        if has_qop {
            // Neither may be said to a server that names no qop (RFC 2617 §3.2.2).
            value.push_str(&format!(", cnonce={}, qop=auth, nc={FIRST}", quoted(cnonce)));
        }
        if let Some(opaque) = params.value("opaque") {
            value.push_str(", opaque=");
            value.push_str(&quoted(opaque));
        }
        Ok(value)
    }

    /// The strongest challenge of our realm; of two as strong, the first. One without `qop` is as good to us (RFC 3261
    /// §22.4, RFC 8760 §2.6: a server may leave it out, as Kamailio does), if there is none with it.
    fn choose<'h>(&self, challenges: impl Iterator<Item = &'h str>) -> Option<Chosen> {
        let does_auth = |qop: &str| qop.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth"));
        let usable = challenges.take(8).filter_map(Params::parse).filter_map(|params| {
            let algorithm = Algorithm::from_param(params.value("algorithm"))?;
            let (realm, qop) = (params.value("realm"), params.value("qop"));
            let fits = realm == Some(self.login.realm.as_str()) && qop.is_none_or(does_auth);
            let has_qop = qop.is_some();
            fits.then_some(Chosen { algorithm, has_qop, params })
        });
        usable.reduce(|best, next| if next.strength() > best.strength() { next } else { best })
    }
}

/// A challenge that is answered.
struct Chosen {
    algorithm: Algorithm,
    has_qop: bool,
    params: Params,
}

impl Chosen {
    fn strength(&self) -> (bool, bool) {
        (self.algorithm == Algorithm::Sha256, self.has_qop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answerer() -> Answerer {
        let password = Secret::new("pw");
        Answerer::new(Login { username: "anna".into(), realm: "holdfast".into(), password })
    }

    fn challenge(nonce: &str, more: &str) -> String {
        format!("Digest realm=\"holdfast\", nonce=\"{nonce}\", qop=\"auth\"{more}")
    }

    #[test]
    fn a_foreign_realm_gets_no_digest() {
        let header = "Digest realm=\"evil\", nonce=\"1\", qop=\"auth\"";
        let got = answerer().answer([header].into_iter(), "INVITE", "sip:x", "c");
        assert_eq!(got, Err(ChallengeError::NotOurs));
    }

    #[test]
    fn a_refused_answer_is_not_repeated_but_a_stale_nonce_is_answered_once_more() {
        let mut answerer = answerer();
        let mut answer =
            |header: String| answerer.answer([header.as_str()].into_iter(), "INVITE", "sip:x", "c");
        assert!(answer(challenge("1", "")).is_ok());
        assert_eq!(answer(challenge("2", "")), Err(ChallengeError::Refused));
        assert!(answer(challenge("3", ", stale=true")).is_ok());
        assert_eq!(answer(challenge("4", ", stale=true")), Err(ChallengeError::Refused));
    }

    #[test]
    fn a_challenge_without_qop_is_answered_without_what_belongs_to_it() {
        let plain = "Digest realm=\"holdfast\", nonce=\"1\"";
        let value = answerer().answer([plain].into_iter(), "INVITE", "sip:x", "c").unwrap();
        assert!(value.contains("response=\"") && value.contains("algorithm=MD5"), "{value}");
        for word in ["qop", "cnonce", "nc="] {
            assert!(!value.contains(word), "{value}");
        }
        let both = [plain.to_owned(), challenge("2", "")];
        let value = answerer().answer(both.iter().map(String::as_str), "INVITE", "sip:x", "c").unwrap();
        assert!(value.contains("nonce=\"2\"") && value.contains("qop=auth"), "{value}");
        let integrity = "Digest realm=\"holdfast\", nonce=\"1\", qop=\"auth-int\"";
        let got = answerer().answer([integrity].into_iter(), "INVITE", "sip:x", "c");
        assert_eq!(got, Err(ChallengeError::NotOurs));
    }

    #[test]
    fn the_stronger_hash_is_chosen_whatever_the_order() {
        let headers = [challenge("1", ", algorithm=MD5"), challenge("1", ", algorithm=SHA-256")];
        let value = answerer().answer(headers.iter().map(String::as_str), "INVITE", "sip:x", "c").unwrap();
        assert!(value.contains("algorithm=SHA-256"), "{value}");
    }
}
