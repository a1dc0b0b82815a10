//! INVITE: answers, repetitions, timers, lost ACKs.

use super::*;

#[test]
fn a_lost_invite_is_repeated_with_doubling_pauses_until_it_times_out() {
    let mut pair = Pair::new(Transport::Udp);
    pair.lose(|_| true);
    pair.send(Method::Invite);
    pair.run_ms(31_999);
    let expected = ["0", "500", "1500", "3500", "7500", "15500", "31500"].map(|ms| format!("{ms} c>INVITE"));
    assert_eq!(pair.take_log(), expected);
    assert_eq!(pair.heard(CALLER), Vec::<String>::new());
    pair.run_ms(1);
    assert_eq!(pair.heard(CALLER), ["timed out"]);
    assert_eq!(pair.ends[CALLER].counts().timeouts, 1);
    pair.assert_idle();
}

#[test]
fn a_stream_repeats_nothing() {
    let mut pair = Pair::new(Transport::Tcp);
    pair.lose(|_| true);
    pair.send(Method::Invite);
    pair.run_ms(32_000);
    assert_eq!(pair.take_log(), ["0 c>INVITE"]);
    assert_eq!(pair.heard(CALLER), ["timed out"]);
}

#[test]
fn trying_goes_out_at_once_and_stops_the_repetition() {
    let mut pair = Pair::new(Transport::Udp);
    pair.send(Method::Invite);
    pair.run_ms(60_000);
    assert_eq!(pair.take_log(), ["0 c>INVITE", "10 s>100 INVITE"]);
    assert_eq!((pair.heard(CALLER), pair.heard(CALLED)), (vec!["100".into()], vec!["INVITE".into()]));
}

#[test]
fn trying_waits_if_told_to_and_is_left_out_when_the_user_was_faster() {
    let settings = TransactionSettings { trying_after: Duration::from_millis(200), ..Default::default() };
    let mut slow = Pair::with(Transport::Udp, settings.clone());
    slow.send(Method::Invite);
    slow.run_ms(1000);
    assert_eq!(slow.take_log(), ["0 c>INVITE", "210 s>100 INVITE"]);
    let mut quick = Pair::with(Transport::Udp, settings);
    quick.send(Method::Invite);
    quick.run_ms(20);
    quick.respond(180);
    quick.run_ms(1000);
    assert_eq!(quick.take_log(), ["0 c>INVITE", "20 s>180 INVITE"]);
}

#[test]
fn a_repeated_invite_gets_the_last_provisional_response_again_and_is_not_told_twice() {
    let mut pair = Pair::new(Transport::Udp);
    let mut first = true;
    pair.lose(move |what| what == "s>100 INVITE" && std::mem::take(&mut first));
    pair.send(Method::Invite);
    pair.run_ms(600);
    assert_eq!(pair.take_log(), ["0 c>INVITE", "10 s>100 INVITE", "500 c>INVITE", "510 s>100 INVITE"]);
    assert_eq!(pair.heard(CALLED), ["INVITE"]);
    assert_eq!(pair.ends[CALLED].counts().retransmissions_received, 1);
}

#[test]
fn a_refusal_is_acknowledged_inside_with_the_route_and_branch_of_the_invite() {
    let mut pair = Pair::new(Transport::Udp);
    pair.send(Method::Invite);
    pair.run_ms(20);
    pair.respond(486);
    let (mut invite, mut ack) = (None, None);
    while pair.next().is_some_and(|next| next < Monotonic(100_000)) {
        for (_, bytes) in pair.wire.values() {
            match codec::parse(bytes).unwrap() {
                Message::Request(request) if request.method == Method::Ack => ack = Some(request),
                Message::Request(request) => invite = Some(request),
                Message::Response(_) => {}
            }
        }
        pair.step(Monotonic(100_000));
    }
    assert!(invite.is_none(), "the INVITE was over before");
    let (_, invite) = pair.requests().remove(0);
    let ack = ack.unwrap();
    for name in ["Call-ID", "From", "Route"] {
        assert_eq!(ack.headers.first(name), invite.headers.first(name), "{name}");
    }
    let branch = |request: &Request| route::top_via(&request.headers).unwrap().branch().unwrap().to_owned();
    assert_eq!(branch(&ack), branch(&invite));
    assert_eq!(ack.headers.first("CSeq"), Some("7 ACK"));
    assert_eq!(ack.to_tag().as_deref(), Some("called"));
    assert!(ack.body.is_empty());
    assert_eq!(pair.heard(CALLED), ["INVITE"], "the ACK stays inside");
}

