//! Which message belongs where, and where answers go.

use super::*;
use crate::sip::flow::Transport;
use crate::sip::settings::Listener;
use crate::sip::uri::Via;

fn called() -> Transactions {
    Transactions::new(TransactionSettings::default(), 3)
}

fn from(port: u16) -> Flow {
    Flow::udp(SocketAddr::from(([127, 0, 0, 1], 5060)), SocketAddr::from(([192, 0, 2, 1], port)))
}

fn with_via(method: Method, via: &str) -> Request {
    let mut request = request(method);
    request.headers.push_front("Via", via);
    request
}

fn receive(end: &mut Transactions, request: Request, from: Flow) -> Vec<Output> {
    let mut out = Vec::new();
    end.receive(Monotonic(0), Message::Request(request), from, &mut out);
    out
}

fn told(out: &[Output]) -> usize {
    out.iter().filter(|output| matches!(output, Output::Request { .. })).count()
}

#[test]
fn the_source_is_written_into_the_via_and_a_forged_one_overwritten() {
    for (via, noted) in [
        ("SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa", "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa"),
        ("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;received=192.0.2.1"),
        (
            "SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bKa",
            "SIP/2.0/UDP 192.0.2.1;rport=9999;branch=z9hG4bKa;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP h;received=198.51.100.1;branch=z9hG4bKa, SIP/2.0/TCP b",
            "SIP/2.0/UDP h;branch=z9hG4bKa;received=192.0.2.1, SIP/2.0/TCP b",
        ),
    ] {
        let out = receive(&mut called(), with_via(Method::Options, via), from(9999));
        let [Output::Request { request, .. }] = out.as_slice() else { panic!("{out:?}") };
        assert_eq!(request.headers.first("Via"), Some(noted));
    }
}

#[test]
fn answers_go_to_the_source_port_only_if_asked() {
    for (via, port) in [
        ("SIP/2.0/UDP h:5070;branch=z9hG4bKa;rport", 9999),
        ("SIP/2.0/UDP h:5070;branch=z9hG4bKa;maddr=203.0.113.1", 5070),
        ("SIP/2.0/UDP h;branch=z9hG4bKa", 5060),
    ] {
        let out = receive(&mut called(), with_via(Method::Invite, via), from(9999));
        let Output::Send { to, .. } = &out[0] else { panic!("{out:?}") };
        assert_eq!(to.remote, SocketAddr::from(([192, 0, 2, 1], port)), "{via}");
    }
}

#[test]
fn branch_sent_by_and_method_make_a_transaction() {
    let mut end = called();
    let via = "SIP/2.0/UDP h:5070;branch=z9hG4bKa";
    assert_eq!(told(&receive(&mut end, with_via(Method::Options, via), from(1))), 1);
    assert_eq!(told(&receive(&mut end, with_via(Method::Options, via), from(1))), 0);
    assert_eq!(
        told(&receive(&mut end, with_via(Method::Options, "SIP/2.0/UDP H:5070;branch=z9hG4bKa"), from(1))),
        0
    );
    assert_eq!(told(&receive(&mut end, with_via(Method::Bye, via), from(1))), 1);
    assert_eq!(
        told(&receive(&mut end, with_via(Method::Options, "SIP/2.0/UDP h;branch=z9hG4bKa"), from(1))),
        1
    );
    assert_eq!(
        told(&receive(&mut end, with_via(Method::Options, "SIP/2.0/UDP h:5070;branch=z9hG4bKb"), from(1))),
        1
    );
}

#[test]
fn peers_of_rfc_2543_are_told_apart_by_everything_else() {
    let mut end = called();
    let via = "SIP/2.0/UDP h:5070;branch=1";
    assert_eq!(told(&receive(&mut end, with_via(Method::Invite, via), from(1))), 1);
    assert_eq!(told(&receive(&mut end, with_via(Method::Invite, via), from(1))), 0);
    let mut next = with_via(Method::Invite, via);
    next.headers.set("CSeq", "8 INVITE");
    assert_eq!(told(&receive(&mut end, next, from(1))), 1);
    let mut other = with_via(Method::Invite, via);
    other.headers.set("Call-ID", "call-2");
    let out = receive(&mut end, other.clone(), from(1));
    let Some(Output::Request { id, request, .. }) = out.last() else { panic!("{out:?}") };
    let refusal = Response::reply_to(request, 486, "", Some("t"));
    end.respond(Monotonic(0), *id, refusal, &mut Vec::new());
    other.method = Method::Ack;
    other.headers.set("CSeq", "7 ACK");
    other.headers.set("To", "<sip:called@example.org>;tag=t");
    assert_eq!(receive(&mut end, other, from(1)), [], "the ACK of the refusal stays inside");
}

