//! Frames in a file: each its length, a checksum and its bytes. A killed process leaves at most the last one torn.

use sha2::{Digest, Sha256};

/// The first bytes of every journal. What another version wrote is another language: the engine's state has no other
/// description than the code that made it.
pub const HEADER: &[u8] = concat!("holdfast journal 1, version ", env!("CARGO_PKG_VERSION"), "\n").as_bytes();

/// No frame is longer: what claims to be is damage.
const LENGTH_MAX: usize = 1 << 30;
const CHECK_BYTES: usize = 8;
const HEAD_BYTES: usize = 4 + CHECK_BYTES;

/// Appends a frame to `out`. `false`, and nothing is appended: it would be too long.
pub fn write(payload: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(length) = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= LENGTH_MAX) else {
        return false;
    };
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&check(payload));
    out.extend_from_slice(payload);
    true
}

/// The frames of a journal behind its header, up to the first that is not whole.
#[derive(Clone, Copy, Debug)]
pub struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// `None` when the header is not that of this version.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        bytes.strip_prefix(HEADER).map(|rest| Self { rest })
    }

    /// How many bytes are left that are no whole frame; 0 at a clean end.
    pub fn torn_bytes(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk::<4>()?;
        let length =
            usize::try_from(u32::from_le_bytes(*length)).ok().filter(|length| *length <= LENGTH_MAX)?;
        let (sum, rest) = rest.split_first_chunk::<CHECK_BYTES>()?;
        let payload = rest.get(..length).filter(|payload| check(payload) == *sum)?;
        self.rest = self.rest.get(HEAD_BYTES + length..)?;
        Some(payload)
    }
}

fn check(payload: &[u8]) -> [u8; CHECK_BYTES] {
    let hash: [u8; 32] = Sha256::digest(payload).into();
    let mut sum = [0; CHECK_BYTES];
    sum.copy_from_slice(&hash[..CHECK_BYTES]);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = HEADER.to_vec();
        assert!(payloads.iter().all(|payload| write(payload, &mut bytes)));
        bytes
    }

    proptest! {
        #[test]
        fn a_torn_file_gives_every_frame_that_is_whole(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let bytes = file(&payloads);
            let kept = HEADER.len() + cut.index(bytes.len() - HEADER.len() + 1);
            let mut frames = Frames::of(&bytes[..kept]).unwrap();
            let read: Vec<_> = frames.by_ref().map(<[u8]>::to_vec).collect();
            prop_assert_eq!(&read[..], &payloads[..read.len()]);
            let whole = file(&payloads[..read.len()]).len();
            prop_assert_eq!(frames.torn_bytes(), kept - whole);
            if kept == bytes.len() {
                prop_assert_eq!(read.len(), payloads.len());
            }
        }

        #[test]
        fn a_damaged_frame_and_what_follows_is_not_believed(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 1..8),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u8,
        ) {
            let mut bytes = file(&payloads);
            let at = HEADER.len() + at.index(bytes.len() - HEADER.len());
            bytes[at] ^= 1 << bit;
            let read: Vec<_> = Frames::of(&bytes).unwrap().map(<[u8]>::to_vec).collect();
            prop_assert!(read.len() < payloads.len());
            prop_assert_eq!(&read[..], &payloads[..read.len()]);
        }

        #[test]
        fn nothing_that_stands_in_a_file_is_too_much(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut file = HEADER.to_vec();
            file.extend(bytes);
            prop_assert!(Frames::of(&file).unwrap().count() <= file.len());
        }
    }

    #[test]
    fn another_version_is_another_language() {
        assert!(Frames::of(b"holdfast journal 0, version 0.0.9\n").is_none());
        assert!(Frames::of(b"").is_none());
        assert_eq!(Frames::of(HEADER).unwrap().count(), 0);
    }
}
