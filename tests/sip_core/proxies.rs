//! Phones behind a proxy of ours: registered with its Path, rung through it, and called by nobody else's.

use crate::bench::{ANNA, Bench, agent_leg, settings, udp};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::id::OfferId;
use holdfast::engine::{Command, Event};
use holdfast::sip::flow::Flow;
use holdfast::sip::message::{Method, Request, Response};
use holdfast::sip::registrar::RegistrarRules;
use holdfast::sip::settings::SipSettings;
use std::time::Duration;

const PROXY: &str = "198.51.100.20:5060";
const PATH: &str = "<sip:198.51.100.20;lr;received=sip:10.0.0.5:5070>";

fn behind_proxy() -> SipSettings {
    SipSettings { proxies: vec!["198.51.100.16/28".parse().unwrap()], ..settings() }
}

/// Anna's phone at an address that only the proxy reaches.
fn phone(path: &str) -> Phone {
    let mut phone = Phone::new("anna", PROXY);
    phone.account.contact = "<sip:anna@10.0.0.5:5070>".into();
    phone.more.push(("Path", path.into()));
    phone
}

fn registered(bench: &mut Bench, path: &str) -> (Phone, Response) {
    let mut phone = phone(path);
    let ok = phone.register(bench, "anna-secret", 600);
    bench.events.clear();
    (phone, ok)
}

fn route(request: &Request) -> Vec<&str> {
    request.headers.all("Route").collect()
}

/// Anna is rung.
fn rung(bench: &mut Bench) -> (Flow, Request) {
    bench.offer(1, ANNA);
    bench.expect_request(Method::Invite)
}

#[test]
fn a_phone_is_rung_through_the_proxy_it_registered_by() {
    let mut bench = Bench::with(behind_proxy());
    let (phone, ok) = registered(&mut bench, PATH);
    assert_eq!((ok.status, ok.headers.first("Path")), (200, Some(PATH)));
    assert!(ok.headers.has_token("Supported", "path"));
    let (flow, invite) = rung(&mut bench);
    assert_eq!(flow, udp(PROXY));
    assert_eq!((invite.uri.as_str(), route(&invite)), ("sip:anna@10.0.0.5:5070", vec![PATH]));
    phone.says(&mut bench, &invite, 180);
    bench.cancel_offer(1, false);
    let (flow, cancel) = bench.expect_request(Method::Cancel);
    assert_eq!((flow, route(&cancel)), (udp(PROXY), vec![PATH]));
    phone.says(&mut bench, &invite, 487);
    let (_, ack) = bench.expect_request(Method::Ack);
    assert_eq!(route(&ack), [PATH]);
}

#[test]
fn a_path_of_several_proxies_is_kept_in_its_order_and_begins_where_the_first_of_them_says() {
    let mut bench = Bench::with(behind_proxy());
    let path = "<sip:198.51.100.21:5080;lr>, <sip:edge.example;lr>";
    let (_, ok) = registered(&mut bench, path);
    assert_eq!(ok.headers.all("Path").count(), 2);
    let (flow, invite) = rung(&mut bench);
    assert_eq!(flow, udp("198.51.100.21:5080"));
    assert_eq!(route(&invite), ["<sip:198.51.100.21:5080;lr>", "<sip:edge.example;lr>"]);
}

#[test]
fn no_path_leads_to_an_address_that_is_no_proxys() {
    for path in ["<sip:203.0.113.66;lr>", "<sip:sbc.example;lr>"] {
        let mut bench = Bench::with(behind_proxy());
        registered(&mut bench, path);
        assert_eq!(rung(&mut bench).0, udp(PROXY), "{path}");
    }
}

#[test]
fn the_path_of_a_stranger_counts_for_nothing_and_is_told_of() {
    let mut bench = Bench::new();
    let (_, ok) = registered(&mut bench, PATH);
    assert_eq!((ok.status, ok.headers.first("Path")), (200, None));
    let (flow, invite) = rung(&mut bench);
    assert_eq!((flow, route(&invite)), (udp(PROXY), vec![]));
    assert!(bench.notes.iter().any(|note| note.to_string().contains("list it under [sip] proxies")));
}

