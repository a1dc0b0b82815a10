//! SDES: keys in the session description (RFC 4568). Reads `a=crypto` lines, makes our own keys, keeps none.

use crate::media::srtp::{Keying, Suite};
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;

/// The most `a=crypto` lines of one media that are looked at. Phones send two to eight.
const LINES_MAX: usize = 16;
/// The longest lifetime of a key, in packets (RFC 3711 §9.2).
const LIFETIME_MAX: u64 = 1 << 48;
/// Some phones leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether a leg's media is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Policy {
    /// Never: what offers nothing but SRTP is refused.
    Off,
    /// When the far side offers it; we ourselves offer plain RTP.
    #[default]
    Optional,
    /// Always: what does not offer it is refused, and we offer nothing else.
    Required,
}

impl Policy {
    /// All policies, with their names in the configuration.
    pub const TABLE: [(&'static str, Policy); 3] =
        [("off", Self::Off), ("optional", Self::Optional), ("required", Self::Required)];
}

/// What a leg's own keys are made of: 32 random bytes, another 32 for each leg. Never shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeySource([u8; 32]);

impl KeySource {
    /// From bytes nobody can guess.
    pub fn new(random: [u8; 32]) -> KeySource {
        KeySource(random)
    }

    /// The leg's key for a suite in one version of its description. Another version has another key, so that a key
    /// that was put aside never comes back with its packet numbers begun anew.
    pub(super) fn keying(&self, suite: Suite, version: u64) -> Option<Keying> {
        let mut bytes = [0; 64];
        for (block, part) in bytes.chunks_exact_mut(32).enumerate() {
            let text = Hmac::<Sha256>::new_from_slice(&self.0).ok()?.chain_update(suite.name());
            let made = text.chain_update(version.to_be_bytes()).chain_update([block as u8]).finalize();
            part.copy_from_slice(&made.into_bytes());
        }
        Keying::new(suite, bytes.get(..suite.key_bytes() + suite.salt_bytes())?)
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// One `a=crypto` line that we can take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Crypto {
    /// Names the line in the answer (RFC 4568 §9.1).
    pub(super) tag: u32,
    pub(super) keying: Keying,
}

impl Crypto {
    /// The lines we can take, in their order, which is the far side's preference (RFC 4568 §6.1).
    pub(super) fn all<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Crypto> {
        lines.take(LINES_MAX).filter_map(Self::read).collect()
    }

    /// `1 AES_CM_128_HMAC_SHA1_80 inline:…|2^20 WSH=64` (RFC 4568 §9.2). `None` for whatever we do not support: such a
    /// line is passed over (§5.1.2). A master key identifier is one (§6.1), for we have but one key at a time.
    fn read(value: &str) -> Option<Crypto> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next().filter(|tag| tag.len() <= 9 && tag.bytes().all(|c| c.is_ascii_digit()))?;
        let suite = Suite::from_name(words.next()?)?;
        let keying = key(suite, words.next()?)?;
        words.all(is_harmless).then_some(Crypto { tag: tag.parse().ok()?, keying })
    }

    /// As it stands in our description. The key is in it: it goes to the far side and nowhere else.
    pub(super) fn write(&self) -> String {
        let key: Vec<u8> = self.keying.expose().collect();
        let engine = base64::engine::general_purpose::STANDARD;
        format!("{} {} inline:{}", self.tag, self.keying.suite().name(), engine.encode(key))
    }
}

/// `inline:` with key and salt, and maybe a lifetime (RFC 4568 §6.1). Several keys would need identifiers.
fn key(suite: Suite, parameters: &str) -> Option<Keying> {
    let (method, info) = parameters.split_once(':')?;
    let (key, rest) = info.split_once('|').map_or((info, None), |(key, rest)| (key, Some(rest)));
    let fits = method.eq_ignore_ascii_case("inline") && rest.is_none_or(is_lifetime);
    let bytes = BASE64.decode(key).ok().filter(|_| fits)?;
    Keying::new(suite, &bytes)
}

/// `2^48`, or the number written out.
fn is_lifetime(text: &str) -> bool {
    let packets = match text.split_once('^') {
        Some(("2", power)) => power.parse().ok().and_then(|power| 1_u64.checked_shl(power)),
        Some(_) => None,
        None => text.parse().ok(),
    };
    packets.is_some_and(|packets: u64| (1..=LIFETIME_MAX).contains(&packets))
}

/// A session parameter that changes nothing for us (RFC 4568 §6.3.6, §6.3.7): a hint on the window's size, and whatever
/// may be ignored by its own word. All others must be understood, and we agree to none of them: no key derivation rate,
/// nothing unencrypted, nothing unauthenticated.
fn is_harmless(parameter: &str) -> bool {
    match parameter.strip_prefix("WSH=") {
        Some(size) => size.parse::<u64>().is_ok_and(|size| size >= 64),
        None => parameter.starts_with('-'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn reads(line: &str) -> bool {
        Crypto::read(line).is_some()
    }

    #[test]
    fn the_example_of_rfc_4568_is_read_and_written() {
        let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}");
        let crypto = Crypto::read(&format!("{line}|2^20")).unwrap();
        assert_eq!((crypto.tag, crypto.keying.suite()), (1, Suite::AesCm128HmacSha1_80));
        assert_eq!(crypto.write(), line);
    }

    #[test]
    fn lines_we_do_not_support_are_passed_over() {
        let with = |rest: &str| reads(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}{rest}"));
        assert!(with("") && with("|2^48") && with("|1048576") && with(" WSH=128") && with(" -ext=1"));
        for rest in [
            "|1:4",
            "|2^20|1:4",
            "|2^49",
            "|0",
            "|x",
            "|3^4",
            ";inline:AAAA",
            "AAAA",
            " KDR=1",
            " WSH=63",
            " UNENCRYPTED_SRTP",
            " UNENCRYPTED_SRTCP",
            " UNAUTHENTICATED_SRTP",
            " FEC_ORDER=FEC_SRTP",
            " ext=1",
        ] {
            assert!(!with(rest), "{rest}");
        }
        for line in [
            "",
            "1",
            "1 AES_CM_128_HMAC_SHA1_80",
            "x AES_CM_128_HMAC_SHA1_80 inline:AAAA",
            "1 F8_128_HMAC_SHA1_80 inline:AAAA",
            "1 AES_CM_128_HMAC_SHA1_80 inline:!!!!",
            "1 AES_CM_128_HMAC_SHA1_80 uri:https://x",
            "1234567890 AES_CM_128_HMAC_SHA1_80 inline:AAAA",
        ] {
            assert!(!reads(line), "{line}");
        }
    }

    #[test]
    fn padding_may_be_left_out() {
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw";
        assert!(reads(&format!("1 AEAD_AES_128_GCM inline:{key}")));
        assert!(reads(&format!("1 AEAD_AES_128_GCM inline:{key}==")));
        assert!(!reads(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key}==")), "too short for this one");
    }

    #[test]
    fn every_suite_and_version_has_a_key_of_its_own() {
        let source = KeySource::new([7; 32]);
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for suite in Suite::ALL {
            for version in 0..3 {
                let keying = source.keying(suite, version).unwrap();
                assert_eq!(source.keying(suite, version), Some(keying));
                keys.push(keying.expose().take(16).collect());
            }
        }
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 12);
        assert_eq!(format!("{source:?}"), "[redacted]");
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "[0-9]{0,11} (AES_CM_128_HMAC_SHA1_(80|32)|AEAD_AES_(128|256)_GCM|.{0,9}) inline:[A-Za-z0-9+/=]{0,64}(\\|.{0,12})?( .{0,20})?") {
            let _ = Crypto::read(&line);
        }

        #[test]
        fn no_text_makes_it_panic(line in ".{0,80}") {
            prop_assert!(Crypto::read(&line).is_none());
        }
    }
}
