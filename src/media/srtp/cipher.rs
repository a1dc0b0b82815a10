//! One direction's cipher with its session keys: seals and opens packets in place. It knows no replay and no state.

use super::keying::{Keying, Label, Suite, keystream};
use super::{CONTROL_HEADER, INDEX_BYTES};
use crate::media::counters::DropCause;
use aes::Aes128;
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The bytes of AES-GCM's tag (RFC 7714 §13).
const GCM_TAG: usize = 16;
/// The bytes of SRTCP's tag with HMAC-SHA1 (RFC 3711 §5.2).
const CONTROL_TAG: usize = 10;

/// Session keys, ready for use.
pub(super) enum Cipher {
    Counter { aes: Aes128, salt: [u8; 14], proof: Hmac<Sha1>, tag: usize },
    Gcm128 { aead: Aes128Gcm, salt: [u8; 12] },
    Gcm256 { aead: Aes256Gcm, salt: [u8; 12] },
}

impl Cipher {
    /// For RTP.
    pub(super) fn for_packets(keying: &Keying) -> Cipher {
        Self::new(
            keying,
            [Label::Encryption, Label::Proof, Label::Salt],
            match keying.suite() {
                Suite::AesCm128HmacSha1_32 => 4,
                Suite::AesCm128HmacSha1_80 | Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => CONTROL_TAG,
            },
        )
    }

    /// For RTCP.
    pub(super) fn for_control(keying: &Keying) -> Cipher {
        Self::new(keying, [Label::ControlEncryption, Label::ControlProof, Label::ControlSalt], CONTROL_TAG)
    }

    fn new(keying: &Keying, [encryption, proof, salt]: [Label; 3], tag: usize) -> Cipher {
        match keying.suite() {
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => {
                let (key, proof) = (keying.derive::<16>(encryption), keying.derive::<20>(proof));
                Self::counter(key, proof, keying.derive(salt), tag)
            }
            Suite::AeadAes128Gcm => Self::gcm128(keying.derive(encryption), keying.derive(salt)),
            Suite::AeadAes256Gcm => Self::gcm256(keying.derive(encryption), keying.derive(salt)),
        }
    }

    pub(super) fn counter(key: [u8; 16], proof: [u8; 20], salt: [u8; 14], tag: usize) -> Cipher {
        // HMAC's key may have any length; one padded to the block is the same key (RFC 2104 §2).
        let mut block = [0; 64];
        block[..20].copy_from_slice(&proof);
        Self::Counter { aes: Aes128::new(&key.into()), salt, proof: Hmac::new(&block.into()), tag }
    }

    pub(super) fn gcm128(key: [u8; 16], salt: [u8; 12]) -> Cipher {
        Self::Gcm128 { aead: Aes128Gcm::new(&key.into()), salt }
    }

    pub(super) fn gcm256(key: [u8; 32], salt: [u8; 12]) -> Cipher {
        Self::Gcm256 { aead: Aes256Gcm::new(&key.into()), salt }
    }

    fn tag_bytes(&self) -> usize {
        match self {
            Self::Counter { tag, .. } => *tag,
            Self::Gcm128 { .. } | Self::Gcm256 { .. } => GCM_TAG,
        }
    }

