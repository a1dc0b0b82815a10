//! Tags, branches and Call-IDs: unguessable when the seed is, the same again for the same seed.

use sha2::{Digest, Sha256};

/// Hands out tokens; never the same twice.
pub struct Tokens {
    key: [u8; 32],
    handed_out: u64,
}

impl Tokens {
    /// A stream of tokens of its own for each `purpose`.
    pub fn new(seed: &[u8; 32], purpose: &str) -> Self {
        Self { key: derive(seed, purpose), handed_out: 0 }
    }

    /// 80 bits in hexadecimal: more than the 32 that RFC 3261 §19.3 asks of a tag.
    pub fn token(&mut self) -> String {
        hex::encode(&self.block()[..10])
    }

    /// A number below `bound`, about evenly spread; zero when `bound` is.
    pub fn below(&mut self, bound: u64) -> u64 {
        let block = self.block();
        let number = block[..8].iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        number.checked_rem(bound).unwrap_or(0)
    }

    fn block(&mut self) -> [u8; 32] {
        self.handed_out = self.handed_out.wrapping_add(1);
        Sha256::new().chain_update(self.key).chain_update(self.handed_out.to_be_bytes()).finalize().into()
    }
}

/// A key for one purpose, from which the seed can't be found.
pub fn derive(seed: &[u8; 32], purpose: &str) -> [u8; 32] {
    Sha256::new().chain_update(seed).chain_update(purpose.as_bytes()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_tokens_other_purpose_other_tokens() {
        let (mut one, mut same) = (Tokens::new(&[1; 32], "tag"), Tokens::new(&[1; 32], "tag"));
        let mut other = Tokens::new(&[1; 32], "branch");
        let first = one.token();
        assert_eq!(first, same.token());
        assert_ne!(first, other.token());
        assert_ne!(first, one.token());
    }
}
