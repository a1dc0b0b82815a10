//! The caller's leg: from INVITE to BYE, and every way to end before.

use crate::bench::{Bench, PATIENCE, caller_leg};
use crate::peer::{Dialler, sdp};
use holdfast::engine::command::RefusedBecause;
use holdfast::engine::id::CallId;
use holdfast::engine::{Command, Event};
use holdfast::sip::message::Method;
use std::time::Duration;

const CALL: CallId = CallId(100);

#[test]
fn a_call_is_answered_with_media_and_ends_with_the_callers_bye() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    caller.invite(&mut bench);
    bench.expect_response(100);
    bench.expect_event(caller.arrived(100));
    assert_eq!(bench.media.connects, 0, "nothing is sent before the engine says so");
    bench.command(Command::Answer { call: CALL });
    let ok = bench.expect_response(200);
    assert_eq!(ok.headers.first("Contact"), Some("<sip:holdfast@192.0.2.9:5060>"));
    assert!(String::from_utf8_lossy(&ok.body).contains("m=audio 20002 RTP/AVP 0"));
    let stream = bench.media.open[&caller_leg()].unwrap();
    assert_eq!(stream.remote.to_string(), "198.51.100.1:40000");
    caller.learn(&ok);
    caller.send(&mut bench, Method::Ack, Vec::new());
    bench.after(PATIENCE);
    bench.expect_silence();
    caller.send(&mut bench, Method::Bye, Vec::new());
    bench.expect_response(200);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn an_invite_that_comes_again_is_the_same_call() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    let invite = caller.invite(&mut bench);
    bench.request(caller.flow, &invite);
    bench.expect_event(caller.arrived(100));
    bench.expect_no_event();
    assert_eq!(bench.core.counts().legs, 1);
}

#[test]
fn the_same_invite_by_another_way_is_refused_as_merged() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    let mut invite = caller.invite(&mut bench);
    bench.expect_response(100);
    invite.headers.set("Via", "SIP/2.0/UDP 203.0.113.8;rport;branch=z9hG4bKother");
    bench.request(caller.flow, &invite);
    bench.expect_response(100);
    bench.expect_response(482);
    assert_eq!(bench.core.counts().legs, 1);
}

#[test]
fn early_media_and_the_answer_carry_the_same_description() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    caller.invite(&mut bench);
    bench.expect_response(100);
    bench.command(Command::Progress { call: CALL });
    let early = bench.expect_response(183);
    bench.after(Duration::from_secs(61));
    bench.expect_response(183);
    bench.command(Command::Answer { call: CALL });
    let ok = bench.expect_response(200);
    assert_eq!(early.body, ok.body);
    assert_eq!(early.to_tag(), ok.to_tag());
    assert_eq!(bench.media.connects, 1);
}

#[test]
fn a_caller_who_cancels_gets_487_and_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    let invite = caller.invite(&mut bench);
    bench.expect_response(100);
    bench.expect_event(caller.arrived(100));
    let mut cancel = caller.make(Method::Cancel, Vec::new());
    cancel.headers.set("Via", invite.headers.first("Via").unwrap());
    bench.request(caller.flow, &cancel);
    bench.expect_response(200);
    bench.expect_response(487);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.command(Command::Answer { call: CALL });
    bench.expect_silence();
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn a_cancel_after_the_answer_changes_nothing() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    let invite = caller.invite(&mut bench);
    bench.command(Command::Answer { call: CALL });
    bench.wire.clear();
    bench.events.clear();
    let mut cancel = caller.make(Method::Cancel, Vec::new());
    cancel.headers.set("Via", invite.headers.first("Via").unwrap());
    bench.request(caller.flow, &cancel);
    bench.expect_response(200);
    bench.expect_silence();
    bench.expect_no_event();
    assert_eq!(bench.core.counts().legs, 1);
}

#[test]
fn a_lost_ack_means_more_answers_and_at_last_a_bye() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    caller.invite(&mut bench);
    bench.expect_response(100);
    bench.expect_event(caller.arrived(100));
    bench.command(Command::Answer { call: CALL });
    bench.after(PATIENCE - Duration::from_millis(1));
    for _ in 0..11 {
        bench.expect_response(200);
    }
    bench.expect_silence();
    bench.after(Duration::from_millis(1));
    bench.expect_request(Method::Bye);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.expect_nothing_left();
}