#[test]
fn a_lost_ack_of_a_refusal_is_sent_again() {
    let mut pair = Pair::new(Transport::Udp);
    let mut lost = 2;
    pair.lose(move |what| {
        let loses = what == "c>ACK" && lost > 0;
        lost -= i32::from(loses);
        loses
    });
    pair.send(Method::Invite);
    pair.run_ms(20);
    pair.take_log();
    pair.respond(486);
    pair.run_ms(60_000);
    let refusals =
        ["20 s>486 INVITE", "30 c>ACK", "520 s>486 INVITE", "530 c>ACK", "1520 s>486 INVITE", "1530 c>ACK"];
    assert_eq!(pair.take_log(), refusals);
    assert_eq!(pair.heard(CALLER), ["100", "486", "ended"]);
    assert_eq!(pair.heard(CALLED), ["INVITE", "ended"]);
    pair.assert_idle();
}

#[test]
fn a_refusal_nobody_acknowledges_is_given_up() {
    let mut pair = Pair::new(Transport::Udp);
    pair.lose(|what| what == "c>ACK");
    pair.send(Method::Invite);
    pair.run_ms(20);
    pair.respond(603);
    pair.run_ms(31_999);
    assert_eq!(pair.log.iter().filter(|entry| entry.ends_with("s>603 INVITE")).count(), 11);
    assert_eq!(pair.heard(CALLED), ["INVITE"]);
    pair.run_ms(1_000);
    assert_eq!(pair.heard(CALLED), ["INVITE", "ended open"]);
    pair.assert_idle();
}

#[test]
fn an_answer_is_repeated_by_the_dialog_and_every_copy_is_handed_up() {
    let mut pair = Pair::new(Transport::Udp);
    let id = pair.send(Method::Invite);
    pair.run_ms(20);
    pair.respond(200);
    pair.run_ms(500);
    pair.respond(200);
    pair.respond(486);
    pair.run_ms(60_000);
    assert_eq!(pair.heard(CALLER), ["100", "200", "200", "ended"]);
    assert_eq!(pair.heard(CALLED), ["INVITE", "ended"]);
    assert!(matches!(pair.news[CALLER][1], Output::Response { id: told, .. } if told == id));
    pair.assert_idle();
}

#[test]
fn an_answered_invite_that_comes_again_is_absorbed() {
    let mut pair = Pair::new(Transport::Udp);
    pair.fate = Box::new(|what| if what == "c>INVITE" { Fate::Doubled } else { Fate::Arrives });
    pair.send(Method::Invite);
    pair.run_ms(5);
    let late = pair.wire.values().next().unwrap().clone();
    pair.run_ms(15);
    pair.respond(200);
    pair.wire.insert((pair.now, 99), late);
    pair.run_ms(1000);
    let expected = ["0 c>INVITE", "10 s>100 INVITE", "10 s>100 INVITE", "20 s>200 INVITE"];
    assert_eq!(pair.take_log(), expected);
    assert_eq!(pair.heard(CALLED), ["INVITE"]);
}

#[test]
fn the_ack_of_an_answer_is_handed_up_each_time() {
    let mut pair = Pair::new(Transport::Udp);
    pair.send(Method::Invite);
    pair.run_ms(20);
    pair.respond(200);
    pair.run_ms(20);
    for _ in 0..2 {
        let (ack, to) = (request(Method::Ack), pair.flow(CALLER));
        pair.act(CALLER, |end, _, out| end.send_ack(ack, to, out));
    }
    pair.run_ms(20);
    assert_eq!(pair.heard(CALLED), ["INVITE", "ACK", "ACK"]);
}

#[test]
fn an_answer_after_a_refusal_is_handed_up_so_that_it_can_be_hung_up() {
    let mut pair = Pair::new(Transport::Udp);
    pair.send(Method::Invite);
    pair.run_ms(20);
    let (_, invite) = pair.requests().remove(0);
    for (status, tag) in [(486, "one"), (200, "two")] {
        let response = Response::reply_to(&invite, status, "", Some(tag));
        let from = pair.flow(CALLER);
        pair.act(CALLER, |end, now, out| end.receive(now, Message::Response(response), from, out));
    }
    assert_eq!(pair.heard(CALLER), ["100", "486", "200"]);
}

#[test]
fn over_a_stream_a_refusal_ends_both_sides_with_the_ack() {
    let mut pair = Pair::new(Transport::Tcp);
    pair.send(Method::Invite);
    pair.run_ms(20);
    pair.respond(404);
    pair.run_ms(20);
    assert_eq!(pair.heard(CALLER), ["100", "404", "ended"]);
    assert_eq!(pair.heard(CALLED), ["INVITE", "ended"]);
    pair.assert_idle();
}

#[test]
fn a_late_tick_acts_once() {
    let mut pair = Pair::new(Transport::Udp);
    pair.lose(|_| true);
    pair.send(Method::Invite);
    pair.now = Monotonic(20_000_000);
    pair.step(Monotonic(20_000_000));
    assert_eq!(pair.take_log(), ["0 c>INVITE", "20000 c>INVITE"]);
}
