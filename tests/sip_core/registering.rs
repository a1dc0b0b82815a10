//! Trunks where we register: what a registrar is told, when again, and whose calls to our Contact are taken.

use crate::bench::{Bench, carrier, settings, udp};
use crate::peer::{Dialler, sdp};
use holdfast::engine::Event;
use holdfast::engine::event::Caller;
use holdfast::secret::Secret;
use holdfast::sip::auth::Login;
use holdfast::sip::flow::{Flow, Transport, TrunkId};
use holdfast::sip::message::{Method, Request, Response};
use holdfast::sip::settings::{RegistrationRules, Route, SipSettings, Trunk};
use holdfast::sip::trunk::locate::Server;
use holdfast::sip::trunk::order::Rank;
use holdfast::sip::uri::{Host, NameAddr};
use std::time::Duration;

const REGISTRAR: &str = "198.51.100.10:5060";
const OTHER: &str = "198.51.100.11:5060";
const TRUNK: TrunkId = TrunkId(1);

fn registering(contact_user: Option<&str>) -> SipSettings {
    let login =
        Login { username: "acme".into(), realm: "carrier.example".into(), password: Secret::new("s3cret") };
    let rules =
        RegistrationRules { every: Duration::from_secs(600), contact_user: contact_user.map(str::to_owned) };
    let host = Host::parse("sip.carrier.example").unwrap();
    let route = Route { login: Some(login), registration: Some(rules), ..Route::to(host) };
    let trunk = Trunk { name: "acme".into(), route: Some(route), ..Trunk::default() };
    SipSettings { trunks: vec![carrier(), trunk], ..settings() }
}

fn servers(bench: &mut Bench, addresses: &[&str]) {
    let server = |(priority, address): (u16, &&str)| Server {
        transport: Transport::Udp,
        address: address.parse().unwrap(),
        rank: Rank { priority, weight: 0 },
    };
    let servers: Vec<_> = (0..).zip(addresses).map(server).collect();
    bench.core.servers_found(bench.now, TRUNK, &servers);
    bench.tick();
}

fn contact(request: &Request) -> NameAddr {
    request.headers.first("Contact").unwrap().parse().unwrap()
}

fn says(bench: &mut Bench, flow: Flow, register: &Request, status: u16, headers: &[(&str, &str)]) {
    let mut response = Response::reply_to(register, status, "", Some("registrar"));
    for (name, value) in headers {
        response.headers.push(name, *value);
    }
    bench.response(flow, &response);
}

/// Registered for so long; the flow and the last REGISTER.
fn registered(bench: &mut Bench, expires: u32) -> (Flow, Request) {
    let (flow, first) = bench.expect_request(Method::Register);
    let challenge = "Digest realm=\"carrier.example\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"";
    says(bench, flow, &first, 401, &[("WWW-Authenticate", challenge)]);
    let (_, second) = bench.expect_request(Method::Register);
    let value = format!("{};expires={expires}", second.headers.first("Contact").unwrap());
    says(bench, flow, &second, 200, &[("Contact", &value)]);
    (flow, second)
}

fn is_registered(bench: &Bench) -> bool {
    bench.core.trunk_pictures(bench.now)[TRUNK.0].1.registered == Some(true)
}

#[test]
fn a_trunk_is_registered_at_as_soon_as_its_server_is_known_and_refreshed_before_it_ends() {
    let mut bench = Bench::with(registering(None));
    bench.tick();
    bench.expect_silence();
    servers(&mut bench, &[REGISTRAR]);
    let first = bench.wire.front().cloned().unwrap();
    let (flow, second) = registered(&mut bench, 300);
    assert_eq!(flow, udp(REGISTRAR));
    assert_eq!(second.uri, "sip:sip.carrier.example");
    let header = |name| second.headers.first(name).unwrap_or_default();
    assert_eq!(header("To"), "<sip:acme@sip.carrier.example>");
    assert!(header("From").starts_with("<sip:acme@sip.carrier.example>;tag="), "{}", header("From"));
    assert_eq!((header("CSeq"), header("Expires")), ("2 REGISTER", "600"));
    assert!(header("Authorization").contains("uri=\"sip:sip.carrier.example\""));
    assert_ne!(contact(&second).uri.user.as_deref(), Some("holdfast"), "nobody is to guess it");
    let holdfast::sip::message::Message::Request(first) = first.1 else { panic!() };
    assert_eq!(first.headers.first("Call-ID"), second.headers.first("Call-ID"));
    assert!(is_registered(&bench));
    bench.after(Duration::from_secs(149));
    bench.expect_silence();
    while bench.wire.is_empty() {
        bench.after(Duration::from_secs(1));
    }
    assert!(is_registered(&bench), "in time");
    let (_, refresh) = bench.expect_request(Method::Register);
    assert_eq!(refresh.headers.first("CSeq"), Some("3 REGISTER"));
    assert_eq!(refresh.headers.first("Contact"), second.headers.first("Contact"));
    assert_eq!(refresh.headers.first("Authorization"), None, "each nonce is asked for anew");
    assert!(bench.notes.is_empty(), "{:?}", bench.notes);
}

#[test]
fn a_registrar_that_is_silent_makes_way_for_the_next_within_four_seconds() {
    let mut bench = Bench::with(registering(None));
    servers(&mut bench, &[REGISTRAR, OTHER]);
    let (flow, _) = bench.expect_request(Method::Register);
    assert_eq!(flow, udp(REGISTRAR));
    bench.after(Duration::from_secs(4));
    bench.wire.retain(|(flow, _)| *flow != udp(REGISTRAR));
    let (flow, _) = registered(&mut bench, 600);
    assert_eq!(flow, udp(OTHER));
    assert!(is_registered(&bench));
    bench.after(Duration::from_secs(40));
    bench.wire.retain(|(flow, _)| *flow != udp(REGISTRAR));
    bench.expect_silence();
}

