//! A flood of forged requests at a running engine: those who call get through, and nothing piles up. The minute-long figure
//! belongs to the bench; here is what must hold for any stretch of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Phone, PhoneSettings};
use phones::within;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::engine::Holdfast;
use support::eventually;

/// Forged requests in a second, from so many addresses.
const PER_SECOND: u64 = 5_000;
const FORGERS: u8 = 20;
/// Genuine calls, one after the other, while they come.
const CALLS: usize = 40;

const RULES: &str = r#"
skills = ["english"]
[[queue]]
name = "sales"
title = "Sales"
music = ["morning-harbour"]
requires = "english"
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "anna"
title = "Anna"
password = "anna's own"
skills = { english = 5 }
queues = ["sales"]
"#;

/// A request that nothing speaks for, of a kind that a forger sends.
fn forged(number: u64, from: SocketAddr) -> String {
    let method = ["INVITE", "REGISTER", "OPTIONS", "BYE", "SUBSCRIBE"][(number % 5) as usize];
    let tag = if method == "BYE" { ";tag=x" } else { "" };
    format!(
        "{method} sip:4001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};rport;branch=z9hG4bKf{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:anna@127.0.0.1>;tag=f{number}\r\nTo: <sip:anna@127.0.0.1>{tag}\r\n\
         Call-ID: forged-{number}\r\nCSeq: 1 {method}\r\nContact: <sip:anna@{from}>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Sends them evenly until it is told to stop, and counts them.
fn flood(target: SocketAddr, stop: &AtomicBool, sent: &AtomicU64) {
    let sockets: Vec<_> = (1..=FORGERS)
        .map(|host| UdpSocket::bind((std::net::Ipv4Addr::new(127, 0, 1, host), 0)).unwrap())
        .collect();
    let began = Instant::now();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = u64::try_from(began.elapsed().as_millis()).unwrap() * PER_SECOND / 1000;
        while number < due {
            let socket = &sockets[(number % u64::from(FORGERS)) as usize];
            // A full buffer loses one, as a network would.
            let _ = socket.send_to(forged(number, socket.local_addr().unwrap()).as_bytes(), target);
            number += 1;
        }
        sent.store(number, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_call_get_through_a_flood_of_forged_requests_and_nothing_piles_up() {
    // Calls come as fast as they end, hundreds in a second: their ports must not rest from them.
    let change = |config: String| {
        config.replace("127.0.0.0/8", "127.0.0.1/32").replace("[media]\n", "[media]\nport_rest = \"0s\"\n")
    };
    let engine = tokio::task::spawn_blocking(move || Holdfast::start_changed(RULES, change)).await.unwrap();
    let trunk = Phone::bind(PhoneSettings::new(engine.sip, "trunk", "")).await.unwrap();
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let flooding = {
        let (target, stop, sent) = (engine.sip, Arc::clone(&stop), Arc::clone(&sent));
        std::thread::spawn(move || flood(target, &stop, &sent))
    };
    let (mut answered, began) = (0, Instant::now());
    // At least three seconds of flood, however fast the calls are.
    for number in 0.. {
        if number >= CALLS && began.elapsed() > Duration::from_secs(3) {
            break;
        }
        let call = trunk.call("4001").await.unwrap();
        answered += usize::from(
            tokio::time::timeout(Duration::from_secs(20), call.answered()).await.is_ok_and(|it| it.is_ok()),
        );
        call.hang_up();
        within(call.ended()).await;
        if answered < number {
            break;
        }
    }
    let transactions = engine.metric("holdfast_sip_transactions");
    stop.store(true, Ordering::Relaxed);
    flooding.join().unwrap();
    let (sent, spent) = (sent.load(Ordering::Relaxed), began.elapsed());
    assert!(answered >= CALLS, "{answered} calls were answered during {sent} forged requests in {spent:?}");
    // Each genuine call leaves an INVITE and two BYEs behind for a while; the forged ones leave nothing.
    assert!(
        transactions <= 4.0 * answered as f64 + 8.0,
        "{transactions} transactions after {answered} calls"
    );
    let engine = tokio::task::spawn_blocking(move || {
        eventually("all is over", Duration::from_secs(60), || {
            (engine.metric("holdfast_sip_dialogs") == 0.0 && engine.metric("holdfast_calls") == 0.0)
                .then_some(())
        });
        engine
    })
    .await
    .unwrap();
    assert!(engine.metric("holdfast_sip_refused_total{cause=\"rate\"}") > 0.0, "and were not all answered");
    assert_eq!(engine.metric("holdfast_sip_bans"), 0.0, "nobody is banned in whose name they came");
    assert!(!engine.log().contains("panicked"), "{}", engine.log());
}
