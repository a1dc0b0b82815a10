//! SRTP and SRTCP: packets made secret and proven (RFC 3711, RFC 7714). Pure: no socket, no clock, no randomness; where
//! the keys come from (SDES today, DTLS later) it does not know.
//!
//! One [`Sender`] and one [`Receiver`] per leg, packets changed in place, nothing allocated per packet. The ciphers are
//! RustCrypto's, the framing is ours: rtc-srtp 0.21 and webrtc-srtp 0.10 allocate a buffer for every packet.

mod cipher;
mod keying;
mod replay;
#[cfg(test)]
mod tests;

pub use keying::{Keying, Suite};

use super::counters::DropCause;
use cipher::Cipher;
use replay::{Sources, rtp_index};
use std::fmt;

/// The most bytes that protection adds to a packet: AES-GCM's tag, and SRTCP's index.
pub const OVERHEAD_MAX: usize = 16 + INDEX_BYTES;
/// The bytes of SRTCP's index word (RFC 3711 §3.4).
const INDEX_BYTES: usize = 4;
/// The bit of the index word that says: encrypted.
const ENCRYPTED: u32 = 1 << 31;
/// The header of an RTCP packet with its source, which stays readable.
const CONTROL_HEADER: usize = 8;

/// Protects what one leg sends.
pub struct Sender {
    packets: Cipher,
    control: Cipher,
    sources: Sources,
    /// The index of the next SRTCP packet.
    control_index: u32,
}

/// Proves and reads what one leg's far side sends.
pub struct Receiver {
    packets: Cipher,
    control: Cipher,
    sources: Sources,
    control_sources: Sources,
}

impl Sender {
    /// Begins with a fresh key: under one key, no packet number may ever come twice (RFC 3711 §9.1).
    pub fn new(keying: &Keying) -> Sender {
        Sender {
            packets: Cipher::for_packets(keying),
            control: Cipher::for_control(keying),
            sources: Sources::default(),
            control_index: 0,
        }
    }

    /// Protects the RTP packet that lies in the first `length` bytes, and returns its new length. `None`, and nothing
    /// that may be sent, when it is no RTP, when the buffer has no room for the tag, or when its number was used
    /// before: AES-GCM falls apart when one number protects two packets (RFC 7714 §8.4).
    pub fn protect(&mut self, packet: &mut [u8], length: usize) -> Option<usize> {
        let (header, ssrc, sequence) = read_rtp(packet.get(..length)?)?;
        let index = self.sources.index(ssrc, |newest| rtp_index(newest, sequence))?;
        if !self.sources.take(ssrc, index) {
            return None;
        }
        self.packets.seal_packet(packet, header, length, ssrc, index)
    }

    /// Protects the RTCP packet that lies in the first `length` bytes, and returns its new length.
    pub fn protect_control(&mut self, packet: &mut [u8], length: usize) -> Option<usize> {
        let ssrc = read_rtcp(packet.get(..length)?)?;
        let index = self.control_index;
        // After 2^31 reports the key is used up (RFC 3711 §9.2): some 300 years.
        self.control_index = index.checked_add(1).filter(|next| next & ENCRYPTED == 0)?;
        self.control.seal_control(packet, length, ssrc, index | ENCRYPTED)
    }
}

impl Receiver {
    /// Begins with the far side's key.
    pub fn new(keying: &Keying) -> Receiver {
        Receiver {
            packets: Cipher::for_packets(keying),
            control: Cipher::for_control(keying),
            sources: Sources::default(),
            control_sources: Sources::default(),
        }
    }

    /// Proves an RTP packet and makes it readable: the first bytes, as many as returned, are the plain packet.
    ///
    /// # Errors
    /// [`DropCause::Malformed`] for what is no SRTP, [`DropCause::Replayed`] for a packet that came before or too late
    /// to tell, [`DropCause::Unauthenticated`] for one that the far side has not sent. Nothing was learned from it then,
    /// and its bytes are of no use.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, DropCause> {
        let (header, ssrc, sequence) = read_rtp(packet).ok_or(DropCause::Malformed)?;
        let index = self.sources.index(ssrc, |newest| rtp_index(newest, sequence));
        let index = index.ok_or(DropCause::Replayed)?;
        let length = self.packets.open_packet(packet, header, ssrc, index)?;
        if self.sources.take(ssrc, index) { Ok(length) } else { Err(DropCause::Replayed) }
    }

    /// Proves an RTCP packet and makes it readable.
    ///
    /// # Errors
    /// As [`unprotect`](Self::unprotect). One that is not encrypted is not looked at further: we agree to no such thing
    /// (`UNENCRYPTED_SRTCP`, RFC 4568 §6.3.2).
    pub fn unprotect_control(&mut self, packet: &mut [u8]) -> Result<usize, DropCause> {
        let ssrc = read_rtcp(packet).ok_or(DropCause::Malformed)?;
        let word = self.control.control_word(packet).ok_or(DropCause::Malformed)?;
        let index = u64::from(word & !ENCRYPTED);
        if self.control_sources.index(ssrc, |_| Some(index)).is_none() {
            return Err(DropCause::Replayed);
        }
        if word & ENCRYPTED == 0 {
            return Err(DropCause::Unauthenticated);
        }
        let length = self.control.open_control(packet, ssrc, word)?;
        if self.control_sources.take(ssrc, index) { Ok(length) } else { Err(DropCause::Replayed) }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// The length of the header with its extension (RFC 3550 §5.1, §5.3.1), the source and the sequence number. All of the
/// header stays readable, the rest is encrypted.
fn read_rtp(packet: &[u8]) -> Option<(usize, u32, u16)> {
    let &[first, _, high, low, _, _, _, _, s0, s1, s2, s3, ref rest @ ..] = packet else { return None };
    let sources = usize::from(first & 0x0F) * 4;
    let mut header = 12 + sources;
    if first & 0x10 != 0 {
        let extension = rest.get(sources..sources + 4)?;
        header += 4 + usize::from(u16::from_be_bytes([*extension.get(2)?, *extension.get(3)?])) * 4;
    }
    let fits = first >> 6 == 2 && header <= packet.len();
    fits.then(|| (header, u32::from_be_bytes([s0, s1, s2, s3]), u16::from_be_bytes([high, low])))
}

/// The source of the first packet of a compound (RFC 3550 §6.4).
fn read_rtcp(packet: &[u8]) -> Option<u32> {
    let &[first, _, _, _, s0, s1, s2, s3, ..] = packet else { return None };
    (first >> 6 == 2).then(|| u32::from_be_bytes([s0, s1, s2, s3]))
}
