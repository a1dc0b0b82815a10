//! Provisional responses that must arrive (RFC 3262): ours to callers, and those of agents' phones.

use crate::bench::{ANNA, Bench, PATIENCE, agent_leg, caller_leg};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::id::{CallId, OfferId};
use holdfast::engine::{Command, Event};
use holdfast::sip::message::{Method, Request, Response};

/// A caller who knows how, or wants it so; the engine lets him hear music before it answers.
fn early(header: &str, body: Vec<u8>) -> (Bench, Dialler) {
    let (mut bench, mut caller) = (Bench::new(), Dialler::new());
    let mut invite = caller.make(Method::Invite, body);
    invite.headers.push(header, "timer, 100rel");
    bench.request(caller.flow, &invite);
    bench.expect_response(100);
    bench.events.clear();
    bench.command(Command::Progress { call: CallId(100) });
    (bench, caller)
}

fn offer() -> Vec<u8> {
    sdp(40_000, 0, "sendrecv")
}

fn prack(caller: &mut Dialler, response: &Response, body: Vec<u8>) -> Request {
    caller.learn(response);
    let mut request = caller.make(Method::Prack, body);
    let rseq = response.headers.first("RSeq").expect("it must arrive");
    request.headers.push("RAck", format!("{rseq} 1 INVITE"));
    request
}

#[test]
fn a_183_that_must_arrive_is_repeated_until_it_has_and_the_200_waits_for_it() {
    for header in ["Supported", "Require"] {
        let (mut bench, mut caller) = early(header, offer());
        let session = bench.expect_response(183);
        assert!(
            session.headers.first("Require").is_some_and(|it| it == "100rel") && !session.body.is_empty()
        );
        bench.command(Command::Answer { call: CallId(100) });
        bench.expect_silence();
        bench.after(std::time::Duration::from_millis(500));
        assert_eq!(bench.expect_response(183).headers.first("RSeq"), session.headers.first("RSeq"));
        let request = prack(&mut caller, &session, Vec::new());
        bench.request(caller.flow, &request);
        bench.expect_response(200);
        let ok = bench.expect_response(200);
        assert!(ok.headers.first("CSeq").unwrap().ends_with("INVITE"));
        assert!(ok.body.is_empty(), "the description has arrived before (RFC 3261 §13.2.1)");
        caller.send(&mut bench, Method::Ack, Vec::new());
        bench.expect_silence();
        bench.expect_no_event();
        assert!(bench.media.open[&caller_leg()].is_some());
    }
}

