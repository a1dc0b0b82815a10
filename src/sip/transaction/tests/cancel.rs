//! CANCEL and its races (RFC 3261 §9).

use super::*;

impl Pair {
    fn cancel(&mut self, id: ClientId) {
        self.act(CALLER, |end, now, out| end.cancel(now, id, out));
    }
}

#[test]
fn a_cancel_waits_for_the_first_provisional_response() {
    let mut pair = Pair::new(Transport::Udp);
    let id = pair.send(Method::Invite);
    pair.cancel(id);
    assert_eq!(pair.take_log(), ["0 c>INVITE"]);
    pair.run_ms(40);
    pair.respond(487);
    pair.run_ms(60_000);
    let expected = ["10 s>100 INVITE", "20 c>CANCEL", "30 s>200 CANCEL", "40 s>487 INVITE", "50 c>ACK"];
    assert_eq!(pair.take_log(), expected);
    assert_eq!(pair.heard(CALLER), ["100", "487", "ended"]);
    assert_eq!(pair.heard(CALLED), ["INVITE", "cancelled", "ended"]);
    pair.assert_idle();
}

#[test]
fn a_lost_cancel_is_repeated_and_told_once() {
    let mut pair = Pair::new(Transport::Udp);
    let mut first = true;
    pair.fate = Box::new(move |what| match what {
        "c>CANCEL" if std::mem::take(&mut first) => Fate::Lost,
        "c>CANCEL" => Fate::Doubled,
        _ => Fate::Arrives,
    });
    let id = pair.send(Method::Invite);
    pair.run_ms(100);
    pair.cancel(id);
    pair.cancel(id);
    pair.run_ms(1_000);
    assert_eq!(pair.log.iter().filter(|entry| entry.ends_with("CANCEL")).count(), 4, "{:?}", pair.log);
    assert_eq!(pair.heard(CALLED), ["INVITE", "cancelled"]);
}

#[test]
fn a_cancel_that_crosses_the_answer_changes_nothing() {
    let mut pair = Pair::new(Transport::Udp);
    let id = pair.send(Method::Invite);
    pair.run_ms(100);
    pair.cancel(id);
    pair.respond(200);
    pair.run_ms(60_000);
    assert_eq!(pair.heard(CALLER), ["100", "200", "ended"]);
    assert_eq!(pair.heard(CALLED), ["INVITE", "ended"]);
    assert!(pair.log.contains(&"110 s>200 CANCEL".to_owned()));
    pair.assert_idle();
}

#[test]
fn an_answer_before_any_provisional_response_beats_a_cancel_that_waits() {
    let settings = TransactionSettings { trying_after: Duration::from_secs(1), ..Default::default() };
    let mut pair = Pair::with(Transport::Udp, settings);
    let id = pair.send(Method::Invite);
    pair.cancel(id);
    pair.run_ms(20);
    pair.respond(200);
    pair.run_ms(60_000);
    assert_eq!(pair.take_log(), ["0 c>INVITE", "20 s>200 INVITE"]);
    assert_eq!(pair.heard(CALLER), ["200", "ended"]);
}

#[test]
fn a_peer_that_never_obeys_the_cancel_is_given_up() {
    let mut pair = Pair::new(Transport::Udp);
    let id = pair.send(Method::Invite);
    pair.run_ms(100_000);
    pair.cancel(id);
    pair.run_ms(31_999);
    assert_eq!(pair.heard(CALLER), ["100"]);
    pair.run_ms(1);
    assert_eq!(pair.heard(CALLER), ["100", "timed out"]);
}

#[test]
fn a_cancel_of_nothing_gets_481_and_carries_the_tag_of_the_invite_otherwise() {
    let mut pair = Pair::new(Transport::Udp);
    let mut cancel = request(Method::Cancel);
    cancel.headers.push_front("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKnothing");
    pair.put(CALLER, codec::print_request(&cancel).into());
    pair.run_ms(20);
    assert_eq!(pair.take_log(), ["0 c>CANCEL", "10 s>481 CANCEL"]);
    assert_eq!(pair.heard(CALLED), Vec::<String>::new());

    let id = pair.send(Method::Invite);
    pair.run_ms(20);
    pair.respond(180);
    pair.run_ms(20);
    pair.cancel(id);
    pair.run_ms(10);
    let (_, bytes) = pair.wire.values().next().unwrap();
    let Message::Response(response) = codec::parse(bytes).unwrap() else { panic!("no response") };
    assert_eq!((response.status, response.to_tag().as_deref()), (200, Some("called")));
}
