//! What a trusted sender may ask for a call, and what nobody else may.

use crate::bench::{ANNA, Bench, carrier, settings};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::Event;
use holdfast::engine::event::Wishes;
use holdfast::engine::id::SkillId;
use holdfast::engine::skill::Requirement;
use holdfast::sip::core::Note;
use holdfast::sip::message::Method;
use holdfast::sip::settings::{SipSettings, Trunk};
use std::time::Duration;

fn trusting() -> Bench {
    let trunk = Trunk { trusted_headers: true, ..carrier() };
    with_skills(Bench::with(SipSettings { trunks: vec![trunk], ..settings() }))
}

fn with_skills(mut bench: Bench) -> Bench {
    bench.engine.skills = vec!["spanish".into(), "billing".into()];
    bench
}

/// The wishes of a call with these headers.
fn wishes(bench: &mut Bench, headers: &[(&str, &str)]) -> Option<Wishes> {
    let mut caller = Dialler::new();
    let mut invite = caller.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    for (name, value) in headers {
        invite.headers.push(name, *value);
    }
    bench.request(caller.flow, &invite);
    arrived(bench)
}

fn arrived(bench: &mut Bench) -> Option<Wishes> {
    match bench.events.pop_front() {
        Some(Event::CallArrived { wishes, .. }) => wishes.map(|wishes| *wishes),
        other => panic!("the call is taken whatever is wished for, got {other:?}"),
    }
}

fn skill(skill: u32, min: u8) -> Requirement {
    Requirement::Skill { skill: SkillId(skill), min }
}

#[test]
fn a_trusted_trunk_may_wish_for_skills_a_head_start_and_an_agent() {
    let mut bench = trusting();
    let wished = wishes(
        &mut bench,
        &[
            ("X-Holdfast-Requires", "spanish >= 3 and billing"),
            ("x-holdfast-priority", "60"),
            ("X-Holdfast-Agent", "anna"),
        ],
    );
    let expected = Wishes {
        requirement: Some(skill(0, 3).and(skill(1, 1))),
        priority: Some(Duration::from_secs(60)),
        agent: Some(ANNA),
    };
    assert_eq!(wished, Some(expected));
    assert!(bench.notes.is_empty(), "{:?}", bench.notes);
}

#[test]
fn who_wishes_for_nothing_has_no_wishes() {
    assert_eq!(wishes(&mut trusting(), &[]), None);
}

#[test]
fn a_trunk_that_is_not_trusted_with_it_wishes_in_vain() {
    let mut bench = with_skills(Bench::new());
    assert_eq!(wishes(&mut bench, &[("X-Holdfast-Priority", "86400"), ("X-Holdfast-Agent", "%%%")]), None);
    assert_eq!((bench.notes.len(), bench.core.counts().bad_wishes), (0, 0), "nobody even looks");
}

#[test]
fn a_phone_with_a_password_wishes_in_vain_even_from_the_trusted_network() {
    let mut bench = trusting();
    let phone = Phone::new("guest", "203.0.113.50:5060");
    let mut caller = Dialler::at("203.0.113.50:5060", "guest");
    let mut invite = caller.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    invite.headers.push("X-Holdfast-Priority", "86400");
    bench.request(caller.flow, &invite);
    bench.expect_response(100);
    let challenge = bench.expect_response(401);
    caller.send(&mut bench, Method::Ack, Vec::new());
    invite.headers.set("CSeq", "2 INVITE");
    phone.authorize(&mut invite, &challenge, "guest-secret");
    bench.request(caller.flow, &invite);
    assert_eq!(arrived(&mut bench), None);
}

#[test]
fn a_wish_that_cannot_be_read_is_left_out_counted_and_told_with_its_place() {
    let mut bench = trusting();
    let wished = wishes(
        &mut bench,
        &[
            ("X-Holdfast-Requires", "spanish >= 3 and cobol"),
            ("X-Holdfast-Priority", "soon"),
            ("X-Holdfast-Agent", "anna"),
        ],
    );
    assert_eq!(wished, Some(Wishes { agent: Some(ANNA), ..Wishes::default() }), "the others hold");
    assert_eq!(bench.core.counts().bad_wishes, 2);
    let told: Vec<_> = bench.notes.iter().map(Note::to_string).collect();
    assert_eq!(
        told,
        [
            "X-Holdfast-Requires of a call from 203.0.113.7 is ignored: at character 18: unknown skill \"cobol\", got \
             \"spanish >= 3 and cobol\"",
            "X-Holdfast-Priority of a call from 203.0.113.7 is ignored: expected seconds, or a duration such as \
             \"1m30s\", of at most 24 hours, got \"soon\"",
        ]
    );
}

#[test]
fn endless_nested_and_contradictory_wishes_are_left_out() {
    let long = format!("spanish{}", " or billing".repeat(100));
    let deep = format!("{}spanish{}", "(".repeat(200), ")".repeat(200));
    for text in [long.as_str(), deep.as_str(), "", ")", "spanish >= 99"] {
        let mut bench = trusting();
        assert_eq!(wishes(&mut bench, &[("X-Holdfast-Requires", text)]), None, "{text}");
        assert_eq!(bench.core.counts().bad_wishes, 1, "{text}");
    }
    let mut bench = trusting();
    let twice = [("X-Holdfast-Agent", "anna"), ("X-Holdfast-Agent", "bert")];
    assert_eq!(wishes(&mut bench, &twice), None, "neither of two");
    assert_eq!(bench.core.counts().bad_wishes, 1);
}
