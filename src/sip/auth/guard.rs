//! The server's side of digest authentication: challenges, and whether an answer is right.
//!
//! A nonce carries its own expiry, proof, and whom it was sent to, so that a flood of requests costs no memory: only
//! answers that were right are remembered, against replay. An answer to it from anywhere else proves nothing, so whoever
//! answers receives what is sent to where he says he is. Never sees a password.

use super::params::quoted;
use super::{Algorithm, Counted, Hashes, Input, Params, response, same};
use crate::engine::time::Monotonic;
use crate::secret::Secret;
use crate::sip::source::Source;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;

/// Nonces whose use is remembered at once; beyond, the oldest are declared stale.
const REMEMBERED_MAX: usize = 16_384;

/// When it expires in microseconds, of whose clock 56 bits last for 2,000 years; its number; and two seals.
const NONCE_BYTES: usize = 7 + 5 + 8 + 6;

/// What became of a request's credentials.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Right: this account asks.
    Accepted {
        /// The account's name.
        username: String,
    },
    /// None for our realm, for a nonce that is not ours, or without the `qop` that we ask for: challenge.
    Missing,
    /// The nonce is used up though the password is right, or was sent to somebody else: challenge with `stale=true`
    /// (RFC 7616 §3.3).
    Stale,
    /// Wrong password or unknown user: one answer for both.
    Wrong,
}

