//! What changes within a call: hold, unhold, another address, refreshes, keys.

use crate::bench::{Bench, PATIENCE, caller_leg};
use crate::peer::{Dialler, sdp};
use holdfast::engine::id::CallId;
use holdfast::engine::{Command, Event};
use holdfast::media::Direction;
use holdfast::sip::message::{Message, Method, Response};
use std::time::Duration;

#[test]
fn a_caller_who_holds_us_is_answered_recvonly_and_taken_back() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    caller.send(&mut bench, Method::Invite, sdp(40_000, 0, "sendonly"));
    bench.expect_response(100);
    let held = bench.expect_response(200);
    assert!(String::from_utf8_lossy(&held.body).contains("a=recvonly"));
    caller.send(&mut bench, Method::Ack, Vec::new());
    assert_eq!(bench.media.open[&caller_leg()].unwrap().direction, Direction::RecvOnly);
    caller.send(&mut bench, Method::Invite, sdp(42_000, 0, "sendrecv"));
    bench.expect_response(100);
    bench.expect_response(200);
    caller.send(&mut bench, Method::Ack, Vec::new());
    let stream = bench.media.open[&caller_leg()].unwrap();
    assert_eq!((stream.direction, stream.remote.port()), (Direction::SendRecv, 42_000));
    bench.after(PATIENCE);
    bench.expect_silence();
    bench.expect_event(Event::LegHeld { leg: caller_leg(), held: true });
    bench.expect_event(Event::LegHeld { leg: caller_leg(), held: false });
    bench.expect_no_event();
}

#[test]
fn an_offer_we_cannot_take_leaves_the_call_as_it_was() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    caller.send(&mut bench, Method::Invite, sdp(43_000, 18, "sendrecv"));
    bench.expect_response(100);
    bench.expect_response(488);
    assert_eq!(bench.media.open[&caller_leg()].unwrap().remote.port(), 40_000);
    assert_eq!(bench.core.counts().legs, 1);
    bench.expect_no_event();
}

#[test]
fn a_reinvite_without_offer_gets_ours_and_a_second_one_meanwhile_waits() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    caller.send(&mut bench, Method::Invite, Vec::new());
    bench.expect_response(100);
    let ok = bench.expect_response(200);
    assert!(!ok.body.is_empty());
    caller.send(&mut bench, Method::Invite, sdp(44_000, 0, "sendrecv"));
    bench.expect_response(100);
    bench.expect_response(491);
    caller.cseq -= 1;
    caller.send(&mut bench, Method::Ack, sdp(45_000, 0, "sendrecv"));
    assert_eq!(bench.media.open[&caller_leg()].unwrap().remote.port(), 45_000);
}

#[test]
fn a_request_that_was_overtaken_is_refused() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    caller.cseq = 10;
    caller.send(&mut bench, Method::Options, Vec::new());
    bench.expect_response(200);
    caller.cseq = 5;
    caller.send(&mut bench, Method::Bye, Vec::new());
    bench.expect_response(500);
    assert_eq!(bench.core.counts().legs, 1);
}

#[test]
fn an_update_moves_the_media_without_an_ack() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    caller.send(&mut bench, Method::Update, sdp(46_000, 0, "sendrecv"));
    assert!(!bench.expect_response(200).body.is_empty());
    assert_eq!(bench.media.open[&caller_leg()].unwrap().remote.port(), 46_000);
    caller.send(&mut bench, Method::Update, Vec::new());
    assert!(bench.expect_response(200).body.is_empty());
}

#[test]
fn the_bye_follows_the_address_a_reinvite_brought() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    caller.contact = "<sip:030123@203.0.113.99:5999>".into();
    caller.send(&mut bench, Method::Invite, sdp(40_000, 0, "sendrecv"));
    bench.wire.clear();
    caller.send(&mut bench, Method::Ack, Vec::new());
    bench.command(Command::Hangup { leg: caller_leg() });
    let (flow, bye) = bench.expect_request(Method::Bye);
    assert_eq!(bye.uri, "sip:030123@203.0.113.99:5999");
    assert_eq!(flow.remote.to_string(), "203.0.113.99:5999", "the trunk's own network is believed");
}

#[test]
fn keys_that_come_by_info_reach_the_engine() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    let mut info = caller.make(Method::Info, b"Signal=5\r\nDuration=160\r\n".to_vec());
    info.headers.set("Content-Type", "application/dtmf-relay");
    bench.request(caller.flow, &info);
    bench.expect_response(200);
    bench.expect_event(Event::DigitPressed { leg: caller_leg(), digit: '5' });
}

