//! Any bytes in the shape of STUN (RFC 8489 §5), as NAT helpers and WebRTC send them, at the port for SIP and at a leg's:
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

fuzz_target!(|bytes: &[u8]| trials::stun::trial(bytes));
