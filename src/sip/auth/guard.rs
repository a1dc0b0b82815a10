//! The server's side of digest authentication: challenges, and whether an answer is right.
//!
//! A nonce carries its own expiry and proof, so that a flood of requests costs no memory: only
//! answers that were right are remembered, against replay. Never sees a password.

use super::params::quoted;
use super::{Algorithm, Hashes, Input, Params, response, same};
use crate::engine::time::Monotonic;
use crate::secret::Secret;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;

/// Nonces whose use is remembered at once; beyond, the oldest are declared stale.
const REMEMBERED_MAX: usize = 16_384;

/// What became of a request's credentials.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Right: this account asks.
    Accepted {
        /// The account's name.
        username: String,
    },
    /// None for our realm, or for a nonce that is not ours: challenge.
    Missing,
    /// Right password, but the nonce is used up: challenge with `stale=true` (RFC 7616 §3.3).
    Stale,
    /// Wrong password or unknown user: one answer for both.
    Wrong,
}

/// Challenges and checks.
pub struct Guard {
    realm: String,
    key: [u8; 32],
    lifetime: Duration,
    algorithms: Vec<Algorithm>,
    issued: u64,
    decoy: Hashes,
    used: BTreeMap<NonceId, Counts>,
    /// Nonces up to here were forgotten to make room; they count as stale.
    forgotten: NonceId,
}

/// Ordered by expiry, so that the map's first entry is the one to forget.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct NonceId {
    expires_us: u64,
    serial: u64,
}

/// Which nonce counts have been seen: the highest, and the 64 below it, since UDP reorders.
#[derive(Clone, Copy, Default)]
struct Counts {
    highest: u32,
    below: u64,
}

impl Counts {
    /// Whether this count is new; then it is remembered.
    fn admit(&mut self, count: u32) -> bool {
        if count > self.highest {
            let shift = count - self.highest;
            self.below = if shift >= 64 { 0 } else { (self.below << shift) | (1 << (shift - 1)) };
            self.highest = count;
            return true;
        }
        let age = self.highest - count;
        if age == 0 || age > 64 || self.below & (1 << (age - 1)) != 0 {
            return false;
        }
        self.below |= 1 << (age - 1);
        true
    }
}

impl Guard {
    /// `key` must be unguessable: nonces are as good as it is. Only answers by one of `algorithms` are accepted;
    /// they are offered in that order.
    pub fn new(
        realm: impl Into<String>,
        key: [u8; 32],
        lifetime: Duration,
        algorithms: Vec<Algorithm>,
    ) -> Self {
        let realm = realm.into();
        let decoy = Hashes::new("nobody", &realm, &Secret::new(hex::encode(key)));
        Self {
            realm,
            key,
            lifetime,
            algorithms,
            issued: 0,
            decoy,
            used: BTreeMap::new(),
            forgotten: NonceId::default(),
        }
    }

    /// The values of `WWW-Authenticate`, preferred one first (RFC 8760 §2.4).
    pub fn challenges(&mut self, now: Monotonic, stale: bool) -> Vec<String> {
        self.issued = self.issued.wrapping_add(1);
        let nonce = self.nonce(NonceId { expires_us: (now + self.lifetime).0, serial: self.issued });
        let challenge = |algorithm: &Algorithm| {
            let stale = if stale { ", stale=true" } else { "" };
            format!(
                "Digest realm={}, nonce=\"{nonce}\", algorithm={}, qop=\"auth\"{stale}",
                quoted(&self.realm),
                algorithm.as_str()
            )
        };
        self.algorithms.iter().map(challenge).collect()
    }

    /// Checks the `Authorization` headers of a request; `account` knows the accounts' hashes.
    pub fn check<'h, 'a>(
        &mut self,
        now: Monotonic,
        method: &str,
        request_uri: &str,
        authorization: impl Iterator<Item = &'h str>,
        account: impl Fn(&str) -> Option<&'a Hashes>,
    ) -> Verdict {
        match self.ours(authorization) {
            Some(params) => self.judge(now, method, request_uri, &params, account).unwrap_or(Verdict::Wrong),
            None => Verdict::Missing,
        }
    }

