//! Numbers outside, called through a trunk: what is sent, what is never sent, and whose password is asked for.

use crate::bench::{Bench, agent_leg, caller_leg, carrier, settings, udp};
use crate::peer::{Dialler, sdp};
use holdfast::engine::event::{Caller, OfferFailure};
use holdfast::engine::id::{CallId, OfferId};
use holdfast::engine::{Command, Event};
use holdfast::secret::Secret;
use holdfast::sip::auth::Login;
use holdfast::sip::dialling::{DialPolicy, Pattern};
use holdfast::sip::flow::{Flow, Transport, TrunkId};
use holdfast::sip::message::{Method, Request, Response};
use holdfast::sip::settings::{Route, Shows, SipSettings, Trunk};
use holdfast::sip::trunk::locate::Server;
use holdfast::sip::trunk::order::Rank;
use holdfast::sip::uri::Host;
use std::time::Duration;

const OFFER: OfferId = OfferId(1);
const GATEWAY: &str = "203.0.113.200:5060";

fn route(host: &str) -> Route {
    Route::to(Host::parse(host).unwrap())
}

fn through(routes: Vec<Route>) -> Bench {
    let trunk = |(at, route)| Trunk { name: format!("trunk{at}"), route: Some(route), ..Trunk::default() };
    let trunks = [carrier()].into_iter().chain(routes.into_iter().enumerate().map(trunk)).collect();
    let allow = ["+49*", "0800*"].iter().map(|text| Pattern::parse(text).unwrap()).collect();
    let mut bench =
        Bench::with(SipSettings { trunks, dial: DialPolicy { allow, deny: Vec::new() }, ..settings() });
    bench.now.mono.0 += 1;
    bench
}

fn with_password() -> Bench {
    let password = Secret::new("s3cret");
    let login = Login { username: "acme".into(), realm: "carrier.example".into(), password };
    through(vec![Route { login: Some(login), ..route("203.0.113.200") }])
}

fn dial(bench: &mut Bench, number: &str) {
    let caller = Caller { number: "030123".into(), name: "Jane".into(), ..Caller::default() };
    dial_for(bench, number, caller);
}

fn dial_for(bench: &mut Bench, number: &str, caller: Caller) {
    bench.command(Command::Dial { offer: OFFER, call: CallId(100), number: number.into(), caller });
}

/// DNS says where the first trunk of the test is.
fn found(bench: &mut Bench, address: &str) {
    let server =
        Server { transport: Transport::Udp, address: address.parse().unwrap(), rank: Rank::default() };
    bench.core.servers_found(bench.now, TrunkId(1), &[server]);
}

fn failed(failure: OfferFailure) -> Event {
    Event::OfferFailed { offer: OFFER, failure, retry_after: None }
}

fn says(bench: &mut Bench, flow: Flow, invite: &Request, status: u16) {
    let mut response = Response::reply_to(invite, status, "", Some("outside"));
    response.headers.push("Contact", format!("<sip:gw@{}>", flow.remote));
    if status == 200 {
        response.headers.push("Content-Type", "application/sdp");
        response.body = sdp(50_000, 8, "sendrecv");
    }
    bench.response(flow, &response);
}

fn challenge(invite: &Request, status: u16, realm: &str, more: &str) -> Response {
    let name = if status == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
    let mut response = Response::reply_to(invite, status, "", Some("outside"));
    response.headers.push(name, format!("Digest realm=\"{realm}\", nonce=\"n{more}\", qop=\"auth\"{more}"));
    response
}