    /// Encrypts and tags an RTP packet; `None` when the buffer has no room.
    pub(super) fn seal_packet(
        &self,
        packet: &mut [u8],
        header: usize,
        length: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<usize> {
        let end = length + self.tag_bytes();
        let (plain, tag) = packet.get_mut(..end)?.split_at_mut_checked(length)?;
        let (header, body) = plain.split_at_mut_checked(header)?;
        match self {
            Self::Counter { aes, salt, proof, .. } => {
                keystream(aes, counter_iv(salt, ssrc, index), body);
                let rollovers = rollovers(index);
                let proof = proof.clone().chain_update(header).chain_update(body).chain_update(rollovers);
                tag.copy_from_slice(proof.finalize().into_bytes().get(..tag.len())?);
            }
            Self::Gcm128 { aead, salt } => {
                let nonce = packet_nonce(salt, ssrc, index);
                let seal = aead.encrypt_inout_detached(&nonce.into(), header, body.into());
                tag.copy_from_slice(&seal.ok()?);
            }
            Self::Gcm256 { aead, salt } => {
                let nonce = packet_nonce(salt, ssrc, index);
                let seal = aead.encrypt_inout_detached(&nonce.into(), header, body.into());
                tag.copy_from_slice(&seal.ok()?);
            }
        }
        Some(end)
    }

    /// Proves and decrypts an RTP packet; its plain length.
    pub(super) fn open_packet(
        &self,
        packet: &mut [u8],
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, DropCause> {
        let malformed = DropCause::Malformed;
        let length = packet.len().checked_sub(self.tag_bytes()).ok_or(malformed)?;
        let (plain, tag) = packet.split_at_mut_checked(length).ok_or(malformed)?;
        let (header, body) = plain.split_at_mut_checked(header).ok_or(malformed)?;
        let forged = DropCause::Unauthenticated;
        match self {
            Self::Counter { aes, salt, proof, .. } => {
                let rollovers = rollovers(index);
                let proof = proof.clone().chain_update(&*header).chain_update(&*body).chain_update(rollovers);
                proof.verify_truncated_left(tag).map_err(|_| forged)?;
                keystream(aes, counter_iv(salt, ssrc, index), body);
            }
            Self::Gcm128 { aead, salt } => {
                let nonce = packet_nonce(salt, ssrc, index);
                let tag: [u8; GCM_TAG] = (&*tag).try_into().map_err(|_| malformed)?;
                let opened = aead.decrypt_inout_detached(&nonce.into(), header, body.into(), &tag.into());
                opened.map_err(|_| forged)?;
            }
            Self::Gcm256 { aead, salt } => {
                let nonce = packet_nonce(salt, ssrc, index);
                let tag: [u8; GCM_TAG] = (&*tag).try_into().map_err(|_| malformed)?;
                let opened = aead.decrypt_inout_detached(&nonce.into(), header, body.into(), &tag.into());
                opened.map_err(|_| forged)?;
            }
        }
        Ok(length)
    }

    /// Encrypts and tags an RTCP packet. With HMAC the index word stands before the tag (RFC 3711 §3.4), with GCM
    /// behind it (RFC 7714 §9.2).
    pub(super) fn seal_control(
        &self,
        packet: &mut [u8],
        length: usize,
        ssrc: u32,
        word: u32,
    ) -> Option<usize> {
        let end = length + self.tag_bytes() + INDEX_BYTES;
        let (plain, trailer) = packet.get_mut(..end)?.split_at_mut_checked(length)?;
        let (header, body) = plain.split_at_mut_checked(CONTROL_HEADER)?;
        let index = word.to_be_bytes();
        match self {
            Self::Counter { aes, salt, proof, .. } => {
                keystream(aes, counter_iv(salt, ssrc, plain_index(word)), body);
                let proof = proof.clone().chain_update(header).chain_update(body).chain_update(index);
                let (word, tag) = trailer.split_at_mut_checked(INDEX_BYTES)?;
                word.copy_from_slice(&index);
                tag.copy_from_slice(proof.finalize().into_bytes().get(..tag.len())?);
            }
            Self::Gcm128 { .. } | Self::Gcm256 { .. } => {
                let tag = self.seal_gcm_control(header, body, ssrc, word)?;
                let (place, word) = trailer.split_at_mut_checked(GCM_TAG)?;
                place.copy_from_slice(&tag);
                word.copy_from_slice(&index);
            }
        }
        Some(end)
    }

    fn seal_gcm_control(
        &self,
        header: &[u8],
        body: &mut [u8],
        ssrc: u32,
        word: u32,
    ) -> Option<[u8; GCM_TAG]> {
        let known = control_associated(header, word)?;
        match self {
            Self::Counter { .. } => None,
            Self::Gcm128 { aead, salt } => {
                let nonce = control_nonce(salt, ssrc, word).into();
                Some(aead.encrypt_inout_detached(&nonce, &known, body.into()).ok()?.into())
            }
            Self::Gcm256 { aead, salt } => {
                let nonce = control_nonce(salt, ssrc, word).into();
                Some(aead.encrypt_inout_detached(&nonce, &known, body.into()).ok()?.into())
            }
        }
    }

    /// The index word of an RTCP packet, not proven yet.
    pub(super) fn control_word(&self, packet: &[u8]) -> Option<u32> {
        let behind = match self {
            Self::Counter { tag, .. } => *tag,
            Self::Gcm128 { .. } | Self::Gcm256 { .. } => 0,
        };
        let (rest, _) = packet.split_at_checked(packet.len().checked_sub(behind)?)?;
        Some(u32::from_be_bytes(*rest.last_chunk::<INDEX_BYTES>()?))
    }

    /// Proves and decrypts an RTCP packet; its plain length.
    pub(super) fn open_control(&self, packet: &mut [u8], ssrc: u32, word: u32) -> Result<usize, DropCause> {
        let (malformed, forged) = (DropCause::Malformed, DropCause::Unauthenticated);
        let trailer = self.tag_bytes() + INDEX_BYTES;
        let length = packet.len().checked_sub(trailer).ok_or(malformed)?;
        let (plain, trailer) = packet.split_at_mut_checked(length).ok_or(malformed)?;
        let (header, body) = plain.split_at_mut_checked(CONTROL_HEADER).ok_or(malformed)?;
        match self {
            Self::Counter { aes, salt, proof, .. } => {
                let tag = trailer.get(INDEX_BYTES..).ok_or(malformed)?;
                let index = word.to_be_bytes();
                let proof = proof.clone().chain_update(&*header).chain_update(&*body).chain_update(index);
                proof.verify_truncated_left(tag).map_err(|_| forged)?;
                keystream(aes, counter_iv(salt, ssrc, plain_index(word)), body);
            }
            Self::Gcm128 { aead, salt } => {
                let tag = *trailer.first_chunk::<GCM_TAG>().ok_or(malformed)?;
                let known = control_associated(header, word).ok_or(malformed)?;
                let nonce = control_nonce(salt, ssrc, word).into();
                let opened = aead.decrypt_inout_detached(&nonce, &known, body.into(), &tag.into());
                opened.map_err(|_| forged)?;
            }
            Self::Gcm256 { aead, salt } => {
                let tag = *trailer.first_chunk::<GCM_TAG>().ok_or(malformed)?;
                let known = control_associated(header, word).ok_or(malformed)?;
                let nonce = control_nonce(salt, ssrc, word).into();
                let opened = aead.decrypt_inout_detached(&nonce, &known, body.into(), &tag.into());
                opened.map_err(|_| forged)?;
            }
        }
        Ok(length)
    }
}

/// How often the sequence number has wrapped: what the proof covers besides the packet (RFC 3711 §4.2).
fn rollovers(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// RFC 3711 §4.1.1: the salt, the source and the packet's number, each at its place, the last two bytes count blocks.
fn counter_iv(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let number = (u128::from(ssrc) << 64) | (u128::from(index & 0xFFFF_FFFF_FFFF) << 16);
    let mut padded = [0; 16];
    padded[..14].copy_from_slice(salt);
    (u128::from_be_bytes(padded) ^ number).to_be_bytes()
}

/// RFC 7714 §8.1: two bytes of zero, the source, the rollovers and the sequence number.
fn packet_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> [u8; 12] {
    nonce(salt, (u128::from(ssrc) << 48) | u128::from(index & 0xFFFF_FFFF_FFFF))
}

/// RFC 7714 §9.1: two bytes of zero, the source, two bytes of zero and the index.
fn control_nonce(salt: &[u8; 12], ssrc: u32, word: u32) -> [u8; 12] {
    nonce(salt, (u128::from(ssrc) << 48) | u128::from(plain_index(word)))
}

fn nonce(salt: &[u8; 12], number: u128) -> [u8; 12] {
    let mut nonce = *salt;
    for (byte, number) in nonce.iter_mut().zip(number.to_be_bytes().into_iter().skip(4)) {
        *byte ^= number;
    }
    nonce
}

/// RFC 7714 §9.2: the header, and the index word.
fn control_associated(header: &[u8], word: u32) -> Option<[u8; CONTROL_HEADER + INDEX_BYTES]> {
    let mut known = [0; CONTROL_HEADER + INDEX_BYTES];
    known.first_chunk_mut::<CONTROL_HEADER>()?.copy_from_slice(header.get(..CONTROL_HEADER)?);
    known.last_chunk_mut::<INDEX_BYTES>()?.copy_from_slice(&word.to_be_bytes());
    Some(known)
}

/// Without the bit that says: encrypted.
fn plain_index(word: u32) -> u64 {
    u64::from(word & !super::ENCRYPTED)
}