    /// Whether an `Authorization` answers a challenge of ours, rightly or wrongly. Without one, [`check`](Self::check)
    /// would say [`Verdict::Missing`].
    pub fn is_answered<'h>(&self, authorization: impl Iterator<Item = &'h str>) -> bool {
        self.ours(authorization)
            .is_some_and(|params| params.value("nonce").is_some_and(|nonce| self.proven(nonce).is_some()))
    }

    fn ours<'h>(&self, authorization: impl Iterator<Item = &'h str>) -> Option<Params> {
        let mut digests = authorization.take(8).filter_map(Params::parse);
        digests.find(|params| params.value("realm") == Some(self.realm.as_str()))
    }

    /// `None`: a parameter is missing or senseless.
    fn judge<'a>(
        &mut self,
        now: Monotonic,
        method: &str,
        request_uri: &str,
        params: &Params,
        account: impl Fn(&str) -> Option<&'a Hashes>,
    ) -> Option<Verdict> {
        let nonce = params.value("nonce")?;
        let Some(id) = self.proven(nonce) else { return Some(Verdict::Missing) };
        let algorithm = Algorithm::from_param(params.value("algorithm"))?;
        if !self.algorithms.contains(&algorithm) {
            return Some(Verdict::Missing);
        }
        let (count, uri, username) = (params.value("nc")?, params.value("uri")?, params.value("username")?);
        let sound =
            params.value("qop")?.eq_ignore_ascii_case("auth") && count.len() == 8 && uri == request_uri;
        let number = u32::from_str_radix(count, 16).ok()?;
        let input = Input { method, uri, nonce, count, cnonce: params.value("cnonce")? };
        // An unknown user costs the same work as a known one, and gets the same answer.
        let known = account(username);
        let expected = response(algorithm, known.unwrap_or(&self.decoy).of(algorithm), &input);
        let right = same(expected.as_bytes(), params.value("response")?.to_ascii_lowercase().as_bytes());
        if !(right && sound && known.is_some()) {
            return Some(Verdict::Wrong);
        }
        if id.expires_us <= now.0 || id <= self.forgotten || !self.first_use(now, id, number) {
            return Some(Verdict::Stale);
        }
        Some(Verdict::Accepted { username: username.to_owned() })
    }

    fn first_use(&mut self, now: Monotonic, id: NonceId, count: u32) -> bool {
        while let Some((&oldest, _)) = self.used.first_key_value() {
            let full = self.used.len() >= REMEMBERED_MAX && !self.used.contains_key(&id);
            if oldest.expires_us > now.0 && !full {
                break;
            }
            self.forgotten = self.forgotten.max(oldest);
            self.used.remove(&oldest);
        }
        id > self.forgotten && self.used.entry(id).or_default().admit(count)
    }

    fn nonce(&self, id: NonceId) -> String {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&id.expires_us.to_be_bytes());
        bytes[8..16].copy_from_slice(&id.serial.to_be_bytes());
        bytes[16..].copy_from_slice(&self.proof(id));
        hex::encode(bytes)
    }

    /// The nonce's identity, if it is one of ours.
    fn proven(&self, nonce: &str) -> Option<NonceId> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(nonce, &mut bytes).ok()?;
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte))
        };
        let id = NonceId { expires_us: number(0..8), serial: number(8..16) };
        same(&self.proof(id), &bytes[16..]).then_some(id)
    }

    /// A keyed hash over the nonce's identity, nested so that it can't be extended.
    fn proof(&self, id: NonceId) -> [u8; 16] {
        let inner = Sha256::new()
            .chain_update(self.key)
            .chain_update(id.expires_us.to_be_bytes())
            .chain_update(id.serial.to_be_bytes())
            .finalize();
        let outer = Sha256::new().chain_update(self.key).chain_update(inner).finalize();
        let mut proof = [0; 16];
        proof.copy_from_slice(&outer[..16]);
        proof
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Answerer, Login};
    use super::*;
    use crate::secret::Secret;

    const URI: &str = "sip:holdfast";

    struct Bench {
        guard: Guard,
        anna: Hashes,
        now: Monotonic,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                guard: Guard::new(
                    "holdfast",
                    [7; 32],
                    Duration::from_secs(60),
                    vec![Algorithm::Sha256, Algorithm::Md5],
                ),
                anna: Hashes::new("anna", "holdfast", &Secret::new("pw")),
                now: Monotonic(1_000_000),
            }
        }

        fn answer(&mut self, user: &str, password: &str) -> String {
            let challenges = self.guard.challenges(self.now, false);
            let mut answerer = Answerer::new(Login {
                username: user.into(),
                realm: "holdfast".into(),
                password: Secret::new(password),
            });
            answerer.answer(challenges.iter().map(String::as_str), "REGISTER", URI, "0a4f113b").unwrap()
        }

        fn check(&mut self, method: &str, header: &str) -> Verdict {
            let anna = &self.anna;
            self.guard
                .check(self.now, method, URI, [header].into_iter(), |name| (name == "anna").then_some(anna))
        }
    }

    #[test]
    fn the_right_answer_is_accepted_once_and_its_replay_is_stale() {
        let mut bench = Bench::new();
        let header = bench.answer("anna", "pw");
        assert_eq!(bench.check("REGISTER", &header), Verdict::Accepted { username: "anna".into() });
        assert_eq!(bench.check("REGISTER", &header), Verdict::Stale);
    }

    #[test]
    fn unknown_user_and_wrong_password_get_the_same_answer() {
        let mut bench = Bench::new();
        let (wrong, unknown) = (bench.answer("anna", "guess"), bench.answer("zoe", "pw"));
        assert_eq!(bench.check("REGISTER", &wrong), Verdict::Wrong);
        assert_eq!(bench.check("REGISTER", &unknown), Verdict::Wrong);
    }

    #[test]
    fn an_answer_for_one_method_does_not_open_another() {
        let mut bench = Bench::new();
        let header = bench.answer("anna", "pw");
        assert_eq!(bench.check("INVITE", &header), Verdict::Wrong);
    }

    #[test]
    fn an_expired_nonce_is_stale_and_a_foreign_one_is_challenged() {
        let mut bench = Bench::new();
        let header = bench.answer("anna", "pw");
        bench.now = bench.now + Duration::from_secs(60);
        assert_eq!(bench.check("REGISTER", &header), Verdict::Stale);
        let foreign = header.replacen("nonce=\"0", "nonce=\"f", 1);
        assert_eq!(bench.check("REGISTER", &foreign), Verdict::Missing);
        assert_eq!(bench.check("REGISTER", "Digest realm=\"elsewhere\""), Verdict::Missing);
    }

    #[test]
    fn a_hash_that_was_not_offered_is_not_accepted() {
        let mut bench = Bench::new();
        let header = bench.answer("anna", "pw");
        bench.guard.algorithms = vec![Algorithm::Md5];
        assert!(header.contains("SHA-256"));
        assert_eq!(bench.check("REGISTER", &header), Verdict::Missing);
    }

    #[test]
    fn counts_may_overtake_each_other_but_not_repeat() {
        let mut counts = Counts::default();
        assert!(counts.admit(2) && counts.admit(1) && counts.admit(100));
        assert!(!counts.admit(2) && !counts.admit(100) && !counts.admit(0));
        assert!(counts.admit(99) && !counts.admit(99));
    }

    #[test]
    fn a_flood_of_right_answers_keeps_memory_bounded_and_old_nonces_dead() {
        let mut guard = Guard::new("holdfast", [1; 32], Duration::from_secs(60), vec![Algorithm::Md5]);
        let now = Monotonic(5);
        for serial in 1..=(REMEMBERED_MAX as u64 + 10) {
            assert!(guard.first_use(now, NonceId { expires_us: 1_000, serial }, 1));
        }
        assert_eq!(guard.used.len(), REMEMBERED_MAX);
        assert!(!guard.first_use(now, NonceId { expires_us: 1_000, serial: 1 }, 2));
    }
}