#[test]
fn a_path_that_cannot_be_followed_is_refused() {
    let many = ["<sip:198.51.100.20;lr>"; 9].join(", ");
    for path in ["<sip:198.51.100.20>", "<tel:+4930>", "<<", &many] {
        let mut bench = Bench::with(behind_proxy());
        assert_eq!(registered(&mut bench, path).1.status, 400, "{path}");
        assert_eq!(bench.core.counts().contacts, 0);
    }
}

#[test]
fn whether_the_phone_lives_is_asked_through_the_proxy() {
    let mut bench = Bench::with(SipSettings { registrar: RegistrarRules::default(), ..behind_proxy() });
    registered(&mut bench, PATH);
    bench.after(Duration::from_secs(30));
    let (flow, options) = bench.expect_request(Method::Options);
    assert_eq!((flow, route(&options)), (udp(PROXY), vec![PATH]));
}

#[test]
fn who_calls_by_a_proxy_needs_a_password_all_the_same() {
    let mut bench = Bench::with(behind_proxy());
    let mut caller = Dialler::at(PROXY, "030123");
    caller.invite(&mut bench);
    bench.expect_response(401);
    bench.expect_no_event();
}

#[test]
fn what_follows_in_a_call_goes_by_the_proxies_that_stay_in_its_way() {
    let mut bench = Bench::with(behind_proxy());
    let (phone, _) = registered(&mut bench, PATH);
    let (_, invite) = rung(&mut bench);
    let mut ok = phone.reply(&invite, 200, sdp(50_000, 8, "sendrecv"));
    ok.headers.set("Contact", "<sip:anna@10.0.0.5:5070>");
    ok.headers.push("Record-Route", "<sip:198.51.100.22;lr>, <sip:198.51.100.20:5062;lr>");
    bench.response(phone.flow, &ok);
    let (flow, ack) = bench.expect_request(Method::Ack);
    assert_eq!(flow, udp("198.51.100.20:5062"));
    assert_eq!((ack.uri.as_str(), route(&ack).len()), ("sip:anna@10.0.0.5:5070", 2));
    bench.expect_event(Event::OfferAnswered { offer: OfferId(1) });
    // Another proxy of ours may lead on; a stranger's address is not followed.
    bench.command(Command::Hangup { leg: agent_leg() });
    let (flow, bye) = bench.expect_request(Method::Bye);
    assert_eq!((flow, route(&bye)[0]), (udp("198.51.100.20:5062"), "<sip:198.51.100.20:5062;lr>"));
}

#[test]
fn a_proxy_leads_a_call_to_another_proxy_and_to_nobody_else() {
    for (first, way) in [("198.51.100.23:5060", "198.51.100.23:5060"), ("203.0.113.66:5060", PROXY)] {
        let mut bench = Bench::with(behind_proxy());
        let (phone, _) = registered(&mut bench, PATH);
        let (_, invite) = rung(&mut bench);
        let mut ok = phone.reply(&invite, 200, sdp(50_000, 8, "sendrecv"));
        ok.headers.push("Record-Route", format!("<sip:{first};lr>"));
        bench.response(phone.flow, &ok);
        assert_eq!(bench.expect_request(Method::Ack).0, udp(way), "{first}");
    }
}

#[test]
fn a_phone_that_takes_the_proxy_for_us_may_name_it_when_it_passes_a_caller_on() {
    let mut bench = Bench::with(behind_proxy());
    Dialler::established(&mut bench);
    let (phone, _) = registered(&mut bench, PATH);
    let (_, invite) = rung(&mut bench);
    phone.says(&mut bench, &invite, 200);
    bench.expect_request(Method::Ack);
    bench.events.clear();
    let mut refer = phone.request(&invite, Method::Refer, 7, Vec::new());
    refer.headers.push("Refer-To", "<sip:bert@198.51.100.20>");
    bench.request(phone.flow, &refer);
    bench.expect_response(202);
    bench.expect_event(Event::TransferAsked { leg: agent_leg(), to: "bert".into(), replaces: None });
}
