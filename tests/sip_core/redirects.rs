//! Phones and carriers that send a call elsewhere (3xx), and phones that ask us for a password: what is followed, and that
//! nothing else is.

use crate::bench::{ANNA, Bench, agent_leg, carrier, settings, udp};
use crate::peer::{Phone, sdp};
use holdfast::engine::event::OfferFailure;
use holdfast::engine::id::OfferId;
use holdfast::engine::{Command, Event};
use holdfast::sip::dialling::{DialPolicy, Pattern};
use holdfast::sip::flow::Flow;
use holdfast::sip::message::{Method, Request, Response};
use holdfast::sip::settings::{Route, SipSettings, Trunk};
use holdfast::sip::uri::Host;

const PHONE: &str = "198.51.100.1:5070";

/// Numbers in Germany may be called, through as many trunks; Anna's phone rings.
fn ringing(trunks: u8) -> (Bench, Phone, Request) {
    let route = |number: u8| Route::to(Host::parse(&format!("203.0.113.{}", 200 + number)).unwrap());
    let outward = (0..trunks).map(|number| Trunk {
        name: format!("out{number}"),
        route: Some(route(number)),
        ..Trunk::default()
    });
    let trunks = [carrier()].into_iter().chain(outward).collect();
    let allow = ["+49*", "0172*"].iter().map(|text| Pattern::parse(text).unwrap()).collect();
    let deny = vec![Pattern::parse("+49900*").unwrap()];
    let mut bench = Bench::with(SipSettings { trunks, dial: DialPolicy { allow, deny }, ..settings() });
    let phone = Phone::registered(&mut bench, "anna", PHONE);
    bench.offer(1, ANNA);
    let (_, invite) = bench.expect_request(Method::Invite);
    (bench, phone, invite)
}

fn moved(bench: &mut Bench, flow: Flow, invite: &Request, status: u16, contact: &str) {
    let mut response = Response::reply_to(invite, status, "", Some("moved"));
    response.headers.push("Contact", contact);
    bench.response(flow, &response);
    bench.expect_request(Method::Ack);
}

fn says(bench: &mut Bench, flow: Flow, invite: &Request, status: u16) {
    let mut response = Response::reply_to(invite, status, "", Some("outside"));
    response.headers.push("Contact", format!("<sip:gw@{}>", flow.remote));
    if status == 200 {
        response.headers.push("Content-Type", "application/sdp");
        response.body = sdp(50_000, 8, "sendrecv");
    }
    bench.response(flow, &response);
    bench.expect_request(Method::Ack);
}

#[track_caller]
fn expect_failed(bench: &mut Bench, failure: OfferFailure) {
    bench.expect_event(Event::OfferFailed { offer: OfferId(1), failure, retry_after: None });
    bench.expect_silence();
}

#[test]
fn a_phone_that_forwards_to_an_allowed_number_has_it_called_through_the_trunk() {
    for contact in ["<sip:+491721@192.0.2.9>;q=0.5", "<tel:+49-172-1>", "<sip:+491721@carrier.example>"] {
        let (mut bench, phone, invite) = ringing(1);
        moved(&mut bench, phone.flow, &invite, 302, contact);
        let (flow, outward) = bench.expect_request(Method::Invite);
        assert_eq!(flow, udp("203.0.113.200:5060"), "the trunk's server, whatever the phone named");
        assert_eq!(outward.uri, "sip:+491721@203.0.113.200");
        says(&mut bench, flow, &outward, 200);
        bench.expect_event(Event::OfferAnswered { offer: OfferId(1) });
        // Whoever answers there is no phone of ours: he passes nobody on.
        let elsewhere = Phone { flow, ..Phone::new("anna", "203.0.113.200:5060") };
        let mut refer = elsewhere.request(&outward, Method::Refer, 2, Vec::new());
        refer.headers.set("From", "<sip:x@y>;tag=outside");
        refer.headers.push("Refer-To", "<sip:+49301@192.0.2.9>");
        bench.request(flow, &refer);
        bench.expect_response(403);
        bench.command(Command::Hangup { leg: agent_leg() });
        bench.expect_request(Method::Bye);
        bench.expect_nothing_left_but(1);
    }
}

