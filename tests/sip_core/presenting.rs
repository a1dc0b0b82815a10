//! What the INVITE to an agent's phone says besides who calls: ring tones, answering by itself, headers for the software at
//! his desk, user-to-user information.

use crate::bench::{ANNA, Bench, carrier, settings};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::Command;
use holdfast::engine::event::Caller;
use holdfast::engine::id::{CallId, OfferId};
use holdfast::sip::message::{Method, Request};
use holdfast::sip::presenting::{HeaderName, Presentation, Template};
use holdfast::sip::presets::{PhoneMake, Preset, Tone};
use holdfast::sip::settings::{SipSettings, Trunk};
use std::time::Duration;

fn headers(pairs: &[(&str, &str)]) -> Vec<(HeaderName, Template)> {
    let pair =
        |(name, text): &(&str, &str)| (HeaderName::parse(name).unwrap(), Template::parse(text).unwrap());
    pairs.iter().map(pair).collect()
}

/// Anna's phone is of this make and answers by itself; sales rings urgently.
fn with_phone(make: PhoneMake, auto_answer: bool) -> SipSettings {
    let mut rules = settings();
    rules.accounts[0].preset = Some(Preset { make, auto_answer, tone: Tone::parse("internal") });
    let tone = Tone::parse("urgent");
    rules.queues.insert("sales".into(), Presentation { tone, ..Presentation::default() });
    rules
}

fn with_headers(site: &[(&str, &str)], sales: &[(&str, &str)]) -> SipSettings {
    let mut rules = settings();
    rules.presentation.headers = headers(site);
    rules.queues.insert("sales".into(), Presentation { headers: headers(sales), ..Presentation::default() });
    rules
}

/// Anna is rung for a call of sales.
fn rung(bench: &mut Bench) -> Request {
    Phone::registered(bench, "anna", "198.51.100.1:5070");
    bench.offer(1, ANNA);
    bench.expect_request(Method::Invite).1
}

/// A colleague calls her.
fn called(bench: &mut Bench) -> Request {
    Phone::registered(bench, "anna", "198.51.100.1:5070");
    let caller = Caller { number: "bert".into(), name: "Bert".into(), ..Caller::default() };
    bench.command(Command::CallAgent { offer: OfferId(1), call: CallId(100), agent: ANNA, caller });
    bench.expect_request(Method::Invite).1
}

#[test]
fn a_phone_is_told_to_answer_a_queues_call_by_itself_and_never_a_colleagues() {
    let by_itself = Some("<sip:192.0.2.9>;answer-after=0");
    let invite = rung(&mut Bench::with(with_phone(PhoneMake::Snom, true)));
    assert_eq!((invite.headers.first("Call-Info"), invite.headers.first("Alert-Info")), (by_itself, None));
    let invite = called(&mut Bench::with(with_phone(PhoneMake::Snom, true)));
    assert_eq!(invite.headers.first("Call-Info"), None);
    assert_eq!(invite.headers.first("Alert-Info"), Some("<http://127.0.0.1>;info=internal;x-line-id=0"));
}

#[test]
fn the_queues_tone_goes_before_the_agents_own() {
    let invite = rung(&mut Bench::with(with_phone(PhoneMake::Yealink, false)));
    assert_eq!(invite.headers.first("Alert-Info"), Some("<http://127.0.0.1>;info=urgent"));
    let invite = rung(&mut Bench::new());
    assert_eq!((invite.headers.first("Alert-Info"), invite.headers.first("Call-Info")), (None, None));
}

#[test]
fn the_desk_is_told_what_is_known_of_the_call() {
    let site =
        [("X-Queue", "{queue}/{title}"), ("X-Who", "{caller} {caller_name}"), ("X-None", "{language}")];
    let sales =
        [("X-Call", "{call}"), ("X-Wait", "{wait}s"), ("X-Dialled", "{dialled}"), ("X-For", "{agent}")];
    let mut bench = Bench::with(with_headers(&site, &sales));
    bench.engine.queues[0].language = String::new();
    Dialler::established(&mut bench);
    bench.after(Duration::from_secs(17));
    let invite = rung(&mut bench);
    for (name, value) in [
        ("X-Queue", Some("sales/Sales")),
        ("X-Who", Some("030123 Jane")),
        ("X-Call", Some("100")),
        ("X-Wait", Some("17s")),
        ("X-Dialled", Some("4001")),
        ("X-For", Some("anna")),
        ("X-None", None),
    ] {
        assert_eq!(invite.headers.first(name), value, "{name}");
    }
}