#[test]
fn a_number_outside_is_called_answered_and_hung_up_like_an_agent() {
    let mut bench = through(vec![route("203.0.113.200")]);
    Dialler::established(&mut bench);
    dial(&mut bench, "+49 (89) 555-1");
    let (flow, invite) = bench.expect_request(Method::Invite);
    assert_eq!(flow, udp(GATEWAY));
    assert_eq!(invite.uri, "sip:+49895551@203.0.113.200");
    let header = |name| invite.headers.first(name).unwrap_or_default();
    assert!(header("From").starts_with("\"Jane\" <sip:030123@203.0.113.200>;tag="), "{}", header("From"));
    assert_eq!(header("P-Asserted-Identity"), "<sip:030123@203.0.113.200>");
    assert_eq!(header("Diversion"), "<sip:4001@192.0.2.9>;reason=deflection;counter=1");
    assert_eq!(header("Max-Forwards"), "69", "one hop less than the caller's INVITE");
    assert_eq!(invite.headers.iter().filter(|(name, _)| name.starts_with("X-")).count(), 0);
    assert_eq!(bench.media.near.last(), Some(&Some(caller_leg())));
    says(&mut bench, flow, &invite, 183);
    bench.expect_event(Event::OfferRinging { offer: OFFER });
    says(&mut bench, flow, &invite, 200);
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::OfferAnswered { offer: OFFER });
    assert_eq!(bench.media.open[&agent_leg()].unwrap().remote.port(), 50_000);
    bench.command(Command::Hangup { leg: agent_leg() });
    bench.expect_request(Method::Bye);
    bench.command(Command::Hangup { leg: caller_leg() });
    bench.expect_request(Method::Bye);
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn what_is_not_allowed_is_never_sent_and_the_reason_is_told() {
    for (number, reason) in [
        ("+1900555", "no pattern of [dial] allow lets it be called"),
        ("+49*21*0900#", "no pattern of [dial] allow lets it be called"),
        ("anna@evil.example", "this is no number: expected digits, * and #, with at most a + in front"),
        ("", "this is no number: expected digits, * and #, with at most a + in front"),
    ] {
        let mut bench = through(vec![route("203.0.113.200")]);
        dial(&mut bench, number);
        bench.expect_silence();
        bench.expect_event(failed(OfferFailure::Unreachable));
        let told: Vec<_> = bench.notes.iter().map(ToString::to_string).collect();
        assert_eq!(told, [format!("call {} is not passed on to {number:?}: {reason}", CallId(100))]);
        bench.expect_nothing_left();
    }
}

#[test]
fn without_a_trunk_or_its_address_or_a_port_nobody_is_called() {
    let told = |bench: &Bench| bench.notes.last().map(ToString::to_string).unwrap_or_default();
    let mut bench = through(Vec::new());
    dial(&mut bench, "+4989");
    bench.expect_event(failed(OfferFailure::Unreachable));
    assert!(told(&bench).contains("no [[trunk]] has dial"), "{}", told(&bench));
    let mut bench = through(vec![route("gw.carrier.example")]);
    dial(&mut bench, "+4989");
    bench.expect_event(failed(OfferFailure::Unreachable));
    assert!(told(&bench).contains("could not be resolved"), "{}", told(&bench));
    bench.media.ports_left = Some(0);
    found(&mut bench, "203.0.113.200:5060");
    dial(&mut bench, "+4989");
    bench.expect_event(failed(OfferFailure::Unreachable));
    assert!(told(&bench).contains("no room"), "{}", told(&bench));
    bench.expect_silence();
}

#[test]
fn a_server_with_a_name_is_called_by_it_at_the_address_that_was_found() {
    let mut bench = through(vec![Route { port: Some(5070), ..route("gw.carrier.example") }]);
    found(&mut bench, "203.0.113.201:5070");
    dial(&mut bench, "+4989");
    let (flow, invite) = bench.expect_request(Method::Invite);
    assert_eq!(flow, udp("203.0.113.201:5070"));
    assert_eq!(invite.uri, "sip:+4989@gw.carrier.example:5070");
}

#[test]
fn who_withholds_his_number_stays_unknown_and_our_own_number_vouches_for_him() {
    let own_number = Some("+4930999".into());
    let mut bench = through(vec![Route { own_number, ..route("203.0.113.200") }]);
    dial_for(&mut bench, "+4989", Caller::default());
    let (_, invite) = bench.expect_request(Method::Invite);
    assert!(invite.headers.first("From").unwrap().contains("<sip:anonymous@anonymous.invalid>"));
    assert_eq!(invite.headers.first("Privacy"), Some("id"));
    assert_eq!(invite.headers.first("P-Asserted-Identity"), Some("<sip:+4930999@203.0.113.200>"));
}

