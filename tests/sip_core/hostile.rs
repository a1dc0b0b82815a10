//! Whole conversations of mangled requests and responses against the core: it panics at nothing, sends nothing that is
//! no SIP, and is left with nothing.

use crate::bench::{ANNA, Bench, udp};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::{Command, Event};
use holdfast::sip::message::{Message, Method, Request};
use proptest::prelude::*;

const METHODS: [Method; 9] = [
    Method::Invite,
    Method::Invite,
    Method::Ack,
    Method::Bye,
    Method::Cancel,
    Method::Register,
    Method::Update,
    Method::Info,
    Method::Options,
];
const HEADERS: [&str; 16] = [
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Max-Forwards",
    "Record-Route",
    "Authorization",
    "Require",
    "Session-Expires",
    "Content-Type",
    "Expires",
    "P-Asserted-Identity",
    "Privacy",
    "Retry-After",
];

#[derive(Clone, Debug)]
struct Step {
    method: usize,
    by_trunk: bool,
    header: usize,
    value: String,
    body: Vec<u8>,
    /// Follows the dialog of the answer before.
    within: bool,
    /// The status by which a ringing phone answers.
    status: u16,
}

fn step() -> impl Strategy<Value = Step> {
    let value = prop_oneof![
        "[ -~]{0,24}",
        "\"?[a-z\\\\\"]{0,5}\"? ?<?sips?:[a-z0-9@:;=?%<>.-]{0,24}>?(;[a-z]{1,7}=[0-9a-z\"]{0,8}){0,3}",
        "Digest (realm=\"holdfast\"|nonce=\"[0-9a-f]{0,64}\"|nc=[0-9]{0,9}|uri=\"[a-z:]{0,9}\"|, ){0,9}",
        "[0-9]{0,12}(;refresher=ua[cs])?",
    ];
    let body = prop_oneof![
        Just(sdp(40_000, 0, "sendrecv")),
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 0..80),
        "v=0\r\n([ocmta]=[ -~]{0,20}\r\n){0,6}".prop_map(String::into_bytes),
    ];
    (0..METHODS.len(), any::<bool>(), 0..HEADERS.len() * 2, value, body, any::<bool>(), 100_u16..700)
        .prop_map(|(method, by_trunk, header, value, body, within, status)| Step {
            method,
            by_trunk,
            header,
            value,
            body,
            within,
            status,
        })
}

fn mangled(peer: &mut Dialler, step: &Step) -> Request {
    let mut request = peer.make(METHODS[step.method].clone(), step.body.clone());
    if let Some(name) = HEADERS.get(step.header) {
        request.headers.set(name, step.value.clone());
    }
    request
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_conversation_of_mangled_messages_leaves_anything_behind(steps in prop::collection::vec(step(), 1..24)) {
        let mut bench = Bench::new();
        let phone = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
        let (mut carrier, mut stranger) = (Dialler::new(), Dialler::at("198.51.100.66:5060", "stranger"));
        for (number, step) in steps.iter().enumerate() {
            let peer = if step.by_trunk { &mut carrier } else { &mut stranger };
            if !step.within {
                (peer.to, peer.call_id) = ("<sip:4001@192.0.2.9>".into(), format!("call-{number}"));
            }
            let request = mangled(peer, step);
            let from = peer.flow;
            bench.request(from, &request);
            for event in std::mem::take(&mut bench.events) {
                if let Event::CallArrived { call, .. } = event {
                    bench.command(Command::Answer { call });
                    bench.offer(number as u64, ANNA);
                }
            }
            for (flow, message) in std::mem::take(&mut bench.wire) {
                match message {
                    Message::Response(ok) if flow == from && ok.status == 200 => {
                        if step.by_trunk { carrier.learn(&ok) } else { stranger.learn(&ok) }
                    }
                    Message::Request(invite) if invite.method == Method::Invite => {
                        let mut answer = phone.reply(&invite, step.status, step.body.clone());
                        if let Some(name) = HEADERS.get(step.header) {
                            answer.headers.set(name, step.value.clone());
                        }
                        bench.response(udp("198.51.100.1:5070"), &answer);
                    }
                    _ => {}
                }
            }
        }
        for leg in bench.media.open.keys().copied().collect::<Vec<_>>() {
            bench.command(Command::Hangup { leg });
        }
        bench.expect_nothing_left();
    }
}
