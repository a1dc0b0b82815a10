//! Branches, tags and Call-IDs: unguessable from outside, the same again for the same seed.

use sha2::{Digest, Sha256};

/// Makes identifiers from a seed. Whoever sees one cannot tell the next, for that the seed must be secret.
#[derive(Clone)]
pub struct Tokens {
    seed: u64,
    count: u64,
}

impl Tokens {
    /// The identifiers of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    /// The next identifier: 20 hexadecimal digits (80 bits; RFC 3261 §19.3 asks for 32).
    pub fn next_token(&mut self) -> String {
        self.count += 1;
        self.digest(b"count", &self.count.to_be_bytes())
    }

    /// An identifier that is always the same for `text`: for answers nothing is remembered of.
    pub fn token_for(&self, text: &str) -> String {
        self.digest(b"text", text.as_bytes())
    }

    /// The next chance: a number from 0 to `most`, both included, each as likely as the others but for less than one in 2³².
    pub fn draw(&mut self, most: u32) -> u32 {
        let token = self.next_token();
        let bits =
            token.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default();
        u32::try_from((u128::from(bits) * (u128::from(most) + 1)) >> 64).unwrap_or(most)
    }

    fn digest(&self, kind: &[u8], data: &[u8]) -> String {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(kind);
        hash.update(data);
        hex::encode(&hash.finalize()[..10])
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("count", &self.count).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_up_to_the_highest_is_drawn_about_as_often() {
        let mut tokens = Tokens::new(11);
        let mut seen = [0_u32; 4];
        for _ in 0..4_000 {
            seen[tokens.draw(3) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (900..1_100).contains(count)), "{seen:?}");
        assert_eq!(tokens.draw(0), 0);
    }

    #[test]
    fn the_same_seed_gives_the_same_tokens_and_no_token_comes_twice() {
        let (mut one, mut two, mut other) = (Tokens::new(7), Tokens::new(7), Tokens::new(8));
        let tokens: Vec<_> = (0..100).map(|_| one.next_token()).collect();
        assert!(tokens.iter().all(|token| *token == two.next_token() && *token != other.next_token()));
        assert_eq!(tokens.iter().collect::<std::collections::HashSet<_>>().len(), 100);
        assert_eq!(one.token_for("x"), two.token_for("x"));
        assert!(!format!("{:?}", Tokens::new(123_456)).contains("123"));
    }
}
