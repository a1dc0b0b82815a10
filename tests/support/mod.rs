//! What the tests of the running program share: the engine as a child process, free ports, real peers.
#![allow(dead_code, reason = "each test binary uses its own part of this")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a panic here is a failed assertion"
)]

pub mod audio;
pub mod baresip;
#[path = "../../src/sip/transport/tests/certificates.rs"]
pub mod certificates;
pub mod conversation;
pub mod disk;
pub mod dns;
pub mod engine;
pub mod kamailio;
pub mod linphone;
pub mod peer;
pub mod raw;
pub mod sipp_site;
pub mod tap;
pub mod wire;

use std::time::{Duration, Instant};

/// Waits for a condition with a deadline; says what it was waiting for when it does not come.
#[track_caller]
pub fn eventually<T>(what: &str, within: Duration, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "within {within:?} this did not come true: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