#[test]
fn a_carrier_that_allows_no_other_number_sees_ours() {
    let own_number = Some("+4930999".into());
    let mut bench = through(vec![Route { own_number, shows: Shows::OwnNumber, ..route("203.0.113.200") }]);
    dial(&mut bench, "+4989");
    let (_, invite) = bench.expect_request(Method::Invite);
    assert!(invite.headers.first("From").unwrap().starts_with("<sip:+4930999@203.0.113.200>;tag="));
    assert_eq!(invite.headers.first("Privacy"), None);
}

#[test]
fn the_trunks_question_for_our_password_is_answered_within_the_same_call() {
    for (status, answers) in [(401, "Authorization"), (407, "Proxy-Authorization")] {
        let mut bench = with_password();
        dial(&mut bench, "+4989");
        let (flow, first) = bench.expect_request(Method::Invite);
        bench.response(flow, &challenge(&first, status, "carrier.example", ""));
        bench.expect_request(Method::Ack);
        let (again, second) = bench.expect_request(Method::Invite);
        assert_eq!(again, flow);
        assert_eq!(second.headers.first("CSeq"), Some("2 INVITE"));
        for same in ["Call-ID", "From", "To"] {
            assert_eq!(second.headers.first(same), first.headers.first(same));
        }
        assert_ne!(second.headers.first("Via"), first.headers.first("Via"), "another transaction");
        let answer = second.headers.first(answers).unwrap();
        assert!(answer.contains("username=\"acme\"") && answer.contains("uri=\"sip:+4989@203.0.113.200\""));
        bench.expect_no_event();
        says(&mut bench, flow, &second, 200);
        let (_, ack) = bench.expect_request(Method::Ack);
        assert_eq!(ack.headers.first("CSeq"), Some("2 ACK"));
        assert_eq!(ack.headers.first(answers), Some(answer), "nobody may ask for it then");
        bench.expect_event(Event::OfferAnswered { offer: OFFER });
        bench.command(Command::Hangup { leg: agent_leg() });
        let (_, bye) = bench.expect_request(Method::Bye);
        assert_eq!(bye.headers.first("CSeq"), Some("3 BYE"));
        bench.expect_nothing_left();
    }
}

/// A call that the trunk has answered without a question; its 200 says this besides.
fn answered(more: Option<(&str, &str)>) -> (Bench, Flow) {
    let mut bench = with_password();
    dial(&mut bench, "+4989");
    let (flow, invite) = bench.expect_request(Method::Invite);
    bench.response(flow, &ok(flow, &invite, more));
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::OfferAnswered { offer: OFFER });
    (bench, flow)
}

fn ok(flow: Flow, invite: &Request, more: Option<(&str, &str)>) -> Response {
    let mut response = Response::reply_to(invite, 200, "", Some("outside"));
    response.headers.push("Contact", format!("<sip:gw@{}>", flow.remote));
    response.headers.push("Content-Type", "application/sdp");
    response.body = sdp(50_000, 8, "sendrecv");
    if let Some((name, value)) = more {
        response.headers.push(name, value);
    }
    response
}

#[test]
fn a_trunk_that_wants_our_password_for_the_end_of_a_call_gets_it_once() {
    for (status, answers) in [(401, "Authorization"), (407, "Proxy-Authorization")] {
        let (mut bench, flow) = answered(None);
        bench.command(Command::Hangup { leg: agent_leg() });
        let (_, first) = bench.expect_request(Method::Bye);
        bench.response(flow, &challenge(&first, status, "carrier.example", ""));
        let (_, second) = bench.expect_request(Method::Bye);
        assert_eq!(second.headers.first("CSeq"), Some("3 BYE"));
        for same in ["Call-ID", "From", "To"] {
            assert_eq!(second.headers.first(same), first.headers.first(same));
        }
        assert!(second.headers.first(answers).unwrap().contains("username=\"acme\""));
        assert!(!bench.core.is_quiet(), "the call is not over for the carrier");
        bench.response(flow, &challenge(&second, status, "carrier.example", "2"));
        bench.expect_silence();
        bench.expect_nothing_left();
    }
}