#[test]
fn the_desk_is_told_whom_the_caller_called_first_and_nothing_where_nobody_sent_him_on() {
    for (diverted_from, shown) in [(Some("+4930111".into()), Some("for +4930111")), (None, Some("for"))] {
        let mut bench = Bench::with(with_headers(&[("X-First", "for {diverted}")], &[]));
        Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
        let caller = Caller { number: "030123".into(), diverted_from, ..Caller::default() };
        let (call, queue) = (CallId(100), holdfast::engine::id::QueueId(0));
        bench.command(Command::OfferAgent { offer: OfferId(1), call, agent: ANNA, queue, caller });
        let (_, invite) = bench.expect_request(Method::Invite);
        assert_eq!(invite.headers.first("X-First"), shown);
    }
}

#[test]
fn no_callers_name_becomes_a_header_of_its_own() {
    let mut bench = Bench::with(with_headers(&[("X-Who", "{caller_name}")], &[]));
    Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    let caller = Caller {
        number: "1".into(),
        name: format!("J\r\nX-Evil: 1\r\n\r\n{}", "x".repeat(999)),
        ..Caller::default()
    };
    bench.command(Command::OfferAgent {
        offer: OfferId(1),
        call: CallId(100),
        agent: ANNA,
        queue: holdfast::engine::id::QueueId(0),
        caller,
    });
    let (_, invite) = bench.expect_request(Method::Invite);
    assert_eq!(invite.headers.first("X-Evil"), None);
    assert_eq!(invite.headers.first("X-Who").map(|value| value.chars().count()), Some(256));
}

/// What Anna's phone is told, when a caller brings this by a trunk that is trusted with headers, or not.
fn brought(rules: SipSettings, trusted_headers: bool, values: &[&str]) -> (Vec<String>, usize) {
    let trunks = vec![Trunk { trusted_headers, ..carrier() }];
    let mut bench = Bench::with(SipSettings { trunks, ..rules });
    let mut caller = Dialler::new();
    let mut invite = caller.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    for value in values {
        invite.headers.push("User-to-User", *value);
    }
    bench.request(caller.flow, &invite);
    bench.expect_response(100);
    let told = rung(&mut bench).headers.all("User-to-User").map(str::to_owned).collect();
    (told, bench.notes.len())
}

#[test]
fn what_a_trusted_caller_brings_reaches_the_agents_phone_as_it_is() {
    let values = ["00fa08;encoding=hex", "\"a, b\";purpose=x"];
    assert_eq!(brought(settings(), true, &values), (values.map(str::to_owned).to_vec(), 0));
    assert_eq!(brought(settings(), false, &values), (vec![], 0));
    let one = ["56a390f3d2b7310023a2;encoding=hex, 04aa"];
    assert_eq!(brought(settings(), true, &one).0.len(), 2);
}

#[test]
fn what_cannot_be_user_to_user_information_is_left_out_and_told_of() {
    let long = "f".repeat(600);
    assert_eq!(brought(settings(), true, &["a b", "\"open", &long]), (vec![], 3));
    assert_eq!(brought(settings(), true, &["1,2,3,4,5,6"]).0.len(), 4);
}

#[test]
fn where_the_caller_brings_none_the_site_may_say_something() {
    let mut rules = settings();
    rules.presentation.user_to_user = Some(Template::parse("{call}").unwrap());
    let ours = "04313030;purpose=isdn-uui;encoding=hex;content=isdn-uui".to_owned();
    assert_eq!(brought(rules.clone(), true, &[]).0, [ours]);
    assert_eq!(brought(rules, true, &["04aa"]).0, ["04aa"]);
}

#[test]
fn a_reload_changes_what_phones_are_told() {
    let mut bench = Bench::new();
    bench.core.reconfigure(with_headers(&[("X-Queue", "{queue}")], &[])).unwrap();
    assert_eq!(rung(&mut bench).headers.first("X-Queue"), Some("sales"));
}
