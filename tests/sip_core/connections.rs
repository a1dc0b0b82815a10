//! Calls that go by a connection which ends: what is said in them afterwards goes by another way to the same far side
//! (RFC 3261 §12.2.1.1, RFC 5626 §5.3).

use crate::bench::{ANNA, Bench, address, agent_leg, caller_leg, carrier, settings};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::id::{CallId, OfferId};
use holdfast::engine::{Command, Event};
use holdfast::sip::flow::{ConnectionId, Flow, Transport, TrunkId};
use holdfast::sip::message::{Method, Request, Response};
use holdfast::sip::settings::{Listener, Route, SipSettings, Trunk};
use holdfast::sip::trunk::locate::Server;
use holdfast::sip::trunk::order::Rank;
use holdfast::sip::uri::Host;
use std::time::Duration;

const TRUNK: TrunkId = TrunkId(0);

fn flow(transport: Transport, remote: &str) -> Flow {
    Flow::new(transport, address("192.0.2.9:5060"), address(remote))
}

fn by(connection: u64, flow: Flow) -> Flow {
    Flow { connection: Some(ConnectionId(connection)), ..flow }
}

/// A node that listens for TLS too, and whose carrier has a name and is called by TLS.
fn site() -> SipSettings {
    let bound = address("192.0.2.9:5060");
    let tls = Listener { transport: Transport::Tls, bound, advertised: bound, name: None };
    let host = Host::parse("sip.carrier.example").unwrap();
    let contact_host = Some(Host::parse("sbc.example.com").unwrap());
    let route = Route { transport: Some(Transport::Tls), contact_host, ..Route::to(host) };
    let usual = settings();
    SipSettings {
        listeners: usual.listeners.iter().cloned().chain([tls]).collect(),
        trunks: vec![Trunk { route: Some(route), ..carrier() }],
        ..usual
    }
}

/// DNS says where the carrier's servers are.
fn found(bench: &mut Bench, servers: &[&str]) {
    let server = |(at, remote): (usize, &&str)| Server {
        transport: Transport::Tls,
        address: address(remote),
        rank: Rank { priority: u16::try_from(at).unwrap(), weight: 0 },
    };
    let servers: Vec<_> = servers.iter().enumerate().map(server).collect();
    bench.core.servers_found(bench.now, TRUNK, &servers);
}

/// A call that the carrier has brought by a connection it opened; it wants its session refreshed by us.
fn established(bench: &mut Bench, way: Flow, contact: &str) -> Dialler {
    let mut caller = Dialler { flow: way, contact: contact.into(), ..Dialler::new() };
    let mut invite = caller.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    invite.headers.push("Supported", "timer");
    invite.headers.push("Session-Expires", "90;refresher=uas");
    bench.request(way, &invite);
    bench.expect_response(100);
    bench.command(Command::Answer { call: CallId(100) });
    let ok = bench.expect_response(200);
    caller.learn(&ok);
    caller.send(bench, Method::Ack, Vec::new());
    bench.events.clear();
    caller
}

fn teams(bench: &mut Bench) -> (Dialler, Flow) {
    found(bench, &["203.0.113.201:5061", "203.0.113.202:5061"]);
    let way = by(7, flow(Transport::Tls, "203.0.113.202:40001"));
    let contact = "<sip:gw.carrier.example:5061;transport=tls>";
    (established(bench, way, contact), way)
}

fn accept(bench: &mut Bench, way: Flow, request: &Request, contact: &str) {
    let mut ok = Response::reply_to(request, 200, "", None);
    ok.headers.push("Contact", contact);
    ok.headers.push("Session-Expires", "90;refresher=uac");
    if request.method == Method::Invite {
        ok.headers.push("Content-Type", "application/sdp");
        ok.body = sdp(40_002, 0, "sendrecv");
    }
    bench.response(way, &ok);
}

#[test]
fn a_trunk_that_closed_its_connection_is_said_goodbye_by_a_new_one_to_its_server() {
    let mut bench = Bench::with(site());
    let (_, way) = teams(&mut bench);
    bench.flow_lost(way);
    bench.expect_silence();
    bench.expect_no_event();
    bench.command(Command::Hangup { leg: caller_leg() });
    let (to, bye) = bench.expect_request(Method::Bye);
    let server = flow(Transport::Tls, "203.0.113.202:5061").to_trunk(TRUNK);
    assert_eq!(to, server, "the server at the address the call had come from, and it must prove its name");
    assert!(to.trunk.is_some());
    bench.response(by(8, to), &Response::reply_to(&bye, 200, "", None));
    assert!(bench.core.is_quiet());
    bench.expect_nothing_left();
}

