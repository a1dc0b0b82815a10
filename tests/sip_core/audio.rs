//! What is agreed of the audio: codecs and keys, each trunk's and agent's own, and what is refused.

use crate::bench::{ANNA, Bench, agent_leg, caller_leg, carrier, settings};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::event::{Caller, OfferFailure};
use holdfast::engine::id::{CallId, OfferId};
use holdfast::engine::{Command, Event};
use holdfast::media::{Codec, Policy, Wishes};
use holdfast::sip::dialling::{DialPolicy, Pattern};
use holdfast::sip::message::{Method, Response};
use holdfast::sip::settings::{Route, SipSettings, Trunk};
use holdfast::sip::uri::Host;

const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";

/// The same description, by SRTP with this line.
fn secret(plain: &[u8], crypto: &str) -> Vec<u8> {
    let text = String::from_utf8(plain.to_vec()).unwrap().replace("RTP/AVP", "RTP/SAVP");
    format!("{text}a=crypto:{crypto}\r\n").into_bytes()
}

fn with(wishes: Wishes) -> Bench {
    let trunks = vec![Trunk { media: wishes.clone(), ..carrier() }];
    let mut settings = SipSettings { trunks, ..settings() };
    settings.accounts[0].media = wishes;
    Bench::with(settings)
}

fn policy(srtp: Policy) -> Wishes {
    Wishes { srtp, ..Wishes::default() }
}

/// A call that begins with this description is answered; what we answer.
fn answered(bench: &mut Bench, body: Vec<u8>) -> (Dialler, String) {
    let mut caller = Dialler::new();
    caller.send(bench, Method::Invite, body);
    bench.expect_response(100);
    assert!(matches!(bench.events.pop_front(), Some(Event::CallArrived { .. })));
    bench.command(Command::Answer { call: CallId(100) });
    let ok = bench.expect_response(200);
    caller.learn(&ok);
    caller.send(bench, Method::Ack, Vec::new());
    (caller, text(&ok))
}

fn again(bench: &mut Bench, caller: &mut Dialler, body: Vec<u8>) -> String {
    caller.send(bench, Method::Invite, body);
    bench.expect_response(100);
    let ok = bench.expect_response(200);
    caller.send(bench, Method::Ack, Vec::new());
    text(&ok)
}

fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

fn line<'a>(sdp: &'a str, begin: &str) -> &'a str {
    sdp.lines().find(|line| line.starts_with(begin)).unwrap_or_default()
}

#[test]
fn an_offer_of_srtp_is_answered_in_kind_and_the_media_gets_the_keys() {
    let mut bench = Bench::new();
    let offer = secret(&sdp(40_000, 0, "sendrecv"), &format!("7 {SUITE} inline:{KEY}|2^20"));
    let (_, answer) = answered(&mut bench, offer);
    assert!(line(&answer, "m=audio").contains("RTP/SAVP 0"), "{answer}");
    assert!(line(&answer, "a=crypto").starts_with(&format!("a=crypto:7 {SUITE} inline:")), "{answer}");
    assert!(!answer.contains(KEY), "our key is our own");
    assert!(bench.media.open[&caller_leg()].unwrap().security.is_some());
}

#[test]
fn a_hold_keeps_our_key_and_a_refresh_changes_nothing_at_all() {
    let mut bench = Bench::new();
    let crypto = format!("1 {SUITE} inline:{KEY}");
    let offer = secret(&sdp(40_000, 0, "sendrecv"), &crypto);
    let (mut caller, first) = answered(&mut bench, offer.clone());
    let same = again(&mut bench, &mut caller, offer);
    assert_eq!(same, first, "the version too (RFC 3264 §8)");
    let held = again(&mut bench, &mut caller, secret(&sdp(40_000, 0, "sendonly"), &crypto));
    assert_eq!(line(&held, "a=crypto"), line(&first, "a=crypto"));
    let number = |sdp: &str, at: usize| line(sdp, "o=").split(' ').nth(at).unwrap().parse::<u64>().unwrap();
    assert_eq!((number(&held, 1), number(&held, 2)), (number(&first, 1), number(&first, 2) + 1));
}

#[test]
fn a_reinvite_changes_codec_address_and_keys() {
    let mut bench = Bench::new();
    let (mut caller, first) = answered(&mut bench, sdp(40_000, 0, "sendrecv"));
    let second = again(&mut bench, &mut caller, sdp(42_000, 8, "sendrecv"));
    let stream = bench.media.open[&caller_leg()].unwrap();
    assert_eq!((stream.codec, stream.remote.port()), (Codec::Pcma, 42_000));
    let port = |sdp: &str| line(sdp, "m=audio").split(' ').nth(1).unwrap().to_owned();
    assert_eq!(port(&first), port(&second), "our own port stays");
    let offer = secret(&sdp(42_000, 8, "sendrecv"), &format!("1 {SUITE} inline:{KEY}"));
    again(&mut bench, &mut caller, offer);
    assert!(bench.media.open[&caller_leg()].unwrap().security.is_some());
}

#[test]
fn what_the_policy_forbids_is_refused_with_the_reason() {
    let plain = sdp(40_000, 0, "sendrecv");
    let good = secret(&plain, &format!("1 {SUITE} inline:{KEY}"));
    let bad = secret(&plain, &format!("1 {SUITE} inline:{KEY} UNENCRYPTED_SRTP"));
    let short = [plain.as_slice(), b"a=maxptime:10\r\n"].concat();
    for (srtp, body, reason) in [
        (Policy::Required, &plain, "302 holdfast \"SRTP (RTP/SAVP) is required\""),
        (Policy::Required, &bad, "302 holdfast \"no SRTP that could be agreed on\""),
        (Policy::Off, &good, "302 holdfast \"no SRTP that could be agreed on\""),
        (Policy::Optional, &short, "305 holdfast \"packets have 20 ms\""),
    ] {
        let mut bench = with(policy(srtp));
        let mut caller = Dialler::new();
        caller.send(&mut bench, Method::Invite, body.clone());
        bench.expect_response(100);
        let refused = bench.expect_response(488);
        assert_eq!(refused.headers.first("Warning"), Some(reason));
        assert!(bench.media.open.is_empty());
        bench.expect_no_event();
    }
}

