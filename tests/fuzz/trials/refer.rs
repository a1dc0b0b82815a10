//! Any text as Refer-To, Replaces and the Contact of a 3xx, from an agent's phone in a call, from its caller, and from a
//! phone that rings: nobody is called for it, and no call of somebody else's is touched.

use crate::bench::{ANNA, BERT, Bench, agent_leg};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::Event;
use holdfast::sip::message::{Message, Method, Response};

pub fn trial(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    let phone = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    let other = Phone::registered(&mut bench, "bert", "198.51.100.2:5070");
    bench.offer(1, ANNA);
    let (_, invite) = bench.expect_request(Method::Invite);
    phone.says(&mut bench, &invite, 200);
    bench.offer(2, BERT);
    bench.wire.retain(|(flow, message)| *flow == other.flow && matches!(message, Message::Request(_)));
    let (_, ringing) = bench.expect_request(Method::Invite);
    bench.events.clear();

    let mut refer = phone.request(&invite, Method::Refer, 7, Vec::new());
    refer.headers.push("Refer-To", text.clone());
    bench.request(phone.flow, &refer);
    for event in std::mem::take(&mut bench.events) {
        let Event::TransferAsked { leg, to, replaces: None } = event else {
            panic!("a REFER is no {event:?}, and Anna has no other call");
        };
        assert_eq!(leg, agent_leg());
        assert!(to.len() <= 256 && !to.contains(char::is_control), "{to:?}");
    }
    let mut theft = caller.make(Method::Refer, Vec::new());
    theft.headers.push("Refer-To", text.clone());
    bench.request(caller.flow, &theft);
    let mut thief = Dialler::at("203.0.113.8:5060", "mallory");
    let mut call = thief.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    call.headers.push("Replaces", text.clone());
    bench.request(thief.flow, &call);
    let mut moved = Response::reply_to(&ringing, 302, "", Some("moved"));
    moved.headers.push("Contact", text);
    bench.response(other.flow, &moved);
    let is_invite =
        |message: &Message| matches!(message, Message::Request(it) if it.method == Method::Invite);
    assert!(!bench.wire.iter().any(|(_, message)| is_invite(message)), "{:#?}", bench.wire);
    assert!(
        !bench
            .events
            .iter()
            .any(|event| matches!(event, Event::TransferAsked { .. } | Event::LegEnded { .. }))
    );
}

pub fn seeds() -> Vec<Vec<u8>> {
    [
        "<sip:bert@192.0.2.9>",
        "\"Bert\" <sip:bert@192.0.2.9?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>;x=y",
        "<tel:+49-30-123;phone-context=+49>",
        "<sip:+1900555@203.0.113.200;method=INVITE>, <sip:x@[2001:db8::1]>;q=0.5",
        "call-030123;to-tag=1;from-tag=tag-030123;early-only",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
