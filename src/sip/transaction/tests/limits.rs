//! Too much at once.

use super::*;

fn from() -> Flow {
    Flow::udp(SocketAddr::from(([127, 0, 0, 1], 5060)), SocketAddr::from(([192, 0, 2, 1], 5060)))
}

fn numbered(method: Method, number: usize) -> Request {
    let mut request = request(method);
    request.headers.push_front("Via", format!("SIP/2.0/UDP h;branch=z9hG4bK{number}"));
    request
}

fn receive(end: &mut Transactions, request: Request) -> Vec<Output> {
    let mut out = Vec::new();
    end.receive(Monotonic(0), Message::Request(request), from(), &mut out);
    out
}

#[test]
fn a_flood_is_refused_without_a_trace_and_calls_can_still_be_ended() {
    let settings = TransactionSettings { servers_max: 16, ..Default::default() };
    let mut end = Transactions::new(settings, 1);
    for number in 0..16 {
        receive(&mut end, numbered(Method::Invite, number));
    }
    let size = codec::print_request(&numbered(Method::Invite, 16)).len();
    for _ in 0..100 {
        let out = receive(&mut end, numbered(Method::Invite, 16));
        let [Output::Send { bytes, .. }] = out.as_slice() else { panic!("{out:?}") };
        let text = std::str::from_utf8(bytes).unwrap();
        assert!(text.starts_with("SIP/2.0 503 ") && text.contains("\r\nRetry-After: 5\r\n"));
        assert!(bytes.len() * 2 <= size * 3, "no amplifier: {} for {size}", bytes.len());
    }
    assert_eq!((end.counts().servers, end.counts().refused), (16, 100));
    let mut bye = numbered(Method::Bye, 17);
    bye.headers.set("To", "<sip:called@example.org>;tag=t");
    assert!(matches!(receive(&mut end, bye).as_slice(), [Output::Request { .. }]));
    assert_eq!(receive(&mut end, numbered(Method::Ack, 18)).len(), 1);
}

#[test]
fn requests_of_ours_are_bounded_too_and_calls_can_still_be_ended() {
    let settings = TransactionSettings { clients_max: 8, ..Default::default() };
    let (mut end, mut out) = (Transactions::new(settings, 1), Vec::new());
    let mut send = |request| end.request(Monotonic(0), request, from(), &mut out);
    assert!((0..8).all(|_| send(request(Method::Options)).is_ok()));
    assert_eq!(send(request(Method::Invite)), Err(Full));
    let mut bye = request(Method::Bye);
    bye.headers.set("To", "<sip:called@example.org>;tag=called");
    assert!(send(bye.clone()).is_ok(), "a call that stands can still be ended");
    assert_eq!(send(bye), Err(Full));
}

#[test]
fn timers_of_nothing_do_not_hang() {
    let settings = TransactionSettings {
        t1: Duration::ZERO,
        t2: Duration::ZERO,
        t4: Duration::ZERO,
        ..Default::default()
    };
    let mut pair = Pair::with(Transport::Udp, settings);
    pair.lose(|_| true);
    pair.send(Method::Options);
    pair.run_ms(1_000);
    assert_eq!(pair.heard(CALLER), ["timed out"]);
}
