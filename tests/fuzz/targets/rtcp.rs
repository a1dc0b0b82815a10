//! Any datagram as RTCP.
#![no_main]

use holdfast::media::rtcp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = rtcp::read(bytes, 7);
});
