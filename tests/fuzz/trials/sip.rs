//! Any messages at an endpoint with a call that stands, a phone that rings and a registration: it panics at nothing, sends
//! nothing that is no SIP, floods no third party, and is left with nothing.

use crate::bench::{ANNA, Bench, udp};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::{Command, Event};
use holdfast::sip::codec;
use holdfast::sip::message::{Message, Method, Request};

/// Between two messages; the byte after it says who sends the next.
pub const BETWEEN: u8 = 0x1e;
const STRANGER: &str = "198.51.100.66:5060";

struct Scene {
    bench: Bench,
    caller: Dialler,
    phone: Phone,
    /// The INVITE that rings.
    invite: Request,
}

fn scene() -> Scene {
    let mut bench = Bench::new();
    let phone = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    let caller = Dialler::established(&mut bench);
    bench.offer(1, ANNA);
    let (_, invite) = bench.expect_request(Method::Invite);
    Scene { bench, caller, phone, invite }
}

pub fn trial(bytes: &[u8]) {
    let Scene { mut bench, caller, phone, .. } = scene();
    for (number, piece) in bytes.split(|byte| *byte == BETWEEN).take(16).enumerate() {
        let Some((who, message)) = piece.split_first() else { continue };
        let from = match who % 3 {
            0 => caller.flow,
            1 => phone.flow,
            _ => udp(STRANGER),
        };
        bench.sizes.clear();
        bench.bytes(from, message);
        let answers = bench.sizes.iter().filter(|(flow, _)| flow.remote.ip() == udp(STRANGER).remote.ip());
        for (_, size) in answers {
            assert!(size * 2 <= message.len() * 3, "{size} bytes in answer to {}", message.len());
        }
        for event in std::mem::take(&mut bench.events) {
            if let Event::CallArrived { call, .. } = event {
                bench.command(Command::Answer { call });
                bench.offer(2 + number as u64, ANNA);
            }
        }
        bench.wire.clear();
    }
    bench.cancel_offer(1, false);
    for leg in bench.media.open.keys().copied().collect::<Vec<_>>() {
        bench.command(Command::Hangup { leg });
    }
    let contacts = bench.core.counts().contacts;
    bench.expect_nothing_left_but(contacts);
}

/// Messages that mean something in this scene: what to begin with.
pub fn seeds() -> Vec<Vec<u8>> {
    let Scene { mut caller, phone, invite, .. } = scene();
    let offer = || sdp(40_000, 0, "sendrecv");
    let mut seeds = Vec::new();
    let mut from = |who: u8, message: Vec<u8>| seeds.push([vec![who], message].concat());
    for (method, body) in [
        (Method::Invite, offer()),
        (Method::Invite, Vec::new()),
        (Method::Update, offer()),
        (Method::Info, Vec::new()),
        (Method::Refer, Vec::new()),
        (Method::Options, Vec::new()),
        (Method::Prack, Vec::new()),
        (Method::Bye, Vec::new()),
    ] {
        let mut request = caller.make(method, body);
        request.headers.push("Session-Expires", "90;refresher=uas");
        request.headers.push("Refer-To", "<sip:bert@192.0.2.9?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>");
        from(0, codec::print_request(&request));
    }
    for status in [100, 180, 183, 200, 302, 401, 422, 486, 491, 503, 603] {
        let body = if status == 200 || status == 183 { offer() } else { Vec::new() };
        let mut response = phone.reply(&invite, status, body);
        response.headers.push("Require", "100rel");
        response.headers.push("RSeq", "7");
        from(1, codec::print(&Message::Response(response)));
    }
    let mut stranger = Dialler::at(STRANGER, "mallory");
    for method in [Method::Invite, Method::Register, Method::Options, Method::Subscribe, Method::Cancel] {
        let mut request = stranger.make(method, Vec::new());
        request.headers.push("Authorization", "Digest username=\"anna\", realm=\"holdfast\", nonce=\"00\", uri=\"sip:x\", response=\"0\", qop=auth, nc=00000001, cnonce=\"1\"");
        from(2, codec::print_request(&request));
    }
    let all = seeds.join(&BETWEEN);
    seeds.push(all);
    seeds
}
