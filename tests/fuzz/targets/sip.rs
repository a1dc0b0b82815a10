//! Any messages at an endpoint with a call that stands, a phone that rings and a registration: it panics at nothing, sends
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

fuzz_target!(|bytes: &[u8]| trials::sip::trial(bytes));
