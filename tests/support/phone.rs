//! Two phones on the loopback, and waiting for a condition with a deadline.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)] // each test file uses its part; here a panic is a verdict

use holdfast::phone::{Call, IncomingCall, Phone, PhoneSettings};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Longer than anything here takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub fn settings(account: &str) -> PhoneSettings {
    let nobody: SocketAddr = "127.0.0.1:9".parse().unwrap();
    PhoneSettings { t1: Duration::from_millis(100), ..PhoneSettings::new(nobody, account, "secret") }
}

pub async fn phone(account: &str) -> Phone {
    Phone::bind(settings(account)).await.unwrap()
}

/// Calls from one to the other; both ends of the ringing call.
pub async fn ring(from: &Phone, to: &Phone) -> (Call, IncomingCall) {
    let call = from.call(&format!("sip:anna@{}", to.address())).await.unwrap();
    let incoming = timeout(DEADLINE, to.incoming()).await.expect("no call came in").unwrap();
    (call, incoming)
}

/// Both ends of an answered call.
pub async fn connect(from: &Phone, to: &Phone) -> (Call, Call) {
    let (caller, incoming) = ring(from, to).await;
    let callee = incoming.answer();
    within(caller.answered()).await.unwrap();
    within(callee.answered()).await.unwrap();
    (caller, callee)
}

pub async fn within<F: Future>(future: F) -> F::Output {
    timeout(DEADLINE, future).await.expect("nothing happened before the deadline")
}

pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(DEADLINE, waiting).await.is_ok(), "not before the deadline: {what}");
}