#[test]
fn a_description_that_is_none_takes_no_port() {
    let mut bench = Bench::new();
    Dialler::new().send(&mut bench, Method::Invite, b"v=1\r\n".to_vec());
    bench.expect_response(100);
    bench.expect_response(400);
    assert_eq!(bench.media.opened, 0);
}

#[test]
fn an_agent_who_must_have_srtp_is_offered_nothing_else_and_taken_only_by_it() {
    for takes_it in [true, false] {
        let mut bench = with(policy(Policy::Required));
        let offer = secret(&sdp(40_000, 0, "sendrecv"), &format!("1 {SUITE} inline:{KEY}"));
        answered(&mut bench, offer);
        let phone = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
        bench.offer(1, ANNA);
        let (_, invite) = bench.expect_request(Method::Invite);
        let body = String::from_utf8(invite.body.clone()).unwrap();
        assert!(line(&body, "m=audio").contains("RTP/SAVP "), "{body}");
        assert_eq!(body.matches("a=crypto:").count(), 4);
        let plain = sdp(50_000, 8, "sendrecv");
        let answer = if takes_it { secret(&plain, &format!("3 {SUITE} inline:{KEY}")) } else { plain };
        bench.response(phone.flow, &phone.reply(&invite, 200, answer));
        bench.expect_request(Method::Ack);
        if takes_it {
            bench.expect_event(Event::OfferAnswered { offer: OfferId(1) });
            assert!(bench.media.open[&agent_leg()].unwrap().security.is_some());
        } else {
            bench.expect_request(Method::Bye);
            let (failure, retry_after) = (OfferFailure::Unreachable, None);
            bench.expect_event(Event::OfferFailed { offer: OfferId(1), failure, retry_after });
        }
    }
}

#[test]
fn an_agent_for_whom_srtp_is_optional_is_offered_what_every_phone_takes() {
    let mut bench = with(policy(Policy::Optional));
    answered(&mut bench, sdp(40_000, 0, "sendrecv"));
    Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    bench.offer(1, ANNA);
    let (_, invite) = bench.expect_request(Method::Invite);
    let body = String::from_utf8(invite.body).unwrap();
    assert!(line(&body, "m=audio").contains("RTP/AVP ") && !body.contains("crypto"), "{body}");
}

#[test]
fn the_codecs_of_trunk_and_agent_are_what_is_spoken_there() {
    let codecs = Some([Codec::G722, Codec::Pcma].into());
    let mut bench = with(Wishes { codecs, ..Wishes::default() });
    let body = String::from_utf8(sdp(40_000, 0, "sendrecv")).unwrap();
    let (_, answer) = answered(&mut bench, body.replace("AVP 0", "AVP 0 9").into_bytes());
    assert!(line(&answer, "m=audio").ends_with("RTP/AVP 9"), "{answer}");
    Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    bench.offer(1, ANNA);
    let (_, invite) = bench.expect_request(Method::Invite);
    let body = String::from_utf8(invite.body).unwrap();
    assert!(line(&body, "m=audio").ends_with("RTP/AVP 9 8 101"), "{body}");
}

#[test]
fn the_kind_of_address_follows_the_callers_description() {
    let mut bench = Bench::new();
    let body = String::from_utf8(sdp(40_000, 0, "sendrecv")).unwrap();
    let body = body.replace("c=IN IP4 198.51.100.1", "c=IN IP6 2001:db8::7");
    let (_, answer) = answered(&mut bench, body.into_bytes());
    assert_eq!(line(&answer, "c="), "c=IN IP6 2001:db8::9");
    assert!(bench.media.wishes[0].ipv6);
}

#[test]
fn the_next_trunk_gets_media_to_its_own_wishes() {
    let trunk = |at: u8, media| {
        let host = Host::parse(&format!("203.0.113.{at}")).unwrap();
        let route = Route::to(host);
        Trunk { name: format!("trunk{at}"), route: Some(route), media, ..Trunk::default() }
    };
    let trunks = vec![carrier(), trunk(200, policy(Policy::Required)), trunk(201, Wishes::default())];
    let dial = DialPolicy { allow: vec![Pattern::parse("*").unwrap()], deny: Vec::new() };
    let mut bench = Bench::with(SipSettings { trunks, dial, ..settings() });
    Dialler::established(&mut bench);
    let caller = Caller::default();
    let (offer, call) = (OfferId(1), CallId(100));
    bench.command(Command::Dial { offer, call, number: "0301".into(), caller });
    let (flow, first) = bench.expect_request(Method::Invite);
    assert!(String::from_utf8_lossy(&first.body).contains("RTP/SAVP"));
    bench.response(flow, &Response::reply_to(&first, 503, "", Some("x")));
    bench.expect_request(Method::Ack);
    let (_, second) = bench.expect_request(Method::Invite);
    assert!(String::from_utf8_lossy(&second.body).contains("RTP/AVP"));
    assert_eq!(bench.media.open.len(), 2, "the caller's and this one");
    bench.cancel_offer(1, false);
    assert_eq!(bench.media.open.len(), 1);
}
