//! Any text as Refer-To, Replaces and the Contact of a 3xx, from an agent's phone in a call, from its caller, and from a
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

fuzz_target!(|bytes: &[u8]| trials::refer::trial(bytes));