#[test]
fn a_bye_whose_connection_ends_is_said_again_by_another_way_but_not_for_ever() {
    let mut bench = Bench::with(site());
    let (_, way) = teams(&mut bench);
    bench.command(Command::Hangup { leg: caller_leg() });
    let (to, first) = bench.expect_request(Method::Bye);
    assert_eq!((to, first.headers.first("CSeq")), (way, Some("1 BYE")));
    let mut tried = Vec::new();
    let mut failing = way;
    for number in ["2 BYE", "3 BYE"] {
        bench.flow_lost(failing);
        let (to, again) = bench.expect_request(Method::Bye);
        assert_eq!(again.headers.first("CSeq"), Some(number));
        tried.push(to.remote.to_string());
        failing = to;
    }
    assert_eq!(tried, ["203.0.113.202:5061", "203.0.113.201:5061"]);
    bench.flow_lost(failing);
    bench.expect_silence();
    assert!(bench.core.is_quiet());
    bench.expect_nothing_left();
}

#[test]
fn a_session_is_refreshed_by_a_new_connection_and_what_follows_goes_by_that() {
    let mut bench = Bench::with(site());
    let (caller, way) = teams(&mut bench);
    bench.flow_lost(way);
    bench.after(Duration::from_secs(45));
    let (to, refresh) = bench.expect_request(Method::Invite);
    assert_eq!(to.remote, address("203.0.113.202:5061"));
    let (way, contact) = (by(8, to), caller.contact.clone());
    accept(&mut bench, way, &refresh, &contact);
    let (to, _) = bench.expect_request(Method::Ack);
    assert_eq!(to, way);
    bench.command(Command::Hangup { leg: caller_leg() });
    assert_eq!(bench.expect_request(Method::Bye).0, way);
}

#[test]
fn a_refresh_that_finds_no_connection_is_tried_again_by_the_next_server_and_the_call_goes_on() {
    let mut bench = Bench::with(site());
    let (_, way) = teams(&mut bench);
    bench.after(Duration::from_secs(45));
    assert_eq!(bench.expect_request(Method::Invite).0, way);
    bench.flow_lost(way);
    let mut tried = Vec::new();
    for _ in 0..3 {
        bench.after(Duration::from_secs(2));
        let (to, _) = bench.expect_request(Method::Invite);
        tried.push(to.remote.to_string());
        bench.flow_lost(to);
    }
    assert_eq!(tried, ["203.0.113.202:5061", "203.0.113.201:5061", "203.0.113.202:5061"]);
    bench.expect_no_event();
    // Until the session is over.
    let mut byes = 0;
    for _ in 0..20 {
        bench.after(Duration::from_secs(2));
        for (to, message) in std::mem::take(&mut bench.wire) {
            byes += usize::from(format!("{message:?}").contains("method: Bye"));
            bench.flow_lost(to);
        }
    }
    assert!(byes > 0);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.wire.clear();
    bench.expect_nothing_left();
}

#[test]
fn a_far_side_is_reached_where_its_contact_says_that_it_listens_if_that_is_its_own_address() {
    for (contact, expected) in [
        ("<sip:gw@203.0.113.7:5065;transport=tcp>", Some("203.0.113.7:5065")),
        ("<sip:gw@203.0.113.7>", Some("203.0.113.7:5060")),
        // Another of the trunk's addresses.
        ("<sip:gw@203.0.113.9:5065;transport=tcp>", Some("203.0.113.9:5065")),
        ("<sip:gw@198.51.100.66:5065;transport=tcp>", None),
        ("<sip:gw@203.0.113.7:5065;transport=udp>", None),
    ] {
        let mut bench = Bench::new();
        let way = by(7, flow(Transport::Tcp, "203.0.113.7:40001"));
        established(&mut bench, way, contact);
        bench.flow_lost(way);
        bench.command(Command::Hangup { leg: caller_leg() });
        let (to, _) = bench.expect_request(Method::Bye);
        let new = expected.map(|remote| flow(Transport::Tcp, remote));
        assert_eq!(to, new.unwrap_or(way), "{contact}");
        bench.flow_lost(to);
        bench.wire.clear();
        if expected.is_none() {
            assert!(bench.core.is_quiet(), "nobody can be told");
        }
    }
}

