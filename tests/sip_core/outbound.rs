//! Phones that keep several connections (RFC 5626): one phone however many they are, rung by one at a time.

use crate::bench::{ANNA, Bench, settings, udp};
use crate::peer::Phone;
use holdfast::engine::Event;
use holdfast::engine::event::OfferFailure;
use holdfast::engine::id::OfferId;
use holdfast::sip::flow::{ConnectionId, Flow};
use holdfast::sip::message::{Method, Request, Response};
use holdfast::sip::settings::SipSettings;
use std::time::Duration;

const DESK: &str = "\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"";

/// One flow of Anna's phone, from a port of its own and with the Call-ID of its own (RFC 5626 §4.2.1).
fn flow(remote: &str, instance: &str, reg_id: u32) -> Phone {
    let mut phone = Phone::new("anna", remote);
    phone.account.contact = format!("<sip:anna@10.0.0.5;ob>;+sip.instance={instance};reg-id={reg_id}");
    phone.more.push(("Supported", "path, outbound".into()));
    phone
}

fn register(bench: &mut Bench, phone: &mut Phone) -> Response {
    let ok = phone.register(bench, "anna-secret", 600);
    bench.after(Duration::from_secs(1));
    ok
}

/// Two flows of one phone; the second was heard of last.
fn two_flows(bench: &mut Bench) -> [Phone; 2] {
    let mut flows = [flow("198.51.100.1:5071", DESK, 1), flow("198.51.100.1:5072", DESK, 2)];
    for phone in &mut flows {
        assert_eq!(register(bench, phone).status, 200);
    }
    bench.events.clear();
    flows
}

#[track_caller]
fn rung(bench: &mut Bench, phone: &Phone) -> Request {
    let (way, invite) = bench.expect_request(Method::Invite);
    assert_eq!(way, phone.flow);
    invite
}

#[test]
fn two_flows_of_one_phone_are_two_contacts_and_ring_once_by_the_one_heard_of_last() {
    let mut bench = Bench::new();
    let mut flows = two_flows(&mut bench);
    assert_eq!(bench.core.counts().contacts, 2);
    bench.offer(1, ANNA);
    rung(&mut bench, &flows[1]);
    bench.expect_silence();
    bench.cancel_offer(1, false);
    bench.wire.clear();
    register(&mut bench, &mut flows[0]);
    assert_eq!(bench.core.counts().contacts, 2, "a flow that registers again is the same one");
    bench.wire.clear();
    bench.offer(2, ANNA);
    rung(&mut bench, &flows[0]);
}

#[test]
fn what_was_used_is_said_and_listed() {
    let mut bench = Bench::new();
    let ok = register(&mut bench, &mut flow("198.51.100.1:5071", DESK, 1));
    assert_eq!(ok.headers.first("Require"), Some("outbound"));
    let listed = format!("<sip:anna@10.0.0.5;ob>;expires=600;+sip.instance={DESK};reg-id=1");
    assert_eq!(ok.headers.first("Contact"), Some(listed.as_str()));
    let mut plain = Phone::new("bert", "198.51.100.2:5060");
    let ok = plain.register(&mut bench, "bert-secret", 600);
    assert_eq!(ok.headers.first("Require"), None);
}

#[test]
fn a_phone_that_comes_back_by_another_port_is_still_the_same_flow() {
    let mut bench = Bench::new();
    two_flows(&mut bench);
    let mut back = flow("198.51.100.1:6000", DESK, 2);
    back.account.contact = format!("<sip:anna@10.0.0.77;ob>;+sip.instance={DESK};reg-id=2");
    register(&mut bench, &mut back);
    assert_eq!(bench.core.counts().contacts, 2);
    bench.offer(1, ANNA);
    assert_eq!(rung(&mut bench, &back).uri, "sip:anna@10.0.0.77;ob");
}

#[test]
fn two_phones_of_one_agent_ring_both() {
    let mut bench = Bench::new();
    let flows = two_flows(&mut bench);
    let mut mobile = flow("198.51.100.9:5060", "\"<urn:uuid:00000000-0000-1000-8000-000a95a0e999>\"", 1);
    register(&mut bench, &mut mobile);
    bench.offer(1, ANNA);
    rung(&mut bench, &flows[1]);
    rung(&mut bench, &mobile);
    bench.expect_silence();
}