/// A caller whose INVITE asks for this session timer, answered.
fn timed(bench: &mut Bench, expires: &str) -> (Dialler, String) {
    timed_with(bench, expires, "INVITE, UPDATE")
}

fn timed_with(bench: &mut Bench, expires: &str, allow: &str) -> (Dialler, String) {
    let mut caller = Dialler::new();
    let mut invite = caller.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    invite.headers.push("Supported", "timer");
    invite.headers.push("Allow", allow);
    if !expires.is_empty() {
        invite.headers.push("Session-Expires", expires);
    }
    bench.request(caller.flow, &invite);
    bench.expect_response(100);
    bench.command(Command::Answer { call: CallId(100) });
    let ok = bench.expect_response(200);
    caller.learn(&ok);
    caller.send(bench, Method::Ack, Vec::new());
    bench.events.clear();
    (caller, ok.headers.first("Session-Expires").unwrap_or_default().to_owned())
}

#[test]
fn a_caller_who_does_not_refresh_his_session_is_taken_for_dead() {
    let mut bench = Bench::new();
    let (mut caller, agreed) = timed(&mut bench, "90");
    assert_eq!(agreed, "90;refresher=uac");
    bench.after(Duration::from_secs(50));
    let mut update = caller.make(Method::Update, Vec::new());
    update.headers.push("Supported", "timer");
    update.headers.push("Session-Expires", "90;refresher=uac");
    bench.request(caller.flow, &update);
    bench.expect_response(200);
    bench.after(Duration::from_secs(59));
    bench.expect_no_event();
    bench.after(Duration::from_secs(1));
    bench.expect_request(Method::Bye);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.expect_nothing_left();
}

#[test]
fn when_it_is_ours_to_refresh_we_do_and_a_481_ends_the_call() {
    let mut bench = Bench::new();
    let (caller, agreed) = timed(&mut bench, "90;refresher=uas");
    assert_eq!(agreed, "90;refresher=uas");
    bench.after(Duration::from_secs(45));
    let (_, update) = bench.expect_request(Method::Update);
    let mut ok = Response::reply_to(&update, 200, "", None);
    ok.headers.push("Contact", caller.contact.clone());
    ok.headers.push("Session-Expires", "90;refresher=uac");
    bench.response(caller.flow, &ok);
    bench.after(Duration::from_secs(45));
    let (_, update) = bench.expect_request(Method::Update);
    bench.response(caller.flow, &Response::reply_to(&update, 481, "", None));
    bench.expect_request(Method::Bye);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.expect_nothing_left();
}

#[test]
fn a_refresh_whose_interval_is_too_short_for_somebody_is_tried_again_once_with_a_longer_one() {
    let mut bench = Bench::new();
    let (caller, _) = timed(&mut bench, "90;refresher=uas");
    bench.after(Duration::from_secs(45));
    let (_, update) = bench.expect_request(Method::Update);
    let too_brief = |update, least: &str| {
        let mut response = Response::reply_to(update, 422, "", None);
        response.headers.push("Min-SE", least);
        response
    };
    bench.response(caller.flow, &too_brief(&update, "180"));
    bench.after(Duration::ZERO);
    let (_, update) = bench.expect_request(Method::Update);
    assert_eq!(update.headers.first("Session-Expires"), Some("180;refresher=uac"));
    assert_eq!(update.headers.first("Min-SE"), Some("180"));
    // Whoever raises it again and again is not followed: the call ends when its time is over.
    bench.response(caller.flow, &too_brief(&update, "1800"));
    bench.after(Duration::from_secs(30));
    bench.expect_silence();
    bench.after(Duration::from_secs(90));
    bench.expect_request(Method::Bye);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.expect_nothing_left();
}

#[test]
fn who_takes_no_update_is_refreshed_by_invite_and_glare_is_told_apart() {
    let mut bench = Bench::new();
    let (mut caller, _) = timed_with(&mut bench, "90;refresher=uas", "INVITE");
    bench.after(Duration::from_secs(45));
    let (_, refresh) = bench.expect_request(Method::Invite);
    caller.send(&mut bench, Method::Invite, sdp(47_000, 0, "sendrecv"));
    bench.expect_response(100);
    bench.expect_response(491);
    let mut ok = Response::reply_to(&refresh, 200, "", None);
    ok.headers.push("Contact", caller.contact.clone());
    ok.headers.push("Session-Expires", "90;refresher=uac");
    ok.body = sdp(48_000, 0, "sendrecv");
    bench.response(caller.flow, &ok);
    let (_, ack) = bench.expect_request(Method::Ack);
    assert_eq!(ack.headers.first("CSeq"), Some("1 ACK"));
    assert_eq!(bench.media.open[&caller_leg()].unwrap().remote.port(), 48_000);
    bench.after(Duration::from_secs(44));
    bench.expect_no_event();
    bench.after(Duration::from_secs(1));
    bench.wire.retain(|(_, message)| matches!(message, Message::Request(_)));
    bench.expect_request(Method::Invite);
}

