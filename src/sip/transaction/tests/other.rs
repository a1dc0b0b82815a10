//! Requests that are no INVITE.

use super::*;

#[test]
fn a_lost_request_is_repeated_up_to_t2_and_times_out() {
    let mut pair = Pair::new(Transport::Udp);
    pair.lose(|_| true);
    pair.send(Method::Options);
    pair.run_ms(32_000);
    let at = ["0", "500", "1500", "3500", "7500", "11500", "15500", "19500", "23500", "27500", "31500"];
    assert_eq!(pair.take_log(), at.map(|ms| format!("{ms} c>OPTIONS")));
    assert_eq!(pair.heard(CALLER), ["timed out"]);
    pair.assert_idle();
}

#[test]
fn a_provisional_response_slows_the_repetition_to_t2() {
    let mut pair = Pair::new(Transport::Udp);
    pair.lose(|what| what == "s>200 OPTIONS");
    pair.send(Method::Options);
    pair.run_ms(20);
    pair.respond(183);
    pair.run_ms(9_000);
    let expected =
        ["0 c>OPTIONS", "20 s>183 OPTIONS", "500 c>OPTIONS", "510 s>183 OPTIONS", "4500 c>OPTIONS"];
    assert_eq!(pair.take_log()[..5], expected);
}

#[test]
fn a_lost_answer_is_repeated_for_a_repeated_request() {
    let mut pair = Pair::new(Transport::Udp);
    let mut first = true;
    pair.lose(move |what| what == "s>200 BYE" && std::mem::take(&mut first));
    pair.send(Method::Bye);
    pair.run_ms(20);
    pair.respond(200);
    pair.run_ms(60_000);
    assert_eq!(pair.take_log(), ["0 c>BYE", "20 s>200 BYE", "500 c>BYE", "510 s>200 BYE"]);
    assert_eq!(pair.heard(CALLER), ["200", "ended"]);
    assert_eq!(pair.heard(CALLED), ["BYE", "ended"]);
    pair.assert_idle();
}

#[test]
fn only_the_first_final_response_is_sent() {
    let mut pair = Pair::new(Transport::Udp);
    pair.send(Method::Bye);
    pair.run_ms(20);
    pair.respond(200);
    pair.respond(500);
    pair.run_ms(20);
    assert_eq!(pair.take_log(), ["0 c>BYE", "20 s>200 BYE"]);
}

#[test]
fn a_request_its_user_never_answers_does_not_stay_for_ever() {
    let mut pair = Pair::new(Transport::Udp);
    pair.send(Method::Options);
    pair.run_ms(33_000);
    assert_eq!(pair.heard(CALLED), ["OPTIONS", "ended open"]);
    pair.respond(200);
    assert!(!pair.log.iter().any(|entry| entry.contains("200")));
    pair.assert_idle();
}

#[test]
fn over_a_stream_nothing_lingers() {
    let mut pair = Pair::new(Transport::Tcp);
    pair.send(Method::Register);
    pair.run_ms(20);
    pair.respond(200);
    pair.run_ms(20);
    assert_eq!(pair.heard(CALLER), ["200", "ended"]);
    pair.assert_idle();
}

#[test]
fn what_cannot_be_sent_fails_at_once() {
    let mut pair = Pair::new(Transport::Udp);
    pair.send(Method::Options);
    pair.send(Method::Invite);
    let flow = pair.flow(CALLER);
    pair.act(CALLER, |end, _, out| end.transport_failed(flow, out));
    assert_eq!(pair.heard(CALLER), ["failed", "failed"]);
    let flow = pair.flow(CALLED);
    pair.run_ms(20);
    pair.act(CALLED, |end, _, out| end.transport_failed(flow, out));
    assert_eq!(pair.heard(CALLED), ["OPTIONS", "INVITE", "ended open", "ended open"]);
    pair.assert_idle();
}