#[test]
fn a_trunk_that_wants_our_password_for_a_refresh_gets_it_and_the_call_goes_on() {
    let (mut bench, flow) = answered(Some(("Session-Expires", "90;refresher=uac")));
    bench.after(Duration::from_secs(45));
    let (_, first) = bench.expect_request(Method::Invite);
    bench.response(flow, &challenge(&first, 407, "carrier.example", ""));
    bench.expect_request(Method::Ack);
    let (_, second) = bench.expect_request(Method::Invite);
    assert_eq!(second.headers.first("CSeq"), Some("3 INVITE"));
    assert_eq!(second.body, first.body);
    let proof = second.headers.first("Proxy-Authorization").unwrap();
    bench.response(flow, &ok(flow, &second, Some(("Session-Expires", "90;refresher=uac"))));
    let (_, ack) = bench.expect_request(Method::Ack);
    assert_eq!(ack.headers.first("CSeq"), Some("3 ACK"));
    assert_eq!(ack.headers.first("Proxy-Authorization"), Some(proof));
    // The next one asks anew, as nobody said how long the answer holds.
    bench.after(Duration::from_secs(45));
    let (_, third) = bench.expect_request(Method::Invite);
    assert_eq!(third.headers.first("CSeq"), Some("4 INVITE"));
    assert_eq!(bench.core.counts().legs, 1);
    bench.expect_no_event();
}

#[test]
fn within_a_call_too_a_foreign_realm_gets_no_password() {
    let (mut bench, flow) = answered(None);
    bench.command(Command::Hangup { leg: agent_leg() });
    let (_, bye) = bench.expect_request(Method::Bye);
    bench.response(flow, &challenge(&bye, 407, "evil.example", ""));
    bench.expect_silence();
    let told = bench.notes.last().map(ToString::to_string).unwrap_or_default();
    assert!(told.contains("evil.example"), "{told}");
    bench.expect_nothing_left();
}

#[test]
fn a_trunk_that_asks_without_qop_is_answered_as_rfc_2069_has_it() {
    let mut bench = with_password();
    dial(&mut bench, "+4989");
    let (flow, first) = bench.expect_request(Method::Invite);
    let mut asks = Response::reply_to(&first, 407, "", Some("outside"));
    asks.headers.push("Proxy-Authenticate", "Digest realm=\"carrier.example\", nonce=\"Y2hhbGs\"");
    bench.response(flow, &asks);
    bench.expect_request(Method::Ack);
    let (_, second) = bench.expect_request(Method::Invite);
    let answer = second.headers.first("Proxy-Authorization").unwrap();
    // MD5 of "acme:carrier.example:s3cret", the nonce and "INVITE:sip:+4989@203.0.113.200".
    assert!(answer.contains("response=\"ee1ba33c18091e0f706209b38d52ee99\""), "{answer}");
    assert!(!answer.contains("qop") && !answer.contains("cnonce") && !answer.contains("nc="), "{answer}");
    says(&mut bench, flow, &second, 200);
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::OfferAnswered { offer: OFFER });
}

#[test]
fn a_foreign_realm_and_a_trunk_without_account_get_no_password() {
    for (mut bench, realm, reason) in [
        (with_password(), "evil.example", "no challenge for the configured realm in a form we know"),
        (through(vec![route("203.0.113.200")]), "carrier.example", "it has no username and password"),
    ] {
        dial(&mut bench, "+4989");
        let (flow, invite) = bench.expect_request(Method::Invite);
        bench.response(flow, &challenge(&invite, 407, realm, ""));
        bench.expect_request(Method::Ack);
        bench.expect_silence();
        bench.expect_event(failed(OfferFailure::Unreachable));
        let told = bench.notes[0].to_string();
        assert_eq!(
            told,
            format!("trunk \"trunk0\" asks for a password for {realm:?} and gets none: {reason}")
        );
        bench.expect_nothing_left();
    }
}

