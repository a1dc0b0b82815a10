//! Any datagram as RTP, and any payload as each codec's.
#![no_main]

use holdfast::media::Codec;
use holdfast::media::codec::decoder::{Decoder, SAMPLES_MAX};
use holdfast::media::rtp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = rtp::is_rtcp(bytes);
    let payload = rtp::read(bytes).map_or(bytes, |packet| packet.payload);
    for codec in Codec::ALL {
        let mut sound = [0; SAMPLES_MAX];
        assert!(Decoder::new(codec).decode(payload, &mut sound) <= SAMPLES_MAX);
    }
});
