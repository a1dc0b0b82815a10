//! Who may register and call, and whether the phones are still there.

use crate::bench::{ANNA, Bench, settings};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::Event;
use holdfast::sip::auth::Algorithm;
use holdfast::sip::message::{Message, Method, Response};
use holdfast::sip::registrar::RegistrarRules;
use holdfast::sip::settings::SipSettings;
use std::time::Duration;

fn reachable(reachable: bool) -> Event {
    Event::AgentReachable { agent: ANNA, reachable }
}

fn probing() -> SipSettings {
    SipSettings { registrar: RegistrarRules::default(), ..settings() }
}

#[test]
fn a_phone_registers_with_its_password_and_its_agent_can_be_reached() {
    let mut bench = Bench::new();
    let mut phone = Phone::new("anna", "198.51.100.1:5070");
    let ok = phone.register(&mut bench, "anna-secret", 60);
    assert_eq!(
        (ok.status, ok.headers.first("Contact")),
        (200, Some("<sip:anna@198.51.100.1:5070>;expires=60"))
    );
    bench.expect_event(reachable(true));
    phone.register(&mut bench, "anna-secret", 0);
    bench.expect_event(reachable(false));
    bench.expect_nothing_left();
}

#[test]
fn wrong_password_and_unknown_user_cannot_be_told_apart() {
    let mut bench = Bench::new();
    let strip = |mut response: Response| {
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            response.headers.remove(name);
        }
        response
    };
    let wrong = Phone::new("anna", "198.51.100.1:5070").register(&mut bench, "guess", 60);
    let unknown = Phone::new("zoe", "198.51.100.1:5070").register(&mut bench, "guess", 60);
    assert_eq!(wrong.status, 403);
    assert_eq!(strip(wrong), strip(unknown));
    bench.expect_no_event();
    assert_eq!(bench.core.counts().contacts, 0);
}

#[test]
fn one_account_may_not_register_for_another() {
    let mut bench = Bench::new();
    let mut phone = Phone::new("bert", "198.51.100.1:5070");
    phone.account.to = "<sip:anna@192.0.2.9>".into();
    assert_eq!(phone.register(&mut bench, "bert-secret", 60).status, 403);
    bench.expect_no_event();
}

#[test]
fn an_interval_that_is_too_short_names_the_shortest() {
    let mut bench = Bench::new();
    let refused = Phone::new("anna", "198.51.100.1:5070").register(&mut bench, "anna-secret", 5);
    assert_eq!((refused.status, refused.headers.first("Min-Expires")), (423, Some("30")));
}

#[test]
fn a_registration_that_runs_out_makes_the_agent_unreachable() {
    let mut bench = Bench::new();
    Phone::new("anna", "198.51.100.1:5070").register(&mut bench, "anna-secret", 60);
    bench.expect_event(reachable(true));
    bench.after(Duration::from_secs(59));
    bench.expect_no_event();
    bench.after(Duration::from_secs(1));
    bench.expect_event(reachable(false));
    bench.expect_nothing_left();
}

#[test]
fn a_phone_that_answers_no_options_is_unreachable_until_it_does() {
    let mut bench = Bench::with(probing());
    let phone = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    bench.after(Duration::from_secs(30));
    let (flow, options) = bench.expect_request(Method::Options);
    assert_eq!((flow, options.uri.as_str()), (phone.flow, "sip:anna@198.51.100.1:5070"));
    bench.response(phone.flow, &phone.reply(&options, 405, Vec::new()));
    bench.after(Duration::from_secs(30 + 4 + 3));
    bench.expect_no_event();
    bench.after(Duration::from_secs(1));
    bench.expect_event(reachable(false));
    let last = bench.wire.iter().rev().find_map(|(_, message)| match message {
        holdfast::sip::message::Message::Request(request) => Some(request.clone()),
        holdfast::sip::message::Message::Response(_) => None,
    });
    bench.response(phone.flow, &phone.reply(&last.unwrap(), 200, Vec::new()));
    bench.expect_event(reachable(true));
}

#[test]
fn a_static_contact_is_rung_from_the_start_and_asked_now_and_then() {
    let mut rules = probing();
    rules.accounts[0].contact = Some("sip:anna@198.51.100.1:5070".into());
    let mut bench = Bench::with(rules);
    assert!(bench.core.next_deadline().is_some_and(|at| at <= bench.now.mono), "the engine must hear of it");
    bench.after(Duration::ZERO);
    bench.expect_event(reachable(true));
    bench.offer(1, ANNA);
    let (flow, invite) = bench.expect_request(Method::Invite);
    assert_eq!(
        (flow.remote.to_string(), invite.uri),
        ("198.51.100.1:5070".into(), "sip:anna@198.51.100.1:5070".into())
    );
    bench.cancel_offer(1, false);
    bench.after(Duration::from_secs(38));
    bench.expect_event(reachable(false));
}

#[test]
fn a_static_contact_by_name_is_an_error_at_the_start() {
    let mut rules = settings();
    rules.accounts[0].contact = Some("sip:anna@phone.example".into());
    let error = holdfast::sip::core::SipCore::new(rules, 1).err().map(|error| error.to_string());
    assert!(error.unwrap().contains("account anna: contact \"sip:anna@phone.example\""));
}

