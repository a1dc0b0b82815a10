//! A digest of what a run told, to compare runs by. It proves nothing against whoever wants two runs to look alike.

use std::io::Write;

/// FNV-1a (Fowler, Noll, Vo; draft-eastlake-fnv).
#[derive(Clone, Debug)]
pub(super) struct Fnv(u64);

impl Fnv {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Of all so far.
    pub fn value(&self) -> u64 {
        self.0
    }

    /// Takes more in.
    pub fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
