//! The agent's leg: ringing, the races of answer and cancel, and what a refusal means.

use crate::bench::{ANNA, BERT, Bench, agent_leg, caller_leg};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::event::OfferFailure;
use holdfast::engine::id::OfferId;
use holdfast::engine::{Command, Event};
use holdfast::sip::message::{Method, Request, Response};
use std::time::Duration;

const OFFER: OfferId = OfferId(1);

fn failed(failure: OfferFailure) -> Event {
    Event::OfferFailed { offer: OFFER, failure, retry_after: None }
}

/// Anna's phone rings.
fn ringing(bench: &mut Bench) -> (Phone, Request) {
    let phone = Phone::registered(bench, "anna", "198.51.100.1:5070");
    bench.offer(1, ANNA);
    let (flow, invite) = bench.expect_request(Method::Invite);
    assert_eq!(flow, phone.flow);
    phone.says(bench, &invite, 180);
    bench.expect_event(Event::OfferRinging { offer: OFFER });
    (phone, invite)
}

#[test]
fn an_agent_sees_queue_and_caller_answers_and_hangs_up() {
    let mut bench = Bench::new();
    Dialler::established(&mut bench);
    let (phone, invite) = ringing(&mut bench);
    assert!(invite.headers.first("From").unwrap().starts_with("\"Sales: Jane\" <sip:030123@192.0.2.9>"));
    assert_eq!(invite.headers.first("X-Holdfast-Queue"), Some("sales"));
    assert_eq!(invite.headers.first("X-Holdfast-Call"), Some("100"));
    assert_eq!(bench.media.near.last(), Some(&Some(caller_leg())));
    phone.says(&mut bench, &invite, 200);
    let (_, ack) = bench.expect_request(Method::Ack);
    assert_eq!(ack.uri, "sip:anna@198.51.100.1:5070");
    bench.expect_event(Event::OfferAnswered { offer: OFFER });
    assert_eq!(bench.media.open[&agent_leg()].unwrap().remote.port(), 50_000);
    bench.request(phone.flow, &phone.request(&invite, Method::Bye, 1, Vec::new()));
    bench.expect_response(200);
    bench.expect_event(Event::LegEnded { leg: agent_leg() });
    bench.command(Command::Hangup { leg: caller_leg() });
    bench.expect_request(Method::Bye);
    bench.expect_nothing_left();
}

#[test]
fn what_a_phone_says_in_a_call_whose_answer_is_still_on_its_way_is_not_refused_but_comes_again() {
    let mut bench = Bench::new();
    let (phone, invite) = ringing(&mut bench);
    let options = phone.request(&invite, Method::Options, 1, Vec::new());
    bench.request(phone.flow, &options);
    bench.expect_silence();
    phone.says(&mut bench, &invite, 200);
    bench.expect_request(Method::Ack);
    bench.request(phone.flow, &options);
    bench.expect_response(200);
    // Of a call that is none of ours it is told so.
    let mut other = phone.request(&invite, Method::Options, 2, Vec::new());
    other.headers.set("Call-ID", "nobody-s");
    bench.request(phone.flow, &other);
    bench.expect_response(481);
}