#[test]
fn a_flow_that_fails_is_made_good_by_the_other_and_the_offer_goes_on() {
    let mut bench = Bench::new();
    let flows = two_flows(&mut bench);
    bench.offer(1, ANNA);
    let invite = rung(&mut bench, &flows[1]);
    // RFC 5626 §5.3.1: Flow Failed.
    flows[1].says(&mut bench, &invite, 430);
    bench.expect_request(Method::Ack);
    let invite = rung(&mut bench, &flows[0]);
    bench.expect_no_event();
    flows[0].says(&mut bench, &invite, 200);
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::OfferAnswered { offer: OfferId(1) });
}

#[test]
fn when_both_flows_are_silent_the_agent_is_unreachable() {
    let mut bench = Bench::new();
    let flows = two_flows(&mut bench);
    bench.offer(1, ANNA);
    rung(&mut bench, &flows[1]);
    bench.after(Duration::from_secs(6));
    bench.wire.retain(|(way, _)| *way == flows[0].flow);
    rung(&mut bench, &flows[0]);
    bench.expect_no_event();
    bench.after(Duration::from_secs(6));
    let failure = OfferFailure::Unreachable;
    bench.expect_event(Event::OfferFailed { offer: OfferId(1), failure, retry_after: None });
    bench.wire.clear();
    bench.expect_nothing_left_but(2);
}

#[test]
fn a_lost_connection_takes_its_flow_along_and_leaves_the_other() {
    let mut bench = Bench::new();
    let tcp = |connection| {
        let connection = Some(ConnectionId(connection));
        Flow { connection, ..Flow::tcp(udp("198.51.100.1:1").local, udp("198.51.100.1:5071").remote) }
    };
    for (connection, reg_id) in [(1, 1), (2, 2)] {
        let mut phone = flow("198.51.100.1:5071", DESK, reg_id);
        phone.flow = tcp(connection);
        phone.account.call_id = format!("flow-{reg_id}");
        assert_eq!(register(&mut bench, &mut phone).status, 200);
    }
    bench.events.clear();
    bench.flow_lost(tcp(2));
    assert_eq!(bench.core.counts().contacts, 1);
    bench.expect_no_event();
    bench.flow_lost(tcp(1));
    bench.expect_event(Event::AgentReachable { agent: ANNA, reachable: false });
}

#[test]
fn behind_a_proxy_that_keeps_no_connections_a_phone_is_told_so() {
    let proxies = vec!["198.51.100.16/28".parse().unwrap()];
    let mut bench = Bench::with(SipSettings { proxies, ..settings() });
    let by_proxy = |path: &str| {
        let mut phone = flow("198.51.100.20:5060", DESK, 1);
        phone.account.call_id = format!("by-{}", path.len());
        phone.more.push(("Path", path.into()));
        phone
    };
    assert_eq!(register(&mut bench, &mut by_proxy("<sip:198.51.100.20;lr>")).status, 439);
    assert_eq!(bench.core.counts().contacts, 0);
    let mut without = Phone::new("anna", "198.51.100.20:5060");
    without.more.push(("Path", "<sip:198.51.100.20;lr>".into()));
    assert_eq!(register(&mut bench, &mut without).status, 200);
    let ok = register(&mut bench, &mut by_proxy("<sip:198.51.100.20;lr;ob>"));
    assert_eq!((ok.status, ok.headers.first("Require")), (200, Some("outbound")));
}

#[test]
fn a_flow_without_an_instance_or_unasked_for_is_an_ordinary_contact() {
    for (contact, supported) in [
        ("<sip:anna@10.0.0.5>;reg-id=1", "outbound"),
        ("<sip:anna@10.0.0.5>;+sip.instance=\"<urn:x>\"", "outbound"),
        ("<sip:anna@10.0.0.5>;+sip.instance=\"<urn:x>\";reg-id=1", "path"),
        ("<sip:anna@10.0.0.5>;+sip.instance=\"<urn:x>\";reg-id=0", "outbound"),
    ] {
        let mut bench = Bench::new();
        let mut phone = Phone::new("anna", "198.51.100.1:5060");
        phone.account.contact = contact.into();
        phone.more.push(("Supported", supported.into()));
        let ok = register(&mut bench, &mut phone);
        assert_eq!(ok.headers.first("Contact"), Some("<sip:anna@10.0.0.5>;expires=600"), "{contact}");
    }
}
