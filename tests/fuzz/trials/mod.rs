//! What is done with any bytes: the bodies of the fuzz targets, which the suite runs too, on a short row of bytes that is
//! always the same (`tests/fuzz_twins.rs`). Each panics when something is wrong, and tells nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "a panic is the verdict; each target uses its own trial"
)]

pub mod digest;
pub mod headers;
pub mod refer;
pub mod sip;
pub mod stream;
pub mod stun;