#[test]
fn a_caller_who_leaves_while_it_rings_stops_the_ringing_at_once() {
    let mut bench = Bench::new();
    let (phone, invite) = ringing(&mut bench);
    bench.cancel_offer(1, false);
    let (_, cancel) = bench.expect_request(Method::Cancel);
    assert_eq!(cancel.headers.first("Reason"), None);
    assert_eq!(cancel.headers.first("Via"), invite.headers.first("Via"));
    assert!(bench.media.open.is_empty());
    phone.says(&mut bench, &invite, 487);
    bench.expect_request(Method::Ack);
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn a_cancel_waits_for_the_first_sign_of_the_phone() {
    let mut bench = Bench::new();
    let phone = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    bench.offer(1, ANNA);
    let (_, invite) = bench.expect_request(Method::Invite);
    bench.cancel_offer(1, true);
    bench.expect_silence();
    phone.says(&mut bench, &invite, 180);
    let (_, cancel) = bench.expect_request(Method::Cancel);
    let reason = cancel.headers.first("Reason").unwrap();
    assert_eq!(reason, "SIP;cause=200;text=\"Call completed elsewhere\"");
    bench.expect_no_event();
    bench.expect_nothing_left();
}

#[test]
fn an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up() {
    let mut bench = Bench::new();
    let (phone, invite) = ringing(&mut bench);
    bench.cancel_offer(1, false);
    bench.expect_request(Method::Cancel);
    phone.says(&mut bench, &invite, 200);
    bench.expect_request(Method::Ack);
    let (_, bye) = bench.expect_request(Method::Bye);
    assert_eq!(bye.headers.first("CSeq"), Some("2 BYE"));
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn an_answer_the_engine_no_longer_wants_is_hung_up() {
    let mut bench = Bench::new();
    let (phone, invite) = ringing(&mut bench);
    phone.says(&mut bench, &invite, 200);
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::OfferAnswered { offer: OFFER });
    bench.cancel_offer(1, false);
    bench.expect_request(Method::Bye);
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn refusals_are_told_apart() {
    let cases = [
        (486, OfferFailure::Busy),
        (600, OfferFailure::Busy),
        (603, OfferFailure::Declined),
        (403, OfferFailure::Declined),
        (302, OfferFailure::Declined),
        (480, OfferFailure::NoAnswer),
        (404, OfferFailure::Unreachable),
        (503, OfferFailure::Unreachable),
    ];
    for (status, failure) in cases {
        let mut bench = Bench::new();
        let (phone, invite) = ringing(&mut bench);
        phone.says(&mut bench, &invite, status);
        bench.expect_request(Method::Ack);
        bench.expect_event(failed(failure));
        bench.expect_nothing_left();
        bench.expect_no_event();
    }
}

#[test]
fn a_phone_may_ask_to_be_left_alone_for_a_while() {
    let mut bench = Bench::new();
    let (phone, invite) = ringing(&mut bench);
    let mut busy = phone.reply(&invite, 486, Vec::new());
    busy.headers.push("Retry-After", "90 (in a meeting)");
    bench.response(phone.flow, &busy);
    let retry_after = Some(Duration::from_secs(90));
    bench.expect_event(Event::OfferFailed { offer: OFFER, failure: OfferFailure::Busy, retry_after });
}

#[test]
fn a_dead_phone_is_unreachable_after_six_seconds_and_cancelled_if_it_wakes() {
    let mut bench = Bench::new();
    let phone = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    bench.offer(1, ANNA);
    let (_, invite) = bench.expect_request(Method::Invite);
    bench.after(Duration::from_millis(5_999));
    bench.expect_no_event();
    bench.after(Duration::from_millis(1));
    bench.expect_event(failed(OfferFailure::Unreachable));
    bench.wire.retain(|(_, message)| matches!(message, holdfast::sip::message::Message::Response(_)));
    phone.says(&mut bench, &invite, 180);
    bench.expect_request(Method::Cancel);
    bench.expect_nothing_left();
}

#[test]
fn an_agent_without_a_phone_fails_at_once() {
    let mut bench = Bench::new();
    bench.offer(1, BERT);
    bench.expect_event(failed(OfferFailure::Unreachable));
    bench.expect_silence();
    bench.expect_nothing_left();
}

#[test]
fn without_media_nobody_is_rung() {
    let mut bench = Bench::new();
    Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    bench.media.ports_left = Some(0);
    bench.offer(1, ANNA);
    bench.expect_event(failed(OfferFailure::Unreachable));
    bench.expect_silence();
}

#[test]
fn of_two_phones_the_first_to_answer_wins_and_the_late_one_is_hung_up() {
    let mut bench = Bench::new();
    let desk = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    let soft = Phone::registered(&mut bench, "anna", "198.51.100.1:5080");
    bench.offer(1, ANNA);
    let (_, to_desk) = bench.expect_request(Method::Invite);
    let (_, to_soft) = bench.expect_request(Method::Invite);
    assert_eq!(to_desk.body, to_soft.body, "one media session for both");
    desk.says(&mut bench, &to_desk, 180);
    soft.says(&mut bench, &to_soft, 180);
    bench.expect_event(Event::OfferRinging { offer: OFFER });
    soft.says(&mut bench, &to_soft, 200);
    bench.expect_request(Method::Ack);
    let (flow, cancel) = bench.expect_request(Method::Cancel);
    assert_eq!(flow, desk.flow);
    assert!(cancel.headers.first("Reason").is_some());
    bench.expect_event(Event::OfferAnswered { offer: OFFER });
    desk.says(&mut bench, &to_desk, 200);
    bench.expect_request(Method::Ack);
    let (flow, _) = bench.expect_request(Method::Bye);
    assert_eq!(flow, desk.flow);
    bench.expect_no_event();
    assert_eq!((bench.core.counts().legs, bench.media.open.len()), (1, 1));
}

#[test]
fn one_phones_refusal_leaves_the_other_ringing_and_the_last_one_counts() {
    let mut bench = Bench::new();
    let desk = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    let soft = Phone::registered(&mut bench, "anna", "198.51.100.1:5080");
    bench.offer(1, ANNA);
    let (_, to_desk) = bench.expect_request(Method::Invite);
    let (_, to_soft) = bench.expect_request(Method::Invite);
    desk.says(&mut bench, &to_desk, 486);
    bench.expect_request(Method::Ack);
    bench.expect_no_event();
    soft.says(&mut bench, &to_soft, 404);
    bench.expect_event(failed(OfferFailure::Busy));
    bench.expect_nothing_left();
}

#[test]
fn a_decline_for_all_phones_stops_the_others() {
    let mut bench = Bench::new();
    let desk = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    let soft = Phone::registered(&mut bench, "anna", "198.51.100.1:5080");
    bench.offer(1, ANNA);
    let (_, to_desk) = bench.expect_request(Method::Invite);
    let (_, to_soft) = bench.expect_request(Method::Invite);
    soft.says(&mut bench, &to_soft, 180);
    bench.expect_event(Event::OfferRinging { offer: OFFER });
    desk.says(&mut bench, &to_desk, 603);
    bench.expect_request(Method::Ack);
    let (flow, _) = bench.expect_request(Method::Cancel);
    assert_eq!(flow, soft.flow);
    bench.expect_event(failed(OfferFailure::Declined));
    bench.expect_nothing_left();
}

#[test]
fn an_answer_that_comes_again_is_acknowledged_again() {
    let mut bench = Bench::new();
    let (phone, invite) = ringing(&mut bench);
    phone.says(&mut bench, &invite, 200);
    let (_, first) = bench.expect_request(Method::Ack);
    bench.expect_event(Event::OfferAnswered { offer: OFFER });
    phone.says(&mut bench, &invite, 200);
    let (_, again) = bench.expect_request(Method::Ack);
    assert_eq!(first.headers.first("CSeq"), again.headers.first("CSeq"));
    bench.command(Command::Hangup { leg: agent_leg() });
    bench.expect_request(Method::Bye);
    phone.says(&mut bench, &invite, 200);
    bench.expect_request(Method::Ack);
    bench.expect_no_event();
}

#[test]
fn forked_answers_of_one_invite_leave_one_call() {
    let mut bench = Bench::new();
    let (phone, invite) = ringing(&mut bench);
    phone.says(&mut bench, &invite, 200);
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::OfferAnswered { offer: OFFER });
    let other = phone.reply_with_tag(&invite, 200, "other-branch", sdp(51_000, 0, "sendrecv"));
    bench.response(phone.flow, &other);
    bench.expect_request(Method::Ack);
    let (_, bye) = bench.expect_request(Method::Bye);
    assert!(bye.headers.first("To").unwrap().ends_with("tag=other-branch"));
    assert_eq!(bench.media.open[&agent_leg()].unwrap().remote.port(), 50_000);
    bench.expect_no_event();
}

#[test]
fn an_answer_we_cannot_speak_is_hung_up_and_fails_the_offer() {
    let mut bench = Bench::new();
    let (phone, invite) = ringing(&mut bench);
    let deaf = phone.reply(&invite, 200, sdp(50_000, 18, "sendrecv"));
    bench.response(phone.flow, &deaf);
    bench.expect_request(Method::Ack);
    bench.expect_request(Method::Bye);
    bench.expect_event(failed(OfferFailure::Unreachable));
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn hanging_up_an_agent_who_rings_cancels_him() {
    let mut bench = Bench::new();
    ringing(&mut bench);
    bench.command(Command::Hangup { leg: agent_leg() });
    bench.expect_request(Method::Cancel);
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn an_answer_without_a_contact_is_acknowledged_and_can_be_hung_up() {
    let mut bench = Bench::new();
    let (phone, invite) = ringing(&mut bench);
    let mut answer = phone.reply(&invite, 200, sdp(50_000, 8, "sendrecv"));
    answer.headers.remove("Contact");
    bench.response(phone.flow, &answer);
    let (flow, ack) = bench.expect_request(Method::Ack);
    assert_eq!((flow, ack.uri), (phone.flow, invite.uri));
    bench.expect_event(Event::OfferAnswered { offer: OFFER });
    bench.command(Command::Hangup { leg: agent_leg() });
    bench.expect_request(Method::Bye);
}

#[test]
fn all_is_quiet_once_the_last_bye_and_the_last_cancelled_invite_are_answered() {
    let mut bench = Bench::new();
    let caller = Dialler::established(&mut bench);
    let (phone, invite) = ringing(&mut bench);
    assert!(!bench.core.is_quiet());
    bench.cancel_offer(1, false);
    bench.expect_request(Method::Cancel);
    bench.command(Command::Hangup { leg: caller_leg() });
    let (_, bye) = bench.expect_request(Method::Bye);
    assert!(!bench.core.is_quiet(), "two answers are missing");
    bench.response(caller.flow, &Response::reply_to(&bye, 200, "", None));
    assert!(!bench.core.is_quiet(), "the phone may ring on");
    phone.says(&mut bench, &invite, 487);
    bench.expect_request(Method::Ack);
    assert!(bench.core.is_quiet(), "the transactions' memory is not waited for");
    assert!(bench.core.counts().forks > 0);
}
