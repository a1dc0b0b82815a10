//! Any bytes as an audio file.
#![no_main]

use holdfast::media::clip::{Clip, Press};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // A header may promise hours; what is there counts.
    let _ = Clip::from_wav(bytes, &Press::new(&holdfast::media::Codec::ALL));
});
