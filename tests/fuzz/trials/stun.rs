//! Any bytes in the shape of STUN (RFC 8489 §5), as NAT helpers and WebRTC send them, at the port for SIP and at a leg's:
//! taken for nothing they are not.

use holdfast::engine::time::Monotonic;
use holdfast::media::session::{Inbound, Seed, Session};
use holdfast::media::{Codec, Stream, rtp};
use holdfast::sip::codec;
use std::net::SocketAddr;

/// The magic cookie.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

pub fn trial(bytes: &[u8]) {
    let mut packet = bytes.to_vec();
    packet.resize(packet.len().max(20), 0);
    packet[0] &= 0x3f;
    packet[4..8].copy_from_slice(&COOKIE);
    assert!(codec::parse(&packet).is_err(), "no SIP begins with a zero bit pair and a cookie");
    let (far, stranger): (SocketAddr, SocketAddr) =
        ("198.51.100.7:4000".parse().unwrap(), "198.51.100.66:4000".parse().unwrap());
    for codec in Codec::ALL {
        let mut leg = Session::new(Monotonic(0), Seed { ssrc: 7, sequence: 1, timestamp: 1 });
        leg.connect(Stream::plain(far, codec));
        for from in [stranger, far] {
            let mut packet = packet.clone();
            if rtp::is_rtcp(&packet) {
                let _ = leg.receive_report(Monotonic(20_000), from, true, &mut packet);
            } else {
                let taken = leg.receive(Monotonic(20_000), from, &mut packet);
                assert!(matches!(taken, Inbound::Dropped(_)), "STUN is no RTP");
            }
        }
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    vec![
        [&[0, 1, 0, 8][..], &COOKIE, &[7; 12], &[0, 6, 0, 4, b'a', b':', b'b', 0]].concat(),
        [&[1, 1, 0, 12][..], &COOKIE, &[9; 12], &[0, 0x20, 0, 8, 0, 1, 1, 2, 3, 4, 5, 6]].concat(),
    ]
}
