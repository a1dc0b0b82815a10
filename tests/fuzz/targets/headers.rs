//! Any text as each of the headers we read ourselves: what is read and written again is read the same, and starts no line.
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

fuzz_target!(|bytes: &[u8]| trials::headers::trial(bytes));
