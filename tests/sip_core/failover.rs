//! Trunks with several servers, and several trunks: who is asked first, who is asked next, and how soon.

use crate::bench::{Bench, carrier, settings, udp};
use crate::peer::sdp;
use holdfast::engine::event::{Caller, OfferFailure};
use holdfast::engine::id::{CallId, OfferId};
use holdfast::engine::time::Monotonic;
use holdfast::engine::{Command, Event};
use holdfast::sip::dialling::{DialPolicy, Pattern};
use holdfast::sip::flow::{Flow, Transport, TrunkId};
use holdfast::sip::message::{Message, Method, Request, Response};
use holdfast::sip::settings::{Route, SipSettings, Trunk};
use holdfast::sip::trunk::locate::Server;
use holdfast::sip::trunk::numbers::{Home, NumberFormat, NumberPlan};
use holdfast::sip::trunk::order::Rank;
use holdfast::sip::uri::Host;
use std::collections::BTreeMap;
use std::time::Duration;

const OFFER: OfferId = OfferId(1);

fn trunk(host: &str) -> Trunk {
    let route = Route::to(Host::parse(host).unwrap());
    Trunk { name: host.into(), route: Some(route), ..Trunk::default() }
}

fn probed(host: &str) -> Trunk {
    let trunk = trunk(host);
    let probe_every = Some(Duration::from_secs(30));
    Trunk { route: trunk.route.map(|route| Route { probe_every, ..route }), ..trunk }
}

fn through(trunks: Vec<Trunk>) -> Bench {
    let trunks = [carrier()].into_iter().chain(trunks).collect();
    let dial = DialPolicy { allow: vec![Pattern::parse("*").unwrap()], deny: Vec::new() };
    Bench::with(SipSettings { trunks, dial, ..settings() })
}

fn server(address: &str, priority: u16, weight: u16) -> Server {
    Server { transport: Transport::Udp, address: address.parse().unwrap(), rank: Rank { priority, weight } }
}

fn dial(bench: &mut Bench, offer: u64, number: &str) {
    let caller = Caller { number: "+4930123".into(), name: "Jane".into(), ..Caller::default() };
    let (offer, call) = (OfferId(offer), CallId(100));
    bench.command(Command::Dial { offer, call, number: number.into(), caller });
}

fn says(bench: &mut Bench, flow: Flow, request: &Request, status: u16, more: &[(&str, &str)]) {
    let mut response = Response::reply_to(request, status, "", Some("outside"));
    response.headers.push("Contact", format!("<sip:gw@{}>", flow.remote));
    for (name, value) in more {
        response.headers.push(name, *value);
    }
    if status == 200 && request.method == Method::Invite {
        response.headers.push("Content-Type", "application/sdp");
        response.body = sdp(50_000, 8, "sendrecv");
    }
    bench.response(flow, &response);
}

/// What is sent next that is no repetition, and when.
fn next_invite(bench: &mut Bench, asked: &[Flow]) -> (Monotonic, Flow, Request) {
    loop {
        while let Some((flow, message)) = bench.wire.pop_front() {
            if let Message::Request(request) = message
                && request.method == Method::Invite
                && !asked.contains(&flow)
            {
                return (bench.now.mono, flow, request);
            }
        }
        bench.after(Duration::from_millis(100));
    }
}

#[test]
fn a_dead_server_makes_way_for_the_next_and_a_dead_trunk_for_another_within_four_seconds_each() {
    let mut bench = through(vec![trunk("gw.one.example"), trunk("203.0.113.210")]);
    let servers = [server("203.0.113.202:5060", 20, 0), server("203.0.113.201:5060", 10, 0)];
    bench.core.servers_found(bench.now, TrunkId(1), &servers);
    dial(&mut bench, 1, "+4989");
    let (mut asked, mut at) = (Vec::new(), bench.now.mono);
    for expected in ["203.0.113.201:5060", "203.0.113.202:5060", "203.0.113.210:5060"] {
        let (when, flow, _) = next_invite(&mut bench, &asked);
        assert_eq!(flow, udp(expected));
        assert!(when.since(at) < Duration::from_secs(4), "{:?}", when.since(at));
        (at, asked) = (when, [asked, vec![flow]].concat());
    }
    bench.expect_no_event();
}