#[test]
fn who_is_hung_up_before_his_ack_gets_the_bye_after_it() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    caller.invite(&mut bench);
    bench.expect_response(100);
    bench.command(Command::Answer { call: CALL });
    let ok = bench.expect_response(200);
    bench.events.clear();
    bench.command(Command::Hangup { leg: caller_leg() });
    bench.expect_silence();
    assert!(bench.media.open.is_empty());
    caller.learn(&ok);
    caller.send(&mut bench, Method::Ack, Vec::new());
    let (flow, bye) = bench.expect_request(Method::Bye);
    assert_eq!((flow, bye.uri.as_str()), (caller.flow, "sip:030123@203.0.113.7:5060"));
    assert_eq!(bye.headers.first("To"), Some("\"Jane\" <sip:030123@carrier.example>;tag=tag-030123"));
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn a_bye_before_the_ack_is_taken_and_stops_the_answers() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    caller.invite(&mut bench);
    bench.expect_response(100);
    bench.command(Command::Answer { call: CALL });
    let ok = bench.expect_response(200);
    caller.learn(&ok);
    bench.events.clear();
    caller.send(&mut bench, Method::Bye, Vec::new());
    bench.expect_response(200);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.after(PATIENCE);
    bench.expect_silence();
    bench.expect_nothing_left();
}

#[test]
fn a_bye_in_early_media_ends_the_invite_too() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    caller.invite(&mut bench);
    bench.expect_response(100);
    bench.command(Command::Progress { call: CALL });
    let early = bench.expect_response(183);
    caller.learn(&early);
    bench.events.clear();
    caller.send(&mut bench, Method::Bye, Vec::new());
    bench.expect_response(200);
    bench.expect_response(487);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.expect_nothing_left();
}

#[test]
fn the_engines_refusal_reaches_the_caller() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    caller.invite(&mut bench);
    bench.expect_response(100);
    bench.expect_event(caller.arrived(100));
    bench.command(Command::Refuse { call: CALL, because: RefusedBecause::Draining });
    let refused = bench.expect_response(503);
    assert_eq!(refused.headers.first("Retry-After"), Some("30"));
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn a_caller_let_go_from_early_media_hears_480() {
    let mut bench = Bench::new();
    Dialler::new().invite(&mut bench);
    bench.command(Command::Progress { call: CALL });
    bench.wire.clear();
    bench.command(Command::Hangup { leg: caller_leg() });
    bench.expect_response(480);
    bench.expect_nothing_left();
}

#[test]
fn without_an_offer_ours_goes_out_and_the_ack_brings_the_answer() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    caller.send(&mut bench, Method::Invite, Vec::new());
    bench.expect_response(100);
    bench.command(Command::Progress { call: CALL });
    assert!(bench.expect_response(180).body.is_empty());
    bench.command(Command::Answer { call: CALL });
    let ok = bench.expect_response(200);
    assert!(String::from_utf8_lossy(&ok.body).contains("RTP/AVP 0 8"));
    assert_eq!(bench.media.connects, 0);
    caller.learn(&ok);
    caller.send(&mut bench, Method::Ack, sdp(41_000, 8, "sendrecv"));
    assert_eq!(bench.media.open[&caller_leg()].unwrap().remote.port(), 41_000);
}

#[test]
fn an_ack_without_the_awaited_answer_ends_the_call() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    caller.send(&mut bench, Method::Invite, Vec::new());
    bench.expect_response(100);
    bench.command(Command::Answer { call: CALL });
    let ok = bench.expect_response(200);
    caller.learn(&ok);
    bench.events.clear();
    caller.send(&mut bench, Method::Ack, Vec::new());
    bench.expect_request(Method::Bye);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.expect_nothing_left();
}

#[test]
fn hanging_up_an_established_call_says_bye_once() {
    let mut bench = Bench::new();
    let caller = Dialler::established(&mut bench);
    bench.command(Command::Hangup { leg: caller_leg() });
    bench.command(Command::Hangup { leg: caller_leg() });
    let (flow, _) = bench.expect_request(Method::Bye);
    assert_eq!(flow, caller.flow);
    bench.expect_silence();
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn a_caller_whose_bye_crosses_ours_is_answered_481() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    bench.command(Command::Hangup { leg: caller_leg() });
    bench.expect_request(Method::Bye);
    caller.send(&mut bench, Method::Bye, Vec::new());
    bench.expect_response(481);
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn a_caller_whose_connection_breaks_before_the_answer_is_gone() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    caller.flow = holdfast::sip::flow::Flow::tcp(caller.flow.local, caller.flow.remote);
    caller.flow.connection = Some(holdfast::sip::flow::ConnectionId(3));
    caller.invite(&mut bench);
    bench.events.clear();
    bench.flow_lost(caller.flow);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.expect_nothing_left();
}