#[test]
fn where_nobody_registers_us_it_is_told_once_and_tried_again_later_and_later() {
    let mut bench = Bench::with(registering(None));
    servers(&mut bench, &[REGISTRAR]);
    let mut asked = Vec::new();
    for _ in 0..3 {
        let (flow, register) = bench.expect_request(Method::Register);
        asked.push(bench.now.mono);
        says(&mut bench, flow, &register, 403, &[]);
        bench.wire.clear();
        while bench.wire.is_empty() {
            bench.after(Duration::from_secs(1));
        }
    }
    let waits: Vec<_> = asked.windows(2).map(|pair| pair[1].since(pair[0]).as_secs()).collect();
    assert!((15..=31).contains(&waits[0]) && (30..=61).contains(&waits[1]), "{waits:?}");
    let told: Vec<_> = bench.notes.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["registering at trunk \"acme\" has failed: it answers 403; it is tried again"]);
    let (flow, register) = bench.expect_request(Method::Register);
    says(&mut bench, flow, &register, 200, &[]);
    bench.tick();
    assert!(is_registered(&bench));
    assert_eq!(bench.notes.last().map(ToString::to_string).as_deref(), Some("registered at trunk \"acme\""));
    assert!(!bench.notes.last().unwrap().is_problem());
}

#[test]
fn who_goes_gives_his_registration_back_before_all_is_quiet() {
    let mut bench = Bench::with(registering(None));
    servers(&mut bench, &[REGISTRAR]);
    registered(&mut bench, 600);
    bench.leave();
    let (flow, farewell) = bench.expect_request(Method::Register);
    assert_eq!(farewell.headers.first("Expires"), Some("0"));
    assert!(!bench.core.is_quiet());
    let challenge = "Digest realm=\"carrier.example\", nonce=\"n2\", qop=\"auth\"";
    says(&mut bench, flow, &farewell, 401, &[("WWW-Authenticate", challenge)]);
    let (_, proven) = bench.expect_request(Method::Register);
    assert_eq!(proven.headers.first("Expires"), Some("0"));
    says(&mut bench, flow, &proven, 200, &[]);
    assert!(bench.core.is_quiet() && !is_registered(&bench));
    bench.expect_nothing_left();
}

/// An INVITE for this user part, from there; the response's status, or 0 for a call.
fn calls(bench: &mut Bench, from: &str, user: &str, to: &str) -> (u16, Option<Event>) {
    let mut caller = Dialler::at(from, "030123");
    caller.call_id = format!("{from}-{user}");
    caller.to = to.into();
    let mut invite = caller.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    invite.uri = format!("sip:{user}@192.0.2.9");
    bench.request(caller.flow, &invite);
    let event = bench.events.pop_front();
    let status = match bench.wire.pop_front() {
        Some((_, holdfast::sip::message::Message::Response(response))) => response.status,
        other => panic!("{other:?}"),
    };
    (status, event)
}

#[test]
fn calls_to_our_contact_are_the_trunks_whoever_sends_them_and_all_others_prove_themselves() {
    let mut bench = Bench::with(registering(None));
    servers(&mut bench, &[REGISTRAR]);
    let (_, register) = registered(&mut bench, 600);
    let user = contact(&register).uri.user.unwrap();
    // A carrier's media gateways need not be where its registrar is.
    let (status, event) = calls(&mut bench, "198.18.0.1:5060", &user, "<sip:+49304001@sip.carrier.example>");
    let Some(Event::CallArrived { dialled, caller, agent, .. }) = event else { panic!("{status} {event:?}") };
    assert_eq!((status, dialled.as_str(), agent), (100, "+49304001", None));
    assert_eq!(caller, Caller { number: "030123".into(), name: "Jane".into(), ..Caller::default() });
    for (from, user) in [("198.18.0.1:5060", "4001"), ("198.18.0.1:5060", "holdfast")] {
        assert_eq!(calls(&mut bench, from, user, "<sip:4001@h>"), (401, None), "{from} {user}");
    }
}

#[test]
fn a_contact_that_anybody_may_know_is_called_by_the_registrars_servers_alone() {
    let mut bench = Bench::with(registering(Some("+4930999")));
    servers(&mut bench, &[REGISTRAR]);
    let (_, register) = registered(&mut bench, 600);
    assert_eq!(contact(&register).uri.user.as_deref(), Some("+4930999"));
    let (status, event) = calls(&mut bench, "198.51.100.10:5080", "+4930999", "<sip:4001@h>");
    assert!(
        matches!(event, Some(Event::CallArrived { ref dialled, .. }) if dialled == "4001"),
        "{status} {event:?}"
    );
    assert_eq!(calls(&mut bench, "198.18.0.1:5060", "+4930999", "<sip:4001@h>"), (401, None));
    assert_eq!(
        calls(&mut bench, "198.51.100.10:5080", "4001", "<sip:4001@h>"),
        (401, None),
        "not our Contact"
    );
}

#[test]
fn the_password_of_a_trunk_is_nowhere_to_be_read() {
    let mut bench = Bench::with(registering(None));
    servers(&mut bench, &[REGISTRAR]);
    registered(&mut bench, 600);
    let shown = format!("{:?} {:?} {:?}", bench.core, bench.wire, bench.notes);
    assert!(!shown.contains("s3cret"), "{shown}");
}