#[test]
fn a_503_a_500_and_a_timeout_lead_to_the_next_server_at_once() {
    for status in [503, 500, 408] {
        let mut bench = through(vec![trunk("gw.one.example")]);
        let servers = [server("203.0.113.201:5060", 10, 0), server("203.0.113.202:5060", 20, 0)];
        bench.core.servers_found(bench.now, TrunkId(1), &servers);
        dial(&mut bench, 1, "+4989");
        let (flow, first) = bench.expect_request(Method::Invite);
        says(&mut bench, flow, &first, status, &[]);
        bench.expect_request(Method::Ack);
        let (flow, second) = bench.expect_request(Method::Invite);
        assert_eq!(flow, udp("203.0.113.202:5060"));
        assert_ne!(first.headers.first("Call-ID"), second.headers.first("Call-ID"));
        says(&mut bench, flow, &second, 200, &[]);
        bench.expect_request(Method::Ack);
        bench.expect_event(Event::OfferAnswered { offer: OFFER });
    }
}

#[test]
fn what_a_person_or_the_number_says_is_asked_of_nobody_else() {
    for (status, failure) in [
        (486, OfferFailure::Busy),
        (404, OfferFailure::Unreachable),
        (484, OfferFailure::Declined),
        (480, OfferFailure::NoAnswer),
        (603, OfferFailure::Declined),
    ] {
        let mut bench = through(vec![trunk("203.0.113.201"), trunk("203.0.113.202")]);
        dial(&mut bench, 1, "+4989");
        let (flow, invite) = bench.expect_request(Method::Invite);
        says(&mut bench, flow, &invite, status, &[]);
        bench.expect_request(Method::Ack);
        bench.expect_silence();
        bench.expect_event(Event::OfferFailed { offer: OFFER, failure, retry_after: None });
        bench.expect_nothing_left();
    }
}

#[test]
fn a_phone_that_rang_and_was_not_answered_is_not_rung_again_by_another_trunk() {
    let mut bench = through(vec![trunk("203.0.113.201"), trunk("203.0.113.202")]);
    dial(&mut bench, 1, "+4989");
    let (flow, invite) = bench.expect_request(Method::Invite);
    says(&mut bench, flow, &invite, 180, &[]);
    bench.expect_event(Event::OfferRinging { offer: OFFER });
    says(&mut bench, flow, &invite, 408, &[]);
    bench.expect_request(Method::Ack);
    bench.expect_silence();
    let failure = OfferFailure::NoAnswer;
    bench.expect_event(Event::OfferFailed { offer: OFFER, failure, retry_after: None });
}

#[test]
fn a_trunk_that_will_not_have_us_is_not_asked_at_its_other_servers() {
    let mut bench = through(vec![trunk("gw.one.example"), trunk("203.0.113.210")]);
    let servers = [server("203.0.113.201:5060", 10, 0), server("203.0.113.202:5060", 20, 0)];
    bench.core.servers_found(bench.now, TrunkId(1), &servers);
    dial(&mut bench, 1, "+4989");
    let (flow, invite) = bench.expect_request(Method::Invite);
    says(&mut bench, flow, &invite, 403, &[]);
    bench.expect_request(Method::Ack);
    assert_eq!(bench.expect_request(Method::Invite).0, udp("203.0.113.210:5060"));
}

#[test]
fn trunks_of_one_priority_share_the_calls_by_weight_and_the_others_only_help_out() {
    let ranked = |host: &str, priority, weight| Trunk { rank: Rank { priority, weight }, ..trunk(host) };
    let trunks =
        vec![ranked("203.0.113.203", 2, 100), ranked("203.0.113.201", 1, 75), ranked("203.0.113.202", 1, 25)];
    let mut bench = through(trunks);
    let mut firsts = BTreeMap::<String, u32>::new();
    for offer in 1..=200 {
        dial(&mut bench, offer, "+4989");
        let (flow, invite) = bench.expect_request(Method::Invite);
        says(&mut bench, flow, &invite, 486, &[]);
        bench.expect_request(Method::Ack);
        *firsts.entry(flow.remote.ip().to_string()).or_default() += 1;
    }
    assert!((120..=180).contains(&firsts["203.0.113.201"]), "{firsts:?}");
    assert_eq!(firsts["203.0.113.201"] + firsts["203.0.113.202"], 200, "{firsts:?}");
}