#[test]
fn whoever_never_says_that_it_has_arrived_is_let_go() {
    let (mut bench, _) = early("Supported", offer());
    bench.after(PATIENCE);
    let mut copies = 0;
    let last = loop {
        match bench.wire.pop_front() {
            Some((_, holdfast::sip::message::Message::Response(it))) if it.status == 183 => copies += 1,
            Some((_, holdfast::sip::message::Message::Response(it))) => break it.status,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((copies, last), (11, 504));
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    assert!(bench.media.open.is_empty());
}

#[test]
fn an_invite_without_an_offer_has_it_in_the_183_and_the_answer_in_the_prack() {
    let (mut bench, mut caller) = early("Require", Vec::new());
    let session = bench.expect_response(183);
    assert!(!session.body.is_empty());
    let request = prack(&mut caller, &session, sdp(40_000, 8, "sendrecv"));
    bench.request(caller.flow, &request);
    bench.expect_response(200);
    assert_eq!(bench.media.open[&caller_leg()].unwrap().remote.port(), 40_000);
    bench.command(Command::Answer { call: CallId(100) });
    assert!(bench.expect_response(200).body.is_empty());
}

#[test]
fn once_the_first_description_has_arrived_an_update_may_bring_another() {
    let (mut bench, mut caller) = early("Supported", offer());
    let progress = bench.expect_response(183);
    caller.learn(&progress);
    caller.send(&mut bench, Method::Update, sdp(44_000, 0, "sendrecv"));
    assert!(bench.expect_response(500).headers.first("Retry-After").is_some());
    let acknowledged = prack(&mut caller, &progress, Vec::new());
    bench.request(caller.flow, &acknowledged);
    bench.expect_response(200);
    caller.send(&mut bench, Method::Update, sdp(45_000, 0, "sendrecv"));
    assert!(!bench.expect_response(200).body.is_empty());
    assert_eq!(bench.media.open[&caller_leg()].unwrap().remote.port(), 45_000);
    bench.command(Command::Answer { call: CallId(100) });
    assert!(bench.expect_response(200).body.is_empty(), "what was agreed on is not said again");
}

#[test]
fn an_update_that_meets_our_own_early_offer_is_told_so() {
    let (mut bench, mut caller) = early("Supported", Vec::new());
    let progress = bench.expect_response(183);
    caller.learn(&progress);
    caller.send(&mut bench, Method::Update, offer());
    bench.expect_response(491);
}

#[test]
fn a_prack_of_something_else_is_none_and_changes_nothing() {
    let (mut bench, mut caller) = early("Supported", offer());
    let session = bench.expect_response(183);
    let mut request = prack(&mut caller, &session, Vec::new());
    request.headers.set("RAck", "1 1 INVITE");
    bench.request(caller.flow, &request);
    bench.expect_response(481);
    let request = prack(&mut caller, &session, Vec::new());
    bench.request(caller.flow, &request);
    bench.expect_response(200);
    let again = prack(&mut caller, &session, Vec::new());
    bench.request(caller.flow, &again);
    bench.expect_response(481);
}

#[test]
fn a_caller_who_gives_up_before_it_has_arrived_is_gone() {
    let (mut bench, mut caller) = early("Supported", offer());
    let session = bench.expect_response(183);
    caller.learn(&session);
    caller.send(&mut bench, Method::Bye, Vec::new());
    bench.expect_response(200);
    bench.expect_response(487);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.expect_nothing_left();
}

/// Anna's phone has told before it was picked up what it can do, in a response that must arrive.
fn ringing_reliably() -> (Bench, Phone, Request, Response) {
    let mut bench = Bench::new();
    Dialler::established(&mut bench);
    let phone = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    bench.offer(1, ANNA);
    let (_, invite) = bench.expect_request(Method::Invite);
    assert!(invite.headers.has_token("Supported", "100rel"));
    let mut session = phone.reply(&invite, 183, sdp(50_000, 8, "sendrecv"));
    session.headers.push("Require", "100rel");
    session.headers.push("RSeq", "900");
    bench.response(phone.flow, &session);
    (bench, phone, invite, session)
}

#[test]
fn a_phone_is_told_that_its_183_has_arrived_and_need_not_repeat_it_in_its_200() {
    let (mut bench, phone, invite, session) = ringing_reliably();
    let (flow, prack) = bench.expect_request(Method::Prack);
    assert_eq!(flow, phone.flow);
    assert_eq!(prack.headers.first("RAck"), Some("900 1 INVITE"));
    assert_eq!(prack.headers.first("CSeq"), Some("2 PRACK"));
    bench.expect_event(Event::OfferRinging { offer: OfferId(1) });
    // Its repetition is not acknowledged again, nor one that has overtaken another.
    bench.response(phone.flow, &session);
    let mut later = session;
    later.headers.set("RSeq", "902");
    bench.response(phone.flow, &later);
    bench.expect_silence();
    bench.response(phone.flow, &phone.reply(&prack, 200, Vec::new()));
    bench.response(phone.flow, &phone.reply(&invite, 200, Vec::new()));
    let (_, ack) = bench.expect_request(Method::Ack);
    assert_eq!(ack.headers.first("CSeq"), Some("1 ACK"));
    bench.expect_event(Event::OfferAnswered { offer: OfferId(1) });
    assert_eq!(bench.media.open[&agent_leg()].unwrap().remote.port(), 50_000);
    bench.command(Command::Hangup { leg: agent_leg() });
    let (_, bye) = bench.expect_request(Method::Bye);
    assert_eq!(bye.headers.first("CSeq"), Some("3 BYE"), "the PRACK had the number before");
}