#[test]
fn the_ack_of_an_answer_with_the_branch_of_its_invite_is_handed_up() {
    let mut end = called();
    let via = "SIP/2.0/UDP h:5070;branch=1";
    let out = receive(&mut end, with_via(Method::Invite, via), from(1));
    let Some(Output::Request { id, request, .. }) = out.last() else { panic!("{out:?}") };
    end.respond(Monotonic(0), *id, Response::reply_to(request, 200, "", Some("t")), &mut Vec::new());
    let mut ack = with_via(Method::Ack, via);
    ack.headers.set("To", "<sip:called@example.org>;tag=t");
    assert!(matches!(receive(&mut end, ack, from(1)).as_slice(), [Output::Ack { .. }]));
}

#[test]
fn stray_responses_are_dropped_and_counted() {
    let mut pair = Pair::new(Transport::Udp);
    pair.send(Method::Options);
    pair.run_ms(20);
    let (_, request) = pair.requests().remove(0);
    let good = Response::reply_to(&request, 200, "", Some("t"));
    let via: Via = good.headers.first("Via").unwrap().parse().unwrap();
    let change = |name: &str, value: &str| {
        let mut response = good.clone();
        response.headers.set(name, value);
        response
    };
    let mut two_vias = good.clone();
    two_vias.headers.push("Via", "SIP/2.0/UDP below;branch=z9hG4bKx");
    let strays = [
        change("CSeq", "7 INVITE"),
        change("Via", "SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23"),
        change("Via", &format!("SIP/2.0/UDP evil:5060;branch={}", via.branch().unwrap())),
        two_vias,
    ];
    let flow = pair.flow(CALLER);
    for stray in strays {
        pair.act(CALLER, |end, now, out| end.receive(now, Message::Response(stray), flow, out));
    }
    assert_eq!((pair.heard(CALLER).len(), pair.ends[CALLER].counts().strays), (0, 4));
    pair.act(CALLER, |end, now, out| end.receive(now, Message::Response(good), flow, out));
    assert_eq!(pair.heard(CALLER), ["200"]);
}

#[test]
fn an_ack_of_nothing_is_handed_up() {
    let out = receive(&mut called(), with_via(Method::Ack, "SIP/2.0/UDP h;branch=z9hG4bKa"), from(1));
    assert!(matches!(out.as_slice(), [Output::Ack { .. }]));
}

#[test]
fn what_a_listener_advertises_stands_in_our_via_and_not_what_another_does() {
    let listener = |bound: &str, advertised: &str| Listener {
        transport: Transport::Udp,
        bound: bound.parse().unwrap(),
        advertised: advertised.parse().unwrap(),
        name: None,
    };
    let listeners = vec![
        listener("[::1]:5060", "[2001:db8::5]:5060"),
        listener("127.0.0.1:5070", "203.0.113.7:5070"),
        listener("127.0.0.1:5060", "203.0.113.5:5060"),
    ];
    let settings = TransactionSettings { listeners, ..Default::default() };
    let (mut end, mut out) = (Transactions::new(settings, 1), Vec::new());
    end.request(Monotonic(0), request(Method::Options), from(5060), &mut out).unwrap();
    let [Output::Send { bytes, .. }] = out.as_slice() else { panic!("{out:?}") };
    let Message::Request(request) = codec::parse(bytes).unwrap() else { panic!("no request") };
    assert!(request.headers.first("Via").unwrap().starts_with("SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bK"));
}

#[test]
fn a_malformed_request_is_refused_where_it_came_from() {
    let mut broken = with_via(Method::Invite, "SIP/2.0/UDP h;rport;branch=z9hG4bKa");
    broken.headers.push("CSeq", "8 INVITE");
    let malformed = codec::parse(&codec::print_request(&broken)).unwrap_err();
    let end = called();
    let (to, response) = end.refusal_of(malformed, from(9999), "tag").unwrap();
    assert_eq!(to, from(9999));
    let text = String::from_utf8(codec::print_response(&response)).unwrap();
    assert!(text.starts_with("SIP/2.0 400 ") && text.contains("rport=9999"), "{text}");
    assert_eq!(end.counts().servers, 0);
}