#[test]
fn a_trunk_carries_its_own_numbers_only_and_writes_them_its_own_way() {
    let home = Home { country: "49".into(), international_prefix: "00".into(), national_prefix: "0".into() };
    let german = Trunk {
        numbers: vec![Pattern::parse("+49*").unwrap()],
        plan: NumberPlan { home: Some(home), format: NumberFormat::National },
        ..trunk("203.0.113.201")
    };
    let plan = NumberPlan { home: None, format: NumberFormat::E164WithoutPlus };
    let british = Trunk { numbers: vec![Pattern::parse("+44*").unwrap()], plan, ..trunk("203.0.113.202") };
    let mut bench = through(vec![german, british]);
    dial(&mut bench, 1, "+4989555");
    let (_, invite) = bench.expect_request(Method::Invite);
    assert_eq!(invite.uri, "sip:089555@203.0.113.201");
    assert!(invite.headers.first("From").unwrap().contains("<sip:030123@203.0.113.201>"));
    dial(&mut bench, 2, "+44 20 555");
    let (_, invite) = bench.expect_request(Method::Invite);
    assert_eq!(invite.uri, "sip:4420555@203.0.113.202");
    assert_eq!(invite.headers.first("P-Asserted-Identity"), Some("<sip:4930123@203.0.113.202>"));
    dial(&mut bench, 3, "+33 1 555");
    bench.expect_silence();
    let told = bench.notes.last().unwrap().to_string();
    assert!(told.ends_with("no [[trunk]] with dial = \"…\" has it among its numbers"), "{told}");
}

#[test]
fn servers_are_asked_whether_they_live_and_calls_go_to_those_that_do() {
    let mut bench = through(vec![probed("203.0.113.201"), probed("203.0.113.202")]);
    bench.tick();
    let (first, options) = bench.expect_request(Method::Options);
    assert_eq!((first, options.uri.as_str()), (udp("203.0.113.201:5060"), "sip:203.0.113.201"));
    let (second, other) = bench.expect_request(Method::Options);
    // A refusal of OPTIONS comes from somebody who is there.
    says(&mut bench, second, &other, 405, &[]);
    bench.after(Duration::from_secs(5));
    bench.wire.clear();
    let told: Vec<_> = bench.notes.iter().map(ToString::to_string).collect();
    let down = "trunk \"203.0.113.201\" does not answer: calls go by others, if there are others";
    assert_eq!(told, [down]);
    let up =
        |bench: &Bench| bench.core.trunk_pictures(bench.now).iter().map(|it| it.1.up).collect::<Vec<_>>();
    assert_eq!(up(&bench), [None, Some(false), Some(true)]);
    dial(&mut bench, 1, "+4989");
    let (flow, invite) = bench.expect_request(Method::Invite);
    assert_eq!(flow, second, "though it stands behind the other");
    says(&mut bench, flow, &invite, 503, &[("Retry-After", "20")]);
    bench.expect_request(Method::Ack);
    let (flow, invite) = bench.expect_request(Method::Invite);
    assert_eq!(flow, first, "who is believed to be dead is asked last, not never");
    says(&mut bench, flow, &invite, 180, &[]);
    assert_eq!(
        up(&bench),
        [None, Some(true), Some(false)],
        "one answered after all, one said it takes nothing"
    );
    bench.tick();
    assert_eq!(bench.notes.len(), 3, "{:?}", bench.notes);
}

#[test]
fn a_server_that_left_a_call_unanswered_is_asked_at_once_whether_it_lives() {
    let mut bench = through(vec![probed("203.0.113.201")]);
    bench.tick();
    let (flow, options) = bench.expect_request(Method::Options);
    says(&mut bench, flow, &options, 200, &[]);
    dial(&mut bench, 1, "+4989");
    bench.after(Duration::from_secs(3));
    bench.wire.retain(|(_, message)| matches!(message, Message::Request(it) if it.method == Method::Options));
    let (flow, options) = bench.expect_request(Method::Options);
    says(&mut bench, flow, &options, 200, &[]);
    assert_eq!(bench.core.trunk_pictures(bench.now)[1].1.up, Some(true));
}

#[test]
fn dns_may_be_silent_and_the_servers_found_before_are_called_and_a_new_one_keeps_nothing_of_the_old() {
    let mut bench = through(vec![probed("gw.one.example")]);
    bench.core.servers_found(bench.now, TrunkId(1), &[server("203.0.113.201:5060", 0, 0)]);
    bench.tick();
    let (flow, options) = bench.expect_request(Method::Options);
    says(&mut bench, flow, &options, 503, &[]);
    assert_eq!(bench.core.trunk_pictures(bench.now)[1].1.up, Some(false));
    // The same once more: what is known of it stays.
    bench.core.servers_found(bench.now, TrunkId(1), &[server("203.0.113.201:5060", 0, 0)]);
    assert_eq!(bench.core.trunk_pictures(bench.now)[1].1.up, Some(false));
    bench.core.servers_found(bench.now, TrunkId(1), &[server("203.0.113.209:5060", 0, 0)]);
    assert_eq!(bench.core.trunk_pictures(bench.now)[1].1.up, Some(true));
    bench.tick();
    assert_eq!(bench.expect_request(Method::Options).0, udp("203.0.113.209:5060"));
}