/// A REGISTER with this answer to a challenge, as anybody could send it who has listened.
fn again(bench: &mut Bench, phone: &mut Phone, answer: &str) -> Response {
    let mut request = phone.register_request(60);
    request.headers.push("Authorization", answer);
    bench.request(phone.flow, &request);
    match bench.wire.pop_front() {
        Some((_, Message::Response(response))) => response,
        other => panic!("expected a response, got {other:?}"),
    }
}

#[test]
fn an_answer_used_twice_is_asked_for_anew_and_the_nonce_called_stale() {
    let mut bench = Bench::new();
    let mut phone = Phone::new("anna", "198.51.100.1:5070");
    let mut request = phone.register_request(60);
    bench.request(phone.flow, &request);
    let challenge = bench.expect_response(401);
    assert!(!challenge.headers.first("WWW-Authenticate").unwrap().contains("stale"));
    phone.authorize(&mut request, &challenge, "anna-secret");
    let answer = request.headers.first("Authorization").unwrap().to_owned();
    assert_eq!(again(&mut bench, &mut phone, &answer).status, 200);
    let refused = again(&mut bench, &mut phone, &answer);
    assert_eq!(refused.status, 401);
    assert!(refused.headers.first("WWW-Authenticate").unwrap().ends_with("stale=true"), "{refused:#?}");
    // A later count needs another response: the old one does not do for it.
    let forged = answer.replace("nc=00000001", "nc=00000002");
    assert_eq!(again(&mut bench, &mut phone, &forged).status, 403);
}

#[test]
fn a_phone_uses_the_stronger_hash_it_knows_and_the_other_is_as_good() {
    let digests = vec![Algorithm::Sha256, Algorithm::Md5];
    let mut bench = Bench::with(SipSettings { digests, ..settings() });
    for (knows, uses) in [(2, "algorithm=SHA-256"), (1, "algorithm=MD5")] {
        let mut phone = Phone::new("anna", "198.51.100.1:5070");
        phone.account.call_id = format!("knows-{knows}");
        // Two challenges are no answer to a short question: see `where_two_challenges_would_be_too_much_one_is_sent`.
        phone.more.push(("X-Padding", "x".repeat(400)));
        let mut request = phone.register_request(60);
        bench.request(phone.flow, &request);
        let mut challenge = bench.expect_response(401);
        let offered: Vec<_> = challenge.headers.all("WWW-Authenticate").map(str::to_owned).collect();
        assert!(offered[0].contains("algorithm=SHA-256") && offered[1].contains("algorithm=MD5"));
        challenge.headers.remove("WWW-Authenticate");
        for value in offered.iter().rev().take(knows) {
            challenge.headers.push("WWW-Authenticate", value.clone());
        }
        phone.authorize(&mut request, &challenge, "anna-secret");
        let answer = request.headers.first("Authorization").unwrap().to_owned();
        assert!(answer.contains(uses), "{answer}");
        assert_eq!(again(&mut bench, &mut phone, &answer).status, 200);
    }
}

#[test]
fn an_agent_who_calls_is_known_by_his_password() {
    let mut bench = Bench::new();
    let phone = Phone::new("anna", "198.51.100.1:5070");
    let mut caller = Dialler::at("198.51.100.1:5070", "anna");
    let mut invite = caller.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    invite.uri = "sip:*11@192.0.2.9".into();
    bench.request(caller.flow, &invite);
    let challenge = bench.expect_response(401);
    phone.authorize(&mut invite, &challenge, "anna-secret");
    invite.headers.set("CSeq", "2 INVITE");
    bench.request(caller.flow, &invite);
    bench.expect_response(100);
    match bench.events.pop_front() {
        Some(Event::CallArrived { dialled, agent, .. }) => {
            assert_eq!((dialled.as_str(), agent), ("*11", Some(ANNA)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_password_for_one_name_does_not_lend_another() {
    let mut bench = Bench::new();
    let phone = Phone::new("bert", "198.51.100.1:5070");
    let mut caller = Dialler::at("198.51.100.1:5070", "anna");
    let mut invite = caller.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    bench.request(caller.flow, &invite);
    let challenge = bench.expect_response(401);
    phone.authorize(&mut invite, &challenge, "bert-secret");
    bench.request(caller.flow, &invite);
    bench.expect_response(100);
    bench.expect_response(403);
    bench.expect_no_event();
    bench.expect_nothing_left();
}

#[test]
fn a_stranger_and_a_false_agent_on_the_trunk_are_asked_for_a_password() {
    for (remote, user, is_on_trunk) in
        [("198.51.100.66:5060", "030123", false), ("203.0.113.7:5060", "anna", true)]
    {
        let mut bench = Bench::new();
        Dialler::at(remote, user).invite(&mut bench);
        if is_on_trunk {
            bench.expect_response(100);
        }
        let challenge = bench.expect_response(401);
        assert_eq!(challenge.headers.all("WWW-Authenticate").count(), 1);
        bench.expect_no_event();
        bench.expect_nothing_left();
    }
}

#[test]
fn a_phone_whose_connection_breaks_is_unreachable_at_once() {
    let mut bench = Bench::new();
    let mut phone = Phone::new("anna", "198.51.100.1:5070");
    phone.flow.transport = holdfast::sip::flow::Transport::Tcp;
    phone.flow.connection = Some(holdfast::sip::flow::ConnectionId(9));
    phone.register(&mut bench, "anna-secret", 600);
    bench.expect_event(reachable(true));
    bench.flow_lost(phone.flow);
    bench.expect_event(reachable(false));
    bench.expect_nothing_left();
}
