//! Any bytes as a session description, and the answer to it.
#![no_main]

use holdfast::media::sdp::{self, Ours};
use holdfast::media::{Codec, LocalMedia, Origin};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(offer) = sdp::parse(bytes) else { return };
    let local = LocalMedia::plain("192.0.2.10:20000".parse().unwrap(), Codec::ALL.to_vec());
    let ours = Ours { local: &local, origin: Origin { id: 1, version: 1 }, before: None };
    if let Ok((answer, _)) = sdp::answer(&offer, &ours) {
        assert!(sdp::parse(&answer).is_ok(), "what we write can be read");
    }
});
