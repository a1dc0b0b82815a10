//! The fuzz targets of `tests/fuzz`, each for a short while on bytes that are the same in every run: what means something,
//! mangled. The fuzzers look further, for as long as one likes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

#[path = "sip_core/bench.rs"]
#[allow(dead_code, reason = "the trials use a part of it")]
mod bench;
#[path = "sip_core/media.rs"]
#[allow(dead_code, reason = "the trials use a part of it")]
mod media;
#[path = "sip_core/peer.rs"]
#[allow(dead_code, reason = "the trials use a part of it")]
mod peer;
#[path = "fuzz/trials/mod.rs"]
mod trials;

use std::path::Path;

/// What has a meaning of its own somewhere: put where it has none.
const TOKENS: [&[u8]; 20] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\"",
    b"<",
    b">",
    b",",
    b";",
    b":",
    b"\\",
    b"%00",
    b"%",
    b"=",
    b"\xff",
    b"\xc2\xa0",
    b"-1",
    b"4294967296",
    b"\t ",
    b"\x1e\x02",
];

/// A generator of the SplitMix family.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) % bound.max(1) as u64) as usize
    }

    /// A few changes to one of these, or to two put together.
    fn mangle(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(6) {
            let at = self.below(bytes.len() + 1);
            let until = (at + self.below(12)).min(bytes.len());
            match self.below(6) {
                0 => drop(bytes.drain(at..until)),
                1 => bytes[at..until].iter_mut().for_each(|byte| *byte ^= 1 << self.below(8)),
                2 => drop(bytes.splice(at..at, TOKENS[self.below(TOKENS.len())].iter().copied())),
                3 => {
                    let piece = bytes[at..until].repeat(1 + self.below(40));
                    bytes.splice(at..at, piece);
                }
                4 => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        bytes
    }
}

/// Every seed as it is, then as many mangled ones.
fn run(trial: fn(&[u8]), seeds: Vec<Vec<u8>>, mangled: usize) {
    for seed in &seeds {
        trial(seed);
    }
    let mut dice = Dice(5);
    for _ in 0..mangled {
        trial(&dice.mangle(&seeds));
    }
}

#[test]
fn an_endpoint_with_a_call_survives_any_messages() {
    run(trials::sip::trial, trials::sip::seeds(), 1_500);
}

#[test]
fn no_text_opens_by_digest_or_has_a_foreign_realm_answered() {
    run(trials::digest::trial, trials::digest::seeds(), 5_000);
}

#[test]
fn no_text_in_a_refer_a_replaces_or_a_3xx_has_anybody_called() {
    run(trials::refer::trial, trials::refer::seeds(), 500);
}

#[test]
fn headers_are_written_as_they_were_read() {
    run(trials::headers::trial, trials::headers::seeds(), 20_000);
}

#[test]
fn a_stream_means_the_same_however_it_is_cut() {
    run(trials::stream::trial, trials::stream::seeds(), 5_000);
}

#[test]
fn stun_is_taken_for_nothing_else() {
    run(trials::stun::trial, trials::stun::seeds(), 2_000);
}

/// First inputs for `cargo fuzz`, a folder for each target; `tests/fuzz/README.md` says how they are used.
#[test]
fn seeds_for_the_fuzzers_are_written() {
    let all = [
        ("sip", trials::sip::seeds()),
        ("digest", trials::digest::seeds()),
        ("refer", trials::refer::seeds()),
        ("headers", trials::headers::seeds()),
        ("stream", trials::stream::seeds()),
        ("stun", trials::stun::seeds()),
    ];
    for (target, seeds) in all {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus").join(target);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds.into_iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
        }
    }
}