/// Whether a request answers a challenge of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answers {
    /// To none.
    Nothing,
    /// To one that was sent to somebody else: he moved, or never got it.
    Elsewhere,
    /// To one that was sent where it comes from, rightly or wrongly.
    Ours,
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

    /// The values of `WWW-Authenticate`, preferred one first (RFC 8760 §2.4), for this source alone.
    pub fn challenges(&mut self, now: Monotonic, source: Source, stale: bool) -> Vec<String> {
        self.issued = self.issued.wrapping_add(1);
        let id = NonceId { expires_us: (now + self.lifetime).0, serial: self.issued };
        let nonce = self.nonce(id, source);
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
        source: Source,
        (method, request_uri): (&str, &str),
        authorization: impl Iterator<Item = &'h str>,
        account: impl Fn(&str) -> Option<&'a Hashes>,
    ) -> Verdict {
        let Some(params) = self.ours(authorization) else { return Verdict::Missing };
        match self.looked_at(&params, source) {
            (Answers::Nothing, _) => Verdict::Missing,
            (Answers::Elsewhere, _) => Verdict::Stale,
            (Answers::Ours, id) => {
                self.judge(now, id, method, request_uri, &params, account).unwrap_or(Verdict::Wrong)
            }
        }
    }

    /// Which challenge an `Authorization` answers.
    pub fn answers<'h>(&self, source: Source, authorization: impl Iterator<Item = &'h str>) -> Answers {
        self.ours(authorization).map_or(Answers::Nothing, |params| self.looked_at(&params, source).0)
    }

    fn looked_at(&self, params: &Params, source: Source) -> (Answers, NonceId) {
        let nothing = (Answers::Nothing, NonceId::default());
        if params.value("qop").is_none() {
            // A phone as old as RFC 2069: such an answer could be replayed, so it proves nothing, but it is no guess either.
            return nothing;
        }
        params.value("nonce").and_then(|nonce| self.proven(nonce, source)).unwrap_or(nothing)
    }

    fn ours<'h>(&self, authorization: impl Iterator<Item = &'h str>) -> Option<Params> {
        let mut digests = authorization.take(8).filter_map(Params::parse);
        digests.find(|params| params.value("realm") == Some(self.realm.as_str()))
    }

    /// `None`: a parameter is missing or senseless.
    fn judge<'a>(
        &mut self,
        now: Monotonic,
        id: NonceId,
        method: &str,
        request_uri: &str,
        params: &Params,
        account: impl Fn(&str) -> Option<&'a Hashes>,
    ) -> Option<Verdict> {
        let nonce = params.value("nonce")?;
        let algorithm = Algorithm::from_param(params.value("algorithm"))?;
        if !self.algorithms.contains(&algorithm) {
            // Who answers in a way we did not offer guesses, or would be let in unjudged for ever.
            return Some(Verdict::Wrong);
        }
        let (count, uri, username) = (params.value("nc")?, params.value("uri")?, params.value("username")?);
        let sound =
            params.value("qop")?.eq_ignore_ascii_case("auth") && count.len() == 8 && uri == request_uri;
        let number = u32::from_str_radix(count, 16).ok()?;
        let counted = Some(Counted { count, cnonce: params.value("cnonce")? });
        let input = Input { method, uri, nonce, counted };
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

    /// As few bytes as will do, for a challenge must not be much larger than what it answers.
    fn nonce(&self, id: NonceId, source: Source) -> String {
        let mut bytes = [0; NONCE_BYTES];
        bytes[..7].copy_from_slice(&id.expires_us.to_be_bytes()[1..]);
        bytes[7..12].copy_from_slice(&id.serial.to_be_bytes()[3..]);
        bytes[12..20].copy_from_slice(&self.seal::<8>(id, b"nonce"));
        bytes[20..].copy_from_slice(&self.seal::<6>(id, &source.bytes()));
        hex::encode(bytes)
    }

    /// The nonce's identity, if it is one of ours, and whether it was sent to this source.
    fn proven(&self, nonce: &str, source: Source) -> Option<(Answers, NonceId)> {
        let mut bytes = [0; NONCE_BYTES];
        hex::decode_to_slice(nonce, &mut bytes).ok()?;
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte))
        };
        let id = NonceId { expires_us: number(0..7), serial: number(7..12) };
        let is_here = same(&self.seal::<6>(id, &source.bytes()), &bytes[20..]);
        let answers = if is_here { Answers::Ours } else { Answers::Elsewhere };
        same(&self.seal::<8>(id, b"nonce"), &bytes[12..20]).then_some((answers, id))
    }

    /// A keyed hash over the nonce's identity and what is said of it, nested so that it can't be extended.
    fn seal<const BYTES: usize>(&self, id: NonceId, of: &[u8]) -> [u8; BYTES] {
        let inner = Sha256::new()
            .chain_update(self.key)
            .chain_update(id.expires_us.to_be_bytes())
            .chain_update(id.serial.to_be_bytes())
            .chain_update(of)
            .finalize();
        let outer = Sha256::new().chain_update(self.key).chain_update(inner).finalize();
        std::array::from_fn(|at| outer[at])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Answerer, Login};
    use super::*;
    use crate::secret::Secret;

    const URI: &str = "sip:holdfast";

    fn at(address: &str) -> Source {
        Source::of(address.parse().unwrap())
    }

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
            let challenges = self.guard.challenges(self.now, at("192.0.2.1"), false);
            let mut answerer = Answerer::new(Login {
                username: user.into(),
                realm: "holdfast".into(),
                password: Secret::new(password),
            });
            answerer.answer(challenges.iter().map(String::as_str), "REGISTER", URI, "0a4f113b").unwrap()
        }

        fn check(&mut self, method: &str, header: &str) -> Verdict {
            self.check_from("192.0.2.1", method, header)
        }

        fn check_from(&mut self, source: &str, method: &str, header: &str) -> Verdict {
            let account = |name: &str| (name == "anna").then_some(&self.anna);
            self.guard.check(self.now, at(source), (method, URI), [header].into_iter(), account)
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
    fn an_answer_from_elsewhere_is_neither_right_nor_wrong() {
        let mut bench = Bench::new();
        let (right, wrong) = (bench.answer("anna", "pw"), bench.answer("anna", "guess"));
        for header in [&right, &wrong] {
            assert_eq!(bench.check_from("192.0.2.2", "REGISTER", header), Verdict::Stale);
            let answers = bench.guard.answers(at("192.0.2.2"), [header.as_str()].into_iter());
            assert_eq!(answers, Answers::Elsewhere);
        }
        assert_eq!(bench.check("REGISTER", &right), Verdict::Accepted { username: "anna".into() });
    }

    #[test]
    fn an_answer_without_qop_is_challenged_anew_and_is_no_guess() {
        let mut bench = Bench::new();
        for password in ["pw", "guess"] {
            let header = bench.answer("anna", password).replace("qop=auth, ", "");
            assert!(!header.contains("qop"));
            assert_eq!(bench.check("REGISTER", &header), Verdict::Missing);
            let answers = bench.guard.answers(at("192.0.2.1"), [header.as_str()].into_iter());
            assert_eq!(answers, Answers::Nothing);
        }
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
        assert_eq!(bench.check("REGISTER", &header), Verdict::Wrong);
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