#[test]
fn a_refused_password_is_not_tried_again_and_a_stale_nonce_only_once() {
    let mut bench = with_password();
    dial(&mut bench, "+4989");
    let (flow, first) = bench.expect_request(Method::Invite);
    bench.response(flow, &challenge(&first, 401, "carrier.example", ""));
    bench.expect_request(Method::Ack);
    let (_, second) = bench.expect_request(Method::Invite);
    bench.response(flow, &challenge(&second, 401, "carrier.example", ", stale=true"));
    bench.expect_request(Method::Ack);
    let (_, third) = bench.expect_request(Method::Invite);
    assert_eq!(third.headers.first("CSeq"), Some("3 INVITE"));
    assert_eq!(third.headers.all("Authorization").count(), 1);
    bench.response(flow, &challenge(&third, 401, "carrier.example", ", stale=true, x=1"));
    bench.expect_request(Method::Ack);
    bench.expect_silence();
    bench.expect_event(failed(OfferFailure::Unreachable));
    assert!(bench.notes[0].to_string().ends_with("the answer was refused"), "{}", bench.notes[0]);
    bench.expect_nothing_left();
}

#[test]
fn a_call_called_off_while_the_trunk_asks_for_a_password_is_not_tried_again() {
    let mut bench = with_password();
    dial(&mut bench, "+4989");
    let (flow, first) = bench.expect_request(Method::Invite);
    bench.cancel_offer(1, false);
    bench.response(flow, &challenge(&first, 407, "carrier.example", ""));
    bench.expect_request(Method::Ack);
    bench.expect_silence();
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn a_caller_who_leaves_while_it_rings_outside_stops_the_ringing() {
    let mut bench = with_password();
    dial(&mut bench, "+4989");
    let (flow, first) = bench.expect_request(Method::Invite);
    bench.response(flow, &challenge(&first, 407, "carrier.example", ""));
    bench.expect_request(Method::Ack);
    let (_, second) = bench.expect_request(Method::Invite);
    says(&mut bench, flow, &second, 180);
    bench.expect_event(Event::OfferRinging { offer: OFFER });
    bench.cancel_offer(1, false);
    let (_, cancel) = bench.expect_request(Method::Cancel);
    assert_eq!(cancel.headers.first("CSeq"), Some("2 CANCEL"));
    says(&mut bench, flow, &second, 487);
    bench.expect_request(Method::Ack);
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn refusals_of_a_number_are_told_apart_as_those_of_agents() {
    for (status, failure) in [
        (486, OfferFailure::Busy),
        (600, OfferFailure::Busy),
        (603, OfferFailure::Declined),
        (480, OfferFailure::NoAnswer),
        (404, OfferFailure::Unreachable),
        (403, OfferFailure::Unreachable),
        (503, OfferFailure::Unreachable),
    ] {
        let mut bench = through(vec![route("203.0.113.200")]);
        dial(&mut bench, "0800 1");
        let (flow, invite) = bench.expect_request(Method::Invite);
        says(&mut bench, flow, &invite, status);
        bench.expect_request(Method::Ack);
        bench.expect_event(failed(failure));
        bench.expect_nothing_left();
    }
}

#[test]
fn a_trunk_that_cannot_be_reached_makes_way_for_the_next_and_a_busy_number_does_not() {
    let mut bench = through(vec![route("203.0.113.200"), route("203.0.113.201")]);
    dial(&mut bench, "+4989");
    bench.expect_request(Method::Invite);
    bench.after(Duration::from_secs(3));
    bench.wire.retain(|(flow, _)| *flow != udp(GATEWAY));
    let (flow, invite) = bench.expect_request(Method::Invite);
    assert_eq!(flow, udp("203.0.113.201:5060"));
    assert_eq!(invite.uri, "sip:+4989@203.0.113.201");
    bench.expect_no_event();
    says(&mut bench, flow, &invite, 486);
    bench.expect_request(Method::Ack);
    bench.expect_event(failed(OfferFailure::Busy));

    let mut bench = through(vec![route("203.0.113.200"), route("203.0.113.201")]);
    dial(&mut bench, "+4989");
    let (flow, invite) = bench.expect_request(Method::Invite);
    says(&mut bench, flow, &invite, 486);
    bench.expect_request(Method::Ack);
    bench.expect_silence();
    bench.expect_event(failed(OfferFailure::Busy));
    bench.expect_nothing_left();
}

#[test]
fn the_password_is_nowhere_to_be_read() {
    let mut bench = with_password();
    dial(&mut bench, "+4989");
    let (flow, invite) = bench.expect_request(Method::Invite);
    bench.response(flow, &challenge(&invite, 401, "carrier.example", ""));
    let shown = format!("{:?} {:?} {:?}", bench.core, bench.wire, bench.notes);
    assert!(!shown.contains("s3cret"), "{shown}");
}

/// A call outside that the trunk has answered, with these headers besides.
fn talking(bench: &mut Bench, more: &[(&str, &str)]) -> (Flow, Request) {
    dial(bench, "+4989");
    let (flow, invite) = bench.expect_request(Method::Invite);
    let mut ok = Response::reply_to(&invite, 200, "", Some("outside"));
    ok.headers.push("Contact", format!("<sip:gw@{}>", flow.remote));
    ok.headers.push("Content-Type", "application/sdp");
    for (name, value) in more {
        ok.headers.push(name, *value);
    }
    ok.body = sdp(50_000, 8, "sendrecv");
    bench.response(flow, &ok);
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::OfferAnswered { offer: OFFER });
    (flow, invite)
}

#[test]
fn a_trunk_that_wants_to_know_who_hangs_up_is_told_once() {
    for (status, answers) in [(401, "Authorization"), (407, "Proxy-Authorization")] {
        let mut bench = with_password();
        let (flow, _) = talking(&mut bench, &[]);
        bench.command(Command::Hangup { leg: agent_leg() });
        let (_, first) = bench.expect_request(Method::Bye);
        bench.response(flow, &challenge(&first, status, "carrier.example", ""));
        let (to, second) = bench.expect_request(Method::Bye);
        assert_eq!((to, second.headers.first("CSeq")), (flow, Some("3 BYE")));
        for same in ["Call-ID", "From", "To"] {
            assert_eq!(second.headers.first(same), first.headers.first(same));
        }
        let answer = second.headers.first(answers).unwrap();
        assert!(answer.contains("username=\"acme\"") && answer.contains(&format!("uri=\"{}\"", second.uri)));
        assert!(!bench.core.is_quiet(), "it is not over yet");
        bench.response(flow, &challenge(&second, status, "carrier.example", ", x=1"));
        bench.expect_silence();
        assert!(bench.core.is_quiet());
        assert!(bench.notes[0].to_string().ends_with("the answer was refused"), "{}", bench.notes[0]);
        bench.expect_nothing_left();
        bench.expect_no_event();
    }
}

#[test]
fn a_trunk_that_wants_to_know_who_refreshes_is_told_and_the_call_goes_on() {
    for allow in ["INVITE, BYE", "INVITE, BYE, UPDATE"] {
        let by = if allow.contains("UPDATE") { Method::Update } else { Method::Invite };
        let mut bench = with_password();
        let (flow, _) = talking(&mut bench, &[("Session-Expires", "90;refresher=uac"), ("Allow", allow)]);
        for round in 0..2 {
            bench.after(Duration::from_secs(45));
            let (_, first) = bench.expect_request(by.clone());
            bench.response(flow, &challenge(&first, 407, "carrier.example", &format!(", x={round}")));
            if by == Method::Invite {
                bench.expect_request(Method::Ack);
            }
            let (_, second) = bench.expect_request(by.clone());
            let answer = second.headers.first("Proxy-Authorization").unwrap();
            assert!(answer.contains("username=\"acme\""), "{answer}");
            let mut ok = Response::reply_to(&second, 200, "", None);
            ok.headers.push("Contact", format!("<sip:gw@{}>", flow.remote));
            ok.headers.push("Session-Expires", "90;refresher=uac");
            ok.body = if by == Method::Invite { sdp(50_000, 8, "sendrecv") } else { Vec::new() };
            bench.response(flow, &ok);
            if by == Method::Invite {
                bench.expect_request(Method::Ack);
            }
            bench.expect_silence();
        }
        bench.expect_no_event();
        assert!(bench.notes.is_empty(), "{:?}", bench.notes);
    }
}

#[test]
fn a_foreign_realm_within_a_call_gets_no_password() {
    let mut bench = with_password();
    let (flow, _) = talking(&mut bench, &[("Session-Expires", "90;refresher=uac")]);
    bench.after(Duration::from_secs(45));
    let (_, refresh) = bench.expect_request(Method::Invite);
    bench.response(flow, &challenge(&refresh, 407, "evil.example", ""));
    bench.expect_request(Method::Ack);
    bench.expect_silence();
    bench.command(Command::Hangup { leg: agent_leg() });
    let (_, bye) = bench.expect_request(Method::Bye);
    bench.response(flow, &challenge(&bye, 407, "evil.example", ""));
    bench.expect_silence();
    assert_eq!(bench.notes.len(), 2, "{:?}", bench.notes);
    bench.expect_nothing_left();
}

#[test]
fn a_trunk_is_told_that_its_183_has_arrived_and_need_not_repeat_it_in_its_200() {
    let mut bench = through(vec![route("203.0.113.200")]);
    dial(&mut bench, "+4989");
    let (flow, invite) = bench.expect_request(Method::Invite);
    assert!(invite.headers.has_token("Supported", "100rel") && invite.headers.first("Require").is_none());
    let mut session = Response::reply_to(&invite, 183, "", Some("outside"));
    for (name, value) in [("Require", "100rel"), ("RSeq", "7"), ("Content-Type", "application/sdp")] {
        session.headers.push(name, value);
    }
    session.headers.push("Contact", format!("<sip:gw@{}>", flow.remote));
    session.body = sdp(50_000, 8, "sendrecv");
    bench.response(flow, &session);
    let (_, prack) = bench.expect_request(Method::Prack);
    assert_eq!(prack.headers.first("RAck"), Some("7 1 INVITE"));
    bench.expect_event(Event::OfferRinging { offer: OFFER });
    bench.response(flow, &Response::reply_to(&prack, 200, "", None));
    let mut ok = Response::reply_to(&invite, 200, "", Some("outside"));
    ok.headers.push("Contact", format!("<sip:gw@{}>", flow.remote));
    bench.response(flow, &ok);
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::OfferAnswered { offer: OFFER });
    assert_eq!(bench.media.open[&agent_leg()].unwrap().remote.port(), 50_000);
    bench.command(Command::Hangup { leg: agent_leg() });
    let (_, bye) = bench.expect_request(Method::Bye);
    assert_eq!(bye.headers.first("CSeq"), Some("3 BYE"), "the PRACK had the number before");
}

#[test]
fn a_trunk_has_as_long_to_give_a_sign_as_the_configuration_says() {
    for (within, rests) in [(Duration::from_millis(700), 1), (Duration::from_secs(10), 0)] {
        let first = Route { answer_within: within, ..route("203.0.113.200") };
        let mut bench = through(vec![first, route("203.0.113.201")]);
        dial(&mut bench, "+4989");
        let asked = |bench: &mut Bench| {
            let next = bench.wire.drain(..).filter(|(flow, _)| *flow == udp("203.0.113.201:5060"));
            next.count()
        };
        bench.after(Duration::from_millis(600));
        assert_eq!(asked(&mut bench), 0);
        bench.after(Duration::from_millis(200));
        assert_eq!(asked(&mut bench), rests);
        bench.after(Duration::from_secs(10));
        assert!(asked(&mut bench) > 0, "in the end it is asked");
    }
}
