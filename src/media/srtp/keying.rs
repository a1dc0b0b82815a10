//! Master keys and what is derived from them (RFC 3711 §4.3, RFC 7714 §11). Never prints one.

use aes::cipher::consts::U16;
use aes::cipher::{
    BlockCipherEncrypt, BlockSizeUser, InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper,
};
use aes::{Aes128, Aes256};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use std::fmt;

/// How packets are encrypted and proven, by the names of SDES.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Suite {
    /// AES-128 in GCM (RFC 7714): the strongest proof, and the cheapest on today's processors.
    AeadAes128Gcm,
    /// AES-256 in GCM (RFC 7714).
    AeadAes256Gcm,
    /// AES-128 in counter mode with ten bytes of HMAC-SHA1 (RFC 3711): what everybody has (RFC 4568 §6.2.1).
    AesCm128HmacSha1_80,
    /// The same with four bytes for RTP, ten for RTCP (RFC 4568 §6.2.2).
    AesCm128HmacSha1_32,
}

impl Suite {
    /// All suites, the most preferred first.
    pub const ALL: [Suite; 4] =
        [Self::AeadAes128Gcm, Self::AeadAes256Gcm, Self::AesCm128HmacSha1_80, Self::AesCm128HmacSha1_32];

    /// The name in `a=crypto` (RFC 4568 §6.2, RFC 7714 §14.1).
    pub fn name(self) -> &'static str {
        match self {
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// The suite of that name. Names are compared as they are written (RFC 4568 §9.2 leaves no other way).
    pub fn from_name(name: &str) -> Option<Suite> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// The bytes of the master key.
    pub fn key_bytes(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// The bytes of the master salt (RFC 3711 §8.2, RFC 7714 §12).
    pub fn salt_bytes(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 14,
        }
    }
}

/// A suite with its master key and salt, wherever they were agreed on. `Debug` hides them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Keying {
    suite: Suite,
    key: [u8; 32],
    salt: [u8; 14],
}

impl Keying {
    /// From master key and salt, one after the other as SDES writes them (RFC 4568 §6.1); `None` unless they have exactly
    /// the suite's lengths.
    pub fn new(suite: Suite, key_and_salt: &[u8]) -> Option<Keying> {
        let (key_part, salt_part) = key_and_salt.split_at_checked(suite.key_bytes())?;
        let (mut key, mut salt) = ([0; 32], [0; 14]);
        key.get_mut(..key_part.len())?.copy_from_slice(key_part);
        let fits = salt_part.len() == suite.salt_bytes();
        salt.get_mut(..salt_part.len())?.copy_from_slice(salt_part);
        fits.then_some(Keying { suite, key, salt })
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Master key and salt, one after the other: for `a=crypto`, never for showing them.
    pub fn expose(&self) -> impl Iterator<Item = u8> + '_ {
        let key = self.key.iter().take(self.suite.key_bytes());
        key.chain(self.salt.iter().take(self.suite.salt_bytes())).copied()
    }

    /// The session key of a purpose (RFC 3711 §4.3.1, with a derivation rate of 0). A salt of twelve bytes is followed by
    /// two of zero, so that its label stands where the others' does.
    pub(super) fn derive<const N: usize>(&self, label: Label) -> [u8; N] {
        let (mut iv, mut out) = ([0_u8; 16], [0; N]);
        iv[..14].copy_from_slice(&self.salt);
        iv[7] ^= label as u8;
        match self.suite.key_bytes() {
            32 => keystream(&Aes256::new(&self.key.into()), iv, &mut out),
            _ => {
                let mut key = [0; 16];
                key.copy_from_slice(&self.key[..16]);
                keystream(&Aes128::new(&key.into()), iv, &mut out);
            }
        }
        out
    }
}

impl fmt::Debug for Keying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keying").field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// What a session key is for (RFC 3711 §4.3.1, §4.3.2). The number is the RFC's.
#[derive(Clone, Copy)]
pub(super) enum Label {
    Encryption = 0,
    Proof = 1,
    Salt = 2,
    ControlEncryption = 3,
    ControlProof = 4,
    ControlSalt = 5,
}

/// Adds the keystream of counter mode to `data` (RFC 3711 §4.1.1).
pub(super) fn keystream<C>(cipher: &C, iv: [u8; 16], data: &mut [u8])
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    let core = CtrCore::<&C, Ctr128BE>::inner_iv_init(cipher, &iv.into());
    StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
}