#[test]
fn a_phone_that_forwards_anywhere_else_has_declined() {
    for (status, contact) in [
        (302, "<sip:+1900555@192.0.2.9>"),
        (302, "<sip:+49900123@192.0.2.9>"),
        (302, "<sip:+491721@198.51.100.66>"),
        (302, "<sip:bert@192.0.2.9>"),
        (302, "<http://evil.example/>"),
        (302, "nonsense <<"),
        (305, "<sip:+491721@192.0.2.9>"),
        (380, "<sip:+491721@192.0.2.9>"),
    ] {
        let (mut bench, phone, invite) = ringing(1);
        moved(&mut bench, phone.flow, &invite, status, contact);
        expect_failed(&mut bench, OfferFailure::Declined);
        bench.expect_nothing_left_but(1);
    }
    let (mut bench, phone, invite) = ringing(0);
    moved(&mut bench, phone.flow, &invite, 302, "<sip:+491721@192.0.2.9>");
    expect_failed(&mut bench, OfferFailure::Declined);
    assert!(bench.notes.iter().any(|note| note.to_string().contains("no [[trunk]] has dial")));
}

#[test]
fn a_call_is_sent_on_three_times_and_never_in_a_circle() {
    let (mut bench, phone, invite) = ringing(1);
    moved(&mut bench, phone.flow, &invite, 302, "<sip:+491@192.0.2.9>");
    for next in ["+492", "+493", "+494"] {
        let (flow, outward) = bench.expect_request(Method::Invite);
        moved(&mut bench, flow, &outward, 302, &format!("<sip:{next}@203.0.113.200>"));
    }
    expect_failed(&mut bench, OfferFailure::Declined);
    assert!(bench.notes.iter().any(|note| note.to_string().contains("too often")), "{:?}", bench.notes);
    bench.expect_nothing_left_but(1);

    let (mut bench, phone, invite) = ringing(1);
    moved(&mut bench, phone.flow, &invite, 302, "<sip:+491@192.0.2.9>");
    let (flow, outward) = bench.expect_request(Method::Invite);
    moved(&mut bench, flow, &outward, 302, "<sip:+491@203.0.113.200>");
    expect_failed(&mut bench, OfferFailure::Declined);
}

#[test]
fn the_next_trunk_is_tried_when_one_cannot_be_reached_and_not_when_the_number_is_busy() {
    let (mut bench, phone, invite) = ringing(2);
    moved(&mut bench, phone.flow, &invite, 302, "<sip:+491@192.0.2.9>");
    let (flow, outward) = bench.expect_request(Method::Invite);
    says(&mut bench, flow, &outward, 503);
    let (flow, outward) = bench.expect_request(Method::Invite);
    assert_eq!(flow, udp("203.0.113.201:5060"));
    says(&mut bench, flow, &outward, 486);
    expect_failed(&mut bench, OfferFailure::Busy);

    let (mut bench, phone, invite) = ringing(2);
    moved(&mut bench, phone.flow, &invite, 302, "<sip:+491@192.0.2.9>");
    let (flow, outward) = bench.expect_request(Method::Invite);
    says(&mut bench, flow, &outward, 486);
    expect_failed(&mut bench, OfferFailure::Busy);
}

#[test]
fn an_offer_that_is_called_off_while_it_is_forwarded_rings_nobody_any_more() {
    let (mut bench, phone, invite) = ringing(1);
    moved(&mut bench, phone.flow, &invite, 302, "<sip:+491@192.0.2.9>");
    let (flow, outward) = bench.expect_request(Method::Invite);
    let ringing = Response::reply_to(&outward, 180, "", Some("outside"));
    bench.response(flow, &ringing);
    bench.cancel_offer(1, false);
    let (to, _) = bench.expect_request(Method::Cancel);
    assert_eq!(to, flow);
    bench.expect_nothing_left_but(1);
}

#[test]
fn a_phone_that_asks_us_for_a_password_learns_nothing() {
    for (status, header) in [(401, "WWW-Authenticate"), (407, "Proxy-Authenticate")] {
        let (mut bench, phone, invite) = ringing(1);
        let mut challenge = Response::reply_to(&invite, status, "", Some("trap"));
        challenge.headers.push(header, "Digest realm=\"holdfast\", nonce=\"1\", qop=\"auth\"");
        bench.response(phone.flow, &challenge);
        bench.expect_request(Method::Ack);
        expect_failed(&mut bench, OfferFailure::Declined);
        bench.expect_nothing_left_but(1);
    }
}
