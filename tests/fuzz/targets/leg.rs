//! Any datagrams at a leg's two ports: RTP, RTCP, STUN and whatever else is shaped like them.
#![no_main]

use holdfast::engine::time::Monotonic;
use holdfast::media::session::{Seed, Session};
use holdfast::media::{Codec, Stream, rtp};
use libfuzzer_sys::fuzz_target;
use std::net::SocketAddr;

fuzz_target!(|datagrams: Vec<(u8, Vec<u8>)>| {
    let from: SocketAddr = "198.51.100.7:4000".parse().unwrap();
    let mut leg = Session::new(Monotonic(0), Seed { ssrc: 7, sequence: 1, timestamp: 1 });
    leg.connect(Stream::plain(from, Codec::Opus));
    for (n, (port, mut bytes)) in (0..).zip(datagrams) {
        let now = Monotonic(n * 20_000);
        if port % 2 == 1 || rtp::is_rtcp(&bytes) {
            let _ = leg.receive_report(now, from, port % 2 == 0, &mut bytes);
        } else {
            let _ = leg.receive(now, from, &mut bytes);
        }
    }
});
