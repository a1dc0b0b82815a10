//! Any text as an `Authorization` we check and as a challenge we answer: nothing but the right answer opens, and no realm
#![no_main]

#[path = "../../sip_core/bench.rs"]
#[allow(dead_code, clippy::unwrap_used, clippy::panic)]
mod bench;
#[path = "../../sip_core/media.rs"]
#[allow(dead_code, clippy::unwrap_used, clippy::panic)]
mod media;
#[path = "../../sip_core/peer.rs"]
#[allow(dead_code, clippy::unwrap_used, clippy::panic)]
mod peer;
#[path = "../trials/mod.rs"]
mod trials;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| trials::digest::trial(bytes));