#[test]
fn a_refresh_that_meets_the_callers_own_change_is_tried_again_soon() {
    let mut bench = Bench::new();
    let (caller, _) = timed_with(&mut bench, "90;refresher=uas", "INVITE");
    bench.after(Duration::from_secs(45));
    let (_, refresh) = bench.expect_request(Method::Invite);
    bench.response(caller.flow, &Response::reply_to(&refresh, 491, "", Some("far")));
    bench.expect_request(Method::Ack);
    // RFC 3261 §14.1: up to two seconds, for the Call-ID is the caller's.
    bench.after(Duration::from_millis(2_001));
    let (_, again) = bench.expect_request(Method::Invite);
    // Tried soon, it may have been sent twice by now.
    bench.wire.clear();
    let mut ok = Response::reply_to(&again, 200, "", None);
    ok.headers.push("Contact", caller.contact.clone());
    ok.headers.push("Session-Expires", "90;refresher=uac");
    ok.body = sdp(40_000, 0, "sendrecv");
    bench.response(caller.flow, &ok);
    bench.expect_request(Method::Ack);
    bench.after(Duration::from_secs(44));
    assert_eq!(bench.core.counts().legs, 1);
    bench.expect_no_event();
}

#[test]
fn who_knows_no_update_after_all_is_refreshed_by_invite() {
    let mut bench = Bench::new();
    let (caller, _) = timed(&mut bench, "90;refresher=uas");
    bench.after(Duration::from_secs(45));
    let (_, update) = bench.expect_request(Method::Update);
    bench.response(caller.flow, &Response::reply_to(&update, 501, "", None));
    bench.after(Duration::ZERO);
    bench.expect_request(Method::Invite);
}

#[test]
fn a_refresh_that_is_always_put_off_does_not_keep_a_dead_call() {
    let mut bench = Bench::new();
    let (caller, _) = timed_with(&mut bench, "90;refresher=uas", "INVITE");
    for _ in 0..70 {
        bench.after(Duration::from_secs(1));
        for (_, message) in std::mem::take(&mut bench.wire) {
            if let Message::Request(request) = message
                && request.method == Method::Invite
            {
                bench.response(caller.flow, &Response::reply_to(&request, 491, "", Some("far")));
            }
        }
    }
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.expect_nothing_left();
}

#[test]
fn who_wants_no_session_timer_is_asked_all_the_same_whether_he_lives() {
    let quarter = Duration::from_secs(900);
    let mut bench = Bench::new();
    let (mut caller, agreed) = timed(&mut bench, "");
    assert_eq!(agreed, "", "he is not told of it");
    // What it refuses, it has read.
    for status in [200, 488, 500] {
        bench.after(quarter);
        let (_, update) = bench.expect_request(Method::Update);
        assert_eq!(update.headers.first("Session-Expires"), Some("1800;refresher=uac"));
        bench.response(caller.flow, &Response::reply_to(&update, status, "", None));
        bench.expect_no_event();
    }
    // His own session timer takes its place, and its end ours.
    let mut update = caller.make(Method::Update, Vec::new());
    update.headers.push("Supported", "timer");
    update.headers.push("Session-Expires", "90;refresher=uac");
    bench.request(caller.flow, &update);
    bench.expect_response(200);
    caller.send(&mut bench, Method::Update, Vec::new());
    assert_eq!(bench.expect_response(200).headers.first("Session-Expires"), None);
    // Who says nothing any more is gone.
    bench.after(quarter + Duration::from_secs(32));
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
}

#[test]
fn a_session_timer_that_would_only_make_noise_is_refused() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    let mut invite = caller.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    invite.headers.push("Session-Expires", "30");
    bench.request(caller.flow, &invite);
    bench.expect_response(100);
    assert_eq!(bench.expect_response(422).headers.first("Min-SE"), Some("90"));
    bench.expect_no_event();
}