/// Anna's phone by this connection, from this port.
fn phone(bench: &mut Bench, connection: u64, port: u16, more: &str) -> Phone {
    let remote = format!("198.51.100.7:{port}");
    let mut phone = Phone::new("anna", &remote);
    phone.flow = by(connection, flow(Transport::Tcp, &remote));
    phone.account.flow = phone.flow;
    phone.account.call_id = "register-anna".into();
    phone.account.cseq = u32::try_from(connection).unwrap() * 10;
    phone.account.contact = format!("<sip:anna@10.0.0.5:{port};transport=tcp>{more}");
    if !more.is_empty() {
        phone.more.push(("Supported", "path, outbound".into()));
    }
    assert_eq!(phone.register(bench, "anna-secret", 600).status, 200);
    bench.events.clear();
    phone
}

/// Anna has answered a call.
fn talking(bench: &mut Bench, phone: &Phone) {
    bench.offer(1, ANNA);
    let (to, invite) = bench.expect_request(Method::Invite);
    assert_eq!(to, phone.flow);
    let mut ok = phone.reply(&invite, 200, sdp(50_000, 8, "sendrecv"));
    let contact = phone.account.contact.split_once(">").unwrap().0;
    ok.headers.set("Contact", format!("{contact}>"));
    bench.response(phone.flow, &ok);
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::OfferAnswered { offer: OfferId(1) });
}

#[test]
fn a_phone_that_has_connected_anew_is_hung_up_by_its_new_connection() {
    let mut bench = Bench::new();
    let before = phone(&mut bench, 3, 51_000, "");
    talking(&mut bench, &before);
    bench.flow_lost(before.flow);
    let after = phone(&mut bench, 4, 51_001, "");
    bench.command(Command::Hangup { leg: agent_leg() });
    let (to, bye) = bench.expect_request(Method::Bye);
    assert_eq!(to, after.flow);
    bench.response(after.flow, &Response::reply_to(&bye, 200, "", None));
    assert!(bench.core.is_quiet());
}

#[test]
fn a_phone_with_several_flows_is_reached_by_the_one_that_is_left_and_no_other_phone_is() {
    let flow_of = |name: &str, id: u8| format!(";+sip.instance=\"<urn:uuid:{name}>\";reg-id={id}");
    let mut bench = Bench::new();
    phone(&mut bench, 3, 51_000, &flow_of("desk", 1));
    bench.after(Duration::from_secs(1));
    let second = phone(&mut bench, 4, 51_001, &flow_of("desk", 2));
    talking(&mut bench, &second);
    bench.after(Duration::from_secs(1));
    phone(&mut bench, 5, 51_002, &flow_of("mobile", 1));
    bench.flow_lost(second.flow);
    bench.events.clear();
    bench.command(Command::Hangup { leg: agent_leg() });
    let (to, _) = bench.expect_request(Method::Bye);
    assert_eq!(to.connection, Some(ConnectionId(3)));
}

#[test]
fn after_a_restart_a_trunk_is_asked_by_a_new_connection_as_soon_as_dns_says_where_it_is() {
    let mut bench = Bench::with(site());
    let (caller, _) = teams(&mut bench);
    let restored = bench.killed();
    assert_eq!(restored.legs, [caller_leg()]);
    bench.command(Command::Resume { leg: caller_leg(), near: None });
    bench.after(Duration::from_secs(1));
    bench.expect_silence();
    found(&mut bench, &["203.0.113.201:5061"]);
    bench.after(Duration::from_millis(300));
    let (to, invite) = bench.expect_request(Method::Invite);
    assert_eq!(to, flow(Transport::Tls, "203.0.113.201:5061").to_trunk(TRUNK));
    let contact = invite.headers.first("Contact").unwrap();
    assert_eq!(contact, "<sip:holdfast@sbc.example.com:5060;transport=tls>", "as the trunk wants us called");
    let way = by(1, to);
    accept(&mut bench, way, &invite, &caller.contact);
    assert_eq!(bench.expect_request(Method::Ack).0, way);
    bench.expect_event(Event::LegResumed { leg: caller_leg() });
    bench.command(Command::Hangup { leg: caller_leg() });
    assert_eq!(bench.expect_request(Method::Bye).0, way);
}

#[test]
fn after_a_restart_a_trunk_whose_server_is_not_found_or_refuses_to_connect_is_lost_in_due_time() {
    for is_found in [false, true] {
        let mut bench = Bench::with(site());
        teams(&mut bench);
        bench.killed();
        if is_found {
            found(&mut bench, &["203.0.113.201:5061"]);
        }
        bench.command(Command::Resume { leg: caller_leg(), near: None });
        for _ in 0..30 {
            bench.after(Duration::from_millis(200));
            for (to, _) in std::mem::take(&mut bench.wire) {
                bench.flow_lost(to);
            }
        }
        bench.expect_event(Event::LegLost { leg: caller_leg() });
        bench.expect_no_event();
        bench.wire.clear();
        bench.expect_nothing_left();
    }
}
